//! The connectors that a feed is announced at, which come and go while it runs.

use std::{collections::BTreeMap, sync::Arc};

use super::{super::FeedEvent, Destination, Inner, Worker, drop_aside};
use crate::{
    config::ConnectorId,
    connector::{Announcement, Connector, ConnectorState, Wanted},
};

impl Worker {
    /// Announces the feed at every connector that is for it and does not know it yet.
    pub(super) fn announce(&mut self) {
        let mut fitting = self.fitting();
        fitting.retain(|(_, connector)| !self.is_announced_at(connector));
        for (id, connector) in fitting {
            self.announced += 1;
            let destination = self.open_at(id, connector, self.announced);
            self.destinations.insert(self.announced, destination);
        }
    }

    /// Takes the feed away from connectors that are gone, and announces it at new ones; what goes on
    /// at the others is not touched.
    pub(super) fn connectors_changed(&mut self) {
        let (fitting, is_announced) = (self.fitting(), !self.destinations.is_empty());
        let is_gone =
            |destination: &Destination| !fitting.iter().any(|(_, one)| Arc::ptr_eq(one, &destination.connector));
        let gone: Vec<_> = self.destinations.extract_if(.., |_, destination| is_gone(destination)).collect();
        for (_, Destination { id, connection, outlets, .. }) in gone {
            (self.around.tell)(FeedEvent::Connector { connector: id, state: None });
            let codecs: Vec<_> = outlets.keys().copied().collect();
            // The sessions end before their destination is let go of.
            drop_aside((outlets, connection));
            for codec in codecs {
                self.served_no_more(codec);
            }
        }
        if is_announced {
            self.announce();
            self.offer_codecs();
        }
        self.end_silence();
    }

    /// The connectors that are for this feed.
    fn fitting(&self) -> Vec<(ConnectorId, Arc<dyn Connector>)> {
        // Not marked as seen: what changes from here on is gone through from the beginning.
        let connectors = self.around.connectors.borrow();
        let fitting = connectors.iter().filter(|(_, connector)| connector.is_for(&self.config.id));
        fitting.map(|(id, connector)| (id.clone(), connector.clone())).collect()
    }

    /// How the feed is at the destination of this number.
    pub(super) fn connector_told(&self, place: u64, state: ConnectorState) {
        if let Some(destination) = self.destinations.get(&place) {
            (self.around.tell)(FeedEvent::Connector { connector: destination.id.clone(), state: Some(state) });
        }
    }

    /// The viewer of this session has told what it received.
    pub(super) fn heard(&self, session: &str) {
        for destination in self.destinations.values() {
            destination.connection.heard(session);
        }
    }

    /// Nobody can tell what he received of a feed that sends nothing.
    pub(super) fn excuse_silence(&self) {
        if !self.supervisor.is_live() {
            for session in self.served().flat_map(|served| &served.viewers) {
                self.heard(session);
            }
        }
    }

    /// The feed is announced nowhere any more.
    pub(super) fn withdraw(&mut self) {
        for destination in std::mem::take(&mut self.destinations).into_values() {
            (self.around.tell)(FeedEvent::Connector { connector: destination.id.clone(), state: None });
        }
    }

    fn is_announced_at(&self, connector: &Arc<dyn Connector>) -> bool {
        self.destinations.values().any(|destination| Arc::ptr_eq(&destination.connector, connector))
    }

    fn open_at(&self, connector_id: ConnectorId, connector: Arc<dyn Connector>, place: u64) -> Destination {
        let inner = self.inner.clone();
        // What an earlier opening says comes before the words of the next: the last one holds.
        let demand = Box::new(move |wanted| drop(inner.send(Inner::Demand(place, wanted))));
        let inner = self.inner.clone();
        let tell = Arc::new(move |state| drop(inner.send(Inner::Connector(place, state))));
        let (id, name, needs) = (&self.config.id, self.config.name.as_str(), connector.needs());
        let viewers = needs.viewers;
        let connection = connector.open(Announcement { place: self.around.place, id, name, viewers, demand, tell });
        connection.show(self.state.name(), &self.state.sentence());
        let (wanted, outlets) = (Wanted::new(), BTreeMap::new());
        Destination { id: connector_id, connector, needs, connection, wanted, outlets }
    }
}
