//! A feed's sound, made into Opus beside the picture and never in its way.
//!
//! ```text
//! camera   CameraTap (in Ingest) ► CameraSound ─┐
//! device   DeviceSound ─────────────────────────┼► Lane ► AudioRendition ► Outlet
//! tone     ToneSound ───────────────────────────┘
//! ```
//!
//! Every source has a pipeline of its own, so that whatever breaks there, a
//! decoder, a camera's configuration, a device that is pulled out, reaches
//! neither the picture nor the viewers. All of them end in one [lane](Lane),
//! which puts silence where sound is missing: webrtcsink starts no session
//! before it has seen every stream, and the sound must not be what it waits for.

mod camera;
mod decoding;
mod device;
mod fault;
mod lane;
mod lip_sync;
mod opus;
mod rendition;
mod tap;
mod timeline;
mod tone;

pub use device::{InputDevice, input_devices};
pub use fault::AudioFault;
pub use lane::AudioState;
pub use rendition::AudioRendition;
pub use tap::CameraTap;

use lane::Lane;

pub(super) use lip_sync::keep_together;

#[cfg(test)]
mod tests;
