//! One feed at work: carries out what its supervisor decides.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::{AbortHandle, block_in_place, spawn_blocking},
};

use super::{
    FeedCommand, FeedEvent, FeedState, FeedStats,
    demo::SharedDemo,
    dial::{Dial, DialEvent},
    sent::SentCounter,
    supervisor::{Action, Input, Supervisor},
};
use crate::{
    config::{FeedConfig, Secrets},
    connector::{Connection, Connector},
    media::{
        FeedClock, Ingest, IngestEvent, MediaFault, Outlet, OutletEvent, PictureClock, Preview, Rendition,
        choose_encoder, source::Transport,
    },
};

/// How often silence is looked for; a tenth of what counts as stalled.
const WATCH_EVERY: Duration = Duration::from_millis(150);
/// Pause before an outlet is built anew: one that fails at once must not keep the machine busy.
const REOPEN_AFTER: Duration = Duration::from_secs(1);
/// How often statistics are taken.
const STATS_EVERY: Duration = Duration::from_secs(1);

/// What a feed's worker needs from the engine.
pub(super) struct Surroundings {
    /// Where the feed stands among the operator's feeds.
    pub(super) place: usize,
    pub(super) connectors: Vec<Arc<dyn Connector>>,
    pub(super) secrets: Arc<Secrets>,
    pub(super) demo: Arc<SharedDemo>,
    pub(super) tell: Box<dyn Fn(FeedEvent) + Send>,
}

/// What reaches the worker from outside.
pub(super) enum Request {
    Command(FeedCommand),
    /// Show the camera in this preview, known by this number.
    Attach(u64, Preview),
    Detach(u64),
    /// End, previews included.
    End,
}

/// What reaches the worker from its own pipelines.
enum Inner {
    /// What becomes of the attempt of this number.
    Dial(u64, DialEvent),
    /// The encoder of this opening stopped, and why.
    RenditionFailed(u64, String),
    /// What a destination tells: its opening, and which it is.
    Outlet(u64, usize, OutletEvent),
}

/// An outlet and the connector it serves.
struct Destination {
    connection: Box<dyn Connection>,
    /// `None` while there is nothing to send.
    outlet: Option<Outlet>,
    viewers: usize,
}

/// Runs a feed until it is asked to end.
pub(super) async fn run(config: FeedConfig, around: Surroundings, mut requests: UnboundedReceiver<Request>) {
    let (inner, mut events) = unbounded_channel();
    let mut worker = Worker {
        supervisor: Supervisor::new(Instant::now()),
        state: FeedState::Idle,
        clock: FeedClock::new(),
        config,
        around,
        inner,
        attempt: 0,
        dialling: None,
        ingest: None,
        rendition: None,
        destinations: Vec::new(),
        previews: BTreeMap::new(),
        openings: 0,
        reopen_at: None,
        sent: SentCounter::default(),
    };
    let mut watch = tokio::time::interval(WATCH_EVERY);
    let mut stats = tokio::time::interval(STATS_EVERY);
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                Some(Request::Command(command)) => worker.command(command),
                Some(Request::Attach(number, preview)) => worker.attach(number, preview),
                Some(Request::Detach(number)) => worker.detach(number),
                Some(Request::End) | None => break,
            },
            Some(event) = events.recv() => worker.event(event),
            _ = watch.tick() => worker.watch(),
            _ = stats.tick() => worker.report(),
        }
    }
    worker.hang_up();
    worker.close();
    drop_aside(worker.previews);
}

struct Worker {
    config: FeedConfig,
    around: Surroundings,
    supervisor: Supervisor,
    /// What was told last.
    state: FeedState,
    clock: FeedClock,
    inner: UnboundedSender<Inner>,
    /// Number of the present attempt; what older ones say is not heard.
    attempt: u64,
    dialling: Option<AbortHandle>,
    ingest: Option<Ingest>,
    rendition: Option<Rendition>,
    destinations: Vec<Destination>,
    previews: BTreeMap<u64, Preview>,
    /// How often the viewers' side was opened; what earlier openings say is not heard.
    openings: u64,
    /// When an outlet that failed is to be built anew.
    reopen_at: Option<Instant>,
    sent: SentCounter,
}

impl Worker {
    fn command(&mut self, command: FeedCommand) {
        match command {
            FeedCommand::Start => {
                if let Err(fault) = self.open() {
                    self.tell(FeedState::Failed { fault, retry_in: Duration::MAX });
                    return;
                }
                self.input(Input::Start);
            }
            FeedCommand::Stop => {
                self.input(Input::Stop);
                self.close();
            }
            FeedCommand::SetBitrate { kbps } => {
                self.config.bitrate_kbps = kbps;
                if let Some(rendition) = &self.rendition {
                    rendition.set_bitrate(kbps);
                }
            }
        }
    }

    fn event(&mut self, event: Inner) {
        match event {
            Inner::Dial(attempt, event) if attempt == self.attempt => self.dial_event(event),
            Inner::Dial(_, DialEvent::Started(Ok(late))) => drop_aside(late),
            Inner::RenditionFailed(opening, reason) if opening == self.openings => self.reopen_later(&reason),
            Inner::Outlet(opening, index, event) if opening == self.openings => self.outlet_event(index, event),
            Inner::Dial(..) | Inner::RenditionFailed(..) | Inner::Outlet(..) => {}
        }
    }

    fn dial_event(&mut self, event: DialEvent) {
        match event {
            DialEvent::Started(Ok(ingest)) => self.take(ingest),
            DialEvent::Started(Err(fault)) | DialEvent::Ingest(IngestEvent::Fault(fault)) => {
                self.input(Input::Fault(fault));
            }
            DialEvent::Ingest(IngestEvent::Answered) => self.input(Input::Answered),
            DialEvent::Ingest(IngestEvent::Packet) => self.input(Input::Packet),
            DialEvent::Ingest(IngestEvent::Picture(picture)) => self.input(Input::Picture(picture)),
        }
    }

    fn outlet_event(&mut self, index: usize, event: OutletEvent) {
        let Some(destination) = self.destinations.get_mut(index) else {
            return;
        };
        match event {
            OutletEvent::Ready => destination.connection.stream_ready(),
            OutletEvent::Clock(PictureClock { session, rtp_timestamp, clock_rate, age }) => {
                destination.connection.picture_clock(&session, rtp_timestamp, clock_rate, age);
            }
            OutletEvent::Viewers(count) => {
                destination.viewers = count;
                let count = self.destinations.iter().map(|destination| destination.viewers).sum();
                self.supervisor.set_watched(count > 0);
                (self.around.tell)(FeedEvent::Viewers { count });
            }
            OutletEvent::Failed(reason) => self.reopen_later(&reason),
        }
    }

    fn watch(&mut self) {
        if self.reopen_at.is_some_and(|at| at <= Instant::now()) {
            self.reopen();
        }
        let silence = self.ingest.as_ref().and_then(Ingest::silence);
        self.input(Input::Tick { silence });
    }

    fn input(&mut self, input: Input) {
        for action in self.supervisor.on(input, Instant::now()) {
            match action {
                Action::Connect(transport) => self.connect(transport),
                Action::HangUp => self.hang_up(),
                Action::Tell(state) => self.tell(state),
            }
        }
    }

    fn tell(&mut self, state: FeedState) {
        self.state = state.clone();
        for destination in &self.destinations {
            destination.connection.show(state.name(), &state.sentence());
        }
        (self.around.tell)(FeedEvent::State(state));
    }

    // ---- the camera's side ----

    fn connect(&mut self, transport: Transport) {
        self.hang_up();
        let (inner, attempt) = (self.inner.clone(), self.attempt);
        let dial = Dial {
            config: self.config.clone(),
            secrets: self.around.secrets.clone(),
            demo: self.around.demo.clone(),
            transport,
            clock: self.clock.clone(),
            tell: Arc::new(move |event| {
                let _ = inner.send(Inner::Dial(attempt, event));
            }),
        };
        self.dialling = Some(dial.spawn());
    }

    fn hang_up(&mut self) {
        self.attempt += 1;
        if let Some(dialling) = self.dialling.take() {
            dialling.abort();
        }
        if let Some(ingest) = self.ingest.take() {
            drop_aside(ingest);
        }
    }

    fn take(&mut self, ingest: Ingest) {
        if let Some(rendition) = &mut self.rendition {
            rendition.connect(ingest.frames());
        }
        for preview in self.previews.values_mut() {
            show(preview, &ingest);
        }
        self.ingest = Some(ingest);
    }

    // ---- the operator's side ----

    fn attach(&mut self, number: u64, mut preview: Preview) {
        if let Some(ingest) = &self.ingest {
            show(&mut preview, ingest);
        }
        self.previews.insert(number, preview);
    }

    fn detach(&mut self, number: u64) {
        if let Some(preview) = self.previews.remove(&number) {
            drop_aside(preview);
        }
    }

    // ---- the viewers' side ----

    /// Announces the feed at every connector, then starts its encoder and what sends it there.
    /// In this order, so that a feed that cannot be encoded says so to its viewers.
    fn open(&mut self) -> Result<(), MediaFault> {
        if self.rendition.is_some() {
            return Ok(());
        }
        self.openings += 1;
        if self.destinations.is_empty() {
            self.destinations =
                self.around.connectors.iter().map(|connector| self.announce(connector.as_ref())).collect();
        }
        let rendition = self.encode()?;
        for index in 0..self.destinations.len() {
            self.destinations[index].outlet = Some(self.serve(index, &rendition)?);
        }
        self.rendition = Some(rendition);
        Ok(())
    }

    fn announce(&self, connector: &dyn Connector) -> Destination {
        let connection = connector.open(self.around.place, &self.config.id, &self.config.name);
        connection.show(self.state.name(), &self.state.sentence());
        Destination { connection, outlet: None, viewers: 0 }
    }

    fn encode(&self) -> Result<Rendition, MediaFault> {
        let row = choose_encoder(self.config.codec, &self.config.encoder)?;
        let (inner, opening) = (self.inner.clone(), self.openings);
        let failed = move |reason| {
            let _ = inner.send(Inner::RenditionFailed(opening, reason));
        };
        let rendition = block_in_place(|| Rendition::start(row, self.config.bitrate_kbps, &self.clock, failed))?;
        Ok(rendition)
    }

    fn serve(&self, index: usize, rendition: &Rendition) -> Result<Outlet, MediaFault> {
        let opening = self.openings;
        let signaller = self.destinations[index].connection.signaller();
        let events = forward(self.inner.clone(), move |event| Inner::Outlet(opening, index, event));
        let mut outlet = block_in_place(|| Outlet::start(signaller, self.config.bitrate_kbps, &self.clock, events))?;
        outlet.connect(rendition.output());
        Ok(outlet)
    }

    fn close(&mut self) {
        self.reopen_at = None;
        self.supervisor.set_watched(false);
        let (destinations, rendition) = (std::mem::take(&mut self.destinations), self.rendition.take());
        if !destinations.is_empty() {
            (self.around.tell)(FeedEvent::Viewers { count: 0 });
        }
        block_in_place(|| drop((destinations, rendition)));
    }

    fn reopen_later(&mut self, reason: &str) {
        tracing::error!(feed = %self.config.id, "The stream to the viewers failed and is built anew: {reason}");
        self.reopen_at = Some(Instant::now() + REOPEN_AFTER);
    }

    fn reopen(&mut self) {
        self.reopen_at = None;
        self.close();
        if let Err(fault) = self.open() {
            self.tell(FeedState::Failed { fault, retry_in: Duration::MAX });
        } else if let (Some(rendition), Some(ingest)) = (&mut self.rendition, &self.ingest) {
            rendition.connect(ingest.frames());
        }
    }

    fn report(&mut self) {
        let viewers: Vec<_> = self
            .destinations
            .iter()
            .filter_map(|destination| destination.outlet.as_ref())
            .flat_map(Outlet::stats)
            .collect();
        let round_trip = viewers.iter().filter_map(|viewer| viewer.round_trip).max();
        let sent = viewers.into_iter().map(|viewer| (viewer.session, viewer.bytes_sent)).collect();
        if let Some(sent_kbps) = self.sent.rate(sent, Instant::now()) {
            let round_trip = round_trip.map(|trip| trip.as_secs_f64());
            (self.around.tell)(FeedEvent::Stats(FeedStats { sent_kbps, round_trip }));
        }
    }
}

/// A sender whose events reach the worker as `wrap` makes them.
fn forward<E: Send + 'static>(
    inner: UnboundedSender<Inner>,
    wrap: impl Fn(E) -> Inner + Send + 'static,
) -> UnboundedSender<E> {
    let (sender, mut receiver) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(event) = receiver.recv().await {
            if inner.send(wrap(event)).is_err() {
                break;
            }
        }
    });
    sender
}

/// Ending a pipeline may take a moment that nobody should wait for.
fn drop_aside(pipeline: impl Send + 'static) {
    spawn_blocking(move || drop(pipeline));
}

/// A preview that fails leaves the stream alone.
fn show(preview: &mut Preview, ingest: &Ingest) {
    if let Err(error) = preview.connect(ingest.frames()) {
        tracing::warn!("The preview cannot be shown: {error}.");
    }
}
