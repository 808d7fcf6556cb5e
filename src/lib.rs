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
//!   ├─ stats       figures, and what they were over the last minutes
//!   └─ config      what the operator asked for: feeds, settings, secrets
//! ```

pub mod cli;
pub mod config;
pub mod connector;
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

use cli::{Cli, DemoCameraOptions, ServeOptions, Verb};
use config::{Credentials, Password};
use media::source::{DemoCamera, DemoSettings};

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
        Some(Verb::DemoCamera(options)) => demo_camera(&options),
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

/// A camera for trying things out, until the process is ended.
fn demo_camera(options: &DemoCameraOptions) -> ExitCode {
    let login = match demo_login(options) {
        Ok(login) => login,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let (width, height) = options.size;
    let (listen, framerate, transport) = (options.listen, options.framerate, options.transport);
    match DemoCamera::start(DemoSettings { listen, login, transport, width, height, framerate }) {
        Ok(camera) => {
            println!("{}", camera.url());
            loop {
                std::thread::park();
            }
        }
        Err(error) => {
            let place = options.listen;
            tracing::error!(detail = %error, "The demo camera cannot listen at {place}. Choose another port with --listen.");
            ExitCode::FAILURE
        }
    }
}

/// Whom the demo camera lets in: the user of the command line, with the password of the environment.
fn demo_login(options: &DemoCameraOptions) -> Result<Option<Credentials>, String> {
    let (Some(user), Some(variable)) = (&options.user, &options.password_env) else { return Ok(None) };
    let password = std::env::var(variable)
        .map_err(|_| format!("The environment variable {variable} holds no password. Set it and start again."))?;
    Ok(Some(Credentials { user: user.clone(), password: Password::new(password) }))
}
