//! What is kept of a feed: recordings, the last minute, snapshots.
//!
//! Whoever keeps the feed counts as watching. The recorder is given whatever everybody is sent, and
//! begins another file with another stream.

use std::{
    path::PathBuf,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use gst::glib;
use tokio::task::{block_in_place, spawn_blocking};

use super::{
    super::{FeedEvent, RecordingState, form::Form},
    Inner, Worker, drop_aside,
    viewers::forward,
};
use crate::{
    config::RecordingConfig,
    i18n::{gettext, gettext_f},
    media::{
        EncodedStream, FileRotation, Kept, MediaError, Recorder, RecorderEvent, RecorderPlan, RingLimits, take_snapshot,
    },
};

/// How long a picture of a feed that does not run may take.
const SNAPSHOT_WITHIN: Duration = Duration::from_secs(20);
/// The most bytes that are kept for being saved: a minute of 8 Mbit/s.
const LAST_BYTES: usize = 64 << 20;

/// What is asked to be kept, and what does it.
#[derive(Default)]
pub(super) struct Keeping {
    recorder: Option<Recorder>,
    /// Which recorder this is, of all that the feed has had.
    number: u64,
    since: Option<f64>,
    file: Option<PathBuf>,
    keeps_last: bool,
    /// When pictures were asked for that are still to be taken.
    asked: Vec<Instant>,
    /// Pictures that are being taken.
    taking: usize,
}

impl Keeping {
    /// Whether the feed has to run.
    pub(super) fn is_on(&self) -> bool {
        self.since.is_some() || self.keeps_last || self.needs_pictures()
    }

    /// Whether decoded pictures are wanted.
    pub(super) fn needs_pictures(&self) -> bool {
        !self.asked.is_empty() || self.taking > 0
    }
}

/// The folder of the settings, or the usual one.
fn folder(config: &RecordingConfig) -> PathBuf {
    let videos = || glib::user_special_dir(glib::UserDirectory::Videos).map(|videos| videos.join("Heliograph"));
    config.folder.clone().or_else(videos).unwrap_or_else(|| glib::user_data_dir().join("heliograph/recordings"))
}

impl Worker {
    pub(super) fn set_recording(&mut self, is_on: bool) {
        if self.keeping.since.is_some() == is_on {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        self.keeping.since = is_on.then_some(now);
        self.keep(Kept::Recording);
        if let Some(recorder) = &self.keeping.recorder {
            recorder.set_recording(is_on);
        }
        self.end_recorder();
        self.tell_recording();
    }

    pub(super) fn set_keeping_last(&mut self, is_on: bool) {
        if self.keeping.keeps_last == is_on {
            return;
        }
        self.keeping.keeps_last = is_on;
        self.keep(Kept::Last);
        if let Some(recorder) = &self.keeping.recorder {
            recorder.set_keeping(is_on);
        }
        self.end_recorder();
        self.tell_recording();
    }

    pub(super) fn save_last(&mut self) {
        match &self.keeping.recorder {
            Some(recorder) if self.keeping.keeps_last => recorder.save_last(),
            _ => self.not_saved(Kept::Last, gettext("The last minute is not being kept. Switch that on first.")),
        }
    }

    /// A picture is taken as soon as there is one.
    pub(super) fn ask_for_snapshot(&mut self) {
        self.keeping.asked.push(Instant::now());
        self.wake();
        self.decode_as_needed();
        self.look_after_keeping(Instant::now());
    }

    /// Hands the recorder what is sent now, and takes the pictures that were asked for.
    pub(super) fn look_after_keeping(&mut self, now: Instant) {
        let stream = self.main_stream().cloned();
        let sound = self.sound.own().cloned();
        if let Some(recorder) = &mut self.keeping.recorder
            && let Err(error) = block_in_place(|| recorder.follow(stream.as_ref(), sound.as_ref()))
        {
            self.give_up(&error);
        }
        self.take_snapshots(now);
    }

    pub(super) fn recorder_event(&mut self, number: u64, event: RecorderEvent) {
        match event {
            // Files of an earlier one are as good, but none is being written any more.
            RecorderEvent::Began(_) if number != self.keeping.number => {}
            RecorderEvent::Began(path) => {
                self.keeping.file = Some(path);
                self.tell_recording();
            }
            RecorderEvent::Saved(kept, path) => self.saved(kept, path),
            RecorderEvent::Failed(kept, sentence) => self.not_saved(kept, sentence),
            RecorderEvent::TooSlow => self.notice(gettext("The disk is too slow: parts of the recording are missing.")),
        }
    }

    pub(super) fn snapshot_taken(&mut self, result: Result<PathBuf, String>) {
        self.keeping.taking = self.keeping.taking.saturating_sub(1);
        self.decode_as_needed();
        match result {
            Ok(path) => self.saved(Kept::Snapshot, path),
            Err(sentence) => self.not_saved(Kept::Snapshot, sentence),
        }
    }

    /// What everybody is sent who can take the feed's codec.
    fn main_stream(&self) -> Option<&EncodedStream> {
        let codec = self.config.codec;
        let encoded = self.encodings.get(&Form::main(codec)).map(|main| main.rendition.stream());
        self.camera_stream_in(codec).or(encoded)
    }

    /// Begins to keep, where something is to be kept and nothing is yet.
    fn keep(&mut self, kept: Kept) {
        if !self.keeping.is_on() || self.keeping.recorder.is_some() {
            return;
        }
        self.keeping.number += 1;
        let number = self.keeping.number;
        let config = &self.around.recording;
        let plan = RecorderPlan {
            feed: self.config.id.to_string(),
            name: self.config.name.clone(),
            folder: folder(config),
            rotation: FileRotation {
                time: Duration::from_secs(u64::from(config.minutes) * 60),
                bytes: u64::from(config.megabytes) * 1_000_000,
            },
            ring: RingLimits { time: Duration::from_secs(config.last_seconds.into()), bytes: LAST_BYTES },
        };
        let events = forward(self.inner.clone(), move |event| Inner::Recorder(number, event));
        match Recorder::new(plan, &self.clock, events) {
            Ok(recorder) => self.keeping.recorder = Some(recorder),
            Err(error) => self.not_saved(kept, error.to_string()),
        }
        self.wake();
        self.look_after_keeping(Instant::now());
    }

    /// Ends the recorder once nothing is to be kept. What it still has to say is heard.
    fn end_recorder(&mut self) {
        if self.keeping.since.is_none()
            && !self.keeping.keeps_last
            && let Some(recorder) = self.keeping.recorder.take()
        {
            drop_aside(recorder);
        }
        if self.keeping.since.is_none() {
            self.keeping.file = None;
        }
    }

    fn give_up(&mut self, error: &MediaError) {
        (self.keeping.since, self.keeping.keeps_last) = (None, false);
        self.end_recorder();
        self.not_saved(Kept::Recording, error.to_string());
        self.tell_recording();
    }

    fn take_snapshots(&mut self, now: Instant) {
        if let Some(ingest) = self.ingest.as_ref().filter(|_| self.picture.is_some()) {
            for _ in self.keeping.asked.drain(..) {
                self.keeping.taking += 1;
                let (frames, clock, inner) = (ingest.frames().clone(), self.clock.clone(), self.inner.clone());
                let (feed, folder) = (self.config.id.to_string(), folder(&self.around.recording));
                spawn_blocking(move || {
                    let _ = inner.send(Inner::Snapshot(take_snapshot(&feed, &folder, &frames, &clock)));
                });
            }
            return;
        }
        let before = self.keeping.asked.len();
        self.keeping.asked.retain(|asked| now.duration_since(*asked) < SNAPSHOT_WITHIN);
        if self.keeping.asked.len() < before {
            let sentence = gettext_f("There is no picture of “{feed}” to be saved.", &[("feed", &self.config.name)]);
            self.not_saved(Kept::Snapshot, sentence);
        }
    }

    fn saved(&self, kept: Kept, path: PathBuf) {
        tracing::info!(feed = %self.config.id, path = %path.display(), "Saved.");
        (self.around.tell)(FeedEvent::Saved { kept, path });
    }

    fn not_saved(&self, kept: Kept, sentence: String) {
        (self.around.tell)(FeedEvent::NotSaved { kept, sentence });
    }

    fn tell_recording(&self) {
        let Keeping { since, ref file, keeps_last, .. } = self.keeping;
        (self.around.tell)(FeedEvent::Recording(RecordingState { since, file: file.clone(), keeps_last }));
    }
}
