//! Properties of an encoder that the operator set by name, as power users do.
//!
//! The rules here need no encoder at hand. They refuse what no feed may have: B-frames and
//! lookahead, which delay the picture; anything that opens a file; and what other settings
//! already say. Whether an encoder has such a property, and takes the value, the media room
//! knows.

use crate::i18n::{gettext, gettext_f};

/// Why a property of an encoder cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum EncoderSettingError {
    /// It is no property's name.
    Name,
    /// It is no property's value.
    Value {
        /// The property.
        name: String,
    },
    /// It would let pictures depend on later ones, or wait for them.
    Delay {
        /// The property.
        name: String,
    },
    /// It names a file or a device, or takes options that could.
    Outside {
        /// The property.
        name: String,
    },
    /// Another setting of the feed says it.
    Elsewhere {
        /// The property.
        name: String,
        /// The key in the settings file that says it.
        setting: &'static str,
    },
    /// The program depends on it.
    Reserved {
        /// The property.
        name: String,
    },
}

impl EncoderSettingError {
    /// What is wrong, and what would be right.
    fn sentence(&self) -> String {
        match self {
            Self::Name => gettext(
                "a property's name has 1 to 64 letters, digits and -, and starts with a letter, such as threads",
            ),
            Self::Value { name } => {
                gettext_f("the value of {name} is one line of at most 256 bytes, and not empty", &[("name", name)])
            }
            Self::Delay { name } => gettext_f(
                "{name} would make pictures wait for later ones; a live encoder has no B-frames and no lookahead",
                &[("name", name)],
            ),
            Self::Outside { name } => gettext_f(
                "{name} could name files or devices, which a setting may not; leave it out",
                &[("name", name)],
            ),
            Self::Elsewhere { name, setting } => {
                gettext_f("write `{setting}` instead of {name}", &[("name", name), ("setting", setting)])
            }
            Self::Reserved { name } => gettext_f("{name} is Heliograph's own to set; leave it out", &[("name", name)]),
        }
    }
}

/// Whether a feed may set this property of its encoder to this value.
///
/// # Errors
///
/// A sentence that says why not. It holds the name, never the value.
pub fn check(name: &str, value: &str) -> Result<(), EncoderSettingError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !(1..=64).contains(&name.len())
        || !name.starts_with(|c: char| c.is_ascii_alphabetic())
        || !name.chars().all(plain)
    {
        return Err(EncoderSettingError::Name);
    }
    if !(1..=256).contains(&value.len()) || value.chars().any(char::is_control) {
        return Err(EncoderSettingError::Value { name: name.to_owned() });
    }
    check_meaning(name, value)
}

fn check_meaning(name: &str, value: &str) -> Result<(), EncoderSettingError> {
    // GObject takes both forms of a name for the same property.
    let canonical = name.replace('_', "-").to_ascii_lowercase();
    let name = name.to_owned();
    match canonical.as_str() {
        "name" | "parent" | "min-force-key-unit-interval" => Err(EncoderSettingError::Reserved { name }),
        "bitrate" | "target-bitrate" | "bps" => Err(EncoderSettingError::Elsewhere { name, setting: "bitrate_kbps" }),
        other if opens_something(other) => Err(EncoderSettingError::Outside { name }),
        other if delays(other, value) => Err(EncoderSettingError::Delay { name }),
        _ => Ok(()),
    }
}

/// Whether a property names a file or a device, or is a door to an encoder's own options.
fn opens_something(property: &str) -> bool {
    matches!(property, "option-string" | "parameters-string" | "extra-controls")
        || property
            .split('-')
            .any(|word| matches!(word, "file" | "path" | "location" | "device" | "socket" | "fd" | "uri"))
}

/// Properties that are to be off, as they are by default in most encoders.
const DELAYING: &[&str] = &[
    // B-frames, by every name they have.
    "bframes",
    "b-frames",
    "num-b-frames",
    "b-adapt",
    "b-pyramid",
    // Lookahead.
    "rc-lookahead",
    "sync-lookahead",
    "lookahead",
    "look-ahead",
    "look-ahead-distance",
    "lag-in-frames",
    "rdo-lookahead-frames",
    // Frames that are hidden until a later one (libvpx).
    "auto-alt-ref",
    "enable-auto-alt-ref",
    "arnr-maxframes",
];

/// Whether a property with this value makes pictures wait for later ones.
fn delays(property: &str, value: &str) -> bool {
    let off = matches!(value.to_ascii_lowercase().as_str(), "0" | "false" | "no" | "off" | "disabled" | "none");
    match property {
        delaying if DELAYING.contains(&delaying) => !off,
        // More than one pass over the stream needs the whole of it.
        "pass" => !matches!(value, "cbr" | "quant" | "qual" | "0" | "4" | "5"),
        "multipass-mode" => !matches!(value, "one-pass" | "0"),
        "zerolatency" | "low-latency" => off,
        // The tunings of x264 and x265 bring lookahead and B-frames, those of NVENC a delay;
        // what rav1enc calls so concerns only what its pictures look like.
        "tune" => !value.contains("latency") && !matches!(value, "psychovisual" | "psnr"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_delays_the_picture_is_refused_and_its_absence_is_not() {
        for (name, value) in [
            ("bframes", "2"),
            ("b_frames", "1"),
            ("num-B-Frames", "1"),
            ("b-adapt", "true"),
            ("rc-lookahead", "40"),
            ("lag-in-frames", "25"),
            ("tune", "film"),
            ("tune", "0x4"),
            ("pass", "pass1"),
            ("multipass-mode", "first-pass"),
            ("zerolatency", "false"),
        ] {
            let expected = EncoderSettingError::Delay { name: name.into() };
            assert_eq!(check(name, value), Err(expected), "{name}={value}");
        }
        for (name, value) in [
            ("bframes", "0"),
            ("b-adapt", "false"),
            ("lag-in-frames", "0"),
            ("tune", "zerolatency"),
            ("tune", "stillimage+zerolatency"),
            ("tune", "ultra-low-latency"),
            ("zerolatency", "true"),
            ("key-int-max", "2560"),
            ("speed-preset", "ultrafast"),
            ("cpu-used", "-16"),
            ("usage-profile", "realtime"),
        ] {
            assert_eq!(check(name, value), Ok(()), "{name}={value}");
        }
    }

    #[test]
    fn what_reaches_outside_and_what_is_said_elsewhere_is_refused() {
        for name in ["multipass-cache-file", "option-string", "parameters-string", "extra-controls", "cuda_device_id"] {
            assert!(matches!(check(name, "x"), Err(EncoderSettingError::Outside { .. })), "{name}");
        }
        let error = check("target-bitrate", "1").unwrap_err().to_string();
        assert_eq!(error, "write `bitrate_kbps` instead of target-bitrate");
        for name in ["", "-x", "a b", "a=b", "ä", &"x".repeat(65)] {
            assert_eq!(check(name, "1"), Err(EncoderSettingError::Name), "{name:?}");
        }
        for value in ["", "a\nb", &"x".repeat(257)] {
            let error = check("threads", value).unwrap_err();
            assert_eq!(error, EncoderSettingError::Value { name: "threads".into() });
        }
    }
}
