//! Plays: somebody looks at a feed, from the start to the stop.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::{Value, json};
use tokio::{task::spawn_blocking, time::sleep};

use super::{Shared, uuid, viewer::Viewer};

/// How long a connector may take for a reply; the same for each of the two.
const REPLY_WITHIN: Duration = Duration::from_secs(3);
/// Plays that ended are shown for so long that they can be read.
const MAX_ENDED: usize = 5;

/// Somebody who looks, or wants to.
pub(super) struct Play {
    number: u64,
    codec: String,
    start: String,
    offer: String,
    state: PlayState,
    reason: Option<String>,
    asked: Instant,
    reply_took: Option<Duration>,
    viewer: Option<Arc<Viewer>>,
}

/// How far a play is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlayState {
    /// The feed was asked to start.
    Asked,
    /// It was made an offer.
    Offered,
    /// It has answered.
    Answered,
    /// It refused, or said something wrong, or nothing.
    Failed,
    /// It was stopped.
    Ended,
}

/// A play, to be shown.
#[derive(Clone, Debug, Serialize)]
pub struct PlayView {
    /// Its number.
    pub number: u64,
    /// How far it is.
    pub state: PlayState,
    /// Why it failed.
    pub reason: Option<String>,
    /// Pictures that were decoded.
    pub frames: u64,
    /// How long the answer to the offer took, or the refusal, in seconds.
    pub reply_took: Option<f64>,
}

impl Play {
    pub(super) fn view(&self) -> PlayView {
        PlayView {
            number: self.number,
            state: self.state,
            reason: self.reason.clone(),
            frames: self.viewer.as_ref().map_or(0, |viewer| viewer.frames()),
            reply_took: self.reply_took.map(|took| took.as_secs_f64()),
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.state, PlayState::Failed | PlayState::Ended)
    }

    fn end(&mut self, state: PlayState, reason: Option<String>) {
        (self.state, self.reason, self.viewer) = (state, reason, None);
    }
}

impl Shared {
    pub(super) fn play(self: &Arc<Self>, feed: &str, codec: Option<&str>) -> Result<u64, String> {
        let mut feeds = self.feeds();
        let attached = feeds.get_mut(feed).filter(|attached| attached.is_open);
        let attached = attached.ok_or_else(|| format!("“{feed}” is not attached."))?;
        let over = attached.plays.iter().filter(|play| play.is_over()).count();
        let mut drop_first = over.saturating_sub(MAX_ENDED);
        attached.plays.retain(|play| {
            let goes = play.is_over() && drop_first > 0;
            drop_first -= usize::from(goes);
            !goes
        });
        let number = attached.plays.last().map_or(1, |play| play.number + 1);
        let play = Play {
            number,
            codec: codec.unwrap_or(&attached.codec).to_owned(),
            start: uuid(),
            offer: uuid(),
            state: PlayState::Asked,
            reason: None,
            asked: Instant::now(),
            reply_took: None,
            viewer: None,
        };
        tracing::info!("Play {number} of “{feed}” is asked for.");
        let request = json!({ "streamStartRequest": { "uuid": play.start, "feedUuid": feed } });
        attached.say(request.to_string());
        attached.plays.push(play);
        drop(feeds);
        self.wait_for_reply(feed, number, PlayState::Asked);
        Ok(number)
    }

    pub(super) fn end_play(&self, feed: &str, number: u64) {
        let mut feeds = self.feeds();
        let Some(attached) = feeds.get_mut(feed) else { return };
        let others = attached.plays.iter().filter(|play| play.number != number && !play.is_over()).count();
        let Some(play) = attached.plays.iter_mut().find(|play| play.number == number && !play.is_over()) else {
            return;
        };
        play.end(PlayState::Ended, None);
        tracing::info!("Play {number} of “{feed}” is stopped.");
        let request = match others {
            0 => json!({ "streamStopRequest": { "feedUuid": feed } }),
            _ => json!({ "streamStopRequest": { "feedUuid": feed, "uuid": play.start } }),
        };
        attached.say(request.to_string());
    }

    /// Takes a connector's reply.
    pub(super) fn reply(self: &Arc<Self>, feed: &str, name: &str, content: &Value) {
        let taken = match name {
            "streamStartResponse" => self.started(feed, content),
            "sdpResponse" => self.answered(feed, content),
            _ => Err(format!("nobody asked for “{name}”.")),
        };
        if let Err(why) = taken {
            self.complain(format!("A reply of “{feed}” is refused: {why}"));
        }
    }

    fn started(self: &Arc<Self>, feed: &str, content: &Value) -> Result<(), String> {
        if content["feedUuid"].as_str() != Some(feed) {
            return Err("its “feedUuid” is not that of the request.".to_owned());
        }
        let success = content["success"].as_bool().ok_or("it has no “success”.")?;
        let uuid = content["uuid"].as_str().ok_or("it has no “uuid”.")?;
        let mut feeds = self.feeds();
        let play = feeds.get_mut(feed).and_then(|attached| attached.plays.iter_mut().find(|play| play.start == uuid));
        let play = play.ok_or("its “uuid” is of no start.")?;
        match play.state {
            PlayState::Asked => {}
            PlayState::Ended => return Ok(()),
            _ => return Err("that start had its reply.".to_owned()),
        }
        if !success {
            play.end(PlayState::Failed, content["reason"].as_str().map(str::to_owned));
            return Ok(());
        }
        play.state = PlayState::Offered;
        let (number, codec) = (play.number, play.codec.clone());
        drop(feeds);
        tokio::spawn(self.clone().offer(feed.to_owned(), number, codec));
        Ok(())
    }

    async fn offer(self: Arc<Self>, feed: String, number: u64, codec: String) {
        let made = spawn_blocking(move || Viewer::start(&codec)).await.ok().and_then(Result::ok);
        let offer = match &made {
            Some(viewer) => viewer.offer().await.ok(),
            None => None,
        };
        let mut feeds = self.feeds();
        let Some(attached) = feeds.get_mut(&feed) else { return };
        let Some(play) = attached.plays.iter_mut().find(|play| play.number == number && !play.is_over()) else {
            return;
        };
        let (Some(viewer), Some((sdp, candidates))) = (made, offer) else {
            return play.end(PlayState::Failed, Some("the stand-in cannot make an offer".to_owned()));
        };
        let candidates: Vec<Value> = candidates
            .into_iter()
            .map(|(line, candidate)| json!({ "candidate": candidate, "sdpMLineIndex": line, "sdpMid": line.to_string() }))
            .collect();
        (play.viewer, play.asked) = (Some(Arc::new(viewer)), Instant::now());
        let request = json!({ "sdpRequest": { "uuid": play.offer, "sdp": sdp, "candidates": candidates } });
        attached.say(request.to_string());
        drop(feeds);
        self.wait_for_reply(&feed, number, PlayState::Offered);
    }

    fn answered(self: &Arc<Self>, feed: &str, content: &Value) -> Result<(), String> {
        let success = content["success"].as_bool().ok_or("it has no “success”.")?;
        let uuid = content["uuid"].as_str().ok_or("it has no “uuid”.")?;
        let mut feeds = self.feeds();
        let play = feeds.get_mut(feed).and_then(|attached| attached.plays.iter_mut().find(|play| play.offer == uuid));
        let play = play.ok_or("its “uuid” is of no offer.")?;
        match play.state {
            PlayState::Offered => {}
            PlayState::Ended => return Ok(()),
            _ => return Err("that offer had its answer.".to_owned()),
        }
        play.reply_took = Some(play.asked.elapsed());
        let number = play.number;
        if !success {
            let reason = content["reason"].as_str().ok_or("it fails without a “reason”.")?;
            tracing::info!("Play {number} of “{feed}” is refused: {reason}");
            play.end(PlayState::Failed, Some(reason.to_owned()));
            return Ok(());
        }
        let answer = content["sdp"].as_str().ok_or("it has no “sdp”.")?.to_owned();
        let viewer = play.viewer.clone().ok_or("that offer has no viewer.")?;
        if let Err(why) = Viewer::check(&answer) {
            play.end(PlayState::Failed, Some(why.clone()));
            return Err(why);
        }
        play.state = PlayState::Answered;
        tracing::info!("Play {number} of “{feed}” is answered.");
        drop(feeds);
        let (shared, feed) = (self.clone(), feed.to_owned());
        tokio::spawn(async move {
            if viewer.accept(&answer).await.is_err() {
                shared.complain(format!("The answer to play {number} of “{feed}” cannot be used."));
            }
        });
        Ok(())
    }

    /// A connector that does not reply in time has failed.
    fn wait_for_reply(self: &Arc<Self>, feed: &str, number: u64, state: PlayState) {
        let (shared, feed) = (Arc::downgrade(self), feed.to_owned());
        tokio::spawn(async move {
            sleep(REPLY_WITHIN).await;
            let Some(shared) = shared.upgrade() else { return };
            let mut feeds = shared.feeds();
            let plays = feeds.get_mut(&feed).map(|attached| attached.plays.as_mut_slice()).unwrap_or_default();
            let late = plays.iter_mut().find(|play| play.number == number && play.state == state);
            let Some(late) = late else { return };
            // The offer takes a moment here, too.
            if late.asked.elapsed() >= REPLY_WITHIN {
                late.end(PlayState::Failed, Some("no reply within 3 s".to_owned()));
                drop(feeds);
                shared.complain(format!("“{feed}” does not reply to play {number} within 3 s."));
            }
        });
    }
}
