//! Writes a feed's samples to CSV files, on a thread of its own.
//!
//! Whoever samples never waits for a disk: what cannot be written at once is left out, and a disk that
//! is full or gone is told once, tried again every few seconds, and told again when it is well.

mod files;
mod table;

use std::{
    io,
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    thread,
    time::{Duration, Instant},
};

pub use table::{FULL_COLUMNS, GSTWEBRTCAPP_COLUMNS};

use self::{files::Files, table::Table};
use super::FeedSample;
use crate::{
    config::{FeedId, StatisticsConfig},
    i18n::gettext_f,
};

/// Samples that may wait for the disk: six seconds of them at the highest rate.
const WAITING: usize = 64;
/// How often what was recorded is written.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// How often a disk that failed is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Records one feed until it is dropped.
#[derive(Debug)]
pub struct Recorder {
    samples: SyncSender<FeedSample>,
    left_out: u64,
}

/// Takes sentences for people: the disk is full, or well again.
pub type Tell = Box<dyn Fn(String) + Send>;

impl Recorder {
    /// Begins a record of this feed.
    pub fn start(feed: &FeedId, config: &StatisticsConfig, tell: Tell) -> Self {
        let files = Files::new(config.folder(), feed, config);
        let writer = Writer {
            feed: feed.clone(),
            folder: config.folder(),
            table: Table::new(config.csv_profile),
            files,
            text: String::new(),
            failed_at: None,
            tell,
        };
        let (samples, received) = sync_channel(WAITING);
        let name = format!("csv {feed}").chars().take(15).collect();
        if let Err(error) = thread::Builder::new().name(name).spawn(move || writer.run(&received)) {
            tracing::warn!(%feed, "Statistics are not recorded: {error}");
        }
        Self { samples, left_out: 0 }
    }

    /// Records a sample, or leaves it out where the disk does not keep up.
    pub fn record(&mut self, sample: &FeedSample) {
        if let Err(TrySendError::Full(_)) = self.samples.try_send(sample.clone()) {
            self.left_out += 1;
            if self.left_out.is_power_of_two() {
                tracing::warn!("The disk does not keep up: {} samples were not recorded.", self.left_out);
            }
        }
    }
}

/// What runs on the thread.
struct Writer {
    feed: FeedId,
    folder: PathBuf,
    table: Table,
    files: Files,
    /// Lines that are not written yet.
    text: String,
    /// When the disk failed last; `None` while it is well.
    failed_at: Option<Instant>,
    tell: Tell,
}

impl Writer {
    fn run(mut self, samples: &Receiver<FeedSample>) {
        let mut written_at = Instant::now();
        loop {
            let wait = WRITE_EVERY.saturating_sub(written_at.elapsed());
            match samples.recv_timeout(wait) {
                Ok(sample) => self.take(&sample),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if written_at.elapsed() >= WRITE_EVERY {
                self.write(Instant::now());
                written_at = Instant::now();
            }
        }
        self.write(Instant::now());
    }

    /// While the disk fails nothing is kept: what is left out is a gap in the record.
    fn take(&mut self, sample: &FeedSample) {
        self.table.add(sample, &mut self.text);
        if self.failed_at.is_some() {
            self.text.clear();
        }
    }

    fn write(&mut self, now: Instant) {
        if let Some(failed_at) = self.failed_at {
            if now.duration_since(failed_at) >= AGAIN_AFTER {
                self.try_again(now);
            }
            return;
        }
        if self.text.is_empty() {
            return;
        }
        let result = self.files.append(self.table.header(), &self.text, now);
        self.text.clear();
        if let Err(error) = result {
            self.failed_at = Some(now);
            (self.tell)(self.failure(&error));
        }
    }

    /// A file is begun, with nothing but its header.
    fn try_again(&mut self, now: Instant) {
        match self.files.append(self.table.header(), "", now) {
            Ok(()) => {
                self.failed_at = None;
                (self.tell)(gettext_f(
                    "Its statistics are recorded again, in {folder}.",
                    &[("folder", &self.folder.display().to_string())],
                ));
            }
            Err(error) => {
                self.failed_at = Some(now);
                tracing::debug!(feed = %self.feed, "Statistics still cannot be recorded: {error}");
            }
        }
    }

    fn failure(&self, error: &io::Error) -> String {
        let folder = self.folder.display().to_string();
        if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return gettext_f(
                "The disk is full: its statistics are not recorded. Make room in {folder}; recording goes on by itself.",
                &[("folder", &folder)],
            );
        }
        gettext_f(
            // Translators: {reason} is what the system said, such as "Permission denied".
            "Its statistics cannot be recorded in {folder}: {reason}. Mend that, or set another csv_folder; recording goes on by itself.",
            &[("folder", &folder), ("reason", &error.to_string())],
        )
    }
}

#[cfg(test)]
mod tests;
