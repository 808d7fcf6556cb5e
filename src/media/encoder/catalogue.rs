//! The table: one row per encoder, and how it is driven for live pictures.
//!
//! Read a row as a sentence: this element makes this codec on this family of devices, takes its
//! bitrate there and in that unit, and is set up so. Of software everything here is tested with
//! the real element. Of hardware it is what the elements' sources say; where the forms of a
//! property differ between versions both stand here, and the one the element knows is used.
//!
//! rav1e comes last and only where its element happens to be installed. Its plugin could be
//! linked in as others are, but it would be a third encoder of AV1 on the processor, for minutes
//! more of building.

use super::{BitrateControl, Change, DeviceFamily, EncoderRow, HALF_THE_CORES, KeyframeControl};
use crate::{config::Codec, media::Memory};

/// Planar and half-planar 4:2:0, the two forms that codecs on the processor take.
const PLANAR: &[&str] = &["I420"];
const EITHER: &[&str] = &["I420", "NV12"];
const HALF_PLANAR: &[&str] = &["NV12"];

/// The processor's memory only; the card's first, the processor's too; the board's only.
const SYSTEM: &[Memory] = &[Memory::System];
const CUDA: &[Memory] = &[Memory::Cuda, Memory::System];
const VA: &[Memory] = &[Memory::Va, Memory::System];
const NVMM: &[Memory] = &[Memory::Nvmm];

type Settings = &'static [(&'static str, &'static str)];

/// What is the same for both of libvpx's encoders.
macro_rules! vpx {
    ($($more:expr),*) => {
        &[
            // One microsecond per frame selects libvpx's real-time mode.
            ("deadline", "1"),
            ("lag-in-frames", "0"),
            ("auto-alt-ref", "false"),
            ("end-usage", "cbr"),
            // How far the rate may run ahead, in milliseconds: a key frame may not burst far above the link.
            ("buffer-size", "400"),
            ("buffer-initial-size", "200"),
            ("buffer-optimal-size", "200"),
            // A lost frame does not spoil the probabilities of the next.
            ("error-resilient", "default"),
            $($more),*
        ]
    };
}

const NVENC: Settings = &[
    // Before GStreamer 1.26, then since: the last that the element knows counts.
    ("preset", "low-latency-hq"),
    ("preset", "p4"),
    ("tune", "ultra-low-latency"),
    // Constant, so that the link is never overrun for a second to save bits later.
    ("rc-mode", "cbr"),
    ("rate-control", "cbr"),
    ("zerolatency", "true"),
    ("zero-reorder-delay", "true"),
    ("bframes", "0"),
    ("b-frames", "0"),
    ("rc-lookahead", "0"),
];

const VA_API: Settings = &[
    ("rate-control", "cbr"),
    ("b-frames", "0"),
    // One reference: no frame waits for another.
    ("ref-frames", "1"),
    // The quicker half of the scale from 1 (best) to 7.
    ("target-usage", "6"),
];

/// VP9 and AV1 have no B-frames here but golden frames ahead, which are the same to a viewer.
const VA_API_FRAMES: Settings =
    &[("rate-control", "cbr"), ("hierarchical-level", "1"), ("gf-group-size", "1"), ("target-usage", "6")];

const JETSON: Settings = &[
    ("control-rate", "constant_bitrate"),
    ("num-B-Frames", "0"),
    // A viewer may join at any key frame.
    ("insert-sps-pps", "true"),
    ("insert-vui", "true"),
    ("preset-level", "UltraFastPreset"),
    // The clock of the codec is not lowered between frames.
    ("maxperf-enable", "true"),
];

const KBPS: BitrateControl = BitrateControl::Property { name: "bitrate", per_kbps: 1 };
const BPS: BitrateControl = BitrateControl::Property { name: "bitrate", per_kbps: 1000 };
const V4L2_BITRATE: BitrateControl = BitrateControl::V4l2Control;

const GOP_SIZE: KeyframeControl = KeyframeControl { distance: Some("gop-size"), forced_by_signal: None };
const KEY_INT_MAX: KeyframeControl = KeyframeControl { distance: Some("key-int-max"), forced_by_signal: None };
const KEYFRAME_MAX_DIST: KeyframeControl =
    KeyframeControl { distance: Some("keyframe-max-dist"), forced_by_signal: None };
const V4L2_KEYFRAMES: KeyframeControl = KeyframeControl { distance: None, forced_by_signal: None };
/// Its plugin does not listen to the event that everybody else takes.
const JETSON_KEYFRAMES: KeyframeControl =
    KeyframeControl { distance: Some("idrinterval"), forced_by_signal: Some("force-IDR") };

const fn nvenc(element: &'static str, codec: Codec, name: &'static str) -> EncoderRow {
    EncoderRow {
        element,
        codec,
        name,
        family: DeviceFamily::Nvidia,
        bitrate: KBPS,
        bitrate_change: Change::Live,
        held_frames: 0,
        keyframes: GOP_SIZE,
        settings: NVENC,
        memory: CUDA,
        formats: HALF_PLANAR,
    }
}

const fn va(element: &'static str, codec: Codec, name: &'static str, settings: Settings) -> EncoderRow {
    EncoderRow {
        element,
        codec,
        name,
        family: DeviceFamily::Va,
        bitrate: KBPS,
        bitrate_change: Change::Live,
        held_frames: 0,
        keyframes: KEY_INT_MAX,
        settings,
        memory: VA,
        formats: HALF_PLANAR,
    }
}

const fn v4l2(element: &'static str, codec: Codec) -> EncoderRow {
    EncoderRow {
        element,
        codec,
        name: "V4L2",
        family: DeviceFamily::V4l2,
        bitrate: V4L2_BITRATE,
        bitrate_change: Change::Live,
        held_frames: 0,
        keyframes: V4L2_KEYFRAMES,
        settings: &[],
        memory: SYSTEM,
        formats: EITHER,
    }
}

const fn jetson(element: &'static str, codec: Codec) -> EncoderRow {
    EncoderRow {
        element,
        codec,
        name: "NVENC",
        family: DeviceFamily::Jetson,
        bitrate: BPS,
        bitrate_change: Change::Live,
        held_frames: 0,
        keyframes: JETSON_KEYFRAMES,
        settings: JETSON,
        memory: NVMM,
        formats: EITHER,
    }
}

/// All encoders, the preferred one of a codec first: hardware, because it leaves the processor to
/// everything else, then software by what it makes of a bitrate in real time.
pub(super) const ROWS: &[EncoderRow] = &[
    // H.264
    jetson("nvv4l2h264enc", Codec::H264),
    nvenc("nvcudah264enc", Codec::H264, "NVENC"),
    nvenc("nvh264enc", Codec::H264, "NVENC (nvh264enc)"),
    nvenc("nvautogpuh264enc", Codec::H264, "NVENC (nvautogpuh264enc)"),
    va("vah264enc", Codec::H264, "VA-API", VA_API),
    va("vah264lpenc", Codec::H264, "VA-API low power", VA_API),
    v4l2("v4l2h264enc", Codec::H264),
    EncoderRow {
        element: "x264enc",
        codec: Codec::H264,
        name: "x264",
        family: DeviceFamily::Software,
        bitrate: KBPS,
        bitrate_change: Change::Live,
        held_frames: 0,
        keyframes: KEY_INT_MAX,
        settings: &[
            // zerolatency: no lookahead, no frame threads, slices instead.
            ("tune", "zerolatency"),
            ("speed-preset", "superfast"),
            ("bframes", "0"),
            ("b-adapt", "false"),
            // One fifth of a second of rate buffer: a key frame may not burst far above the link.
            ("vbv-buf-capacity", "200"),
        ],
        memory: SYSTEM,
        formats: EITHER,
    },
    EncoderRow {
        element: "openh264enc",
        codec: Codec::H264,
        name: "OpenH264",
        family: DeviceFamily::Software,
        bitrate: BPS,
        bitrate_change: Change::KeyFrame,
        held_frames: 0,
        keyframes: GOP_SIZE,
        settings: &[
            // The default looks at quality and takes the bitrate for a hint.
            ("rate-control", "bitrate"),
            ("usage-type", "camera"),
            ("complexity", "low"),
            // A slice per thread, all of one frame: threads add no delay.
            ("slice-mode", "auto"),
            // A key frame at every cut is a burst nobody asked for.
            ("scene-change-detection", "false"),
            ("background-detection", "false"),
        ],
        memory: SYSTEM,
        formats: PLANAR,
    },
    // H.265
    jetson("nvv4l2h265enc", Codec::H265),
    nvenc("nvcudah265enc", Codec::H265, "NVENC"),
    nvenc("nvh265enc", Codec::H265, "NVENC (nvh265enc)"),
    nvenc("nvautogpuh265enc", Codec::H265, "NVENC (nvautogpuh265enc)"),
    va("vah265enc", Codec::H265, "VA-API", VA_API),
    va("vah265lpenc", Codec::H265, "VA-API low power", VA_API),
    v4l2("v4l2h265enc", Codec::H265),
    EncoderRow {
        element: "x265enc",
        codec: Codec::H265,
        name: "x265",
        family: DeviceFamily::Software,
        bitrate: KBPS,
        bitrate_change: Change::KeyFrame,
        held_frames: 0,
        keyframes: KEY_INT_MAX,
        settings: &[
            // zerolatency: no B-frames, no lookahead, one frame at a time.
            ("tune", "zerolatency"),
            // The next slower one is not in real time on two cores at 1280×720.
            ("speed-preset", "ultrafast"),
            ("option-string", "bframes=0:rc-lookahead=0:frame-threads=1:scenecut=0"),
        ],
        memory: SYSTEM,
        formats: PLANAR,
    },
    // VP8
    v4l2("v4l2vp8enc", Codec::Vp8),
    EncoderRow {
        element: "vp8enc",
        codec: Codec::Vp8,
        name: "libvpx",
        family: DeviceFamily::Software,
        bitrate: BitrateControl::Property { name: "target-bitrate", per_kbps: 1000 },
        bitrate_change: Change::Live,
        held_frames: 0,
        keyframes: KEYFRAME_MAX_DIST,
        settings: vpx![
            ("cpu-used", "8"),
            // Its threads wait for each other by spinning: with more of them than free cores, a
            // frame takes many times as long as with one.
            ("threads", HALF_THE_CORES)
        ],
        memory: SYSTEM,
        formats: PLANAR,
    },
    // VP9
    va("vavp9enc", Codec::Vp9, "VA-API", VA_API_FRAMES),
    v4l2("v4l2vp9enc", Codec::Vp9),
    EncoderRow {
        element: "vp9enc",
        codec: Codec::Vp9,
        name: "libvpx",
        family: DeviceFamily::Software,
        bitrate: BitrateControl::Property { name: "target-bitrate", per_kbps: 1000 },
        bitrate_change: Change::Live,
        held_frames: 0,
        keyframes: KEYFRAME_MAX_DIST,
        settings: vpx![
            ("cpu-used", "8"),
            // Threads share a frame by rows and columns, and so add no delay.
            ("threads", "4"),
            ("row-mt", "true"),
            ("tile-columns", "2"),
            // What libvpx's own real-time profile does: refreshes a part of the picture at a time.
            ("aq-mode", "cyclic-refresh"),
            ("frame-parallel-decoding", "false")
        ],
        memory: SYSTEM,
        formats: PLANAR,
    },
    // AV1
    nvenc("nvav1enc", Codec::Av1, "NVENC"),
    va("vaav1enc", Codec::Av1, "VA-API", VA_API_FRAMES),
    EncoderRow {
        element: "av1enc",
        codec: Codec::Av1,
        name: "libaom",
        family: DeviceFamily::Software,
        bitrate: BitrateControl::Property { name: "target-bitrate", per_kbps: 1 },
        bitrate_change: Change::Live,
        held_frames: 0,
        keyframes: KEYFRAME_MAX_DIST,
        settings: &[
            ("usage-profile", "realtime"),
            ("cpu-used", "9"),
            ("end-usage", "cbr"),
            ("lag-in-frames", "0"),
            // Of 63. The element's default for both is 0, which leaves no room for rate control.
            ("max-quantizer", "58"),
            ("min-quantizer", "2"),
            ("buf-sz", "400"),
            ("buf-initial-sz", "200"),
            ("buf-optimal-sz", "200"),
            // Threads share a frame by tiles and rows, and so add no delay.
            ("threads", "4"),
            ("row-mt", "true"),
            ("tile-columns", "1"),
        ],
        memory: SYSTEM,
        // Given a choice it takes 4:4:4, which nobody can receive.
        formats: PLANAR,
    },
    EncoderRow {
        element: "svtav1enc",
        codec: Codec::Av1,
        name: "SVT-AV1",
        family: DeviceFamily::Software,
        bitrate: BitrateControl::Property { name: "target-bitrate", per_kbps: 1 },
        bitrate_change: Change::Restart,
        // Its low-delay structure (pred-struct=1) would hold back none, but with it the library
        // waits for a packet that is not there yet, and the element, which asks for packets until
        // there is none, stands still at the first frame (SVT-AV1 2.3, GStreamer 1.26). So this
        // is the shortest group of frames there is, and behind libaom in this table.
        held_frames: 16,
        keyframes: KeyframeControl { distance: Some("intra-period-length"), forced_by_signal: None },
        settings: &[("preset", "11"), ("parameters-string", "lookahead=0:hierarchical-levels=2:scd=0")],
        memory: SYSTEM,
        formats: PLANAR,
    },
    EncoderRow {
        element: "rav1enc",
        codec: Codec::Av1,
        name: "rav1e",
        family: DeviceFamily::Software,
        bitrate: BPS,
        bitrate_change: Change::Restart,
        held_frames: 0,
        keyframes: KeyframeControl { distance: Some("max-key-frame-interval"), forced_by_signal: None },
        settings: &[("low-latency", "true"), ("speed-preset", "10")],
        memory: SYSTEM,
        formats: PLANAR,
    },
];
