//! Feeds as GstWebRTCApp's agents, recorder and controller know them: each as one of its connectors.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};

use crate::{
    channels::Payload,
    config::{
        AgentConfig, AgentKind, ChangedBy, FeedConfig, FeedId, GstWebRtcAppTopics, Importance, InForce, Preset,
        SetpointChange, ShareConfig, ShareState,
    },
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
    /// Feeds that the controller knows a person to have taken over.
    manual: BTreeSet<FeedId>,
    /// The bitrate for which each feed's size and rate were chosen last, in kbit/s.
    tuned: BTreeMap<FeedId, u32>,
}

impl Guest {
    pub(super) fn new(engine: Engine, outbox: Arc<Outbox>, topics: GstWebRtcAppTopics) -> Self {
        let run = format!("{:08x}", rand::random::<u32>());
        let (running, manual, tuned) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        Self { engine, outbox, topics, run, running, manual, tuned }
    }

    /// A feed's actions come under its name, and behind the prefix where there is one: there its
    /// programs send them.
    pub(super) fn subscriptions(&self) -> Vec<String> {
        let mut topics = vec!["+/actions".to_owned()];
        if !self.topics.prefix.is_empty() {
            topics.push(format!("{}/+/actions", self.topics.prefix));
        }
        if self.topics.control {
            let heard = [&self.topics.controller, &self.topics.aggregation];
            topics.extend(heard.into_iter().filter(|topic| !topic.is_empty()).cloned());
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
            _ => self.went_off(feed),
        }
        self.tune(feed, &snapshot.in_force);
        let is_manual = snapshot.agent.as_ref().is_some_and(|agent| agent.is_overtaken);
        if is_manual != self.manual.contains(feed) {
            self.tell_manual(feed, is_manual);
        }
    }

    pub(super) fn removed(&mut self, feed: &FeedId) {
        self.went_off(feed);
        self.manual.remove(feed);
        self.tuned.remove(feed);
    }

    fn went_off(&mut self, feed: &FeedId) {
        if self.running.remove(feed) {
            self.notify(feed, &json!({ "off": false }));
        }
    }

    fn tell_manual(&mut self, feed: &FeedId, is_manual: bool) {
        if is_manual {
            self.manual.insert(feed.clone());
        } else {
            self.manual.remove(feed);
        }
        self.notify(feed, &json!({ "manual": is_manual }));
    }

    /// Another bitrate brings the size and the frames per second of its preset along, where that is
    /// wanted. Our own agents choose them by themselves.
    fn tune(&mut self, feed: &FeedId, InForce { setpoint, by }: &InForce) {
        let before = self.tuned.insert(feed.clone(), setpoint.bitrate_kbps);
        let is_ours = matches!(by, ChangedBy::Agent(name) if AgentKind::ALL.iter().any(|kind| kind.key() == name));
        if !self.topics.preset_tuning || is_ours || before.is_none_or(|kbps| kbps == setpoint.bitrate_kbps) {
            return;
        }
        let preset = Preset::within(setpoint.bitrate_kbps).unwrap_or(&Preset::ALL[0]);
        let change = SetpointChange { bitrate_kbps: None, ..preset.change() };
        self.command(feed, FeedCommand::Apply { change, by: by.clone() });
    }

    fn command(&self, feed: &FeedId, command: FeedCommand) {
        if let Err(error) = self.engine.command(feed, command) {
            tracing::debug!(%feed, "{error}");
        }
    }

    /// We go.
    pub(super) fn end(&mut self) {
        for feed in self.running.clone() {
            self.went_off(&feed);
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
            // What we say there ourselves is for others.
            if !envelope.id.ends_with(&self.run) {
                for command in controller_commands(&envelope.msg) {
                    self.control(command, &by);
                }
            }
        } else if self.topics.control && message.topic == self.topics.aggregation {
            self.aggregate(&envelope);
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

    /// An agent asks for its feed, which it is called after: what it asks for is shared out.
    fn aggregate(&mut self, envelope: &Envelope) {
        let Ok(feed) = envelope.sender().parse::<FeedId>() else { return };
        let by = ChangedBy::Agent(feed.to_string());
        for action in actions(&envelope.msg).0 {
            self.act(&feed, &action, &by);
        }
    }

    fn act(&mut self, feed: &FeedId, action: &Action, by: &ChangedBy) {
        let Some(snapshot) = self.engine.feed(feed) else { return };
        let apply = |change| FeedCommand::Apply { change, by: by.clone() };
        let command = match action {
            Action::Change(change) => {
                let now = snapshot.in_force.setpoint.bitrate_kbps;
                // What is shared out is another thing than what is in force.
                let is_asked = *by != ChangedBy::Person && self.is_allocated(feed);
                if !is_asked && change.bitrate_kbps.is_some_and(|new| !worth_applying(now, new)) {
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
            Action::Switch(agent) => return self.switch(feed, agent, snapshot.config.agent),
            Action::ReloadAgent(name) => return self.reload(feed, name, snapshot.config.agent),
        };
        self.command(feed, command);
    }

    fn is_allocated(&self, feed: &FeedId) -> bool {
        self.engine.control().of(feed).is_some_and(|share| share.state == ShareState::Allocated)
    }

    /// Its safe agent is ours; its learned ones act from elsewhere, by their messages. It has a person
    /// take over by the same word.
    fn switch(&mut self, feed: &FeedId, agent: &str, before: AgentConfig) {
        if agent == "man" {
            return self.command(feed, FeedCommand::Overtake { limit: None });
        }
        if agent == "sd" {
            tracing::info!(%feed, "There is no safety detector of GstWebRTCApp's here: the safe agent acts.");
        }
        let kind = if agent == "drl" { AgentKind::Manual } else { AgentKind::Gcc };
        self.command(feed, FeedCommand::SetAgent { agent: AgentConfig { kind, is_passive: false, ..before } });
        self.command(feed, FeedCommand::GiveBack);
        self.tell_manual(feed, false);
    }

    /// Has an agent of ours begin anew, without a warm-up.
    fn reload(&self, feed: &FeedId, name: &str, agent: AgentConfig) {
        if !name.is_empty() && agent.kind.key().starts_with(name) {
            let stopped = AgentConfig { kind: AgentKind::Manual, ..agent };
            self.command(feed, FeedCommand::SetAgent { agent: stopped });
            self.command(feed, FeedCommand::SetAgent { agent });
        }
    }

    fn control(&mut self, command: ControllerCommand, by: &ChangedBy) {
        match command {
            ControllerCommand::Forward(feed, action) => self.act(&feed, &action, by),
            ControllerCommand::Weights(given) => self.weigh(&given),
            ControllerCommand::Limits { least, most } => self.limit(least, most),
            ControllerCommand::Manual(feed, true) => self.command(&feed, FeedCommand::Overtake { limit: None }),
            ControllerCommand::Manual(feed, false) => self.command(&feed, FeedCommand::GiveBack),
            ControllerCommand::Allocated(feed, is_allocated) => self.allocate(&feed, is_allocated),
        }
    }

    fn weigh(&self, given: &[(FeedId, f64)]) {
        let feeds: Vec<FeedConfig> = self.engine.feeds().into_iter().map(|feed| feed.config).collect();
        let known: Vec<&FeedId> = feeds.iter().map(|feed| &feed.id).collect();
        let Some(weights) = weights(given, &known) else {
            return tracing::warn!("Weights that add up to more than 1 are not taken.");
        };
        for feed in feeds {
            if let Some(importance) = weights.get(&feed.id) {
                let share = ShareConfig { importance: *importance, ..feed.share };
                self.command(&feed.id, FeedCommand::SetShare { share });
            }
        }
    }

    /// Limits are those of all feeds.
    fn limit(&self, least: Option<u32>, most: u32) {
        let (lowest, highest) = FeedConfig::BITRATE_KBPS.into_inner();
        let most_kbps = most.clamp(lowest, highest);
        for FeedConfig { id, agent, .. } in self.engine.feeds().into_iter().map(|feed| feed.config) {
            let least_kbps = least.unwrap_or(agent.least_kbps).clamp(lowest, most_kbps);
            self.command(&id, FeedCommand::SetAgent { agent: AgentConfig { least_kbps, most_kbps, ..agent } });
        }
    }

    /// One feed always takes part.
    fn allocate(&self, feed: &FeedId, is_allocated: bool) {
        let feeds: Vec<FeedConfig> = self.engine.feeds().into_iter().map(|feed| feed.config).collect();
        let others = feeds.iter().filter(|other| other.id != *feed && !other.share.is_independent);
        if !is_allocated && others.count() == 0 {
            return tracing::warn!(%feed, "The last feed that takes part stays.");
        }
        if let Some(config) = feeds.iter().find(|config| config.id == *feed) {
            let share = ShareConfig { is_independent: !is_allocated, ..config.share };
            self.command(feed, FeedCommand::SetShare { share });
        }
    }
}

/// The importances that weights come to: those that are given, and what is left to 1 for the others. `None`
/// where there are more given than 1.
fn weights(given: &[(FeedId, f64)], known: &[&FeedId]) -> Option<BTreeMap<FeedId, Importance>> {
    let given: BTreeMap<&FeedId, f64> = given.iter().map(|(feed, weight)| (feed, *weight)).collect();
    let given: BTreeMap<&FeedId, f64> = given.into_iter().filter(|(feed, _)| known.contains(feed)).collect();
    let sum: f64 = given.values().sum();
    if sum > 1.0 + 1e-9 {
        return None;
    }
    let others = known.len() - given.len();
    let rest = if others > 0 { (1.0 - sum).max(0.0) / others as f64 } else { 0.0 };
    let weight = |feed: &&FeedId| given.get(*feed).copied().unwrap_or(rest);
    known.iter().map(|feed| Some(((*feed).clone(), Importance::try_from(weight(feed)).ok()?))).collect()
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
    fn weights_are_those_that_are_given_and_the_others_have_the_rest() {
        let [one, two, three]: [FeedId; 3] = ["video1", "video2", "video10"].map(|id| id.parse().unwrap());
        let known = [&one, &two, &three];
        let of = |given: &[(&FeedId, f64)]| {
            let given: Vec<_> = given.iter().map(|(feed, weight)| ((*feed).clone(), *weight)).collect();
            weights(&given, &known).map(|weights| known.map(|feed| weights[feed].value()))
        };
        assert_eq!(of(&[(&one, 0.7), (&two, 0.2), (&three, 0.1)]), Some([0.7, 0.2, 0.1]));
        assert_eq!(of(&[(&one, 0.5)]), Some([0.5, 0.25, 0.25]));
        assert_eq!(of(&[(&one, 0.7), (&two, 0.4)]), None);
        assert_eq!(of(&[(&one, -0.1)]), None);
        let stranger = "stern".parse().unwrap();
        assert_eq!(of(&[(&stranger, 0.9), (&one, 0.4)]), Some([0.4, 0.3, 0.3]));
    }

    #[test]
    fn people_and_agents_are_told_apart() {
        let envelope = |id: &str, source: &str| Envelope { id: id.into(), source: source.into(), msg: Value::Null };
        assert_eq!(by(&envelope("video1_9f3a01bc", "")), ChangedBy::Agent("video1".into()));
        for (id, source) in [("ui_commands", ""), ("x", "cmd-publish"), ("unknown", "unknown"), ("", "")] {
            assert_eq!(by(&envelope(id, source)), ChangedBy::Person, "{id} {source}");
        }
    }
}
