//! What the local connector is told by its owner.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

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

/// What a viewer shows to be let in. As secret as a password: it has no
/// `Display`, and its `Debug` does not show it.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Takes any text but the empty one.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (!text.is_empty()).then_some(Self(text))
    }

    /// The token itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}
