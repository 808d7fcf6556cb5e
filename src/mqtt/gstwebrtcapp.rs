//! Messages of GstWebRTCApp (1.3 to 1.6), read and written: its agents, recorder and controller take
//! us for one of its connectors.
//!
//! What it does wrong stops here: a message of another shape is passed over, a feed is meant by its
//! whole name, nothing waits without bound.

mod actions;
mod dictionary;
mod envelope;
mod reading;

pub use actions::{Action, ControllerCommand, actions, controller_commands, worth_applying};
pub use dictionary::dictionary;
pub use envelope::Envelope;
pub use reading::sample_of;
