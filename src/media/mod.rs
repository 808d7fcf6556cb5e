//! GStreamer: everything between a camera's address and the connectors.
//!
//! A feed is three kinds of pipeline on one clock and one base time
//! ([`FeedClock`]), joined by `gst_utils::StreamProducer`:
//!
//! ```text
//! Ingest                       Rendition                      Outlet
//! source ► depay ►┬► decode ►─┬─► adapt ► encoder ► parser ►─┬─► webrtcsink ► viewers
//!                 │           └─► preview                    └─► …one per connector
//!                 └► the stream as it is ────────────────────►
//! ```
//!
//! So a camera can go away and come back, change its picture size or be
//! replaced, while encoders keep their settings and viewers their sessions.
//!
//! This room may use GStreamer, `channels`, `stats` and `config`; it knows no screen (except
//! `preview`, behind the feature `gui`), no server and no feed list.
//! Pipelines are built from elements, never from launch strings.

mod adapt;
pub mod audio;
pub mod availability;
pub mod capacity;
mod clock;
mod decoder;
mod device;
mod element;
pub mod element_settings;
mod encode_meter;
mod encoded_stream;
mod encoder;
mod error;
pub mod gop_cache;
pub mod graphics;
mod ingest;
mod key_frames;
mod live_settings;
mod meter;
mod outlet;
pub mod pass_through;
mod plugins;
mod preview;
pub mod probe;
mod rate_limit;
mod recorder;
mod rendition;
mod rendition_mark;
mod running_time;
mod snapshot;
pub mod source;
pub mod stream_inspector;
#[cfg(test)]
mod test_stream;
mod thread_load;

pub use audio::{AudioRendition, AudioState, CameraTap};
pub use clock::FeedClock;
pub use decoder::{Decoder, InputCodec, Threading, choose_decoder};
pub use device::{Device, Memory};
pub use encoded_stream::EncodedStream;
pub use encoder::{Change, DeviceFamily, Encoder, EncoderRow, choose_encoder, licence_note};
pub use error::{FaultKind, MediaError, MediaFault};
pub use ingest::{Ingest, IngestEvent, IngestPlan, Picture};
pub use key_frames::KeyFrameCounts;
pub use outlet::{
    DataPlan, Outlet, OutletEvent, OutletPlan, PictureClock, SessionCounters, SessionStats, TransportPlan,
};
pub use plugins::init;
pub use preview::Preview;
pub use recorder::{Kept, Recorder, RecorderEvent, RecorderPlan, RingLimits, Rotation as FileRotation};
pub use rendition::{Rendition, RenditionFailure, RenditionPlan};
pub use snapshot::take_snapshot;
pub use thread_load::used_by_process as process_time;
