//! The connectors that a feed is announced at, which come and go while it runs.

use std::{collections::BTreeMap, sync::Arc};

use super::{Destination, Inner, Worker, drop_aside};
use crate::connector::{Connector, Wanted};

impl Worker {
    /// Announces the feed at every connector that is for it and does not know it yet.
    pub(super) fn announce(&mut self) {
        let fitting: Vec<_> = self.fitting().into_iter().filter(|connector| !self.is_announced_at(connector)).collect();
        for connector in fitting {
            self.announced += 1;
            let destination = self.open_at(connector, self.announced);
            self.destinations.insert(self.announced, destination);
        }
    }

    /// Takes the feed away from connectors that are gone, and announces it at new ones; what goes on
    /// at the others is not touched.
    pub(super) fn connectors_changed(&mut self) {
        let (fitting, is_announced) = (self.fitting(), !self.destinations.is_empty());
        let is_gone = |destination: &Destination| !fitting.iter().any(|one| Arc::ptr_eq(one, &destination.connector));
        let gone: Vec<_> = self.destinations.extract_if(.., |_, destination| is_gone(destination)).collect();
        for (_, Destination { connection, outlets, .. }) in gone {
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
    }

    /// The connectors that are for this feed.
    fn fitting(&mut self) -> Vec<Arc<dyn Connector>> {
        let connectors = self.around.connectors.borrow_and_update();
        connectors.values().filter(|connector| connector.is_for(&self.config.id)).cloned().collect()
    }

    fn is_announced_at(&self, connector: &Arc<dyn Connector>) -> bool {
        self.destinations.values().any(|destination| Arc::ptr_eq(&destination.connector, connector))
    }

    fn open_at(&self, connector: Arc<dyn Connector>, place: u64) -> Destination {
        let inner = self.inner.clone();
        // What an earlier opening says comes before the words of the next: the last one holds.
        let demand = Box::new(move |wanted| drop(inner.send(Inner::Demand(place, wanted))));
        let connection = connector.open(self.around.place, &self.config.id, &self.config.name, demand);
        connection.show(self.state.name(), &self.state.sentence());
        Destination { connector, connection, wanted: Wanted::new(), outlets: BTreeMap::new() }
    }
}
