//! Who answers at a camera's address, how fast, and how it asks for a login.
//!
//! `rtspsrc` keeps all that to itself. So a camera that sends is asked once by hand, as every
//! client begins: without a password, on a connection of its own.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpStream, lookup_host},
    time::{Instant, timeout},
};

use super::report::milliseconds;
use crate::config::SourceAddress;

/// How long each step may take. Whoever is slower stays unknown.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Longer heads are no RTSP.
const HEAD_LIMIT: u64 = 16 * 1024;
/// So much of a server's name is repeated.
const NAME_LIMIT: usize = 120;

/// What came back.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Greeting {
    /// What the server calls itself.
    pub(super) server: Option<String>,
    /// The kinds of login it offers, such as `Digest`; empty where it asks for none.
    pub(super) login: Vec<String>,
    /// Milliseconds until the connection stood.
    pub(super) connect_ms: f64,
    /// Milliseconds until it answered DESCRIBE.
    pub(super) answer_ms: f64,
}

/// Asks the camera; `None` where nobody answers in time, or behind TLS, where nothing is said
/// before the certificate is known.
pub(super) async fn greet(address: &SourceAddress) -> Option<Greeting> {
    if address.as_str().starts_with("rtsps:") {
        return None;
    }
    let place = (address.host().trim_matches(['[', ']']), address.port());
    let found = timeout(PATIENCE, lookup_host(place)).await.ok()?.ok()?.next()?;
    let start = Instant::now();
    let stream = timeout(PATIENCE, TcpStream::connect(found)).await.ok()?.ok()?;
    let connect_ms = milliseconds(start.elapsed());
    let mut stream = BufReader::new(stream);
    let options = timeout(PATIENCE, ask(&mut stream, "OPTIONS", address, 1)).await.ok()??;
    let start = Instant::now();
    let description = timeout(PATIENCE, ask(&mut stream, "DESCRIBE", address, 2)).await.ok()??;
    let answer_ms = milliseconds(start.elapsed());
    let server = description.server.or(options.server);
    Some(Greeting { server, login: description.login, connect_ms, answer_ms })
}

/// One request and the head of its answer.
async fn ask(stream: &mut BufReader<TcpStream>, method: &str, address: &SourceAddress, number: u32) -> Option<Head> {
    let accept = if method == "DESCRIBE" { "Accept: application/sdp\r\n" } else { "" };
    let request = format!("{method} {} RTSP/1.0\r\nCSeq: {number}\r\n{accept}\r\n", address.as_str());
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut head = Vec::new();
    let mut lines = stream.take(HEAD_LIMIT);
    loop {
        let before = head.len();
        lines.read_until(b'\n', &mut head).await.ok()?;
        match &head[before..] {
            [] => return None,
            b"\r\n" | b"\n" => return Head::read(&String::from_utf8_lossy(&head)),
            _ => {}
        }
    }
}

/// What matters in the head of an answer.
#[derive(Debug, Default, PartialEq)]
struct Head {
    server: Option<String>,
    login: Vec<String>,
}

impl Head {
    /// `None` for what is not RTSP.
    fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        lines.next().filter(|line| line.starts_with("RTSP/"))?;
        let mut head = Self::default();
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            match name.trim().to_ascii_lowercase().as_str() {
                "server" => head.server = Some(presentable(value)).filter(|name| !name.is_empty()),
                "www-authenticate" => head.login.extend(value.split_whitespace().next().map(presentable)),
                _ => {}
            }
        }
        head.login.dedup();
        Some(head)
    }
}

/// A stranger's text on one line and of bounded length.
fn presentable(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(NAME_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_server_and_logins() {
        let text = "RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\nserver: Bow/1.0\u{7} (x)\r\n\
            WWW-Authenticate: Digest realm=\"a:b\", nonce=\"1\"\r\nWWW-Authenticate: Basic realm=\"a\"\r\n\r\n";
        let head = Head::read(text).unwrap();
        assert_eq!(head, Head { server: Some("Bow/1.0 (x)".into()), login: vec!["Digest".into(), "Basic".into()] });
        assert_eq!(Head::read("RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n"), Some(Head::default()));
        assert_eq!(Head::read("HTTP/1.1 400 Bad Request\r\nServer: web\r\n\r\n"), None);
    }
}
