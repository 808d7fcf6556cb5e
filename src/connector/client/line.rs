//! What is to be said over a connection that comes and goes.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;

/// The way to whoever is connected now; clones are the same way.
///
/// What is said while nobody is connected is lost, as it would be on the wire: of the sessions that
/// it was about, the far end knows nothing when it comes back.
#[derive(Clone, Default)]
pub(in crate::connector) struct Line(Arc<Mutex<Ends>>);

#[derive(Default)]
struct Ends {
    connected: Option<UnboundedSender<Frame>>,
    last_words: Option<Frame>,
}

/// What is said at once: most services take texts.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::connector) enum Frame {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<String> for Frame {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Frame {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Frame> for Message {
    fn from(frame: Frame) -> Self {
        match frame {
            Frame::Text(text) => Self::Text(text.into()),
            Frame::Bytes(bytes) => Self::Binary(bytes.into()),
        }
    }
}

impl Frame {
    /// The text, where it is one.
    pub(in crate::connector) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bytes(_) => None,
        }
    }
}

impl Line {
    /// Says something, if anybody is connected.
    pub(in crate::connector) fn say(&self, words: impl Into<Frame>) {
        if let Some(connected) = &self.lock().connected {
            let _ = connected.send(words.into());
        }
    }

    /// Somebody is connected: what is to be written to the socket.
    pub(in crate::connector) fn connect(&self) -> UnboundedReceiver<Frame> {
        let (sender, receiver) = unbounded_channel();
        self.lock().connected = Some(sender);
        receiver
    }

    /// Nobody is any more.
    pub(in crate::connector) fn disconnect(&self) {
        *self.lock() = Ends::default();
    }

    /// This is to be said when we hang up, or the feed is taken away, while the connection is there.
    pub(in crate::connector) fn set_last_words(&self, words: impl Into<Frame>) {
        self.lock().last_words = Some(words.into());
    }

    /// What is left to be said, once.
    pub(in crate::connector) fn take_last_words(&self) -> Option<Frame> {
        self.lock().last_words.take()
    }

    fn lock(&self) -> MutexGuard<'_, Ends> {
        self.0.lock().expect("no holder of this lock should panic")
    }
}
