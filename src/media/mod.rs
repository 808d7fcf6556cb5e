//! GStreamer: everything between a camera's address and the connectors.
//!
//! A feed is three kinds of pipeline on one clock and one base time
//! ([`FeedClock`]), joined by `gst_utils::StreamProducer`:
//!
//! ```text
//! Ingest                       Rendition                      Outlet
//! source ► depay ► decode ►─┬─► adapt ► encoder ► parser ►─┬─► webrtcsink ► viewers
//!                           └─► preview                    └─► …one per connector
//! ```
//!
//! So a camera can go away and come back, change its picture size or be
//! replaced, while encoders keep their settings and viewers their sessions.
//!
//! This room may use GStreamer and `config`; it knows no screen (except
//! `preview`, behind the feature `gui`), no server and no feed list.
//! Pipelines are built from elements, never from launch strings.

mod clock;
mod element;
mod encoder;
mod error;
mod ingest;
mod outlet;
mod plugins;
mod preview;
mod rendition;
pub mod source;

pub use clock::FeedClock;
pub use encoder::{ENCODERS, EncoderRow, choose_encoder};
pub use error::{FaultKind, MediaError, MediaFault};
pub use ingest::{Ingest, IngestEvent, Picture};
pub use outlet::{Outlet, OutletEvent, PictureClock, ViewerStats};
pub use plugins::init;
pub use preview::Preview;
pub use rendition::Rendition;
