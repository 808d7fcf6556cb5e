//! What the local connector is told by its owner.

use std::{env, net::SocketAddr, path::PathBuf};

use crate::config::{ServerConfig, Token};

/// Where to listen and whom to let in.
#[derive(Clone, Debug)]
pub struct LocalSettings {
    /// Address and port to listen at; port 0 takes any free one.
    pub listen: SocketAddr,
    /// What viewers have to show. Must be set beyond loopback.
    pub token: Option<Token>,
    /// Origins of foreign pages that may connect, such as `https://wall.example`.
    pub allowed_origins: Vec<String>,
    /// Host names, beside loopback and our own, under which viewers may reach the server.
    pub allowed_hosts: Vec<String>,
    /// How connections are encrypted.
    pub tls: Tls,
    /// Whom it serves.
    pub serves: Serves,
}

/// Whom a server serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Serves {
    /// Viewers of this program's feeds, with a page of its own.
    #[default]
    Viewers,
    /// Programs and pages from anywhere that meet here; what they show is the token alone.
    Everybody {
        /// Whether they may do without a token beyond loopback.
        without_token: bool,
    },
}

/// How connections are encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Plain on loopback; beyond it with a certificate that is made once and
    /// kept in this directory.
    Automatic {
        /// Where the certificate and its key are kept; made if missing.
        state_dir: PathBuf,
    },
    /// Always, with the operator's own certificate.
    Files {
        /// The certificate chain, a PEM file.
        certificate: PathBuf,
        /// The certificate's private key, a PEM file.
        key: PathBuf,
    },
    /// Never: something else encrypts, or the operator says so.
    Off,
}

impl From<&ServerConfig> for LocalSettings {
    fn from(config: &ServerConfig) -> Self {
        let tls = match (&config.tls_cert, &config.tls_key) {
            (Some(certificate), Some(key)) => Tls::Files { certificate: certificate.clone(), key: key.clone() },
            _ if config.insecure_http => Tls::Off,
            _ => Tls::Automatic { state_dir: state_dir() },
        };
        Self {
            listen: config.listen,
            token: config.token.clone(),
            allowed_origins: config.allowed_origins.clone(),
            allowed_hosts: config.allowed_hosts.clone(),
            tls,
            serves: Serves::Viewers,
        }
    }
}

/// `$XDG_STATE_HOME/heliograph`, by default under `~/.local/state` (XDG Base Directory Specification 0.8).
fn state_dir() -> PathBuf {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(env::temp_dir)
        .join("heliograph")
}
