//! The thread that keeps: it takes what comes in, and alone touches the disk.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::{
    RecorderEvent, RecorderPlan, Rotation,
    matroska::Track,
    names::Kept,
    ring::{Ring, RingLimits},
    tape::{Label, Reel},
    tracks::{Lane, Unit},
};
use crate::{
    i18n::{gettext, gettext_f},
    media::FeedClock,
};

/// Pause after a file could not be written before the next is tried.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// How long a file's last picture is shown, where nothing tells.
const USUAL_MS: u64 = 33;

/// What the deck is told.
#[derive(Debug)]
pub(super) enum Message {
    Unit(Unit),
    /// The picture is in this form from now on; `None` is one that cannot be recorded.
    Picture(Option<Track>),
    Sound(Option<Track>),
    /// Another stream follows.
    Cut,
    /// Something was left out here, because the deck was busy for too long.
    Gap,
    Record(bool),
    Keep(bool),
    SaveLast,
    End,
}

pub(super) struct Deck {
    label: Label,
    rotation: Rotation,
    limits: RingLimits,
    clock: FeedClock,
    events: UnboundedSender<RecorderEvent>,
    /// Bytes that wait for this thread.
    waiting: Arc<AtomicUsize>,
    picture: Option<Track>,
    sound: Option<Track>,
    is_recording: bool,
    reel: Option<Reel>,
    ring: Option<Ring>,
    /// What comes is of no use before the next key frame.
    awaits_key: bool,
    /// The picture before the last, and the last, to know how long one is shown.
    last: Option<(gst::ClockTime, u64)>,
    /// When a file may be tried again.
    again_at: Option<Instant>,
    told: Told,
}

/// What was told of this recording already: once is enough.
#[derive(Default)]
struct Told {
    /// Files cannot be written.
    failure: bool,
    /// The disk is slow.
    slowness: bool,
}

impl Deck {
    pub(super) fn new(
        plan: RecorderPlan,
        clock: FeedClock,
        events: UnboundedSender<RecorderEvent>,
        waiting: Arc<AtomicUsize>,
    ) -> Self {
        let RecorderPlan { feed, name, folder, rotation, ring } = plan;
        Self {
            label: Label { feed, name, folder },
            rotation,
            limits: ring,
            clock,
            events,
            waiting,
            picture: None,
            sound: None,
            is_recording: false,
            reel: None,
            ring: None,
            awaits_key: true,
            last: None,
            again_at: None,
            told: Told::default(),
        }
    }

    /// Works until it is told to end.
    pub(super) fn run(mut self, mut messages: UnboundedReceiver<Message>) {
        while let Some(message) = messages.blocking_recv() {
            match message {
                Message::Unit(unit) => {
                    self.waiting.fetch_sub(unit.data.size(), Ordering::Relaxed);
                    self.take(unit);
                }
                Message::Picture(track) if track == self.picture => {}
                Message::Picture(track) => {
                    self.cut();
                    self.picture = track;
                }
                Message::Sound(track) => self.take_sound(track),
                Message::Cut => self.cut(),
                Message::Gap => self.gap(),
                Message::Record(is_on) => self.record(is_on),
                Message::Keep(is_on) => self.ring = is_on.then(|| Ring::new(self.limits)),
                Message::SaveLast => self.save_last(),
                Message::End => break,
            }
        }
        self.end_reel();
    }

    fn tell(&self, event: RecorderEvent) {
        let _ = self.events.send(event);
    }

    fn record(&mut self, is_on: bool) {
        self.is_recording = is_on;
        (self.again_at, self.told) = (None, Told::default());
        if !is_on {
            self.end_reel();
        }
    }

    /// What comes now is another stream.
    fn cut(&mut self) {
        self.end_reel();
        if let Some(ring) = &mut self.ring {
            ring.clear();
        }
        (self.picture, self.awaits_key, self.last) = (None, true, None);
    }

    /// Sound that begins after the picture gets into the next file.
    fn take_sound(&mut self, track: Option<Track>) {
        if track.is_some() && self.sound.is_none() && self.reel.is_some() {
            self.end_reel();
        }
        if track.is_some() {
            self.sound = track;
        }
    }

    fn gap(&mut self) {
        self.awaits_key = true;
        if !std::mem::replace(&mut self.told.slowness, true) {
            self.tell(RecorderEvent::TooSlow);
        }
    }

    fn take(&mut self, unit: Unit) {
        if unit.lane == Lane::Picture {
            self.awaits_key &= !unit.is_key;
            if self.awaits_key {
                return;
            }
            let shown = self.last.map_or(USUAL_MS, |(before, _)| unit.time.saturating_sub(before).mseconds());
            self.last = Some((unit.time, shown.clamp(1, 1000)));
        }
        if self.is_recording {
            self.write(&unit);
        }
        if let Some(ring) = &mut self.ring {
            ring.push(unit);
        }
    }

    fn write(&mut self, unit: &Unit) {
        let is_beginning = unit.lane == Lane::Picture && unit.is_key;
        if is_beginning && self.reel.as_ref().is_some_and(|reel| reel.is_full(unit, self.rotation)) {
            self.end_reel();
        }
        if self.reel.is_none() && is_beginning {
            self.begin_reel(unit);
        }
        if let Some(reel) = &mut self.reel
            && let Err(error) = reel.write(unit)
        {
            let path = reel.path().to_owned();
            self.reel = None;
            self.fail(Kept::Recording, &error);
            tracing::warn!("The recording {} ends early.", path.display());
        }
    }

    fn begin_reel(&mut self, unit: &Unit) {
        if self.again_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        let Some(picture) = &self.picture else { return };
        match Reel::begin(&self.label, Kept::Recording, picture, self.sound.as_ref(), unit, &self.clock) {
            Ok(reel) => {
                (self.again_at, self.told.failure) = (None, false);
                self.tell(RecorderEvent::Began(reel.path().to_owned()));
                self.reel = Some(reel);
            }
            Err(error) => self.fail(Kept::Recording, &error),
        }
    }

    fn end_reel(&mut self) {
        let Some(reel) = self.reel.take() else { return };
        match reel.finish(self.last.map_or(USUAL_MS, |(_, shown)| shown)) {
            Ok(path) => self.tell(RecorderEvent::Saved(Kept::Recording, path)),
            Err(error) => self.fail(Kept::Recording, &error),
        }
    }

    /// Told once; it is tried again all the same.
    fn fail(&mut self, kept: Kept, error: &io::Error) {
        self.again_at = Some(Instant::now() + AGAIN_AFTER);
        if kept != Kept::Recording || !std::mem::replace(&mut self.told.failure, true) {
            self.tell(RecorderEvent::Failed(kept, self.sentence(error)));
        }
    }

    fn sentence(&self, error: &io::Error) -> String {
        let folder = self.label.folder.display().to_string();
        if error.kind() == io::ErrorKind::StorageFull {
            return gettext_f("The disk of {folder} is full. Make room there.", &[("folder", &folder)]);
        }
        gettext_f(
            "Nothing can be written in {folder}: {reason}. Choose another folder in the settings, or put that right.",
            &[("folder", &folder), ("reason", &error.to_string())],
        )
    }

    fn save_last(&mut self) {
        let saved = self.write_last();
        match saved {
            Ok(Some(path)) => self.tell(RecorderEvent::Saved(Kept::Last, path)),
            Ok(None) => self.tell(RecorderEvent::Failed(Kept::Last, gettext("Nothing has been kept yet."))),
            Err(error) => self.tell(RecorderEvent::Failed(Kept::Last, self.sentence(&error))),
        }
    }

    fn write_last(&self) -> io::Result<Option<std::path::PathBuf>> {
        let units = self.ring.as_ref().map(Ring::units).unwrap_or_default();
        let (Some(first), Some(picture)) = (units.first(), &self.picture) else { return Ok(None) };
        let mut reel = Reel::begin(&self.label, Kept::Last, picture, self.sound.as_ref(), first, &self.clock)?;
        units.iter().try_for_each(|unit| reel.write(unit))?;
        reel.finish(self.last.map_or(USUAL_MS, |(_, shown)| shown)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use tokio::sync::mpsc::unbounded_channel;

    use super::{
        super::{Intake, MAY_WAIT, matroska::Content},
        *,
    };

    /// A deck with all that is around it.
    struct Bench {
        folder: tempfile::TempDir,
        intake: Intake,
        deck: Deck,
        messages: UnboundedReceiver<Message>,
        events: UnboundedReceiver<RecorderEvent>,
    }

    impl Bench {
        /// It is told to record, and works once it is run.
        fn new(rotation: Rotation) -> Self {
            gst::init().unwrap();
            let folder = tempfile::tempdir().unwrap();
            let (sender, messages) = unbounded_channel();
            let (tell, events) = unbounded_channel();
            let intake = Intake { deck: sender, waiting: Arc::default() };
            let plan = RecorderPlan {
                feed: "bow".to_owned(),
                name: "Bow".to_owned(),
                folder: folder.path().to_owned(),
                rotation,
                ring: RingLimits { time: Duration::from_secs(5), bytes: 1 << 20 },
            };
            let deck = Deck::new(plan, FeedClock::new(), tell, intake.waiting.clone());
            let content = Content::Video { width: 640, height: 360 };
            let picture = Track { codec: "V_VP8", private: Vec::new(), content };
            intake.deck.send(Message::Picture(Some(picture))).unwrap();
            intake.deck.send(Message::Record(true)).unwrap();
            Self { folder, intake, deck, messages, events }
        }

        /// Works off what waits, and ends; what was told, and the files.
        fn finish(mut self) -> (Vec<RecorderEvent>, Vec<Vec<u32>>) {
            self.intake.deck.send(Message::End).unwrap();
            self.deck.run(self.messages);
            let events = std::iter::from_fn(|| self.events.try_recv().ok()).collect();
            (events, files(self.folder.path()).iter().map(|file| frames(file)).collect())
        }
    }

    const INTERVAL_MS: u64 = 100;

    /// A picture that says which it is.
    fn picture(number: u32, is_key: bool, bytes: usize) -> Unit {
        let mut data = format!("<{number}>").into_bytes();
        data.resize(bytes, 0);
        let time = gst::ClockTime::from_mseconds(INTERVAL_MS * u64::from(number));
        Unit { lane: Lane::Picture, time, is_key, data: gst::Buffer::from_slice(data) }
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort_by_key(|file| frames(file));
        files
    }

    /// Which pictures a file holds, in its order.
    fn frames(file: &Path) -> Vec<u32> {
        let bytes = std::fs::read(file).unwrap();
        let number = |rest: &[u8]| {
            let end = rest.iter().take(10).position(|byte| *byte == b'>')?;
            std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
        };
        let marks = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'<');
        marks.filter_map(|(at, _)| number(&bytes[at + 1..])).collect()
    }

    fn saved(events: &[RecorderEvent]) -> usize {
        events.iter().filter(|event| matches!(event, RecorderEvent::Saved(Kept::Recording, _))).count()
    }

    /// With a key frame every half second.
    fn record(rotation: Rotation, pictures: u32, bytes: usize) -> (Vec<RecorderEvent>, Vec<Vec<u32>>) {
        let bench = Bench::new(rotation);
        for number in 0..pictures {
            bench.intake.take(picture(number, number % 5 == 0, bytes));
        }
        bench.finish()
    }

    #[test]
    fn another_file_begins_with_the_key_frame_after_the_time_and_no_picture_is_missing() {
        let (events, files) = record(Rotation { time: Duration::from_millis(1200), bytes: u64::MAX }, 40, 100);
        assert_eq!(files, [(0..15).collect::<Vec<_>>(), (15..30).collect(), (30..40).collect()]);
        assert_eq!(saved(&events), 3, "{events:?}");
    }

    #[test]
    fn another_file_begins_with_the_key_frame_after_so_many_bytes() {
        let (_, files) = record(Rotation { time: Duration::MAX, bytes: 8000 }, 40, 1000);
        assert_eq!(files, [(0..10).collect::<Vec<_>>(), (10..20).collect(), (20..30).collect(), (30..40).collect()]);
    }

    #[test]
    fn what_a_slow_disk_does_not_take_is_left_out_and_it_goes_on_with_a_key_frame() {
        let Bench { folder, intake, deck, messages, mut events } =
            Bench::new(Rotation { time: Duration::MAX, bytes: u64::MAX });
        let large = 1 << 20;
        // Nothing is written meanwhile.
        for number in 0..100 {
            intake.take(picture(number, number % 50 == 0, large));
            assert!(intake.waiting.load(Ordering::Relaxed) <= MAY_WAIT + large, "memory is bounded");
        }
        let working = std::thread::spawn(move || deck.run(messages));
        let end = Instant::now() + Duration::from_secs(30);
        while intake.waiting.load(Ordering::Relaxed) > 0 {
            assert!(Instant::now() < end, "the deck should catch up");
            std::thread::sleep(Duration::from_millis(5));
        }
        for number in 100..105 {
            intake.take(picture(number, number == 102, 100));
        }
        intake.deck.send(Message::End).unwrap();
        working.join().unwrap();

        let fitted = u32::try_from(MAY_WAIT / large).unwrap();
        let kept: Vec<u32> = (0..=fitted).chain(102..105).collect();
        let files = files(folder.path());
        assert_eq!(files.iter().map(|file| frames(file)).collect::<Vec<_>>(), [kept]);
        let told = std::iter::from_fn(|| events.try_recv().ok());
        assert_eq!(told.filter(|event| matches!(event, RecorderEvent::TooSlow)).count(), 1, "it is told once");
    }
}
