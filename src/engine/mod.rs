//! The owner of all feeds: commands in, events out.
//!
//! Every feed has a worker of its own (`feed`), steered by a supervisor that
//! knows only times and states (`supervisor`). Whoever drives the engine, a
//! window or a headless program, sees [`FeedCommand`]s and [`EngineEvent`]s:
//! plain data, so that a feed may live in another process one day.

mod demo;
mod dial;
mod encoders;
mod feed;
mod form;
mod message;
mod reception;
mod sharing;
mod state;
mod supervisor;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{
        broadcast,
        mpsc::{UnboundedSender, unbounded_channel},
        watch,
    },
    task::JoinHandle,
    time::timeout,
};

pub use crate::config::{ChangedBy, InForce};
pub use message::{Beside, EncoderInUse, EngineEvent, FeedCommand, FeedEvent, PathInUse, RecordingState};
pub use state::{Awaited, FeedState};

use crate::{
    channels::{DataMessage, Exchange, SendError},
    config::{
        ConnectorId, ControlConfig, ControlError, EncodersConfig, FeedConfig, FeedId, RecordingConfig, Secrets,
        Setpoint, SetpointError, StatisticsConfig,
    },
    connector::{Connector, ConnectorState},
    control::{ControlState, CrewState},
    i18n::gettext_f,
    media::{AudioState, Preview, availability::Availability},
    stats::FeedSample,
};
use feed::Request;
use sharing::Sharing;

/// Events a slow listener may be behind before it misses some.
const EVENTS_KEPT: usize = 1024;
/// Messages of viewers that a slow listener may be behind before it misses some.
const MESSAGES_KEPT: usize = 256;
/// How long a feed runs on while nobody watches, unless [`Engine::rest_after`] says otherwise.
const LINGER: Duration = Duration::from_secs(10);
/// How long the feeds may take to end.
const SHUTDOWN: Duration = Duration::from_millis(1500);

/// A feed, as it is known now.
#[derive(Clone, Debug)]
pub struct FeedSnapshot {
    /// What the operator asked for.
    pub config: FeedConfig,
    /// What it is doing.
    pub state: FeedState,
    /// How many viewers are connected.
    pub viewers: usize,
    /// What is heard of it.
    pub audio: AudioState,
    /// What encodes it, once something does.
    pub encoder: Option<EncoderInUse>,
    /// Which way its stream takes, once that is known.
    pub path: Option<PathInUse>,
    /// Who gets another codec than the feed's.
    pub beside: Vec<Beside>,
    /// How it is at the connectors that tell of that.
    pub connectors: BTreeMap<ConnectorId, ConnectorState>,
    /// Who decides over that, once somebody does.
    pub agent: Option<CrewState>,
    /// What it is held to.
    pub in_force: InForce,
    /// What is kept of it.
    pub recording: RecordingState,
    /// The last sample; `None` before the first.
    pub stats: Option<Box<FeedSample>>,
}

/// A request the engine cannot meet.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum EngineError {
    /// The id is taken.
    FeedExists(FeedId),
    /// No feed has this id.
    NoSuchFeed(FeedId),
    /// No feed can be held to this.
    Setpoint(SetpointError),
    /// Bitrate cannot be shared out like this.
    Control(ControlError),
    /// No viewer can be sent this.
    Data(SendError),
}

impl EngineError {
    fn sentence(&self) -> String {
        match self {
            Self::FeedExists(id) => {
                gettext_f("There is a feed “{feed}” already. Choose another name.", &[("feed", id.as_ref())])
            }
            Self::Setpoint(error) => error.to_string(),
            Self::Control(error) => error.to_string(),
            Self::Data(error) => error.to_string(),
            Self::NoSuchFeed(id) => {
                gettext_f("There is no feed “{feed}”. It may have been removed meanwhile.", &[("feed", id.as_ref())])
            }
        }
    }
}

/// Where feeds go.
type Connectors = BTreeMap<ConnectorId, Arc<dyn Connector>>;

/// A handle to the engine; clones are the same engine.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    runtime: Handle,
    feeds: Mutex<BTreeMap<FeedId, Running>>,
    /// Feeds added so far: viewers see them in this order.
    added: AtomicUsize,
    events: broadcast::Sender<EngineEvent>,
    /// What viewers send: apart from the events, for a flood of it must not cost a listener a state.
    data: broadcast::Sender<DataMessage>,
    connectors: watch::Sender<Connectors>,
    secrets: Arc<Secrets>,
    demo: Arc<demo::SharedDemo>,
    encoders: Arc<encoders::Encoders>,
    linger: Mutex<Duration>,
    recording: Mutex<RecordingConfig>,
    statistics: watch::Sender<StatisticsConfig>,
    sharing: Arc<Sharing>,
}

/// A preview attached to a feed. Dropping it takes the preview away, without waiting for it.
#[derive(Debug)]
#[must_use = "the preview is gone with this value"]
pub struct PreviewGuard {
    requests: UnboundedSender<Request>,
    number: u64,
}

impl Drop for PreviewGuard {
    fn drop(&mut self) {
        // A feed that is gone has taken its previews along.
        let _ = self.requests.send(Request::Detach(self.number));
    }
}

/// A feed and its worker.
struct Running {
    place: usize,
    requests: UnboundedSender<Request>,
    worker: JoinHandle<()>,
    snapshot: Arc<Mutex<FeedSnapshot>>,
    exchange: Arc<Exchange>,
}

impl Engine {
    /// An engine without feeds and connectors, on the given multi-threaded runtime.
    pub fn new(runtime: Handle, secrets: Arc<Secrets>) -> Self {
        let (events, _) = broadcast::channel(EVENTS_KEPT);
        let (data, _) = broadcast::channel(MESSAGES_KEPT);
        let sharing = Arc::new(Sharing::new(events.clone()));
        let demo = Arc::default();
        Availability::begin(&runtime);
        Self(Arc::new(Inner {
            runtime,
            feeds: Mutex::default(),
            added: AtomicUsize::new(0),
            events,
            data,
            connectors: watch::Sender::default(),
            secrets,
            demo,
            encoders: Arc::new(encoders::Encoders::new()),
            linger: Mutex::new(LINGER),
            recording: Mutex::default(),
            statistics: watch::Sender::default(),
            sharing,
        }))
    }

    /// Opens the feeds that this connector is for there, now and from now on. One that has the id is let go of.
    pub fn set_connector(&self, id: ConnectorId, connector: Arc<dyn Connector>) {
        let mut before = None;
        self.0.connectors.send_modify(|connectors| before = connectors.insert(id, connector));
    }

    /// Takes all feeds away from this connector; the others stay as they are.
    pub fn remove_connector(&self, id: &ConnectorId) {
        let mut before = None;
        self.0.connectors.send_modify(|connectors| before = connectors.remove(id));
    }

    /// Feeds use encoders as many at a time as the operator says from now on.
    pub fn configure(&self, encoders: &EncodersConfig) {
        self.0.encoders.configure(encoders);
    }

    /// Statistics are taken and recorded like this from now on.
    pub fn configure_statistics(&self, statistics: &StatisticsConfig) {
        self.0.statistics.send_replace(statistics.clone());
    }

    /// Bitrate is shared out among the feeds like this from now on.
    ///
    /// # Errors
    /// It cannot be shared out like this.
    pub fn configure_control(&self, control: ControlConfig) -> Result<(), EngineError> {
        control.check().map_err(EngineError::Control)?;
        self.0.sharing.configure(control);
        Ok(())
    }

    /// How bitrate is shared out among the feeds now.
    pub fn control(&self) -> ControlState {
        self.0.sharing.state()
    }

    /// Feeds that are added from now on are kept like this, where they are.
    pub fn configure_recording(&self, recording: &RecordingConfig) {
        *lock(&self.0.recording) = recording.clone();
    }

    /// Feeds that are added from now on rest when nobody has watched for this long, unless they
    /// are kept warm.
    pub fn rest_after(&self, linger: Duration) {
        *lock(&self.0.linger) = linger;
    }

    /// What happens from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<EngineEvent> {
        self.0.events.subscribe()
    }

    /// What viewers send on data channels from now on, of all feeds.
    pub fn subscribe_data(&self) -> broadcast::Receiver<DataMessage> {
        self.0.data.subscribe()
    }

    /// A feed's data channels.
    ///
    /// # Errors
    /// There is no such feed.
    pub fn exchange(&self, id: &FeedId) -> Result<Arc<Exchange>, EngineError> {
        let feeds = self.0.feeds();
        let running = feeds.get(id).ok_or_else(|| EngineError::NoSuchFeed(id.clone()))?;
        Ok(running.exchange.clone())
    }

    /// Adds a feed, and starts it if it is to stream.
    ///
    /// # Errors
    /// The id is taken.
    pub fn add(&self, config: FeedConfig) -> Result<(), EngineError> {
        let id = config.id.clone();
        let mut feeds = self.0.feeds();
        if feeds.contains_key(&id) {
            return Err(EngineError::FeedExists(id));
        }
        let running = self.start(config);
        feeds.insert(id.clone(), running);
        drop(feeds);
        let _ = self.0.events.send(EngineEvent::Added { feed: id });
        Ok(())
    }

    /// Removes a feed and ends its sessions.
    ///
    /// # Errors
    /// There is no such feed.
    pub async fn remove(&self, id: &FeedId) -> Result<(), EngineError> {
        let running = self.0.feeds().remove(id).ok_or_else(|| EngineError::NoSuchFeed(id.clone()))?;
        running.end().await;
        self.0.sharing.remove(id);
        let _ = self.0.events.send(EngineEvent::Removed { feed: id.clone() });
        Ok(())
    }

    /// Hands a command to a feed.
    ///
    /// # Errors
    /// There is no such feed, no feed can be held to such a setpoint, or no viewer be sent this.
    pub fn command(&self, id: &FeedId, command: FeedCommand) -> Result<(), EngineError> {
        if let FeedCommand::Apply { change, .. } = &command {
            change.check().map_err(EngineError::Setpoint)?;
        }
        if let FeedCommand::SendData { channel, session, payload } = &command {
            let sent = self.exchange(id)?.send(channel, session.as_deref(), payload);
            return sent.map(|_| ()).map_err(EngineError::Data);
        }
        let feeds = self.0.feeds();
        let running = feeds.get(id).ok_or_else(|| EngineError::NoSuchFeed(id.clone()))?;
        if let FeedCommand::Attend { attention, on } = command {
            self.0.sharing.attend(id, attention, on);
            return Ok(());
        }
        let _ = running.requests.send(Request::Command(command));
        Ok(())
    }

    /// Shows a feed's camera in this preview, until the guard is dropped.
    ///
    /// # Errors
    /// There is no such feed.
    pub fn attach_preview(&self, id: &FeedId, preview: Preview) -> Result<PreviewGuard, EngineError> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let feeds = self.0.feeds();
        let running = feeds.get(id).ok_or_else(|| EngineError::NoSuchFeed(id.clone()))?;
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let requests = running.requests.clone();
        let _ = requests.send(Request::Attach(number, preview));
        Ok(PreviewGuard { requests, number })
    }

    /// All feeds as they are now, in the order they were added.
    pub fn feeds(&self) -> Vec<FeedSnapshot> {
        let feeds = self.0.feeds();
        let mut running: Vec<_> = feeds.values().collect();
        running.sort_by_key(|running| running.place);
        running.into_iter().map(|running| lock(&running.snapshot).clone()).collect()
    }

    /// One feed as it is now.
    pub fn feed(&self, id: &FeedId) -> Option<FeedSnapshot> {
        self.0.feeds().get(id).map(|running| lock(&running.snapshot).clone())
    }

    /// Ends all feeds; returns when they are gone, or after 1.5 s.
    pub async fn shutdown(&self) {
        let feeds = std::mem::take(&mut *self.0.feeds());
        let all = futures::future::join_all(feeds.into_values().map(Running::end));
        if timeout(SHUTDOWN, all).await.is_err() {
            tracing::warn!("Some feeds did not end in time; leaving them behind.");
        }
    }

    fn start(&self, config: FeedConfig) -> Running {
        let snapshot = Arc::new(Mutex::new(FeedSnapshot {
            config: config.clone(),
            state: FeedState::Idle,
            viewers: 0,
            audio: AudioState::default(),
            encoder: None,
            path: None,
            beside: Vec::new(),
            connectors: BTreeMap::new(),
            agent: None,
            in_force: InForce { setpoint: Setpoint::of(&config), by: ChangedBy::default() },
            recording: RecordingState::default(),
            stats: None,
        }));
        let (requests, received) = unbounded_channel();
        if config.streaming {
            let _ = requests.send(Request::Command(FeedCommand::Start));
        }
        let exchange = Exchange::new(config.id.clone(), config.data_channels.clone(), self.0.data.clone());
        let place = self.0.added.fetch_add(1, Ordering::Relaxed);
        let around = feed::Surroundings {
            place,
            connectors: self.0.connectors.subscribe(),
            secrets: self.0.secrets.clone(),
            demo: self.0.demo.clone(),
            encoders: self.0.encoders.clone(),
            linger: *lock(&self.0.linger),
            recording: lock(&self.0.recording).clone(),
            exchange: exchange.clone(),
            sharing: self.0.sharing.clone(),
            statistics: self.0.statistics.subscribe(),
            tell: self.teller(config.id.clone(), snapshot.clone()),
        };
        let worker = self.0.runtime.spawn(feed::run(config, around, received));
        Running { place, requests, worker, snapshot, exchange }
    }

    /// Keeps the snapshot true and passes events on.
    fn teller(&self, id: FeedId, snapshot: Arc<Mutex<FeedSnapshot>>) -> Box<dyn Fn(FeedEvent) + Send> {
        let events = self.0.events.clone();
        Box::new(move |event| {
            {
                let mut snapshot = lock(&snapshot);
                match &event {
                    FeedEvent::State(state) => snapshot.state = state.clone(),
                    FeedEvent::Viewers { count } => snapshot.viewers = *count,
                    FeedEvent::Audio(audio) => snapshot.audio = audio.clone(),
                    FeedEvent::Stats(stats) => snapshot.stats = Some(stats.clone()),
                    FeedEvent::Encoder(encoder) => snapshot.encoder = Some(encoder.clone()),
                    FeedEvent::Path(path) => snapshot.path = Some(path.clone()),
                    FeedEvent::Beside { others } => snapshot.beside.clone_from(others),
                    FeedEvent::Codec { codec, encoder } => {
                        snapshot.config.codec = *codec;
                        snapshot.config.encoder.clone_from(encoder);
                    }
                    FeedEvent::Connector { connector, state: Some(state) } => {
                        snapshot.connectors.insert(connector.clone(), state.clone());
                    }
                    FeedEvent::Connector { connector, state: None } => drop(snapshot.connectors.remove(connector)),
                    FeedEvent::Setpoint(in_force) => snapshot.in_force = in_force.clone(),
                    FeedEvent::Recording(recording) => snapshot.recording = recording.clone(),
                    FeedEvent::Notice { .. }
                    | FeedEvent::Offered { .. }
                    | FeedEvent::Saved { .. }
                    | FeedEvent::NotSaved { .. }
                    | FeedEvent::Unreached { .. } => {}
                    FeedEvent::Agent(agent) => snapshot.agent = Some(agent.clone()),
                    FeedEvent::Decider { agent, share } => {
                        (snapshot.config.agent, snapshot.config.share) = (*agent, *share);
                    }
                    FeedEvent::Element { role, name, value } => snapshot.config.set_element(*role, name, value),
                    FeedEvent::Certificate { fingerprint } => {
                        snapshot.config.know_by(*fingerprint);
                    }
                }
            }
            let _ = events.send(EngineEvent::Feed { feed: id.clone(), event });
        })
    }
}

impl Inner {
    fn feeds(&self) -> MutexGuard<'_, BTreeMap<FeedId, Running>> {
        lock(&self.feeds)
    }
}

impl Running {
    async fn end(self) {
        let _ = self.requests.send(Request::End);
        let _ = self.worker.await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of this lock should panic")
}
