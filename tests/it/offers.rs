//! Viewers that make the offer.

use std::time::{Duration, Instant};

use heliograph::{
    config::FeedId,
    engine::{FeedCommand, FeedEvent, FeedState},
};
use serde_json::{Value, json};

use crate::support::{caller::Caller, peer::Peer, station::SmallStation};

/// So many come one after the other.
const OFFERS: usize = 15;
/// So often a feed is stopped.
const STOPS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(20);

/// An offer that takes H.264 in one form and nothing else.
fn offer() -> String {
    let fingerprint = ["AB"; 32].join(":");
    format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n\
         a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=recvonly\r\na=mid:0\r\na=rtcp-mux\r\n\
         a=setup:actpass\r\na=fingerprint:sha-256 {fingerprint}\r\na=ice-ufrag:abcd\r\n\
         a=ice-pwd:0123456789012345678901\r\n"
    )
}

/// Offers, and waits for the answer.
async fn answered(small: &SmallStation, feed: &FeedId) -> (Caller, String) {
    let mut caller = Caller::come(small.server.address()).await;
    caller.say(&json!({ "type": "startSession", "peerId": feed, "offer": offer() })).await;
    let answer = |said: &Value| (said["sdp"]["type"] == "answer").then(|| said["sdp"]["sdp"].to_string());
    let answer = caller.hear("an answer", answer).await;
    (caller, answer)
}

/// Each leaves as soon as it has its answer: webrtcsink is still putting its session together then.
#[test]
fn every_offer_is_answered_with_a_picture_and_nobody_is_stuck_where_viewers_leave_at_once() {
    let small = SmallStation::start();
    let feed = small.add("bow", |_| {});
    let peer = Peer::watch(&small.server, &feed);
    peer.wait_frames(5, PATIENCE);
    let mut without = Vec::new();
    let began = Instant::now();
    for _ in 0..OFFERS {
        let answer = small.block_on(answered(&small, &feed)).1;
        if answer.contains("m=video 0 ") || !answer.contains("a=sendonly") {
            without.push(answer);
        }
    }
    println!("measured: {:?} for each offer", began.elapsed() / u32::try_from(OFFERS).unwrap());
    assert!(without.is_empty(), "{} of {OFFERS} were answered without a picture: {without:?}", without.len());
    peer.wait_frames(5, PATIENCE);
}

/// The session that is still being put together then ends with all others.
#[test]
fn a_feed_can_be_stopped_as_its_viewer_is_answered() {
    let mut small = SmallStation::start();
    let feed = small.add("bow", |_| {});
    let is_live = |event: &FeedEvent| matches!(event, FeedEvent::State(FeedState::Live { .. })).then_some(());
    small.wait("the start", &feed, is_live);
    for _ in 0..STOPS {
        let _caller = small.block_on(answered(&small, &feed));
        small.command(&feed, FeedCommand::Stop);
        small.wait("the stop", &feed, |event| matches!(event, FeedEvent::State(FeedState::Stopped)).then_some(()));
        small.command(&feed, FeedCommand::Start);
        small.wait("the start", &feed, is_live);
    }
    Peer::watch(&small.server, &feed).wait_frames(5, PATIENCE);
}
