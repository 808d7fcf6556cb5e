//! Who decides over a feed's setpoint, and within which bounds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyed::keyed_enum;

keyed_enum! {
    /// The agents that there are, the safest first.
    AgentKind {
        /// Nobody: what a person set holds.
        #[default]
        Manual = "manual",
        /// Congestion control: the bitrate follows what the viewers' connections carry.
        Gcc = "gcc",
    }
}

/// Who decides over a feed's setpoint, and what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AgentConfig {
    /// Who it is.
    pub kind: AgentKind,
    /// Whether it only watches and says what it would do.
    pub is_passive: bool,
    /// No bitrate below this, in kbit/s, unless a person sets it.
    pub least_kbps: u32,
    /// And none above this.
    pub most_kbps: u32,
    /// Whether it may also make pictures smaller and fewer where the bitrate is too low for them.
    pub adapts_picture: bool,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            kind: AgentKind::default(),
            is_passive: false,
            least_kbps: Self::LEAST_KBPS,
            most_kbps: Self::MOST_KBPS,
            adapts_picture: true,
        }
    }
}

impl AgentConfig {
    /// The lower bound of a feed that names none: some picture, in kbit/s.
    pub const LEAST_KBPS: u32 = 200;
    /// The upper one, in kbit/s.
    pub const MOST_KBPS: u32 = 10_000;

    /// Within the bounds.
    pub fn clamp(&self, kbps: u32) -> u32 {
        // In this order, so that bounds the wrong way round do not panic.
        kbps.min(self.most_kbps).max(self.least_kbps)
    }
}
