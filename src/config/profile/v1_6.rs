//! The pipelines of version 1.6: one for each pair of codecs and the hardware between them,
//! named `BIN_<IN>[_CUDA]_IN_<OUT>[_CUDA]_OUT`.

use super::Profile;
use crate::{
    config::{Codec, ElementChoice},
    i18n::gettext,
};

const VERSION: &str = "v1.6";

const X264: &[(&str, &str)] = &[
    ("tune", "zerolatency"),
    ("speed-preset", "ultrafast"),
    ("threads", "4"),
    ("key-int-max", "2560"),
    ("b-adapt", "false"),
    ("cabac", "true"),
    ("vbv-buf-capacity", "120"),
];

/// VP8 and VP9 alike; the three buffers are in milliseconds.
const VPX: &[(&str, &str)] = &[
    ("deadline", "1"),
    ("end-usage", "cbr"),
    ("buffer-initial-size", "100"),
    ("buffer-optimal-size", "120"),
    ("buffer-size", "150"),
    ("max-intra-bitrate", "250"),
    ("lag-in-frames", "0"),
    ("error-resilient", "default"),
    ("threads", "16"),
];

const AV1: &[(&str, &str)] =
    &[("usage-profile", "realtime"), ("end-usage", "cbr"), ("keyframe-max-dist", "32"), ("threads", "16")];

/// H.264 and H.265 by NVENC.
const NVENC: &[(&str, &str)] = &[
    ("gop-size", "60"),
    ("rc-mode", "cbr"),
    ("temporal-aq", "true"),
    ("zerolatency", "true"),
    ("tune", "ultra-low-latency"),
];

const NVENC_AV1: &[(&str, &str)] =
    &[("gop-size", "60"), ("rc-mode", "cbr"), ("zerolatency", "true"), ("tune", "ultra-low-latency")];

/// What a pipeline leaves to the card.
#[derive(Clone, Copy, PartialEq)]
enum Nvidia {
    Nothing,
    Decoding,
    Both,
}

pub(super) fn profiles() -> impl Iterator<Item = Profile> {
    bins().chain([sink(false), sink(true)])
}

fn bins() -> impl Iterator<Item = Profile> {
    let ways = [Nvidia::Nothing, Nvidia::Decoding, Nvidia::Both];
    let pairs =
        [Codec::H264, Codec::H265].into_iter().flat_map(|input| Codec::ALL.iter().map(move |out| (input, *out)));
    pairs.flat_map(move |(input, output)| ways.into_iter().filter_map(move |nvidia| bin(input, output, nvidia)))
}

/// NVENC makes neither VP8 nor VP9.
fn bin(input: Codec, output: Codec, nvidia: Nvidia) -> Option<Profile> {
    let (encoder, settings) = match (output, nvidia) {
        (Codec::Vp8 | Codec::Vp9, Nvidia::Both) => return None,
        (Codec::Vp8, _) => ("vp8enc", vpx(&[], nvidia)),
        (Codec::Vp9, _) => ("vp9enc", vpx(&[("keyframe-max-dist", "2000")], nvidia)),
        (Codec::H264, Nvidia::Both) => ("nvh264enc", nvenc(input)),
        (Codec::H265, Nvidia::Both) => ("nvh265enc", nvenc(input)),
        (Codec::Av1, Nvidia::Both) => ("nvav1enc", NVENC_AV1.to_vec()),
        (Codec::H264, _) => ("x264enc", X264.to_vec()),
        (Codec::H265, _) => ("x265enc", Vec::new()),
        (Codec::Av1, _) => ("av1enc", AV1.to_vec()),
    };
    let name = name("BIN", input, nvidia != Nvidia::Nothing, output, nvidia == Nvidia::Both);
    let profile = Profile::new(name, VERSION, input).decoded(nvidia != Nvidia::Nothing);
    Some(Profile {
        remark: remark(output, encoder),
        ..common(profile.encoded(output, encoder, &settings)).at_usual_setpoint()
    })
}

/// Where webrtcsink chose the encoder, Heliograph does.
fn sink(nvidia: bool) -> Profile {
    let profile = Profile::new(name("SINK", Codec::H264, nvidia, Codec::H264, nvidia), VERSION, Codec::H264);
    Profile { encoder: Some(ElementChoice::Automatic), framerate: Some(60), ..common(profile.decoded(nvidia)) }
}

fn common(profile: Profile) -> Profile {
    Profile { latency_ms: Some(200), drop_on_latency: Some(true), ..profile }
}

fn name(kind: &str, input: Codec, decodes: bool, output: Codec, encodes: bool) -> String {
    let part = |codec: Codec, cuda: bool| codec.key().to_uppercase() + if cuda { "_CUDA" } else { "" };
    format!("{kind}_{}_IN_{}_OUT", part(input, decodes), part(output, encodes))
}

fn vpx(more: &[(&'static str, &'static str)], nvidia: Nvidia) -> Vec<(&'static str, &'static str)> {
    let fast = (nvidia == Nvidia::Decoding).then_some(("cpu-used", "-16"));
    VPX.iter().chain(more).copied().chain(fast).collect()
}

fn nvenc(input: Codec) -> Vec<(&'static str, &'static str)> {
    let preset: &[_] = if input == Codec::H265 {
        &[("preset", "p1"), ("strict-gop", "true"), ("multi-pass", "2")]
    } else {
        &[("preset", "low-latency-hq")]
    };
    NVENC.iter().chain(preset).copied().collect()
}

fn remark(output: Codec, encoder: &str) -> Option<fn() -> String> {
    match (output, encoder) {
        (Codec::H265, _) => Some(|| gettext("Few browsers show H.265.")),
        (_, "av1enc") => Some(|| gettext("Its makers had trouble with this encoder.")),
        _ => None,
    }
}
