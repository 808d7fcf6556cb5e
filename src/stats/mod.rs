//! Statistics: typed figures, and what they were over the last day.
//!
//! ```text
//! media counts ─► FeedSample ─► RateMaker ─► charts, files, messages
//! ```
//!
//! A [`FeedSample`] is all that is known of a feed and its viewers at one moment. Whoever counts fills
//! in the counters; [`RateMaker`] alone makes rates of them, knows a receiver report that is read
//! twice, and leaves gaps where nothing is known. [`History`] remembers one figure for a
//! day, ever more coarsely, [`Recorder`] writes them to files.
//!
//! This room may use `config`, and it knows neither GTK nor
//! GStreamer, so that the window and the headless program keep the same numbers.

mod estimate_basis;
mod feed_sample;
mod history;
mod ice;
mod path_report;
pub mod prometheus;
mod rate_maker;
pub mod recorder;
mod session_set_up;
mod viewer_report;
mod viewer_sample;

pub use estimate_basis::EstimateBasis;
pub use feed_sample::{CameraSample, EncodingRates, EncodingSample, FeedRates, FeedSample, KeyFrames, SentPath};
pub use history::{History, Reach, Span, Track};
pub use ice::{Flow, IceMeans, IceReport, IceState, PairState, TriedPair, TurnNamed};
pub use path_report::PathReport;
pub use rate_maker::RateMaker;
pub use recorder::Recorder;
pub use session_set_up::SessionSetUp;
pub(crate) use session_set_up::steps_in_words;
pub use viewer_sample::{
    Candidate, CandidatePair, OutboundRtp, RemoteInboundRtp, StreamRates, StreamSample, TransportFeedback, ViewerRates,
    ViewerReport, ViewerSample,
};

#[cfg(test)]
mod tests;
