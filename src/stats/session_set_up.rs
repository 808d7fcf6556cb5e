//! How long the steps of a viewer's connection took.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long each step took, in seconds; `None` for what has not come about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SessionSetUp {
    /// From the session's beginning until offer and answer were exchanged.
    pub signalling: Option<f64>,
    /// Until this side had found all of its addresses, beside the other steps.
    pub ice_gathering: Option<f64>,
    /// From the answer until a way was found.
    pub ice_connected: Option<f64>,
    /// From there until what goes over it was encrypted (DTLS).
    pub dtls: Option<f64>,
    /// From there until the first packet of a key frame was sent.
    pub first_frame: Option<f64>,
}

impl SessionSetUp {
    /// The steps that there were, in a line: `signalling 12 ms, dtls 30 ms`.
    pub fn words(&self) -> String {
        steps_in_words(&[
            ("signalling", self.signalling),
            ("ice gathering", self.ice_gathering),
            ("ice connected", self.ice_connected),
            ("dtls", self.dtls),
            ("first frame", self.first_frame),
        ])
    }

    /// Whether the picture is on its way.
    pub fn is_complete(&self) -> bool {
        self.first_frame.is_some()
    }
}

/// Steps and the seconds that they took, in a line; without those that there were not.
pub(crate) fn steps_in_words(steps: &[(&str, Option<f64>)]) -> String {
    let taken = steps.iter().filter_map(|(name, took)| Some(format!("{name} {:.0} ms", (*took)? * 1000.0)));
    taken.collect::<Vec<_>>().join(", ")
}
