//! What a feed is held to, and who said so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Setpoint;

/// Who a feed's setpoint is from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangedBy {
    /// Nobody since the feed was added: it stands in the settings.
    #[default]
    Settings,
    /// A person who is there and looks, in the window or elsewhere.
    Person,
    /// The agent of this name.
    Agent(String),
    /// The feed controller: it is the feed's share of what there is for all.
    Controller,
}

/// What a feed is held to, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InForce {
    /// What it is held to.
    pub setpoint: Setpoint,
    /// Whose the last change was.
    pub by: ChangedBy,
}
