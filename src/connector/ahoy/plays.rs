//! What a Director plays: each play is one viewer of the feed, from its offer until it is stopped.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::timeout};

use super::messages::{Heard, Offered, Reply, Request, Response, Start, Stop, parse, payload};
use crate::{
    config::FeedId,
    connector::{
        client::{Line, Post},
        hub::{Answered, Guest, GuestEvent, Hub},
        sdp::{asking, both_ways},
    },
    i18n::gettext,
    webrtc::{IceAddresses, complete},
};

/// The Director is told by then that there is no answer; it waits for three seconds.
const ANSWER_WITHIN: Duration = Duration::from_millis(2500);
/// For how long after that a feed is still wanted.
const AWAKE_FOR: Duration = Duration::from_secs(10);
/// The most starts that wait for their offers; the oldest is given up for another.
const MAX_ARMED: usize = 64;
/// Candidates of the Director in one offer.
const MAX_CANDIDATES: usize = 256;

/// The plays of one feed. Dropping it ends them.
pub(super) struct Plays {
    hub: Arc<Hub>,
    feed: FeedId,
    line: Line,
    /// The uuids of starts whose offer has not come.
    armed: VecDeque<String>,
    running: Vec<Play>,
}

/// One viewer. Dropping it ends its session.
struct Play {
    start: String,
    offer: String,
    task: JoinHandle<()>,
}

impl Drop for Play {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Plays {
    /// No plays yet; replies go over this line.
    pub(super) fn new(post: &Post, line: Line) -> Self {
        let (hub, feed) = (post.hub.clone(), post.feed.clone());
        Self { hub, feed, line, armed: VecDeque::new(), running: Vec::new() }
    }

    /// Starts of a connection that is gone are not followed by an offer.
    pub(super) fn disarm(&mut self) {
        self.armed.clear();
    }

    /// Does what the Director asks for.
    pub(super) fn hear(&mut self, text: &str) {
        match parse(text) {
            Heard::Request(Request::Start(start)) => self.start(start),
            Heard::Request(Request::Offer(offered)) => self.play(offered),
            Heard::Request(Request::Stop(stop)) => self.stop(&stop),
            Heard::BadOffer { uuid } => {
                refuse(&self.line, &self.feed, uuid, gettext("The offer cannot be read."));
            }
            Heard::Nothing(why) => tracing::info!(feed = %self.feed, "A message of the Director is left out: {why}."),
        }
    }

    fn start(&mut self, start: Start) {
        if start.feed_uuid != self.feed.as_str() {
            return tracing::debug!(feed = %self.feed, "The Director asks for another feed here.");
        }
        let feed_uuid = Some(start.feed_uuid);
        let response = Response { success: true, uuid: start.uuid.clone(), feed_uuid, ..Response::default() };
        say(&self.line, &Reply::Start(response));
        self.armed.retain(|armed| *armed != start.uuid);
        if self.armed.len() == MAX_ARMED {
            self.armed.pop_front();
        }
        self.armed.push_back(start.uuid);
    }

    /// Each start is followed by one offer: the one of its uuid, or the next.
    fn play(&mut self, offered: Offered) {
        let at = self.armed.iter().position(|armed| *armed == offered.uuid);
        let Some(start) = self.armed.remove(at.unwrap_or(0)) else {
            let reason = gettext("No streamStartRequest was before this offer.");
            return refuse(&self.line, &self.feed, offered.uuid, reason);
        };
        let candidates: Vec<_> = offered
            .candidates
            .into_iter()
            .take(MAX_CANDIDATES)
            .map(|candidate| (candidate.line.unwrap_or(0), candidate.text))
            .collect();
        let offer = asking(&complete(&offered.sdp, &candidates));
        let (hub, feed, line, uuid) = (self.hub.clone(), self.feed.clone(), self.line.clone(), offered.uuid.clone());
        let task = tokio::spawn(async move { show(&hub, &feed, &line, &uuid, offer).await });
        self.running.retain(|play| !play.task.is_finished());
        self.running.push(Play { start, offer: offered.uuid, task });
    }

    fn stop(&mut self, stop: &Stop) {
        if stop.feed_uuid != self.feed.as_str() {
            return;
        }
        let is_meant = |play: &Play| stop.uuid.as_ref().is_some_and(|uuid| play.start == *uuid || play.offer == *uuid);
        let is_armed = |armed: &String| stop.uuid.as_ref() == Some(armed);
        if self.running.iter().any(is_meant) || self.armed.iter().any(is_armed) {
            self.running.retain(|play| !is_meant(play));
            self.armed.retain(|armed| !is_armed(armed));
        } else {
            self.running.clear();
            self.armed.clear();
        }
    }
}

/// One viewer, from its offer to its end.
async fn show(hub: &Arc<Hub>, feed: &FeedId, line: &Line, uuid: &str, offer: String) {
    let asked = Guest::ask(hub, feed.as_str(), None, &offer, &IceAddresses::default(), ANSWER_WITHIN).await;
    let mut guest = match asked {
        Ok(Answered::Shown(guest, answer)) => {
            let sdp = both_ways(&answer);
            let response = Response { success: true, uuid: uuid.to_owned(), sdp: Some(sdp), ..Response::default() };
            say(line, &Reply::Answer(response));
            guest
        }
        Ok(Answered::Never) => return refuse(line, feed, uuid.to_owned(), gettext("The offer cannot be answered.")),
        Ok(Answered::NotYet(mut guest)) => {
            // The sentence of the feed's state is that for people.
            let why = hub.feed_status(feed.as_str()).map(|status| status.text).unwrap_or_default();
            let reason = format!("{} {why}", gettext("There is no picture now."));
            refuse(line, feed, uuid.to_owned(), reason.trim().to_owned());
            // A feed that rested is on its way: who asks again finds it awake.
            let _ = timeout(AWAKE_FOR, guest.whole_answer()).await;
            return;
        }
        Err(refused) => return refuse(line, feed, uuid.to_owned(), refused.to_string()),
    };
    while !matches!(guest.next().await, Some(GuestEvent::Ended) | None) {}
}

fn refuse(line: &Line, feed: &FeedId, uuid: String, reason: String) {
    tracing::info!(%feed, "The Director is told why a play does not begin: {reason}");
    say(line, &Reply::Answer(Response { success: false, uuid, reason: Some(reason), ..Response::default() }));
}

fn say(line: &Line, reply: &Reply) {
    line.say(payload(reply));
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::sync::mpsc::UnboundedReceiver;

    use super::*;
    use crate::connector::client::Frame;

    fn plays() -> (Plays, UnboundedReceiver<Frame>) {
        let hub = Hub::new();
        let line = Line::default();
        let said = line.connect();
        let post = Post { hub, feed: FeedId::from_name("bow"), name: "Bow".to_owned(), tell: Arc::new(|_| {}) };
        (Plays::new(&post, line), said)
    }

    async fn next(said: &mut UnboundedReceiver<Frame>) -> Value {
        serde_json::from_str(&said.recv().await.unwrap().into_text().unwrap()).unwrap()
    }

    fn start(plays: &mut Plays, uuid: &str, feed: &str) {
        plays.hear(&json!({ "streamStartRequest": { "uuid": uuid, "feedUuid": feed } }).to_string());
    }

    fn offer(plays: &mut Plays, uuid: &str) {
        plays.hear(&json!({ "sdpRequest": { "uuid": uuid, "sdp": "v=0", "candidates": [] } }).to_string());
    }

    #[tokio::test]
    async fn each_start_is_followed_by_one_offer() {
        let (mut plays, mut said) = plays();
        offer(&mut plays, "early");
        let refused = &next(&mut said).await["sdpResponse"];
        assert_eq!((&refused["uuid"], &refused["success"]), (&json!("early"), &json!(false)));

        start(&mut plays, "one", "other");
        start(&mut plays, "one", "bow");
        let started = json!({ "streamStartResponse": { "success": true, "uuid": "one", "feedUuid": "bow" } });
        assert_eq!(next(&mut said).await, started, "only for the feed that is here");
        offer(&mut plays, "first");
        offer(&mut plays, "second");
        let mut reasons = Vec::new();
        for _ in 0..2 {
            let refused = next(&mut said).await["sdpResponse"].clone();
            reasons.push((refused["uuid"].clone(), refused["reason"].as_str().unwrap().to_owned()));
        }
        reasons.sort_by_key(|(uuid, _)| uuid.to_string());
        assert!(!reasons[0].1.contains("streamStartRequest"), "it was looked at: {reasons:?}");
        assert!(reasons[1].1.contains("No streamStartRequest"), "{reasons:?}");
    }

    #[tokio::test]
    async fn a_stop_means_the_play_that_it_names_or_all() {
        let (mut plays, mut said) = plays();
        let forever = |start: &str| Play {
            start: start.to_owned(),
            offer: format!("offer of {start}"),
            task: tokio::spawn(std::future::pending()),
        };
        plays.running = ["one", "two", "three"].map(forever).into();
        plays.armed.push_back("begins".to_owned());
        let mut stop = |content: Value| {
            plays.hear(&json!({ "streamStopRequest": content }).to_string());
            plays.running.iter().map(|play| play.start.clone()).collect::<Vec<_>>()
        };
        assert_eq!(stop(json!({ "feedUuid": "other" })).len(), 3);
        assert_eq!(stop(json!({ "feedUuid": "bow", "uuid": "one" })), ["two", "three"]);
        assert_eq!(stop(json!({ "feedUuid": "bow", "uuid": "begins" })), ["two", "three"]);
        assert_eq!(stop(json!({ "feedUuid": "bow", "uuid": "offer of three" })), ["two"]);
        assert_eq!(stop(json!({ "feedUuid": "bow" })), [""; 0]);
        assert!(said.try_recv().is_err(), "a stop has no reply");
    }
}
