//! Heliograph puts cameras on the network: feeds in, adaptive WebRTC out.
//!
//! The rooms of the house; arrows point down this list and never back up:
//!
//! ```text
//! ui        the window (feature `gui`)             serve   the headless face
//!   └──────────────┬──────────────────────────────────┘
//! engine           the owner: feeds, supervisors, commands in, events out
//!   ├─ connector   where a feed goes, each a signaller and its settings
//!   ├─ media       GStreamer: source, codec catalogue, encode, preview
//!   ├─ stats       typed statistics
//!   └─ config      what the operator asked for: feeds, settings, secrets
//! ```

pub mod config;
pub mod connector;
