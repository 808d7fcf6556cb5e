//! How long a viewer's connection takes to be set up, and why one is not.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{
    Router,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, LINK, LOCATION},
    },
    routing::options,
};
use futures::{SinkExt, StreamExt};
use heliograph::{
    config::{Config, ConnectorConfig, ConnectorId, FeedId},
    connector::{ConnectorState, FORMS},
    engine::FeedEvent,
    stats::ViewerSample,
};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::support::{network::Network, peer::Peer, station::SmallStation};

/// No verdict may take longer.
const VERDICT_WITHIN: Duration = Duration::from_secs(10);
/// A private address of a network that is not ours, where nobody answers.
const NOWHERE: &str = "10.255.255.7";

fn viewer(event: &FeedEvent) -> Option<&ViewerSample> {
    match event {
        FeedEvent::Stats(sample) => sample.viewers.first(),
        _ => None,
    }
}

/// Why somebody is not connected; some sessions end by that.
fn verdict(event: &FeedEvent) -> Option<String> {
    match event {
        FeedEvent::Unreached { viewer } => viewer.ice_verdict.clone(),
        event => viewer(event)?.ice_verdict.clone(),
    }
}

#[test]
fn each_step_of_a_viewers_connection_is_timed() {
    let mut station = SmallStation::start();
    let feed = station.add("Bow", |_| {});
    let _peer = Peer::watch(&station.server, &feed);
    let seen = station.wait("a complete set-up", &feed, |event| {
        viewer(event).filter(|viewer| viewer.set_up.is_complete() && viewer.candidate_pair.is_some()).cloned()
    });
    let set_up = seen.set_up;
    println!("measured: {}", set_up.words());
    let steps = [set_up.signalling, set_up.ice_gathering, set_up.ice_connected, set_up.dtls, set_up.first_frame];
    assert!(steps.iter().all(|took| took.is_some_and(|took| (0.0..5.0).contains(&took))), "{set_up:?}");
    assert_eq!((seen.connector, seen.ice_verdict), (Some(ConnectorId::local()), None));
    let pairs = seen.ice.pairs();
    assert_eq!(pairs.first().map(|pair| pair.state), Some(heliograph::stats::PairState::InUse), "{pairs:?}");
}

#[test]
fn why_a_viewer_is_not_connected_is_told_within_ten_seconds() {
    let Some(network) = Network::lay() else { return };
    network.add_address(NOWHERE);
    let mut station = SmallStation::start();
    let [silent, far] = ["Silent", "Far"].map(|name| station.add(name, |_| {}));
    let _strangers = [Stranger::watch(&station, &silent, None), Stranger::watch(&station, &far, Some(NOWHERE))];
    // However long the feeds take to start: both do at once.
    let began = station.wait("the session", &far, |event| viewer(event).map(|_| Instant::now()));
    // The one session ends by it, the other stays.
    for (feed, words) in [
        (far, "The far side offered only private addresses of another network. No TURN server is set"),
        (silent, "has not answered the offer"),
    ] {
        let told = station.wait("a verdict", &feed, verdict);
        assert!(began.elapsed() <= VERDICT_WITHIN, "it took {:?}", began.elapsed());
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn a_turn_server_that_is_not_there_is_told_of() {
    let mut station = SmallStation::start();
    let mut config = Config::default();
    config.server.transport.relay_only = true;
    // Nobody listens there.
    config.server.transport.ice.servers = vec!["turn:me@127.0.0.1:9?transport=tcp".parse().unwrap()];
    station.station.configure(&config);
    let feed = station.add("Bow", |_| {});
    let _peer = Peer::watch(&station.server, &feed);
    let began = station.wait("the session", &feed, |event| viewer(event).map(|_| Instant::now()));
    let told = station.wait("a verdict", &feed, verdict);
    assert!(began.elapsed() <= VERDICT_WITHIN, "it took {:?}", began.elapsed());
    assert!(told.contains("Only a TURN server may be used, and it gave no address"), "{told}");
}

#[test]
fn a_turn_server_that_only_the_service_named_is_told_of_as_such() {
    let mut station = SmallStation::start();
    let endpoint = station.block_on(endpoint());
    let connector = ConnectorConfig::from_line(&format!("media=whip,address=http://{endpoint}/"), FORMS).unwrap();
    station.block_on(async { station.station.connect(&[connector]) });
    let feed = station.add("Bow", |_| {});
    let there = station.wait("the endpoint's answer", &feed, |event| match event {
        FeedEvent::Connector { state: Some(ConnectorState::Ready { set_up }), .. } => Some(set_up.clone()),
        _ => None,
    });
    let asked: Vec<_> = there.before.iter().map(|step| step.name.as_ref()).collect();
    assert_eq!((asked, there.signalling.is_some()), (vec!["OPTIONS"], true), "{there:?}");
    let told = station.wait("a verdict", &feed, verdict);
    assert!(told.contains("The TURN server that the service named gave no address"), "{told}");
}

/// A WHIP endpoint with a TURN server where nobody listens, and an address that only its own network knows.
async fn endpoint() -> SocketAddr {
    const TURN: &str = r#"<turn:127.0.0.1:9?transport=tcp>; rel="ice-server"; username="me"; credential="x""#;
    let links = async || (StatusCode::NO_CONTENT, [(LINK, TURN)]);
    let publish = async |offer: String| {
        let headers = [(LOCATION, "/session/1"), (CONTENT_TYPE, "application/sdp")];
        (StatusCode::CREATED, headers, answer(&offer, "0b1a.local"))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().route("/", options(links).post(publish));
    tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
    address
}

/// Somebody who asks for the picture, and answers with an address that nobody reaches, or not at all.
struct Stranger(JoinHandle<()>);

impl Stranger {
    fn watch(station: &SmallStation, feed: &FeedId, address: Option<&'static str>) -> Self {
        let (listen, feed) = (station.server.address(), feed.to_string());
        Self(station.handle().spawn(async move {
            let stream = TcpStream::connect(listen).await.unwrap();
            let (mut socket, _) = client_async(format!("ws://{listen}/signalling"), stream).await.unwrap();
            say(&mut socket, &json!({ "type": "startSession", "peerId": feed })).await;
            while let Some(Ok(message)) = socket.next().await {
                let Message::Text(text) = message else { continue };
                let message: Value = serde_json::from_str(&text).unwrap();
                if let (Some(offer), Some(address)) = (message["sdp"]["sdp"].as_str(), address) {
                    let sdp = json!({ "type": "answer", "sdp": answer(offer, address) });
                    say(&mut socket, &json!({ "type": "peer", "sessionId": message["sessionId"], "sdp": sdp })).await;
                }
            }
        }))
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn say(socket: &mut WebSocketStream<TcpStream>, message: &Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

/// An answer that takes all of an offer, from somebody at this address.
fn answer(offer: &str, address: &str) -> String {
    let mut lines = Vec::new();
    for line in offer.lines() {
        match line {
            _ if line.starts_with("a=candidate") || line.starts_with("a=ssrc") || line.starts_with("a=msid") => {}
            "a=setup:actpass" => lines.push("a=setup:active".to_owned()),
            "a=sendonly" => lines.push("a=recvonly".to_owned()),
            _ if line.starts_with("a=ice-ufrag:") => lines.push("a=ice-ufrag:somebody".to_owned()),
            _ if line.starts_with("a=ice-pwd:") => {
                lines.push("a=ice-pwd:somebodysomebodysomebody".to_owned());
                lines.push(format!("a=candidate:1 1 UDP 2015363327 {address} 40000 typ host"));
            }
            line => lines.push(line.to_owned()),
        }
    }
    lines.join("\r\n") + "\r\n"
}
