//! What an element is in a pipeline, by its factory's name.

use std::borrow::Cow;

use super::encoder::{self, Row};
use crate::{config::Codec, i18n::gettext};

/// What an element is in a pipeline.
#[derive(Clone, Copy)]
pub(super) enum Role {
    /// Where the picture comes from.
    Source(Source),
    /// It encodes.
    Encoder(&'static Row),
    /// It decodes pictures, as a decoder that a feed can name.
    Decoder,
    /// It changes the picture.
    Picture(Picture),
    /// Caps in the form of an element.
    CapsFilter,
    /// A microphone.
    AudioDevice,
    /// A tone or silence.
    AudioTest,
    /// It handles the camera's own sound.
    CameraAudio,
    /// It encodes sound.
    AudioEncoder,
    /// It sends to viewers, as Heliograph does.
    Sink,
    /// Heliograph has such an element of its own where it is needed; it may tell what the
    /// camera sends.
    Own(Option<Codec>),
    /// It has no counterpart, for this reason.
    Without(fn() -> String),
}

/// Sources, by what they name.
#[derive(Clone, Copy)]
pub(super) enum Source {
    Rtsp,
    Device,
    File,
    Test,
    /// An address of any kind.
    Address,
}

/// What is done to a picture.
#[derive(Clone, Copy)]
pub(super) enum Picture {
    Scale,
    Rate,
    Flip,
    Crop,
    Deinterlace,
}

/// The decoders that a feed can name.
const DECODERS: &[&str] = &[
    "avdec_h264",
    "avdec_h265",
    "avdec_mjpeg",
    "jpegdec",
    "openh264dec",
    "libde265dec",
    "nvh264dec",
    "nvh264sldec",
    "nvh265dec",
    "nvh265sldec",
    "nvjpegdec",
    "vah264dec",
    "vah265dec",
    "vajpegdec",
    "v4l2h264dec",
    "v4l2h265dec",
    "v4l2slh264dec",
    "v4l2slh265dec",
    "v4l2jpegdec",
    "nvv4l2decoder",
    "vp8dec",
    "vp9dec",
    "av1dec",
    "dav1ddec",
];

/// Work that needs no setting: Heliograph does it where it has to be done.
const OWN: &[&str] = &[
    "queue",
    "queue2",
    "multiqueue",
    "tee",
    "videoconvert",
    "autovideoconvert",
    "cudaupload",
    "cudadownload",
    "cudaconvert",
    "glupload",
    "gldownload",
    "glcolorconvert",
    "nvvidconv",
    "nvvideoconvert",
    "vapostproc",
    "parsebin",
    "decodebin",
    "decodebin3",
    "rtpbin",
    "rtpjitterbuffer",
    "audioconvert",
    "audioresample",
    "qtdemux",
    "matroskademux",
    "tsdemux",
    "flvdemux",
    "avidemux",
    "autovideosink",
    "glimagesink",
    "xvimagesink",
    "ximagesink",
    "waylandsink",
    "gtksink",
    "gtk4paintablesink",
    "autoaudiosink",
    "pulsesink",
    "fakesink",
    "fakevideosink",
];

impl Role {
    pub(super) fn of(factory: &str) -> Self {
        let family = without_device(factory);
        if let Some(row) = encoder::ROWS.iter().find(|row| row.element == family) {
            return Self::Encoder(row);
        }
        if DECODERS.contains(&&*family) {
            return Self::Decoder;
        }
        match factory {
            "rtspsrc" | "rtspsrc2" => Self::Source(Source::Rtsp),
            "v4l2src" => Self::Source(Source::Device),
            "filesrc" => Self::Source(Source::File),
            "videotestsrc" => Self::Source(Source::Test),
            "uridecodebin" | "uridecodebin3" | "urisourcebin" | "playbin" | "playbin3" => Self::Source(Source::Address),
            "videoscale" | "videoconvertscale" | "cudascale" | "cudaconvertscale" => Self::Picture(Picture::Scale),
            "videorate" => Self::Picture(Picture::Rate),
            "videoflip" => Self::Picture(Picture::Flip),
            "videocrop" => Self::Picture(Picture::Crop),
            "deinterlace" | "avdeinterlace" => Self::Picture(Picture::Deinterlace),
            "capsfilter" | "capssetter" => Self::CapsFilter,
            "pulsesrc" | "alsasrc" | "pipewiresrc" | "autoaudiosrc" => Self::AudioDevice,
            "audiotestsrc" => Self::AudioTest,
            "opusenc" => Self::AudioEncoder,
            "webrtcbin" | "webrtcsink" => Self::Sink,
            name if is_audio(name) => Self::CameraAudio,
            name if OWN.contains(&name) || is_rtp_or_parser(name) => Self::Own(input(name)),
            name => Self::Without(reason(name)),
        }
    }
}

/// Plugins for hardware name one element per device: `nvh264device1enc`, `varenderD129h264dec`
/// and `v4l2video11h264enc` are driven as `nvh264enc`, `vah264dec` and `v4l2h264enc` are.
fn without_device(factory: &str) -> Cow<'_, str> {
    let hardware = [("nv", "device"), ("va", "renderD"), ("v4l2", "video")];
    for (family, device) in hardware {
        if factory.starts_with(family)
            && let Some((front, rest)) = factory.split_once(device)
        {
            let number = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            // The digits of a codec follow a letter: `renderD129h264enc`.
            return if number.len() < rest.len() {
                Cow::Owned(format!("{front}{number}"))
            } else {
                Cow::Borrowed(factory)
            };
        }
    }
    Cow::Borrowed(factory)
}

/// Depayloaders and decoders of what cameras send as sound.
fn is_audio(name: &str) -> bool {
    let forms = ["opus", "pcma", "pcmu", "mp4a", "mp4g", "L16", "L24", "g722", "g726"];
    let depay = name.strip_prefix("rtp").and_then(|name| name.strip_suffix("depay"));
    depay.is_some_and(|form| forms.contains(&form))
        || matches!(
            name,
            "avdec_aac" | "faad" | "fdkaacdec" | "mulawdec" | "alawdec" | "opusdec" | "aacparse" | "opusparse"
        )
}

fn is_rtp_or_parser(name: &str) -> bool {
    let rtp = name.starts_with("rtp") && (name.contains("pay") || name.contains("depay"));
    rtp || matches!(name, "h264parse" | "h265parse" | "jpegparse" | "av1parse" | "vp8parse" | "vp9parse")
}

fn input(name: &str) -> Option<Codec> {
    match name {
        "rtph264depay" => Some(Codec::H264),
        "rtph265depay" => Some(Codec::H265),
        _ => None,
    }
}

/// Why an element has no counterpart, as exactly as its name tells.
fn reason(name: &str) -> fn() -> String {
    if name.ends_with("enc") || name.contains("enc_") {
        || gettext("Heliograph does not use this encoder; it picks one for the feed's codec.")
    } else if name.ends_with("dec") || name.starts_with("avdec_") {
        || gettext("Heliograph does not use this decoder; it picks one for what the camera sends.")
    } else if name.ends_with("sink") {
        || gettext("Heliograph does not send there; choose a connector for the feed.")
    } else if name.ends_with("src") {
        || gettext("Heliograph has no such source.")
    } else {
        || gettext("Heliograph has nothing that does what this element does.")
    }
}
