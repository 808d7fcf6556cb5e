//! Tests of the whole with real parts: cameras in other processes, real
//! browsers, real sockets. One binary, so that they share a build; one after
//! the other, because they share the machine's ports and cores.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up should fail")]
#![allow(unreachable_pub, reason = "nothing here is for anybody else")]

mod support;

mod bad_input;
mod beyond_loopback;
mod camera_loss;
mod demo_camera;
mod encoders;
mod firefox;
mod foreign_cameras;
mod missing_plugin;
mod network_cut;
mod planted_password;
mod rendition;
mod serve;
mod staleness;
mod viewers;
