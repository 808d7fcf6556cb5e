//! What connectors of GstWebRTCApp tell: statistics and estimates, and to the controller that they come and go.

use std::{
    collections::BTreeMap,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

use super::{Key, Presence, Reader, RemoteState, Said, place, tidy};
use crate::{
    config::{GstWebRtcAppTopics, WatchConfig},
    i18n::gettext,
    mqtt::{
        Incoming,
        gstwebrtcapp::{Envelope, sample_of},
    },
    stats::RateMaker,
};

/// No dictionary of its own is larger, in bytes.
const LARGEST: usize = 256 * 1024;
/// The longest name of a feed.
const LONGEST_NAME: usize = 100;
/// Feeds of which something is remembered.
const MOST_FEEDS: usize = 256;

/// Reads its messages.
pub(super) struct Theirs {
    topics: GstWebRtcAppTopics,
    origin: String,
    feeds: BTreeMap<String, Known>,
}

#[derive(Default)]
struct Known {
    rates: RateMaker,
    estimate_kbps: Option<f64>,
    viewers: usize,
    is_told: bool,
}

impl Theirs {
    pub(super) fn new(config: &WatchConfig) -> Self {
        Self { topics: config.topics.clone(), origin: place(&config.broker.address), feeds: BTreeMap::new() }
    }

    fn topic(&self, feed: &str, what: &str) -> String {
        match self.topics.prefix.as_str() {
            "" => format!("{feed}/{what}"),
            prefix => format!("{prefix}/{feed}/{what}"),
        }
    }

    /// The feed of a topic that ends so, by its whole name.
    fn feed_of<'a>(&self, topic: &'a str) -> Option<(&'a str, &'a str)> {
        let rest = match self.topics.prefix.as_str() {
            "" => topic,
            prefix => topic.strip_prefix(prefix)?.strip_prefix('/')?,
        };
        rest.split_once('/').filter(|(feed, _)| (1..=LONGEST_NAME).contains(&feed.len()))
    }

    fn known(&mut self, feed: &str) -> Option<&mut Known> {
        if self.feeds.len() >= MOST_FEEDS && !self.feeds.contains_key(feed) {
            return None;
        }
        Some(self.feeds.entry(feed.to_owned()).or_default())
    }

    fn statistics(&mut self, feed: &str, said: &Value, now: Instant) -> Vec<Said> {
        let Some(mut sample) = sample_of(said) else { return Vec::new() };
        let origin = self.origin.clone();
        let Some(known) = self.known(feed) else { return Vec::new() };
        sample.time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        known.rates.complete(&mut sample, now);
        sample.rates.estimate_kbps = known.estimate_kbps;
        let viewers = sample.viewers.len();
        let is_news = !known.is_told || known.viewers != viewers;
        (known.is_told, known.viewers) = (true, viewers);
        let state = is_news.then(|| Said::State(key(feed), live(feed, origin, viewers)));
        state.into_iter().chain([Said::Sample(key(feed), Box::new(sample))]).collect()
    }

    /// `{"video1": {"on": "video1/actions"}}` when a feed has a viewer, and `{"off": …}` when it has none.
    fn notices(&mut self, said: &Value) -> Vec<Said> {
        let Some(feeds) = said.as_object() else { return Vec::new() };
        let ends = feeds.iter().filter(|(_, what)| what.get("off").is_some_and(|off| off == false));
        let ended: Vec<String> = ends.map(|(feed, _)| feed.clone()).collect();
        let mut said = Vec::new();
        for feed in ended {
            if let Some(known) = self.feeds.get_mut(&feed) {
                known.is_told = false;
                let off = RemoteState {
                    presence: Presence::Off,
                    sentence: gettext("It has no viewer."),
                    ..live(&feed, self.origin.clone(), 0)
                };
                said.push(Said::State(key(&feed), off));
            }
        }
        said
    }
}

impl Reader for Theirs {
    fn topics(&self) -> Vec<String> {
        let mut topics = ["stats", "gcc"].map(|what| self.topic("+", what)).to_vec();
        if !self.topics.controller.is_empty() {
            topics.push(self.topics.controller.clone());
        }
        topics
    }

    fn read(&mut self, message: &Incoming, now: Instant) -> Vec<Said> {
        if message.retained || message.payload.len() > LARGEST {
            return Vec::new();
        }
        let Some(envelope) = Envelope::read(&message.payload) else { return Vec::new() };
        if message.topic == self.topics.controller {
            return self.notices(&envelope.msg);
        }
        match self.feed_of(&message.topic) {
            Some((feed, "stats")) => {
                let feed = feed.to_owned();
                self.statistics(&feed, &envelope.msg, now)
            }
            Some((feed, "gcc")) => {
                let feed = feed.to_owned();
                if let Some(known) = self.known(&feed) {
                    known.estimate_kbps = bits(&envelope.msg).map(|bits| bits / 1000.0);
                }
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}

fn key(feed: &str) -> Key {
    (String::new(), feed.to_owned())
}

fn live(feed: &str, origin: String, viewers: usize) -> RemoteState {
    RemoteState {
        name: tidy(feed, LONGEST_NAME),
        origin,
        presence: Presence::Live,
        sentence: gettext("It tells its statistics."),
        viewers,
        ..RemoteState::default()
    }
}

/// An estimate is a number in a text.
fn bits(said: &Value) -> Option<f64> {
    let number = said.as_f64().or_else(|| said.as_str()?.parse().ok())?;
    Some(number).filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::ExternalBroker;

    #[test]
    fn feeds_come_with_their_statistics_and_go_by_the_controllers_topic() {
        let mut config = WatchConfig::at(ExternalBroker::at("mqtt://192.0.2.9:1883".parse().unwrap()));
        config.topics.prefix = "fleet".into();
        let mut theirs = Theirs::new(&config);
        assert_eq!(theirs.topics(), ["fleet/+/stats", "fleet/+/gcc", "internal/controller"]);
        let mut read = |topic: &str, said: &Value| {
            let payload = Envelope::write("connector_video1_9f3a01bc", said);
            let message = Incoming { topic: topic.into(), payload, ..Incoming::default() };
            theirs.read(&message, Instant::now())
        };
        assert!(read("fleet/video1/gcc", &json!("2148000")).is_empty());
        let outbound = json!({ "rtp-outbound-stream-stats_7": { "ssrc": 7, "clock-rate": 90_000, "packets-sent": 1 } });
        let said = read("fleet/video1/stats", &outbound);
        let [Said::State(key, state), Said::Sample(_, sample)] = said.as_slice() else {
            panic!("a feed and its figures")
        };
        assert_eq!((key.1.as_str(), state.viewers, state.origin.as_str()), ("video1", 1, "192.0.2.9:1883"));
        assert_eq!(sample.rates.estimate_kbps, Some(2148.0));
        assert!(matches!(read("fleet/video1/stats", &outbound).as_slice(), [Said::Sample(..)]), "no news");
        assert!(read("video1/stats", &outbound).is_empty(), "without the prefix it is somebody else's");
        let off = read("internal/controller", &json!({ "video1": { "off": false }, "other": { "off": false } }));
        assert!(matches!(off.as_slice(), [Said::State(_, state)] if state.presence == Presence::Off));
    }
}
