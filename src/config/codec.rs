//! Which codec a feed is encoded in, and which elements do the work.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::i18n::{gettext, gettext_f};

/// A video codec that Heliograph can send.
///
/// A codec is added here, in [`Codec::ALL`] and in [`Codec::key`]; the compiler
/// then names the places in the media room that need to learn it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// H.264 (ITU-T H.264), which every browser decodes and most cameras send.
    #[default]
    H264,
    /// H.265 (ITU-T H.265), which most cameras send and few browsers decode.
    H265,
    /// VP8 (RFC 6386), which every browser decodes too.
    Vp8,
    /// VP9: a third less bandwidth than VP8, for more work.
    Vp9,
    /// AV1: the least bandwidth and the most work.
    Av1,
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
    pub const ALL: &[Codec] = &[Codec::H264, Codec::H265, Codec::Vp8, Codec::Vp9, Codec::Av1];

    /// The codec's name in files and messages: `h264`, `vp8`.
    pub fn key(self) -> &'static str {
        match self {
            Codec::H264 => "h264",
            Codec::H265 => "h265",
            Codec::Vp8 => "vp8",
            Codec::Vp9 => "vp9",
            Codec::Av1 => "av1",
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
            Codec::H265 => "H.265",
            Codec::Vp8 => "VP8",
            Codec::Vp9 => "VP9",
            Codec::Av1 => "AV1",
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

/// Which GStreamer element does a piece of work that several can do: encoding, or decoding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub enum ElementChoice {
    /// The best one that this machine has for the codec; `auto` in files.
    #[default]
    Automatic,
    /// The element of this name, such as `x264enc`. Whether there is such an
    /// element, and whether it is for the feed's codec, the media room knows.
    Named(String),
}

/// The text cannot be the name of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", element_rule())]
pub struct ElementNameError;

/// What a choice may be, in a sentence.
fn element_rule() -> String {
    gettext("it is \"auto\" or the name of a GStreamer element, such as \"x264enc\"")
}

impl ElementChoice {
    /// The choice as it stands in files: `auto` or the element's name.
    pub fn key(&self) -> &str {
        match self {
            ElementChoice::Automatic => "auto",
            ElementChoice::Named(name) => name,
        }
    }
}

impl FromStr for ElementChoice {
    type Err = ElementNameError;

    fn from_str(text: &str) -> Result<Self, ElementNameError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        match text {
            "auto" => Ok(ElementChoice::Automatic),
            name if (1..=64).contains(&name.len()) && name.chars().all(allowed) => {
                Ok(ElementChoice::Named(name.to_owned()))
            }
            _ => Err(ElementNameError),
        }
    }
}

impl TryFrom<String> for ElementChoice {
    type Error = ElementNameError;

    fn try_from(text: String) -> Result<Self, ElementNameError> {
        text.parse()
    }
}

impl From<ElementChoice> for String {
    fn from(choice: ElementChoice) -> String {
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
        assert_eq!("mpeg2".parse::<Codec>(), Err(CodecError));
        assert_eq!(CodecError.to_string(), r#"a codec is one of "h264", "h265", "vp8", "vp9", "av1""#);
        assert_eq!(Codec::H264.to_string(), "H.264");
    }

    #[test]
    fn a_choice_is_auto_or_an_element_name() {
        assert_eq!("auto".parse(), Ok(ElementChoice::Automatic));
        assert_eq!("x264enc".parse(), Ok(ElementChoice::Named("x264enc".into())));
        for text in ["", "x264enc ! fakesink", "x264enc bitrate=1", "é"] {
            assert_eq!(text.parse::<ElementChoice>(), Err(ElementNameError), "for {text:?}");
        }
        let json = serde_json::to_string(&ElementChoice::Automatic).unwrap();
        assert_eq!(json, "\"auto\"");
        assert_eq!(serde_json::from_str::<ElementChoice>(&json).unwrap(), ElementChoice::Automatic);
    }
}
