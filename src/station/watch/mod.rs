//! Feeds of other programs, watched over MQTT: told of, charted and recorded like those that are here.
//!
//! ```text
//! broker ─► Link ─► Reader, by dialect ─► Lookout ─► WatchEvent ─► window, collect
//!                   what a message says   what is    └► Recorder ─► CSV
//!                                         known
//! ```
//!
//! Whoever can write at a broker chooses what comes in here: everything is bounded, and texts are tidied.

mod gstwebrtcapp;
mod heliograph;
mod lookout;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Instant,
};

use tokio::{
    runtime::Handle,
    sync::{
        broadcast,
        mpsc::{UnboundedSender, channel, unbounded_channel},
    },
    task::JoinHandle,
};

use crate::{
    config::{BrokerAddress, FeedId, MqttDialect, StatisticsConfig, WatchConfig},
    mqtt::{Dial, Incoming, Link, Outbox},
    stats::FeedSample,
};
use lookout::{Lookout, Order};

/// Messages that wait to be read; more are dropped, rather than making the broker wait.
const MOST_WAITING: usize = 1024;
/// Events that wait for whoever listens.
const MOST_EVENTS: usize = 1024;

/// Something that is known of a feed elsewhere.
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// How it is. The first of these says that it is there.
    State {
        /// Which feed.
        feed: FeedId,
        /// How it is.
        state: Box<RemoteState>,
    },
    /// Its latest figures.
    Sample {
        /// Which feed.
        feed: FeedId,
        /// Its figures.
        sample: Box<FeedSample>,
    },
    /// It is no more.
    Gone {
        /// Which feed.
        feed: FeedId,
    },
    /// Something that the operator should know, such as that the disk is full.
    Notice {
        /// Which feed; `None`: all of a broker.
        feed: Option<FeedId>,
        /// What.
        sentence: String,
    },
}

/// How a feed elsewhere is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteState {
    /// What people call it.
    pub name: String,
    /// Whose it is: the name of a program, or the broker.
    pub origin: String,
    /// How it is.
    pub presence: Presence,
    /// The same in a sentence.
    pub sentence: String,
    /// What its camera sends, such as `1280×720, H.264`; empty where that is not known.
    pub picture: String,
    /// How many viewers it has.
    pub viewers: usize,
    /// Whether its statistics are written to files here.
    pub is_recorded: bool,
}

/// How a feed elsewhere is, in a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// Nothing is heard of it: it, its program or the broker is away.
    #[default]
    Away,
    /// It is off, or rests.
    Off,
    /// On its way.
    Connecting,
    /// Its pictures are sent.
    Live,
    /// Something is wrong there.
    Trouble,
}

/// What is watched; dropped, nothing is any more.
pub struct Watch {
    events: broadcast::Sender<WatchEvent>,
    orders: Vec<UnboundedSender<Order>>,
    links: Vec<Link>,
    lookouts: Vec<JoinHandle<()>>,
}

/// Names that feeds elsewhere have here: each is that of a file, too.
type Names = Arc<Mutex<HashSet<FeedId>>>;

impl Watch {
    /// Watches all of these from now on. `own` is what this program itself is called at a broker:
    /// its own feeds are not remote.
    pub fn start(
        runtime: &Handle,
        watched: &[WatchConfig],
        own: Option<&FeedId>,
        statistics: &StatisticsConfig,
    ) -> Self {
        let _inside = runtime.enter();
        let (events, _) = broadcast::channel(MOST_EVENTS);
        let names = Names::default();
        let mut watch = Self { events, orders: Vec::new(), links: Vec::new(), lookouts: Vec::new() };
        for config in watched {
            let reader: Box<dyn Reader> = match config.dialect {
                MqttDialect::Heliograph => Box::new(heliograph::Ours::new(config, own)),
                MqttDialect::GstWebRtcApp => Box::new(gstwebrtcapp::Theirs::new(config)),
            };
            let dial = Dial {
                broker: config.broker.clone(),
                password: None,
                client: format!("heliograph-watch-{:08x}", rand::random::<u32>()),
                will: None,
                topics: reader.topics(),
            };
            let (sender, incoming) = channel(MOST_WAITING);
            let link = Link::keep(dial, Arc::new(Outbox::default()), sender);
            let (order, orders) = unbounded_channel();
            let lookout = Lookout::new(reader, config, statistics, names.clone(), watch.events.clone());
            watch.lookouts.push(tokio::spawn(lookout.run(incoming, orders, link.state())));
            watch.orders.push(order);
            watch.links.push(link);
        }
        watch
    }

    /// What is known from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<WatchEvent> {
        self.events.subscribe()
    }

    /// Writes a feed's statistics to files, or no more.
    pub fn record(&self, feed: &FeedId, on: bool) {
        for orders in &self.orders {
            let _ = orders.send(Order::Record { feed: feed.clone(), on });
        }
    }

    /// Has all that is known be told again, to whoever has missed something.
    pub fn tell_again(&self) {
        for orders in &self.orders {
            let _ = orders.send(Order::Tell);
        }
    }

    /// Says goodbye to the brokers; files are ended.
    pub async fn stop(mut self) {
        for link in self.links.drain(..) {
            link.stop().await;
        }
        self.orders.clear();
        for lookout in self.lookouts.drain(..) {
            let _ = lookout.await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for lookout in &self.lookouts {
            lookout.abort();
        }
    }
}

/// A feed at its broker: the name of its program, empty where it has none, and its own.
type Key = (String, String);

/// What a message says.
enum Said {
    /// How a feed is.
    State(Key, RemoteState),
    /// A feed's figures.
    Sample(Key, Box<FeedSample>),
    /// A feed is no more.
    Gone(Key),
    /// A program has come or gone.
    Program(String, bool),
}

/// Reads the messages of a dialect.
trait Reader: Send {
    /// What has to be subscribed.
    fn topics(&self) -> Vec<String>;

    /// What a message says.
    fn read(&mut self, message: &Incoming, now: Instant) -> Vec<Said>;
}

/// A text of somebody else's: one line of bounded length.
fn tidy(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect::<String>().trim().to_owned()
}

/// Where a broker is, in a few characters.
fn place(address: &BrokerAddress) -> String {
    address.as_str().split_once("://").map_or(address.as_str(), |(_, place)| place).to_owned()
}
