//! Where pictures come from.

pub mod demo_camera;
pub mod frame_mark;
mod reach;
mod rtsp;
mod rtsp_fault;
mod secrets;

pub use demo_camera::{DemoCamera, DemoSettings};
pub use reach::diagnose;
pub use rtsp::{RtspSource, Transport};

pub(super) use rtsp::build as build_rtsp;
pub(super) use rtsp_fault::fault_from;
