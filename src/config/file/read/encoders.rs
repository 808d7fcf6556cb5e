//! `[encoders]`: what the operator knows of this machine's encoders.

use std::collections::BTreeMap;

use super::super::fields::Fields;
use crate::config::EncodersConfig;
use crate::i18n::{gettext, gettext_f};

const SESSIONS: &str = "sessions";
const OVERLOAD: &str = "overload";

pub(super) fn read_encoders(top: &Fields<'_>) -> EncodersConfig {
    let Some(item) = top.table.get("encoders") else {
        return EncodersConfig::default();
    };
    let Some(table) = item.as_table_like() else {
        top.refuse("encoders", gettext("write it as [encoders], with its keys below"));
        return EncodersConfig::default();
    };
    let fields = Fields { table, line: top.line_of("encoders"), notes: top.notes };
    fields.refuse_others(&[SESSIONS, OVERLOAD]);
    EncodersConfig { sessions: read_sessions(&fields), overload: fields.parsed(OVERLOAD).unwrap_or_default() }
}

fn read_sessions(fields: &Fields<'_>) -> BTreeMap<String, u32> {
    // Translators: this stands behind "it must be".
    let allowed = gettext("a table in braces, such as { \"nvidia:0\" = 3 }");
    let Some(sessions) = fields.typed(SESSIONS, |item| item.as_inline_table(), &allowed) else {
        return BTreeMap::new();
    };
    let read = sessions.iter().filter_map(|(device, value)| {
        let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| *number <= EncodersConfig::MOST_SESSIONS);
        if number.is_none() {
            let most = EncodersConfig::MOST_SESSIONS.to_string();
            fields.refuse(SESSIONS, gettext_f("each device has a whole number from 0 to {most}", &[("most", &most)]));
        }
        Some((device.to_owned(), number?))
    });
    read.collect()
}
