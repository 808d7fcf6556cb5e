//! Has a lookout at each broker that is watched.

use std::{mem, sync::Arc};

use tokio::{
    sync::{
        broadcast,
        mpsc::{UnboundedReceiver, UnboundedSender, channel, unbounded_channel},
    },
    task::JoinHandle,
};

use super::{
    Reader, WatchEvent, Watched, gstwebrtcapp, heliograph,
    keyring::KeyringDial,
    lookout::{Lookout, Names, Request},
};
use crate::{
    config::{FeedId, MqttDialect, PasswordSource, Secrets, WatchConfig},
    mqtt::{Dial, Link, Outbox},
};

/// Messages that wait to be read; more are dropped, rather than making the broker wait.
const MOST_WAITING: usize = 1024;

/// What the keeper can be asked.
pub(super) enum Order {
    /// Watch these from now on.
    Watch(Watched),
    /// Write a feed's statistics to files, or no more.
    Record { feed: FeedId, on: bool },
    /// Tell all that is known.
    Tell,
    /// Say goodbye to the brokers.
    End,
}

pub(super) struct Keeper {
    events: broadcast::Sender<WatchEvent>,
    names: Names,
    watched: Watched,
    posts: Vec<Post>,
    secrets: Arc<Secrets>,
}

/// A lookout and what it is for. It ends when its link does.
struct Post {
    config: WatchConfig,
    requests: UnboundedSender<Request>,
    link: Link,
    lookout: JoinHandle<()>,
}

impl Keeper {
    pub(super) fn new(events: broadcast::Sender<WatchEvent>, secrets: Arc<Secrets>) -> Self {
        Self { events, names: Names::default(), watched: Watched::default(), posts: Vec::new(), secrets }
    }

    /// Works until it is told to end.
    pub(super) async fn run(mut self, watched: Watched, mut orders: UnboundedReceiver<Order>) {
        self.change(watched).await;
        while let Some(order) = orders.recv().await {
            match order {
                Order::Watch(watched) => self.change(watched).await,
                Order::Record { feed, on } => self.ask(|| Request::Record { feed: feed.clone(), on }),
                Order::Tell => self.ask(|| Request::Tell),
                Order::End => break,
            }
        }
        for post in mem::take(&mut self.posts) {
            post.leave().await;
        }
    }

    fn ask(&self, request: impl Fn() -> Request) {
        for post in &self.posts {
            let _ = post.requests.send(request());
        }
    }

    async fn change(&mut self, watched: Watched) {
        let is_alike = watched.own == self.watched.own && watched.statistics == self.watched.statistics;
        let (kept, left): (Vec<_>, Vec<_>) =
            mem::take(&mut self.posts).into_iter().partition(|post| is_alike && watched.watch.contains(&post.config));
        self.posts = kept;
        self.watched = watched;
        // First, so that a feed has its name again where it is watched in another way.
        for post in left {
            post.leave().await;
        }
        for config in &self.watched.watch {
            if !self.posts.iter().any(|post| post.config == *config) {
                self.posts.push(self.post(config));
            }
        }
    }

    fn post(&self, config: &WatchConfig) -> Post {
        let reader: Box<dyn Reader> = match config.dialect {
            MqttDialect::Heliograph => Box::new(heliograph::Ours::new(config, self.watched.own.as_ref())),
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
        let outbox = Arc::new(Outbox::default());
        let link = match config.broker.password {
            PasswordSource::Keyring => Link::keep(KeyringDial { dial, secrets: self.secrets.clone() }, outbox, sender),
            _ => Link::keep(dial, outbox, sender),
        };
        let (requests, asked) = unbounded_channel();
        let lookout = Lookout::new(reader, config, &self.watched.statistics, self.names.clone(), self.events.clone());
        let lookout = tokio::spawn(lookout.run(incoming, asked, link.state()));
        Post { config: config.clone(), requests, link, lookout }
    }
}

impl Post {
    /// Says goodbye to the broker; files are ended.
    async fn leave(self) {
        self.link.stop().await;
        let _ = self.lookout.await;
    }
}
