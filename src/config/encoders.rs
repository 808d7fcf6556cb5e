//! What the operator knows of this machine's encoders.

use std::collections::BTreeMap;

use super::keyed::keyed_enum;

/// The settings of `[encoders]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncodersConfig {
    /// Encoders that a device takes at once, by its key such as `nvidia:0` or
    /// `va:/dev/dri/renderD128`; `heliograph doctor` lists the keys. A device without a number
    /// here takes encoders until it refuses one.
    pub sessions: BTreeMap<String, u32>,
    /// What becomes of a feed for which the processor has no room.
    pub overload: Overload,
}

keyed_enum! {
    /// What becomes of a feed for which the processor has no room.
    Overload {
        /// It waits with a sentence, so that the others do not stutter.
        #[default]
        Refuse = "refuse",
        /// It is encoded all the same.
        Allow = "allow",
    }
}

impl EncodersConfig {
    /// The most that anybody writes down: more than any card takes.
    pub const MOST_SESSIONS: u32 = 1000;
}
