//! `[statistics]`: how often figures are taken, and how they are recorded.

use super::super::fields::Fields;
use crate::config::StatisticsConfig;
use crate::i18n::gettext;

const SAMPLES_PER_SECOND: &str = "samples_per_second";
const CSV_FOLDER: &str = "csv_folder";
const CSV_PROFILE: &str = "csv_profile";
const CSV_FILE_MB: &str = "csv_file_mb";
const CSV_FILE_MINUTES: &str = "csv_file_minutes";

pub(super) fn read_statistics(top: &Fields<'_>) -> StatisticsConfig {
    let default = StatisticsConfig::default();
    let Some(item) = top.table.get("statistics") else {
        return default;
    };
    let Some(table) = item.as_table_like() else {
        top.refuse("statistics", gettext("write it as [statistics], with its keys below"));
        return default;
    };
    let fields = Fields { table, line: top.line_of("statistics"), notes: top.notes };
    fields.refuse_others(&[SAMPLES_PER_SECOND, CSV_FOLDER, CSV_PROFILE, CSV_FILE_MB, CSV_FILE_MINUTES]);
    let number = |key, range, default| fields.number(key, range).unwrap_or(default);
    StatisticsConfig {
        samples_per_second: number(
            SAMPLES_PER_SECOND,
            &StatisticsConfig::SAMPLES_PER_SECOND,
            default.samples_per_second,
        ),
        csv_folder: fields.path(CSV_FOLDER),
        csv_profile: fields.parsed(CSV_PROFILE).unwrap_or_default(),
        csv_file_mb: number(CSV_FILE_MB, &StatisticsConfig::CSV_FILE_MB, default.csv_file_mb),
        csv_file_minutes: number(CSV_FILE_MINUTES, &StatisticsConfig::CSV_FILE_MINUTES, default.csv_file_minutes),
    }
}
