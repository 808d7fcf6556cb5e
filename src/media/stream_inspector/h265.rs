//! The parts of H.265 that say in which order pictures are shown (ITU-T H.265, section 7.3).

use super::{
    bits::{Bits, unescape},
    parameters::{Chroma, Parameters},
};

/// What is read of a parameter set stands in its first bytes.
const PARAMETERS_LIMIT: usize = 512;
/// What is read of a slice, too.
const SLICE_LIMIT: usize = 64;

/// NAL unit types (table 7-1).
const LAST_TRAILING_OR_LEADING: u8 = 9;
const FIRST_RANDOM_ACCESS: u8 = 16;
const IDR_WITH_LEADING: u8 = 19;
const IDR_ALONE: u8 = 20;
const LAST_RANDOM_ACCESS: u8 = 21;
const LAST_WITH_PRIOR_PICTURES_FLAG: u8 = 23;
const SEQUENCE_PARAMETERS: u8 = 33;
const PICTURE_PARAMETERS: u8 = 34;

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
    order_bits: u32,
}

/// A picture parameter set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Picture {
    has_output_flag: bool,
    extra_bits: u32,
}

/// The head of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    /// It is of a picture with which decoding can begin (IRAP).
    pub(super) begins: bool,
    /// Order begins anew here.
    pub(super) resets_order: bool,
    /// Its place in the order of showing, and after how much that count begins again.
    pub(super) order: Option<(u32, u32)>,
}

/// Reads a NAL unit, slices by the parameter sets that are in force.
pub(super) fn read(unit: &[u8], sequence: Option<&Sequence>, picture: Picture) -> Unit {
    let Some((&[head, _], payload)) = unit.split_first_chunk::<2>() else { return Unit::Other };
    let kind = head >> 1 & 0x3f;
    let bytes = unescape(payload, if kind < SEQUENCE_PARAMETERS { SLICE_LIMIT } else { PARAMETERS_LIMIT });
    let mut bits = Bits::new(&bytes);
    let read = match kind {
        SEQUENCE_PARAMETERS => sequence_of(&mut bits).map(|read| Unit::Sequence(Box::new(read))),
        PICTURE_PARAMETERS => picture_of(&mut bits).map(Unit::Picture),
        0..=LAST_TRAILING_OR_LEADING | FIRST_RANDOM_ACCESS..=LAST_RANDOM_ACCESS => {
            slice_of(&mut bits, kind, sequence, picture).map(Unit::Slice)
        }
        _ => None,
    };
    read.unwrap_or(Unit::Other)
}

/// Section 7.3.6.1. The kind of slice is not asked: encoders of low delay, too, send B slices,
/// both of whose lists lie in the past.
fn slice_of(bits: &mut Bits<'_>, kind: u8, sequence: Option<&Sequence>, picture: Picture) -> Option<Slice> {
    let is_first = bits.flag()?;
    let begins = (FIRST_RANDOM_ACCESS..=LAST_RANDOM_ACCESS).contains(&kind);
    let resets_order = matches!(kind, IDR_WITH_LEADING | IDR_ALONE);
    if !is_first {
        return None;
    }
    if resets_order {
        return Some(Slice { begins, resets_order, order: None });
    }
    if (FIRST_RANDOM_ACCESS..=LAST_WITH_PRIOR_PICTURES_FLAG).contains(&kind) {
        bits.skip(1)?;
    }
    let order = sequence.and_then(|sequence| order_of(bits, sequence, picture));
    Some(Slice { begins, resets_order, order })
}

fn order_of(bits: &mut Bits<'_>, sequence: &Sequence, picture: Picture) -> Option<(u32, u32)> {
    let _picture_parameters = bits.golomb()?;
    bits.skip(picture.extra_bits as usize)?;
    let _kind = bits.golomb()?;
    if picture.has_output_flag {
        bits.skip(1)?;
    }
    if sequence.has_separate_planes {
        bits.skip(2)?;
    }
    Some((bits.number(sequence.order_bits)?, 1 << sequence.order_bits))
}

/// Section 7.3.2.3.1.
fn picture_of(bits: &mut Bits<'_>) -> Option<Picture> {
    bits.skip_golomb(2)?;
    bits.skip(1)?;
    Some(Picture { has_output_flag: bits.flag()?, extra_bits: bits.number(3)? })
}

/// Section 7.3.2.2.1, as far as the reordering; what comes after is left to GStreamer's parser.
fn sequence_of(bits: &mut Bits<'_>) -> Option<Sequence> {
    bits.skip(4)?;
    let more_layers = bits.number(3)?;
    bits.skip(1)?;
    let profile = profile_of(bits, more_layers)?;
    let _id = bits.golomb()?;
    let chroma = Chroma::from_code(bits.golomb()?)?;
    let has_separate_planes = chroma == Chroma::Yuv444 && bits.flag()?;
    let whole = (bits.golomb()?, bits.golomb()?);
    let (width, height) = cropped(bits, whole, chroma)?;
    let bit_depth = bits.golomb().filter(|more| *more <= 8)? + 8;
    bits.golomb()?;
    let order_bits = bits.golomb().filter(|more| *more <= 12)? + 4;
    let reorder = Some(reorder_of(bits, more_layers)?);
    let parameters = Parameters {
        profile: profile.name(chroma, bit_depth),
        level: profile.level_name(),
        width,
        height,
        framerate: None,
        is_interlaced: profile.is_interlaced,
        chroma,
        bit_depth,
        reorder,
    };
    Some(Sequence { parameters, has_separate_planes, order_bits })
}

fn cropped(bits: &mut Bits<'_>, whole: (u32, u32), chroma: Chroma) -> Option<(u32, u32)> {
    if !bits.flag()? {
        return Some(whole);
    }
    let (across, down) = chroma.unit();
    let (left, right) = (bits.golomb()?, bits.golomb()?);
    let (top, bottom) = (bits.golomb()?, bits.golomb()?);
    let width = whole.0.checked_sub(left.checked_add(right)?.checked_mul(across)?)?;
    let height = whole.1.checked_sub(top.checked_add(bottom)?.checked_mul(down)?)?;
    Some((width, height))
}

/// `sps_max_num_reorder_pics` of all layers together, which stands last.
fn reorder_of(bits: &mut Bits<'_>, more_layers: u32) -> Option<u32> {
    let said_for_each = bits.flag()?;
    let rows = if said_for_each { more_layers + 1 } else { 1 };
    let mut reorder = 0;
    for _ in 0..rows {
        bits.golomb()?;
        reorder = bits.golomb()?;
        bits.golomb()?;
    }
    Some(reorder)
}

/// Profile, tier and level (section 7.3.3).
struct Profile {
    number: u32,
    is_high_tier: bool,
    level: u32,
    is_interlaced: bool,
}

fn profile_of(bits: &mut Bits<'_>, more_layers: u32) -> Option<Profile> {
    bits.skip(2)?;
    let is_high_tier = bits.flag()?;
    let number = bits.number(5)?;
    bits.skip(32)?;
    let (is_progressive, has_fields) = (bits.flag()?, bits.flag()?);
    bits.skip(46)?;
    let level = bits.number(8)?;
    skip_layers(bits, more_layers)?;
    Some(Profile { number, is_high_tier, level, is_interlaced: has_fields && !is_progressive })
}

fn skip_layers(bits: &mut Bits<'_>, more_layers: u32) -> Option<()> {
    if more_layers == 0 {
        return Some(());
    }
    let mut length = 0;
    for _ in 0..more_layers {
        length += if bits.flag()? { 88 } else { 0 };
        length += if bits.flag()? { 8 } else { 0 };
    }
    bits.skip(2 * (8 - more_layers as usize) + length)
}

impl Profile {
    /// Annex A.3.
    fn name(&self, chroma: Chroma, bit_depth: u32) -> String {
        match self.number {
            1 => "Main".into(),
            2 => "Main 10".into(),
            3 => "Main Still Picture".into(),
            4 if bit_depth == 8 => format!("Main {chroma}"),
            4 => format!("Main {chroma} {bit_depth}"),
            other => format!("profile {other}"),
        }
    }

    /// Annex A.4: thirtieths; the high tier is said.
    fn level_name(&self) -> String {
        let (whole, tenths) = (self.level / 30, self.level % 30 / 3);
        let tier = if self.is_high_tier { " High" } else { "" };
        if tenths == 0 { format!("{whole}{tier}") } else { format!("{whole}.{tenths}{tier}") }
    }
}
