//! Which codec a feed is encoded in, and by which encoder.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::i18n::{gettext, gettext_f};

/// A video codec that Heliograph can send.
///
/// A codec is added here, in [`Codec::ALL`] and in [`Codec::key`]; the compiler
/// then names the places in the media room that need to learn it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// H.264 (ITU-T H.264), which every browser decodes and most cameras send.
    #[default]
    H264,
    /// VP8 (RFC 6386), which every browser decodes too.
    Vp8,
}

/// The text names no codec that Heliograph knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", codec_rule())]
pub struct CodecError;

/// What a codec may be, in a sentence.
fn codec_rule() -> String {
    // Translators: {codecs} is a list such as "h264", "vp8".
    gettext_f("a codec is one of {codecs}", &[("codecs", &known_codecs())])
}

impl Codec {
    /// Every codec, in the order in which they are offered.
    pub const ALL: &[Codec] = &[Codec::H264, Codec::Vp8];

    /// The codec's name in files and messages: `h264`, `vp8`.
    pub fn key(self) -> &'static str {
        match self {
            Codec::H264 => "h264",
            Codec::Vp8 => "vp8",
        }
    }
}

fn known_codecs() -> String {
    let keys: Vec<String> = Codec::ALL.iter().map(|codec| format!("\"{}\"", codec.key())).collect();
    keys.join(", ")
}

/// The name for people; see [`Codec::key`] for the one in files.
impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Codec::H264 => "H.264",
            Codec::Vp8 => "VP8",
        })
    }
}

/// Reads [`Codec::key`].
impl FromStr for Codec {
    type Err = CodecError;

    fn from_str(text: &str) -> Result<Self, CodecError> {
        Codec::ALL.iter().copied().find(|codec| codec.key() == text).ok_or(CodecError)
    }
}

/// Which encoder element makes a feed's picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EncoderChoice {
    /// The best one that this machine has for the feed's codec; `auto` in files.
    #[default]
    Automatic,
    /// The GStreamer element of this name, such as `x264enc`. Whether there is
    /// such an element, and whether it makes the feed's codec, the media room knows.
    Named(String),
}

/// The text cannot be the name of an encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", encoder_rule())]
pub struct EncoderNameError;

/// What an encoder may be, in a sentence.
fn encoder_rule() -> String {
    gettext("an encoder is \"auto\" or the name of a GStreamer element, such as \"x264enc\"")
}

impl EncoderChoice {
    /// The choice as it stands in files: `auto` or the element's name.
    pub fn key(&self) -> &str {
        match self {
            EncoderChoice::Automatic => "auto",
            EncoderChoice::Named(name) => name,
        }
    }
}

impl FromStr for EncoderChoice {
    type Err = EncoderNameError;

    fn from_str(text: &str) -> Result<Self, EncoderNameError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        match text {
            "auto" => Ok(EncoderChoice::Automatic),
            name if (1..=64).contains(&name.len()) && name.chars().all(allowed) => {
                Ok(EncoderChoice::Named(name.to_owned()))
            }
            _ => Err(EncoderNameError),
        }
    }
}

impl TryFrom<String> for EncoderChoice {
    type Error = EncoderNameError;

    fn try_from(text: String) -> Result<Self, EncoderNameError> {
        text.parse()
    }
}

impl From<EncoderChoice> for String {
    fn from(choice: EncoderChoice) -> String {
        choice.key().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_reads_its_own_key_and_serde_agrees() {
        for codec in Codec::ALL {
            assert_eq!(codec.key().parse(), Ok(*codec));
            assert_eq!(serde_json::to_value(codec).unwrap(), codec.key());
        }
        assert_eq!("av1".parse::<Codec>(), Err(CodecError));
        assert_eq!(CodecError.to_string(), "a codec is one of \"h264\", \"vp8\"");
        assert_eq!(Codec::H264.to_string(), "H.264");
    }

    #[test]
    fn encoders_are_auto_or_an_element_name() {
        assert_eq!("auto".parse(), Ok(EncoderChoice::Automatic));
        assert_eq!("x264enc".parse(), Ok(EncoderChoice::Named("x264enc".into())));
        for text in ["", "x264enc ! fakesink", "x264enc bitrate=1", "é"] {
            assert_eq!(text.parse::<EncoderChoice>(), Err(EncoderNameError), "for {text:?}");
        }
        let json = serde_json::to_string(&EncoderChoice::Automatic).unwrap();
        assert_eq!(json, "\"auto\"");
        assert_eq!(serde_json::from_str::<EncoderChoice>(&json).unwrap(), EncoderChoice::Automatic);
    }
}
