//! Who may come in: `Host`, `Origin` and token of one HTTP request.
//!
//! The rules, and what each is for:
//!
//! * `Host` must be an address or a name that is known to be ours. A foreign
//!   page can make its own name point at us (DNS rebinding) and would then be
//!   "the same origin"; it cannot change the name that the browser sends.
//! * `Origin`, where a browser sends one, must be ours, loopback (a developer's
//!   page is served from elsewhere) or allowed. Browsers let any page open a
//!   websocket to anywhere, so this is the only thing that stops them.
//! * The token, where one is set, comes as `?token=` (browsers cannot set
//!   headers for a websocket), as a cookie or as `Authorization: Bearer`.
//!
//! Pure: reads headers, decides, does nothing.

use std::fmt::Write;
use std::net::SocketAddr;

use axum::http::header::{AUTHORIZATION, COOKIE, HOST, HeaderName, ORIGIN};
use axum::http::{HeaderMap, Uri};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::form_urlencoded;

use super::host::{self, Host};
use super::settings::{LocalSettings, Serves};
use crate::config::Token;

/// The rules of one server.
pub(super) struct Access {
    /// Pages from anywhere may come, by whatever name: it is no secret that a public host is there.
    is_public: bool,
    listen: SocketAddr,
    secure: bool,
    own_names: Vec<Host>,
    allowed_hosts: Vec<Host>,
    allowed_origins: Vec<String>,
    token: Option<TokenCheck>,
}

/// A request that may pass.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// As it is.
    Plainly,
    /// The token stood in the address. A page is to be asked for again without
    /// it, so that it does not stay in the address bar, history and referrers.
    WithTokenInAddress,
}

/// Why a request may not pass. `Display` is what the person is told.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Denied {
    #[error(
        "This server is not known as “{0}”. If that is its name, add it to “allowed_hosts” in \
         Heliograph's configuration."
    )]
    Host(String),
    #[error(
        "Pages from {0} may not use this server. To let them, add that origin to \
         “allowed_origins” in Heliograph's configuration."
    )]
    Origin(String),
    #[error(
        "This server asks for a token. Open the link that Heliograph shows for viewers, or add \
         “?token=…” to the address."
    )]
    NoToken,
    #[error(
        "The token is not the right one; it may have been changed. Ask for a new link to this \
         server."
    )]
    WrongToken,
}

impl Access {
    /// The rules for a server that listens at `listen`, its real port included.
    pub(super) fn new(settings: &LocalSettings, listen: SocketAddr, secure: bool) -> Self {
        let own_names = host::machine_name().map_or_else(Vec::new, |name| {
            // The second as multicast DNS announces it (RFC 6762).
            vec![Host::named(&name), Host::named(&format!("{name}.local"))]
        });
        let hosts = settings.allowed_hosts.iter();
        let origins = settings.allowed_origins.iter();
        Self {
            is_public: settings.serves != Serves::Viewers && !listen.ip().to_canonical().is_loopback(),
            listen,
            secure,
            own_names,
            allowed_hosts: hosts.filter_map(|host| Host::from_authority(host)).collect(),
            allowed_origins: origins.map(|origin| normal_origin(origin)).collect(),
            token: settings.token.as_ref().map(|token| TokenCheck::new(token, listen.port())),
        }
    }

    /// Decides about one request.
    pub(super) fn judge(&self, uri: &Uri, headers: &HeaderMap) -> Result<Pass, Denied> {
        self.judge_place(headers)?;
        match &self.token {
            Some(token) => token.judge(uri, headers),
            None => Ok(Pass::Plainly),
        }
    }

    /// Decides about where a request comes from and what it takes us for, whatever it shows.
    pub(super) fn judge_place(&self, headers: &HeaderMap) -> Result<(), Denied> {
        if self.is_public {
            return Ok(());
        }
        let authority = self.check_host(headers)?;
        self.check_origin(authority, headers)
    }

    /// Decides about one request of a player: as [`Self::judge`], but what the page has as a cookie
    /// lets no page in that is not ours.
    pub(super) fn judge_player(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Denied> {
        let authority = only(headers, &HOST).unwrap_or_default();
        let origin = headers.get(ORIGIN).map(|_| normal_origin(only(headers, &ORIGIN).unwrap_or_default()));
        if origin.is_none_or(|origin| self.is_own_origin(&origin, authority)) {
            return self.judge(uri, headers).map(|_| ());
        }
        let mut without_cookies = headers.clone();
        without_cookies.remove(COOKIE);
        self.judge(uri, &without_cookies).map(|_| ())
    }

    /// The `Set-Cookie` value that stands for the token, if there is one.
    pub(super) fn cookie(&self) -> Option<String> {
        let check = self.token.as_ref()?;
        let secure = if self.secure { "; Secure" } else { "" };
        Some(format!("{}={}; Path=/; HttpOnly; SameSite=Strict{secure}", check.cookie_name, check.cookie_value))
    }

    fn check_host<'h>(&self, headers: &'h HeaderMap) -> Result<&'h str, Denied> {
        let authority = only(headers, &HOST).unwrap_or_default();
        let known = Host::from_authority(authority).is_some_and(|host| self.is_ours(&host));
        if known { Ok(authority) } else { Err(Denied::Host(authority.to_owned())) }
    }

    fn is_ours(&self, host: &Host) -> bool {
        let listen = self.listen.ip().to_canonical();
        let by_address = match host {
            // Rebinding takes a name; any address of this machine is as good as another.
            Host::Address(address) => listen.is_unspecified() || *address == listen,
            Host::Name(_) => self.own_names.contains(host),
        };
        host.is_loopback() || by_address || self.allowed_hosts.contains(host)
    }

    fn check_origin(&self, authority: &str, headers: &HeaderMap) -> Result<(), Denied> {
        if !headers.contains_key(ORIGIN) {
            return Ok(());
        }
        let origin = normal_origin(only(headers, &ORIGIN).unwrap_or_default());
        let ours = self.is_own_origin(&origin, authority);
        if ours || is_loopback_origin(&origin) || self.allowed_origins.contains(&origin) {
            Ok(())
        } else {
            Err(Denied::Origin(origin))
        }
    }

    /// Whether a page with this origin was served by us, under the name it asks for now.
    fn is_own_origin(&self, origin: &str, authority: &str) -> bool {
        let Some((scheme, rest)) = origin.split_once("://") else {
            return false;
        };
        // Without TLS of our own, something before us may add it.
        let scheme_fits = scheme == "https" || (scheme == "http" && !self.secure);
        scheme_fits && rest == authority.to_ascii_lowercase()
    }
}

fn is_loopback_origin(origin: &str) -> bool {
    let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    rest.and_then(Host::from_authority).is_some_and(|host| host.is_loopback())
}

fn normal_origin(origin: &str) -> String {
    origin.trim().trim_end_matches('/').to_ascii_lowercase()
}

/// A header that must be there exactly once, as text.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// The address without its token; the rest of the query stays.
pub(super) fn without_token(uri: &Uri) -> String {
    let query = uri.query().unwrap_or_default();
    let others: Vec<&str> = query.split('&').filter(|part| !is_token(part)).collect();
    let rest = others.join("&");
    if rest.is_empty() { uri.path().to_owned() } else { format!("{}?{rest}", uri.path()) }
}

fn is_token(query_part: &str) -> bool {
    form_urlencoded::parse(query_part.as_bytes()).any(|(name, _)| name == "token")
}

/// Compares what a request shows with the token.
///
/// Only hashes are kept and compared, so neither time nor memory shows how
/// much of a guess was right, and the cookie does not carry the token itself.
struct TokenCheck {
    hash: [u8; 32],
    cookie_name: String,
    cookie_value: String,
}

impl TokenCheck {
    fn new(token: &Token, port: u16) -> Self {
        Self {
            hash: Sha256::digest(token.expose()).into(),
            // Browsers share cookies between the ports of a host; two servers must not.
            cookie_name: format!("heliograph-{port}"),
            cookie_value: hex(&Sha256::digest(format!("heliograph cookie {}", token.expose()))),
        }
    }

    fn judge(&self, uri: &Uri, headers: &HeaderMap) -> Result<Pass, Denied> {
        let query = uri.query().unwrap_or_default();
        let in_address = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token");
        if let Some((_, shown)) = in_address {
            return self.matches(&shown).then_some(Pass::WithTokenInAddress).ok_or(Denied::WrongToken);
        }
        if let Some(shown) = bearer(headers) {
            return self.matches(shown).then_some(Pass::Plainly).ok_or(Denied::WrongToken);
        }
        let mut shown = self.cookies(headers).peekable();
        if shown.peek().is_none() {
            return Err(Denied::NoToken);
        }
        let right = shown.any(|value| bool::from(value.as_bytes().ct_eq(self.cookie_value.as_bytes())));
        if right { Ok(Pass::Plainly) } else { Err(Denied::WrongToken) }
    }

    fn matches(&self, shown: &str) -> bool {
        let shown: [u8; 32] = Sha256::digest(shown).into();
        shown.ct_eq(&self.hash).into()
    }

    fn cookies<'h>(&'h self, headers: &'h HeaderMap) -> impl Iterator<Item = &'h str> {
        let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == self.cookie_name)
            .map(|(_, value)| value)
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = only(headers, &AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::super::settings::Tls;
    use super::*;

    fn access(listen: &str, token: Option<&str>) -> Access {
        let settings = LocalSettings {
            listen: listen.parse().unwrap(),
            token: token.map(|token| Token::new(token).unwrap()),
            allowed_origins: vec!["https://Wall.example/".to_owned()],
            allowed_hosts: vec!["cams.example".to_owned()],
            tls: Tls::Off,
            serves: Serves::Viewers,
        };
        let mut access = Access::new(&settings, settings.listen, false);
        access.own_names = vec![Host::named("boat"), Host::named("boat.local")];
        access
    }

    fn judge(access: &Access, uri: &str, headers: &[(&str, &str)]) -> Result<Pass, Denied> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        access.judge(&uri.parse().unwrap(), &map)
    }

    #[test]
    fn host_must_be_ours() {
        let table = [
            ("127.0.0.1:8443", "127.0.0.1:8443", true),
            ("127.0.0.1:8443", "localhost:1", true),
            ("127.0.0.1:8443", "[::1]:8443", true),
            ("127.0.0.1:8443", "boat.local:8443", true),
            ("127.0.0.1:8443", "CAMS.example.", true),
            ("127.0.0.1:8443", "evil.example", false),
            ("127.0.0.1:8443", "localhost.evil.example", false),
            ("127.0.0.1:8443", "10.0.0.5:8443", false),
            ("127.0.0.1:8443", "", false),
            ("127.0.0.1:8443", "127.0.0.1@evil.example", false),
            ("10.0.0.5:8443", "10.0.0.5:8443", true),
            ("10.0.0.5:8443", "10.0.0.6:8443", false),
            ("0.0.0.0:8443", "10.0.0.6:8443", true),
            ("0.0.0.0:8443", "evil.example:8443", false),
            ("[::]:8443", "[fd00::7]:8443", true),
            ("[::]:8443", "evil.example", false),
        ];
        for (listen, host, allowed) in table {
            let verdict = judge(&access(listen, None), "/", &[("host", host)]);
            assert_eq!(verdict.is_ok(), allowed, "{host:?} at {listen}");
        }
        let access = access("127.0.0.1:8443", None);
        assert!(judge(&access, "/", &[]).is_err());
        assert!(judge(&access, "/", &[("host", "localhost"), ("host", "evil.example")]).is_err());
    }

    #[test]
    fn origin_must_be_ours_loopback_or_allowed() {
        let table = [
            ("http://localhost:9090", true),
            ("https://127.3.4.5", true),
            ("http://[::1]:3000", true),
            ("http://boat:8443", true),
            ("https://boat:8443", true),
            ("http://boat:8444", false),
            ("https://wall.example", true),
            ("https://wall.example:444", false),
            ("http://wall.example", false),
            ("https://evil.example", false),
            ("http://localhost.evil.example", false),
            ("http://127.0.0.1.evil.example", false),
            ("null", false),
            ("", false),
        ];
        let access = access("127.0.0.1:8443", None);
        for (origin, allowed) in table {
            let verdict = judge(&access, "/", &[("host", "boat:8443"), ("origin", origin)]);
            assert_eq!(verdict.is_ok(), allowed, "{origin:?}");
        }
    }

    #[test]
    fn behind_our_own_tls_a_plain_page_is_foreign() {
        let mut access = access("127.0.0.1:8443", None);
        access.secure = true;
        let verdict = |origin| judge(&access, "/", &[("host", "boat:8443"), ("origin", origin)]);
        assert!(verdict("https://boat:8443").is_ok());
        assert!(verdict("http://boat:8443").is_err());
    }

    #[test]
    fn token_comes_in_three_ways() {
        let access = access("127.0.0.1:8443", Some("s3cret-token"));
        let cookie = access.cookie().unwrap();
        let right = cookie.split(';').next().unwrap();
        let table = [
            ("/?token=s3cret-token", None, Ok(Pass::WithTokenInAddress)),
            ("/signalling?a=b&token=s3cret%2Dtoken", None, Ok(Pass::WithTokenInAddress)),
            ("/", Some(("authorization", "Bearer s3cret-token")), Ok(Pass::Plainly)),
            ("/", Some(("authorization", "bearer s3cret-token")), Ok(Pass::Plainly)),
            ("/", Some(("cookie", right)), Ok(Pass::Plainly)),
            ("/", None, Err(Denied::NoToken)),
            ("/", Some(("authorization", "Basic s3cret-token")), Err(Denied::NoToken)),
            ("/", Some(("cookie", "other=1")), Err(Denied::NoToken)),
            ("/?token=", None, Err(Denied::WrongToken)),
            ("/?token=s3cret-toke", None, Err(Denied::WrongToken)),
            ("/", Some(("authorization", "Bearer nope")), Err(Denied::WrongToken)),
            ("/", Some(("cookie", "heliograph-8443=s3cret-token")), Err(Denied::WrongToken)),
        ];
        for (uri, header, expected) in table {
            let mut headers = vec![("host", "localhost")];
            headers.extend(header);
            assert_eq!(judge(&access, uri, &headers), expected, "{uri} {header:?}");
        }
        // A wrong one in the address is not healed by a right cookie: the link is stale.
        let both = [("host", "localhost"), ("cookie", right)];
        assert_eq!(judge(&access, "/?token=x", &both), Err(Denied::WrongToken));
    }

    #[test]
    fn the_cookie_lets_only_our_own_page_play() {
        let access = access("127.0.0.1:8443", Some("s3cret-token"));
        let cookie = access.cookie().unwrap();
        let cookie = cookie.split(';').next().unwrap();
        let table = [
            (None, Ok(())),
            (Some("http://localhost:8443"), Ok(())),
            (Some("http://localhost:9090"), Err(Denied::NoToken)),
            (Some("https://wall.example"), Err(Denied::NoToken)),
        ];
        for (origin, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, "localhost:8443".parse().unwrap());
            headers.insert(COOKIE, cookie.parse().unwrap());
            headers.extend(origin.map(|origin| (ORIGIN, origin.parse().unwrap())));
            assert_eq!(access.judge_player(&Uri::from_static("/whep/bow"), &headers), expected, "{origin:?}");
            assert_eq!(access.judge_player(&Uri::from_static("/whep/bow?token=s3cret-token"), &headers), Ok(()));
        }
    }

    #[test]
    fn the_cookie_hides_the_token_and_keeps_to_tls() {
        let mut access = access("0.0.0.0:8443", Some("s3cret-token"));
        let plain = access.cookie().unwrap();
        assert!(plain.starts_with("heliograph-8443=") && !plain.contains("s3cret"));
        assert!(plain.ends_with("; Path=/; HttpOnly; SameSite=Strict"));
        access.secure = true;
        assert!(access.cookie().unwrap().ends_with("; Secure"));
    }

    #[test]
    fn the_token_leaves_the_address_and_the_rest_stays() {
        let table = [
            ("/?token=a", "/"),
            ("/feed/bow?token=a", "/feed/bow"),
            ("/?x=1&token=a&y=2", "/?x=1&y=2"),
            ("/?%74oken=a", "/"),
        ];
        for (before, after) in table {
            assert_eq!(without_token(&before.parse().unwrap()), after);
        }
    }
}
