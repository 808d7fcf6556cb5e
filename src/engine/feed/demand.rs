//! Nothing runs that nobody watches: when a feed rests, and what wakes it.
//!
//! A feed that rests stays announced, and its outlets stay built: a session can be asked for and
//! begins while the camera is still being called. Only a feed that is live rests. One in trouble
//! goes on trying, so that the operator hears of it before somebody wants to watch.

use std::{collections::BTreeSet, time::Instant};

use super::{super::supervisor::Input, Worker, drop_aside};
use crate::{config::Codec, connector::Wanted, media::MediaFault};

impl Worker {
    /// What viewers want who watch or wait at a destination.
    pub(super) fn demanded(&mut self, place: u64, wanted: Wanted) {
        let Some(destination) = self.destinations.get_mut(&place) else { return };
        destination.wanted = wanted;
        if !destination.wanted.is_empty() {
            self.wake();
        }
        self.meet_demand();
        self.keep_main(Instant::now());
    }

    fn is_watched(&self) -> bool {
        let by_viewers = self.destinations.values().any(|place| !place.wanted.is_empty())
            || self.served().any(|served| !served.viewers.is_empty());
        by_viewers || !self.previews.is_empty() || self.keeping.is_on()
    }

    /// Starts a feed that rests.
    pub(super) fn wake(&mut self) {
        if self.supervisor.is_resting() {
            self.start();
        }
    }

    /// Looks whether nobody has watched for long enough.
    pub(super) fn rest_when_due(&mut self, now: Instant) {
        let is_idle = !self.config.keep_warm && self.supervisor.is_live() && !self.is_watched();
        if !is_idle || self.reopen_at.is_some() {
            self.idle_since = None;
            return;
        }
        let since = *self.idle_since.get_or_insert(now);
        if now.duration_since(since) >= self.around.linger {
            self.rest();
        }
    }

    /// Hangs up, and ends whatever encodes.
    fn rest(&mut self) {
        self.idle_since = None;
        self.input(Input::Rest);
        for served in self.served_mut() {
            served.outlet.rest();
        }
        self.forget_viewers();
        self.hang_up_second();
        self.encode_at.clear();
        let (encodings, sound) = (std::mem::take(&mut self.encodings), std::mem::take(&mut self.sound));
        for form in encodings.keys() {
            self.around.encoders.release(&self.holder(*form));
        }
        drop_aside((encodings, sound));
    }

    /// Gives the outlets of a feed that rests their stream again. Where they sent the camera's as it
    /// is, they are given that when it comes: it is what it was until something else is seen.
    pub(super) fn revive(&mut self) -> Result<(), MediaFault> {
        if !self.supervisor.is_resting() {
            return Ok(());
        }
        let codecs: BTreeSet<Codec> = self.served().map(|served| served.codec).collect();
        for codec in codecs {
            self.provide(codec)?;
        }
        self.begin_sound();
        self.connect_sound()
    }
}
