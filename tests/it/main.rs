//! Tests of the whole with real parts: cameras in other processes, real
//! browsers, real sockets. One binary, so that they share a build; one after
//! the other, because they share the machine's ports and cores.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up should fail")]
#![allow(unreachable_pub, reason = "nothing here is for anybody else")]

mod support;

mod agents;
mod ahoy;
mod audio;
mod availability;
mod bad_input;
mod bad_streams;
mod beyond_loopback;
mod camera_loss;
mod capacity;
mod codecs;
mod collect;
mod congestion;
mod connectors;
mod data_channels;
mod demo_camera;
mod doctor;
mod element_properties;
mod encoder_fallback;
mod encoder_rows;
mod encoders;
mod far_away;
mod feed_controller;
mod firefox;
mod foreign_cameras;
mod gpu_memory;
mod import;
mod input_device;
mod loss;
mod missing_plugin;
mod mqtt;
mod mqtt_external;
mod mqtt_programs;
mod needs;
mod network_cut;
mod no_feedback;
mod offers;
mod on_demand;
mod pass_through;
mod planted_password;
mod probe;
mod reception;
mod recording;
mod rendition;
mod renditions;
mod robot_network;
mod rooms;
mod rtsps;
mod second_stream;
mod sender_reports;
mod serve;
mod set_up;
mod setpoint;
mod sharing;
mod soak;
mod sources;
mod staleness;
mod statistics;
mod stop_resume;
mod transport_settings;
mod transports;
mod unseen_main;
mod viewer_codecs;
mod viewers;
mod whep;
mod whip_answers;
