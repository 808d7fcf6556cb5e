//! A graphics card for machines that have none: stand-ins for its elements, in this process only.
//!
//! Nothing here touches a card. Pictures stay in the processor's memory all the time, x264 encodes
//! them, and only their caps say where a card would have them: which is what plans, pipelines and
//! the count of sessions are made by.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use gst::{glib, prelude::*, subclass::prelude::*};
use gst_app::gst_base::{self, subclass::prelude::*};
use heliograph::media::{
    Encoder, Memory,
    availability::{Availability, Verdict},
};

use super::wait_for;

/// Encoders that the card has open.
static SESSIONS: AtomicU32 = AtomicU32::new(0);

/// The card's elements. Their classes know these factories for good, so they are made once.
static FACTORIES: OnceLock<Vec<gst::ElementFactory>> = OnceLock::new();

/// The card, under the names of real elements for as long as this value lives.
pub struct Card;

impl Card {
    /// The encoder: takes pictures of the card and of the processor.
    pub const ENCODER: &str = "nvcudah264enc";
    /// The encoder of a board, which takes pictures of the board only.
    pub const BOARD_ENCODER: &str = "nvv4l2h264enc";
    /// So many encoders it takes at once.
    pub const MOST_SESSIONS: u32 = 3;

    /// Puts the card's elements in.
    pub fn plug_in() -> Self {
        heliograph::media::init().unwrap();
        for factory in FACTORIES.get_or_init(register) {
            gst::Registry::get().add_feature(factory).unwrap();
        }
        Self
    }

    /// As `plug_in`, and says that it works. Call this when the program has begun to try its own
    /// encoders: it would try this one too, in another process, where there is none.
    pub fn plug_in_as_tried() -> Self {
        let software = encoder("x264enc");
        let found = Availability::of_this_machine();
        wait_for("the trials", Duration::from_secs(20), || found.verdict(&software));
        let card = Self::plug_in();
        found.note(&encoder(Self::ENCODER), Verdict::Works);
        card
    }

    /// How many encoders it has open.
    pub fn sessions() -> u32 {
        SESSIONS.load(Ordering::SeqCst)
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        Availability::of_this_machine().note(&encoder(Self::ENCODER), Verdict::NotInstalled);
        for factory in FACTORIES.get().unwrap() {
            gst::Registry::get().remove_feature(factory);
        }
    }
}

fn register() -> Vec<gst::ElementFactory> {
    let elements = [
        (Card::ENCODER, CardEncoder::static_type()),
        (Card::BOARD_ENCODER, BoardEncoder::static_type()),
        ("cudaupload", Upload::static_type()),
        ("cudadownload", Download::static_type()),
        ("cudaconvertscale", ConvertScale::static_type()),
        ("nvvidconv", BoardConvert::static_type()),
    ];
    let register = |(name, of_type): (&str, glib::Type)| {
        assert!(gst::ElementFactory::find(name).is_none(), "there is a real {name}");
        gst::Element::register(None, name, gst::Rank::NONE, of_type).unwrap();
        let factory = gst::ElementFactory::find(name).unwrap();
        gst::Registry::get().remove_feature(&factory);
        factory
    };
    elements.map(register).into()
}

/// An installed encoder.
pub fn encoder(element: &str) -> Encoder {
    Encoder::installed().into_iter().find(|encoder| encoder.element() == element).unwrap()
}

/// Raw pictures as the card's elements take and give them, in any of these memories.
fn pictures(memories: &[Memory]) -> gst::Caps {
    let mut all = gst::Caps::new_empty();
    for memory in memories {
        let pictures = gst::Structure::builder("video/x-raw").field("format", "NV12").build();
        all.get_mut().unwrap().append_structure_full(pictures, features(*memory));
    }
    all
}

fn features(memory: Memory) -> Option<gst::CapsFeatures> {
    memory.caps_feature().map(|feature| gst::CapsFeatures::new([feature]))
}

fn templates(sink: &gst::Caps, src: &gst::Caps) -> [gst::PadTemplate; 2] {
    [("sink", gst::PadDirection::Sink, sink), ("src", gst::PadDirection::Src, src)]
        .map(|(name, direction, caps)| gst::PadTemplate::new(name, direction, gst::PadPresence::Always, caps).unwrap())
}

fn about(class: &'static str) -> gst::subclass::ElementMetadata {
    gst::subclass::ElementMetadata::new("Stand-in of a card", class, "Says where pictures would lie", "Heliograph")
}

/// An element that passes buffers on as they are, with caps that say another memory.
macro_rules! carrier {
    ($module:ident, $name:ident, $type_name:literal, $from:expr, $to:expr) => {
        mod $module {
            use super::*;

            #[derive(Default)]
            pub struct $name;

            #[glib::object_subclass]
            impl ObjectSubclass for $name {
                const NAME: &'static str = $type_name;
                type Type = super::$name;
                type ParentType = gst_base::BaseTransform;
            }

            impl ObjectImpl for $name {
                fn properties() -> &'static [glib::ParamSpec] {
                    static PROPERTIES: OnceLock<[glib::ParamSpec; 1]> = OnceLock::new();
                    PROPERTIES.get_or_init(|| [glib::ParamSpecBoolean::builder("add-borders").build()])
                }

                fn set_property(&self, _: usize, _: &glib::Value, _: &glib::ParamSpec) {}

                fn property(&self, _: usize, _: &glib::ParamSpec) -> glib::Value {
                    false.to_value()
                }
            }

            impl GstObjectImpl for $name {}

            impl ElementImpl for $name {
                fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
                    static METADATA: OnceLock<gst::subclass::ElementMetadata> = OnceLock::new();
                    Some(METADATA.get_or_init(|| about("Filter/Converter/Video/Hardware")))
                }

                fn pad_templates() -> &'static [gst::PadTemplate] {
                    static TEMPLATES: OnceLock<[gst::PadTemplate; 2]> = OnceLock::new();
                    TEMPLATES.get_or_init(|| templates(&pictures($from), &pictures($to)))
                }
            }

            impl BaseTransformImpl for $name {
                const MODE: gst_base::subclass::BaseTransformMode =
                    gst_base::subclass::BaseTransformMode::AlwaysInPlace;
                const PASSTHROUGH_ON_SAME_CAPS: bool = true;
                const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

                fn transform_caps(
                    &self,
                    direction: gst::PadDirection,
                    caps: &gst::Caps,
                    filter: Option<&gst::Caps>,
                ) -> Option<gst::Caps> {
                    let memories: &[Memory] = if direction == gst::PadDirection::Src { $from } else { $to };
                    let mut other = gst::Caps::new_empty();
                    for (structure, memory) in caps.iter().flat_map(|fields| memories.iter().map(move |m| (fields, m)))
                    {
                        other.get_mut().unwrap().append_structure_full(structure.to_owned(), features(*memory));
                    }
                    Some(filter.map_or(other.clone(), |filter| filter.intersect(&other)))
                }

                fn transform_ip(&self, _: &mut gst::BufferRef) -> Result<gst::FlowSuccess, gst::FlowError> {
                    Ok(gst::FlowSuccess::Ok)
                }
            }
        }

        glib::wrapper! {
            pub struct $name(ObjectSubclass<$module::$name>)
                @extends gst_base::BaseTransform, gst::Element, gst::Object;
        }
    };
}

carrier!(upload, Upload, "HlgStandInUpload", &[Memory::System], &[Memory::Cuda]);
carrier!(download, Download, "HlgStandInDownload", &[Memory::Cuda], &[Memory::System]);
carrier!(convert_scale, ConvertScale, "HlgStandInConvertScale", &[Memory::Cuda], &[Memory::Cuda]);
carrier!(board, BoardConvert, "HlgStandInBoard", &[Memory::System, Memory::Nvmm], &[Memory::Nvmm, Memory::System]);
carrier!(fetch, Fetch, "HlgStandInFetch", &[Memory::Cuda, Memory::Nvmm, Memory::System], &[Memory::System]);

/// A hardware encoder, with x264 in place of the hardware.
macro_rules! hardware_encoder {
    ($module:ident, $name:ident, $type_name:literal, $memories:expr, $most_sessions:expr) => {
        mod $module {
            use super::*;

            #[derive(Default)]
            pub struct $name;

            #[glib::object_subclass]
            impl ObjectSubclass for $name {
                const NAME: &'static str = $type_name;
                type Type = super::$name;
                type ParentType = gst::Bin;
            }

            impl ObjectImpl for $name {
                fn constructed(&self) {
                    self.parent_constructed();
                    encode_in_software(self.obj().upcast_ref());
                }
            }

            impl GstObjectImpl for $name {}

            impl ElementImpl for $name {
                fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
                    static METADATA: OnceLock<gst::subclass::ElementMetadata> = OnceLock::new();
                    Some(METADATA.get_or_init(|| about("Codec/Encoder/Video/Hardware")))
                }

                fn pad_templates() -> &'static [gst::PadTemplate] {
                    static TEMPLATES: OnceLock<[gst::PadTemplate; 2]> = OnceLock::new();
                    TEMPLATES
                        .get_or_init(|| templates(&pictures($memories), &gst::Caps::new_empty_simple("video/x-h264")))
                }

                /// Sessions are taken and given back as drivers do, on the way to READY and back.
                fn change_state(
                    &self,
                    change: gst::StateChange,
                ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
                    match change {
                        gst::StateChange::NullToReady => take_session($most_sessions)?,
                        gst::StateChange::ReadyToNull => {
                            SESSIONS.fetch_sub(1, Ordering::SeqCst);
                        }
                        _ => {}
                    }
                    self.parent_change_state(change)
                }
            }

            impl BinImpl for $name {}
        }

        glib::wrapper! {
            pub struct $name(ObjectSubclass<$module::$name>) @extends gst::Bin, gst::Element, gst::Object;
        }
    };
}

hardware_encoder!(card_encoder, CardEncoder, "HlgCardEncoder", &[Memory::Cuda, Memory::System], Card::MOST_SESSIONS);
hardware_encoder!(board_encoder, BoardEncoder, "HlgBoardEncoder", &[Memory::Nvmm], u32::MAX);

fn take_session(most: u32) -> Result<(), gst::StateChangeError> {
    let more = |open| (open < most).then_some(open + 1);
    SESSIONS.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).map_err(|_| gst::StateChangeError)?;
    Ok(())
}

/// Fills a stand-in's bin.
fn encode_in_software(bin: &gst::Bin) {
    let fetch = glib::Object::new::<Fetch>();
    let encoder = gst::ElementFactory::make("x264enc").build().unwrap();
    encoder.set_property_from_str("tune", "zerolatency");
    encoder.set_property_from_str("speed-preset", "ultrafast");
    bin.add_many([fetch.upcast_ref(), &encoder]).unwrap();
    fetch.link(&encoder).unwrap();
    for (name, element) in [("sink", fetch.upcast_ref()), ("src", &encoder)] {
        let template = bin.pad_template(name).unwrap();
        let target = element.static_pad(name).unwrap();
        let pad = gst::GhostPad::builder_from_template_with_target(&template, &target).unwrap().build();
        bin.add_pad(&pad).unwrap();
    }
}
