//! The command line.

use std::{
    net::{SocketAddr, SocketAddrV4},
    path::PathBuf,
};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::media::source::Transport;

/// Put cameras on the network.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None)]
pub struct Cli {
    /// Configuration file [default: heliograph/heliograph.toml in the user's configuration folder]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// How messages are written
    #[arg(long, value_enum, default_value_t, global = true)]
    pub log_format: LogFormat,
    /// What to do; without a word the window opens
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run without a window
    Serve(ServeOptions),
    /// Be an RTSP camera with a test picture, for trying things out
    DemoCamera(DemoCameraOptions),
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LogFormat {
    /// A line for people
    #[default]
    Text,
    /// A JSON object a line, for programs
    Json,
}

/// Options of `serve`; each goes before what the configuration file says.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeOptions {
    /// Where viewers connect [default: 127.0.0.1:8443]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Add the built-in demo camera
    #[arg(long)]
    pub demo: bool,
    /// Add a feed; may be repeated. Others on this machine can see a password in it: the configuration file is better
    #[arg(long = "feed", value_name = "NAME=URL")]
    pub feeds: Vec<String>,
    /// What viewers must present; needed beyond this machine. Better in `HELIOGRAPH_TOKEN`: others can see arguments
    #[arg(long, env = "HELIOGRAPH_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// TLS certificate chain (PEM); without one, a certificate is made once
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Serve beyond this machine without TLS
    #[arg(long)]
    pub insecure_http: bool,
}

/// Options of `demo-camera`.
#[derive(Args, Clone, Debug)]
pub struct DemoCameraOptions {
    /// Where the camera listens
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8554")]
    pub listen: SocketAddrV4,
    /// Size of the picture
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "1280x720", value_parser = parse_size)]
    pub size: (i32, i32),
    /// Frames per second
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i32).range(1..=120))]
    pub framerate: i32,
    /// Ask for this user, and for the password in the variable of --password-env
    #[arg(long, value_name = "USER", requires = "password_env")]
    pub user: Option<String>,
    /// The environment variable that holds the user's password: others can see arguments
    #[arg(long, value_name = "VARIABLE", requires = "user")]
    pub password_env: Option<String>,
    /// Send in this way only
    #[arg(long, value_enum)]
    pub transport: Option<Transport>,
}

fn parse_size(text: &str) -> Result<(i32, i32), String> {
    let parse = |side: &str| side.parse().ok().filter(|side| (160..=4096).contains(side) && side % 2 == 0);
    text.split_once('x')
        .and_then(|(width, height)| Some((parse(width)?, parse(height)?)))
        .ok_or_else(|| "a size is two even numbers from 160 to 4096, such as 1280x720".into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_are_even_and_bounded() {
        assert_eq!(parse_size("640x360"), Ok((640, 360)));
        for bad in ["", "640", "640x", "641x360", "0x0", "-2x2", "99999x2", "640x360x2"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}
