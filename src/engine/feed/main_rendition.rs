//! The main rendition, made while somebody sees it.
//!
//! Where all viewers see little, nobody would see what its encoder makes. It is started again as soon
//! as somebody asks to watch or is moved up: what a viewer sees until its first key frame is what it
//! saw before.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{super::form::Form, Served, Worker};
use crate::config::Codec;

/// How long nobody has to see it before it ends.
const UNSEEN_FOR: Duration = Duration::from_secs(3);
/// Pause before one that could not be made is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Whether the main rendition is needed, and may be made: of each codec.
#[derive(Debug, Default)]
pub(super) struct MainRendition {
    /// Since when nobody sees it.
    unseen_since: BTreeMap<Codec, Instant>,
    /// When it may be tried again.
    again_at: BTreeMap<Codec, Instant>,
}

impl Worker {
    /// Ends main renditions that nobody has seen for a while, and makes those that somebody should.
    pub(super) fn keep_main(&mut self, now: Instant) {
        let codecs: BTreeSet<Codec> = self.served().map(|served| served.codec).collect();
        for codec in codecs.into_iter().filter(|codec| !self.is_extra(*codec)).collect::<Vec<_>>() {
            if self.needs_main(codec) {
                self.main.unseen_since.remove(&codec);
                self.make_main(codec, now);
            } else if self.encodings.contains_key(&Form::main(codec)) {
                let since = *self.main.unseen_since.entry(codec).or_insert(now);
                if now.duration_since(since) >= UNSEEN_FOR {
                    self.end_main(codec);
                }
            }
        }
    }

    /// Makes the main rendition at once, where it is what everybody of this codec is to get and is not
    /// made; false where that cannot be, which is told.
    pub(super) fn make_main(&mut self, codec: Codec, now: Instant) -> bool {
        if self.supervisor.is_resting() {
            return true;
        }
        if self.main.again_at.get(&codec).is_some_and(|at| now < *at) {
            return false;
        }
        match self.provide(codec) {
            Ok(()) => true,
            Err(fault) => {
                self.main.again_at.insert(codec, now + AGAIN_AFTER);
                self.notice(fault.to_string());
                false
            }
        }
    }

    fn end_main(&mut self, codec: Codec) {
        tracing::info!(feed = %self.config.id, "Nobody sees the main rendition in {codec} any more.");
        self.main.unseen_since.remove(&codec);
        // Or who joins later would begin with what was kept of it.
        for served in self.served_in(codec) {
            served.outlet.pause();
        }
        self.end_encoding(Form::main(codec));
    }

    /// Whether somebody sees the main rendition in this codec, or may in a moment.
    fn needs_main(&self, codec: Codec) -> bool {
        // What passes through has to be seen by all before the encoder ends; that is looked at elsewhere.
        if self.camera.is_taken_in(codec) || self.config.keep_warm {
            return true;
        }
        if codec == self.config.codec && self.keeping.is_on() {
            return true;
        }
        let wanted: usize = self.destinations.values().filter_map(|place| place.wanted.get(&codec)).sum();
        let viewers = || self.served_in(codec).flat_map(|served| &served.viewers);
        let all_see_little = viewers().all(|session| self.sees_little(session));
        // With no viewer at all the feed is warm, or about to rest.
        let is_unwatched = self.served().all(|Served { viewers, .. }| viewers.is_empty());
        is_unwatched || wanted > viewers().count() || !all_see_little
    }
}
