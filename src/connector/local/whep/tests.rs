//! What is said over HTTP, with a feed that answers every offer and sends nothing.

use std::sync::mpsc;

use gst::glib::{self, closure, prelude::*};
use gst_webrtc::gst_sdp::SDPMessage;
use gst_webrtc::{WebRTCSDPType, WebRTCSessionDescription};
use gstrswebrtc::signaller::SignallableExt;
use reqwest::{Client, RequestBuilder, Response, header};

use super::*;
use crate::config::{Codec, Token};
use crate::connector::hub::{HubFeed, HubSignaller};
use crate::connector::local::{LocalServer, LocalSettings, Serves, Tls};

const TOKEN: &str = "s3cret-token";
const WALL: &str = "https://wall.example";
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-ufrag:mine\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\na=mid:0\r\na=sendrecv\r\n";
const ANSWER: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n";
const CANDIDATE: &str = "candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host";

/// A server with one feed, and a client of it.
struct Scene {
    server: LocalServer,
    hub: Arc<Hub>,
    client: Client,
    feed: HubFeed,
}

impl Scene {
    async fn start() -> Self {
        gst::init().unwrap();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let settings = LocalSettings {
            listen: "127.0.0.1:0".parse().unwrap(),
            token: Some(Token::new(TOKEN).unwrap()),
            allowed_origins: vec![WALL.to_owned()],
            allowed_hosts: Vec::new(),
            tls: Tls::Off,
            serves: Serves::Viewers,
        };
        let hub = Hub::new();
        let feed = hub.add_feed(0, "bow", "Bow");
        let server = LocalServer::start(settings, hub.clone()).await.unwrap();
        Self { server, hub, client: Client::new(), feed }
    }

    /// The feed has a picture from now on: it answers, and tells the candidates that it hears of.
    fn shoot(&self) -> (HubSignaller, mpsc::Receiver<String>) {
        let signaller = self.feed.door(Codec::H264);
        signaller.connect_closure(
            "session-requested",
            false,
            closure!(|signaller: HubSignaller, session: &str, _: &str, offer: Option<WebRTCSessionDescription>| {
                let offer = offer.unwrap().sdp().as_text().unwrap();
                assert!(offer.contains("a=recvonly") && !offer.contains("a=sendrecv"), "{offer}");
                let answer = SDPMessage::parse_buffer(ANSWER.as_bytes()).unwrap();
                signaller.send_sdp(session, &WebRTCSessionDescription::new(WebRTCSDPType::Answer, answer));
                signaller.add_ice(session, "candidate:7 1 udp 1 127.0.0.1 9 typ host", 0, None);
            }),
        );
        let (say, heard) = mpsc::sync_channel(64);
        signaller.connect_closure(
            "handle-ice",
            false,
            closure!(move |_: HubSignaller, _: &str, line: u32, _: Option<String>, candidate: &str| {
                drop(say.send(format!("{line} {candidate}")));
            }),
        );
        signaller.set_ready(true);
        signaller.start();
        (signaller, heard)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address())
    }

    fn offer(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path)).header(header::CONTENT_TYPE, SDP).bearer_auth(TOKEN).body(OFFER)
    }

    /// Where a new session is, and its tag.
    async fn begin(&self) -> (String, String) {
        let response = self.offer("/whep/bow").send().await.unwrap();
        assert_eq!(response.status(), 201);
        (self.url(&of(&response, "location")), of(&response, "etag"))
    }

    fn fragment(&self, session: &str, tag: Option<&str>, body: &str) -> RequestBuilder {
        let request = self.client.patch(session).header(header::CONTENT_TYPE, FRAGMENT).body(body.to_owned());
        match tag {
            Some(tag) => request.header(header::IF_MATCH, tag),
            None => request,
        }
    }
}

fn of(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// The status of a refusal, whose sentence has to contain this.
async fn refused(request: RequestBuilder, words: &str) -> u16 {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let sentence = response.text().await.unwrap();
    assert!(sentence.contains(words), "{status}: {sentence}");
    status
}

#[tokio::test]
async fn a_session_lasts_from_its_offer_to_its_goodbye() {
    let scene = Scene::start().await;
    let (_signaller, heard) = scene.shoot();
    let response = scene.offer("/whep/bow?name=bridge").send().await.unwrap();
    assert_eq!((response.status().as_u16(), of(&response, "content-type").as_str()), (201, SDP));
    assert_eq!(of(&response, "accept-patch"), FRAGMENT);
    assert_eq!(of(&response, "cache-control"), "no-store");
    let (session, tag) = (scene.url(&of(&response, "location")), of(&response, "etag"));
    let answer = response.text().await.unwrap();
    assert!(answer.contains("a=candidate:7 ") && answer.contains("a=end-of-candidates"), "{answer}");
    assert_eq!(scene.hub.session_count("bow"), 1);
    assert_eq!(scene.client.get(&session).send().await.unwrap().status(), 204);

    let body = format!("a=ice-ufrag:mine\r\nm=video 9 X 96\r\na=mid:0\r\na={CANDIDATE}\r\n");
    let status = |request: RequestBuilder| async { request.send().await.unwrap().status().as_u16() };
    assert_eq!(status(scene.fragment(&session, Some(&tag), &body)).await, 204);
    let candidate = tokio::task::spawn_blocking(move || heard.recv_timeout(Duration::from_secs(5)).unwrap());
    assert_eq!(candidate.await.unwrap(), format!("0 {CANDIDATE}"));
    assert_eq!(refused(scene.fragment(&session, None, &body), "If-Match").await, 428);
    assert_eq!(refused(scene.fragment(&session, Some("\"other\""), &body), "ETag").await, 412);
    assert_eq!(refused(scene.fragment(&session, Some("*"), &body.replace("mine", "new")), "begin another").await, 422);
    assert_eq!(refused(scene.fragment(&session, Some(&tag), "hello"), "no fragment").await, 400);
    let as_offer = scene.client.patch(&session).header(header::CONTENT_TYPE, SDP).header(header::IF_MATCH, &tag);
    assert_eq!(refused(as_offer, FRAGMENT).await, 415);

    let elsewhere = session.replace("/bow/", "/stern/");
    assert_eq!(refused(scene.client.delete(&elsewhere), "no such session").await, 404);
    assert_eq!(status(scene.client.delete(&session)).await, 200);
    while scene.hub.session_count("bow") > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(refused(scene.client.delete(&session), "no such session").await, 404);
    assert_eq!(refused(scene.fragment(&session, Some(&tag), &body), "no such session").await, 404);
}

#[tokio::test]
async fn what_cannot_be_played_is_refused_in_a_sentence() {
    let scene = Scene::start().await;
    let (_signaller, _heard) = scene.shoot();
    assert_eq!(refused(scene.offer("/whep/stern"), "no feed “stern”").await, 404);
    let of_kind =
        |kind: &str| scene.client.post(scene.url("/whep/bow")).bearer_auth(TOKEN).header("content-type", kind);
    assert_eq!(refused(of_kind("application/json").body("{}"), "application/sdp").await, 415);
    assert_eq!(refused(of_kind("application/sdp; charset=utf-8").body("hello"), "no offer").await, 400);
    // What a player sends that wants the server to offer.
    assert_eq!(refused(of_kind(SDP).body(""), "no offer").await, 400);
    assert_eq!(refused(of_kind(SDP).body(vec![0xff; 9]), "UTF-8").await, 400);
    let long = OFFER.to_owned() + &"a=x\r\n".repeat(MAX_BODY_BYTES / 5);
    assert_eq!(refused(of_kind(SDP).body(long), "longer than").await, 413);
    assert_eq!(refused(of_kind(SDP).body(OFFER.replace("H264", "VP8")), "H.264").await, 422);
    let single = OFFER.to_owned() + "a=fmtp:96 packetization-mode=0\r\n";
    assert_eq!(refused(of_kind(SDP).body(single), "“packetization-mode=1”").await, 422);
    assert_eq!(refused(of_kind(SDP).body(OFFER.replace("video", "audio")), "none of the codecs").await, 422);
    let put = scene.client.put(scene.url("/whep/bow")).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!((put.status().as_u16(), of(&put, "allow").contains("POST")), (405, true));
    assert_eq!(scene.hub.session_count("bow"), 0);
}

#[tokio::test]
async fn the_token_is_asked_for_and_pages_of_other_origins_may_read_the_answer() {
    let scene = Scene::start().await;
    let (_signaller, _heard) = scene.shoot();
    let post = |path: &str| scene.client.post(scene.url(path)).header(header::CONTENT_TYPE, SDP).body(OFFER);
    let from = |request: RequestBuilder, origin: &str| request.header(header::ORIGIN, origin);
    assert_eq!(refused(post("/whep/bow"), "asks for a token").await, 401);
    assert_eq!(refused(post("/whep/bow").bearer_auth("wrong"), "not the right one").await, 401);
    assert_eq!(refused(from(scene.offer("/whep/bow"), "https://evil.example"), "evil.example").await, 403);
    assert_eq!(post(&format!("/whep/bow?token={TOKEN}")).send().await.unwrap().status(), 201);

    let asked = scene.client.request(reqwest::Method::OPTIONS, scene.url("/whep/bow"));
    let may = from(asked, WALL).header("access-control-request-method", "POST").send().await.unwrap();
    assert_eq!((may.status().as_u16(), of(&may, "accept-post").as_str()), (200, SDP));
    assert_eq!(of(&may, "access-control-allow-origin"), WALL);
    assert!(of(&may, "access-control-allow-headers").contains("Authorization"));
    assert_eq!(of(&may, "access-control-allow-credentials"), "", "cookies are for our own page");
    let asked = scene.client.request(reqwest::Method::OPTIONS, scene.url("/whep/bow"));
    assert_eq!(refused(from(asked, "https://evil.example"), "evil.example").await, 403);

    for response in [from(scene.offer("/whep/bow"), WALL), from(post("/whep/bow"), WALL)] {
        let response = response.send().await.unwrap();
        assert_eq!(of(&response, "access-control-allow-origin"), WALL, "the sentence of a refusal, too");
        assert!(of(&response, "access-control-expose-headers").contains("Location"));
        assert_eq!(of(&response, "vary"), "Origin");
    }
}

#[tokio::test]
async fn there_is_room_for_so_many_players_and_no_more() {
    let scene = Scene::start().await;
    let (_signaller, _heard) = scene.shoot();
    let sessions = futures::future::join_all((0..MAX_PLAYERS).map(|_| scene.begin())).await;
    let full = scene.offer("/whep/bow").send().await.unwrap();
    assert_eq!((full.status().as_u16(), of(&full, "retry-after").as_str()), (503, COME_AGAIN));
    assert_eq!(scene.client.delete(&sessions[0].0).send().await.unwrap().status(), 200);
    while scene.hub.session_count("bow") == MAX_PLAYERS {
        tokio::task::yield_now().await;
    }
    assert_eq!(scene.offer("/whep/bow").send().await.unwrap().status(), 201);
}

#[tokio::test(start_paused = true)]
async fn without_a_picture_a_player_is_told_to_come_again_and_the_feed_is_woken() {
    let scene = Scene::start().await;
    let began = tokio::time::Instant::now();
    let response = scene.offer("/whep/bow").send().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!((response.status().as_u16(), of(&response, "retry-after").as_str()), (503, COME_AGAIN));
    let sentence = response.text().await.unwrap();
    assert_eq!(sentence, "There is no picture now. Waiting to start.\n");
    assert_eq!(scene.hub.session_count("bow"), 1, "it is wanted a while longer");
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(scene.hub.session_count("bow"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_player_that_never_connects_is_gone_after_a_while() {
    let scene = Scene::start().await;
    let (_signaller, _heard) = scene.shoot();
    // In real time: the feed's answer comes from a thread that knows no paused clock.
    tokio::time::resume();
    let (session, _) = scene.begin().await;
    assert_eq!(scene.hub.session_count("bow"), 1);
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(18)).await;
    assert_eq!(scene.hub.session_count("bow"), 0);
    assert_eq!(refused(scene.client.delete(&session), "no such session").await, 404);
}

#[tokio::test]
async fn players_go_with_the_server() {
    let scene = Scene::start().await;
    let (_signaller, _heard) = scene.shoot();
    scene.begin().await;
    let Scene { server, hub, feed: _feed, .. } = scene;
    server.stop().await;
    assert_eq!(hub.session_count("bow"), 0);
}
