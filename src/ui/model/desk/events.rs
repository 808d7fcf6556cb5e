//! What the engine tells, brought to the feeds of the window.

use std::{path::Path, time::Instant};

use gtk::{glib, prelude::*, subclass::prelude::*};
use tokio::sync::broadcast::error::RecvError;

use super::{Desk, FeedObject};
use crate::{
    engine::{EngineEvent, FeedEvent, FeedSnapshot},
    i18n::gettext_f,
    media::{AudioState, Kept},
};

impl Desk {
    /// Keeps the feeds true for as long as the desk is there.
    pub(super) fn follow_engine(&self) {
        let mut events = self.engine().subscribe();
        let desk = self.downgrade();
        glib::spawn_future_local(async move {
            loop {
                let event = events.recv().await;
                let Some(desk) = desk.upgrade() else { return };
                match event {
                    Ok(event) => desk.take_event(event),
                    Err(RecvError::Lagged(_)) => desk.take_snapshots(),
                    Err(RecvError::Closed) => return,
                }
            }
        });
    }

    fn take_event(&self, event: EngineEvent) {
        match event {
            EngineEvent::Added { feed } => {
                match self.feed(&feed) {
                    Some(feed) => feed.set_generation(feed.generation() + 1),
                    None => self.welcome(&feed),
                }
                self.look_again(&feed);
            }
            EngineEvent::Feed { feed, event } => {
                if let Some(feed) = self.feed(&feed) {
                    self.take_feed_event(&feed, event);
                }
            }
            EngineEvent::Removed { feed } => {
                self.leave_connectors(&feed);
                self.part_from(&feed);
            }
            EngineEvent::Control { state } => self.take_control(state),
        }
    }

    fn take_feed_event(&self, feed: &FeedObject, event: FeedEvent) {
        match &event {
            // Missing sound stays on the feed's page, but nobody may be looking there.
            FeedEvent::Notice { sentence } | FeedEvent::Audio(AudioState::Missing { sentence }) => {
                self.tell_once(feed, sentence);
            }
            FeedEvent::NotSaved { sentence, .. } => self.tell_of(feed, sentence),
            FeedEvent::Saved { kept, path } => self.tell_saved(feed, *kept, path),
            FeedEvent::Certificate { fingerprint } => self.keep_certificate(feed, *fingerprint),
            FeedEvent::Decider { agent, share } => self.keep_decider(feed, *agent, *share),
            FeedEvent::Element { role, name, value } => self.keep_element(feed, *role, name, value),
            FeedEvent::Offered { feeds } if self.imp().gathers.get() => self.gather(feed, feeds),
            FeedEvent::Connector { connector, state } => self.take_connector(&feed.id(), connector, state.as_ref()),
            _ => {}
        }
        feed.take(event);
    }

    /// What is tried again and again is told when it begins, and not at every trial.
    fn tell_once(&self, feed: &FeedObject, sentence: &str) {
        if self.imp().repeats.borrow_mut().is_news(&feed.id(), sentence, Instant::now()) {
            self.tell_of(feed, sentence);
        }
    }

    fn tell_of(&self, feed: &FeedObject, sentence: &str) {
        // Translators: {feed} is a feed's name, {notice} a sentence about it.
        let title = gettext_f("{feed}: {notice}", &[("feed", &feed.name()), ("notice", sentence)]);
        self.notice(&title, "");
    }

    fn tell_saved(&self, feed: &FeedObject, kept: Kept, path: &Path) {
        let name = [("feed", &*feed.name())];
        let title = match kept {
            Kept::Recording => gettext_f("Recording of “{feed}” saved", &name),
            Kept::Last => gettext_f("Last minute of “{feed}” saved", &name),
            Kept::Snapshot => gettext_f("Picture of “{feed}” saved", &name),
        };
        self.emit_by_name::<()>("saved", &[&title, &path.display().to_string()]);
    }

    /// Some events were missed: what counts is how things are now.
    fn take_snapshots(&self) {
        self.take_control(self.engine().control());
        for snapshot in self.engine().feeds() {
            self.take_snapshot(snapshot);
        }
    }

    /// A feed as it is now.
    pub(super) fn take_snapshot(&self, snapshot: FeedSnapshot) {
        let Some(feed) = self.feed(&snapshot.config.id) else { return };
        self.take_connectors(&feed.id(), &snapshot.connectors);
        feed.take(FeedEvent::State(snapshot.state));
        feed.take(FeedEvent::Viewers { count: snapshot.viewers });
        if let Some(sample) = snapshot.stats {
            feed.take(FeedEvent::Stats(sample));
        }
        feed.take(FeedEvent::Setpoint(snapshot.in_force));
        feed.take(FeedEvent::Recording(snapshot.recording));
        feed.take(FeedEvent::Audio(snapshot.audio));
        if let Some(encoder) = snapshot.encoder {
            feed.take(FeedEvent::Encoder(encoder));
        }
        if let Some(agent) = snapshot.agent {
            feed.take(FeedEvent::Agent(agent));
        }
    }
}
