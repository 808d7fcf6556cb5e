//! A card that takes three encoders: the fourth feed runs elsewhere, and moves back.

use std::collections::BTreeMap;

use gst::prelude::*;
use heliograph::media::{
    Device,
    capacity::{Capacity, Demand, Placement},
};

use crate::support::card::Card;

/// What an engine does with feeds, as far as capacity is concerned.
struct Feeds {
    capacity: Capacity<u32>,
    encoders: BTreeMap<u32, gst::Element>,
}

impl Feeds {
    fn start(&mut self, feed: u32) -> Placement {
        let demand = Demand {
            devices: vec![Device::Nvidia { gpu: 0 }],
            pixel_rate: 640.0 * 360.0 * 30.0,
            cores_per_pixel: Some(1e-8),
        };
        let placement = self.capacity.place(&feed, demand).unwrap();
        if matches!(placement, Placement::Hardware(_)) && !self.open(feed) {
            return self.capacity.refused(&feed).unwrap();
        }
        placement
    }

    /// Whether the card takes it.
    fn open(&mut self, feed: u32) -> bool {
        let encoder = gst::ElementFactory::make(Card::ENCODER).build().unwrap();
        let is_open = encoder.set_state(gst::State::Ready).is_ok();
        if is_open {
            self.encoders.insert(feed, encoder);
        } else {
            encoder.set_state(gst::State::Null).unwrap();
        }
        is_open
    }

    fn stop(&mut self, feed: u32) {
        if let Some(encoder) = self.encoders.remove(&feed) {
            encoder.set_state(gst::State::Null).unwrap();
        }
        self.capacity.release(&feed);
    }
}

#[test]
fn the_fourth_encoder_runs_elsewhere_until_the_card_has_room() {
    let _card = Card::plug_in();
    let mut feeds = Feeds { capacity: Capacity::new(4, BTreeMap::new()), encoders: BTreeMap::new() };
    let card = Placement::Hardware(Device::Nvidia { gpu: 0 });

    let placed: Vec<_> = (0..5).map(|feed| feeds.start(feed)).collect();
    assert_eq!(placed[..3], [card.clone(), card.clone(), card.clone()]);
    assert_eq!(placed[3..], [Placement::Processor, Placement::Processor], "the fourth is refused, the fifth not tried");
    assert_eq!(Card::sessions(), Card::MOST_SESSIONS);

    feeds.stop(1);
    let moves = feeds.capacity.moves();
    assert_eq!(moves.len(), 1);
    assert!(feeds.open(moves[0].0), "the card has room for the feed that moves back");
    assert_eq!(feeds.capacity.placement(&moves[0].0), Some(&card));
    for feed in 0..5 {
        feeds.stop(feed);
    }
    assert_eq!(Card::sessions(), 0);
}
