//! The local connector: viewers reach this machine directly.
//!
//! ```text
//! browser ──http──► server ─► access ─► pages        the viewer page
//!    └───websocket──► socket ─► hub ◄─► signaller ◄─► webrtcsink, one per feed and codec
//! ```
//!
//! [`Hub`] knows feeds, peers and sessions and carries their messages; it knows
//! nothing of GStreamer or of sockets. [`LocalSignaller`] is a feed's end of it, one for each codec,
//! [`LocalServer`] the network's. The protocol is that of the crate
//! `gst-plugin-webrtc-signalling-protocol`, so the unmodified npm package
//! `gstwebrtc-api` is a viewer too; some more messages go only to peers that
//! announced themselves as our own page (see `messages.rs`). Any peer may say in
//! its `meta.codecs` what it can decode.
//!
//! Only feeds of this process produce: no websocket can pose as a camera.

mod access;
mod clock;
mod connection;
mod host;
mod hub;
mod messages;
mod pages;
mod routes;
mod server;
mod settings;
mod signaller;
mod socket;
mod tls;

pub use clock::Clock;
pub use connection::LocalConnector;
pub use hub::Hub;
pub use messages::{FeedStatus, PictureClock};
pub use routes::Metrics;
pub use server::{LocalServer, ServerError};
pub use settings::{LocalSettings, Tls};
pub use signaller::{LocalFeed, LocalSignaller};
pub use tls::TlsError;
