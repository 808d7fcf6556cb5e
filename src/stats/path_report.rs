//! What a viewer's connection did with what was sent last.

use serde::{Deserialize, Serialize};

/// What came of the packets that a viewer was sent in the last half second, by the feedback of its
/// end on each of them (transport-wide congestion control, draft-holmer-rmcat-transport-wide-cc-extensions-01).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PathReport {
    /// What left here, in kbit/s: RTP with all that repairs it.
    pub sent_kbps: f64,
    /// What arrived, in kbit/s.
    pub received_kbps: f64,
    /// The same in the last 0.15 s of that, in kbit/s: while a queue stands, this is what the path carries.
    pub carried_kbps: f64,
    /// How long packets lie in queues on the way, in seconds: what the quickest of the last
    /// moments took longer than the quickest of the last half minute. A packet that waits only
    /// for others of its own frame does not count.
    pub queueing: f64,
    /// How many of those sent were lost, from 0 to 1.
    pub loss: f64,
}
