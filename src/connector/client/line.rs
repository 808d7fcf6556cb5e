//! What is to be said over a connection that comes and goes.

use std::sync::{Arc, Mutex};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The way to whoever is connected now; clones are the same way.
///
/// What is said while nobody is connected is lost, as it would be on the wire: of the sessions that
/// it was about, the far end knows nothing when it comes back.
#[derive(Clone, Debug, Default)]
pub(in crate::connector) struct Line(Arc<Mutex<Option<UnboundedSender<String>>>>);

impl Line {
    /// Says something, if anybody is connected.
    pub(in crate::connector) fn say(&self, text: String) {
        if let Some(connected) = &*self.0.lock().expect("no holder of this lock should panic") {
            let _ = connected.send(text);
        }
    }

    /// Somebody is connected: what is to be written to the socket.
    pub(in crate::connector) fn connect(&self) -> UnboundedReceiver<String> {
        let (sender, receiver) = unbounded_channel();
        *self.0.lock().expect("no holder of this lock should panic") = Some(sender);
        receiver
    }

    /// Nobody is any more.
    pub(in crate::connector) fn disconnect(&self) {
        *self.0.lock().expect("no holder of this lock should panic") = None;
    }
}
