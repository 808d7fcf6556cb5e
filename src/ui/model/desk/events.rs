//! What the engine tells, brought to the feeds of the window.

use gtk::{glib, prelude::*};
use tokio::sync::broadcast::error::RecvError;

use super::Desk;
use crate::engine::{EngineEvent, FeedEvent};

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
                if let Some(feed) = self.feed(&feed) {
                    feed.set_generation(feed.generation() + 1);
                }
            }
            EngineEvent::Feed { feed, event } => {
                if let Some(feed) = self.feed(&feed) {
                    feed.take(event);
                }
            }
            // The desk asked for it and has taken it off its list.
            EngineEvent::Removed { .. } => {}
        }
    }

    /// Some events were missed: what counts is how things are now.
    fn take_snapshots(&self) {
        for snapshot in self.engine().feeds() {
            if let Some(feed) = self.feed(&snapshot.config.id) {
                feed.take(FeedEvent::State(snapshot.state));
                feed.take(FeedEvent::Viewers { count: snapshot.viewers });
                feed.take(FeedEvent::Stats(snapshot.stats));
            }
        }
    }
}
