//! Where and to whom the feeds are served.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use super::{Password, TransportConfig};
use crate::i18n::gettext;

/// The settings of the server that viewers reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Address and port to listen at.
    pub listen: SocketAddr,
    /// What a viewer has to show beyond loopback.
    pub token: Option<Token>,
    /// Origins of foreign pages that may connect, such as `https://wall.example`.
    pub allowed_origins: Vec<String>,
    /// Host names, beside loopback and our own, under which viewers may reach the server.
    pub allowed_hosts: Vec<String>,
    /// The certificate chain, a PEM file. None: one is made.
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key, a PEM file.
    pub tls_key: Option<PathBuf>,
    /// Serve without TLS beyond loopback, where something else encrypts.
    pub insecure_http: bool,
    /// How media travel to the viewers.
    pub transport: TransportConfig,
}

impl ServerConfig {
    /// Loopback only, at the port where the npm client `gstwebrtc-api` looks.
    pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: Self::DEFAULT_LISTEN,
            token: None,
            allowed_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            tls_cert: None,
            tls_key: None,
            insecure_http: false,
            transport: TransportConfig::default(),
        }
    }
}

/// What a viewer shows to be let in. As secret as a password, and shown as little.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Password);

/// The text cannot be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", rule())]
pub struct TokenError;

/// What a token may be, in a sentence.
fn rule() -> String {
    gettext("a token is 8 to 256 characters of A-Z, a-z, 0-9 and - . _ ~, which need no encoding in an address")
}

impl Token {
    /// Takes a token that can stand in a URL as it is (RFC 3986, section 2.3).
    ///
    /// # Errors
    ///
    /// The text is too short, too long or has other characters; the error does not repeat it.
    pub fn new(text: impl Into<String>) -> Result<Self, TokenError> {
        let secret = Password::new(text);
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        let fits = (8..=256).contains(&secret.expose().len());
        if fits && secret.expose().chars().all(allowed) { Ok(Self(secret)) } else { Err(TokenError) }
    }

    /// The token itself.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        Self::new(text)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_fit_an_address_and_are_not_shown() {
        let token = Token::new("planted-token").unwrap();
        assert_eq!(token.expose(), "planted-token");
        assert_eq!(format!("{token} {token:?}"), "… Token(…)");
        for text in ["", "short", "planted token", "planted&token", &"x".repeat(257)] {
            let error = Token::new(text).expect_err(text);
            assert!(!format!("{error} {error:?}").contains("planted"));
        }
    }
}
