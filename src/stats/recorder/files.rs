//! The files of a record: one after the other, by size and time, and never half a line.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use chrono::Local;

use crate::config::{FeedId, StatisticsConfig};

/// Something that lines are written to; a file, but for tests.
pub(super) trait Target: Send {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Takes back what stands behind this length.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Target for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// Makes a new file; an error where there is one already.
pub(super) type Open = Box<dyn FnMut(&Path) -> io::Result<Box<dyn Target>> + Send>;

/// Where lines go.
pub(super) struct Files {
    folder: PathBuf,
    feed: FeedId,
    most_bytes: u64,
    longest: Duration,
    open: Open,
    current: Option<Current>,
}

struct Current {
    target: Box<dyn Target>,
    bytes: u64,
    since: Instant,
}

impl Files {
    pub(super) fn new(folder: PathBuf, feed: &FeedId, config: &StatisticsConfig) -> Self {
        Self::by(folder, feed, config, Box::new(open))
    }

    pub(super) fn by(folder: PathBuf, feed: &FeedId, config: &StatisticsConfig, open: Open) -> Self {
        Self {
            folder,
            feed: feed.clone(),
            most_bytes: u64::from(config.csv_file_mb) * 1_000_000,
            longest: Duration::from_secs(60 * u64::from(config.csv_file_minutes)),
            open,
            current: None,
        }
    }

    /// Writes whole lines, to another file where the present one is full, old or missing. After an
    /// error it is another one in any case.
    pub(super) fn append(&mut self, header: &str, lines: &str, now: Instant) -> io::Result<()> {
        let bytes = lines.len() as u64;
        let fits = |current: &Current| {
            current.bytes + bytes <= self.most_bytes && now.duration_since(current.since) < self.longest
        };
        let mut current = match self.current.take().filter(fits) {
            Some(current) => current,
            None => self.begin(header, now)?,
        };
        if let Err(error) = current.target.write(lines.as_bytes()) {
            // Half a line would be read as a whole one. On a full disk cutting works.
            let _ = current.target.cut(current.bytes);
            return Err(error);
        }
        current.bytes += bytes;
        self.current = Some(current);
        Ok(())
    }

    fn begin(&mut self, header: &str, now: Instant) -> io::Result<Current> {
        let stamp = Local::now().format("%Y-%m-%d-%H_%M_%S_%3f");
        let path = self.folder.join(format!("{}_{stamp}.csv", self.feed));
        let mut target = (self.open)(&path)?;
        if let Err(error) = target.write(header.as_bytes()) {
            drop(target);
            // An empty file says nothing, and there would be one for every trial.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(Current { target, bytes: header.len() as u64, since: now })
    }
}

fn open(path: &Path) -> io::Result<Box<dyn Target>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(Box::new(OpenOptions::new().append(true).create_new(true).open(path)?))
}
