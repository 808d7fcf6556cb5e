//! Heliograph puts cameras on the network: feeds in, adaptive WebRTC out.
//!
//! The rooms of the house; arrows point down this list and never back up:
//!
//! ```text
//! ui        the window (feature `gui`)             serve   the headless face
//!   └──────────────┬──────────────────────────────────┘
//! station          a Heliograph at work: engine, secrets and the server for viewers
//! engine           the owner: feeds, supervisors, commands in, events out
//!   ├─ connector   where a feed goes, each a signaller and its settings
//!   ├─ media       GStreamer: source, codec catalogue, encode, preview
//!   ├─ stats       figures, and what they were over the last minutes
//!   └─ config      what the operator asked for: feeds, settings, secrets
//! i18n             words for people, in their language; any room may use it
//! ```

pub mod cli;
pub mod config;
pub mod connector;
mod demo_camera;
pub mod engine;
pub mod i18n;
mod log;
pub mod media;
mod serve;
mod signals;
pub mod station;
pub mod stats;
#[cfg(feature = "gui")]
pub mod ui;

use std::{path::PathBuf, process::ExitCode};

use cli::{Cli, ServeOptions, Verb};

/// Runs the program as the command line asks, until it ends.
pub fn run(cli: Cli) -> ExitCode {
    log::init(cli.log_format);
    // One TLS stack for everything; set before anything can ask for it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if let Err(error) = media::init() {
        tracing::error!("{error}");
        return ExitCode::FAILURE;
    }
    match cli.verb {
        Some(Verb::Serve(options)) => serve::run(cli.config, &options),
        Some(Verb::DemoCamera(options)) => demo_camera::run(&options),
        None => window(cli.config),
    }
}

/// The window; without a display, the demo camera without a window.
fn window(config: Option<PathBuf>) -> ExitCode {
    #[cfg(feature = "gui")]
    {
        i18n::init();
        if ui::has_display() {
            return ui::run(config);
        }
        tracing::info!("There is no display, so Heliograph runs without its window.");
    }
    serve::run(config, &ServeOptions { demo: true, ..ServeOptions::default() })
}
