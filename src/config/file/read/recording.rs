//! `[recording]`: what is kept of the feeds, and where.

use super::super::fields::Fields;
use crate::config::RecordingConfig;
use crate::i18n::gettext;

pub(super) fn read_recording(top: &Fields<'_>) -> RecordingConfig {
    let usual = RecordingConfig::default();
    let Some(item) = top.table.get("recording") else {
        return usual;
    };
    let Some(table) = item.as_table_like() else {
        top.refuse("recording", gettext("write it as [recording], with its keys below"));
        return usual;
    };
    let fields = Fields { table, line: top.line_of("recording"), notes: top.notes };
    fields.refuse_others(&["folder", "minutes", "megabytes", "last_seconds"]);
    RecordingConfig {
        folder: fields.path("folder"),
        minutes: fields.number("minutes", &RecordingConfig::MINUTES).unwrap_or(usual.minutes),
        megabytes: fields.number("megabytes", &RecordingConfig::MEGABYTES).unwrap_or(usual.megabytes),
        last_seconds: fields.number("last_seconds", &RecordingConfig::LAST_SECONDS).unwrap_or(usual.last_seconds),
    }
}
