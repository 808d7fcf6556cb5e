//! The parts of H.264 that say in which order pictures are shown (ITU-T H.264, section 7.3).

use super::{
    bits::{Bits, unescape},
    parameters::{Chroma, Parameters},
};

/// Longer parameter sets do not occur: scaling lists of all kinds take less.
const PARAMETERS_LIMIT: usize = 4096;
/// What is read of a slice stands in its first bytes.
const SLICE_LIMIT: usize = 64;

/// NAL unit types (table 7-1).
const SLICE: u8 = 1;
const IDR_SLICE: u8 = 5;
const SEQUENCE_PARAMETERS: u8 = 7;
const PICTURE_PARAMETERS: u8 = 8;

/// `profile_idc` of Baseline (section A.2.1).
const BASELINE: u32 = 66;

/// Profiles whose parameter sets say how colour is sampled (section 7.3.2.1.1).
const WITH_CHROMA: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// What a NAL unit is, as far as it matters here.
pub(super) enum Unit {
    /// A sequence parameter set.
    Sequence(Box<Sequence>),
    /// A picture parameter set.
    Picture(Picture),
    /// The first slice of a picture.
    Slice(Slice),
    /// Anything else, and what cannot be read.
    Other,
}

/// A sequence parameter set.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sequence {
    pub(super) parameters: Parameters,
    has_separate_planes: bool,
    frame_number_bits: u32,
    /// Bits of the picture order count in slices; 0 where it is not sent.
    order_bits: u32,
    frames_only: bool,
    /// Whether slices may come in an order of their own: in Baseline that is not constrained.
    pub(super) may_have_free_slices: bool,
}

/// A picture parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// Slices are of several groups (FMO).
    pub(super) has_slice_groups: bool,
}

/// The head of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    /// Where in the picture it begins.
    pub(super) first_macroblock: u32,
    /// It refers to pictures of two lists.
    pub(super) is_b: bool,
    /// Order begins anew here.
    pub(super) resets_order: bool,
    /// Its place in the order of showing, and after how much that count begins again.
    pub(super) order: Option<(u32, u32)>,
}

/// Reads a NAL unit, slices by the parameter set that is in force.
pub(super) fn read(unit: &[u8], sequence: Option<&Sequence>) -> Unit {
    let Some((head, payload)) = unit.split_first() else { return Unit::Other };
    match head & 0x1f {
        SEQUENCE_PARAMETERS => {
            let payload = unescape(payload, PARAMETERS_LIMIT);
            sequence_of(&mut Bits::new(&payload)).map_or(Unit::Other, |read| Unit::Sequence(Box::new(read)))
        }
        PICTURE_PARAMETERS => {
            let payload = unescape(payload, SLICE_LIMIT);
            picture_of(&mut Bits::new(&payload)).map_or(Unit::Other, Unit::Picture)
        }
        kind @ (SLICE | IDR_SLICE) => {
            let payload = unescape(payload, SLICE_LIMIT);
            slice_of(&mut Bits::new(&payload), kind == IDR_SLICE, sequence).map_or(Unit::Other, Unit::Slice)
        }
        _ => Unit::Other,
    }
}

fn slice_of(bits: &mut Bits<'_>, is_idr: bool, sequence: Option<&Sequence>) -> Option<Slice> {
    let first_macroblock = bits.golomb()?;
    let kind = bits.golomb()?;
    let order = sequence.and_then(|sequence| order_of(bits, is_idr, sequence));
    Some(Slice { first_macroblock, is_b: kind % 5 == 1, resets_order: is_idr, order })
}

/// A picture parameter set (section 7.3.2.2), as far as the slice groups.
fn picture_of(bits: &mut Bits<'_>) -> Option<Picture> {
    bits.skip_golomb(2)?;
    bits.skip(2)?;
    Some(Picture { has_slice_groups: bits.golomb()? > 0 })
}

/// The picture order count (section 7.3.3), where it is sent.
fn order_of(bits: &mut Bits<'_>, is_idr: bool, sequence: &Sequence) -> Option<(u32, u32)> {
    let _picture_parameters = bits.golomb().filter(|_| sequence.order_bits > 0)?;
    if sequence.has_separate_planes {
        bits.skip(2)?;
    }
    bits.skip(sequence.frame_number_bits as usize)?;
    if !sequence.frames_only && bits.flag()? {
        bits.skip(1)?;
    }
    if is_idr {
        bits.golomb()?;
    }
    Some((bits.number(sequence.order_bits)?, 1 << sequence.order_bits))
}

/// A sequence parameter set (section 7.3.2.1.1).
fn sequence_of(bits: &mut Bits<'_>) -> Option<Sequence> {
    let (profile, constraints, level) = (bits.number(8)?, bits.number(8)?, bits.number(8)?);
    let _id = bits.golomb()?;
    let colour = if WITH_CHROMA.contains(&profile) { colour_of(bits)? } else { Colour::default() };
    let frame_number_bits = at_most(bits.golomb()?, 12)? + 4;
    let order_kind = at_most(bits.golomb()?, 2)?;
    let order_bits = order_bits_of(bits, order_kind)?;
    let _reference_frames = bits.golomb()?;
    bits.skip(1)?;
    let (columns, rows) = (at_most(bits.golomb()?, 1024)? + 1, at_most(bits.golomb()?, 1024)? + 1);
    let frames_only = bits.flag()?;
    if !frames_only {
        bits.skip(1)?;
    }
    bits.skip(1)?;
    let lines_per_row = if frames_only { 16 } else { 32 };
    let whole = (columns * 16, rows * lines_per_row);
    let (width, height) = cropped(bits, whole, colour.chroma, frames_only)?;
    let usability = if bits.flag()? { usability_of(bits).unwrap_or_default() } else { Usability::default() };
    let reorder = usability.reorder.or_else(|| reorder_by_profile(profile, constraints, order_kind));
    let parameters = Parameters {
        profile: profile_name(profile, constraints),
        level: level_name(profile, constraints, level),
        width,
        height,
        framerate: usability.framerate,
        is_interlaced: !frames_only,
        chroma: colour.chroma,
        bit_depth: colour.bit_depth,
        reorder,
    };
    Some(Sequence {
        parameters,
        has_separate_planes: colour.has_separate_planes,
        frame_number_bits,
        order_bits,
        frames_only,
        may_have_free_slices: profile == BASELINE && constraints & 0x40 == 0,
    })
}

fn at_most(number: u32, most: u32) -> Option<u32> {
    (number <= most).then_some(number)
}

/// How colour is sampled.
struct Colour {
    chroma: Chroma,
    bit_depth: u32,
    has_separate_planes: bool,
}

impl Default for Colour {
    fn default() -> Self {
        Self { chroma: Chroma::Yuv420, bit_depth: 8, has_separate_planes: false }
    }
}

fn colour_of(bits: &mut Bits<'_>) -> Option<Colour> {
    let chroma = Chroma::from_code(bits.golomb()?)?;
    let has_separate_planes = chroma == Chroma::Yuv444 && bits.flag()?;
    let bit_depth = at_most(bits.golomb()?, 6)? + 8;
    bits.golomb()?;
    bits.skip(1)?;
    if bits.flag()? {
        let lists = if chroma == Chroma::Yuv444 { 12 } else { 8 };
        for list in 0..lists {
            if bits.flag()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(Colour { chroma, bit_depth, has_separate_planes })
}

/// Section 7.3.2.1.1.1.
fn skip_scaling_list(bits: &mut Bits<'_>, size: u32) -> Option<()> {
    let (mut last, mut next) = (8, 8);
    for _ in 0..size {
        if next != 0 {
            next = (last + bits.signed_golomb()?).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

/// How many bits of each slice give its place in the order of showing.
fn order_bits_of(bits: &mut Bits<'_>, kind: u32) -> Option<u32> {
    match kind {
        0 => Some(at_most(bits.golomb()?, 12)? + 4),
        1 => {
            bits.skip(1)?;
            bits.skip_golomb(2)?;
            let cycle = at_most(bits.golomb()?, 255)?;
            bits.skip_golomb(cycle)?;
            Some(0)
        }
        _ => Some(0),
    }
}

/// The size that is shown, in pixels (section 7.4.2.1.1).
fn cropped(bits: &mut Bits<'_>, whole: (u32, u32), chroma: Chroma, frames_only: bool) -> Option<(u32, u32)> {
    if !bits.flag()? {
        return Some(whole);
    }
    let (across, down) = chroma.unit();
    let down = if frames_only { down } else { down * 2 };
    let (left, right) = (bits.golomb()?, bits.golomb()?);
    let (top, bottom) = (bits.golomb()?, bits.golomb()?);
    let width = whole.0.checked_sub(left.checked_add(right)?.checked_mul(across)?)?;
    let height = whole.1.checked_sub(top.checked_add(bottom)?.checked_mul(down)?)?;
    Some((width, height))
}

/// What the parameter set says about its use (annex E).
#[derive(Default)]
struct Usability {
    framerate: Option<f64>,
    /// How many pictures may have to wait for one that comes later.
    reorder: Option<u32>,
}

fn usability_of(bits: &mut Bits<'_>) -> Option<Usability> {
    const OWN_ASPECT: u32 = 255;
    if bits.flag()? && bits.number(8)? == OWN_ASPECT {
        bits.skip(32)?;
    }
    if bits.flag()? {
        bits.skip(1)?;
    }
    if bits.flag()? {
        bits.skip(4)?;
        if bits.flag()? {
            bits.skip(24)?;
        }
    }
    if bits.flag()? {
        bits.skip_golomb(2)?;
    }
    let framerate = if bits.flag()? { framerate_of(timing_of(bits)?) } else { None };
    // From here on a set that breaks off still has told its frame rate.
    let reorder = restriction_of(bits);
    Some(Usability { framerate, reorder })
}

/// Units of a tick, and units of a second.
fn timing_of(bits: &mut Bits<'_>) -> Option<(u32, u32)> {
    let timing = (bits.number(32)?, bits.number(32)?);
    bits.skip(1)?;
    Some(timing)
}

/// A frame is two ticks long: one for each of its fields.
fn framerate_of((tick, second): (u32, u32)) -> Option<f64> {
    (tick > 0 && second > 0).then(|| f64::from(second) / (2.0 * f64::from(tick)))
}

/// `max_num_reorder_frames` of the bitstream restriction.
fn restriction_of(bits: &mut Bits<'_>) -> Option<u32> {
    let mut is_buffered = false;
    for _ in 0..2 {
        if bits.flag()? {
            skip_buffer_model(bits)?;
            is_buffered = true;
        }
    }
    if is_buffered {
        bits.skip(1)?;
    }
    bits.skip(1)?;
    if !bits.flag()? {
        return None;
    }
    bits.skip(1)?;
    bits.skip_golomb(4)?;
    at_most(bits.golomb()?, 16)
}

/// Section E.1.2.
fn skip_buffer_model(bits: &mut Bits<'_>) -> Option<()> {
    let count = at_most(bits.golomb()?, 31)? + 1;
    bits.skip(8)?;
    for _ in 0..count {
        bits.skip_golomb(2)?;
        bits.skip(1)?;
    }
    bits.skip(20)
}

/// What is known of reordering where the parameter set does not say it (section E.2.1).
fn reorder_by_profile(profile: u32, constraints: u32, order_kind: u32) -> Option<u32> {
    // With this kind of count pictures are shown in the order in which they come.
    let is_ordered = order_kind == 2;
    let is_baseline = profile == BASELINE;
    let is_intra = [44, 86, 100, 110, 122, 244].contains(&profile) && constraints & 0x10 != 0;
    (is_ordered || is_baseline || is_intra).then_some(0)
}

/// Annex A.2.
fn profile_name(profile: u32, constraints: u32) -> String {
    let set = |number: u32| constraints & (0x80 >> number) != 0;
    let name = match profile {
        66 if set(1) => "Constrained Baseline",
        66 => "Baseline",
        77 => "Main",
        88 => "Extended",
        100 if set(4) && set(5) => "Constrained High",
        100 => "High",
        110 if set(3) => "High 10 Intra",
        110 => "High 10",
        122 if set(3) => "High 4:2:2 Intra",
        122 => "High 4:2:2",
        244 if set(3) => "High 4:4:4 Intra",
        244 => "High 4:4:4 Predictive",
        44 => "CAVLC 4:4:4 Intra",
        other => return format!("profile {other}"),
    };
    name.into()
}

/// Annex A.3: tenths, but for level 1b.
fn level_name(profile: u32, constraints: u32, level: u32) -> String {
    let is_1b = level == 9 || (level == 11 && [66, 77, 88].contains(&profile) && constraints & 0x10 != 0);
    match (is_1b, level % 10) {
        (true, _) => "1b".into(),
        (false, 0) => (level / 10).to_string(),
        (false, tenths) => format!("{}.{tenths}", level / 10),
    }
}
