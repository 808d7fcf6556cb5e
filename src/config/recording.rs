//! What is kept of the feeds, and where.

use std::{ops::RangeInclusive, path::PathBuf};

/// The settings of `[recording]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingConfig {
    /// Where files go; `None` is the folder for videos, or where there is none, for the user's data.
    pub folder: Option<PathBuf>,
    /// Another file begins after so many minutes, within [`Self::MINUTES`].
    pub minutes: u32,
    /// Or at so many megabytes, within [`Self::MEGABYTES`].
    pub megabytes: u32,
    /// How many of the last seconds are kept for being saved, within [`Self::LAST_SECONDS`].
    pub last_seconds: u32,
}

impl RecordingConfig {
    /// Up to a day.
    pub const MINUTES: RangeInclusive<u32> = 1..=1440;
    /// Up to 100 GB.
    pub const MEGABYTES: RangeInclusive<u32> = 10..=100_000;
    /// What is kept lies in memory.
    pub const LAST_SECONDS: RangeInclusive<u32> = 5..=600;
}

impl Default for RecordingConfig {
    fn default() -> Self {
        Self { folder: None, minutes: 60, megabytes: 2000, last_seconds: 60 }
    }
}
