//! Who decides what a feed sends, and to whom.
//!
//! May use `stats` and `config`; knows no pipeline, no server and no screen.
//! Everything here is given its times, so that it can be tested without waiting.

mod agent;
mod allocation;
mod assignment;
mod controller;
mod estimate;
mod limit;
mod path;
mod second_stream;

pub use agent::{Agent, Consulted, Crew, CrewState, Decision, Gcc, Manual, Observation, Phase, ViewerPath, counting};
pub use allocation::{Allocation, Claim, Pooled, allocate};
pub use assignment::{Assigned, Assignment, Offer};
pub use controller::{Asks, ControlState, FeedController, FeedReport, FeedShare, Share};
pub use estimate::{Estimate, Estimator, ReceiverReport};
pub use path::{Asker, Circumstances, Obstacle, PathChooser, StreamForm};
pub use second_stream::SecondStreamFit;
