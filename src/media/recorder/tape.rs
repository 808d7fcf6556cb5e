//! Files that are recorded one behind the other.

use std::{
    fs::File,
    io::{self, BufWriter},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    matroska::{Block, Matroska, Track},
    names::{Kept, create, file_name},
    tracks::{Lane, Unit},
};
use crate::media::FeedClock;

/// When another file begins, at the next key frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// After this long.
    pub time: Duration,
    /// Or at this many bytes.
    pub bytes: u64,
}

/// What files are to be made of.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) feed: String,
    pub(super) name: String,
    pub(super) folder: PathBuf,
}

/// A file that is being written.
#[derive(Debug)]
pub(super) struct Reel {
    file: Matroska<BufWriter<File>>,
    path: PathBuf,
    began: gst::ClockTime,
    has_sound: bool,
    last_ms: Option<u64>,
}

impl Reel {
    /// Begins a file with this picture, which is a key frame.
    pub(super) fn begin(
        label: &Label,
        kept: Kept,
        picture: &Track,
        sound: Option<&Track>,
        first: &Unit,
        clock: &FeedClock,
    ) -> io::Result<Self> {
        let age = clock.running_time().saturating_sub(first.time);
        let began_ns = unix_ns() - i128::from(age.nseconds());
        let stamp = i64::try_from(began_ns / 1_000_000).unwrap_or_default();
        let (file, path) = create(&label.folder, &file_name(&label.feed, kept, stamp))?;
        let tracks: Vec<Track> = [picture].into_iter().chain(sound).cloned().collect();
        let file = Matroska::begin(BufWriter::new(file), &label.name, began_ns, &tracks)?;
        Ok(Self { file, path, began: first.time, has_sound: sound.is_some(), last_ms: None })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a frame. What is older than the beginning is left out.
    pub(super) fn write(&mut self, unit: &Unit) -> io::Result<()> {
        let Some(after) = unit.time.checked_sub(self.began) else { return Ok(()) };
        let mut time_ms = after.mseconds();
        let track = match unit.lane {
            Lane::Picture => {
                // Two pictures of one moment would be one to a player.
                time_ms = self.last_ms.map_or(time_ms, |last| time_ms.max(last + 1));
                self.last_ms = Some(time_ms);
                1
            }
            Lane::Sound if self.has_sound => 2,
            Lane::Sound => return Ok(()),
        };
        let data = unit.data.map_readable().map_err(|_| io::ErrorKind::InvalidData)?;
        self.file.write(Block { track, time_ms, is_key: unit.is_key, data: &data })?;
        // So that a cut costs no more than what the system has not written yet.
        self.file.flush()
    }

    /// Whether another file is to begin with this key frame.
    pub(super) fn is_full(&self, next: &Unit, rotation: Rotation) -> bool {
        let time = Duration::from(next.time.saturating_sub(self.began));
        time >= rotation.time || self.file.length() >= rotation.bytes
    }

    /// Ends the file in good order, whose last picture is shown for this long.
    pub(super) fn finish(self, last_ms: u64) -> io::Result<PathBuf> {
        let file = self.file.finish(last_ms)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()?;
        Ok(self.path)
    }
}

fn unix_ns() -> i128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i128::try_from(since.as_nanos()).unwrap_or_default()
}
