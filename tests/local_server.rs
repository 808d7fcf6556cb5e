//! The local connector from outside: HTTP and websockets over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use heliograph::config::Token;
use heliograph::connector::hub::Hub;
use heliograph::connector::local::{LocalServer, LocalSettings, ServerError, Serves, Tls};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

const TOKEN: &str = "s3cret-token";

fn settings(listen: &str) -> LocalSettings {
    LocalSettings {
        listen: listen.parse().unwrap(),
        token: None,
        allowed_origins: vec!["https://wall.example".to_owned()],
        allowed_hosts: vec!["cams.example".to_owned()],
        tls: Tls::Off,
        serves: Serves::Viewers,
    }
}

async fn start(settings: LocalSettings) -> (LocalServer, Arc<Hub>) {
    let hub = Hub::new();
    let server = LocalServer::start(settings, Arc::clone(&hub)).await.unwrap();
    (server, hub)
}

async fn open_server() -> (LocalServer, Arc<Hub>) {
    start(settings("127.0.0.1:0")).await
}

async fn server_with_token() -> (LocalServer, Arc<Hub>) {
    start(LocalSettings { token: Some(Token::new(TOKEN).unwrap()), ..settings("127.0.0.1:0") }).await
}

/// One HTTP request over any stream; gives the whole answer as text.
async fn ask(stream: impl AsyncRead + AsyncWrite, path: &str, headers: &[(&str, &str)]) -> String {
    tokio::pin!(stream);
    let mut request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        request += "Host: localhost\r\n";
    }
    for (name, value) in headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    stream.write_all((request + "\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A TLS peer may leave without its farewell; what came before it counts.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(server: &LocalServer, path: &str, headers: &[(&str, &str)]) -> String {
    ask(TcpStream::connect(server.address()).await.unwrap(), path, headers).await
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let lines = answer.split("\r\n").take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.split_once(": ")).find(|(key, _)| *key == name).map(|(_, v)| v)
}

type Socket = WebSocketStream<TcpStream>;

/// Opens a websocket; refused: the HTTP status.
async fn open(server: &LocalServer, path: &str, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
    let mut request = format!("ws://localhost{path}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(server.address()).await.unwrap();
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn say(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

async fn hear(socket: &mut Socket) -> Value {
    loop {
        let message = timeout(Duration::from_secs(5), socket.next()).await.unwrap();
        if let Message::Text(text) = message.expect("the socket should be open").unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

/// Opens a websocket and takes the welcome.
async fn join(server: &LocalServer) -> (Socket, String) {
    let mut socket = open(server, "/", &[]).await.unwrap();
    let welcome = hear(&mut socket).await;
    assert_eq!(welcome["type"], "welcome");
    (socket, welcome["peerId"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn serves_the_page_its_files_and_health() {
    let (server, _hub) = open_server().await;
    for path in ["/", "/feed/bow"] {
        let answer = get(&server, path, &[]).await;
        assert_eq!(status(&answer), 200);
        assert_eq!(header(&answer, "content-type"), Some("text/html; charset=utf-8"));
        let policy = header(&answer, "content-security-policy").unwrap();
        assert!(policy.contains("connect-src 'self' ws://localhost;"), "{policy}");
        assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"));
        assert_eq!(header(&answer, "referrer-policy"), Some("no-referrer"));
    }
    let script = get(&server, "/viewer/main.js", &[]).await;
    assert_eq!(header(&script, "content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(header(&script, "cache-control"), Some("no-cache"));
    let tag = header(&script, "etag").unwrap();
    assert_eq!(status(&get(&server, "/viewer/main.js", &[("If-None-Match", tag)]).await), 304);

    let metrics = get(&server, "/metrics", &[]).await;
    let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!((status(&metrics), header(&metrics, "content-type")), (200, Some(form)));
    assert!(metrics.contains("# TYPE heliograph_feed_state gauge\n") && metrics.ends_with("# EOF\n"), "{metrics}");

    for path in ["/viewer/../Cargo.toml", "/viewer/nothing.js", "/nowhere"] {
        assert_eq!(status(&get(&server, path, &[]).await), 404, "{path}");
    }
    assert!(get(&server, "/healthz", &[]).await.ends_with("\r\n\r\nok"));
}

#[tokio::test]
async fn a_foreign_origin_is_refused() {
    let (server, _hub) = open_server().await;
    let port = server.address().port();
    let ours = format!("http://localhost:{port}");
    for origin in ["https://evil.example", "null", "http://localhost.evil.example"] {
        assert_eq!(open(&server, "/", &[("origin", origin)]).await.err(), Some(403), "{origin}");
        let answer = get(&server, "/", &[("Origin", origin)]).await;
        assert_eq!(status(&answer), 403);
        assert!(answer.contains("allowed_origins"));
    }
    for origin in [ours.as_str(), "http://127.0.0.1:9090", "https://wall.example"] {
        for path in ["/", "/signalling"] {
            assert!(open(&server, path, &[("origin", origin)]).await.is_ok(), "{origin}");
        }
    }
}

#[tokio::test]
async fn a_foreign_host_is_refused() {
    let (server, _hub) = open_server().await;
    let answer = get(&server, "/", &[("Host", "rebound.example")]).await;
    assert_eq!(status(&answer), 403);
    assert!(answer.contains("“rebound.example”") && answer.contains("allowed_hosts"));
    assert_eq!(open(&server, "/", &[("host", "rebound.example:8443")]).await.err(), Some(403));
    assert_eq!(status(&get(&server, "/", &[("Host", "cams.example:1")]).await), 200);
}

#[tokio::test]
async fn the_token_comes_in_three_ways() {
    let (server, _hub) = server_with_token().await;
    let bearer = format!("Bearer {TOKEN}");
    for path in ["/", "/feed/bow", "/viewer/main.js", "/metrics", "/nowhere"] {
        let answer = get(&server, path, &[]).await;
        assert_eq!(status(&answer), 401, "{path}");
        assert!(answer.contains("This server asks for a token."));
        assert_eq!(status(&get(&server, &format!("{path}?token=wrong"), &[]).await), 401);
        let let_in = status(&get(&server, path, &[("Authorization", &bearer)]).await);
        assert_eq!(let_in, if path == "/nowhere" { 404 } else { 200 });
    }
    assert_eq!(status(&get(&server, "/healthz", &[]).await), 200);

    let moved = get(&server, &format!("/feed/bow?token={TOKEN}&x=1"), &[]).await;
    assert_eq!((status(&moved), header(&moved, "location")), (303, Some("/feed/bow?x=1")));
    let cookie = header(&moved, "set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Strict") && !cookie.contains(TOKEN));
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(status(&get(&server, "/", &[("Cookie", cookie)]).await), 200);

    let from_mail = [("Sec-Fetch-Site", "cross-site")];
    let reloads = get(&server, &format!("/?token={TOKEN}"), &from_mail).await;
    assert_eq!((status(&reloads), header(&reloads, "refresh")), (200, Some("0; url=/")));
    assert_eq!(header(&reloads, "set-cookie").map(|it| it.starts_with(cookie)), Some(true));

    assert_eq!(open(&server, "/", &[]).await.err(), Some(401));
    assert_eq!(open(&server, "/?token=wrong", &[]).await.err(), Some(401));
    assert_eq!(open(&server, "/signalling", &[("cookie", "heliograph-1=x")]).await.err(), Some(401));
    assert!(open(&server, &format!("/?token={TOKEN}"), &[]).await.is_ok());
    assert!(open(&server, "/signalling", &[("cookie", cookie)]).await.is_ok());
    assert!(open(&server, "/", &[("authorization", &bearer)]).await.is_ok());
}

#[tokio::test]
async fn two_viewers_watch_and_keep_apart() {
    gst::init().unwrap();
    let (server, hub) = open_server().await;
    let _feed = hub.add_feed(0, "bow", "Bow camera");
    let (mut first, _) = join(&server).await;
    let (mut second, _) = join(&server).await;

    // As the npm client does at its start.
    say(&mut first, json!({ "type": "setPeerStatus", "roles": ["listener"], "meta": null })).await;
    assert_eq!(hear(&mut first).await["type"], "peerStatusChanged");
    say(&mut first, json!({ "type": "list" })).await;
    assert_eq!(hear(&mut first).await["producers"][0]["meta"]["name"], "Bow camera");
    say(&mut first, json!({ "type": "listConsumers" })).await;
    assert_eq!(hear(&mut first).await, json!({ "type": "listConsumers", "consumers": [] }));

    let mut sessions = Vec::new();
    for viewer in [&mut first, &mut second] {
        say(viewer, json!({ "type": "startSession", "peerId": "bow" })).await;
        let started = hear(viewer).await;
        assert_eq!(started["type"], "sessionStarted");
        sessions.push(started["sessionId"].as_str().unwrap().to_owned());
    }
    assert_eq!(hub.session_count("bow"), 2);

    let stolen = json!({ "type": "peer", "sessionId": sessions[0],
        "sdp": { "type": "answer", "sdp": "v=0" } });
    say(&mut second, stolen).await;
    assert_eq!(hear(&mut second).await["type"], "error");
    say(&mut second, json!({ "type": "endSession", "sessionId": sessions[0] })).await;
    assert_eq!(hear(&mut second).await["type"], "error");
    assert_eq!(hub.session_count("bow"), 2);

    drop(second);
    let patience = Instant::now();
    while hub.session_count("bow") > 1 {
        assert!(patience.elapsed() < Duration::from_secs(5), "the session should end with its socket");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    hub.remove_feed("bow");
    assert_eq!(hear(&mut first).await, json!({ "type": "endSession", "sessionId": sessions[0] }));
}

#[tokio::test]
async fn no_viewer_becomes_a_producer() {
    let (server, _hub) = open_server().await;
    let (mut poser, _) = join(&server).await;
    say(&mut poser, json!({ "type": "setPeerStatus", "roles": ["producer"], "meta": { "name": "Fake" } })).await;
    assert_eq!(hear(&mut poser).await["type"], "error");
    let (mut viewer, _) = join(&server).await;
    say(&mut viewer, json!({ "type": "list" })).await;
    assert_eq!(hear(&mut viewer).await, json!({ "type": "list", "producers": [] }));
}

#[tokio::test]
async fn a_silly_peer_is_told_and_then_sent_away() {
    let (server, _hub) = open_server().await;
    let (mut peer, _) = join(&server).await;
    for n in 0..20 {
        let nonsense = match n % 3 {
            0 => Message::text("nonsense"),
            1 => Message::text(format!(r#"{{"type":"list","x":"{}"}}"#, "x".repeat(65 * 1024))),
            _ => Message::binary(vec![0; 10]),
        };
        peer.send(nonsense).await.unwrap();
        let told = hear(&mut peer).await;
        assert_eq!(told["type"], "error");
        if n % 3 == 1 {
            assert!(told["details"].as_str().unwrap().contains("at most 65536"));
        }
    }
    let end = timeout(Duration::from_secs(5), peer.next()).await.unwrap();
    assert!(matches!(end, Some(Ok(Message::Close(_)))), "{end:?}");
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_dropped() {
    gst::init().unwrap();
    let (server, hub) = open_server().await;
    let feeds: Vec<_> = (0..200).map(|n| hub.add_feed(n, &format!("feed-{n}"), &"long name ".repeat(20))).collect();
    let (mut lazy, _) = join(&server).await;
    say(&mut lazy, json!({ "type": "startSession", "peerId": "feed-0" })).await;
    hear(&mut lazy).await;
    let list = json!({ "type": "list" }).to_string();
    // Asks and never listens, until the system's buffers and then the queue are full.
    let asking = async {
        while lazy.send(Message::text(list.clone())).await.is_ok() {
            if hub.session_count("feed-0") == 0 {
                return;
            }
        }
    };
    timeout(Duration::from_secs(20), asking).await.expect("the peer should be dropped");
    assert_eq!(hub.session_count("feed-0"), 0);
    drop(feeds);
}

#[tokio::test]
#[ignore = "takes 35 s: run with --ignored when the socket's times change"]
async fn a_silent_peer_is_gone_after_thirty_seconds() {
    gst::init().unwrap();
    let (server, hub) = open_server().await;
    let _feed = hub.add_feed(0, "bow", "Bow camera");
    let (mut alive, _) = join(&server).await;
    let (mut silent, _) = join(&server).await;
    for viewer in [&mut alive, &mut silent] {
        say(viewer, json!({ "type": "startSession", "peerId": "bow" })).await;
        hear(viewer).await;
    }
    // Pings are answered only by whoever reads.
    let _ = timeout(Duration::from_secs(35), async { while alive.next().await.is_some() {} }).await;
    assert_eq!(hub.session_count("bow"), 1);
    say(&mut alive, json!({ "type": "list" })).await;
    assert_eq!(hear(&mut alive).await["type"], "list");
}

#[tokio::test]
async fn stopping_ends_websockets_and_frees_the_port() {
    let (server, hub) = open_server().await;
    let address = server.address();
    let (mut viewer, _) = join(&server).await;
    let _idle = TcpStream::connect(address).await.unwrap();
    let began = Instant::now();
    server.stop().await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let end = timeout(Duration::from_secs(1), viewer.next()).await.unwrap();
    assert!(matches!(end, Some(Ok(Message::Close(_)))), "{end:?}");
    let again = LocalSettings { listen: address, ..settings("127.0.0.1:0") };
    LocalServer::start(again, hub).await.unwrap();
}

async fn start_error(settings: LocalSettings) -> ServerError {
    LocalServer::start(settings, Hub::new()).await.err().expect("should not start")
}

#[tokio::test]
async fn says_why_it_cannot_listen() {
    let (server, _hub) = open_server().await;
    let taken = LocalSettings { listen: server.address(), ..settings("127.0.0.1:0") };
    let error = start_error(taken).await;
    assert!(matches!(error, ServerError::PortInUse(_)));
    assert!(error.to_string().contains("in use") && error.to_string().contains("--listen"));

    // A documentation address (RFC 5737); no machine has it.
    let elsewhere = LocalSettings { token: Some(Token::new(TOKEN).unwrap()), ..settings("192.0.2.77:0") };
    assert!(matches!(start_error(elsewhere).await, ServerError::AddressNotHere(_)));

    let error = start_error(settings("0.0.0.0:0")).await;
    assert!(matches!(error, ServerError::TokenMissing(_)));
    assert!(error.to_string().contains("--token"));

    let mut typo = settings("127.0.0.1:0");
    typo.allowed_hosts = vec!["https://cams.example".to_owned()];
    assert!(start_error(typo).await.to_string().contains("“https://cams.example”"));
    let mut typo = settings("127.0.0.1:0");
    typo.allowed_origins = vec!["wall.example".to_owned()];
    assert!(start_error(typo).await.to_string().contains("no origin"));
}

/// A TLS connection that trusts exactly the certificate in this directory.
async fn connect_tls(address: SocketAddr, state_dir: &Path) -> tokio_rustls::client::TlsStream<TcpStream> {
    let pem = std::fs::read(state_dir.join("local-server.pem")).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", address.port())).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn beyond_loopback_it_speaks_tls_with_a_certificate_that_stays() {
    let dir = tempfile::tempdir().unwrap();
    let beyond = || LocalSettings {
        token: Some(Token::new(TOKEN).unwrap()),
        tls: Tls::Automatic { state_dir: dir.path().to_owned() },
        ..settings("0.0.0.0:0")
    };
    let (server, _hub) = start(beyond()).await;
    assert!(server.url().starts_with("https://") && !server.url().contains("0.0.0.0"));
    let fingerprint = server.fingerprint().unwrap().to_owned();

    let stream = connect_tls(server.address(), dir.path()).await;
    let moved = ask(stream, &format!("/?token={TOKEN}"), &[]).await;
    assert!(header(&moved, "set-cookie").unwrap().ends_with("; Secure"));
    let stream = connect_tls(server.address(), dir.path()).await;
    let request = format!("wss://localhost/?token={TOKEN}").into_client_request().unwrap();
    let (mut socket, _) = client_async(request, stream).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().is_text());
    // Somebody who speaks no TLS gets nothing, and disturbs nobody.
    let mut plain = TcpStream::connect(("127.0.0.1", server.address().port())).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_secs(5), plain.read_to_end(&mut answer)).await.unwrap();
    assert!(!answer.starts_with(b"HTTP"));

    server.stop().await;
    let (server, _hub) = start(beyond()).await;
    assert_eq!(server.fingerprint(), Some(fingerprint.as_str()));
}

#[tokio::test]
async fn on_loopback_it_is_plain_unless_a_certificate_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let automatic = Tls::Automatic { state_dir: dir.path().to_owned() };
    let (server, _hub) = start(LocalSettings { tls: automatic, ..settings("127.0.0.1:0") }).await;
    assert_eq!(server.url(), format!("http://{}/", server.address()));
    assert_eq!(server.fingerprint(), None);

    let certificate = dir.path().join("missing.pem");
    let files = Tls::Files { key: certificate.clone(), certificate };
    let error = start_error(LocalSettings { tls: files, ..settings("127.0.0.1:0") }).await;
    assert!(error.to_string().contains("missing.pem cannot be read"));
}

#[test]
fn no_debug_text_shows_the_token() {
    let settings = LocalSettings { token: Some(Token::new(TOKEN).unwrap()), ..settings("127.0.0.1:0") };
    assert!(!format!("{settings:?}").contains(TOKEN));
}
