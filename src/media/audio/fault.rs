//! What can be wrong with a feed's sound, in a person's words.

use std::fmt;

use crate::i18n::{gettext, gettext_f};
use crate::media::MediaError;

/// Why there is no sound. The picture is not touched by any of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AudioFault {
    /// The camera describes no sound.
    NotOffered,
    /// The camera describes sound and sends none.
    NeverSent,
    /// The camera sent sound and stopped.
    Stopped,
    /// No decoder is known for what the camera sends.
    Undecodable {
        /// The camera's codec.
        codec: String,
    },
    /// What the camera sends is not what it says, or is damaged.
    Broken {
        /// The camera's codec, as it says.
        codec: String,
    },
    /// Something is not installed, or does not start.
    Media(String),
    /// No input device has this name.
    DeviceAbsent {
        /// The name.
        device: String,
    },
    /// The input device stopped or cannot be opened.
    DeviceLost {
        /// Its name.
        device: String,
    },
}

impl AudioFault {
    fn sentence(&self) -> String {
        match self {
            Self::NotOffered => gettext(
                "The camera offers no sound. Switch on its microphone in the camera's own settings, or choose another source of sound.",
            ),
            Self::NeverSent => gettext(
                "The camera announces sound and sends none. Look whether its microphone is switched on and connected.",
            ),
            Self::Stopped => gettext(
                "The camera's sound has stopped; the picture goes on. It is heard again as soon as the camera sends it.",
            ),
            Self::Undecodable { codec } => gettext_f(
                "The camera's sound is {codec}, which Heliograph cannot decode. Set the camera to AAC, G.711 or Opus.",
                &[("codec", codec)],
            ),
            Self::Broken { codec } => gettext_f(
                "The camera's sound, {codec}, cannot be decoded. Set the camera's sound to another codec, such as G.711, or restart the camera.",
                &[("codec", codec)],
            ),
            Self::Media(sentence) => sentence.clone(),
            Self::DeviceAbsent { device } => gettext_f(
                "There is no sound input device “{device}”. Plug it in, or choose another one; it is looked for again by itself.",
                &[("device", device)],
            ),
            Self::DeviceLost { device } => gettext_f(
                "The sound input device “{device}” gives no sound. Look whether it is plugged in and not used by another program; it is tried again by itself.",
                &[("device", device)],
            ),
        }
    }
}

impl fmt::Display for AudioFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())
    }
}

impl From<MediaError> for AudioFault {
    fn from(error: MediaError) -> Self {
        Self::Media(error.to_string())
    }
}
