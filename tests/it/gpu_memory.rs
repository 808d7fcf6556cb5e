//! Pictures that lie on a card stay there on their way to an encoder of the card. The card is a
//! stand-in: what is looked at is what Heliograph builds, and what its pads agree on.

use std::{sync::mpsc, time::Duration};

use gst::prelude::*;
use heliograph::{
    config::Size,
    media::{FeedClock, Memory, Rendition, RenditionPlan},
};

use crate::support::{
    card::{Card, encoder},
    elements,
};

const WIDTH: i32 = 320;
const HEIGHT: i32 = 180;

/// A camera's pictures, lying somewhere.
struct Pictures {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    producer: gst_utils::StreamProducer,
}

impl Pictures {
    fn start(memory: Memory, clock: &FeedClock) -> Self {
        let caps = gst::Caps::builder("video/x-raw")
            .features(memory.caps_feature())
            .field("format", "NV12")
            .field("width", WIDTH)
            .field("height", HEIGHT)
            .field("framerate", gst::Fraction::new(30, 1))
            .build();
        let source = gst_app::AppSrc::builder().caps(&caps).format(gst::Format::Time).is_live(true).build();
        let sink = gst_app::AppSink::builder().sync(false).async_(false).build();
        let pipeline = gst::Pipeline::new();
        clock.apply(&pipeline);
        pipeline.add_many([source.upcast_ref::<gst::Element>(), sink.upcast_ref()]).unwrap();
        source.link(&sink).unwrap();
        let settings = gst_utils::streamproducer::ProducerSettings { sync: false };
        let producer = gst_utils::StreamProducer::with(&sink, settings);
        pipeline.set_state(gst::State::Playing).unwrap();
        Self { pipeline, source, producer }
    }

    fn show(&self, number: u64) {
        let mut buffer = gst::Buffer::from_mut_slice(vec![90; (WIDTH * HEIGHT * 3 / 2) as usize]);
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(33 * number));
        self.source.push_buffer(buffer).unwrap();
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

/// An element between camera and encoder, and where the pictures lie before and behind it.
#[derive(Debug, PartialEq)]
struct Station {
    factory: String,
    before: Option<&'static str>,
    behind: Option<&'static str>,
}

/// The way of pictures to an encoder, once some came out of it: from the rendition's input to the
/// encoder, both included.
fn way(from: Memory, element: &str, size: Option<Size>) -> Vec<Station> {
    elements::watch();
    let clock = FeedClock::new();
    let mut plan = RenditionPlan { from, ..RenditionPlan::new(500) };
    plan.picture.size = size;
    let mut rendition = Rendition::start(&encoder(element), &plan, &clock, |failure| panic!("{failure:?}")).unwrap();
    let (sender, encoded) = mpsc::channel();
    let output = rendition.stream().producer().appsink().static_pad("sink").unwrap();
    output.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let _ = sender.send(());
        gst::PadProbeReturn::Ok
    });
    let pictures = Pictures::start(from, &clock);
    rendition.connect(&pictures.producer);
    for number in 0..5 {
        pictures.show(number);
        encoded.recv_timeout(Duration::from_secs(10)).expect("an encoded picture");
    }
    let is_of_the_rendition = |made: &gst::Element| made.parent().is_some_and(|parent| parent.name() == "rendition");
    upstream_of(elements::alive_of(element).into_iter().find(is_of_the_rendition).unwrap())
}

/// All elements up to this one, in order.
fn upstream_of(last: gst::Element) -> Vec<Station> {
    let mut next = Some(last);
    let mut stations: Vec<Station> = std::iter::from_fn(|| {
        let element = next.take()?;
        let sink = element.static_pad("sink");
        next = sink.as_ref().and_then(|sink| sink.peer()?.parent_element());
        Some(Station {
            // The input was made without its factory.
            factory: element.factory().map_or("appsrc".into(), |factory| factory.name().into()),
            before: sink.as_ref().and_then(place),
            behind: element.static_pad("src").as_ref().and_then(place),
        })
    })
    .collect();
    stations.reverse();
    stations
}

/// Where pictures lie that pass this pad: what was agreed on, not what could be.
fn place(pad: &gst::Pad) -> Option<&'static str> {
    let caps = pad.current_caps().unwrap();
    let agreed = caps.features(0).unwrap();
    [Memory::Cuda, Memory::Va, Memory::Nvmm]
        .into_iter()
        .filter_map(Memory::caps_feature)
        .find(|feature| agreed.contains(*feature))
}

fn factories(way: &[Station]) -> Vec<&str> {
    way.iter().map(|station| station.factory.as_str()).collect()
}

#[test]
fn pictures_of_a_card_stay_on_it_up_to_its_encoder() {
    let _card = Card::plug_in();
    let card = Memory::Cuda.caps_feature();
    for size in [None, Size::new(WIDTH as u32, HEIGHT as u32).ok()] {
        let way = way(Memory::Cuda, Card::ENCODER, size);
        assert_eq!(factories(&way), ["appsrc", "identity", "cudaconvertscale", "capsfilter", Card::ENCODER]);
        let (input, rest) = way.split_first().unwrap();
        assert_eq!(input.behind, card);
        let (encoder, between) = rest.split_last().unwrap();
        assert_eq!(encoder.before, card);
        assert!(between.iter().all(|station| station.before == card && station.behind == card), "{way:?}");
    }
}

#[test]
fn pictures_are_carried_once_and_only_where_they_must() {
    let _card = Card::plug_in();
    // The encoder takes them from there and carries them itself.
    let to_card = way(Memory::System, Card::ENCODER, None);
    assert_eq!(factories(&to_card), ["appsrc", "identity", "videoconvert", "videoscale", "capsfilter", Card::ENCODER]);
    assert!(to_card.iter().all(|station| station.before.is_none() && station.behind.is_none()), "{to_card:?}");

    // This one does not.
    let to_board = way(Memory::System, Card::BOARD_ENCODER, None);
    let up = [
        "appsrc",
        "identity",
        "videoconvert",
        "videoscale",
        "capsfilter",
        "nvvidconv",
        "capsfilter",
        Card::BOARD_ENCODER,
    ];
    assert_eq!(factories(&to_board), up);
    let board = Memory::Nvmm.caps_feature();
    let places: Vec<_> = to_board.iter().map(|station| (station.before, station.behind)).collect();
    let below = (None, None);
    assert_eq!(places, [below, below, below, below, below, (None, board), (board, board), (board, None)]);

    let to_software = way(Memory::Cuda, "x264enc", None);
    let down = ["appsrc", "identity", "cudaconvertscale", "capsfilter", "cudadownload", "capsfilter", "x264enc"];
    assert_eq!(factories(&to_software), down);
    let card = Memory::Cuda.caps_feature();
    let places: Vec<_> = to_software.iter().map(|station| (station.before, station.behind)).collect();
    assert_eq!(
        places,
        [(None, card), (card, card), (card, card), (card, card), (card, None), (None, None), (None, None)]
    );
}
