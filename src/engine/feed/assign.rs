//! Which rendition each viewer gets, carried out.
//!
//! Who is to see little gets the camera's second stream where that will do, at no cost, and else
//! the low rendition, which is made while somebody needs it.

use std::time::{Duration, Instant};

use super::{
    super::{FeedEvent, form::Form},
    Worker,
    renditions::LOW_KBPS,
    second::Standing,
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
        self.tell_beside();
        let pinned: Vec<&String> = sessions.iter().filter(|session| self.is_pinned(session)).collect();
        let is_pinned = |session: &str| pinned.iter().any(|pinned| *pinned == session);
        self.assignment.set_viewers(&sessions, is_pinned, Instant::now());
        self.on_low.retain(|session, _| sessions.contains(session));
        self.sees.retain(|session, _| sessions.contains(session));
        self.end_low();
    }

    /// Nobody watches any more.
    pub(super) fn forget_viewers(&mut self) {
        self.assignment = Assignment::default();
        self.on_low.clear();
        self.sees.clear();
    }

    /// Whether a viewer is to get the main rendition whatever its connection carries.
    pub(super) fn is_pinned(&self, session: &str) -> bool {
        let name = self.destinations.values().find_map(|destination| destination.connection.viewer_name(session));
        name.is_some_and(|name| self.config.pinned_viewers.contains(&name))
    }

    /// Moves whoever is better off with another rendition.
    pub(super) fn assign(&mut self, now: Instant) {
        let may_have_low = self.low_at.is_none_or(|at| at <= now);
        let low_kbps = Some(self.low_kbps()).filter(|_| may_have_low && self.ingest.is_some());
        if let Some(full_kbps) = self.full_kbps() {
            for (session, assigned) in self.assignment.moves(Offer { full_kbps, low_kbps }, now) {
                tracing::info!(feed = %self.config.id, %session, to = ?assigned, "A viewer is moved.");
                match assigned {
                    Assigned::Full => self.show_full(&session, now),
                    Assigned::Low => drop(self.on_low.insert(session, None)),
                }
            }
        }
        self.serve_low(now);
    }

    /// What those who see little are sent, or would be, in kbit/s.
    fn low_kbps(&self) -> f64 {
        let second = self.second.kbps().filter(|_| self.low_uses(RenditionRole::Sub));
        second.or_else(|| self.sent_kbps(Form::low(self.config.codec))).unwrap_or(LOW_KBPS.into())
    }

    fn show_full(&mut self, session: &str, now: Instant) {
        let Some(codec) = self.serves(session).map(|served| served.codec) else { return };
        self.make_main(codec, now);
        if let Some(served) = self.serves(session) {
            served.outlet.show_connected(session);
        }
        // What it sees is what everybody gets by now, or still: nothing will be told to change.
        if self.sees.get(session).is_none_or(|seen| *seen == self.sent_role(codec)) {
            self.on_low.remove(session);
        }
    }

    /// What everybody of this codec is sent.
    fn sent_role(&self, codec: Codec) -> RenditionRole {
        self.camera.role_in(codec).unwrap_or(RenditionRole::Main)
    }

    /// Whether somebody is to see little.
    pub(super) fn are_some_low(&self) -> bool {
        self.assignment.count(Assigned::Low) > 0
    }

    /// Whether some of those who see little see this rendition, or are about to.
    pub(super) fn low_uses(&self, rendition: RenditionRole) -> bool {
        self.on_low.keys().any(|session| self.uses(session, rendition))
    }

    /// Whether a viewer sees this rendition, or is about to, because it is to see little.
    fn uses(&self, session: &str, rendition: RenditionRole) -> bool {
        let given = self.on_low.get(session).copied().flatten();
        given == Some(rendition) || self.sees.get(session) == Some(&rendition)
    }

    /// Whether a viewer is to see little, and does.
    pub(super) fn sees_little(&self, session: &str) -> bool {
        let given = self.on_low.get(session).copied().flatten();
        self.assignment.of(session) == Some(Assigned::Low)
            && given.is_some()
            && given == self.sees.get(session).copied()
    }

    /// Gives everybody who is to see little the best that there is for them now.
    pub(super) fn serve_low(&mut self, now: Instant) {
        if !self.are_some_low() {
            return;
        }
        let second = self.second_for_slow(now);
        let is_meant = |session: &&String| self.assignment.of(session) == Some(Assigned::Low);
        let sessions: Vec<String> = self.on_low.keys().filter(is_meant).cloned().collect();
        for session in sessions {
            let Some(codec) = self.serves(&session).map(|served| served.codec) else { continue };
            match &second {
                Standing::Suits(stream) if stream.codec() == codec => self.give(&session, stream),
                Standing::Awaited if codec == self.config.codec => {}
                _ => self.encode_low(&session, codec, now),
            }
        }
    }

    /// Shows a viewer this, unless that was done already.
    fn give(&mut self, session: &str, stream: &EncodedStream) {
        if self.on_low.get(session) == Some(&Some(stream.role())) {
            return;
        }
        if let Some(served) = self.serves(session) {
            served.outlet.show(session, stream);
        }
        self.on_low.insert(session.to_owned(), Some(stream.role()));
    }

    /// Shows a viewer the low rendition, which is made if there is none.
    fn encode_low(&mut self, session: &str, codec: Codec, now: Instant) {
        let low = Form::low(codec);
        if !self.encodings.contains_key(&low) {
            match self.encode(low) {
                Ok(encoding) => {
                    tracing::info!(feed = %self.config.id, "A low rendition is made.");
                    self.put_to_work(low, encoding);
                }
                Err(fault) => {
                    tracing::warn!(feed = %self.config.id, "There is no low rendition: {fault}");
                    self.low_at = Some(now + LOW_AGAIN_AFTER);
                    return self.take_back_low(now);
                }
            }
        }
        if let Some(stream) = self.encodings.get(&low).map(|low| low.rendition.stream().clone()) {
            self.give(session, &stream);
        }
    }

    /// There is nothing for who is to see little: they get what everybody gets.
    fn take_back_low(&mut self, now: Instant) {
        self.assignment.take_back(Assigned::Low, now);
        let sessions: Vec<String> = self.on_low.keys().cloned().collect();
        for session in sessions {
            self.show_full(&session, now);
        }
    }

    /// Everybody who is to see the low rendition in its codec sees this one.
    pub(super) fn show_low(&self, low: &EncodedStream) {
        let given = self.on_low.iter().filter(|(_, given)| **given == Some(RenditionRole::Low));
        for (session, _) in given {
            if let Some(served) = self.serves(session).filter(|served| served.codec == low.codec()) {
                served.outlet.show(session, low);
            }
        }
    }

    /// A viewer sees this rendition from now on.
    pub(super) fn shown(&mut self, session: &str, rendition: RenditionRole) {
        tracing::debug!(feed = %self.config.id, session, %rendition, "a viewer sees another rendition");
        self.sees.insert(session.to_owned(), rendition);
        let is_meant = self.assignment.of(session) == Some(Assigned::Full);
        let sent = self.serves(session).map(|served| self.sent_role(served.codec));
        if is_meant && sent == Some(rendition) {
            self.on_low.remove(session);
        }
        self.end_low();
    }

    /// Ends low renditions that nobody sees any more.
    fn end_low(&mut self) {
        let users = self.on_low.keys().filter(|session| self.uses(session, RenditionRole::Low));
        let seen: Vec<Codec> = users.filter_map(|session| Some(self.serves(session)?.codec)).collect();
        let is_unseen = |form: &&Form| form.role == RenditionRole::Low && !seen.contains(&form.codec);
        let unseen: Vec<Form> = self.encodings.keys().filter(is_unseen).copied().collect();
        for form in unseen {
            tracing::info!(feed = %self.config.id, "Nobody needs the low rendition any more.");
            self.end_encoding(form);
        }
    }
}
