//! The catalogue of encoders: a table in code.
//!
//! A row says how an element is driven for live pictures. Every row obeys the
//! same rules: no B-frames and no lookahead (each costs a frame of delay), a
//! key frame when somebody asks and otherwise rarely (each is a burst on a
//! narrow link), and requests for key frames merged.

use gst::prelude::*;

use super::{MediaError, element::make};
use crate::config::{Codec, EncoderChoice};

/// Keyframe requests closer together than this are one: every viewer that
/// joins or loses a packet asks, and the encoder is shared.
const KEYFRAME_REQUESTS_MERGED: gst::ClockTime = gst::ClockTime::from_mseconds(500);

/// Frames between key frames nobody asked for: 10 s at 30 fps.
const KEYFRAME_DISTANCE: u32 = 300;

/// One encoder element and how it is driven.
pub struct EncoderRow {
    /// The element's factory name, also the name in settings.
    pub element: &'static str,
    /// What it makes.
    pub codec: Codec,
    /// The property that takes the bitrate.
    bitrate_property: &'static str,
    /// What one kbit/s is in that property's unit.
    bitrate_per_kbps: u32,
    /// The property that takes the greatest distance of key frames, in frames.
    keyframe_distance_property: &'static str,
    /// The low-latency settings: property and value, as GStreamer writes them.
    settings: &'static [(&'static str, &'static str)],
    /// What the encoder is held to, as caps after it.
    output: &'static str,
    /// Puts the stream into the form connectors take, where that needs a parser.
    parser: Option<&'static str>,
}

/// All encoders, the preferred one of a codec first.
pub const ENCODERS: &[EncoderRow] = &[
    EncoderRow {
        element: "x264enc",
        codec: Codec::H264,
        bitrate_property: "bitrate",
        bitrate_per_kbps: 1,
        keyframe_distance_property: "key-int-max",
        settings: &[
            // zerolatency: no lookahead, no frame threads, slices instead.
            ("tune", "zerolatency"),
            ("speed-preset", "superfast"),
            ("bframes", "0"),
            ("b-adapt", "false"),
            // One fifth of a second of rate buffer: a key frame may not burst far above the link.
            ("vbv-buf-capacity", "200"),
        ],
        // What every browser decodes, in hardware where there is any.
        output: "video/x-h264, profile=constrained-baseline, stream-format=byte-stream, alignment=au",
        parser: Some("h264parse"),
    },
    EncoderRow {
        element: "vp8enc",
        codec: Codec::Vp8,
        bitrate_property: "target-bitrate",
        bitrate_per_kbps: 1000,
        keyframe_distance_property: "keyframe-max-dist",
        settings: &[
            // One microsecond per frame selects libvpx's real-time mode.
            ("deadline", "1"),
            ("cpu-used", "8"),
            ("threads", "4"),
            ("lag-in-frames", "0"),
            ("end-usage", "cbr"),
            ("buffer-size", "400"),
            ("buffer-initial-size", "200"),
            ("buffer-optimal-size", "200"),
            ("error-resilient", "default"),
            ("keyframe-mode", "auto"),
        ],
        output: "video/x-vp8",
        parser: None,
    },
];

impl EncoderRow {
    /// Whether the element is installed.
    pub fn is_installed(&self) -> bool {
        gst::ElementFactory::find(self.element).is_some()
    }

    /// The element, set up for live pictures at this bitrate (kbit/s).
    pub(super) fn build(&self, bitrate_kbps: u32) -> Result<gst::Element, MediaError> {
        let encoder = make(self.element)?;
        for (property, value) in self.settings {
            encoder.set_property_from_str(property, value);
        }
        encoder.set_property_from_str(self.keyframe_distance_property, &KEYFRAME_DISTANCE.to_string());
        encoder.set_property("min-force-key-unit-interval", KEYFRAME_REQUESTS_MERGED.nseconds());
        self.set_bitrate(&encoder, bitrate_kbps);
        Ok(encoder)
    }

    /// Applies a bitrate in kbit/s, live.
    pub(super) fn set_bitrate(&self, encoder: &gst::Element, kbps: u32) {
        encoder.set_property_from_str(self.bitrate_property, &(kbps * self.bitrate_per_kbps).to_string());
    }

    /// Caps the encoder is held to.
    pub(super) fn output_caps(&self) -> gst::Caps {
        self.output.parse().expect("caps in the encoder table should parse")
    }

    /// The parser behind the encoder, if it needs one.
    pub(super) fn build_parser(&self) -> Result<Option<gst::Element>, MediaError> {
        let Some(factory) = self.parser else { return Ok(None) };
        let parser = make(factory)?;
        // Parameter sets before every key frame: a viewer may join at any of them.
        parser.set_property("config-interval", -1);
        Ok(Some(parser))
    }
}

/// The row for what the operator chose.
///
/// # Errors
/// The encoder named does not exist for this codec, or none is installed.
pub fn choose_encoder(codec: Codec, choice: &EncoderChoice) -> Result<&'static EncoderRow, MediaError> {
    let mut rows = ENCODERS.iter().filter(|row| row.codec == codec);
    match choice {
        EncoderChoice::Automatic => {
            let preferred = rows.clone().next().expect("every codec should have a row in the encoder table");
            rows.find(|row| row.is_installed()).ok_or(MediaError::MissingElement { factory: preferred.element.into() })
        }
        EncoderChoice::Named(name) => rows.clone().find(|row| row.element == name).ok_or_else(|| {
            let known = rows.map(|row| row.element).collect::<Vec<_>>().join(", ");
            MediaError::UnknownEncoder { name: name.clone(), codec: codec.to_string(), known }
        }),
    }
}
