//! Numbers that are being entered: they count when they have stayed for a moment.

use std::{cell::RefCell, rc::Rc, time::Duration};

use gtk::glib::{self, SourceId};

/// On its way to 2000 an arrow passes ten other numbers, and each would be carried out; some encoders
/// start anew for each.
const STEADY: Duration = Duration::from_millis(300);

/// Waits until nothing changes any more.
#[derive(Debug, Default)]
pub(super) struct Steady(Rc<RefCell<Option<SourceId>>>);

impl Steady {
    /// Something changed; what it leads to is done when nothing else changes for a moment.
    pub(super) fn changed(&self, then: impl FnOnce() + 'static) {
        self.stop();
        let waiting = self.0.clone();
        let id = glib::timeout_add_local_once(STEADY, move || {
            waiting.take();
            then();
        });
        self.0.replace(Some(id));
    }

    /// Waits no more. Whether there was something to wait for.
    pub(super) fn stop(&self) -> bool {
        self.0.take().map(SourceId::remove).is_some()
    }

    /// Whether something is being entered.
    pub(super) fn is_waiting(&self) -> bool {
        self.0.borrow().is_some()
    }
}

impl Drop for Steady {
    fn drop(&mut self) {
        self.stop();
    }
}
