//! Feeds as GstWebRTCApp's agents, recorder and controller know them: each as one of its connectors.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use crate::{
    channels::Payload,
    config::{ChangedBy, FeedId, GstWebRtcAppTopics},
    engine::{Engine, FeedCommand, FeedSnapshot, FeedState},
    mqtt::{
        Incoming, Outbox, Outgoing,
        gstwebrtcapp::{Action, ControllerCommand, Envelope, actions, controller_commands, dictionary, worth_applying},
    },
    stats::FeedSample,
};

/// What programs that are no agents call themselves.
const PEOPLE: [&str; 2] = ["ui_commands", "cmd-publish"];

/// Speaks as GstWebRTCApp's connectors do.
pub(super) struct Guest {
    engine: Engine,
    outbox: Arc<Outbox>,
    topics: GstWebRtcAppTopics,
    /// Eight hexadecimal digits that tell this run's messages from others'.
    run: String,
    /// Feeds that the controller takes for running.
    running: BTreeSet<FeedId>,
}

impl Guest {
    pub(super) fn new(engine: Engine, outbox: Arc<Outbox>, topics: GstWebRtcAppTopics) -> Self {
        let run = format!("{:08x}", rand::random::<u32>());
        Self { engine, outbox, topics, run, running: BTreeSet::new() }
    }

    /// A feed's actions come under its name, and behind the prefix where there is one: there its
    /// programs send them.
    pub(super) fn subscriptions(&self) -> Vec<String> {
        let mut topics = vec!["+/actions".to_owned()];
        if !self.topics.prefix.is_empty() {
            topics.push(format!("{}/+/actions", self.topics.prefix));
        }
        if self.topics.control && !self.topics.controller.is_empty() {
            topics.push(self.topics.controller.clone());
        }
        topics
    }

    /// Tells the controller when a feed begins and ends: when it has both pictures and viewers, as its
    /// connectors run. One that is away is out of the allocation, or the others would wait for it for ever.
    pub(super) fn state(&mut self, snapshot: &FeedSnapshot) {
        let feed = &snapshot.config.id;
        match snapshot.state {
            FeedState::Live { .. } if snapshot.viewers > 0 => {
                if self.running.insert(feed.clone()) {
                    self.notify(feed, &json!({ "on": format!("{feed}/actions") }));
                }
            }
            FeedState::Stalled { .. } if snapshot.viewers > 0 => {}
            _ => self.removed(feed),
        }
    }

    pub(super) fn removed(&mut self, feed: &FeedId) {
        if self.running.remove(feed) {
            self.notify(feed, &json!({ "off": false }));
        }
    }

    /// We go.
    pub(super) fn end(&mut self) {
        for feed in self.running.clone() {
            self.removed(&feed);
        }
    }

    fn notify(&self, feed: &FeedId, what: &Value) {
        if self.topics.controller.is_empty() {
            return;
        }
        let payload = Envelope::write(&self.name_of(feed), &json!({ feed.as_str(): what }));
        self.outbox.answer(Outgoing { topic: self.topics.controller.clone(), payload, ..Outgoing::default() });
    }

    pub(super) fn sample(&mut self, feed: &FeedId, sample: &FeedSample) {
        let name = self.name_of(feed);
        if let Some(kbps) = sample.rates.estimate_kbps {
            let estimate = format!("{:.0}", kbps * 1000.0);
            self.outbox.latest(self.topic(feed, "gcc"), Envelope::write(&name, &Value::String(estimate)));
        }
        // Without a viewer there is nothing in it, and its connectors do not run.
        if !sample.viewers.is_empty() {
            self.outbox.latest(self.topic(feed, "stats"), Envelope::write(&name, &dictionary(sample)));
        }
    }

    fn topic(&self, feed: &FeedId, what: &str) -> String {
        match self.topics.prefix.as_str() {
            "" => format!("{feed}/{what}"),
            prefix => format!("{prefix}/{feed}/{what}"),
        }
    }

    fn name_of(&self, feed: &FeedId) -> String {
        format!("connector_{feed}_{}", self.run)
    }

    pub(super) fn message(&mut self, message: &Incoming) {
        if message.retained {
            return;
        }
        let Some(envelope) = Envelope::read(&message.payload) else {
            tracing::debug!("A message of GstWebRTCApp's is no JSON; it is passed over.");
            return;
        };
        let by = by(&envelope);
        if self.topics.control && message.topic == self.topics.controller {
            for command in controller_commands(&envelope.msg) {
                self.control(command, &by);
            }
        } else if let Some(feed) = self.feed_of(&message.topic) {
            let (asked, others) = actions(&envelope.msg);
            if !others.is_empty() {
                tracing::debug!(%feed, "Actions that are not understood: {}.", others.join(", "));
            }
            for action in asked {
                self.act(&feed, &action, &by);
            }
        }
    }

    /// The feed whose actions these are, by its whole name.
    fn feed_of(&self, topic: &str) -> Option<FeedId> {
        let name = topic.strip_suffix("/actions")?;
        let name = match self.topics.prefix.as_str() {
            "" => name,
            prefix => name.strip_prefix(prefix).and_then(|name| name.strip_prefix('/')).unwrap_or(name),
        };
        let feed = name.parse().ok()?;
        self.engine.feed(&feed).map(|_| feed)
    }

    fn act(&self, feed: &FeedId, action: &Action, by: &ChangedBy) {
        let Some(snapshot) = self.engine.feed(feed) else { return };
        let apply = |change| FeedCommand::Apply { change, by: by.clone() };
        let command = match action {
            Action::Change(change) => {
                let now = snapshot.in_force.setpoint.bitrate_kbps;
                if change.bitrate_kbps.is_some_and(|new| !worth_applying(now, new)) {
                    return;
                }
                apply(*change)
            }
            Action::Preset(change) => apply(*change),
            Action::Off => FeedCommand::Stop,
            Action::SendOnChannel { name, msg } => {
                let payload = Payload::Text(json!({ "feed_name": feed, "msg": msg }).to_string());
                FeedCommand::SendData { channel: name.clone(), session: None, payload }
            }
            Action::Switch(_) | Action::ReloadAgent(_) => {
                tracing::debug!(%feed, "An action of GstWebRTCApp's has no counterpart here.");
                return;
            }
        };
        if let Err(error) = self.engine.command(feed, command) {
            tracing::debug!(%feed, "{error}");
        }
    }

    fn control(&self, command: ControllerCommand, by: &ChangedBy) {
        match command {
            ControllerCommand::Forward(feed, action) => self.act(&feed, &action, by),
            ControllerCommand::Weights(_)
            | ControllerCommand::Limits { .. }
            | ControllerCommand::Manual(..)
            | ControllerCommand::Allocated(..) => {
                tracing::debug!("A command for GstWebRTCApp's controller has no counterpart here.");
            }
        }
    }
}

/// Who asks: an agent, unless it says that it is none.
fn by(envelope: &Envelope) -> ChangedBy {
    let sender = envelope.sender();
    if sender == "unknown"
        || sender.is_empty()
        || PEOPLE.iter().any(|person| sender == *person || envelope.source == *person)
    {
        return ChangedBy::Person;
    }
    ChangedBy::Agent(sender.chars().filter(|c| !c.is_control()).take(64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_agents_are_told_apart() {
        let envelope = |id: &str, source: &str| Envelope { id: id.into(), source: source.into(), msg: Value::Null };
        assert_eq!(by(&envelope("video1_9f3a01bc", "")), ChangedBy::Agent("video1".into()));
        for (id, source) in [("ui_commands", ""), ("x", "cmd-publish"), ("unknown", "unknown"), ("", "")] {
            assert_eq!(by(&envelope(id, source)), ChangedBy::Person, "{id} {source}");
        }
    }
}
