//! Which rendition each viewer gets, carried out: the low one is made while somebody needs it.

use std::time::{Duration, Instant};

use super::{super::FeedEvent, Worker, drop_aside, renditions::LOW_KBPS};
use crate::{
    config::RenditionRole,
    control::{Assigned, Assignment, Offer},
    media::{EncodedStream, Outlet},
};

/// Pause before a low rendition that could not be made is tried again.
const LOW_AGAIN_AFTER: Duration = Duration::from_secs(5);

impl Worker {
    /// Viewers came or went.
    pub(super) fn viewers_changed(&mut self) {
        let sessions: Vec<String> =
            self.destinations.iter().flat_map(|destination| destination.viewers.clone()).collect();
        let count = sessions.len();
        self.supervisor.set_watched(count > 0);
        (self.around.tell)(FeedEvent::Viewers { count });
        let pinned: Vec<&String> = sessions.iter().filter(|session| self.is_pinned(session)).collect();
        let is_pinned = |session: &str| pinned.iter().any(|pinned| *pinned == session);
        self.assignment.set_viewers(&sessions, is_pinned, Instant::now());
        self.on_low.retain(|session| sessions.contains(session));
        self.end_low();
    }

    /// Nobody watches any more.
    pub(super) fn forget_viewers(&mut self) {
        self.assignment = Assignment::default();
        self.on_low.clear();
    }

    /// Whether a viewer is to get the main rendition whatever its connection carries.
    fn is_pinned(&self, session: &str) -> bool {
        let name = self.destinations.iter().find_map(|destination| destination.connection.viewer_name(session));
        name.is_some_and(|name| self.config.pinned_viewers.contains(&name))
    }

    /// Moves whoever is better off with another rendition.
    pub(super) fn assign(&mut self, now: Instant) {
        let may_have_low = self.low_at.is_none_or(|at| at <= now);
        let low_kbps = self.sent_kbps(RenditionRole::Low).unwrap_or(LOW_KBPS.into());
        let low_kbps = Some(low_kbps).filter(|_| may_have_low && self.ingest.is_some());
        let Some(full_kbps) = self.full_kbps() else { return };
        let offer = Offer { full_kbps, low_kbps };
        for (session, assigned) in self.assignment.moves(offer, now) {
            tracing::info!(feed = %self.config.id, %session, to = ?assigned, "A viewer is moved.");
            match assigned {
                Assigned::Full => self.show_full(&session),
                Assigned::Low => self.begin_low(&session, now),
            }
        }
    }

    fn show_full(&self, session: &str) {
        if let Some(outlet) = self.outlet_of(session) {
            outlet.show_connected(session);
        }
    }

    /// Shows a viewer the low rendition, which is made if there is none.
    fn begin_low(&mut self, session: &str, now: Instant) {
        if !self.encodings.contains_key(&RenditionRole::Low) {
            match self.encode(RenditionRole::Low) {
                Ok(encoding) => {
                    tracing::info!(feed = %self.config.id, "A low rendition is made.");
                    self.put_to_work(RenditionRole::Low, encoding);
                }
                Err(fault) => {
                    tracing::warn!(feed = %self.config.id, "There is no low rendition: {fault}");
                    self.low_at = Some(now + LOW_AGAIN_AFTER);
                    self.assignment.take_back(Assigned::Low, now);
                    return;
                }
            }
        }
        self.on_low.insert(session.to_owned());
        if let (Some(outlet), Some(low)) = (self.outlet_of(session), self.encodings.get(&RenditionRole::Low)) {
            outlet.show(session, low.rendition.stream());
        }
    }

    /// Everybody who is to see the low rendition sees this one.
    pub(super) fn show_low(&self, low: &EncodedStream) {
        for session in &self.on_low {
            if let Some(outlet) = self.outlet_of(session) {
                outlet.show(session, low);
            }
        }
    }

    /// A viewer sees this rendition from now on.
    pub(super) fn shown(&mut self, session: &str, rendition: RenditionRole) {
        tracing::debug!(feed = %self.config.id, session, %rendition, "a viewer sees another rendition");
        let is_meant = self.assignment.of(session) == Some(Assigned::Full);
        if rendition != RenditionRole::Low && is_meant {
            self.on_low.remove(session);
            self.end_low();
        }
    }

    /// Ends the low rendition when nobody sees it any more.
    fn end_low(&mut self) {
        if !self.on_low.is_empty() {
            return;
        }
        if let Some(low) = self.encodings.remove(&RenditionRole::Low) {
            self.encode_at.remove(&RenditionRole::Low);
            self.around.encoders.release(&self.holder(RenditionRole::Low));
            tracing::info!(feed = %self.config.id, "Nobody needs the low rendition any more.");
            drop_aside(low.rendition);
            self.decode_as_needed();
        }
    }

    fn outlet_of(&self, session: &str) -> Option<&Outlet> {
        let has = |viewers: &[String]| viewers.iter().any(|viewer| viewer == session);
        self.destinations.iter().find(|destination| has(&destination.viewers))?.outlet.as_ref()
    }
}
