//! Feeds of other programs, brought to the window.

use std::time::Instant;

use gtk::{glib, prelude::*, subclass::prelude::*};
use tokio::sync::broadcast::error::RecvError;

use super::{Desk, FeedObject};
use crate::{
    config::{FeedId, PasswordSource, WatchConfig},
    engine::FeedEvent,
    i18n::gettext_f,
    mqtt::LinkState,
    station::watch::{Watch, WatchEvent, Watched},
    ui::model::{DescribedWatch, PlaceWords},
};

/// A broker that was removed, as long as that can be undone.
#[derive(Debug)]
pub struct RemovedWatch {
    position: usize,
    config: WatchConfig,
}

impl Desk {
    /// Whose feeds are watched, in the order of the settings file.
    pub fn watched(&self) -> Vec<WatchConfig> {
        self.imp().config.borrow().watch.clone()
    }

    /// How it is at a broker that is watched.
    pub fn broker_words(&self, config: &WatchConfig) -> PlaceWords {
        let known = self.imp().at_brokers.borrow();
        let state = known.iter().find(|(watched, _, _)| watched == config);
        PlaceWords::broker(state.map(|(_, state, since)| (state.clone(), since.elapsed())).as_ref())
    }

    /// Watches a broker in `old`'s place, or beside the others, from now on and after the next start of the
    /// program. Its password is kept in the keyring.
    pub fn set_watched(&self, old: Option<&WatchConfig>, described: DescribedWatch) {
        let DescribedWatch { config, password } = described;
        let is_same_place = old == Some(&config);
        if let Some(password) = &password {
            self.with_password(&FeedId::of_watched(&config.broker), password);
        }
        if is_same_place && password.is_some() {
            // The settings say the same of another password: whoever has the old one leaves.
            let mut without = Watched::from(&*self.imp().config.borrow());
            without.watch.retain(|known| *known != config);
            self.imp().watch.borrow().iter().for_each(|watch| watch.change(without.clone()));
        }
        self.change_watched(|watched| match watched.iter_mut().find(|known| Some(&**known) == old) {
            Some(known) => *known = config,
            None => watched.push(config),
        });
        self.forget_secrets(old.iter().flat_map(|old| kept_password(old)).collect());
    }

    /// Watches a broker no more. Follow with [`Self::undo_remove_watched`] or [`Self::forget_watched`].
    pub fn remove_watched(&self, config: &WatchConfig) -> Option<RemovedWatch> {
        let position = self.watched().iter().position(|known| known == config)?;
        self.change_watched(|watched| drop(watched.remove(position)));
        self.imp().leaving_secrets.borrow_mut().extend(kept_password(config));
        Some(RemovedWatch { position, config: config.clone() })
    }

    /// Watches it again, where it was in the list.
    pub fn undo_remove_watched(&self, removed: RemovedWatch) {
        let RemovedWatch { position, config } = removed;
        self.secrets_stay(&kept_password(&config));
        if !self.watched().contains(&config) {
            self.change_watched(|watched| watched.insert(position.min(watched.len()), config));
        }
    }

    /// A broker stays away: its password is forgotten.
    pub fn forget_watched(&self, removed: &RemovedWatch) {
        self.forget_secrets(kept_password(&removed.config));
    }

    fn change_watched(&self, change: impl FnOnce(&mut Vec<WatchConfig>)) {
        change(&mut self.imp().config.borrow_mut().watch);
        self.save();
        let watched = Watched::from(&*self.imp().config.borrow());
        self.imp().watch.borrow().iter().for_each(|watch| watch.change(watched.clone()));
        let wanted = self.watched();
        self.imp().at_brokers.borrow_mut().retain(|(known, _, _)| wanted.contains(known));
        self.tell_elsewhere();
    }

    fn take_link(&self, watched: &WatchConfig, state: LinkState) {
        if !self.imp().config.borrow().watch.contains(watched) {
            return;
        }
        let mut known = self.imp().at_brokers.borrow_mut();
        match known.iter_mut().find(|(config, _, _)| config == watched) {
            Some((_, before, _)) if *before == state => {}
            Some(known) => (known.1, known.2) = (state, Instant::now()),
            None => known.push((watched.clone(), state, Instant::now())),
        }
        drop(known);
        self.tell_elsewhere();
    }

    pub(super) fn waits_for_brokers(&self) -> bool {
        let known = self.imp().at_brokers.borrow();
        known.iter().any(|(_, state, _)| matches!(state, LinkState::Down { .. }))
    }

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
            WatchEvent::Link { watched, state } => self.take_link(&watched, state),
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

/// The name under which the keyring has a broker's password.
fn kept_password(config: &WatchConfig) -> Vec<FeedId> {
    let is_kept = config.broker.password == PasswordSource::Keyring;
    is_kept.then(|| FeedId::of_watched(&config.broker)).into_iter().collect()
}
