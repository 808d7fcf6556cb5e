//! A WHIP endpoint (RFC 9725), strict about what it accepts; what it is sent, Chromium decodes.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
    routing::{delete, post},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Handle,
    task::JoinHandle,
};

use super::browser::{Browser, Tab};

/// An endpoint at `/whip/bow`, which `/moved` redirects to, at every address of this machine.
pub struct Endpoint {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    routes: Router,
    server: JoinHandle<()>,
}

struct Shared {
    token: String,
    /// What it links to when it is asked before anything is published.
    links: Vec<String>,
    browser: Mutex<(Browser, Tab)>,
    deleted: Mutex<Vec<usize>>,
    sessions: Mutex<usize>,
}

/// Answers an offer in the page, candidates included.
pub(super) const ANSWER: &str = "(async (sdp) => {
    window.peers ??= [];
    const peer = new RTCPeerConnection();
    peers.push(peer);
    const video = Object.assign(document.createElement('video'), { muted: true, autoplay: true });
    document.body.append(video);
    video.srcObject = new MediaStream();
    peer.ontrack = ({ track }) => video.srcObject.addTrack(track);
    await peer.setRemoteDescription({ type: 'offer', sdp });
    await peer.setLocalDescription();
    while (peer.iceGatheringState !== 'complete') await new Promise((then) => setTimeout(then, 10));
    return peer.localDescription.sdp;
})";

pub(super) const DECODED: &str = "(async () => {
    const report = [...(await window.peers?.at(-1)?.getStats() ?? new Map()).values()];
    return report.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video')?.framesDecoded ?? 0;
})()";

pub(super) const HEARD: &str = "(async () => {
    const report = [...(await window.peers?.at(-1)?.getStats() ?? new Map()).values()];
    return report.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'audio')?.totalSamplesReceived ?? 0;
})()";

impl Endpoint {
    pub fn start(runtime: &Handle, token: &str) -> Self {
        Self::with_links(runtime, token, Vec::new())
    }

    /// One that names these servers (RFC 9725, section 4.6).
    pub fn with_links(runtime: &Handle, token: &str, links: Vec<String>) -> Self {
        let mut browser = Browser::start();
        let tab = browser.open(&json!({ "do": "open", "kind": "viewer", "url": "about:blank" }));
        let shared = Arc::new(Shared {
            token: token.to_owned(),
            links,
            browser: Mutex::new((browser, tab)),
            deleted: Mutex::default(),
            sessions: Mutex::default(),
        });
        let routes = Router::new()
            .route("/moved", post(async || (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/whip/bow")])))
            .route("/whip/bow", post(publish).options(say_links))
            .route("/session/{number}", delete(end))
            .with_state(shared.clone());
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, listener.local_addr().unwrap().port()));
        let server = serve(runtime, listener, routes.clone());
        Self { address, shared, routes, server }
    }

    /// The server dies, with all that it had.
    pub fn die(&mut self) {
        self.server.abort();
        let (browser, tab) = &mut *self.shared.browser.lock().unwrap();
        browser.eval(*tab, "peers.forEach((peer) => peer.close())");
    }

    /// It is started anew, at the same address.
    pub fn revive(&mut self, runtime: &Handle) {
        let address = (Ipv4Addr::UNSPECIFIED, self.address.port());
        let listener = runtime.block_on(TcpListener::bind(address)).unwrap();
        self.server = serve(runtime, listener, self.routes.clone());
    }

    /// Pictures that Chromium has decoded of the newest session.
    pub fn decoded(&self) -> u64 {
        let (browser, tab) = &mut *self.shared.browser.lock().unwrap();
        browser.eval(*tab, DECODED).as_u64().unwrap()
    }

    /// How many sessions there were.
    pub fn sessions(&self) -> usize {
        *self.shared.sessions.lock().unwrap()
    }

    /// Ends the newest session from the server's side.
    pub fn hang_up(&self) {
        let (browser, tab) = &mut *self.shared.browser.lock().unwrap();
        browser.eval(*tab, "peers.at(-1).close()");
    }

    /// The sessions that were deleted.
    pub fn deleted(&self) -> Vec<usize> {
        self.shared.deleted.lock().unwrap().clone()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn serve(runtime: &Handle, listener: TcpListener, routes: Router) -> JoinHandle<()> {
    runtime.spawn(async move { axum::serve(listener, routes).await.unwrap() })
}

/// A way to an HTTP server, over which everything that it answers comes twice.
pub fn twice(runtime: &Handle, server: SocketAddr) -> SocketAddr {
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry_twice(client, server));
        }
    });
    address
}

async fn carry_twice(mut client: TcpStream, server: SocketAddr) -> io::Result<()> {
    let request = message(&mut client).await?;
    let mut server = TcpStream::connect(server).await?;
    server.write_all(&request).await?;
    let answer = message(&mut server).await?;
    client.write_all(&[answer.as_slice(), &answer].concat()).await
}

/// One request or answer of HTTP whose length is told.
async fn message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    while !message.ends_with(b"\r\n\r\n") {
        message.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&message).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    stream.read_exact(&mut body).await?;
    message.append(&mut body);
    Ok(message)
}

async fn publish(State(shared): State<Arc<Shared>>, headers: HeaderMap, offer: String) -> Response {
    let is = |name, value: &str| headers.get(name).is_some_and(|header| header.as_bytes() == value.as_bytes());
    if !is(header::AUTHORIZATION, &format!("Bearer {}", shared.token)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if !is(header::CONTENT_TYPE, "application/sdp") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    // Section 4.2: an offer that sends, complete, and bundled.
    let has = |text: &str| offer.contains(text);
    if !(has("m=video") && has("a=sendonly") && has("a=candidate:") && has("a=group:BUNDLE")) {
        println!("no offer of WHIP's: {offer}");
        return StatusCode::BAD_REQUEST.into_response();
    }
    let expression = format!("{ANSWER}({})", serde_json::Value::String(offer));
    let at_page = shared.clone();
    let answer = tokio::task::spawn_blocking(move || {
        let (browser, tab) = &mut *at_page.browser.lock().unwrap();
        browser.eval(*tab, &expression).as_str().unwrap().to_owned()
    });
    let answer = answer.await.unwrap();
    let mut sessions = shared.sessions.lock().unwrap();
    *sessions += 1;
    let location = format!("/session/{sessions}");
    (StatusCode::CREATED, [(header::LOCATION, location), (header::CONTENT_TYPE, "application/sdp".to_owned())], answer)
        .into_response()
}

async fn say_links(State(shared): State<Arc<Shared>>) -> (StatusCode, AppendHeaders<Vec<(HeaderName, String)>>) {
    let links = shared.links.iter().map(|link| (header::LINK, link.clone()));
    (StatusCode::NO_CONTENT, AppendHeaders(links.collect()))
}

async fn end(State(shared): State<Arc<Shared>>, Path(number): Path<usize>, headers: HeaderMap) -> StatusCode {
    let bearer = format!("Bearer {}", shared.token);
    if headers.get(header::AUTHORIZATION).is_none_or(|header| header.as_bytes() != bearer.as_bytes()) {
        return StatusCode::UNAUTHORIZED;
    }
    shared.deleted.lock().unwrap().push(number);
    StatusCode::OK
}
