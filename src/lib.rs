//! Heliograph puts cameras on the network: feeds in, adaptive WebRTC out.
//!
//! The rooms of the house; arrows point down this list and never back up:
//!
//! ```text
//! ui        the window (feature `gui`)             serve   the headless face
//!   └──────────────┬──────────────────────────────────┘
//! lab              stand-ins for services elsewhere, to try connectors out
//! doctor           whether everything is in place, and what to do where it is not
//! station          a Heliograph at work: engine, secrets, the server for viewers, feeds elsewhere
//! import    pipelines that people bring along, read into feeds
//! engine           the owner: feeds, supervisors, commands in, events out
//!   ├─ control     who decides what a feed sends, and to whom
//!   ├─ connector   where a feed goes, each a signaller and its settings
//!   ├─ media       GStreamer: source, codec catalogue, encode, preview
//!   ├─ channels    messages between viewers and programs, beside the picture
//!   ├─ mqtt        a broker, a connection to one, the form of messages
//!   ├─ stats       figures, and what they were over the last day
//!   └─ config      what the operator asked for: feeds, settings, secrets
//! webrtc           what every peer of ours is told; connector, media, doctor and lab use it
//! i18n             words for people, in their language; any room may use it
//! processes        who holds a file or a port; any room may use it
//! ```

pub mod channels;
pub mod cli;
mod collect;
pub mod config;
pub mod connector;
pub mod control;
mod ctl;
mod demo_camera;
pub mod doctor;
pub mod engine;
#[cfg(test)]
mod fuzz;
pub mod i18n;
pub mod import;
pub mod lab;
mod log;
pub mod media;
pub mod mqtt;
mod probe;
pub mod processes;
mod profiles;
mod receive;
mod relay;
mod serve;
mod signals;
pub mod station;
pub mod stats;
#[cfg(feature = "gui")]
pub mod ui;
pub mod webrtc;

use std::{path::PathBuf, process::ExitCode};

use cli::{Cli, ImportVerb, ServeOptions, Verb};

/// Runs the program as the command line asks, until it ends.
pub fn run(cli: Cli) -> ExitCode {
    let report = matches!(cli.verb, Some(Verb::Doctor(_) | Verb::Ctl(_)));
    log::init(cli.log_format, if report { log::Place::Error } else { log::Place::Output });
    // One TLS stack for everything; set before anything can ask for it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match cli.verb {
        // It says itself what is wrong with GStreamer.
        Some(Verb::Doctor(options)) => doctor::run_verb(cli.config, &options),
        // Another one does the work.
        Some(Verb::Ctl(options)) => ctl::run(cli.config, &options),
        Some(Verb::Collect(options)) => collect::run(cli.config, &options),
        // It passes words on, no media.
        Some(Verb::Relay(options)) => relay::run(&options),
        verb => with_media(verb, cli.config),
    }
}

/// Runs what cannot do without GStreamer.
fn with_media(verb: Option<Verb>, config: Option<PathBuf>) -> ExitCode {
    if let Err(error) = media::init() {
        tracing::error!("{error}");
        return ExitCode::FAILURE;
    }
    match verb {
        Some(Verb::Serve(options)) => serve::run(config, &options),
        Some(Verb::TryElement { key }) => {
            media::availability::child::answer_for(&key, &media::availability::every_candidate())
        }
        Some(Verb::Probe(options)) => probe::run(&options),
        Some(Verb::Receive(options)) => receive::run(&options),
        Some(Verb::Lab(verb)) => lab::run(&verb),
        Some(Verb::DemoCamera(options)) => demo_camera::run(&options),
        Some(Verb::Profiles(options)) => profiles::run(&options),
        Some(Verb::Import(ImportVerb::Pipeline(options))) => import::run(config, &options),
        Some(Verb::Doctor(_) | Verb::Ctl(_) | Verb::Collect(_) | Verb::Relay(_)) | None => window(config),
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
