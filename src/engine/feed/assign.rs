//! Which rendition each viewer gets, carried out: the low one is made while somebody needs it.

use std::time::{Duration, Instant};

use super::{
    super::{FeedEvent, form::Form},
    Worker,
    renditions::LOW_KBPS,
};
use crate::{
    config::{Codec, RenditionRole},
    control::{Assigned, Assignment, Offer},
    media::EncodedStream,
};

/// Pause before a low rendition that could not be made is tried again.
const LOW_AGAIN_AFTER: Duration = Duration::from_secs(5);

impl Worker {
    /// Viewers came or went.
    pub(super) fn viewers_changed(&mut self) {
        let sessions: Vec<String> = self.served().flat_map(|served| served.viewers.clone()).collect();
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
        let low_kbps = self.sent_kbps(Form::low(self.config.codec)).unwrap_or(LOW_KBPS.into());
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
        if let Some(served) = self.serves(session) {
            served.outlet.show_connected(session);
        }
    }

    /// Shows a viewer the low rendition, which is made if there is none.
    fn begin_low(&mut self, session: &str, now: Instant) {
        let Some(low) = self.serves(session).map(|served| Form::low(served.codec)) else { return };
        if !self.encodings.contains_key(&low) {
            match self.encode(low) {
                Ok(encoding) => {
                    tracing::info!(feed = %self.config.id, "A low rendition is made.");
                    self.put_to_work(low, encoding);
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
        if let (Some(served), Some(encoding)) = (self.serves(session), self.encodings.get(&low)) {
            served.outlet.show(session, encoding.rendition.stream());
        }
    }

    /// Everybody who is to see the low rendition in its codec sees this one.
    pub(super) fn show_low(&self, low: &EncodedStream) {
        for session in &self.on_low {
            if let Some(served) = self.serves(session).filter(|served| served.codec == low.codec()) {
                served.outlet.show(session, low);
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

    /// Ends low renditions that nobody sees any more.
    fn end_low(&mut self) {
        let seen: Vec<Codec> = self.on_low.iter().filter_map(|session| Some(self.serves(session)?.codec)).collect();
        let is_unseen = |form: &&Form| form.role == RenditionRole::Low && !seen.contains(&form.codec);
        let unseen: Vec<Form> = self.encodings.keys().filter(is_unseen).copied().collect();
        for form in unseen {
            tracing::info!(feed = %self.config.id, "Nobody needs the low rendition any more.");
            self.end_encoding(form);
        }
    }
}
