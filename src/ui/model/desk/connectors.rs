//! Where feeds go beside the page of this program: asked for, changed, and how it is there.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use gtk::{
    glib::{self, prelude::*},
    subclass::prelude::*,
};

use super::Desk;
use crate::{
    config::{ConnectorConfig, ConnectorId, FeedId, IceServers, PasswordSource},
    connector::{ConnectorState, SetUp},
    ui::model::{DescribedConnector, PlaceWords},
};

/// A connector that was removed, as long as that can be undone.
#[derive(Debug)]
pub struct RemovedConnector {
    position: usize,
    config: ConnectorConfig,
}

impl Desk {
    /// What is asked for, in the order of the settings file.
    pub fn connectors(&self) -> Vec<ConnectorConfig> {
        self.imp().config.borrow().connectors.clone()
    }

    /// How it is at one of them.
    pub fn connector_words(&self, config: &ConnectorConfig) -> PlaceWords {
        PlaceWords::connector(config, &self.feeds_at(&config.id))
    }

    /// How each feed is there, by its name, and since when.
    pub fn feeds_at(&self, connector: &ConnectorId) -> Vec<(String, ConnectorState, Duration)> {
        let named = |(feed, state, since): (_, _, Instant)| (self.name_of(&feed), state, since.elapsed());
        self.at_connector(connector).into_iter().map(named).collect()
    }

    /// How long the steps of each feed's connection there took, by the feed's name; of those that are connected.
    pub fn set_ups(&self, connector: &ConnectorId) -> Vec<(String, SetUp)> {
        let set_up = |(feed, state, _)| match state {
            ConnectorState::Ready { set_up } => Some((self.name_of(&feed), set_up)),
            _ => None,
        };
        self.at_connector(connector).into_iter().filter_map(set_up).collect()
    }

    fn at_connector(&self, connector: &ConnectorId) -> Vec<(FeedId, ConnectorState, Instant)> {
        let states = self.imp().at_connectors.borrow();
        let there = states.iter().filter(|((id, _), _)| id == connector);
        there.map(|((_, feed), (state, since))| (feed.clone(), state.clone(), *since)).collect()
    }

    fn name_of(&self, feed: &FeedId) -> String {
        self.feed(feed).map_or_else(|| feed.to_string(), |feed| feed.name())
    }

    /// Adds a connector, or makes the one of this name what is described, from now on and after the next
    /// start of the program. Its secrets are kept in the keyring.
    pub fn set_connector(&self, described: DescribedConnector) {
        let DescribedConnector { config, secrets } = described;
        for (key, secret) in &secrets {
            self.with_password(&FeedId::of_connector(&config.id, key), secret);
        }
        let id = config.id.clone();
        let mut before = None;
        let mut is_same = false;
        self.change_connectors(|connectors| match connectors.iter_mut().find(|known| known.id == config.id) {
            Some(known) => {
                is_same = *known == config;
                before = Some(std::mem::replace(known, config));
            }
            None => connectors.push(config),
        });
        // What it had and needs no more.
        self.forget_secrets(before.iter().flat_map(kept_secrets).collect());
        // The settings say the same of another secret.
        if is_same && !secrets.is_empty() {
            self.parts().station.reconnect(&id);
        }
    }

    /// Uses a connector, or keeps it for later.
    pub fn enable_connector(&self, id: &ConnectorId, on: bool) {
        if self.connectors().iter().any(|known| known.id == *id && known.enabled != on) {
            self.change_connectors(|connectors| {
                connectors.iter_mut().filter(|known| known.id == *id).for_each(|known| known.enabled = on);
            });
        }
    }

    /// Takes a connector away. Follow with [`Self::undo_remove_connector`] or [`Self::forget_connector`].
    pub fn remove_connector(&self, id: &ConnectorId) -> Option<RemovedConnector> {
        let position = self.connectors().iter().position(|known| known.id == *id)?;
        let mut removed = None;
        self.change_connectors(|connectors| removed = Some(connectors.remove(position)));
        let config = removed?;
        self.imp().leaving_secrets.borrow_mut().extend(kept_secrets(&config));
        Some(RemovedConnector { position, config })
    }

    /// Brings a removed connector back to where it was; one of its name that came meanwhile stays.
    pub fn undo_remove_connector(&self, removed: RemovedConnector) {
        let RemovedConnector { position, config } = removed;
        self.secrets_stay(&kept_secrets(&config));
        if self.connectors().iter().all(|known| known.id != config.id) {
            self.change_connectors(|connectors| connectors.insert(position.min(connectors.len()), config));
        }
    }

    /// A removed connector stays away: its secrets are forgotten.
    pub fn forget_connector(&self, removed: &RemovedConnector) {
        self.forget_secrets(kept_secrets(&removed.config));
    }

    fn change_connectors(&self, change: impl FnOnce(&mut Vec<ConnectorConfig>)) {
        change(&mut self.imp().config.borrow_mut().connectors);
        self.save();
        self.parts().station.connect(&self.connectors());
        self.tell_elsewhere();
    }

    pub(super) fn take_connector(&self, feed: &FeedId, connector: &ConnectorId, state: Option<&ConnectorState>) {
        let key = (connector.clone(), feed.clone());
        match state {
            Some(state) => drop(self.imp().at_connectors.borrow_mut().insert(key, (state.clone(), Instant::now()))),
            None => drop(self.imp().at_connectors.borrow_mut().remove(&key)),
        }
        self.tell_elsewhere();
    }

    /// How a feed is everywhere; some of that may have been missed.
    pub(super) fn take_connectors(&self, feed: &FeedId, states: &BTreeMap<ConnectorId, ConnectorState>) {
        let mut known = self.imp().at_connectors.borrow_mut();
        known.retain(|(connector, other), (state, _)| other != feed || states.get(connector) == Some(state));
        for (connector, state) in states {
            known.entry((connector.clone(), feed.clone())).or_insert_with(|| (state.clone(), Instant::now()));
        }
        drop(known);
        self.tell_elsewhere();
    }

    /// A feed is gone, from everywhere.
    pub(super) fn leave_connectors(&self, feed: &FeedId) {
        self.imp().at_connectors.borrow_mut().retain(|(_, other), _| other != feed);
        self.tell_elsewhere();
    }

    /// A second has passed: waits are counted down.
    pub(super) fn tick_elsewhere(&self) {
        let waits = |state: &ConnectorState| matches!(state, ConnectorState::Backoff { .. });
        if self.imp().at_connectors.borrow().values().any(|(state, _)| waits(state)) || self.waits_for_brokers() {
            self.tell_elsewhere();
        }
    }

    pub(super) fn tell_elsewhere(&self) {
        self.emit_by_name::<()>("elsewhere", &[]);
    }

    /// Calls back whenever it is otherwise at connectors or brokers, or they are others.
    pub fn connect_elsewhere(&self, show: impl Fn() + 'static) -> glib::SignalHandlerId {
        self.connect_closure("elsewhere", false, glib::closure_local!(move |_: Self| show()))
    }

    /// These secrets are in use again.
    pub(super) fn secrets_stay(&self, names: &[FeedId]) {
        self.imp().leaving_secrets.borrow_mut().retain(|name| !names.contains(name));
    }

    /// Forgets secrets, but for those that are in use again.
    pub(super) fn forget_secrets(&self, names: Vec<FeedId>) {
        self.secrets_stay(&names);
        let in_use = self.secrets_in_use();
        let secrets = self.parts().station.secrets.clone();
        let forget = async move {
            for name in names.into_iter().filter(|name| !in_use.contains(name)) {
                if let Err(error) = secrets.remove(&name).await {
                    tracing::warn!("What was kept for “{name}” may still be in the keyring: {error}");
                }
            }
        };
        self.then(forget, |_, ()| {});
    }

    fn secrets_in_use(&self) -> Vec<FeedId> {
        let config = self.imp().config.borrow();
        let of_brokers = config.watch.iter().map(|watched| FeedId::of_watched(&watched.broker));
        config.connectors.iter().flat_map(kept_secrets).chain(of_brokers).collect()
    }

    /// Forgets what could still have been undone.
    pub(super) async fn forget_leaving_secrets(&self) {
        let (names, in_use) = (self.imp().leaving_secrets.take(), self.secrets_in_use());
        let parts = self.parts();
        let secrets = parts.station.secrets.clone();
        let forgetting = parts.runtime.spawn(async move {
            for name in names.into_iter().filter(|name| !in_use.contains(name)) {
                let _ = secrets.remove(&name).await;
            }
        });
        let _ = forgetting.await;
    }
}

/// The names under which the keyring has a connector's secrets.
fn kept_secrets(config: &ConnectorConfig) -> Vec<FeedId> {
    let kept = config.secrets.iter().filter(|(_, source)| **source == PasswordSource::Keyring);
    let of_turn = Some(IceServers::PASSWORD).filter(|_| config.transport.ice.password == PasswordSource::Keyring);
    kept.map(|(key, _)| *key).chain(of_turn).map(|key| FeedId::of_connector(&config.id, key)).collect()
}
