//! Feeds of other programs, watched over MQTT: told of, charted and recorded like those that are here.
//!
//! ```text
//! broker ─► Link ─► Reader, by dialect ─► Lookout ─► WatchEvent ─► window, collect
//!                   what a message says   what is    └► Recorder ─► CSV
//!                                         known
//! ```
//!
//! A keeper has one of these for each broker, as the settings say.
//!
//! Whoever can write at a broker chooses what comes in here: everything is bounded, and texts are tidied.

mod gstwebrtcapp;
mod heliograph;
mod keeper;
mod keyring;
mod lookout;

use std::{sync::Arc, time::Instant};

use tokio::{
    runtime::Handle,
    sync::{
        broadcast,
        mpsc::{UnboundedSender, unbounded_channel},
    },
    task::JoinHandle,
};

use crate::{
    config::{BrokerAddress, BrokerChoice, Config, FeedId, Secrets, StatisticsConfig, WatchConfig},
    mqtt::{Incoming, LinkState},
    stats::FeedSample,
};
use keeper::{Keeper, Order};

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
    /// How the connection to a broker is.
    Link {
        /// Which broker, and what is watched there.
        watched: Box<WatchConfig>,
        /// How it is.
        state: LinkState,
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

/// Who is watched, and what is written down of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watched {
    /// Brokers, and whose feeds are watched there.
    pub watch: Vec<WatchConfig>,
    /// What this program itself is called at a broker: its own feeds are not remote.
    pub own: Option<FeedId>,
    /// How statistics are written to files.
    pub statistics: StatisticsConfig,
}

impl From<&Config> for Watched {
    fn from(config: &Config) -> Self {
        let own = (config.mqtt.broker != BrokerChoice::Off).then(|| config.mqtt.instance());
        Self { watch: config.watch.clone(), own, statistics: config.statistics.clone() }
    }
}

/// What is watched; dropped, nothing is any more.
pub struct Watch {
    events: broadcast::Sender<WatchEvent>,
    orders: UnboundedSender<Order>,
    keeper: JoinHandle<()>,
}

impl Watch {
    /// Watches all of these from now on.
    pub fn start(runtime: &Handle, watched: Watched, secrets: Arc<Secrets>) -> Self {
        let (events, _) = broadcast::channel(MOST_EVENTS);
        let (orders, incoming) = unbounded_channel();
        let keeper = runtime.spawn(Keeper::new(events.clone(), secrets).run(watched, incoming));
        Self { events, orders, keeper }
    }

    /// What is known from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<WatchEvent> {
        self.events.subscribe()
    }

    /// Watches these instead. What is watched as before goes on undisturbed.
    pub fn change(&self, watched: Watched) {
        let _ = self.orders.send(Order::Watch(watched));
    }

    /// Writes a feed's statistics to files, or no more.
    pub fn record(&self, feed: &FeedId, on: bool) {
        let _ = self.orders.send(Order::Record { feed: feed.clone(), on });
    }

    /// Has all that is known be told again, to whoever has missed something.
    pub fn tell_again(&self) {
        let _ = self.orders.send(Order::Tell);
    }

    /// Says goodbye to the brokers; files are ended.
    pub async fn stop(mut self) {
        let _ = self.orders.send(Order::End);
        let _ = (&mut self.keeper).await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.keeper.abort();
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
