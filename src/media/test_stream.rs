//! Encoded streams for tests, made by real encoders in this process.

use gst::prelude::*;

use super::element::{add_and_link, caps_filter, make};

/// A stream to be made: 128×96 at 25 pictures a second, of a ball that moves.
pub(super) struct TestStream {
    pub(super) encoder: &'static str,
    /// Properties of the encoder, as GStreamer writes them.
    pub(super) settings: &'static [(&'static str, &'static str)],
    /// What the encoder is held to.
    pub(super) profile: &'static str,
    /// The raw form, which profiles follow.
    pub(super) raw: &'static str,
    /// Whether the pictures are whole: `progressive`, or `interleaved`.
    pub(super) interlacing: &'static str,
    /// The form in which NAL units stand.
    pub(super) form: &'static str,
    pub(super) pictures: u32,
}

impl TestStream {
    /// Pictures by x264, a key frame every ten, no B-frames.
    pub(super) fn x264(pictures: u32) -> Self {
        let settings = &[("key-int-max", "10"), ("speed-preset", "ultrafast"), ("option-string", "scenecut=0")];
        Self {
            encoder: "x264enc",
            settings,
            profile: "main",
            raw: "I420",
            interlacing: "progressive",
            form: "byte-stream",
            pictures,
        }
    }

    /// The same by x265.
    pub(super) fn x265(pictures: u32) -> Self {
        let settings = &[
            ("key-int-max", "10"),
            ("speed-preset", "ultrafast"),
            ("option-string", "bframes=0:scenecut=0:min-keyint=10:log-level=none"),
        ];
        Self { encoder: "x265enc", settings, profile: "main", ..Self::x264(pictures) }
    }

    /// The same with other properties of the encoder.
    pub(super) fn with(self, settings: &'static [(&'static str, &'static str)]) -> Self {
        Self { settings, ..self }
    }

    /// Its access units, parsed, with parameter sets in front of every key frame.
    pub(super) fn samples(&self) -> Vec<gst::Sample> {
        crate::media::init().unwrap();
        let (source, encoder) = (make("videotestsrc").unwrap(), make(self.encoder).unwrap());
        source.set_property("num-buffers", self.pictures.cast_signed());
        source.set_property_from_str("pattern", "ball");
        for (name, value) in self.settings {
            encoder.set_property_from_str(name, value);
        }
        let (codec, parser) = match self.encoder {
            "x265enc" => ("video/x-h265", "h265parse"),
            _ => ("video/x-h264", "h264parse"),
        };
        let raw = gst::Caps::builder("video/x-raw")
            .field("format", self.raw)
            .field("interlace-mode", self.interlacing)
            .field("width", 128)
            .field("height", 96)
            .field("framerate", gst::Fraction::new(25, 1))
            .build();
        let profile = gst::Caps::builder(codec).field("profile", self.profile).build();
        let form = gst::Caps::builder(codec).field("stream-format", self.form).field("alignment", "au").build();
        let parser = make(parser).unwrap();
        parser.set_property("config-interval", -1);
        run(&[
            source,
            caps_filter(&raw).unwrap(),
            encoder,
            caps_filter(&profile).unwrap(),
            parser,
            caps_filter(&form).unwrap(),
        ])
    }
}

/// The pictures that are in access units, decoded by themselves: the bytes of each.
pub(super) fn decoded(caps: &gst::Caps, units: &[gst::Buffer]) -> Vec<Vec<u8>> {
    let of_h265 = caps.structure(0).is_some_and(|fields| fields.name() == "video/x-h265");
    let (parser, decoder) = if of_h265 { ("h265parse", "avdec_h265") } else { ("h264parse", "avdec_h264") };
    let pictures = run(&[source_of(caps, units), make(parser).unwrap(), make(decoder).unwrap()]);
    pictures.iter().map(|picture| picture.buffer().unwrap().map_readable().unwrap().to_vec()).collect()
}

/// The RTP times of all packets that H.264 access units are sent in.
pub(super) fn rtp_times(caps: &gst::Caps, units: &[gst::Buffer]) -> Vec<u32> {
    let source = source_of(caps, units);
    let packets = run(&[source, make("h264parse").unwrap(), make("rtph264pay").unwrap()]);
    let time = |packet: &gst::Sample| {
        let data = packet.buffer().unwrap().map_readable().unwrap();
        u32::from_be_bytes(data[4..8].try_into().unwrap())
    };
    packets.iter().map(time).collect()
}

/// A source of units that ends.
fn source_of(caps: &gst::Caps, units: &[gst::Buffer]) -> gst::Element {
    let source = gst_app::AppSrc::builder().caps(caps).format(gst::Format::Time).build();
    for unit in units {
        source.push_buffer(unit.clone()).unwrap();
    }
    source.end_of_stream().unwrap();
    source.upcast()
}

/// What comes out of a chain of elements until it ends.
fn run(chain: &[gst::Element]) -> Vec<gst::Sample> {
    let pipeline = gst::Pipeline::new();
    let sink = gst_app::AppSink::builder().sync(false).build();
    let chain: Vec<_> = chain.iter().chain([sink.upcast_ref()]).collect();
    add_and_link(&pipeline, &chain).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let next = || sink.try_pull_sample(gst::ClockTime::from_seconds(20));
    let samples: Vec<_> = std::iter::from_fn(next).collect();
    let is_whole = sink.is_eos();
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(is_whole, "the stream should end by itself");
    samples
}
