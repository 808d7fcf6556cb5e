//! What a camera may send.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A video codec that Heliograph can receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputCodec {
    /// H.264 (ITU-T H.264), what most cameras send.
    H264,
    /// H.265 (ITU-T H.265), what newer cameras send to save bandwidth.
    H265,
    /// Motion JPEG: a JPEG picture (ITU-T T.81) per frame, as webcams and old cameras send.
    Mjpeg,
    /// VP8 (RFC 6386).
    Vp8,
    /// VP9.
    Vp9,
    /// AV1.
    Av1,
}

impl InputCodec {
    /// Every codec, the commonest of cameras first.
    pub const ALL: &[Self] = &[Self::H264, Self::H265, Self::Mjpeg, Self::Vp8, Self::Vp9, Self::Av1];

    /// The name in files and messages: `h264`, `mjpeg`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::H265 => "h265",
            Self::Mjpeg => "mjpeg",
            Self::Vp8 => "vp8",
            Self::Vp9 => "vp9",
            Self::Av1 => "av1",
        }
    }

    /// The media type of GStreamer's caps.
    pub const fn caps_name(self) -> &'static str {
        match self {
            Self::H264 => "video/x-h264",
            Self::H265 => "video/x-h265",
            Self::Mjpeg => "image/jpeg",
            Self::Vp8 => "video/x-vp8",
            Self::Vp9 => "video/x-vp9",
            Self::Av1 => "video/x-av1",
        }
    }

    /// The codec whose caps have this media type.
    pub fn from_caps_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|codec| codec.caps_name() == name)
    }

    /// The parser that belongs in front of a decoder. It finds the size, and puts the
    /// stream into the form that the decoder takes.
    pub const fn parser(self) -> Option<&'static str> {
        match self {
            Self::H264 => Some("h264parse"),
            Self::H265 => Some("h265parse"),
            Self::Mjpeg => Some("jpegparse"),
            // Every packet is a frame, and the frame says its size.
            Self::Vp8 => None,
            Self::Vp9 => Some("vp9parse"),
            Self::Av1 => Some("av1parse"),
        }
    }

    /// The codec within the names of hardware decoders, such as `h264` in `vah264dec`.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Mjpeg => "jpeg",
            _ => self.key(),
        }
    }
}

/// The name for people; see [`InputCodec::key`] for the one in files.
impl fmt::Display for InputCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::H264 => "H.264",
            Self::H265 => "H.265",
            Self::Mjpeg => "Motion JPEG",
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::Av1 => "AV1",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codec_is_found_by_its_caps_and_serde_agrees_with_its_key() {
        for codec in InputCodec::ALL {
            assert_eq!(InputCodec::from_caps_name(codec.caps_name()), Some(*codec));
            assert_eq!(serde_json::to_value(codec).unwrap(), codec.key());
        }
        assert_eq!(InputCodec::from_caps_name("video/x-raw"), None);
    }
}
