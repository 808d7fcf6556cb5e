//! The way from a camera's pictures to an encoder: deinterlace, crop, turn, limit the
//! rate, scale, convert, and carry from one memory to another.
//!
//! The way is planned as data and built after that, so that a plan for hardware can be
//! looked at where there is none. What need not be done is not in the plan: each step costs.

use gst::prelude::*;

use super::{MediaError, Memory, element::make, rate_limit::RateLimit};
use crate::config::{Crop, Flip, PictureConfig, Rotation, Size};

/// The name of the filter that holds the size; what changes a size live changes its caps.
pub(super) const SETPOINT: &str = "setpoint";

/// Where the camera's pictures lie, and where and how the encoder takes them.
#[derive(Clone, Debug)]
pub(super) struct Ends<'a> {
    pub(super) from: Memory,
    pub(super) to: Memory,
    /// Raw formats that the encoder takes, 4:2:0 only: encoders follow a camera
    /// into profiles no browser decodes.
    pub(super) formats: &'a [&'a str],
}

/// One step: an element and its settings, or caps to keep to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Element {
        factory: &'static str,
        settings: Vec<(&'static str, String)>,
    },
    /// At most this many pictures a second, changed when the rate is; `None` is no limit.
    Limit(Option<u32>),
    Keep(gst::Caps),
    /// As `Keep`, and changed when the size is.
    Setpoint(gst::Caps),
}

impl Step {
    fn element(factory: &'static str, settings: &[(&'static str, String)]) -> Self {
        Self::Element { factory, settings: settings.to_vec() }
    }
}

/// Where pictures should lie between decoder and encoder: on the card if both are there
/// and what is done to the pictures can be done there, else in the processor's memory.
pub(super) fn meeting_place(decoder: Memory, encoder: Memory, picture: &PictureConfig) -> Memory {
    let turned = direction(picture.rotate, picture.flip) != "identity";
    let easy = !picture.deinterlace && picture.crop == Crop::default();
    let can = match decoder {
        Memory::System => true,
        Memory::Cuda | Memory::Nvmm => easy && !turned,
        Memory::Va => easy,
    };
    if decoder == encoder && can { decoder } else { Memory::System }
}

/// All steps, in order.
pub(super) fn plan(picture: &PictureConfig, ends: &Ends<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    if ends.from == Memory::System {
        steps.extend(shape(picture));
    }
    steps.push(Step::Limit(picture.framerate));
    steps.extend(scale(picture, ends));
    steps.push(Step::Setpoint(setpoint(picture.size, ends.from, ends.formats)));
    steps.extend(carry(ends));
    steps
}

/// What only the processor does.
fn shape(picture: &PictureConfig) -> Vec<Step> {
    let mut steps = Vec::new();
    if picture.deinterlace {
        // Linear looks at one picture only; the better methods wait for the next.
        let settings = [("mode", "auto".to_owned()), ("method", "linear".into()), ("fields", "auto".into())];
        steps.push(Step::element("deinterlace", &settings));
    }
    if picture.crop != Crop::default() {
        // Even edges: 4:2:0 has a colour per two by two pixels.
        let Crop { left, top, right, bottom } = picture.crop;
        let edges = [("left", left), ("top", top), ("right", right), ("bottom", bottom)];
        steps.push(Step::element("videocrop", &edges.map(|(edge, pixels)| (edge, (pixels & !1).to_string()))));
    }
    let direction = direction(picture.rotate, picture.flip);
    if direction != "identity" {
        steps.push(Step::element("videoflip", &[("video-direction", direction.to_owned())]));
    }
    steps
}

/// `GstVideoOrientationMethod` of a turn followed by a flip.
fn direction(rotate: Rotation, flip: Flip) -> &'static str {
    match (rotate, flip) {
        (Rotation::None, Flip::None) => "identity",
        (Rotation::Quarter, Flip::None) => "90r",
        (Rotation::Half, Flip::None) => "180",
        (Rotation::ThreeQuarters, Flip::None) => "90l",
        (Rotation::None, Flip::Horizontal) | (Rotation::Half, Flip::Vertical) => "horiz",
        (Rotation::None, Flip::Vertical) | (Rotation::Half, Flip::Horizontal) => "vert",
        (Rotation::Quarter, Flip::Horizontal) | (Rotation::ThreeQuarters, Flip::Vertical) => "ul-lr",
        (Rotation::Quarter, Flip::Vertical) | (Rotation::ThreeQuarters, Flip::Horizontal) => "ur-ll",
    }
}

/// Converts and scales where the pictures lie.
fn scale(picture: &PictureConfig, ends: &Ends<'_>) -> Vec<Step> {
    let borders = ("add-borders", picture.letterbox.to_string());
    match ends.from {
        Memory::System => vec![Step::element("videoconvert", &[]), Step::element("videoscale", &[borders])],
        Memory::Cuda => vec![Step::element("cudaconvertscale", &[borders])],
        Memory::Va => {
            let direction = ("video-direction", direction(picture.rotate, picture.flip).to_owned());
            vec![Step::element("vapostproc", &[borders, direction])]
        }
        Memory::Nvmm => vec![Step::element("nvvidconv", &[])],
    }
}

/// The caps of the size and of the encoder's formats. Without a size the camera's own is
/// kept, made even where it is odd.
pub(super) fn setpoint(size: Option<Size>, memory: Memory, formats: &[&str]) -> gst::Caps {
    let caps = pictures(formats).field("pixel-aspect-ratio", gst::Fraction::new(1, 1));
    let caps = if let Some(Size { width, height }) = size {
        caps.field("width", width.cast_signed()).field("height", height.cast_signed()).build()
    } else {
        let (least, most) = Size::SIDE.into_inner();
        let even = || gst::IntRange::with_step(least.cast_signed(), most.cast_signed(), 2);
        caps.field("width", even()).field("height", even()).build()
    };
    lying_in(memory, caps)
}

fn pictures(formats: &[&str]) -> gst::caps::Builder<gst::caps::NoFeature> {
    gst::Caps::builder("video/x-raw").field("format", gst::List::new(formats))
}

/// The same caps, for pictures that lie in this memory.
fn lying_in(memory: Memory, mut caps: gst::Caps) -> gst::Caps {
    if let Some(feature) = memory.caps_feature() {
        caps.make_mut().set_features_simple(Some(gst::CapsFeatures::new([feature])));
    }
    caps
}

/// From the memory the pictures were made in to the encoder's.
fn carry(ends: &Ends<'_>) -> Vec<Step> {
    let factory = match (ends.from, ends.to) {
        (from, to) if from == to => return Vec::new(),
        (Memory::Cuda, Memory::System) => "cudadownload",
        (_, Memory::Cuda) => "cudaupload",
        (Memory::Va, _) | (_, Memory::Va) => "vapostproc",
        (Memory::Nvmm, _) | (_, Memory::Nvmm) => "nvvidconv",
        (Memory::System, Memory::System) => return Vec::new(),
    };
    vec![Step::element(factory, &[]), Step::Keep(lying_in(ends.to, pictures(ends.formats).build()))]
}

/// The elements of a plan, in order, and what is changed of it while it runs.
pub(super) struct Chain {
    pub(super) elements: Vec<gst::Element>,
    /// Those of them whose properties an operator may set: all that have properties which no other
    /// setting says.
    pub(super) converters: Vec<gst::Element>,
    /// The filter that holds the size.
    pub(super) setpoint: gst::Element,
    pub(super) rate: RateLimit,
}

/// Whether `picture` in the settings says everything that such an element can be told.
fn is_said_by_the_picture(factory: &str) -> bool {
    matches!(factory, "videocrop" | "videoflip")
}

/// Makes the elements of a plan.
pub(super) fn build(steps: &[Step]) -> Result<Chain, MediaError> {
    let (mut elements, mut converters) = (Vec::new(), Vec::new());
    let (mut setpoint, mut rate) = (None, None);
    for step in steps {
        let element = match step {
            Step::Element { factory, settings } => {
                let element = make(factory)?;
                for (property, value) in settings {
                    element.set_property_from_str(property, value);
                }
                if !is_said_by_the_picture(factory) {
                    converters.push(element.clone());
                }
                element
            }
            Step::Limit(framerate) => {
                let (element, limit) = RateLimit::build(*framerate)?;
                rate = Some(limit);
                element
            }
            Step::Keep(caps) | Step::Setpoint(caps) => {
                let filter = make("capsfilter")?;
                filter.set_property("caps", caps);
                filter
            }
        };
        if matches!(step, Step::Setpoint(_)) {
            element.set_property("name", SETPOINT);
            setpoint = Some(element.clone());
        }
        elements.push(element);
    }
    let setpoint = setpoint.expect("every plan should hold a size");
    let rate = rate.expect("every plan should hold a rate");
    Ok(Chain { elements, converters, setpoint, rate })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: &[&str] = &["NV12", "I420"];

    fn factories(picture: &PictureConfig, from: Memory, to: Memory) -> Vec<&'static str> {
        gst::init().unwrap();
        plan(picture, &Ends { from, to, formats: FORMATS })
            .iter()
            .map(|step| match step {
                Step::Element { factory, .. } => factory,
                Step::Limit(_) => "limit",
                Step::Keep(_) => "keep",
                Step::Setpoint(_) => "setpoint",
            })
            .collect()
    }

    /// The caps features that the plan keeps to, in order.
    fn features(from: Memory, to: Memory) -> Vec<String> {
        gst::init().unwrap();
        plan(&PictureConfig::default(), &Ends { from, to, formats: FORMATS })
            .iter()
            .filter_map(|step| match step {
                Step::Keep(caps) | Step::Setpoint(caps) => Some(caps.features(0).unwrap().to_string()),
                Step::Element { .. } | Step::Limit(_) => None,
            })
            .collect()
    }

    #[test]
    fn what_is_not_asked_for_is_not_done() {
        let plain = PictureConfig::default();
        assert_eq!(
            factories(&plain, Memory::System, Memory::System),
            ["limit", "videoconvert", "videoscale", "setpoint"]
        );
    }

    #[test]
    fn everything_is_done_in_the_order_that_was_promised() {
        let picture = PictureConfig {
            deinterlace: true,
            crop: Crop { left: 3, ..Crop::default() },
            rotate: Rotation::Quarter,
            flip: Flip::Horizontal,
            framerate: Some(15),
            ..PictureConfig::default()
        };
        let wanted = ["deinterlace", "videocrop", "videoflip", "limit", "videoconvert", "videoscale", "setpoint"];
        assert_eq!(factories(&picture, Memory::System, Memory::System), wanted);
        let steps = plan(&picture, &Ends { from: Memory::System, to: Memory::System, formats: FORMATS });
        assert!(steps.contains(&Step::element("videoflip", &[("video-direction", "ul-lr".into())])));
        let Step::Element { settings, .. } = &steps[1] else { panic!("the crop should be an element") };
        assert_eq!(settings[0], ("left", "2".into()), "edges should be even");
    }

    #[test]
    fn pictures_stay_on_the_card_from_decoder_to_encoder() {
        let plain = PictureConfig::default();
        for memory in [Memory::Cuda, Memory::Va, Memory::Nvmm] {
            let place = meeting_place(memory, memory, &plain);
            assert_eq!(place, memory);
            let feature = memory.caps_feature().unwrap();
            assert_eq!(features(place, memory), [feature], "no step should leave {memory}");
        }
        assert_eq!(factories(&plain, Memory::Cuda, Memory::Cuda), ["limit", "cudaconvertscale", "setpoint"]);
    }

    #[test]
    fn pictures_come_down_for_what_the_card_cannot_do() {
        let cropped = PictureConfig { crop: Crop { top: 8, ..Crop::default() }, ..PictureConfig::default() };
        let turned = PictureConfig { rotate: Rotation::Half, ..PictureConfig::default() };
        assert_eq!(meeting_place(Memory::Cuda, Memory::Cuda, &cropped), Memory::System);
        assert_eq!(meeting_place(Memory::Cuda, Memory::Cuda, &turned), Memory::System);
        assert_eq!(meeting_place(Memory::Va, Memory::Va, &turned), Memory::Va);
        assert_eq!(meeting_place(Memory::Cuda, Memory::Va, &PictureConfig::default()), Memory::System);
        let up = factories(&cropped, Memory::System, Memory::Cuda);
        assert_eq!(up, ["videocrop", "limit", "videoconvert", "videoscale", "setpoint", "cudaupload", "keep"]);
        assert_eq!(features(Memory::System, Memory::Cuda), ["memory:SystemMemory", "memory:CUDAMemory"]);
    }

    /// Sends white 4:3 pictures (320×240 at 30, a little unevenly) through a plan, and gives back
    /// what comes out: its caps, how many, and the brightness in the middle and at the left edge.
    fn white_through(picture: &PictureConfig, count: u64) -> (gst::Caps, usize, u8, u8) {
        gst::init().unwrap();
        let ends = Ends { from: Memory::System, to: Memory::System, formats: &["I420"] };
        let steps = build(&plan(picture, &ends)).unwrap().elements;
        let caps = "video/x-raw, format=I420, width=320, height=240, framerate=30/1, pixel-aspect-ratio=1/1";
        let source = gst_app::AppSrc::builder().caps(&caps.parse().unwrap()).format(gst::Format::Time).build();
        let sink = gst_app::AppSink::builder().sync(false).build();
        let pipeline = gst::Pipeline::new();
        let mut chain: Vec<&gst::Element> = vec![source.upcast_ref()];
        chain.extend(&steps);
        chain.push(sink.upcast_ref());
        crate::media::element::add_and_link(&pipeline, &chain).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        for number in 0..count {
            let mut buffer = gst::Buffer::from_slice(vec![235_u8; 320 * 240 * 3 / 2]);
            let uneven = [0, 9, 4, 13][number as usize % 4];
            let pts =
                gst::ClockTime::from_nseconds(number * 1_000_000_000 / 30) + gst::ClockTime::from_mseconds(uneven);
            buffer.get_mut().unwrap().set_pts(pts);
            source.push_buffer(buffer).unwrap();
        }
        source.end_of_stream().unwrap();
        let samples: Vec<gst::Sample> = std::iter::from_fn(|| sink.pull_sample().ok()).collect();
        pipeline.set_state(gst::State::Null).unwrap();
        let last = samples.last().expect("pictures should come through");
        let video = gst_video::VideoInfo::from_caps(last.caps().unwrap()).unwrap();
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(last.buffer().unwrap(), &video).unwrap();
        let (luma, stride) = (frame.plane_data(0).unwrap(), video.stride()[0] as usize);
        let middle = video.height() as usize / 2 * stride;
        let brightness = (luma[middle + video.width() as usize / 2], luma[middle]);
        (last.caps_owned().unwrap(), samples.len(), brightness.0, brightness.1)
    }

    fn size(caps: &gst::Caps) -> (i32, i32) {
        let fields = caps.structure(0).unwrap();
        (fields.get("width").unwrap(), fields.get("height").unwrap())
    }

    #[test]
    fn pictures_come_out_in_the_shape_asked_for() {
        let quarter = PictureConfig { rotate: Rotation::Quarter, ..PictureConfig::default() };
        assert_eq!(size(&white_through(&quarter, 3).0), (240, 320));
        let crop = Crop { left: 101, top: 20, right: 0, bottom: 20 };
        let cropped = PictureConfig { crop, ..PictureConfig::default() };
        assert_eq!(size(&white_through(&cropped, 3).0), (220, 200));
        let deinterlaced = PictureConfig { deinterlace: true, ..PictureConfig::default() };
        assert_eq!(size(&white_through(&deinterlaced, 3).0), (320, 240));
    }

    #[test]
    fn a_letterbox_has_black_bars_and_no_other_picture_has() {
        let wide = PictureConfig { size: Size::new(640, 240).ok(), ..PictureConfig::default() };
        let (caps, _, middle, edge) = white_through(&wide, 3);
        assert_eq!((size(&caps), middle > 200, edge > 200), ((640, 240), true, true));
        let (caps, _, middle, edge) = white_through(&PictureConfig { letterbox: true, ..wide }, 3);
        assert_eq!((size(&caps), middle > 200, edge < 40), ((640, 240), true, true));
    }

    #[test]
    fn a_limited_rate_is_told_to_the_encoder() {
        let limited = PictureConfig { framerate: Some(15), ..PictureConfig::default() };
        let (caps, count, ..) = white_through(&limited, 120);
        assert!((56..=64).contains(&count), "{count} of 120");
        let told = caps.structure(0).unwrap().get::<gst::Fraction>("framerate").unwrap();
        assert_eq!(told, gst::Fraction::new(15, 1));
    }
}
