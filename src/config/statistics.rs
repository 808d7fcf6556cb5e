//! How often figures are taken, and how they are recorded.

use std::{env, ops::RangeInclusive, path::PathBuf, time::Duration};

use super::keyed::keyed_enum;

/// The settings of `[statistics]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatisticsConfig {
    /// Samples that are taken of each feed in a second, within [`Self::SAMPLES_PER_SECOND`].
    pub samples_per_second: u32,
    /// Where records are written; `None` is [`Self::folder`]'s usual place.
    pub csv_folder: Option<PathBuf>,
    /// Which columns they have.
    pub csv_profile: CsvProfile,
    /// The size at which another file is begun, in megabytes, within [`Self::CSV_FILE_MB`].
    pub csv_file_mb: u32,
    /// The time after which another file is begun, in minutes, within [`Self::CSV_FILE_MINUTES`].
    pub csv_file_minutes: u32,
}

keyed_enum! {
    /// Which columns a record has.
    CsvProfile {
        /// All that is known, a line per viewer and sample.
        #[default]
        Full = "full",
        /// Those of `GstWebRTCApp`'s recorder, a line per viewer and receiver report.
        GstWebRtcApp = "gstwebrtcapp",
    }
}

impl StatisticsConfig {
    /// What [`Self::samples_per_second`] may be.
    pub const SAMPLES_PER_SECOND: RangeInclusive<u32> = 1..=10;
    /// What [`Self::csv_file_mb`] may be.
    pub const CSV_FILE_MB: RangeInclusive<u32> = 1..=1000;
    /// What [`Self::csv_file_minutes`] may be.
    pub const CSV_FILE_MINUTES: RangeInclusive<u32> = 1..=1440;

    /// The time from one sample to the next.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(1) / self.samples_per_second.max(1)
    }

    /// Where records are written: as the operator says, or in `$XDG_STATE_HOME/heliograph/statistics`,
    /// by default under `~/.local/state` (XDG Base Directory Specification 0.8).
    pub fn folder(&self) -> PathBuf {
        let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        self.csv_folder.clone().unwrap_or_else(|| {
            absolute("XDG_STATE_HOME")
                .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
                .unwrap_or_else(env::temp_dir)
                .join("heliograph/statistics")
        })
    }
}

impl Default for StatisticsConfig {
    fn default() -> Self {
        Self {
            samples_per_second: 2,
            csv_folder: None,
            csv_profile: CsvProfile::default(),
            csv_file_mb: 64,
            csv_file_minutes: 60,
        }
    }
}
