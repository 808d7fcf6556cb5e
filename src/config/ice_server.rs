//! Servers that help two peers to find a way to each other.

use std::{fmt, path::Path, str::FromStr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::{Password, PasswordSource, SecretError, keyed::keyed_enum};
use crate::i18n::gettext;

/// What of a user's name is written as it is (RFC 3986, section 2.3).
const WRITTEN_AS_IT_IS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The servers that somebody named; nobody else's are ever asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServers {
    /// In the order in which they are tried.
    pub servers: Vec<IceServer>,
    /// Where the password of their users is found. In the keyring those of a connector have it under
    /// [`super::FeedId::of_connector`] and [`Self::PASSWORD`], those of a received feed under
    /// [`super::FeedId::of_reception`].
    pub password: PasswordSource,
}

impl Default for IceServers {
    fn default() -> Self {
        Self { servers: Vec::new(), password: PasswordSource::None }
    }
}

impl IceServers {
    /// What the password is called.
    pub const PASSWORD: &str = "ice_password";

    /// The password of the TURN servers' users, read anew each time; empty where none is named,
    /// or no server has a user.
    ///
    /// # Errors
    /// It is not where it should be, or in the keyring, which is asked elsewhere.
    pub fn password(&self) -> Result<Password, SecretError> {
        if self.servers.iter().all(|server| server.user.is_none()) {
            return Ok(Password::new(""));
        }
        match self.password.read()? {
            None if self.password == PasswordSource::Keyring => Err(SecretError::NotInKeyring),
            found => Ok(found.unwrap_or_default()),
        }
    }

    /// Whether one of them passes media on.
    pub fn has_relay(&self) -> bool {
        self.servers.iter().any(|server| server.kind != IceServerKind::Stun)
    }

    /// The environment variable or the file that holds the password.
    pub fn password_place(&self) -> (Option<&str>, Option<&Path>) {
        match &self.password {
            PasswordSource::Environment(name) => (Some(name), None),
            PasswordSource::File(path) => (None, Some(path)),
            PasswordSource::None | PasswordSource::Keyring => (None, None),
        }
    }
}

keyed_enum! {
    /// What a server does.
    IceServerKind {
        /// It tells a peer its address beyond the router (RFC 8489).
        #[default]
        Stun = "stun",
        /// It also passes media on (RFC 8656).
        Turn = "turn",
        /// The same behind TLS.
        Turns = "turns",
    }
}

keyed_enum! {
    /// How peers speak with a server.
    IceTransport {
        /// In datagrams.
        #[default]
        Udp = "udp",
        /// In a connection.
        Tcp = "tcp",
    }
}

/// A STUN or TURN server: `stun:HOST:PORT` (RFC 7064), or `turn:USER@HOST:PORT?transport=udp`
/// and `turns:…` (RFC 7065, with the user in front). The password is never in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IceServer {
    /// What it does.
    pub kind: IceServerKind,
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken with.
    pub transport: IceTransport,
    /// Whom a TURN server knows.
    pub user: Option<String>,
}

/// The text names no such server. It is not repeated: a password may stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum IceServerError {
    /// It has another form.
    Form,
    /// A colon stands in the user's part.
    HoldsPassword,
}

impl IceServerError {
    fn sentence(self) -> String {
        match self {
            Self::Form => gettext(
                "a server is stun:HOST:PORT, turn:USER@HOST:PORT?transport=udp (or tcp) or turns:USER@HOST:PORT; an IPv6 address stands in [brackets]",
            ),
            Self::HoldsPassword => gettext(
                "a server's password does not stand in its address: name it with ice_password_env or ice_password_file, or with --ice-password-env; a : in a user's name is %3A",
            ),
        }
    }
}

impl FromStr for IceServer {
    type Err = IceServerError;

    fn from_str(text: &str) -> Result<Self, IceServerError> {
        let (kind, rest) = text.trim().split_once(':').ok_or(IceServerError::Form)?;
        let kind: IceServerKind = kind.parse().map_err(|_| IceServerError::Form)?;
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
        let user = user.map(read_user).transpose()?;
        let (host, port) = read_place(place).ok_or(IceServerError::Form)?;
        let transport = read_transport(kind, query).ok_or(IceServerError::Form)?;
        let usual = if kind == IceServerKind::Turns { 5349 } else { 3478 };
        if (kind == IceServerKind::Stun) != user.is_none() {
            return Err(IceServerError::Form);
        }
        Ok(Self { kind, host, port: port.unwrap_or(usual), transport, user })
    }
}

fn read_user(text: &str) -> Result<String, IceServerError> {
    if text.contains(':') {
        return Err(IceServerError::HoldsPassword);
    }
    let user = percent_decode_str(text).decode_utf8().map_err(|_| IceServerError::Form)?;
    let fits = !user.is_empty() && user.len() <= 256 && !user.chars().any(char::is_control);
    if fits { Ok(user.into_owned()) } else { Err(IceServerError::Form) }
}

/// `HOST`, `HOST:PORT` or `[IPv6]:PORT`.
fn read_place(text: &str) -> Option<(String, Option<u16>)> {
    let split = text.rfind(':').filter(|colon| !text[*colon..].contains(']'));
    let (host, port) = split.map_or((text, None), |colon| (&text[..colon], Some(&text[colon + 1..])));
    let port = port.map(|port| port.parse().ok().filter(|port| *port > 0)).map_or(Some(None), |port| port.map(Some))?;
    let host = url::Host::parse(host).ok()?;
    let host = match host {
        url::Host::Ipv6(address) => address.to_string(),
        other => other.to_string(),
    };
    (!host.is_empty()).then_some((host, port))
}

fn read_transport(kind: IceServerKind, query: Option<&str>) -> Option<IceTransport> {
    let named = query.map(|query| query.strip_prefix("transport=")?.parse::<IceTransport>().ok());
    match (kind, named) {
        (_, Some(None)) | (IceServerKind::Stun, Some(_)) | (IceServerKind::Turns, Some(Some(IceTransport::Udp))) => {
            None
        }
        (IceServerKind::Turns, _) => Some(IceTransport::Tcp),
        (_, named) => Some(named.flatten().unwrap_or_default()),
    }
}

impl IceServer {
    /// Host and port, an IPv6 address in brackets.
    pub fn place(&self) -> String {
        let brackets = self.host.contains(':');
        if brackets { format!("[{}]:{}", self.host, self.port) } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Display for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.kind)?;
        if let Some(user) = &self.user {
            write!(f, "{}@", utf8_percent_encode(user, WRITTEN_AS_IT_IS))?;
        }
        f.write_str(&self.place())?;
        if self.kind == IceServerKind::Turn { write!(f, "?transport={}", self.transport) } else { Ok(()) }
    }
}

impl TryFrom<String> for IceServer {
    type Error = IceServerError;

    fn try_from(text: String) -> Result<Self, IceServerError> {
        text.parse()
    }
}

impl From<IceServer> for String {
    fn from(server: IceServer) -> Self {
        server.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_read_and_written() {
        let cases = [
            ("stun:stun.example", "stun:stun.example:3478"),
            ("stun:[::1]:9", "stun:[::1]:9"),
            ("turn:me@192.0.2.1", "turn:me@192.0.2.1:3478?transport=udp"),
            ("turn:7%3Ame@h:80?transport=tcp", "turn:7%3Ame@h:80?transport=tcp"),
            ("turns:me@h", "turns:me@h:5349"),
        ];
        for (text, written) in cases {
            let server: IceServer = text.parse().unwrap();
            assert_eq!(server.to_string(), written);
            assert_eq!(written.parse(), Ok(server));
        }
    }

    #[test]
    fn what_is_no_server_is_refused_without_repeating_it() {
        let bad = [
            "",
            "planted",
            "stun:",
            "stun:h:0",
            "stun:me@h",
            "turn:h",
            "turn:@h",
            "turn:me@h?transport=sctp",
            "turns:me@h?transport=udp",
            "stun://h",
            "stun:h:70000",
        ];
        for text in bad {
            assert_eq!(text.parse::<IceServer>(), Err(IceServerError::Form), "{text}");
        }
        let error = "turn:me:planted@h".parse::<IceServer>().unwrap_err();
        assert!(error == IceServerError::HoldsPassword && !error.to_string().contains("planted"));
    }
}
