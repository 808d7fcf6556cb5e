//! What is heard beside a feed's picture.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::i18n::gettext;

/// What is heard beside a picture. It is sent as Opus (RFC 6716), which every browser plays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioConfig {
    /// Where it comes from.
    pub source: AudioSource,
    /// In kbit/s, within [`AudioConfig::BITRATE_KBPS`].
    pub bitrate_kbps: u32,
}

impl AudioConfig {
    /// The bitrate of a feed that names none: clear speech and engine noise, in kbit/s.
    pub const DEFAULT_BITRATE_KBPS: u32 = 48;
    /// What Opus takes and is of use (RFC 6716, section 2.1.1), in kbit/s.
    pub const BITRATE_KBPS: RangeInclusive<u32> = 6..=256;
}

impl Default for AudioConfig {
    fn default() -> Self {
        Self { source: AudioSource::default(), bitrate_kbps: Self::DEFAULT_BITRATE_KBPS }
    }
}

/// Where a feed's sound comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AudioSource {
    /// The feed has no sound: nobody is overheard who was not asked.
    #[default]
    None,
    /// The camera's own microphone.
    Camera,
    /// The input device of this name, as the system's sound settings show it.
    Device(String),
    /// A steady tone, for trying things out.
    Tone,
    /// Silence, for services that want sound.
    Silence,
}

/// The text names no source of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", audio_rule())]
pub struct AudioSourceError;

fn audio_rule() -> String {
    gettext(r#"it is "none", "camera", "tone", "silence", or "device:" and the name of an input device"#)
}

impl AudioSource {
    /// What stands in front of a device's name.
    const DEVICE: &str = "device:";
}

impl fmt::Display for AudioSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Camera => f.write_str("camera"),
            Self::Device(name) => write!(f, "{}{name}", Self::DEVICE),
            Self::Tone => f.write_str("tone"),
            Self::Silence => f.write_str("silence"),
        }
    }
}

impl FromStr for AudioSource {
    type Err = AudioSourceError;

    fn from_str(text: &str) -> Result<Self, AudioSourceError> {
        let device = text.strip_prefix(Self::DEVICE);
        match (text, device) {
            ("none", _) => Ok(Self::None),
            ("camera", _) => Ok(Self::Camera),
            ("tone", _) => Ok(Self::Tone),
            ("silence", _) => Ok(Self::Silence),
            (_, Some(name)) if (1..=256).contains(&name.len()) && !name.chars().any(char::is_control) => {
                Ok(Self::Device(name.to_owned()))
            }
            _ => Err(AudioSourceError),
        }
    }
}

impl TryFrom<String> for AudioSource {
    type Error = AudioSourceError;

    fn try_from(text: String) -> Result<Self, AudioSourceError> {
        text.parse()
    }
}

impl From<AudioSource> for String {
    fn from(source: AudioSource) -> String {
        source.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_reads_its_own_text() {
        let device = AudioSource::Device("USB: Mic (left)".into());
        for source in [AudioSource::None, AudioSource::Camera, AudioSource::Tone, AudioSource::Silence, device] {
            assert_eq!(source.to_string().parse(), Ok(source));
        }
        for bad in ["", "microphone", "device:", "device:a\nb"] {
            assert_eq!(bad.parse::<AudioSource>(), Err(AudioSourceError), "{bad:?}");
        }
    }
}
