//! One feed at work: carries out what its supervisor decides.

mod agents;
mod assign;
mod camera;
mod codecs;
mod data;
mod demand;
mod destinations;
mod elements;
mod main_rendition;
mod path;
mod rate;
mod record;
mod renditions;
mod resize;
mod second;
mod setpoint;
mod sound;
mod statistics;
mod viewers;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        watch,
    },
    task::{AbortHandle, spawn_blocking},
    time::MissedTickBehavior,
};

use self::{
    agents::Agents,
    camera::show,
    main_rendition::MainRendition,
    path::CameraPath,
    record::Keeping,
    renditions::Encoding,
    resize::Resizing,
    second::SecondStream,
    sound::FeedSound,
    statistics::{ANSWER_WITHIN, Statistics},
};
use super::{
    Beside, ChangedBy, Connectors, EncoderInUse, FeedCommand, FeedEvent, FeedState, InForce,
    demo::SharedDemo,
    dial::DialEvent,
    encoders::Encoders,
    form::Form,
    sharing::Sharing,
    supervisor::{Action, Input, Supervisor},
};
use crate::{
    channels::{Exchange, Socket},
    config::{
        Codec, ConnectorId, FeedConfig, Fingerprint, RecordingConfig, RenditionRole, Secrets, Setpoint, SourceConfig,
        StatisticsConfig, StreamChoice,
    },
    connector::{Connection, Connector, ConnectorState, Door, Needs, Wanted},
    control::Assignment,
    media::{
        AudioState, FaultKind, FeedClock, Ingest, Memory, Outlet, OutletEvent, Picture, Preview, RecorderEvent,
        RenditionFailure,
        source::{Route, Transport},
    },
};

/// How often silence is looked for; a tenth of what counts as stalled.
const WATCH_EVERY: Duration = Duration::from_millis(150);
/// Pause before an outlet is built anew: one that fails at once must not keep the machine busy.
const REOPEN_AFTER: Duration = Duration::from_secs(1);
/// Pause before a feed for which there was no room looks for it again.
const ROOM_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How often it is looked at what passes, and what it costs.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a feed's worker needs from the engine.
pub(super) struct Surroundings {
    /// Where the feed stands among the operator's feeds.
    pub(super) place: usize,
    /// Where feeds go, which may change.
    pub(super) connectors: watch::Receiver<Connectors>,
    pub(super) secrets: Arc<Secrets>,
    pub(super) demo: Arc<SharedDemo>,
    pub(super) encoders: Arc<Encoders>,
    /// How long a feed runs on while nobody watches.
    pub(super) linger: Duration,
    /// Where and how it is recorded.
    pub(super) recording: RecordingConfig,
    /// Its data channels.
    pub(super) exchange: Arc<Exchange>,
    /// Who shares bitrate out among the feeds.
    pub(super) sharing: Arc<Sharing>,
    /// How statistics are taken, which may change.
    pub(super) statistics: watch::Receiver<StatisticsConfig>,
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
    /// What becomes of the call of this number for the camera's second stream.
    Second(u64, DialEvent),
    /// The rendition of this number stopped.
    RenditionFailed(u64, RenditionFailure),
    /// What becomes of this opening's sound.
    Audio(u64, AudioState),
    /// What is wanted at the destination of this number.
    Demand(u64, Wanted),
    /// How the feed is at the destination of this number.
    Connector(u64, ConnectorState),
    /// Something that the operator should know.
    Notice(String),
    /// What the outlet of this number tells.
    Outlet(u64, OutletEvent),
    /// What the recorder of this number tells.
    Recorder(u64, RecorderEvent),
    /// What became of a picture that was to be saved.
    Snapshot(Result<PathBuf, String>),
}

/// A connector, and what is served there.
struct Destination {
    id: ConnectorId,
    connector: Arc<dyn Connector>,
    /// What the connector needs of the feed.
    needs: Needs,
    connection: Box<dyn Connection>,
    /// How many sessions run or are asked for.
    wanted: Wanted,
    /// One for each codec in demand; none while there is nothing to send.
    outlets: BTreeMap<Codec, Served>,
}

/// An outlet at work.
struct Served {
    /// What an earlier outlet says is not heard.
    number: u64,
    codec: Codec,
    /// Before the outlet: what waits at the door finds another.
    door: Box<dyn Door>,
    outlet: Outlet,
    /// The sessions that there are now.
    viewers: Vec<String>,
    /// The rendition that is sent to everybody.
    sends: Option<RenditionRole>,
}

/// Runs a feed until it is asked to end.
pub(super) async fn run(config: FeedConfig, around: Surroundings, mut requests: UnboundedReceiver<Request>) {
    let (inner, mut events) = unbounded_channel();
    let mut worker = Worker {
        supervisor: Supervisor::new(Route::of(&config.source), Instant::now()),
        state: FeedState::Idle,
        clock: FeedClock::new(),
        in_force: InForce { setpoint: Setpoint::of(&config), by: ChangedBy::default() },
        resizing: Resizing::default(),
        agents: Agents::new(config.agent, Setpoint::of(&config), Instant::now()),
        config,
        around,
        inner,
        attempt: 0,
        dialling: None,
        transport: Transport::Udp,
        broken_decoders: Vec::new(),
        received: None,
        memory: Memory::System,
        ingest: None,
        picture: None,
        camera: CameraPath::default(),
        second: SecondStream::default(),
        encodings: BTreeMap::new(),
        assignment: Assignment::default(),
        on_low: BTreeMap::new(),
        sees: BTreeMap::new(),
        low_at: None,
        main: MainRendition::default(),
        sound: FeedSound::default(),
        destinations: BTreeMap::new(),
        announced: 0,
        previews: BTreeMap::new(),
        openings: 0,
        outlets: 0,
        renditions: 0,
        missing: BTreeMap::new(),
        broken_encoders: Vec::new(),
        encoder: None,
        beside: Vec::new(),
        refused: BTreeSet::new(),
        encode_at: BTreeMap::new(),
        reopen_at: None,
        interrupted: None,
        start_at: None,
        idle_since: None,
        statistics: Statistics::default(),
        sockets: Vec::new(),
        keeping: Keeping::default(),
    };
    (worker.around.tell)(FeedEvent::Setpoint(worker.in_force.clone()));
    let mut watch = tokio::time::interval(WATCH_EVERY);
    let mut look = tokio::time::interval(LOOK_EVERY);
    let mut sampling = worker.around.statistics.borrow().interval();
    let mut sample = tokio::time::interval(sampling);
    sample.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut report_at = None;
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                Some(Request::Command(command)) => worker.command(command),
                Some(Request::Attach(number, preview)) => worker.attach(number, preview),
                Some(Request::Detach(number)) => worker.detach(number),
                Some(Request::End) | None => break,
            },
            Some(event) = events.recv() => worker.event(event),
            Ok(()) = worker.around.connectors.changed() => worker.connectors_changed(),
            _ = watch.tick() => worker.watch(),
            _ = look.tick() => {
                worker.count(Instant::now());
                worker.choose_path(Instant::now());
                worker.weigh();
                worker.look_after_codecs(Instant::now());
                worker.excuse_silence();
            }
            _ = sample.tick() => {
                worker.ask_sessions();
                report_at = Some(tokio::time::Instant::now() + ANSWER_WITHIN);
            }
            () = until(report_at) => {
                report_at = None;
                worker.report();
                let wanted = worker.around.statistics.borrow().interval();
                if wanted != sampling {
                    sampling = wanted;
                    sample = tokio::time::interval(sampling);
                    sample.set_missed_tick_behavior(MissedTickBehavior::Skip);
                }
            }
        }
    }
    worker.hang_up();
    worker.close();
    drop_aside(worker.previews);
    // Files are ended before the program does.
    let _ = spawn_blocking(move || drop(worker.keeping)).await;
}

struct Worker {
    /// What the operator asked for; of the picture and its bitrate, `in_force` says what holds.
    config: FeedConfig,
    in_force: InForce,
    resizing: Resizing,
    agents: Agents,
    around: Surroundings,
    supervisor: Supervisor,
    /// What was told last.
    state: FeedState,
    clock: FeedClock,
    inner: UnboundedSender<Inner>,
    /// Number of the present attempt; what older ones say is not heard.
    attempt: u64,
    dialling: Option<AbortHandle>,
    /// That of the present attempt.
    transport: Transport,
    /// Decoders that failed on what this camera sends.
    broken_decoders: Vec<String>,
    /// Which feed of a sender at a relay was received last.
    received: Option<String>,
    /// Where the camera's pictures lie.
    memory: Memory,
    ingest: Option<Ingest>,
    /// What the camera sends; `None` before its first picture.
    picture: Option<Picture>,
    camera: CameraPath,
    second: SecondStream,
    /// The renditions that are made now.
    encodings: BTreeMap<Form, Encoding>,
    assignment: Assignment,
    /// Viewers that see little, or are about to, and the rendition that was found for each.
    on_low: BTreeMap<String, Option<RenditionRole>>,
    /// What each viewer sees, as far as that has changed since it joined.
    sees: BTreeMap<String, RenditionRole>,
    /// When a low rendition that could not be made may be tried again.
    low_at: Option<Instant>,
    main: MainRendition,
    sound: FeedSound,
    /// By a number that no other destination of this feed has had.
    destinations: BTreeMap<u64, Destination>,
    /// How many destinations there were.
    announced: u64,
    previews: BTreeMap<u64, Preview>,
    /// How often the viewers' side was opened; what earlier openings say is not heard.
    openings: u64,
    /// How many outlets were opened.
    outlets: u64,
    /// How often an encoder was started; what earlier ones say is not heard.
    renditions: u64,
    /// Codecs that could not be made for viewers, and when they are offered again.
    missing: BTreeMap<Codec, Instant>,
    /// Encoders that failed while this feed used them.
    broken_encoders: Vec<String>,
    /// What was told last.
    encoder: Option<EncoderInUse>,
    /// What was told last.
    beside: Vec<Beside>,
    /// Why properties that the operator set were left out, as far as it was told.
    refused: BTreeSet<String>,
    /// When an encoder is to be started after all of them failed.
    encode_at: BTreeMap<Form, Instant>,
    /// When an outlet that failed is to be built anew.
    reopen_at: Option<Instant>,
    /// What the feed did before it could not be built anew.
    interrupted: Option<FeedState>,
    /// When a feed for which there was no room is to be started.
    start_at: Option<Instant>,
    /// Since when nobody watches; `None` while it does not matter.
    idle_since: Option<Instant>,
    statistics: Statistics,
    /// Where programs of this machine take part in its data channels.
    sockets: Vec<Socket>,
    keeping: Keeping,
}

impl Worker {
    fn command(&mut self, command: FeedCommand) {
        match command {
            FeedCommand::Start => {
                self.open_sockets();
                self.start();
            }
            FeedCommand::Stop => {
                (self.start_at, self.interrupted) = (None, None);
                self.input(Input::Stop);
                self.close();
                self.sockets.clear();
            }
            FeedCommand::Apply { change, by } => self.asked_for(change, by),
            FeedCommand::SetAgent { agent } => self.set_agent(agent),
            FeedCommand::Overtake { limit } => self.overtake(limit.map(Duration::from_secs)),
            FeedCommand::GiveBack => self.give_back(),
            FeedCommand::SetShare { share } => self.set_share(share),
            FeedCommand::SetStream { stream } => self.set_stream(stream),
            FeedCommand::RecordStatistics { on } => self.config.record_statistics = on,
            FeedCommand::SetCodec { codec, encoder } => self.set_codec(codec, encoder),
            FeedCommand::SetElement { role, name, value } => self.set_element(role, &name, &value),
            FeedCommand::StartRecording => self.set_recording(true),
            FeedCommand::StopRecording => self.set_recording(false),
            FeedCommand::KeepLast { on } => self.set_keeping_last(on),
            FeedCommand::SaveLast => self.save_last(),
            FeedCommand::Snapshot => self.ask_for_snapshot(),
            // The engine sees to these, past whatever this worker is at.
            FeedCommand::SendData { .. } | FeedCommand::Attend { .. } => {}
            FeedCommand::ForgetCertificate => {
                self.know_by(None);
                self.input(Input::Redirect(Route::of(&self.config.source)));
            }
        }
    }

    /// Opens the viewers' side, then the camera's. For want of room it is tried again: other
    /// feeds end, or turn out to cost less than was expected.
    fn start(&mut self) {
        self.start_at = None;
        let Err(fault) = self.open() else { return self.input(Input::Start) };
        let retry_in = if fault.kind == FaultKind::NoRoom { ROOM_AGAIN_AFTER } else { Duration::MAX };
        self.start_at = Instant::now().checked_add(retry_in);
        self.tell(FeedState::Failed { fault, retry_in });
    }

    /// Dials the camera's other stream; viewers stay, and get its pictures when they come.
    fn set_stream(&mut self, stream: StreamChoice) {
        let SourceConfig::Rtsp(rtsp) = &mut self.config.source else { return };
        let before = rtsp.address_in_use().clone();
        rtsp.stream = stream;
        if *rtsp.address_in_use() != before {
            self.input(Input::Redirect(Route::of(&self.config.source)));
        }
    }

    /// The camera is known by this certificate from the next attempt on.
    fn know_by(&mut self, fingerprint: Option<Fingerprint>) {
        if self.config.know_by(fingerprint) {
            (self.around.tell)(FeedEvent::Certificate { fingerprint });
        }
    }

    fn event(&mut self, event: Inner) {
        match event {
            Inner::Dial(attempt, event) if attempt == self.attempt => self.dial_event(event),
            Inner::Dial(_, DialEvent::Started(Ok(late))) => drop_aside(late),
            Inner::Notice(sentence) => self.notice(sentence),
            Inner::Second(attempt, event) => self.second_event(attempt, event),
            Inner::RenditionFailed(number, failure) => self.rendition_failed(number, failure),
            Inner::Demand(place, wanted) => self.demanded(place, wanted),
            Inner::Connector(place, state) => self.connector_told(place, state),
            Inner::Outlet(number, event) => self.outlet_event(number, event),
            Inner::Recorder(number, event) => self.recorder_event(number, event),
            Inner::Snapshot(result) => self.snapshot_taken(result),
            Inner::Audio(opening, state) if opening == self.openings => (self.around.tell)(FeedEvent::Audio(state)),
            Inner::Dial(..) | Inner::Audio(..) => {}
        }
    }

    fn watch(&mut self) {
        if self.start_at.is_some_and(|at| at <= Instant::now()) {
            self.start();
        }
        if self.reopen_at.is_some_and(|at| at <= Instant::now()) {
            self.reopen();
        }
        self.encode_again(Instant::now());
        self.consult(Instant::now());
        self.assign(Instant::now());
        self.keep_second(Instant::now());
        self.keep_main(Instant::now());
        self.resize_when_due();
        let silence = self.ingest.as_ref().and_then(Ingest::silence);
        self.supervisor.set_sending(self.ingest.as_ref().is_some_and(Ingest::is_sent_to));
        self.input(Input::Tick { silence });
        self.look_after_keeping(Instant::now());
        self.rest_when_due(Instant::now());
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

    /// Tells the operator something that needs no answer.
    fn notice(&self, sentence: String) {
        (self.around.tell)(FeedEvent::Notice { sentence });
    }

    fn tell(&mut self, state: FeedState) {
        self.state = state.clone();
        for destination in self.destinations.values() {
            destination.connection.show(state.name(), &state.sentence());
        }
        (self.around.tell)(FeedEvent::State(state));
    }

    fn attach(&mut self, number: u64, mut preview: Preview) {
        if let Some(ingest) = &self.ingest {
            show(&mut preview, ingest);
        }
        self.previews.insert(number, preview);
        self.decode_as_needed();
        self.wake();
    }

    fn detach(&mut self, number: u64) {
        if let Some(preview) = self.previews.remove(&number) {
            drop_aside(preview);
            self.decode_as_needed();
        }
    }
}

/// Waits until then; for ever where there is no such time.
async fn until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Ending a pipeline may take a moment that nobody should wait for.
fn drop_aside(pipeline: impl Send + 'static) {
    spawn_blocking(move || drop(pipeline));
}
