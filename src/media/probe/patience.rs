//! How long each step towards a picture may take, and what is wrong when it takes longer.
//! Times and words are those that a feed has for the same.

use std::time::Duration;

use crate::{
    i18n::gettext,
    media::{FaultKind, MediaFault},
};

/// What is waited for next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Awaited {
    /// What the camera sends.
    Description,
    /// The first packet.
    Packet,
    /// The first picture.
    Picture,
}

impl Awaited {
    /// How long it may take.
    pub(super) fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Self::Description => 10,
            Self::Packet => 5,
            Self::Picture => 15,
        })
    }

    /// What is wrong when it does not come; `silent` where nothing came at all.
    pub(super) fn fault(self, silent: &MediaFault) -> MediaFault {
        match self {
            Self::Description => MediaFault::new(
                FaultKind::Unreachable,
                gettext("The camera does not answer."),
                gettext("Check its power and network, and that a firewall lets RTSP through."),
            ),
            Self::Packet => silent.clone(),
            Self::Picture => MediaFault::new(
                FaultKind::Silent,
                gettext("The camera sends, but no whole picture has come."),
                gettext(
                    "Set a shorter key frame interval in the camera's settings, or on a bad network a lower bitrate.",
                ),
            ),
        }
    }
}
