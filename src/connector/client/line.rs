//! What is to be said over a connection that comes and goes.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The way to whoever is connected now; clones are the same way.
///
/// What is said while nobody is connected is lost, as it would be on the wire: of the sessions that
/// it was about, the far end knows nothing when it comes back.
#[derive(Clone, Default)]
pub(in crate::connector) struct Line(Arc<Mutex<Ends>>);

#[derive(Default)]
struct Ends {
    connected: Option<UnboundedSender<String>>,
    last_words: Option<String>,
}

impl Line {
    /// Says something, if anybody is connected.
    pub(in crate::connector) fn say(&self, text: String) {
        if let Some(connected) = &self.lock().connected {
            let _ = connected.send(text);
        }
    }

    /// Somebody is connected: what is to be written to the socket.
    pub(in crate::connector) fn connect(&self) -> UnboundedReceiver<String> {
        let (sender, receiver) = unbounded_channel();
        self.lock().connected = Some(sender);
        receiver
    }

    /// Nobody is any more.
    pub(in crate::connector) fn disconnect(&self) {
        *self.lock() = Ends::default();
    }

    /// This is to be said when we hang up, or the feed is taken away, while the connection is there.
    pub(in crate::connector) fn set_last_words(&self, text: String) {
        self.lock().last_words = Some(text);
    }

    /// What is left to be said, once.
    pub(in crate::connector) fn take_last_words(&self) -> Option<String> {
        self.lock().last_words.take()
    }

    fn lock(&self) -> MutexGuard<'_, Ends> {
        self.0.lock().expect("no holder of this lock should panic")
    }
}
