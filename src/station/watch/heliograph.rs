//! What other Heliographs tell.

use std::time::Instant;

use super::{
    super::remote::reports::{FeedReport, InstanceState, LARGEST_REPORT, StatsReport},
    Key, Presence, Reader, RemoteState, Said, tidy,
};
use crate::{
    config::{FeedId, WatchConfig},
    i18n::gettext_f,
    mqtt::Incoming,
};

/// Reads our own messages.
pub(super) struct Ours {
    /// Who is watched; nobody named: everybody.
    instances: Vec<FeedId>,
    /// Who is not, for its feeds are here.
    own: Option<FeedId>,
}

impl Ours {
    pub(super) fn new(config: &WatchConfig, own: Option<&FeedId>) -> Self {
        Self { instances: config.instances.clone(), own: own.cloned() }
    }

    /// The program and the rest of a topic, if it is one that is watched.
    fn watched<'a>(&self, topic: &'a str) -> Option<(FeedId, &'a str)> {
        let (instance, rest) = topic.strip_prefix("heliograph/")?.split_once('/')?;
        let instance: FeedId = instance.parse().ok()?;
        let is_wanted = self.instances.is_empty() || self.instances.contains(&instance);
        (is_wanted && self.own.as_ref() != Some(&instance)).then_some((instance, rest))
    }
}

impl Reader for Ours {
    fn topics(&self) -> Vec<String> {
        let everybody = [String::from("+")];
        let named: Vec<String> = self.instances.iter().map(ToString::to_string).collect();
        let instances = if named.is_empty() { everybody.to_vec() } else { named };
        let topics = |instance: String| {
            ["state", "feeds/+/state", "feeds/+/stats"].map(|what| format!("heliograph/{instance}/{what}"))
        };
        instances.into_iter().flat_map(topics).collect()
    }

    fn read(&mut self, message: &Incoming, _: Instant) -> Vec<Said> {
        let Some((instance, rest)) = self.watched(&message.topic) else { return Vec::new() };
        if message.payload.len() > LARGEST_REPORT {
            return Vec::new();
        }
        said(instance.as_str(), rest, &message.payload).into_iter().collect()
    }
}

fn said(instance: &str, rest: &str, payload: &[u8]) -> Option<Said> {
    let words: Vec<&str> = rest.split('/').collect();
    match words[..] {
        ["state"] => {
            let state: InstanceState = serde_json::from_slice(payload).ok()?;
            Some(Said::Program(instance.to_owned(), state.online))
        }
        ["feeds", feed, "state"] if payload.is_empty() => Some(Said::Gone(key(instance, feed)?)),
        ["feeds", feed, "state"] => {
            let report: FeedReport = serde_json::from_slice(payload).ok()?;
            Some(Said::State(key(instance, feed)?, state(instance, &report)))
        }
        ["feeds", feed, "stats"] => {
            let report: StatsReport = serde_json::from_slice(payload).ok()?;
            Some(Said::Sample(key(instance, feed)?, Box::new(report.sample)))
        }
        _ => None,
    }
}

fn key(instance: &str, feed: &str) -> Option<Key> {
    let feed: FeedId = feed.parse().ok()?;
    Some((instance.to_owned(), feed.to_string()))
}

fn state(instance: &str, report: &FeedReport) -> RemoteState {
    let picture = report.picture.as_ref().map(|picture| {
        let size = format!("{}×{}", picture.width, picture.height);
        // Translators: what a camera sends, such as "1280×720, H.264".
        gettext_f("{size}, {codec}", &[("size", &size), ("codec", &tidy(&picture.codec, 20))])
    });
    RemoteState {
        name: tidy(&report.name, 100),
        origin: instance.to_owned(),
        presence: match report.state.as_str() {
            "live" => Presence::Live,
            "connecting" => Presence::Connecting,
            "stalled" | "backoff" | "failed" => Presence::Trouble,
            _ => Presence::Off,
        },
        sentence: tidy(&report.sentence, 500),
        picture: picture.unwrap_or_default(),
        viewers: report.viewers,
        is_recorded: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ExternalBroker;

    fn read(ours: &mut Ours, topic: &str, payload: &str) -> Vec<Said> {
        let message = Incoming { topic: topic.into(), payload: payload.into(), ..Incoming::default() };
        ours.read(&message, Instant::now())
    }

    #[test]
    fn only_those_who_are_wanted_are_heard_and_never_ourselves() {
        let mut config = WatchConfig::at(ExternalBroker::at("mqtt://h".parse().unwrap()));
        let online = r#"{"v":1,"online":true}"#;
        let own: FeedId = "me".parse().unwrap();
        let mut everybody = Ours::new(&config, Some(&own));
        assert_eq!(everybody.topics()[1], "heliograph/+/feeds/+/state");
        assert_eq!(read(&mut everybody, "heliograph/boat/state", online).len(), 1);
        assert!(read(&mut everybody, "heliograph/me/state", online).is_empty());
        config.instances.push("quay".parse().unwrap());
        let mut one = Ours::new(&config, None);
        assert!(one.topics().iter().all(|topic| topic.starts_with("heliograph/quay/")));
        assert!(read(&mut one, "heliograph/boat/state", online).is_empty());
    }

    #[test]
    fn what_is_no_report_says_nothing() {
        let mut ours = Ours::new(&WatchConfig::at(ExternalBroker::at("mqtt://h".parse().unwrap())), None);
        for (topic, payload) in [
            ("heliograph/boat/state", "online"),
            ("heliograph/boat/feeds/bow/state", "{}"),
            ("heliograph/boat/feeds/../state", ""),
            ("heliograph/boat/feeds/bow/stats", "[]"),
            ("heliograph/boat/feeds/bow/command", "{}"),
            ("elsewhere", "{}"),
        ] {
            assert!(read(&mut ours, topic, payload).is_empty(), "{topic} {payload}");
        }
        let long = " ".repeat(LARGEST_REPORT) + r#"{"v":1,"online":true}"#;
        assert!(read(&mut ours, "heliograph/boat/state", &long).is_empty());
    }
}
