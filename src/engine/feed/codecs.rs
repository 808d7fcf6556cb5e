//! An outlet per codec in demand.
//!
//! A webrtcsink sends one codec. Viewers that cannot take the feed's get another outlet, at the
//! same destination, with a rendition in a codec that they can take: opened when the first of them
//! asks, shared by all, and gone with the last. A destination that cannot carry the feed's codec
//! has only such outlets. Who gets which codec, the destination finds out by the menu it has.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{
    super::{Beside, FeedEvent, form::Form},
    Destination, Worker, drop_aside,
};
use crate::{
    config::{Codec, ElementChoice, PathChoice, RenditionRole},
    connector::Menu,
    media::{Encoder, MediaFault},
};

/// In what viewers are sent a feed who cannot take its own codec, what costs least first. H.265 is
/// for those few who could not get it otherwise: for nobody.
const OTHERS: [Codec; 4] = [Codec::H264, Codec::Vp8, Codec::Vp9, Codec::Av1];

/// Pause before a codec that could not be made is offered again.
const AGAIN_AFTER: Duration = Duration::from_secs(30);
/// How long a viewer who was asked to come again may watch on: long enough for the first picture.
const LEAVE_WITHIN: Duration = Duration::from_secs(15);

impl Worker {
    /// What viewers are sent who can take it: the codec that was chosen. Where that is H.264 and the
    /// camera's H.265 can be had for nothing, who takes H.265 gets that.
    pub(super) fn first_codec(&self) -> Codec {
        let taken = self.camera.taken.map(|taken| taken.codec);
        taken.filter(|codec| self.may_be_first(*codec)).unwrap_or(self.config.codec)
    }

    /// Whether a camera's stream of this codec can be what viewers are sent who can take it.
    pub(super) fn may_be_first(&self, codec: Codec) -> bool {
        codec == self.config.codec || (codec, self.config.codec) == (Codec::H265, Codec::H264)
    }

    /// Whether this is only passed on and never made: H.265 that was not chosen. Who sees the camera's
    /// when it is not to be had any more goes on until it has come again for another codec.
    pub(super) fn is_extra(&self, codec: Codec) -> bool {
        codec == Codec::H265 && self.config.codec != codec
    }

    /// What the feed can be had in at a destination.
    fn menu(&self, destination: &Destination) -> Menu {
        let carried = &destination.needs.codecs;
        let encoded: BTreeSet<Codec> = Encoder::installed().iter().map(Encoder::codec).collect();
        let first = self.first_codec();
        let others = OTHERS.into_iter().filter(|codec| *codec != first && encoded.contains(codec));
        let all = [first].into_iter().chain(others);
        Menu {
            codecs: all.filter(|codec| carried.contains(codec) && !self.missing.contains_key(codec)).collect(),
            is_forced: self.config.path == PathChoice::PassThrough,
        }
    }

    /// The codecs for which a destination has outlets: the first of its menu, whoever watches, for
    /// viewers to begin at once, and those that are wanted.
    fn needed(&self, destination: &Destination) -> BTreeSet<Codec> {
        let menu = self.menu(destination).codecs;
        menu.first().copied().into_iter().chain(destination.wanted.keys().copied()).collect()
    }

    /// Opens the first outlets of all destinations.
    pub(super) fn open_outlets(&mut self) -> Result<(), MediaFault> {
        // With nobody to send it to, at least whether it could be.
        if self.destinations.is_empty() {
            return self.provide(self.config.codec);
        }
        self.tell_menus();
        for (place, codec) in self.lacking() {
            self.provide(codec)?;
            self.serve(place, codec)?;
        }
        Ok(())
    }

    /// Opens outlets that are in demand now, and shuts those that are not any more.
    pub(super) fn meet_demand(&mut self) {
        if !self.is_open() {
            return;
        }
        let is_resting = self.supervisor.is_resting();
        for (place, codec) in self.lacking() {
            if let Err(fault) = self.provide_unless(is_resting, codec).and_then(|()| self.serve(place, codec)) {
                tracing::warn!(feed = %self.config.id, "Viewers cannot have {codec}: {fault}");
                self.notice(fault.to_string());
                self.missing.insert(codec, Instant::now() + AGAIN_AFTER);
                // Who waits for it gets the next best, or hears that there is none.
                self.tell_menus();
            }
        }
        self.shut_outlets();
    }

    /// Outlets that should be there and are not: the destination's number, and the codec.
    fn lacking(&self) -> Vec<(u64, Codec)> {
        let lacking = |(place, destination): (&u64, &Destination)| {
            let needed = self.needed(destination).into_iter();
            let lacking = needed.filter(|codec| !destination.outlets.contains_key(codec));
            lacking.map(|codec| (*place, codec)).collect::<Vec<_>>()
        };
        self.destinations.iter().flat_map(lacking).collect()
    }

    /// A feed that rests makes nothing, and its outlets wait.
    fn provide_unless(&mut self, is_resting: bool, codec: Codec) -> Result<(), MediaFault> {
        if is_resting { Ok(()) } else { self.provide(codec) }
    }

    /// Sends this codec from now on. What was sent goes on until its viewers have come again.
    pub(super) fn set_codec(&mut self, codec: Codec, encoder: ElementChoice) {
        let before = (self.config.codec, self.config.encoder.clone());
        if before == (codec, encoder.clone()) {
            return;
        }
        (self.config.codec, self.config.encoder) = (codec, encoder);
        // A person chose: what failed before may be what is wanted now.
        self.broken_encoders.clear();
        self.missing.remove(&codec);
        let is_running = self.is_open() && !self.supervisor.is_resting();
        if before.0 == codec {
            self.change_rendition(Form::main(codec));
        } else if is_running && let Err(fault) = self.provide(codec) {
            (self.config.codec, self.config.encoder) = before;
            return self.notice(fault.to_string());
        }
        let (codec, encoder) = (self.config.codec, self.config.encoder.clone());
        (self.around.tell)(FeedEvent::Codec { codec, encoder });
        self.offer_codecs();
        self.choose_path(Instant::now());
    }

    /// Another codec is the first: viewers are asked to come again, and outlets follow.
    pub(super) fn offer_codecs(&mut self) {
        self.tell_menus();
        self.meet_demand();
    }

    /// Tells who gets another codec than the feed's, where that is not what was told last.
    pub(super) fn tell_beside(&mut self) {
        let instead_of = self.first_codec();
        let mut viewers = BTreeMap::new();
        for served in self.served().filter(|served| served.codec != instead_of && !served.viewers.is_empty()) {
            *viewers.entry(served.codec).or_default() += served.viewers.len();
        }
        let others: Vec<Beside> =
            viewers.into_iter().map(|(codec, viewers)| Beside { codec, viewers, instead_of }).collect();
        if others != self.beside {
            for beside in &others {
                tracing::info!(feed = %self.config.id, "{}.", beside.words());
            }
            self.beside.clone_from(&others);
            (self.around.tell)(FeedEvent::Beside { others });
        }
    }

    /// Offers anew what could not be made a while ago, and ends sessions that outlived their codec.
    pub(super) fn look_after_codecs(&mut self, now: Instant) {
        let before = self.missing.len();
        self.missing.retain(|_, until| *until > now);
        if self.missing.len() != before {
            self.tell_menus();
        }
        for destination in self.destinations.values() {
            destination.connection.end_stragglers(LEAVE_WITHIN);
        }
    }

    fn tell_menus(&self) {
        for destination in self.destinations.values() {
            destination.connection.set_menu(self.menu(destination));
        }
    }

    /// Shuts outlets of codecs that are not needed where they are.
    fn shut_outlets(&mut self) {
        let needed: Vec<_> = self.destinations.values().map(|destination| self.needed(destination)).collect();
        let mut shut = Vec::new();
        for (destination, needed) in self.destinations.values_mut().zip(needed) {
            shut.extend(destination.outlets.extract_if(.., |codec, _| !needed.contains(codec)));
        }
        for (codec, served) in shut {
            drop_aside(served);
            self.served_no_more(codec);
        }
    }

    /// An outlet of this codec is gone: renditions that were made for it alone end.
    pub(super) fn served_no_more(&mut self, codec: Codec) {
        if self.served_in(codec).next().is_none() {
            tracing::info!(feed = %self.config.id, "Nobody needs {codec} any more.");
            for role in RenditionRole::ALL {
                self.end_encoding(Form { codec, role: *role });
            }
        }
        self.viewers_changed();
    }
}
