//! A client that asks one Heliograph and waits for its answers.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value};
use tokio::{
    sync::mpsc::{Receiver, channel},
    time::{Instant, timeout, timeout_at},
};

use super::Trouble;
use crate::{
    config::{ExternalBroker, FeedId, KeyringStore, MqttVersion, PasswordSource, Secrets},
    mqtt::{Dial, Dialer, Incoming, LinkFault, LinkFaultKind, Outgoing, Session, Target, Topics},
    station::remote::reports::{FeedList, InstanceState, Reply, VERSION, json},
};

/// How long the broker may take to let us in.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a Heliograph may take to be found: what it retains comes at once.
const FIND: Duration = Duration::from_secs(3);
/// How long to look for a second one after the first.
const LOOK_ON: Duration = Duration::from_millis(300);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// A connection to the broker of one Heliograph.
pub(super) struct Caller {
    session: Box<dyn Session>,
    incoming: Receiver<Incoming>,
    instance: FeedId,
    topics: Topics,
    /// What we call ourselves; it begins the `id` of every request.
    client: String,
    response_topic: Option<String>,
    asked: u64,
    /// Only messages whose topics begin so are told.
    listening: Option<String>,
    /// Lists of feeds that came while the Heliograph was looked for.
    lists: Vec<Incoming>,
}

impl Caller {
    /// Connects, and finds the Heliograph of this name, or the only one there is.
    pub(super) async fn connect(broker: ExternalBroker, instance: Option<&FeedId>) -> Result<Self, String> {
        let client = format!("ctl-{:08x}", rand::random::<u32>());
        let (address, version) = (broker.address.to_string(), broker.version);
        let topics = vec!["heliograph/#".to_owned()];
        let password = match &broker.password {
            source @ PasswordSource::Keyring => {
                let secrets = Secrets::new(KeyringStore::without_prompts());
                secrets.resolve(&FeedId::of_broker(), source).await.map_err(|error| error.to_string())?
            }
            _ => None,
        };
        let dial = Dial { broker, password, client: client.clone(), will: None, topics };
        let (sender, mut incoming) = channel(4096);
        let session = timeout(CONNECT, dial.dial(sender)).await;
        let session = session
            .map_err(|_| no_broker(&address))?
            .map_err(|fault| if fault.kind == LinkFaultKind::Away { no_broker(&address) } else { fault.sentence })?;
        let mut lists = Vec::new();
        let instance = find(&mut incoming, &mut lists, instance, &address).await?;
        let topics = Topics::of(&instance);
        let response_topic = (version == MqttVersion::V5).then(|| topics.reply_to(&client));
        Ok(Self { session, incoming, instance, topics, client, response_topic, asked: 0, listening: None, lists })
    }

    /// The feeds there are. They are told, not asked for: whoever may read knows them.
    pub(super) async fn feeds(&mut self) -> Result<FeedList, String> {
        let topic = self.topics.feeds();
        let end = Instant::now() + FIND;
        let mut found = self.lists.iter().rfind(|message| message.topic == topic).cloned();
        while found.is_none() {
            let message = timeout_at(end, self.next()).await;
            let message = message.map_err(|_| format!("Heliograph “{}” does not tell its feeds.", self.instance))??;
            found = Some(message).filter(|message| message.topic == topic);
        }
        serde_json::from_slice(&found.unwrap_or_default().payload).map_err(|_| {
            format!("Heliograph “{}” is of another version: its list of feeds is not understood.", self.instance)
        })
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(
        &mut self,
        target: &Target,
        mut body: Map<String, Value>,
    ) -> Result<Option<Value>, Trouble> {
        self.asked += 1;
        let id = Value::String(format!("{}-{}", self.client, self.asked));
        body.insert("id".into(), id.clone());
        body.insert("v".into(), VERSION.into());
        let topic = match target {
            Target::Instance => self.topics.command(),
            Target::Feed(feed) => self.topics.feed_command(feed),
            Target::Control => self.topics.control_command(),
        };
        let response_topic = self.response_topic.clone();
        let request = Outgoing { topic, payload: json(&Value::Object(body)), response_topic, ..Outgoing::default() };
        self.session.send(request).await.map_err(|fault| Trouble::Unreachable(fault.sentence))?;
        let reply = timeout(ANSWER, self.answer_to(&id)).await.map_err(|_| {
            // Brokers drop what a client may not say; only some of them tell.
            Trouble::Unreachable(format!(
                "Heliograph “{}” did not answer. Perhaps this user may not ask that: see the roles in docs/settings.md.",
                self.instance
            ))
        })??;
        match reply.error {
            None => Ok(reply.result),
            Some(error) => Err(Trouble::Refused(error.sentence)),
        }
    }

    async fn answer_to(&mut self, id: &Value) -> Result<Reply, Trouble> {
        loop {
            let message = self.next().await.map_err(Trouble::Unreachable)?;
            if let Ok(reply) = serde_json::from_slice::<Reply>(&message.payload)
                && reply.id.as_ref() == Some(id)
            {
                return Ok(reply);
            }
        }
    }

    /// Has [`Self::told`] tell what is said of this feed, or of all.
    pub(super) async fn listen(&mut self, feed: Option<&FeedId>) -> Result<(), String> {
        if let Some(feed) = feed {
            // A name that nobody has would be waited for in vain.
            let question = Map::from_iter([("command".to_owned(), Value::from("describe"))]);
            if let Err(Trouble::Refused(sentence) | Trouble::Unreachable(sentence)) =
                self.ask(&Target::Feed(feed.clone()), question).await
            {
                return Err(sentence);
            }
        }
        let base = self.topics.state().trim_end_matches("state").to_owned();
        self.listening = Some(match feed {
            Some(feed) => format!("{base}feeds/{feed}/"),
            None => base,
        });
        Ok(())
    }

    /// The next message that is told.
    pub(super) async fn told(&mut self) -> Result<Incoming, String> {
        loop {
            let message = self.next().await?;
            let is_asked = message.topic.ends_with("/command") || message.topic.contains("/reply");
            if !is_asked && self.listening.as_ref().is_some_and(|start| message.topic.starts_with(start)) {
                return Ok(message);
            }
        }
    }

    async fn next(&mut self) -> Result<Incoming, String> {
        tokio::select! {
            Some(message) = self.incoming.recv() => Ok(message),
            fault = self.session.ended() => Err(fault.sentence),
        }
    }

    pub(super) async fn close(self) {
        self.session.close().await;
    }
}

/// Which Heliographs are there, and which of them is meant.
async fn find(
    incoming: &mut Receiver<Incoming>,
    lists: &mut Vec<Incoming>,
    wanted: Option<&FeedId>,
    address: &str,
) -> Result<FeedId, String> {
    let mut there: BTreeMap<FeedId, bool> = BTreeMap::new();
    let mut end = Instant::now() + FIND;
    while let Ok(Some(message)) = timeout_at(end, incoming.recv()).await {
        let Some((instance, online)) = presence(&message) else {
            if message.topic.ends_with("/feeds") {
                lists.push(message);
            }
            continue;
        };
        if online && wanted == Some(&instance) {
            return Ok(instance);
        }
        if online && wanted.is_none() && !there.values().any(|online| *online) {
            end = end.min(Instant::now() + LOOK_ON);
        }
        there.insert(instance, online);
    }
    let online: Vec<&FeedId> = there.iter().filter(|(_, online)| **online).map(|(instance, _)| instance).collect();
    match (wanted, online.as_slice()) {
        (None, [one]) => Ok((*one).clone()),
        (None, []) => Err(format!(
            "A broker answers at {address}, but no Heliograph is connected to it. Start one with [mqtt] in its settings, or name another broker with --broker."
        )),
        (None, many) => Err(format!("There are several Heliographs: {}. Choose one with --instance.", list(many))),
        (Some(name), []) => Err(format!("No Heliograph is called “{name}”, and none is there at {address}.")),
        (Some(name), others) => Err(format!("No Heliograph is called “{name}”; there is {}.", list(others))),
    }
}

fn list(names: &[&FeedId]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn presence(message: &Incoming) -> Option<(FeedId, bool)> {
    let instance = message.topic.strip_prefix("heliograph/")?.strip_suffix("/state")?.parse().ok()?;
    let state: InstanceState = serde_json::from_slice(&message.payload).ok()?;
    Some((instance, state.online))
}

fn no_broker(address: &str) -> String {
    let LinkFault { sentence, .. } = LinkFault::new(
        LinkFaultKind::Away,
        format!(
            "Nothing answers at {address}. Start Heliograph with `heliograph serve --mqtt` or with [mqtt] in its settings file, or name its broker with --broker."
        ),
    );
    sentence
}
