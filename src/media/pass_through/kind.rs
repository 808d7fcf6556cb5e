//! What browsers decode, by a stream's parameter sets.

use super::Reason;
use crate::{
    config::Codec,
    media::stream_inspector::{Chroma, Parameters},
};

/// H.264 in 4:2:0 and 8 bits: what browsers take, whatever they negotiate (RFC 7742 asks for
/// Constrained Baseline; the others are what their decoders do).
const H264_PROFILES: &[&str] = &["Constrained Baseline", "Baseline", "Main", "Constrained High", "High"];

/// H.265, where it is decoded at all.
const H265_PROFILES: &[&str] = &["Main"];

/// What makes a stream another for whoever decodes it; its size is not part of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kind {
    profile: String,
    is_interlaced: bool,
    chroma: Chroma,
    bit_depth: u32,
    reorder: Option<u32>,
}

impl Kind {
    pub(super) fn of(parameters: &Parameters) -> Self {
        let Parameters { profile, is_interlaced, chroma, bit_depth, reorder, .. } = parameters.clone();
        Self { profile, is_interlaced, chroma, bit_depth, reorder }
    }
}

/// What keeps browsers from decoding a stream of this kind.
pub(super) fn refused_kind(codec: Codec, parameters: &Parameters, has_free_slices: bool) -> Option<Reason> {
    let profile = parameters.profile.clone();
    let known = if codec == Codec::H265 { H265_PROFILES } else { H264_PROFILES };
    if !known.contains(&profile.as_str()) {
        Some(Reason::Profile { codec, profile })
    } else if parameters.chroma != Chroma::Yuv420 {
        Some(Reason::Profile { codec, profile: format!("{profile} {}", parameters.chroma) })
    } else if parameters.bit_depth != 8 {
        Some(Reason::Profile { codec, profile: format!("{profile}, {} bit", parameters.bit_depth) })
    } else if parameters.is_interlaced {
        // That fields are allowed is enough: decoders in hardware refuse the stream for that, and
        // which pictures will be made of fields is not known beforehand.
        Some(Reason::Interlaced { codec, profile })
    } else if has_free_slices {
        Some(Reason::FreeSlices { profile })
    } else {
        None
    }
}
