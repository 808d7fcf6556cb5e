//! What files are called.

use std::{
    fs::{File, OpenOptions, create_dir_all},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use gst::glib;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is kept of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// What was sent while it was to be recorded.
    Recording,
    /// What was sent before somebody said that it matters.
    Last,
    /// One picture.
    Snapshot,
}

impl Kept {
    fn word(self) -> &'static str {
        match self {
            Self::Recording => "",
            Self::Last => "-last",
            Self::Snapshot => "-snapshot",
        }
    }

    fn extension(self) -> &'static str {
        if self == Self::Snapshot { "jpg" } else { "mkv" }
    }
}

/// The name of a file of this feed whose first picture is from then: in UTC, by the system's clock,
/// with milliseconds, so that names sort by time across feeds and summer time.
pub(in crate::media) fn file_name(feed: &str, kept: Kept, unix_ms: i64) -> String {
    let time = glib::DateTime::from_unix_utc(unix_ms.div_euclid(1000))
        .and_then(|time| time.format("%Y%m%dT%H%M%S"))
        .map_or_else(|_| unix_ms.to_string(), |time| time.to_string());
    format!("{feed}{}-{time}.{:03}Z.{}", kept.word(), unix_ms.rem_euclid(1000), kept.extension())
}

/// Makes a file of this name, which may get a number; never overwrites one.
pub(in crate::media) fn create(folder: &Path, name: &str) -> io::Result<(File, PathBuf)> {
    create_dir_all(folder)?;
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    for number in 1..1000 {
        let name = if number == 1 { name.to_owned() } else { format!("{stem}-{number}.{extension}") };
        let path = folder.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_which_feed_and_when_and_overwrite_nothing() {
        assert_eq!(file_name("bow", Kept::Recording, 1_700_000_000_042), "bow-20231114T221320.042Z.mkv");
        assert_eq!(file_name("bow", Kept::Last, 0), "bow-last-19700101T000000.000Z.mkv");
        assert_eq!(file_name("bow", Kept::Snapshot, 999), "bow-snapshot-19700101T000000.999Z.jpg");
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("a/b");
        let made = |name: &str| create(&inside, name).unwrap().1;
        assert_eq!(made("x.mkv"), inside.join("x.mkv"));
        assert_eq!(made("x.mkv"), inside.join("x-2.mkv"));
    }
}
