//! The 13 pipelines of version 1.3.

use super::Profile;
use crate::{
    config::Codec::{Av1, H264, H265, Vp8, Vp9},
    config::ElementChoice,
    i18n::gettext,
};

const VERSION: &str = "v1.3";

const X264: &[(&str, &str)] = &[
    ("tune", "zerolatency"),
    ("threads", "8"),
    ("key-int-max", "60"),
    ("aud", "true"),
    ("cabac", "true"),
    ("vbv-buf-capacity", "120"),
];

const NVENC: &[(&str, &str)] = &[
    ("preset", "low-latency-hq"),
    ("gop-size", "60"),
    ("rc-mode", "cbr-ld-hq"),
    ("aud", "true"),
    ("zerolatency", "true"),
];

const VP8: &[(&str, &str)] = &[
    ("deadline", "1"),
    ("keyframe-max-dist", "2000"),
    ("keyframe-mode", "disabled"),
    ("threads", "8"),
    ("cpu-used", "4"),
];

pub(super) fn profiles() -> impl Iterator<Item = Profile> {
    on_the_processor().into_iter().chain(on_nvidia()).chain(by_webrtcsink())
}

fn bin(name: &str, input: crate::config::Codec) -> Profile {
    Profile::new(name, VERSION, input).at_usual_setpoint()
}

fn on_the_processor() -> [Profile; 7] {
    let vp9: Vec<_> = VP8.iter().copied().chain([("row-mt", "true")]).collect();
    let av1 = [("usage-profile", "realtime"), ("qos", "true"), ("threads", "8"), ("cpu-used", "4")];
    let x265 = [("key-int-max", "2560"), ("speed-preset", "superfast"), ("tune", "zerolatency")];
    [
        Profile { latency_ms: Some(10), ..bin("BIN_DEFAULT", H264).decoded(false).encoded(H264, "x264enc", X264) },
        bin("BIN_H265_IN_H264_OUT_CPU", H265).decoded(false).encoded(H264, "x264enc", X264),
        Profile {
            remark: Some(|| gettext("Few browsers show H.265.")),
            ..bin("BIN_H265_OUT_CPU", H264).decoded(false).encoded(H265, "x265enc", &x265)
        },
        bin("BIN_VP8", H264).decoded(false).encoded(Vp8, "vp8enc", VP8),
        Profile {
            remark: Some(|| gettext("Its makers saw about 20 frames per second on a good machine.")),
            ..bin("BIN_VP9", H264).decoded(false).encoded(Vp9, "vp9enc", &vp9)
        },
        bin("BIN_AV1_CPU", H264).decoded(false).encoded(Av1, "av1enc", &av1),
        bin("BIN_SVT_AV1", H264).decoded(false).encoded(Av1, "svtav1enc", &[]),
    ]
}

fn on_nvidia() -> [Profile; 3] {
    let h264 = [
        ("gop-size", "-1"),
        ("preset", "low-latency-hq"),
        ("rc-mode", "cbr"),
        ("qos", "true"),
        ("zerolatency", "true"),
    ];
    [
        bin("BIN_H265_IN_H264_OUT_CUDA", H265).decoded(true).encoded(H264, "nvh264enc", NVENC),
        Profile {
            remark: Some(|| gettext("Few browsers show H.265.")),
            ..bin("BIN_H265_OUT_CUDA", H264).decoded(true).encoded(H265, "nvh265enc", NVENC)
        },
        Profile {
            latency_ms: Some(100),
            ..bin("BIN_CUDA_DEFAULT", H264).decoded(true).encoded(H264, "nvh264enc", &h264)
        },
    ]
}

/// Where webrtcsink chose the encoder, Heliograph does.
fn by_webrtcsink() -> [Profile; 3] {
    let sink = |name: &str, input| Profile {
        encoder: Some(ElementChoice::Automatic),
        framerate: Some(25),
        ..Profile::new(name, VERSION, input)
    };
    [
        Profile { latency_ms: Some(100), ..sink("SINK_DEFAULT", H264).decoded(false) },
        sink("SINK_CUDA", H264).decoded(true),
        sink("SINK_H265_CUDA", H265).decoded(true),
    ]
}
