//! Feeds of other programs, brought to the window.

use gtk::{glib, prelude::*, subclass::prelude::*};
use tokio::sync::broadcast::error::RecvError;

use super::{Desk, FeedObject};
use crate::{
    config::FeedId,
    engine::FeedEvent,
    i18n::gettext_f,
    station::watch::{Watch, WatchEvent},
};

impl Desk {
    /// Watches whom the settings name.
    pub(super) fn open_watch(&self) {
        let watch = self.parts().station.watch(&self.imp().config.borrow());
        let mut events = watch.subscribe();
        watch.tell_again();
        self.imp().watch.replace(Some(watch));
        let desk = self.downgrade();
        glib::spawn_future_local(async move {
            loop {
                let event = events.recv().await;
                let Some(desk) = desk.upgrade() else { return };
                match event {
                    Ok(event) => desk.take_watch_event(event),
                    Err(RecvError::Lagged(_)) => desk.imp().watch.borrow().iter().for_each(Watch::tell_again),
                    Err(RecvError::Closed) => return,
                }
            }
        });
    }

    fn take_watch_event(&self, event: WatchEvent) {
        match event {
            WatchEvent::State { feed: id, state } => match self.remote_feed(&id) {
                Some(feed) => feed.take_elsewhere(&state),
                None => self.remote_feeds().append(&FeedObject::elsewhere(&id, &state)),
            },
            WatchEvent::Sample { feed, sample } => {
                if let Some(feed) = self.remote_feed(&feed) {
                    feed.take(FeedEvent::Stats(sample));
                }
            }
            WatchEvent::Gone { feed } => {
                if let Some(position) = self.remote_feed(&feed).and_then(|feed| self.remote_feeds().find(&feed)) {
                    self.remote_feeds().remove(position);
                }
            }
            WatchEvent::Notice { feed: Some(feed), sentence } => {
                let name = self.remote_feed(&feed).map_or_else(|| feed.to_string(), |feed| feed.name());
                // Translators: {feed} is a feed's name, {notice} a sentence about it.
                let title = gettext_f("{feed}: {notice}", &[("feed", &name), ("notice", &sentence)]);
                self.notice(&title, "");
            }
            WatchEvent::Notice { feed: None, sentence } => self.notice(&sentence, ""),
            WatchEvent::Link { .. } => {}
        }
    }

    fn remote_feed(&self, id: &FeedId) -> Option<FeedObject> {
        self.remote_feeds().iter::<FeedObject>().filter_map(Result::ok).find(|feed| feed.id() == *id)
    }

    /// Writes a remote feed's statistics to files, or no more.
    pub(super) fn record_remote(&self, feed: &FeedId, on: bool) {
        if let Some(watch) = &*self.imp().watch.borrow() {
            watch.record(feed, on);
        }
    }

    /// Ends the files, and says goodbye to the brokers.
    pub(super) async fn shut_watch(&self) {
        let watch = self.imp().watch.take();
        if let Some(watch) = watch {
            let _ = self.parts().runtime.spawn(watch.stop()).await;
        }
    }
}
