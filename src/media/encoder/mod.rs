//! The encoders: a table of what there can be, and what of it this machine has.
//!
//! * [`Encoder::rows`] is the table, one [`EncoderRow`] per kind of element.
//! * [`Encoder::installed`] is what GStreamer found here, one [`Encoder`] per device: of two cards
//!   each is an encoder of its own. Whether one works, only a trial tells: see `availability`.
//!
//! Every row obeys the same rules: no B-frames and no lookahead (each costs a frame of delay), a
//! key frame when somebody asks and otherwise rarely (each is a burst on a narrow link), and
//! requests for key frames merged.

mod catalogue;
mod device;
mod form;
mod trial;

use std::{borrow::Cow, fmt};

use gst::{glib, prelude::*};

pub(super) use form::keep_caps_steady;

use super::{Device, MediaError, Memory, element::make};
use crate::{
    config::{Codec, ElementChoice},
    i18n::gettext_f,
};
use catalogue::ROWS;
use device::named_device;

/// Keyframe requests closer together than this are one: every viewer that
/// joins or loses a packet asks, and the encoder is shared.
const KEYFRAME_REQUESTS_MERGED: gst::ClockTime = gst::ClockTime::from_mseconds(500);

/// Seconds between key frames nobody asked for.
const KEYFRAME_DISTANCE: u32 = 10;

/// A value of the table that depends on the machine: as many as half of its cores, 4 at most.
const HALF_THE_CORES: &str = "half the cores";

/// What an encoder runs on, before it is known which one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceFamily {
    /// The processor.
    Software,
    /// NVIDIA cards, by CUDA.
    Nvidia,
    /// Cards driven by VA-API.
    Va,
    /// Codecs behind V4L2.
    V4l2,
    /// An NVIDIA Jetson.
    Jetson,
}

/// How an encoder takes its bitrate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BitrateControl {
    /// A property; what one kbit/s is in its unit.
    Property { name: &'static str, per_kbps: u32 },
    /// The driver's control, in bit/s, within the property `extra-controls`.
    V4l2Control,
}

/// What a change of a setting does to the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// It takes effect with the next frames.
    Live,
    /// It takes effect at once and brings a key frame: not to be done for a few per cent.
    KeyFrame,
    /// It takes effect when the encoder is built anew, and so with a key frame.
    Restart,
}

/// How key frames are placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyframeControl {
    /// The property that takes the greatest distance, in frames.
    distance: Option<&'static str>,
    /// The signal that forces one, where the element does not listen to `GstForceKeyUnit`.
    forced_by_signal: Option<&'static str>,
}

/// One kind of encoder element and how it is driven.
#[derive(Debug, PartialEq, Eq)]
pub struct EncoderRow {
    /// The element's factory name; of further devices, it carries the device within.
    pub element: &'static str,
    /// What it makes.
    pub codec: Codec,
    /// What people call it, such as “x264” or “NVENC”.
    pub name: &'static str,
    /// What it runs on.
    pub family: DeviceFamily,
    /// What a change of the bitrate does. A change of size is a key frame with every encoder.
    pub bitrate_change: Change,
    /// Frames that it holds back whatever it is told: 0, or it is no encoder for driving by.
    pub held_frames: u32,
    bitrate: BitrateControl,
    keyframes: KeyframeControl,
    /// The low-latency settings: property and value, as GStreamer writes them. Those that the
    /// element does not have are left out.
    settings: &'static [(&'static str, &'static str)],
    /// Where it takes pictures from, the nearest first.
    memory: &'static [Memory],
    /// Raw formats it takes, of 4:2:0 in 8 bits: encoders follow a camera into profiles that no
    /// browser decodes.
    formats: &'static [&'static str],
}

impl EncoderRow {
    /// Processor time for a pixel that is expected before it was measured, in seconds: what 720p30
    /// at 2 Mbit/s cost in `./dev bench codecs` on the machine that `benches/README.md` names,
    /// rounded up.
    pub fn usual_cost(&self) -> f64 {
        let cores_at_720p30 = match (self.family, self.codec) {
            (DeviceFamily::Software, Codec::H264) => 0.2,
            (DeviceFamily::Software, Codec::Vp8 | Codec::Vp9) => 0.5,
            (DeviceFamily::Software, Codec::H265 | Codec::Av1) => 1.0,
            _ => 0.0,
        };
        cores_at_720p30 / (1280.0 * 720.0 * 30.0)
    }

    /// Whether its library writes on the terminal, whatever it is told: OpenH264 at the end of a
    /// stream, SVT-AV1 always.
    pub(super) fn is_loud(&self) -> bool {
        matches!(self.element, "openh264enc" | "svtav1enc")
    }

    /// Whether an element of this row is installed, for whichever device.
    pub fn is_installed(&self) -> bool {
        gst::ElementFactory::find(self.element).is_some()
    }
}

/// An encoder of this machine: a row of the table, on one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoder {
    row: &'static EncoderRow,
    element: String,
    device: Device,
}

impl Encoder {
    /// All that there can be, installed or not, the preferred of a codec first.
    pub fn rows() -> &'static [EncoderRow] {
        ROWS
    }

    /// What GStreamer has on this machine, codec by codec, the preferred of each first.
    pub fn installed() -> Vec<Self> {
        let factories =
            gst::ElementFactory::factories_with_type(gst::ElementFactoryType::VIDEO_ENCODER, gst::Rank::NONE);
        ROWS.iter().flat_map(|row| Self::of_row(row, factories.iter())).collect()
    }

    /// The row's elements among these, the first device first.
    fn of_row<'a>(row: &'static EncoderRow, factories: impl Iterator<Item = &'a gst::ElementFactory>) -> Vec<Self> {
        let of_row = |factory: &gst::ElementFactory| {
            let element = factory.name();
            let named = named_device(row.family, row.element, &element)?;
            Some(Self { row, device: device::device(row.family, &named, factory), element: element.into() })
        };
        let mut encoders: Vec<_> = factories.filter_map(of_row).collect();
        // Names as renderD9 and renderD10 do not occur: nodes have three digits, cards few.
        encoders.sort_by_key(|encoder| (encoder.element != row.element, encoder.element.clone()));
        encoders
    }

    /// The row of the table that it is of.
    pub fn row(&self) -> &'static EncoderRow {
        self.row
    }

    /// The element's factory name, also the name in settings.
    pub fn element(&self) -> &str {
        &self.element
    }

    /// What it makes.
    pub fn codec(&self) -> Codec {
        self.row.codec
    }

    /// What it runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Where pictures should lie for it, so that none is copied on the way in.
    pub fn input_memory(&self) -> Memory {
        self.row.memory.first().copied().unwrap_or_default()
    }

    /// Whether it takes pictures that lie there.
    pub fn takes(&self, memory: Memory) -> bool {
        self.row.memory.contains(&memory)
    }

    /// Where it takes pictures that lie in `memory`: there if it can, else in its own.
    pub fn nearest_memory(&self, memory: Memory) -> Memory {
        if self.takes(memory) { memory } else { self.input_memory() }
    }

    /// Raw formats it takes, in any of its memories.
    pub fn raw_formats(&self) -> &'static [&'static str] {
        self.row.formats
    }

    /// What people read, such as “x264” or “NVENC on GPU 1”.
    pub fn label(&self) -> String {
        match self.device {
            Device::Software => self.row.name.into(),
            _ => gettext_f("{encoder} on {device}", &[("encoder", self.row.name), ("device", &self.device.words())]),
        }
    }

    /// What has to be paid for its codec, in a sentence.
    pub fn licence_note(&self) -> String {
        licence_note(self.codec())
    }

    /// The element, set up for live pictures: this bitrate in kbit/s, about this many a second.
    ///
    /// # Errors
    /// The element is not installed any more.
    pub fn build(&self, bitrate_kbps: u32, framerate: u32) -> Result<gst::Element, MediaError> {
        let encoder = gst::ElementFactory::make(&self.element)
            .build()
            .map_err(|_| MediaError::MissingElement { factory: self.element.clone() })?;
        for (property, value) in self.row.settings {
            set_if_there(&encoder, property, value);
        }
        if let Some(distance) = self.row.keyframes.distance {
            set_if_there(&encoder, distance, &KEYFRAME_DISTANCE.saturating_mul(framerate).to_string());
        }
        if encoder.has_property("min-force-key-unit-interval") {
            encoder.set_property("min-force-key-unit-interval", KEYFRAME_REQUESTS_MERGED.nseconds());
        }
        if let Some(signal) = self.row.keyframes.forced_by_signal {
            force_keyframes_by_signal(&encoder, signal);
        }
        self.set_bitrate(&encoder, bitrate_kbps);
        Ok(encoder)
    }

    /// Applies a bitrate in kbit/s to an element that this encoder built. Whether that is live,
    /// [`EncoderRow::bitrate_change`] says.
    pub fn set_bitrate(&self, encoder: &gst::Element, kbps: u32) {
        match self.row.bitrate {
            BitrateControl::Property { name, per_kbps } => {
                set_if_there(encoder, name, &kbps.saturating_mul(per_kbps).to_string());
            }
            BitrateControl::V4l2Control => encoder.set_property("extra-controls", v4l2_controls(kbps)),
        }
    }

    /// Caps the element is held to.
    pub fn output_caps(&self) -> gst::Caps {
        form::output_caps(self.codec())
    }

    /// The parser behind the element, if its codec needs one.
    ///
    /// # Errors
    /// The parser is not installed.
    pub fn build_parser(&self) -> Result<Option<gst::Element>, MediaError> {
        let Some(factory) = form::parser(self.codec()) else { return Ok(None) };
        let parser = make(factory)?;
        // Parameter sets before every key frame: a viewer may join at any of them.
        parser.set_property("config-interval", -1);
        Ok(Some(parser))
    }
}

/// Shown as in settings.
impl fmt::Display for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.element)
    }
}

/// What has to be paid for a codec, in a sentence.
pub fn licence_note(codec: Codec) -> String {
    let codec_name = codec.to_string();
    match codec {
        Codec::H264 | Codec::H265 => {
            gettext_f("{codec} may need a licence from its patent pools.", &[("codec", &codec_name)])
        }
        Codec::Vp8 | Codec::Vp9 | Codec::Av1 => gettext_f("{codec} is royalty-free.", &[("codec", &codec_name)]),
    }
}

/// Sets what not every version of the element has, or not with this value.
fn set_if_there(element: &gst::Element, property: &str, text: &str) -> bool {
    let Some(spec) = element.find_property(property) else { return false };
    let Ok(value) = glib::Value::deserialize_with_pspec(&meant(text), &spec) else { return false };
    let present = element.property_value(property);
    // Some encoders begin anew when told what they already do.
    if present.compare(&value) != Some(std::cmp::Ordering::Equal) {
        element.set_property_from_value(property, &value);
    }
    true
}

/// What a value of the table means on this machine.
fn meant(value: &str) -> Cow<'_, str> {
    if value == HALF_THE_CORES {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        (cores / 2).clamp(1, 4).to_string().into()
    } else {
        value.into()
    }
}

/// All that V4L2's drivers are told. Setting this property sets the bitrate of a running one too.
fn v4l2_controls(kbps: u32) -> gst::Structure {
    gst::Structure::builder("controls")
        .field("video_bitrate", kbps.saturating_mul(1000).cast_signed())
        // 1 is constant, so that the link is never overrun for a second to save bits later.
        .field("video_bitrate_mode", 1)
        .field("video_b_frames", 0)
        // A viewer may join at any key frame.
        .field("repeat_sequence_header", 1)
        .build()
}

/// Hands requests for key frames to an element that only takes a signal. Before the first frame
/// it has nothing to force, and some versions crash.
fn force_keyframes_by_signal(encoder: &gst::Element, signal: &'static str) {
    use std::sync::atomic::{AtomicBool, Ordering};
    let Some(pad) = encoder.static_pad("src") else { return };
    if glib::subclass::SignalId::lookup(signal, encoder.type_()).is_none() {
        return;
    }
    let has_begun = AtomicBool::new(false);
    let wanted = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_UPSTREAM;
    pad.add_probe(wanted, move |pad, info| {
        match &info.data {
            Some(gst::PadProbeData::Buffer(_)) => has_begun.store(true, Ordering::Relaxed),
            Some(gst::PadProbeData::Event(event))
                if gst_video::ForceKeyUnitEvent::is(event) && has_begun.load(Ordering::Relaxed) =>
            {
                if let Some(encoder) = pad.parent_element() {
                    encoder.emit_by_name::<()>(signal, &[]);
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// The encoder for what the operator chose.
///
/// # Errors
/// The encoder named is not installed for this codec, or none is.
pub fn choose_encoder(codec: Codec, choice: &ElementChoice) -> Result<Encoder, MediaError> {
    let mut installed = Encoder::installed().into_iter().filter(|encoder| encoder.codec() == codec);
    match choice {
        ElementChoice::Automatic => {
            // The one to install where there is none is the one that needs no hardware.
            installed.next().ok_or_else(|| MediaError::MissingElement { factory: software(codec).into() })
        }
        ElementChoice::Named(name) => {
            let rows = ROWS.iter().filter(|row| row.codec == codec);
            if rows.clone().any(|row| row.element == name) {
                return installed
                    .find(|encoder| encoder.element == *name)
                    .ok_or_else(|| MediaError::MissingElement { factory: name.clone() });
            }
            let known = installed.clone().map(|encoder| encoder.element).collect::<Vec<_>>().join(", ");
            installed.find(|encoder| encoder.element == *name).ok_or_else(|| MediaError::UnknownEncoder {
                name: name.clone(),
                codec: codec.to_string(),
                known,
            })
        }
    }
}

fn software(codec: Codec) -> &'static str {
    let row = ROWS.iter().find(|row| row.codec == codec && row.family == DeviceFamily::Software);
    row.map_or("", |row| row.element)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoder(element: &str, device: Device) -> Encoder {
        let row = ROWS.iter().find(|row| row.element == element).unwrap();
        Encoder { row, element: element.into(), device }
    }

    #[test]
    fn software_knows_every_setting_of_its_row() {
        crate::media::init().unwrap();
        let installed = Encoder::installed();
        for encoder in installed.iter().filter(|encoder| *encoder.device() == Device::Software) {
            let element = encoder.build(1000, 30).unwrap();
            for (property, value) in encoder.row.settings {
                assert!(set_if_there(&element, property, value), "{encoder}: {property}={value}");
            }
            if let Some(distance) = encoder.row.keyframes.distance {
                assert!(set_if_there(&element, distance, "300"), "{encoder}: {distance}");
            }
            let BitrateControl::Property { name, per_kbps } = encoder.row.bitrate else { panic!("{encoder}") };
            let kbps = element.property_value(name).transform::<i64>().unwrap().get::<i64>().unwrap();
            assert_eq!(kbps, 1000 * i64::from(per_kbps), "{encoder}");
        }
    }

    #[test]
    fn no_two_rows_are_of_the_same_element() {
        for (index, row) in ROWS.iter().enumerate() {
            assert!(ROWS[..index].iter().all(|other| other.element != row.element), "{}", row.element);
        }
    }

    #[test]
    fn a_label_says_the_device_where_there_may_be_several() {
        assert_eq!(encoder("x264enc", Device::Software).label(), "x264");
        assert_eq!(encoder("nvcudah264enc", Device::Nvidia { gpu: 1 }).label(), "NVENC on GPU 1");
        let node = "/dev/dri/renderD129".into();
        assert_eq!(encoder("vah264enc", Device::Va { node }).label(), "VA-API on /dev/dri/renderD129");
    }

    #[test]
    fn an_encoder_that_is_no_encoder_of_the_codec_is_refused() {
        crate::media::init().unwrap();
        let choose = |name: &str| choose_encoder(Codec::Vp8, &ElementChoice::Named(name.into()));
        assert!(matches!(choose("x264enc"), Err(MediaError::UnknownEncoder { .. })));
        assert!(matches!(choose("identity"), Err(MediaError::UnknownEncoder { .. })));
    }
}
