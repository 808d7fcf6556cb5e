//! The local connector: viewers reach this machine directly.
//!
//! ```text
//! browser ──http──► server ─► access ─► pages        the viewer page
//!    └───websocket──► socket ─► hub             the feeds, and who watches them
//! player ───http──────► whep ──┘                 one feed, by a standard protocol
//! ```
//!
//! [`Hub`](super::hub::Hub) knows feeds, peers and sessions and carries their messages;
//! [`LocalServer`] is the network's end of it. The protocol is that of the crate
//! `gst-plugin-webrtc-signalling-protocol`, so the unmodified npm package
//! `gstwebrtc-api` is a viewer too; some more messages go only to peers that
//! announced themselves as our own page (see the hub's `messages.rs`). Any peer may say in
//! its `meta.codecs` what it can decode.
//!
//! Only feeds of this process produce: no websocket can pose as a camera.

mod access;
mod denied;
mod host;
mod pages;
mod routes;
mod server;
mod settings;
mod socket;
mod tls;
mod whep;

pub use routes::Metrics;
pub use server::{LocalServer, ServerError};
pub use settings::{LocalSettings, Serves, Tls};
pub use tls::TlsError;
