//! An outlet per codec in demand.
//!
//! A webrtcsink sends one codec. Viewers that cannot take the feed's get another outlet, at the
//! same destination, with a rendition in a codec that they can take: opened when the first of them
//! asks, shared by all, and gone with the last. A destination that cannot carry the feed's codec
//! has only such outlets. Who gets which codec, the destination finds out by the menu it has.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::{super::form::Form, Worker, drop_aside};
use crate::{
    config::{Codec, PathChoice, RenditionRole},
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
    /// What the feed can be had in at a destination.
    fn menu(&self, index: usize) -> Menu {
        let carried = self.around.connectors[index].codecs();
        let encoded: BTreeSet<Codec> = Encoder::installed().iter().map(Encoder::codec).collect();
        let others = OTHERS.into_iter().filter(|codec| *codec != self.config.codec && encoded.contains(codec));
        let all = [self.config.codec].into_iter().chain(others);
        Menu {
            codecs: all.filter(|codec| carried.contains(codec) && !self.missing.contains_key(codec)).collect(),
            is_forced: self.config.path == PathChoice::PassThrough,
        }
    }

    /// The codecs for which a destination has outlets: the first of its menu, whoever watches, for
    /// viewers to begin at once, and those that are wanted.
    fn needed(&self, index: usize) -> BTreeSet<Codec> {
        let menu = self.menu(index).codecs;
        let wanted = &self.destinations[index].wanted;
        menu.first().copied().into_iter().chain(wanted.keys().copied()).collect()
    }

    /// Opens the first outlets of all destinations.
    pub(super) fn open_outlets(&mut self) -> Result<(), MediaFault> {
        // With nobody to send it to, at least whether it could be.
        if self.destinations.is_empty() {
            return self.provide(self.config.codec);
        }
        for index in 0..self.destinations.len() {
            self.destinations[index].connection.set_menu(self.menu(index));
            for codec in self.needed(index) {
                self.provide(codec)?;
                self.serve(index, codec)?;
            }
        }
        Ok(())
    }

    /// Opens outlets that are in demand now, and shuts those that are not any more.
    pub(super) fn meet_demand(&mut self) {
        if !self.is_open() || self.supervisor.is_resting() {
            return;
        }
        for index in 0..self.destinations.len() {
            for codec in self.needed(index) {
                if !self.destinations[index].outlets.contains_key(&codec)
                    && let Err(fault) = self.provide(codec).and_then(|()| self.serve(index, codec))
                {
                    tracing::warn!(feed = %self.config.id, "Viewers cannot have {codec}: {fault}");
                    self.notice(fault.to_string());
                    self.missing.insert(codec, Instant::now() + AGAIN_AFTER);
                    // Who waits for it gets the next best, or hears that there is none.
                    self.tell_menus();
                }
            }
            self.shut_outlets(index);
        }
    }

    /// Offers anew what could not be made a while ago, and ends sessions that outlived their codec.
    pub(super) fn look_after_codecs(&mut self, now: Instant) {
        let before = self.missing.len();
        self.missing.retain(|_, until| *until > now);
        if self.missing.len() != before {
            self.tell_menus();
        }
        for destination in &self.destinations {
            destination.connection.end_stragglers(LEAVE_WITHIN);
        }
    }

    fn tell_menus(&self) {
        for (index, destination) in self.destinations.iter().enumerate() {
            destination.connection.set_menu(self.menu(index));
        }
    }

    /// Shuts a destination's outlets of other codecs, and ends renditions that were made for them.
    fn shut_outlets(&mut self, index: usize) {
        let needed = self.needed(index);
        let shut: Vec<_> =
            self.destinations[index].outlets.extract_if(.., |codec, _| !needed.contains(codec)).collect();
        for (codec, served) in shut {
            tracing::info!(feed = %self.config.id, "Nobody needs {codec} any more.");
            drop_aside(served);
            if self.served_in(codec).next().is_none() {
                for role in RenditionRole::ALL {
                    self.end_encoding(Form { codec, role: *role });
                }
            }
            self.viewers_changed();
        }
    }
}
