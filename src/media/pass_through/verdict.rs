//! What was found, in a person's words.

use serde::{Deserialize, Serialize};

use crate::{
    config::Codec,
    i18n::{gettext, gettext_f},
};

/// Whether a camera's stream may go to viewers as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Too little came to tell.
    Unknown,
    /// It may, and is of this codec.
    Suitable(Codec),
    /// It may not.
    Unsuitable(Reason),
}

/// Why a camera's stream may not go to viewers as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Pictures refer to later ones; browsers would show them in the wrong order.
    BFrames {
        /// What the stream is of.
        codec: Codec,
        /// Its profile, as the standard calls it.
        profile: String,
    },
    /// Browsers do not decode this profile.
    Profile {
        /// What the stream is of.
        codec: Codec,
        /// Its profile, as the standard calls it, with whatever is unusual of it.
        profile: String,
    },
    /// Pictures may be made of two fields.
    Interlaced {
        /// What the stream is of.
        codec: Codec,
        /// Its profile, as the standard calls it.
        profile: String,
    },
    /// Slices come in an order of their own (H.264's ASO and FMO).
    FreeSlices {
        /// Its profile, as the standard calls it.
        profile: String,
    },
    /// No browser takes the codec from a camera.
    Codec {
        /// What people call it.
        codec: String,
    },
    /// Key frames come without what a decoder needs to begin.
    NoParameterSets {
        /// What the stream is of.
        codec: Codec,
    },
    /// Key frames are too far apart.
    LongGop {
        /// As far as they may be, in seconds.
        longest_s: u64,
    },
}

impl Verdict {
    /// The verdict in a sentence without its full stop, for a line below a feed's name.
    pub fn words(&self) -> String {
        match self {
            Self::Unknown => gettext("Looking at the camera's stream"),
            Self::Suitable(codec) => {
                gettext_f("Camera's {codec} goes to the viewers as it is", &[("codec", &codec.to_string())])
            }
            Self::Unsuitable(reason) => reason.words(),
        }
    }
}

impl Reason {
    /// What is in the way: a sentence without its full stop.
    pub fn words(&self) -> String {
        match self {
            Self::BFrames { codec, profile } => {
                gettext_f("Camera sends {kind} with B-frames", &[("kind", &kind(*codec, profile))])
            }
            Self::Profile { codec, profile } => {
                gettext_f("Camera sends {kind}, which browsers do not decode", &[("kind", &kind(*codec, profile))])
            }
            Self::Interlaced { codec, profile } => {
                gettext_f("Camera sends {kind} with interlaced pictures", &[("kind", &kind(*codec, profile))])
            }
            Self::FreeSlices { profile } => gettext_f(
                // Translators: a picture is coded in slices, usually from the top to the bottom.
                "Camera sends {kind} with slices in an order of their own",
                &[("kind", &kind(Codec::H264, profile))],
            ),
            Self::Codec { codec } => {
                gettext_f("Camera sends {codec}, which browsers do not take from a camera", &[("codec", codec)])
            }
            Self::NoParameterSets { codec } => {
                gettext_f("Camera sends {codec} without parameter sets", &[("codec", &codec.to_string())])
            }
            Self::LongGop { longest_s } => {
                gettext_f("Camera's key frames are more than {seconds} s apart", &[("seconds", &longest_s.to_string())])
            }
        }
    }
}

/// Codec and profile together: “H.264 High”.
fn kind(codec: Codec, profile: &str) -> String {
    format!("{codec} {profile}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_one_sentence() {
        let high = Verdict::Unsuitable(Reason::BFrames { codec: Codec::H264, profile: "High".into() });
        assert_eq!(high.words(), "Camera sends H.264 High with B-frames");
        assert_eq!(Verdict::Suitable(Codec::H265).words(), "Camera's H.265 goes to the viewers as it is");
        let long = Verdict::Unsuitable(Reason::LongGop { longest_s: 10 });
        assert_eq!(long.words(), "Camera's key frames are more than 10 s apart");
    }

    #[test]
    fn a_verdict_crosses_serde() {
        let verdict = Verdict::Unsuitable(Reason::LongGop { longest_s: 10 });
        let json = serde_json::to_string(&verdict).unwrap();
        assert_eq!(json, r#"{"unsuitable":{"long-gop":{"longest_s":10}}}"#);
        assert_eq!(serde_json::from_str::<Verdict>(&json).unwrap(), verdict);
    }
}
