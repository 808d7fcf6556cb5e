//! Between the engine's events and commands, and messages.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        mpsc::Receiver,
        watch,
    },
    time::{MissedTickBehavior, interval},
};

use super::{
    gstwebrtcapp::Guest,
    reports::{
        Action, ActionReport, ControlReport, DataReport, EstimateReport, FeedReport, InstanceState, RecordingReport,
        Reply, StatsReport, VERSION, ViewerReport, ViewersReport, json, name_of,
    },
    requests::{self, feed_list},
};
use crate::{
    channels::DataMessage,
    config::{FeedId, MqttConfig},
    engine::{Engine, EngineEvent, FeedEvent},
    mqtt::{FeedTopic, Inbox, Incoming, Outbox, Outgoing, Topics, Verdict, may_reply_to},
    stats::{FeedRates, FeedSample},
};

pub(super) struct Bridge {
    engine: Engine,
    events: broadcast::Receiver<EngineEvent>,
    data: broadcast::Receiver<DataMessage>,
    outbox: Arc<Outbox>,
    topics: Topics,
    inbox: Inbox,
    allow_add: bool,
    stats_every: Duration,
    /// Samples since statistics were sent last: the latest of each feed.
    samples: BTreeMap<FeedId, Box<FeedSample>>,
    /// Feeds whose state is told.
    told: BTreeSet<FeedId>,
    guest: Option<Guest>,
}

impl Bridge {
    pub(super) fn new(
        engine: Engine,
        outbox: Arc<Outbox>,
        topics: Topics,
        config: &MqttConfig,
        guest: Option<Guest>,
    ) -> Self {
        Self {
            events: engine.subscribe(),
            data: engine.subscribe_data(),
            engine,
            outbox,
            topics,
            inbox: Inbox::default(),
            allow_add: config.allow_add,
            stats_every: Duration::from_secs(1) / config.stats_hz,
            samples: BTreeMap::new(),
            told: BTreeSet::new(),
            guest,
        }
    }

    /// What the broker says when we are gone without a goodbye.
    pub(super) fn will(&self) -> (String, Vec<u8>) {
        (self.topics.state(), json(&gone()))
    }

    /// What we want to hear: requests, and the states of feeds, of which those that are no more have
    /// to be taken back.
    pub(super) fn subscriptions(&self) -> Vec<String> {
        let mut topics = self.topics.requests();
        topics.push(self.topics.states());
        topics.extend(self.guest.iter().flat_map(Guest::subscriptions));
        topics
    }

    /// Works until it is told to end, and tells that last.
    pub(super) async fn run(&mut self, mut incoming: Receiver<Incoming>, mut ended: watch::Receiver<bool>) {
        let mut beat = interval(self.stats_every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.tell_all();
        loop {
            tokio::select! {
                event = self.events.recv() => match event {
                    Ok(event) => self.event(&event),
                    Err(RecvError::Lagged(_)) => self.tell_all(),
                    Err(RecvError::Closed) => break,
                },
                // Whoever cannot keep up misses messages of viewers, as on the channel itself.
                Ok(said) = self.data.recv() => self.tell_data(said),
                Some(message) = incoming.recv() => self.message(&message).await,
                _ = beat.tick() => self.beat(),
                () = told_to_end(&mut ended) => break,
            }
        }
        if let Some(guest) = &mut self.guest {
            guest.end();
        }
        self.outbox.retain(self.topics.state(), json(&gone()));
    }

    // ---- what is told ----------------------------------------------------------

    fn tell_all(&mut self) {
        self.tell_instance();
        self.tell_list();
        self.tell_control();
        let feeds: Vec<FeedId> = self.engine.feeds().into_iter().map(|feed| feed.config.id).collect();
        for feed in &feeds {
            self.tell_state(feed);
        }
        let gone: Vec<FeedId> = self.told.iter().filter(|told| !feeds.contains(told)).cloned().collect();
        for feed in &gone {
            self.forget(feed);
        }
    }

    fn tell_instance(&self) {
        let state = InstanceState {
            v: VERSION,
            online: true,
            program: Some(env!("CARGO_PKG_VERSION").to_owned()),
            requests_refused: self.inbox.refused(),
            messages_dropped: self.outbox.dropped(),
        };
        self.outbox.retain(self.topics.state(), json(&state));
    }

    fn tell_control(&self) {
        let report = ControlReport { v: VERSION, control: self.engine.control() };
        self.outbox.retain(self.topics.control(), json(&report));
    }

    fn tell_list(&self) {
        self.outbox.retain(self.topics.feeds(), json(&feed_list(&self.engine)));
    }

    fn tell_state(&mut self, feed: &FeedId) {
        if let Some(snapshot) = self.engine.feed(feed) {
            self.outbox.retain(self.topics.feed(feed, FeedTopic::State), json(&FeedReport::of(&snapshot)));
            self.told.insert(feed.clone());
            if let Some(guest) = &mut self.guest {
                guest.state(&snapshot);
            }
        }
    }

    fn forget(&mut self, feed: &FeedId) {
        self.outbox.forget(&self.topics.feed(feed, FeedTopic::State));
        self.samples.remove(feed);
        self.told.remove(feed);
        if let Some(guest) = &mut self.guest {
            guest.removed(feed);
        }
    }

    fn event(&mut self, event: &EngineEvent) {
        match event {
            EngineEvent::Added { feed } => {
                self.tell_list();
                self.tell_state(feed);
            }
            EngineEvent::Removed { feed } => {
                self.tell_list();
                self.forget(feed);
            }
            EngineEvent::Control { .. } => self.tell_control(),
            EngineEvent::Feed { feed, event: FeedEvent::Stats(sample) } => {
                if let Some(guest) = &mut self.guest {
                    guest.sample(feed, sample);
                }
                self.samples.insert(feed.clone(), sample.clone());
            }
            EngineEvent::Feed { feed, event } => {
                if let Some(action) = action(event) {
                    let report = ActionReport { v: VERSION, feed: feed.clone(), action };
                    self.answer(self.topics.feed(feed, FeedTopic::Actions), json(&report), None);
                }
                if let FeedEvent::Viewers { count } = event {
                    self.tell_viewers(feed, *count, &[]);
                }
                self.tell_state(feed);
            }
        }
    }

    /// Statistics leave no oftener than this, however many samples come.
    fn beat(&mut self) {
        for (feed, sample) in std::mem::take(&mut self.samples) {
            let topic = |what| self.topics.feed(&feed, what);
            self.outbox.latest(topic(FeedTopic::Stats), StatsReport::payload(&feed, &sample));
            let FeedRates { estimate_kbps, estimate_basis: basis, .. } = sample.rates;
            let estimate = EstimateReport { v: VERSION, feed: feed.clone(), time: sample.time, estimate_kbps, basis };
            self.outbox.latest(topic(FeedTopic::Estimate), json(&estimate));
            self.tell_viewers(&feed, sample.viewers.len(), &ViewerReport::all(&sample.viewers));
        }
        self.tell_instance();
    }

    fn tell_viewers(&self, feed: &FeedId, count: usize, viewers: &[ViewerReport]) {
        let report = ViewersReport { v: VERSION, feed: feed.clone(), count, viewers: viewers.to_vec() };
        self.outbox.latest(self.topics.feed(feed, FeedTopic::Viewers), json(&report));
    }

    fn tell_data(&self, said: DataMessage) {
        let topic = self.topics.data(&said.feed, said.channel.as_ref());
        let DataMessage { feed, channel, session, viewer, payload } = said;
        let report = DataReport { v: VERSION, feed, channel: channel.to_string(), session, viewer, payload };
        self.answer(topic, json(&report), None);
    }

    // ---- what is asked ---------------------------------------------------------

    async fn message(&mut self, message: &Incoming) {
        if let Some(target) = self.topics.target(&message.topic) {
            // A broker that kept a request would have it obeyed at every connection.
            if message.retained || message.payload.is_empty() {
                self.inbox.count_refusal();
                return;
            }
            let payload = match self.inbox.look(message, VERSION) {
                Verdict::Again(answer) => answer,
                Verdict::Refuse(id, refusal) => json(&Reply::new(id, Err(refusal))),
                Verdict::Obey(request) => {
                    let id = request.id.clone();
                    let outcome = requests::obey(&self.engine, self.allow_add, &target, request).await;
                    if outcome.is_err() {
                        self.inbox.count_refusal();
                    }
                    let answer = json(&Reply::new(id.clone(), outcome));
                    if let Some(id) = id {
                        self.inbox.remember(message, &id, &answer);
                    }
                    answer
                }
            };
            self.reply(message, payload);
        } else if self.topics.is_state(&message.topic) {
            let known = |feed: &FeedId| self.topics.feed(feed, FeedTopic::State) == message.topic;
            if message.retained && !message.payload.is_empty() && !self.told.iter().any(known) {
                self.outbox.retain(message.topic.clone(), Vec::new());
            }
        } else if let Some(guest) = &mut self.guest {
            guest.message(message);
        }
    }

    fn reply(&mut self, message: &Incoming, payload: Vec<u8>) {
        let topic = match &message.response_topic {
            Some(topic) if may_reply_to(topic) => topic.clone(),
            Some(_) => return self.inbox.count_refusal(),
            None => Topics::reply_beside(&message.topic),
        };
        self.answer(topic, payload, message.correlation.clone());
    }

    fn answer(&self, topic: String, payload: Vec<u8>, correlation: Option<Vec<u8>>) {
        self.outbox.answer(Outgoing { topic, payload, correlation, ..Outgoing::default() });
    }
}

async fn told_to_end(ended: &mut watch::Receiver<bool>) {
    let _ = ended.wait_for(|ended| *ended).await;
}

fn gone() -> InstanceState {
    InstanceState { v: VERSION, online: false, program: None, requests_refused: 0, messages_dropped: 0 }
}

fn action(event: &FeedEvent) -> Option<Action> {
    match event {
        FeedEvent::Setpoint(in_force) => {
            Some(Action::Setpoint { setpoint: in_force.setpoint, by: in_force.by.clone() })
        }
        FeedEvent::Agent(agent) => Some(Action::Agent { agent: agent.clone() }),
        FeedEvent::Decider { agent, share } => Some(Action::Decider { agent: *agent, share: *share }),
        FeedEvent::Recording(recording) => Some(Action::Recording { recording: RecordingReport::of(recording) }),
        FeedEvent::Saved { kept, path } => Some(Action::Saved { kept: *kept, file: name_of(path) }),
        FeedEvent::NotSaved { kept, sentence } => Some(Action::NotSaved { kept: *kept, sentence: sentence.clone() }),
        FeedEvent::Notice { sentence } => Some(Action::Notice { sentence: sentence.clone() }),
        FeedEvent::Unreached { viewer } => viewer.ice_verdict.clone().map(|sentence| Action::Notice { sentence }),
        _ => None,
    }
}
