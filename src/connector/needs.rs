//! What a destination needs of a feed that is to be watched there.

use crate::config::Codec;

/// What a connector needs of a feed. The engine sees to it: whoever writes a connector says it, and no more.
///
/// Without another word: any codec, sound where there is some, and as many viewers as come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// What can be sent there. A feed of another codec has a rendition made for it.
    pub codecs: Vec<Codec>,
    /// Whether there has to be sound beside the picture.
    pub sound: Sound,
    /// How many may watch a feed there at a time.
    pub viewers: Viewers,
}

impl Needs {
    /// This codec and no other.
    pub fn in_codec(codec: Codec) -> Self {
        Self { codecs: vec![codec], ..Self::default() }
    }
}

impl Default for Needs {
    fn default() -> Self {
        Self { codecs: Codec::ALL.to_vec(), sound: Sound::default(), viewers: Viewers::default() }
    }
}

/// Whether there has to be sound beside a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sound {
    /// The feed's, where it has some.
    #[default]
    Optional,
    /// Always, in Opus: silence where the feed has none.
    Mandatory,
}

/// How many may watch a feed at a destination at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Viewers {
    /// One, such as a media server that passes the picture on. Whoever comes while there is one is told so.
    One,
    /// Any number.
    #[default]
    Many,
}
