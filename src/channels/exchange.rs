//! A feed's data channels: who is there, who may send, and what passes.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::broadcast;

use super::{DataMessage, Payload, SendError, allowance::Allowance};
use crate::config::{ChannelLabel, DataChannelConfig, Delivery, FeedId};

/// What may wait in front of the network of a channel that loses nothing, in bytes.
const MAY_WAIT: u64 = 65_536;
/// Messages that a subscriber may be behind before it misses some.
const MESSAGES_KEPT: usize = 64;
/// How old a message may get on a channel that may lose some, where no lifetime is set.
const PATIENCE: Duration = Duration::from_millis(200);

/// A viewer's end of a channel.
pub trait Line: Send + Sync {
    /// Bytes that were handed over, by all channels of the viewer, and are not on their way yet.
    fn waiting(&self) -> u64;

    /// Whether a message of this length would leave at once, on a line that carried what was sent up
    /// to `patience` ago.
    fn would_leave(&self, length: usize, patience: Duration) -> bool;

    /// Hands a message over; false where it cannot be sent.
    fn send(&self, payload: &Payload) -> bool;
}

/// What passed a channel so far, over all viewers, and what did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelCounts {
    /// Messages of viewers that were handed on.
    pub received: u64,
    /// Messages of viewers who may not send, or that were too long or too many.
    pub refused: u64,
    /// Messages that were handed to a viewer's connection.
    pub sent: u64,
    /// Messages to a viewer that were left out: its connection did not take them, or they were too many.
    pub dropped: u64,
}

/// A feed's data channels.
pub struct Exchange {
    feed: FeedId,
    channels: Vec<DataChannelConfig>,
    state: Mutex<State>,
    received: broadcast::Sender<DataMessage>,
    /// What is received of all feeds.
    all: broadcast::Sender<DataMessage>,
    refused_reports: AtomicU64,
}

#[derive(Default)]
struct State {
    /// By session.
    viewers: HashMap<String, Viewer>,
    counts: BTreeMap<ChannelLabel, ChannelCounts>,
}

#[derive(Default)]
struct Viewer {
    name: Option<String>,
    /// The log has told that something of it was refused.
    is_warned: bool,
    lines: BTreeMap<ChannelLabel, Open>,
}

/// An open channel of one viewer.
struct Open {
    line: Arc<dyn Line>,
    to_viewer: Allowance,
    from_viewer: Allowance,
}

/// A viewer who may send.
struct Sender {
    name: Option<String>,
}

/// What became of a message for one viewer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passed {
    Sent,
    Dropped,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("feed", &self.feed).finish_non_exhaustive()
    }
}

impl Exchange {
    /// The channels of this feed; what viewers send goes to its own subscribers and to `all`.
    pub fn new(feed: FeedId, channels: Vec<DataChannelConfig>, all: broadcast::Sender<DataMessage>) -> Arc<Self> {
        // A feed's own, so that another feed's flood is not its subscribers' loss.
        let (received, _) = broadcast::channel(MESSAGES_KEPT);
        Arc::new(Self { feed, channels, state: Mutex::default(), received, all, refused_reports: AtomicU64::new(0) })
    }

    /// The channels that every viewer is to have.
    pub fn channels(&self) -> &[DataChannelConfig] {
        &self.channels
    }

    /// The channel of this label.
    ///
    /// # Errors
    /// There is none.
    pub fn channel(&self, label: &str) -> Result<&DataChannelConfig, SendError> {
        self.channels.iter().find(|channel| channel.label.as_str() == label).ok_or_else(|| SendError::NoSuchChannel {
            channel: label.to_owned(),
            known: self.channels.iter().map(|channel| channel.label.to_string()).collect(),
        })
    }

    /// What the feed's viewers send from now on; whoever is slow misses the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<DataMessage> {
        self.received.subscribe()
    }

    /// What passed so far.
    pub fn counts(&self, label: &ChannelLabel) -> ChannelCounts {
        self.lock().counts.get(label).copied().unwrap_or_default()
    }

    /// Reports of viewers' browsers that were none, or too many.
    pub fn refused_reports(&self) -> u64 {
        self.refused_reports.load(Ordering::Relaxed)
    }

    /// A report of a viewer's browser was none, or one too many.
    pub fn refuse_report(&self) {
        self.refused_reports.fetch_add(1, Ordering::Relaxed);
    }

    /// The viewer of a session is there, under this name.
    pub fn join(&self, session: &str, name: Option<String>) {
        self.lock().viewers.insert(session.to_owned(), Viewer { name, ..Viewer::default() });
    }

    /// A viewer's channel is open.
    pub fn open(&self, session: &str, channel: &DataChannelConfig, line: Arc<dyn Line>) {
        let open = Open {
            line,
            to_viewer: Allowance::per_second(channel.per_second),
            from_viewer: Allowance::per_second(channel.per_second),
        };
        // One that is gone meanwhile has no channel to open.
        if let Some(viewer) = self.lock().viewers.get_mut(session) {
            viewer.lines.insert(channel.label.clone(), open);
        }
    }

    /// A viewer's channel is closed.
    pub fn close(&self, session: &str, label: &ChannelLabel) {
        let line = self.lock().viewers.get_mut(session).and_then(|viewer| viewer.lines.remove(label));
        drop(line);
    }

    /// The viewer of a session is gone.
    pub fn leave(&self, session: &str) {
        // Outside the lock: the last hold on a channel may be this one.
        let viewer = self.lock().viewers.remove(session);
        drop(viewer);
    }

    /// A viewer sent this: hands it on, if the viewer may send.
    pub fn receive(&self, session: &str, channel: &DataChannelConfig, payload: Payload) {
        let mut state = self.lock();
        let admitted = state.admit(session, channel, &payload, Instant::now());
        let counts = state.counts.entry(channel.label.clone()).or_default();
        if admitted.is_some() {
            counts.received += 1;
        } else {
            counts.refused += 1;
            state.warn(&self.feed, session, channel);
        }
        drop(state);
        if let Some(Sender { name: viewer }) = admitted {
            let (feed, session) = (self.feed.clone(), session.to_owned());
            let message = DataMessage { feed, channel: channel.label.clone(), session, viewer, payload };
            // Nobody need listen.
            let _ = self.all.send(message.clone());
            let _ = self.received.send(message);
        }
    }

    /// Sends a message to the viewer of a session, or to all; answers how many have it on its way.
    ///
    /// # Errors
    /// It cannot be sent to anybody. That a viewer's connection is full is none: it is left out.
    pub fn send(&self, label: &str, session: Option<&str>, payload: &Payload) -> Result<usize, SendError> {
        let channel = self.channel(label)?;
        if payload.len() > channel.max_bytes as usize {
            return Err(SendError::TooLong { most: channel.max_bytes });
        }
        let now = Instant::now();
        let mut state = self.lock();
        let mut passed = Vec::new();
        for (_, viewer) in state.viewers.iter_mut().filter(|(of, _)| session.is_none_or(|session| *of == session)) {
            if let Some(open) = viewer.lines.get_mut(&channel.label) {
                passed.push(open.send(channel.delivery, payload, now));
            }
        }
        let sent = passed.iter().filter(|passed| **passed == Passed::Sent).count();
        let counts = state.counts.entry(channel.label.clone()).or_default();
        counts.sent += sent as u64;
        counts.dropped += (passed.len() - sent) as u64;
        match session {
            Some(session) if passed.is_empty() => Err(SendError::NoSuchSession(session.to_owned())),
            _ => Ok(sent),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock should panic")
    }
}

impl State {
    /// Who sends, if it may send this now.
    fn admit(&mut self, session: &str, channel: &DataChannelConfig, payload: &Payload, now: Instant) -> Option<Sender> {
        let viewer = self.viewers.get_mut(session)?;
        let open = viewer.lines.get_mut(&channel.label)?;
        let may_send = channel.senders.allow(viewer.name.as_deref());
        let fits = payload.len() <= channel.max_bytes as usize;
        (may_send && fits && open.from_viewer.take(now)).then(|| Sender { name: viewer.name.clone() })
    }

    /// Once for each viewer: one that goes on must not fill the log.
    fn warn(&mut self, feed: &FeedId, session: &str, channel: &DataChannelConfig) {
        let Some(viewer) = self.viewers.get_mut(session) else { return };
        if !std::mem::replace(&mut viewer.is_warned, true) {
            let (label, name) = (&channel.label, viewer.name.as_deref());
            tracing::warn!(%feed, channel = %label, session, name, "A viewer's messages are refused: it may not send, or sends too much.");
        }
    }
}

impl Open {
    fn send(&mut self, delivery: Delivery, payload: &Payload, now: Instant) -> Passed {
        let may_pass = self.has_room(delivery, payload.len()) && self.to_viewer.take(now);
        if may_pass && self.line.send(payload) { Passed::Sent } else { Passed::Dropped }
    }

    /// Whether little waits on a channel that loses nothing, and nothing on one that may.
    fn has_room(&self, delivery: Delivery, length: usize) -> bool {
        let patience = match delivery {
            Delivery::Reliable => return self.line.waiting() <= MAY_WAIT,
            Delivery::Retransmits(_) => PATIENCE,
            Delivery::LifetimeMs(ms) => Duration::from_millis(ms.into()),
        };
        self.line.would_leave(length, patience)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::config::Senders;

    /// A line that keeps what it is handed waiting while it is stuck.
    #[derive(Default)]
    struct Wire {
        is_stuck: AtomicBool,
        waiting: AtomicU64,
        took: Mutex<Vec<Payload>>,
    }

    impl Line for Wire {
        fn waiting(&self) -> u64 {
            self.waiting.load(Ordering::Relaxed)
        }

        fn would_leave(&self, _: usize, _: Duration) -> bool {
            self.waiting() == 0
        }

        fn send(&self, payload: &Payload) -> bool {
            if self.is_stuck.load(Ordering::Relaxed) {
                self.waiting.fetch_add(payload.len() as u64, Ordering::Relaxed);
            }
            self.took.lock().unwrap().push(payload.clone());
            true
        }
    }

    fn text(text: &str) -> Payload {
        Payload::Text(text.into())
    }

    fn channel(change: impl FnOnce(&mut DataChannelConfig)) -> DataChannelConfig {
        let mut channel = DataChannelConfig::new("steer".parse().unwrap());
        change(&mut channel);
        channel
    }

    /// An exchange with this channel, and two viewers: `pilot` and `guest`.
    fn bench(channel: &DataChannelConfig) -> (Arc<Exchange>, Arc<Wire>, Arc<Wire>) {
        let (all, _) = broadcast::channel(8);
        let exchange = Exchange::new(FeedId::from_name("bow"), vec![channel.clone()], all);
        let wires = [("1", "pilot"), ("2", "guest")].map(|(session, name)| {
            let wire = Arc::<Wire>::default();
            exchange.join(session, Some(name.into()));
            exchange.open(session, channel, wire.clone());
            wire
        });
        let [pilot, guest] = wires;
        (exchange, pilot, guest)
    }

    #[test]
    fn messages_reach_all_viewers_or_one() {
        let channel = channel(|_| {});
        let (exchange, pilot, guest) = bench(&channel);
        assert_eq!(exchange.send("steer", None, &text("all")), Ok(2));
        assert_eq!(exchange.send("steer", Some("2"), &text("you")), Ok(1));
        assert_eq!(*pilot.took.lock().unwrap(), [text("all")]);
        assert_eq!(*guest.took.lock().unwrap(), [text("all"), text("you")]);
        exchange.leave("2");
        assert_eq!(exchange.send("steer", Some("2"), &text("x")), Err(SendError::NoSuchSession("2".into())));
        exchange.close("1", &channel.label);
        assert_eq!(exchange.send("steer", None, &text("x")), Ok(0), "nobody is there, which is no error");
        assert!(exchange.send("stear", None, &text("x")).unwrap_err().to_string().contains("steer"));
        let long = Payload::Binary(vec![0; 1025]);
        assert_eq!(exchange.send("steer", None, &long), Err(SendError::TooLong { most: 1024 }));
    }

    #[test]
    fn only_who_may_send_is_heard_and_no_more_than_it_may() {
        let channel = channel(|channel| {
            channel.senders = Senders::Named(vec!["pilot".into()]);
            (channel.max_bytes, channel.per_second) = (8, 3);
        });
        let (exchange, ..) = bench(&channel);
        let mut heard = exchange.subscribe();
        exchange.receive("2", &channel, text("no"));
        exchange.receive("1", &channel, text("too long a text"));
        exchange.receive("gone", &channel, text("no"));
        for number in 0..5 {
            exchange.receive("1", &channel, text(&number.to_string()));
        }
        let heard: Vec<_> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
        assert_eq!(heard.iter().map(|message| message.payload.clone()).collect::<Vec<_>>(), ["0", "1", "2"].map(text));
        assert_eq!((heard[0].session.as_str(), heard[0].viewer.as_deref()), ("1", Some("pilot")));
        let counts = exchange.counts(&channel.label);
        assert_eq!((counts.received, counts.refused), (3, 5));
    }

    #[test]
    fn who_does_not_take_messages_is_left_out() {
        let channel = channel(|channel| {
            channel.delivery = Delivery::LifetimeMs(20);
            channel.per_second = 1000;
        });
        let (exchange, pilot, guest) = bench(&channel);
        pilot.is_stuck.store(true, Ordering::Relaxed);
        assert_eq!(exchange.send("steer", None, &text("old")), Ok(2));
        assert_eq!(exchange.send("steer", None, &text("new")), Ok(1), "one waits for the pilot already");
        assert_eq!(guest.took.lock().unwrap().len(), 2);
        pilot.waiting.store(0, Ordering::Relaxed);
        assert_eq!(exchange.send("steer", None, &text("newer")), Ok(2));
        assert_eq!(exchange.counts(&channel.label).dropped, 1);
    }

    #[test]
    fn a_channel_that_loses_nothing_keeps_no_more_than_64_kib_waiting() {
        let channel = channel(|channel| (channel.max_bytes, channel.per_second) = (16_384, 1000));
        let (exchange, pilot, _) = bench(&channel);
        pilot.is_stuck.store(true, Ordering::Relaxed);
        let block = Payload::Binary(vec![0; 16_384]);
        let sent: Vec<_> = (0..7).map(|_| exchange.send("steer", Some("1"), &block).unwrap()).collect();
        assert_eq!(sent, [1, 1, 1, 1, 1, 0, 0]);
    }
}
