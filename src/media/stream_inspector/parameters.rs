//! What a stream says of itself in its parameter sets.

use serde::{Deserialize, Serialize};

/// What the parameter sets of H.264 or H.265 announce.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// The profile, as the standard calls it.
    pub profile: String,
    /// The level, as the standard writes it: `4.1`.
    pub level: String,
    /// Width that is shown, in pixels.
    pub width: u32,
    /// Height that is shown, in pixels.
    pub height: u32,
    /// Frames per second that are announced; cameras are often wrong about it.
    pub framerate: Option<f64>,
    /// Whether pictures may be made of two fields.
    #[serde(rename = "interlaced")]
    pub is_interlaced: bool,
    /// How colour is sampled.
    pub chroma: Chroma,
    /// Bits of a sample.
    pub bit_depth: u32,
    /// How many pictures may have to wait for one that comes later; 0 rules out B-frames,
    /// `None` leaves it open.
    pub reorder: Option<u32>,
}

/// How colour is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Chroma {
    /// Not at all.
    #[serde(rename = "4:0:0")]
    Grey,
    /// Once for two by two pixels: what browsers take.
    #[serde(rename = "4:2:0")]
    Yuv420,
    /// Once for two pixels.
    #[serde(rename = "4:2:2")]
    Yuv422,
    /// For every pixel.
    #[serde(rename = "4:4:4")]
    Yuv444,
}

impl Chroma {
    /// `chroma_format_idc` (ITU-T H.264, table 6-1; H.265 has the same).
    pub(super) fn from_code(code: u32) -> Option<Self> {
        [Self::Grey, Self::Yuv420, Self::Yuv422, Self::Yuv444].get(code as usize).copied()
    }

    /// Pixels across and down that one sample of colour stands for; margins are counted in them.
    pub(super) fn unit(self) -> (u32, u32) {
        match self {
            Self::Grey | Self::Yuv444 => (1, 1),
            Self::Yuv420 => (2, 2),
            Self::Yuv422 => (2, 1),
        }
    }
}

impl std::fmt::Display for Chroma {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Grey => "4:0:0",
            Self::Yuv420 => "4:2:0",
            Self::Yuv422 => "4:2:2",
            Self::Yuv444 => "4:4:4",
        })
    }
}
