//! What was found, in a person's words.

use serde::{Deserialize, Serialize};

use crate::{
    config::Codec,
    i18n::{gettext, gettext_f, ngettext_f},
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
    /// Not every viewer decodes H.265.
    H265,
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

    /// The same with what is done about it: an encoder, such as “x264”, that is expected to keep
    /// this many cores busy, where that is known and not nothing.
    pub fn words_with_encoder(&self, encoder: &str, cores: Option<f64>) -> String {
        let values = [("found", self.words()), ("encoder", encoder.to_owned())];
        let mut values: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // Less than that is not to be seen among everything else.
        let Some(cores) = cores.filter(|cores| *cores >= 0.05) else {
            // Translators: {found} is such as “Camera sends H.264 High with B-frames”.
            return gettext_f("{found}: transcoding with {encoder}", &values);
        };
        let told = format!("{cores:.1}");
        values.push(("cores", &told));
        ngettext_f(
            // Translators: {found} is such as “Camera sends H.264 High with B-frames”; {cores} is such as 0.2.
            "{found}: transcoding with {encoder}, about {cores} core",
            "{found}: transcoding with {encoder}, about {cores} cores",
            if cores < 1.05 { 1 } else { cores.ceil() as u32 },
            &values,
        )
    }
}

impl Reason {
    /// Whether an operator who insists gets the stream through all the same.
    pub fn may_be_forced(&self) -> bool {
        matches!(self, Self::H265 | Self::LongGop { .. })
    }

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
            Self::H265 => gettext("Camera sends H.265, which not every viewer decodes"),
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
        let told = |cores| high.words_with_encoder("x264", cores);
        assert_eq!(told(None), "Camera sends H.264 High with B-frames: transcoding with x264");
        assert_eq!(told(Some(0.01)), told(None));
        assert_eq!(told(Some(0.24)), "Camera sends H.264 High with B-frames: transcoding with x264, about 0.2 core");
        assert!(told(Some(1.26)).ends_with("about 1.3 cores"));
        assert_eq!(Verdict::Suitable(Codec::H265).words(), "Camera's H.265 goes to the viewers as it is");
        let long = Verdict::Unsuitable(Reason::LongGop { longest_s: 10 });
        assert_eq!(long.words(), "Camera's key frames are more than 10 s apart");
    }

    #[test]
    fn a_verdict_crosses_serde() {
        let verdict = Verdict::Unsuitable(Reason::H265);
        let json = serde_json::to_string(&verdict).unwrap();
        assert_eq!(json, r#"{"unsuitable":"h265"}"#);
        assert_eq!(serde_json::from_str::<Verdict>(&json).unwrap(), verdict);
    }
}
