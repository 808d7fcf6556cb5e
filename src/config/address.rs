//! Addresses of cameras, which never hold what only the camera may know.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use url::Url;

use super::Password;
use crate::i18n::{gettext, gettext_f};

/// What stands for a part of an address that is not shown.
const HIDDEN: char = '…';

/// An `rtsp://` or `rtsps://` address (RFC 7826, section 4.2) without user and password; or a `ws://` or
/// `wss://` address, of a relay where a robot sends, behind whose `#` a feed's id may stand.
///
/// Cameras also take passwords in the query (`?user=…&password=…`) or in a path
/// that assigns something (`/user=admin_password=…`). They are part of the address,
/// so [`as_str`](Self::as_str) has them, for the connection and for the file;
/// `Debug`, `Display` and serialisation show `…` in their place. An address that was
/// shortened so is refused when it is read again, rather than taken for a whole one.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct SourceAddress {
    url: Url,
}

/// Who asks the camera, and how the camera knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The password; empty where the address named a user only.
    pub password: Password,
}

/// Why a text is no address of a camera. None of these repeats the text: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum AddressError {
    /// There is no `scheme://` in front.
    NoScheme,
    /// The scheme is another one.
    OtherScheme(String),
    /// There is no host in it.
    NoHost,
    /// The host cannot be one.
    BadHost,
    /// The port is no port.
    BadPort,
    /// An `@` or a `#` where none can be: most likely in a password.
    Ambiguous,
    /// User or password are not UTF-8 once decoded.
    NotText,
    /// It holds a `…`: somebody copied the form for display.
    Shortened,
    /// User and password stand in it where they may not.
    HoldsCredentials,
    /// It is malformed in another way.
    Malformed(url::ParseError),
}

impl AddressError {
    /// What is wrong, and what would be right.
    fn sentence(&self) -> String {
        match self {
            Self::NoScheme => gettext("it does not start with rtsp:// or rtsps://; write it as rtsp://HOST/PATH"),
            Self::OtherScheme(scheme) => gettext_f(
                // Translators: {scheme} is such as http.
                "{scheme}:// is not supported; use an address that starts with rtsp:// or rtsps://",
                &[("scheme", scheme)],
            ),
            Self::NoHost => gettext("it names no host; write it as rtsp://HOST/PATH"),
            Self::BadHost => gettext("its host is no host name or IP address; an IPv6 address stands in [brackets]"),
            Self::BadPort => {
                gettext("its port is no number from 1 to 65535; in a password, write : as %3A and @ as %40")
            }
            Self::Ambiguous => gettext(
                "it has an @ or # after the host; write @ as %40, and in a password also / as %2F, ? as %3F and # as %23",
            ),
            Self::NotText => {
                gettext("its user name or password is no text once its %XX parts are decoded; write them in UTF-8")
            }
            Self::Shortened => gettext("a part of it was shortened to … for display; enter the whole address"),
            Self::HoldsCredentials => gettext("it holds a user name or password; enter those apart from the address"),
            Self::Malformed(reason) => gettext_f(
                // Translators: {reason} is in English, such as "empty host".
                "it is malformed ({reason}); write it as rtsp://HOST/PATH",
                &[("reason", &reason.to_string())],
            ),
        }
    }
}

impl SourceAddress {
    /// Reads an address and splits user and password off, decoded from their `%XX` form.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with the address, without repeating it.
    pub fn parse(text: &str) -> Result<(Self, Option<Credentials>), AddressError> {
        let text = text.trim();
        check_scheme(text)?;
        check_delimiters(text)?;
        let mut url = Url::parse(text).map_err(from_url_error)?;
        check_host(&url)?;
        if url.port() == Some(0) {
            return Err(AddressError::BadPort);
        }
        let credentials = split_credentials(&mut url)?;
        Ok((Self { url }, credentials))
    }

    /// The host: a name, an IPv4 address, or an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().expect("an address should have a host: parse() checks it")
    }

    /// The port, by default 554 for `rtsp` and 322 for `rtsps`.
    pub fn port(&self) -> u16 {
        let default = if self.url.scheme() == "rtsps" { 322 } else { 554 };
        self.url.port_or_known_default().unwrap_or(default)
    }

    /// The same as an URL, where it is that of a relay, at which a robot sends.
    pub fn relay(&self) -> Option<Url> {
        let mut relay = matches!(self.url.scheme(), "ws" | "wss").then(|| self.url.clone())?;
        relay.set_fragment(None);
        Some(relay)
    }

    /// Which of the feeds there is meant; `None`: the first.
    pub fn feed_at_relay(&self) -> Option<&str> {
        self.url.fragment().filter(|feed| !feed.is_empty())
    }

    /// The same for another feed at that relay; `None` where that cannot be the id of one.
    pub fn beside(&self, feed: &str) -> Option<Self> {
        if self.relay().is_none() || feed.is_empty() || !feed.chars().all(is_of_an_id) {
            return None;
        }
        let mut url = self.url.clone();
        url.set_fragment(Some(feed));
        Some(Self { url })
    }

    /// The path after the host, without the query: what the camera calls the stream.
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// The whole address for the connection and the file, query included. Not for people:
    /// the query may hold a password. What people see is `Display`.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }
}

fn check_scheme(text: &str) -> Result<(), AddressError> {
    let (scheme, _) = text.split_once("://").ok_or(AddressError::NoScheme)?;
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "rtsp" | "rtsps" | "ws" | "wss" => Ok(()),
        // What else stands before a "://" may be half a password.
        "http" | "https" | "rtmp" | "rtmps" | "rtspu" | "rtp" | "udp" | "tcp" | "srt" | "file" | "onvif" | "mms"
        | "ftp" => Err(AddressError::OtherScheme(scheme)),
        _ => Err(AddressError::NoScheme),
    }
}

/// Refuses what URL parsers read in different ways. With `rtsp://admin:12#34@host/` some would
/// connect to port 12 of a host "admin", and the rest of the password would look like a path.
fn check_delimiters(text: &str) -> Result<(), AddressError> {
    if text.contains(HIDDEN) {
        return Err(AddressError::Shortened);
    }
    let (_, rest) = text.split_once("://").ok_or(AddressError::NoScheme)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (place, feed) = match rest[end..].split_once('#') {
        Some((place, feed)) if is_of_a_relay(text) => (place, feed),
        _ => (&rest[end..], ""),
    };
    if place.contains(['@', '#']) || !feed.chars().all(is_of_an_id) { Err(AddressError::Ambiguous) } else { Ok(()) }
}

fn is_of_a_relay(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| ["ws", "wss"].iter().any(|ws| scheme.eq_ignore_ascii_case(ws)))
}

fn is_of_an_id(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_')
}

/// The URL crate leaves a host as it is where it does not know the scheme. One with `%` would be
/// `rtsp://user%3Apassword%40host`, encoded as a whole, and the password would be shown as a host.
fn check_host(url: &Url) -> Result<(), AddressError> {
    match url.host_str() {
        None | Some("") => Err(AddressError::NoHost),
        Some(host) if host.contains('%') => Err(AddressError::BadHost),
        Some(_) => Ok(()),
    }
}

fn from_url_error(error: url::ParseError) -> AddressError {
    match error {
        url::ParseError::EmptyHost => AddressError::NoHost,
        url::ParseError::InvalidPort => AddressError::BadPort,
        url::ParseError::InvalidIpv4Address
        | url::ParseError::InvalidIpv6Address
        | url::ParseError::InvalidDomainCharacter
        | url::ParseError::IdnaError => AddressError::BadHost,
        other => AddressError::Malformed(other),
    }
}

fn split_credentials(url: &mut Url) -> Result<Option<Credentials>, AddressError> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let credentials = Credentials {
        user: decode(url.username())?,
        password: Password::new(decode(url.password().unwrap_or_default())?),
    };
    url.set_username("").expect("a URL with a host should take an empty user");
    url.set_password(None).expect("a URL with a host should take an empty password");
    Ok(Some(credentials))
}

fn decode(text: &str) -> Result<String, AddressError> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| AddressError::NotText)?;
    Ok(decoded.into_owned())
}

/// The path for people: a segment that assigns something may assign a password.
fn shown_path(path: &str) -> String {
    let show = |segment: &str| {
        let assigns = percent_decode_str(segment).any(|byte| byte == b'=');
        if assigns { HIDDEN.to_string() } else { segment.to_owned() }
    };
    path.split('/').map(show).collect::<Vec<_>>().join("/")
}

impl fmt::Display for SourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.url.scheme(), self.host())?;
        if let Some(port) = self.url.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(&shown_path(self.url.path()))?;
        if self.url.query().is_some() {
            write!(f, "?{HIDDEN}")?;
        }
        self.feed_at_relay().map_or(Ok(()), |feed| write!(f, "#{feed}"))
    }
}

impl fmt::Debug for SourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceAddress({self})")
    }
}

impl Serialize for SourceAddress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An address that holds no user and password; [`SourceAddress::parse`] splits them off instead.
impl FromStr for SourceAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match Self::parse(text)? {
            (address, None) => Ok(address),
            (_, Some(_)) => Err(AddressError::HoldsCredentials),
        }
    }
}

impl TryFrom<String> for SourceAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (SourceAddress, Option<Credentials>) {
        SourceAddress::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
    }

    #[test]
    fn host_and_port_are_found() {
        let cases = [
            ("rtsp://10.0.0.5/stream1", "10.0.0.5", 554),
            ("rtsps://cam.example", "cam.example", 322),
            (" RTSP://cam.example:8554/a?b=c ", "cam.example", 8554),
            ("ws://robot:8765", "robot", 8765),
            ("wss://robot.example/relay", "robot.example", 443),
            ("rtsp://[::1]:8554/", "[::1]", 8554),
        ];
        for (text, host, port) in cases {
            let (address, credentials) = parse(text);
            assert_eq!((address.host(), address.port()), (host, port), "for {text:?}");
            assert_eq!(credentials, None);
        }
    }

    #[test]
    fn a_feed_at_a_relay_is_named_behind_a_hash() {
        let (address, _) = parse("ws://robot:8765#bow-2");
        assert_eq!((address.feed_at_relay(), address.to_string().as_str()), (Some("bow-2"), "ws://robot:8765/#bow-2"));
        assert_eq!(address.relay().unwrap().as_str(), "ws://robot:8765/");
        assert_eq!(address.beside("aft").unwrap().as_str(), "ws://robot:8765/#aft");
        assert!(address.beside("a@b").is_none() && parse("rtsp://h/s").0.beside("aft").is_none());
        assert_eq!(parse(address.as_str()).0, address);
        for wrong in ["ws://robot#a#b", "ws://admin:12#34@h", "ws://robot#bow aft", "rtsp://h#bow"] {
            assert_eq!(SourceAddress::parse(wrong), Err(AddressError::Ambiguous), "{wrong}");
        }
    }

    #[test]
    fn credentials_are_split_off_and_decoded() {
        let cases = [
            ("rtsp://admin:secret@h/s", "admin", "secret"),
            ("rtsp://admin:p%40ss%2Fw%3a%23@h/s", "admin", "p@ss/w:#"),
            ("rtsp://admin:p@ss@h/s", "admin", "p@ss"),
            ("rtsp://admin:a:b@h/s", "admin", "a:b"),
            ("rtsp://admin:100%zz@h/s", "admin", "100%zz"),
            ("rtsp://ad%20min:%C3%A9@h/s", "ad min", "é"),
            ("rtsp://admin:pä ss@h/s", "admin", "pä ss"),
            ("rtsp://admin@h/s", "admin", ""),
            ("rtsp://:secret@h/s", "", "secret"),
        ];
        for (text, user, password) in cases {
            let (address, credentials) = parse(text);
            assert_eq!(address.as_str(), "rtsp://h/s", "for {text:?}");
            let credentials = credentials.expect("credentials should be found");
            assert_eq!(credentials.user, user, "for {text:?}");
            assert_eq!(credentials.password.expose(), password, "for {text:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
        let cases = [
            ("planted", AddressError::NoScheme),
            ("", AddressError::NoScheme),
            ("admin:planted@10.0.0.5/s", AddressError::NoScheme),
            ("planted://10.0.0.5/s", AddressError::NoScheme),
            ("http://admin:planted@h/", AddressError::OtherScheme("http".into())),
            ("rtsp:///s", AddressError::NoHost),
            ("rtsp://", AddressError::NoHost),
            ("rtsp://admin:planted@", AddressError::NoHost),
            ("rtsp://admin:planted@/s", AddressError::NoHost),
            ("rtsp://admin:planted@h:99999/s", AddressError::BadPort),
            ("rtsp://admin:planted@h:0/s", AddressError::BadPort),
            ("rtsp://admin:planted", AddressError::BadPort),
            ("rtsp://admin:pla#nted@h/s", AddressError::Ambiguous),
            ("rtsp://admin:12/planted@h/s", AddressError::Ambiguous),
            ("rtsp://admin:12?planted@h/s", AddressError::Ambiguous),
            ("rtsp://h/s#planted", AddressError::Ambiguous),
            ("rtsp://admin:planted%FF@h/s", AddressError::NotText),
            ("rtsp://h/s?…", AddressError::Shortened),
            ("rtsp://[planted]/s", AddressError::BadHost),
            ("rtsp://admin%3Aplanted%40h/s", AddressError::BadHost),
            ("rtsp://admin:planted@a b/s", AddressError::BadHost),
            ("ws://admin%3Aplanted%40h/s", AddressError::BadHost),
        ];
        for (text, expected) in cases {
            let error = SourceAddress::parse(text).expect_err(text);
            assert_eq!(error, expected, "for {text:?}");
            assert!(!format!("{error} {error:?}").contains("planted"), "for {text:?}: {error}");
        }
    }

    #[test]
    fn nothing_that_shows_an_address_shows_a_secret() {
        let cases = [
            ("rtsp://admin:planted@h/s", "rtsp://h/s"),
            ("rtsp://admin:%70lanted@h/s", "rtsp://h/s"),
            ("rtsp://h/s?user=a&password=planted", "rtsp://h/s?…"),
            ("rtsp://h/s?p%61ssword=pl%61nted", "rtsp://h/s?…"),
            ("rtsp://h:55/user=a_password=planted_channel=1/x", "rtsp://h:55/…/x"),
            ("rtsp://h/password%3dplanted", "rtsp://h/…"),
            ("ws://me:planted@h:8765/?token=planted", "ws://h:8765/?…"),
        ];
        for (text, shown) in cases {
            let (address, credentials) = parse(text);
            assert_eq!(address.to_string(), shown);
            let json = serde_json::to_string(&address).unwrap();
            for form in [format!("{address:?} {credentials:?}"), json] {
                assert!(!form.contains("planted") && !form.contains("pl%61"), "{form}");
            }
        }
    }

    #[test]
    fn serde_takes_whole_addresses_back_and_refuses_shortened_ones() {
        let back = |text: &str| {
            let json = serde_json::to_string(&parse(text).0).unwrap();
            serde_json::from_str::<SourceAddress>(&json)
        };
        assert_eq!(back("rtsp://h/s").unwrap(), parse("rtsp://h/s").0);
        assert!(back("rtsp://h/s?password=x").is_err());
        assert!(serde_json::from_str::<SourceAddress>("\"rtsp://a:b@h/s\"").is_err());
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn no_address_shows_a_password() {
        crate::fuzz::texts(
            &["rtsp://user:hidden-word@192.0.2.1:554/a?b=c", "rtsps://[2001:db8::1]/x", "rtsp://me:hidden%2Dword@h/"],
            |text| match SourceAddress::parse(text) {
                Ok((address, _)) => {
                    let again = SourceAddress::parse(address.as_str()).expect("what is shown should be an address");
                    assert_eq!((&again.0, again.1.is_none()), (&address, true));
                    true
                }
                Err(error) => {
                    assert!(!error.to_string().contains("hidden"), "{error}");
                    false
                }
            },
        );
    }
}
