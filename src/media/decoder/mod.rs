//! The catalogue of decoders: what makes pictures of a camera's stream.
//!
//! [`Decoder::installed`] lists what this machine has for a codec, hardware first;
//! each device is an entry of its own. Whether one works, only a trial tells: see
//! `availability`.

mod catalogue;
mod codec;
#[cfg(test)]
mod delay;
mod threading;
mod trial;

use std::path::{Path, PathBuf};

use gst::prelude::*;

pub use codec::InputCodec;
pub use threading::Threading;

use super::{Device, MediaError, Memory, availability::Availability};
use crate::config::ElementChoice;
use catalogue::{Family, NamedDevice, SOFTWARE, hardware};

/// One decoder element and how it is driven for live pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoder {
    element: String,
    codec: InputCodec,
    device: Device,
    family: Family,
    held_frames: u32,
}

impl Decoder {
    /// The decoders that are installed for a codec, the preferred first.
    pub fn installed(codec: InputCodec) -> Vec<Self> {
        let caps = gst::Caps::new_empty_simple(codec.caps_name());
        let factories =
            gst::ElementFactory::factories_with_type(gst::ElementFactoryType::DECODER, gst::Rank::NONE).into_iter();
        let hardware = factories
            .filter(|factory| factory.can_sink_any_caps(&caps))
            .filter_map(|factory| Self::on_hardware(codec, &factory));
        let mut decoders: Vec<_> = hardware.chain(Self::on_processor(codec)).collect();
        // Stable, so software keeps the order of its table.
        decoders.sort_by_key(|decoder| (decoder.family.min(Family::Libav), decoder.device.key()));
        decoders
    }

    fn on_processor(codec: InputCodec) -> impl Iterator<Item = Self> {
        let rows = SOFTWARE.iter().filter(move |row| row.codec == codec);
        rows.filter(|row| gst::ElementFactory::find(row.element).is_some()).map(move |row| Self {
            element: row.element.into(),
            codec,
            device: Device::Software,
            family: row.family,
            held_frames: row.held_frames,
        })
    }

    fn on_hardware(codec: InputCodec, factory: &gst::ElementFactory) -> Option<Self> {
        let (family, named) = hardware(codec, &factory.plugin()?.plugin_name(), &factory.name())?;
        let device = device_of(factory, family, &named);
        Some(Self { element: factory.name().into(), codec, device, family, held_frames: 0 })
    }

    /// The element's factory name, also the name in settings.
    pub fn element(&self) -> &str {
        &self.element
    }

    /// What it takes.
    pub fn codec(&self) -> InputCodec {
        self.codec
    }

    /// What it runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Where its pictures lie if nothing behind it asks for another place. Every decoder
    /// can also put them into the processor's memory, except a Jetson's, which needs
    /// `nvvidconv` behind it.
    pub fn output_memory(&self) -> Memory {
        match self.family {
            Family::Nvdec => Memory::Cuda,
            Family::Va => Memory::Va,
            Family::Jetson => Memory::Nvmm,
            Family::V4l2 | Family::V4l2Stateless | Family::Libav | Family::Software => Memory::System,
        }
    }

    /// What people read: the element, and the device where there may be several.
    pub fn words(&self) -> String {
        if self.device.is_hardware() {
            format!("{} ({})", self.element, self.device.words())
        } else {
            self.element.clone()
        }
    }

    /// How it should use threads for pictures of this size, in pixels. Up to 1920×1080
    /// threads add nothing to the delay; above, [`Threading::added_frames`] says how much.
    pub fn threading_for(&self, width: u32, height: u32) -> Threading {
        match self.family {
            Family::Libav if self.codec != InputCodec::Mjpeg => Threading::for_picture(width, height),
            _ => Threading::OfItsOwn,
        }
    }

    /// Frames of delay with these threads: those of the threads, and those that a few
    /// decoders hold back whatever they are told.
    pub fn added_frames(&self, threading: Threading) -> u32 {
        self.held_frames + threading.added_frames()
    }

    /// The element, set up for live pictures. Threads are fixed when the stream starts:
    /// a camera that changes to another size class needs another element.
    ///
    /// # Errors
    /// The element is not installed.
    pub fn build(&self, threading: Threading) -> Result<gst::Element, MediaError> {
        let decoder = gst::ElementFactory::make(&self.element)
            .build()
            .map_err(|_| MediaError::MissingElement { factory: self.element.clone() })?;
        match self.family {
            Family::Libav => set_up_libav(&decoder, threading),
            // Pictures leave as soon as they are decoded, and not four later.
            Family::Nvdec => set_if_there(&decoder, "max-display-delay", "0"),
            Family::Jetson => {
                // Without these, it keeps a buffer of pictures to put them into order, which a
                // stream without B-frames already is.
                set_if_there(&decoder, "disable-dpb", "true");
                set_if_there(&decoder, "enable-max-performance", "true");
            }
            // dav1d: one frame in the works, so the threads share its tiles.
            Family::Software => set_if_there(&decoder, "max-frame-delay", "1"),
            Family::Va | Family::V4l2 | Family::V4l2Stateless => {}
        }
        Ok(decoder)
    }
}

/// FFmpeg's decoders choose by whether the pipeline is live, which they find out too
/// late or not at all behind an `appsrc`; so they are told.
fn set_up_libav(decoder: &gst::Element, threading: Threading) {
    // `strict` holds back as many pictures as the level allows B-frames, for a stream that
    // does not say how many it has. `normal` begins with none and learns.
    set_if_there(decoder, "std-compliance", "normal");
    let (kind, threads) = match threading {
        Threading::OfItsOwn => return,
        Threading::Slices(threads) => ("slice", threads),
        Threading::Frames(threads) => ("frame", threads),
    };
    set_if_there(decoder, "thread-type", kind);
    set_if_there(decoder, "max-threads", &threads.to_string());
}

/// Sets what not every version of the element has.
fn set_if_there(element: &gst::Element, property: &str, value: &str) {
    if element.has_property(property) {
        element.set_property_from_str(property, value);
    }
}

/// The device behind a hardware decoder: what its name says, or else what it says itself.
fn device_of(factory: &gst::ElementFactory, family: Family, named: &NamedDevice) -> Device {
    match family {
        Family::Jetson => Device::Jetson,
        Family::Nvdec => Device::Nvidia {
            gpu: match named {
                NamedDevice::Gpu(gpu) => *gpu,
                _ => own_word(factory, &["cuda-device-id"]).and_then(|id| id.parse().ok()).unwrap_or(0),
            },
        },
        Family::Va => Device::Va { node: node_of(factory, named, "/dev/dri", "renderD128") },
        Family::V4l2 | Family::V4l2Stateless => Device::V4l2 { node: node_of(factory, named, "/dev", "video0") },
        Family::Libav | Family::Software => Device::Software,
    }
}

fn node_of(factory: &gst::ElementFactory, named: &NamedDevice, folder: &str, first: &str) -> PathBuf {
    match named {
        NamedDevice::Node(node) => Path::new(folder).join(node),
        _ => own_word(factory, &["device-path", "video-device", "device"])
            .map_or_else(|| Path::new(folder).join(first), PathBuf::from),
    }
}

/// What a new element says of its device in the first of these properties that it has.
/// Making an element opens nothing; that happens on its way to READY.
fn own_word(factory: &gst::ElementFactory, properties: &[&str]) -> Option<String> {
    let element = factory.create().build().ok()?;
    let property = properties.iter().find(|property| element.has_property(property))?;
    let value = element.property_value(property);
    let value = value.transform::<String>().ok()?;
    value.get::<Option<String>>().ok()?.filter(|word| !word.is_empty())
}

/// The decoder for what the operator chose. The automatic one is the best that is known
/// to work; until the trials are over, software, unless there is only hardware.
///
/// # Errors
/// The decoder named is not installed for this codec, or none is.
pub fn choose_decoder(codec: InputCodec, choice: &ElementChoice) -> Result<Decoder, MediaError> {
    let installed = Decoder::installed(codec);
    match choice {
        ElementChoice::Automatic => {
            let automatic = Availability::of_this_machine().choose(&installed).map(|automatic| automatic.picked);
            let decoder = automatic.or(installed.first()).cloned();
            decoder.ok_or_else(|| MediaError::MissingElement { factory: first_of(codec) })
        }
        ElementChoice::Named(name) => {
            let known = installed.iter().map(Decoder::element).collect::<Vec<_>>().join(", ");
            installed.into_iter().find(|decoder| decoder.element == *name).ok_or_else(|| MediaError::UnknownDecoder {
                name: name.clone(),
                codec: codec.to_string(),
                known,
            })
        }
    }
}

/// The decoder to install where there is none.
fn first_of(codec: InputCodec) -> String {
    SOFTWARE.iter().find(|row| row.codec == codec).map_or("", |row| row.element).into()
}
