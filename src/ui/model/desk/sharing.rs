//! Bitrate that is shared out among the feeds: what there is, who gets what, and who is looked at.

use gtk::{
    glib::{self, prelude::*},
    subclass::prelude::*,
};

use super::{Desk, FeedObject};
use crate::{
    config::{Attention, ControlConfig, FeedId},
    control::ControlState,
    engine::FeedCommand,
};

impl Desk {
    /// How bitrate is shared out now.
    pub fn control(&self) -> ControlState {
        self.imp().control.borrow().clone()
    }

    /// Shares bitrate out like this, from now on and after the next start of the program.
    pub fn set_control(&self, control: ControlConfig) {
        self.keep_control(control);
        if let Err(error) = self.engine().configure_control(control) {
            self.notice(&error.to_string(), "");
        }
    }

    /// Calls back whenever bitrate is shared out otherwise.
    pub fn connect_shared(&self, show: impl Fn() + 'static) -> glib::SignalHandlerId {
        self.connect_closure("shared", false, glib::closure_local!(move |_: Self| show()))
    }

    /// This feed is shown large from now on, and no other.
    pub fn look_at(&self, feed: Option<&FeedObject>) {
        let id = feed.map(FeedObject::id);
        let before = self.imp().looked_at.replace(id.clone());
        if before != id {
            for (feed, on) in [(before, false), (id, true)] {
                self.attend(feed.as_ref(), on);
            }
        }
    }

    /// A feed that began anew is looked at as it was.
    pub(super) fn look_again(&self, feed: &FeedId) {
        let looked_at = self.imp().looked_at.borrow().clone();
        self.attend(looked_at.as_ref().filter(|looked_at| *looked_at == feed), true);
    }

    fn attend(&self, feed: Option<&FeedId>, on: bool) {
        let Some(feed) = feed else { return };
        // A feed that is not there yet is looked at when it comes; one that is gone need not be told.
        let _ = self.engine().command(feed, FeedCommand::Attend { attention: Attention::Enlarged, on });
    }

    pub(super) fn take_control(&self, state: ControlState) {
        self.keep_control(state.config);
        self.imp().control.replace(state);
        let state = self.control();
        for feed in self.all_feeds() {
            feed.take_share(state.of(&feed.id()));
        }
        self.emit_by_name::<()>("shared", &[]);
    }

    fn keep_control(&self, control: ControlConfig) {
        let before = std::mem::replace(&mut self.imp().config.borrow_mut().control, control);
        if before != control {
            self.save();
        }
    }
}
