//! What an encoded form of a feed is.

use crate::config::{Codec, RenditionRole};

/// An encoded form of a feed: what it is to it, in which codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Form {
    pub(super) codec: Codec,
    pub(super) role: RenditionRole,
}

impl Form {
    /// What the operator set, in this codec.
    pub(super) const fn main(codec: Codec) -> Self {
        Self { codec, role: RenditionRole::Main }
    }

    /// The small one in this codec.
    pub(super) const fn low(codec: Codec) -> Self {
        Self { codec, role: RenditionRole::Low }
    }
}
