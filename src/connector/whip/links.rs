//! The STUN and TURN servers that an endpoint names (RFC 9725, section 4.6; the form is RFC 8288's).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{HeaderMap, LINK};

use crate::{
    config::{IceServer, Password},
    webrtc::IceAddresses,
};

/// More than that nobody needs; each costs every session a question.
const MOST_SERVERS: usize = 8;

/// Those among an answer's links. One that cannot be used is left out.
pub(super) fn servers(headers: &HeaderMap) -> IceAddresses {
    let mut servers = IceAddresses::default();
    let values = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    for (server, password) in values.flat_map(links).filter_map(|link| link.server()).take(MOST_SERVERS) {
        servers.add(&server, &password);
    }
    servers
}

/// `<TARGET>; NAME=VALUE; …`
struct Link<'a> {
    target: &'a str,
    parameters: Vec<(&'a str, String)>,
}

impl Link<'_> {
    fn server(&self) -> Option<(IceServer, Password)> {
        let value = |name: &str| {
            self.parameters.iter().find(|(named, _)| named.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        };
        let is_one = value("rel")?.split_ascii_whitespace().any(|rel| rel.eq_ignore_ascii_case("ice-server"));
        let is_password = value("credential-type").is_none_or(|kind| kind.eq_ignore_ascii_case("password"));
        if !is_one || !is_password {
            return None;
        }
        // Ours has the user in it.
        let address = match value("username") {
            Some(user) => {
                let (kind, place) = self.target.split_once(':')?;
                format!("{kind}:{}@{place}", utf8_percent_encode(user, NON_ALPHANUMERIC))
            }
            None => self.target.to_owned(),
        };
        Some((address.parse().ok()?, Password::new(value("credential").unwrap_or_default())))
    }
}

/// The links of one header, as far as they can be read.
fn links(mut rest: &str) -> Vec<Link<'_>> {
    let mut links = Vec::new();
    while let Some((link, behind)) = link(rest) {
        links.push(link);
        match behind.strip_prefix(',') {
            Some(behind) => rest = behind,
            None => break,
        }
    }
    links
}

fn link(text: &str) -> Option<(Link<'_>, &str)> {
    let (target, mut rest) = text.trim_start().strip_prefix('<')?.split_once('>')?;
    let mut parameters = Vec::new();
    loop {
        rest = rest.trim_start();
        let Some(behind) = rest.strip_prefix(';') else { break };
        let end = behind.find(['=', ';', ',']).unwrap_or(behind.len());
        let name = behind[..end].trim();
        rest = &behind[end..];
        let value = match rest.strip_prefix('=') {
            Some(behind) => {
                let (value, behind) = value(behind.trim_start())?;
                rest = behind;
                value
            }
            None => String::new(),
        };
        parameters.push((name, value));
    }
    Some((Link { target, parameters }, rest))
}

/// A word, or in quotes any text, in which a backslash stands before a quote.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        return Some((text[..end].trim_end().to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn read(values: &[&str]) -> (Option<String>, Vec<String>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(LINK, HeaderValue::from_str(value).unwrap());
        }
        let servers = servers(&headers);
        (servers.stun, servers.turn)
    }

    #[test]
    fn servers_are_read_with_their_logins_from_one_header_or_several() {
        let stun = r#"<stun:stun.ship>; rel="ice-server""#;
        let udp = r#"<turn:turn.ship?transport=udp>; rel="ice-server"; username="me, \"you\""; credential="p@ss;w"; credential-type="password""#;
        let tls = r"<turns:[2001:db8::1]:443>;rel=ice-server;username=me;credential=x";
        let stun_address = Some("stun://stun.ship:3478".to_owned());
        let turn = vec![
            "turn://me%2C%20%22you%22:p%40ss%3Bw@turn.ship:3478?transport=udp".to_owned(),
            "turns://me:x@[2001:db8::1]:443?transport=tcp".to_owned(),
        ];
        assert_eq!(read(&[stun, udp, tls]), (stun_address.clone(), turn.clone()));
        assert_eq!(read(&[&format!("{stun}, {udp} ,{tls}")]), (stun_address, turn));
    }

    #[test]
    fn other_links_and_servers_that_cannot_be_used_are_left_out() {
        let nothing = (None, Vec::new());
        for link in [
            r#"<https://media.ship/session/1/layer>; rel="urn:ietf:params:whep:ext:core:layer""#,
            r#"<turn:turn.ship>; rel="ice-server""#,
            r#"<turn:turn.ship>; rel="ice-server"; username="me"; credential="x"; credential-type="oauth""#,
            r#"<turn:turn.ship>; rel="ice-server"; username="me"#,
            r#"<file:///etc/passwd>; rel="ice-server""#,
            "turn:turn.ship; rel=ice-server",
        ] {
            assert_eq!(read(&[link]), nothing, "{link}");
        }
        let many = vec![r#"<turn:turn.ship>; rel="ice-server"; username="me"; credential="x""#; 20];
        assert_eq!(read(&many).1.len(), MOST_SERVERS);
    }
}

#[cfg(test)]
mod fuzz {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn whatever_an_endpoint_links_to_is_a_server_or_nothing() {
        crate::fuzz::texts(
            &[
                r#"<stun:stun.ship>; rel="ice-server""#,
                r#"<turn:turn.ship?transport=udp>; rel="ice-server"; username="me"; credential="a\"b", <turns:x:1>; rel=ice-server; username=me"#,
            ],
            |text| {
                let Ok(value) = HeaderValue::from_str(text) else { return false };
                let servers = servers(&HeaderMap::from_iter([(LINK, value)]));
                assert!(servers.turn.len() <= MOST_SERVERS);
                let is_one = |address: &String| url::Url::parse(address).is_ok();
                let mut all = servers.stun.iter().chain(&servers.turn).peekable();
                let is_read = all.peek().is_some();
                assert!(all.all(is_one), "{:?} {:?}", servers.stun, servers.turn);
                is_read
            },
        );
    }
}
