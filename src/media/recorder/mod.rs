//! Keeps what a feed sends: recordings, and the last minute, as they are, without encoding anew.
//!
//! ```text
//! main rendition ─► Tap ─► parser ─┐ bounded, never waits    ┌─► Tape ─► files (Matroska)
//! sound ─────────► Tap ────────────┴────────────────► Deck ──┴─► Ring ─► a file on command
//! ```
//!
//! A tap is a pipeline of its own behind the stream, so nothing here holds the viewers' stream up. The
//! deck is a thread of its own that alone touches the disk; what comes while a slow disk keeps it
//! busy waits in bounded memory, and is left out once that is full. A gap goes on with a key frame.

mod deck;
mod matroska;
mod names;
mod ring;
mod tap;
mod tape;
mod tracks;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use gst_utils::StreamProducer;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use self::{
    deck::{Deck, Message},
    tap::Tap,
    tracks::Unit,
};
use super::{EncodedStream, FeedClock, MediaError};

pub use names::Kept;
pub(super) use names::{create, file_name};
pub use ring::RingLimits;
pub use tape::Rotation;

/// What may wait for the disk, in bytes: ten seconds of 25 Mbit/s.
const MAY_WAIT: usize = 32 << 20;
/// How long files may take to be ended.
const END_WITHIN: Duration = Duration::from_secs(1);

/// What is kept, and where.
#[derive(Clone, Debug)]
pub struct RecorderPlan {
    /// What files are called after.
    pub feed: String,
    /// What people call the feed.
    pub name: String,
    /// Where files go; it is made where there is none.
    pub folder: PathBuf,
    /// When another file begins.
    pub rotation: Rotation,
    /// How much is kept for being saved later.
    pub ring: RingLimits,
}

/// What a recorder has to tell.
#[derive(Clone, Debug)]
pub enum RecorderEvent {
    /// This file is being recorded from now on.
    Began(PathBuf),
    /// A file is complete.
    Saved(Kept, PathBuf),
    /// Something cannot be kept, for this reason. A recording goes on when it can.
    Failed(Kept, String),
    /// The disk is too slow: frames were left out.
    TooSlow,
}

/// A feed's recorder. Dropping it ends its files.
#[derive(Debug)]
pub struct Recorder {
    deck: UnboundedSender<Message>,
    intake: Intake,
    clock: FeedClock,
    picture: Option<Tap>,
    sound: Option<Tap>,
    ended: std::sync::mpsc::Receiver<()>,
}

/// The way to the deck for what is recorded.
#[derive(Clone, Debug)]
struct Intake {
    deck: UnboundedSender<Message>,
    waiting: Arc<AtomicUsize>,
}

impl Intake {
    /// Hands a frame over, or leaves it out.
    fn take(&self, unit: Unit) {
        let length = unit.data.size();
        if self.waiting.fetch_add(length, Ordering::Relaxed) > MAY_WAIT {
            self.waiting.fetch_sub(length, Ordering::Relaxed);
            let _ = self.deck.send(Message::Gap);
        } else {
            let _ = self.deck.send(Message::Unit(unit));
        }
    }
}

impl Recorder {
    /// A recorder that keeps nothing yet.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn new(plan: RecorderPlan, clock: &FeedClock, events: UnboundedSender<RecorderEvent>) -> std::io::Result<Self> {
        let (deck, messages) = unbounded_channel();
        let intake = Intake { deck: deck.clone(), waiting: Arc::default() };
        let (over, ended) = std::sync::mpsc::channel();
        let at_deck = Deck::new(plan, clock.clone(), events, intake.waiting.clone());
        std::thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            at_deck.run(messages);
            let _ = over.send(());
        })?;
        Ok(Self { deck, intake, clock: clock.clone(), picture: None, sound: None, ended })
    }

    /// Keeps this stream and this sound from now on; another stream begins another file.
    ///
    /// # Errors
    /// An element is missing, or a pipeline does not start.
    pub fn follow(&mut self, stream: Option<&EncodedStream>, sound: Option<&StreamProducer>) -> Result<(), MediaError> {
        if self.sound.as_ref().map(Tap::producer) != sound {
            self.sound = None;
            let _ = self.deck.send(Message::Sound(None));
            self.sound = sound.map(|sound| Tap::sound(sound, &self.clock, self.intake.clone())).transpose()?;
        }
        if self.picture.as_ref().map(Tap::producer) != stream.map(EncodedStream::producer) {
            self.picture = None;
            let _ = self.deck.send(Message::Cut);
            self.picture = stream.map(|stream| Tap::picture(stream, &self.clock, self.intake.clone())).transpose()?;
        }
        Ok(())
    }

    /// Records into files from the next key frame on, or ends that.
    pub fn set_recording(&self, is_on: bool) {
        let _ = self.deck.send(Message::Record(is_on));
    }

    /// Keeps the last of the stream in memory, or forgets it.
    pub fn set_keeping(&self, is_on: bool) {
        let _ = self.deck.send(Message::Keep(is_on));
    }

    /// Writes what is kept in memory to a file.
    pub fn save_last(&self) {
        let _ = self.deck.send(Message::SaveLast);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        (self.picture, self.sound) = (None, None);
        let _ = self.deck.send(Message::End);
        if self.ended.recv_timeout(END_WITHIN).is_err() {
            tracing::warn!("A recording is still being written; it is left to itself.");
        }
    }
}
