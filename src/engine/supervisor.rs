//! Keeps one camera connected: when to connect, to wait, to hang up.
//!
//! Pure: it is told what happened and when, and answers what to do.
//!
//! ```text
//!                 ┌───────── wait is over ──────────┐
//!                 ▼                                 │
//!   Start ──► Dialling ──────── fault ─────────► Waiting
//!               │  ▲
//!        picture│  │fault: at once, or
//!               ▼  │3 s of silence more
//!             Live ─┴── 1.5 s of silence ──► Silent
//!               ▲────────── picture ────────────┘
//! ```
//!
//! From a relay's sender, with whom ICE may find another way, it is 10 s.
//!
//! `Rest` ends all of it like `Stop`, until the next `Start`; only the word for it is another.
//!
//! What is told to people is less restless: a feed is `Connecting` once, at its
//! start, and says what is late where that takes longer than two seconds. Later attempts happen behind `Stalled`, `Backoff` or `Failed`, and the
//! words change when an attempt has ended.

use std::time::{Duration, Instant};

use rand::RngExt;

use super::{Awaited, FeedState};
use crate::{
    i18n::gettext,
    media::{
        FaultKind, MediaFault, Picture,
        source::{Route, Transport},
    },
};

/// Silence after which a live feed counts as stalled.
const STALLED_AFTER: Duration = Duration::from_millis(1500);
/// A picture this young ends a stall.
const FRESH: Duration = Duration::from_millis(500);
/// How long a camera may take to say what it sends. Longer than the source and the
/// look into its failure take together: they know better words for it.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// How long the first packet may take after that.
const PACKET_PATIENCE: Duration = Duration::from_secs(5);
/// How long packets may come without a picture: longer than the longest usual distance of key
/// frames, 30 s, and than the ingest waits for one.
const PICTURE_PATIENCE: Duration = Duration::from_secs(35);
/// Retries are quick this long after the picture was lost.
const QUICK_FOR: Duration = Duration::from_mins(1);
/// How long a start may take before it is said what it waits for.
const LATE_AFTER: Duration = Duration::from_secs(2);
/// A quick wait, drawn from this range.
const QUICK_WAIT: std::ops::Range<f64> = 0.5..1.2;
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The wait where only a person can help.
const HOPELESS_WAIT: Duration = Duration::from_mins(1);
/// Live this long, the next loss is a new one.
const HEALTHY_AFTER: Duration = Duration::from_mins(1);

/// What happened.
#[derive(Clone, Debug)]
pub(super) enum Input {
    /// The operator wants the feed.
    Start,
    /// The operator does not want it any more.
    Stop,
    /// Nobody watches it.
    Rest,
    /// The operator wants it from elsewhere, or in another way.
    Redirect(Route),
    /// The camera said what it sends.
    Answered,
    /// The camera's first packet came.
    Packet,
    /// The first picture came, or the first of another size.
    Picture(Picture),
    /// The attempt, or the running connection, is over.
    Fault(MediaFault),
    /// Time passed; `silence` is the age of the newest picture.
    Tick {
        /// `None` before the first picture of this connection.
        silence: Option<Duration>,
    },
}

/// What to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Action {
    /// Hang up if need be, and connect over this transport.
    Connect(Transport),
    /// Hang up.
    HangUp,
    /// Tell everybody.
    Tell(FeedState),
}

/// Where the connection stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Nobody wants the feed.
    Off,
    /// Nobody watches the feed.
    Resting,
    /// An attempt is under way.
    Dialling,
    /// Pictures come.
    Live,
    /// Connected, and no picture comes any more.
    Silent,
    /// No connection; the next attempt comes after this long.
    Waiting(Duration),
}

/// How far an attempt has come.
#[derive(Clone, Copy, Debug)]
enum Heard {
    /// Not a word yet.
    Nothing,
    /// The camera has said what it sends.
    Answer,
    /// It sends.
    Packets,
}

impl Heard {
    /// How long the next step may take.
    fn patience(self) -> Duration {
        match self {
            Self::Nothing => ANSWER_PATIENCE,
            Self::Answer => PACKET_PATIENCE,
            Self::Packets => PICTURE_PATIENCE,
        }
    }

    /// The next step.
    fn awaited(self) -> Awaited {
        match self {
            Self::Nothing => Awaited::Answer,
            Self::Answer => Awaited::Packets,
            Self::Packets => Awaited::KeyFrame,
        }
    }

    /// What is wrong when the next step does not come.
    fn and_no_more(self, route: Route) -> MediaFault {
        match self {
            Self::Nothing => MediaFault::new(
                FaultKind::Unreachable,
                gettext("The camera does not answer."),
                gettext("Check its power and network, and that a firewall lets RTSP through."),
            ),
            Self::Answer => route.silent_fault(),
            Self::Packets => MediaFault::new(
                FaultKind::Silent,
                gettext("The camera sends, but no whole picture has come."),
                gettext(
                    "Set a shorter key frame interval in the camera's settings, or on a bad network a lower bitrate.",
                ),
            ),
        }
    }
}

/// One camera's supervisor.
#[derive(Debug)]
pub(super) struct Supervisor {
    phase: Phase,
    /// When the present phase, or the present attempt, began.
    since: Instant,
    /// What may be tried.
    route: Route,
    transport: Transport,
    /// What brought the last picture, and is tried first.
    worked: Transport,
    /// The other transport has had its turn in this attempt.
    other_tried: bool,
    /// What has come from the camera in this attempt.
    heard: Heard,
    /// Attempts that failed since the feed was last healthy.
    failures: u32,
    /// When the picture was lost, or the feed was started.
    outage_since: Instant,
    watched: bool,
    /// The camera sends, whatever becomes of it.
    sending: bool,
    /// What is told to be late; `None` once the start has come to something.
    late: Option<Awaited>,
    /// The newest picture's form.
    picture: Option<Picture>,
}

impl Supervisor {
    /// A supervisor of a feed that is not started.
    pub(super) fn new(route: Route, now: Instant) -> Self {
        Self {
            phase: Phase::Off,
            since: now,
            route,
            transport: route.first(),
            worked: route.first(),
            other_tried: false,
            heard: Heard::Nothing,
            failures: 0,
            outage_since: now,
            watched: false,
            sending: false,
            late: None,
            picture: None,
        }
    }

    /// Whether pictures come.
    pub(super) fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }

    /// Whether it waits for somebody to watch.
    pub(super) fn is_resting(&self) -> bool {
        self.phase == Phase::Resting
    }

    /// While somebody watches, waits stay short.
    pub(super) fn set_watched(&mut self, watched: bool) {
        self.watched = watched;
    }

    /// Whether packets come: with no picture in them, that is another trouble than silence.
    pub(super) fn set_sending(&mut self, sending: bool) {
        self.sending = sending;
    }

    /// Takes note of what happened and says what to do.
    pub(super) fn on(&mut self, input: Input, now: Instant) -> Vec<Action> {
        match (self.phase, input) {
            (Phase::Off | Phase::Resting, Input::Start) => self.start(now),
            (Phase::Off | Phase::Resting, Input::Redirect(route)) => self.take(route),
            (Phase::Off, _) => Vec::new(),
            (_, Input::Redirect(route)) => self.redirect(route, now),
            (_, Input::Stop) => self.end(Phase::Off, FeedState::Stopped, now),
            (Phase::Live, Input::Rest) => self.end(Phase::Resting, FeedState::Standby, now),
            (Phase::Dialling, Input::Answered) => self.hear(Heard::Answer, now),
            (Phase::Dialling, Input::Packet) => self.hear(Heard::Packets, now),
            (Phase::Dialling | Phase::Live | Phase::Silent, Input::Picture(picture)) => self.live(picture, now),
            (Phase::Live | Phase::Silent, Input::Fault(fault)) => self.lost(fault, now),
            (Phase::Dialling, Input::Fault(fault)) => self.failed(fault, now),
            (_, Input::Tick { silence }) => self.tick(silence, now),
            _ => Vec::new(),
        }
    }

    fn start(&mut self, now: Instant) -> Vec<Action> {
        self.failures = 0;
        self.outage_since = now;
        self.late = Some(Awaited::Nothing);
        vec![Action::Tell(FeedState::Connecting { awaited: Awaited::Nothing }), self.attempt(now)]
    }

    /// Takes the new ways; what worked before is tried first where it is still one of them.
    fn take(&mut self, route: Route) -> Vec<Action> {
        self.route = route;
        if !route.allows(self.worked) {
            self.worked = route.first();
        }
        self.transport = self.worked;
        self.other_tried = false;
        Vec::new()
    }

    /// Asked for by a person, who waits for it: as at the start.
    fn redirect(&mut self, route: Route, now: Instant) -> Vec<Action> {
        self.take(route);
        self.start(now)
    }

    fn end(&mut self, phase: Phase, state: FeedState, now: Instant) -> Vec<Action> {
        self.enter(phase, now);
        vec![Action::HangUp, Action::Tell(state)]
    }

    fn tick(&mut self, silence: Option<Duration>, now: Instant) -> Vec<Action> {
        let elapsed = now.saturating_duration_since(self.since);
        let fresh = silence.is_some_and(|silence| silence < FRESH);
        match self.phase {
            Phase::Dialling if elapsed > self.heard.patience() => self.failed(self.heard.and_no_more(self.route), now),
            Phase::Dialling => self.tell_what_is_late(now),
            Phase::Live if silence.is_some_and(|silence| silence > STALLED_AFTER) => {
                self.outage_since = now;
                self.enter(Phase::Silent, now);
                let fault = if self.sending { no_picture_fault() } else { self.route.silent_fault() };
                vec![Action::Tell(FeedState::Stalled { fault })]
            }
            Phase::Live if elapsed > HEALTHY_AFTER => {
                self.failures = 0;
                Vec::new()
            }
            Phase::Silent if fresh => self.picture.clone().map_or_else(Vec::new, |picture| self.live(picture, now)),
            Phase::Silent if elapsed > self.route.comes_back_within() => vec![self.attempt(now)],
            Phase::Waiting(wait) if elapsed >= wait => vec![self.attempt(now)],
            _ => Vec::new(),
        }
    }

    /// Says once of every step that the start is waiting for it. It never goes back to an
    /// earlier one: the other transport's attempt is the same start.
    fn tell_what_is_late(&mut self, now: Instant) -> Vec<Action> {
        let awaited = self.heard.awaited();
        let is_news = self.late.is_some_and(|told| told < awaited);
        if !is_news || now.saturating_duration_since(self.outage_since) <= LATE_AFTER {
            return Vec::new();
        }
        self.late = Some(awaited);
        vec![Action::Tell(FeedState::Connecting { awaited })]
    }

    /// The attempt got on: what comes next has its own time.
    fn hear(&mut self, heard: Heard, now: Instant) -> Vec<Action> {
        self.heard = heard;
        self.since = now;
        Vec::new()
    }

    fn live(&mut self, picture: Picture, now: Instant) -> Vec<Action> {
        self.worked = self.transport;
        self.other_tried = false;
        self.late = None;
        self.picture = Some(picture.clone());
        self.enter(Phase::Live, now);
        vec![Action::Tell(FeedState::Live { picture })]
    }

    /// A connection that had a picture broke off: say so, and connect again at once.
    fn lost(&mut self, fault: MediaFault, now: Instant) -> Vec<Action> {
        if self.phase == Phase::Live {
            self.outage_since = now;
        }
        vec![Action::Tell(FeedState::Stalled { fault }), self.attempt(now)]
    }

    /// An attempt came to nothing.
    fn failed(&mut self, fault: MediaFault, now: Instant) -> Vec<Action> {
        if may_be_the_transport(fault.kind)
            && !self.other_tried
            && let Some(other) = self.route.other(self.transport)
        {
            self.other_tried = true;
            self.transport = other;
            return vec![self.attempt(now)];
        }
        self.failures += 1;
        self.late = None;
        // A camera that is still busy with ending the first attempt says so to the second one: that was not the
        // other transport's turn yet.
        if !self.other_tried || may_be_the_transport(fault.kind) {
            self.transport = self.worked;
        }
        self.other_tried = false;
        let hopeless = needs_a_person(fault.kind);
        let retry_in = if hopeless { HOPELESS_WAIT } else { self.wait(now) };
        self.enter(Phase::Waiting(retry_in), now);
        let state =
            if hopeless { FeedState::Failed { fault, retry_in } } else { FeedState::Backoff { fault, retry_in } };
        vec![Action::HangUp, Action::Tell(state)]
    }

    /// Hangs up, if need be, and dials.
    fn attempt(&mut self, now: Instant) -> Action {
        self.heard = Heard::Nothing;
        self.enter(Phase::Dialling, now);
        Action::Connect(self.transport)
    }

    fn enter(&mut self, phase: Phase, now: Instant) {
        self.phase = phase;
        self.since = now;
    }

    /// Quick while somebody waits for the picture; then full jitter, so that a
    /// fleet of feeds does not knock at a returning camera all at once.
    fn wait(&self, now: Instant) -> Duration {
        let outage = now.saturating_duration_since(self.outage_since);
        let mut random = rand::rng();
        if self.watched || outage < QUICK_FOR {
            return Duration::from_secs_f64(random.random_range(QUICK_WAIT));
        }
        let ceiling = LONGEST_WAIT.min(Duration::from_secs(1 << self.failures.min(5)));
        Duration::from_secs_f64(random.random_range(QUICK_WAIT.start..=ceiling.as_secs_f64()))
    }
}

/// Packets without pictures: another codec than before, or nothing that is one.
fn no_picture_fault() -> MediaFault {
    MediaFault::new(
        FaultKind::Silent,
        gettext("The camera goes on sending, but nothing that becomes a picture."),
        gettext("Heliograph connects anew in a moment; if this stays, restart the camera."),
    )
}

/// Whether the other transport is worth an attempt.
fn may_be_the_transport(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::Silent | FaultKind::NoTransport)
}

/// Whether trying again soon is pointless, or even locks the operator out.
fn needs_a_person(kind: FaultKind) -> bool {
    use FaultKind as F;
    matches!(
        kind,
        F::Unauthorized
            | F::NoVideo
            | F::UndecodableCodec
            | F::MissingPlugin
            | F::Password
            | F::Contradiction
            | F::Certificate
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SourceAddress, TransportChoice};

    /// A supervisor on a clock of its own, with what it told and did.
    struct Bench {
        supervisor: Supervisor,
        now: Instant,
        /// Names of the states told, in order.
        told: Vec<&'static str>,
        /// What was told to be late.
        late: Vec<Awaited>,
        /// Transports of the attempts, in order.
        attempts: Vec<Transport>,
        hung_up: usize,
        /// When the newest picture came.
        pictured: Instant,
    }

    impl Bench {
        fn started() -> Self {
            Self::over(TransportChoice::Automatic)
        }

        fn over(choice: TransportChoice) -> Self {
            let now = Instant::now();
            let mut bench = Self {
                supervisor: Supervisor::new(route(choice), now),
                now,
                told: Vec::new(),
                late: Vec::new(),
                attempts: Vec::new(),
                hung_up: 0,
                pictured: now,
            };
            bench.on(Input::Start);
            bench
        }

        fn live() -> Self {
            let mut bench = Self::started();
            bench.on(Input::Picture(picture(1280)));
            bench
        }

        fn on(&mut self, input: Input) {
            for action in self.supervisor.on(input, self.now) {
                match action {
                    Action::Connect(transport) => self.attempts.push(transport),
                    Action::HangUp => self.hung_up += 1,
                    Action::Tell(FeedState::Connecting { awaited }) if awaited != Awaited::Nothing => {
                        self.late.push(awaited);
                    }
                    Action::Tell(state) => self.told.push(state.name()),
                }
            }
        }

        /// Lets time pass in steps of a tick, with or without new pictures.
        fn pass(&mut self, time: Duration, silent: bool) {
            let end = self.now + time;
            while self.now < end {
                self.now += Duration::from_millis(150);
                if !silent {
                    self.pictured = self.now;
                }
                self.on(Input::Tick { silence: Some(self.now - self.pictured) });
            }
        }
    }

    fn route(choice: TransportChoice) -> Route {
        Route::new(choice, &"rtsp://bow.local/s".parse().unwrap())
    }

    fn picture(width: u32) -> Picture {
        Picture { width, height: 720, codec: "H.264".into(), ..Picture::default() }
    }

    fn fault(kind: FaultKind) -> MediaFault {
        MediaFault::new(kind, "It broke.", "Mend it.")
    }

    #[test]
    fn a_start_connects_and_a_picture_makes_it_live() {
        let bench = Bench::live();
        assert_eq!(bench.told, ["connecting", "live"]);
        assert_eq!(bench.attempts, [Transport::Udp]);
    }

    #[test]
    fn a_start_that_takes_long_says_what_it_waits_for() {
        let mut bench = Bench::started();
        bench.pass(Duration::from_millis(1900), true);
        assert_eq!(bench.late, []);
        bench.pass(Duration::from_millis(300), true);
        bench.on(Input::Answered);
        bench.pass(Duration::from_millis(300), true);
        assert_eq!(bench.late, [Awaited::Answer, Awaited::Packets]);
        // Nothing came over UDP: the next transport starts from the first step, silently.
        bench.pass(Duration::from_secs(6), true);
        assert_eq!((bench.attempts.len(), bench.late.len()), (2, 2));
        bench.on(Input::Packet);
        bench.pass(Duration::from_millis(300), true);
        bench.on(Input::Picture(picture(1280)));
        assert_eq!(bench.late.last(), Some(&Awaited::KeyFrame));
        assert_eq!(bench.told.last(), Some(&"live"));
        // What was live once says so: its stall stands until it is over.
        bench.on(Input::Fault(fault(FaultKind::Closed)));
        bench.pass(Duration::from_secs(5), true);
        assert_eq!((bench.told.last(), bench.late.len()), (Some(&"stalled"), 3));
    }

    #[test]
    fn a_stall_with_packets_is_another_than_one_without() {
        let stalled = |sending| {
            let mut supervisor = Bench::live().supervisor;
            supervisor.set_sending(sending);
            let silence = Some(STALLED_AFTER + FRESH);
            match supervisor.on(Input::Tick { silence }, Instant::now()).as_slice() {
                [Action::Tell(FeedState::Stalled { fault })] => fault.message.clone(),
                actions => panic!("{actions:?}"),
            }
        };
        assert!(stalled(true).contains("goes on sending"));
        assert!(!stalled(false).contains("goes on sending"));
    }

    #[test]
    fn nothing_happens_before_the_start_and_after_the_stop() {
        let now = Instant::now();
        let mut supervisor = Supervisor::new(route(TransportChoice::Automatic), now);
        assert!(supervisor.on(Input::Tick { silence: None }, now).is_empty());
        assert!(supervisor.on(Input::Fault(fault(FaultKind::Closed)), now).is_empty());
        let mut bench = Bench::live();
        bench.on(Input::Stop);
        bench.on(Input::Picture(picture(640)));
        bench.pass(Duration::from_secs(100), true);
        assert_eq!(bench.told, ["connecting", "live", "stopped"]);
        assert_eq!(bench.hung_up, 1);
    }

    #[test]
    fn a_feed_that_rests_starts_and_stops_like_any_other() {
        let mut bench = Bench::live();
        bench.on(Input::Rest);
        assert!(bench.supervisor.is_resting());
        bench.pass(Duration::from_secs(100), true);
        bench.on(Input::Picture(picture(640)));
        bench.on(Input::Redirect(route(TransportChoice::Tcp)));
        assert_eq!((bench.told.last(), bench.attempts.len(), bench.hung_up), (Some(&"standby"), 1, 1));
        bench.on(Input::Start);
        bench.on(Input::Picture(picture(1280)));
        assert_eq!(bench.told, ["connecting", "live", "standby", "connecting", "live"]);
        assert_eq!(bench.attempts.last(), Some(&Transport::Tcp));
        bench.on(Input::Rest);
        bench.on(Input::Stop);
        assert_eq!(bench.told.last(), Some(&"stopped"));
    }

    #[test]
    fn a_feed_in_trouble_does_not_rest() {
        let mut bench = Bench::live();
        bench.on(Input::Fault(fault(FaultKind::Closed)));
        bench.on(Input::Fault(fault(FaultKind::Refused)));
        bench.on(Input::Rest);
        assert_eq!(bench.told.last(), Some(&"backoff"));
        assert!(!bench.supervisor.is_resting());
    }

    #[test]
    fn silence_stalls_within_two_seconds_and_hangs_up_after_three_more() {
        let mut bench = Bench::live();
        bench.pass(Duration::from_millis(1400), true);
        assert_eq!(bench.told.last(), Some(&"live"));
        bench.pass(Duration::from_millis(500), true);
        assert_eq!(bench.told.last(), Some(&"stalled"));
        assert_eq!(bench.attempts.len(), 1);
        bench.pass(Duration::from_millis(3200), true);
        assert_eq!(bench.told, ["connecting", "live", "stalled"]);
        assert_eq!(bench.attempts.len(), 2);
    }

    #[test]
    fn a_relays_sender_may_be_away_for_longer() {
        let now = Instant::now();
        let (address, _) = SourceAddress::parse("ws://robot:8765").unwrap();
        let mut supervisor = Supervisor::new(Route::new(TransportChoice::Automatic, &address), now);
        supervisor.on(Input::Start, now);
        supervisor.on(Input::Picture(picture(640)), now);
        let mut look = |seconds| {
            let silence = Some(Duration::from_secs(seconds));
            supervisor.on(Input::Tick { silence }, now + Duration::from_secs(seconds))
        };
        assert!(matches!(look(2).as_slice(), [Action::Tell(FeedState::Stalled { .. })]));
        assert!(look(10).is_empty());
        assert!(matches!(look(13).as_slice(), [Action::Connect(_)]));
    }

    #[test]
    fn a_stalled_camera_may_come_back_by_itself() {
        let mut bench = Bench::live();
        bench.pass(Duration::from_secs(2), true);
        bench.pass(Duration::from_millis(200), false);
        assert_eq!(bench.told, ["connecting", "live", "stalled", "live"]);
        assert_eq!(bench.attempts.len(), 1);
    }

    #[test]
    fn a_live_feed_that_breaks_off_is_tried_again_at_once() {
        let mut bench = Bench::live();
        bench.on(Input::Fault(fault(FaultKind::Closed)));
        assert_eq!(bench.told.last(), Some(&"stalled"));
        assert_eq!(bench.attempts.len(), 2);
        bench.on(Input::Fault(fault(FaultKind::Refused)));
        assert_eq!(bench.told.last(), Some(&"backoff"));
    }

    #[test]
    fn a_stalled_one_that_breaks_off_is_tried_again_at_once_too() {
        let mut bench = Bench::live();
        bench.pass(Duration::from_secs(2), true);
        bench.on(Input::Fault(fault(FaultKind::Closed)));
        assert_eq!(bench.told, ["connecting", "live", "stalled", "stalled"]);
        assert_eq!(bench.attempts.len(), 2);
    }

    #[test]
    fn the_first_failure_is_treated_like_any_other() {
        let mut bench = Bench::started();
        bench.on(Input::Fault(fault(FaultKind::Refused)));
        assert_eq!(bench.told, ["connecting", "backoff"]);
        bench.pass(Duration::from_millis(1500), true);
        assert_eq!((bench.told.len(), bench.attempts.len()), (2, 2), "a second attempt without words");
        bench.on(Input::Picture(picture(640)));
        assert_eq!(bench.told.last(), Some(&"live"));
    }

    #[test]
    fn an_attempt_without_packets_goes_over_the_other_transport() {
        let mut bench = Bench::started();
        bench.on(Input::Answered);
        bench.pass(Duration::from_secs(6), true);
        assert_eq!(bench.attempts, [Transport::Udp, Transport::Tcp]);
        bench.on(Input::Picture(picture(640)));
        bench.on(Input::Fault(fault(FaultKind::Closed)));
        assert_eq!(bench.attempts.last(), Some(&Transport::Tcp), "what worked last is tried first");
    }

    #[test]
    fn the_other_transport_has_its_turn_once_the_camera_is_no_longer_busy() {
        use Transport::{Tcp, Udp};
        let mut bench = Bench::started();
        bench.on(Input::Fault(fault(FaultKind::NoTransport)));
        bench.on(Input::Fault(fault(FaultKind::Rejected)));
        bench.pass(Duration::from_millis(1500), true);
        assert_eq!(bench.attempts, [Udp, Tcp, Tcp]);
        // It always says so: perhaps it did mean the transport.
        bench.on(Input::Fault(fault(FaultKind::Rejected)));
        bench.pass(Duration::from_millis(1500), true);
        assert_eq!(bench.attempts, [Udp, Tcp, Tcp, Udp]);
    }

    #[test]
    fn a_forced_transport_is_the_only_one_ever_tried() {
        for choice in [TransportChoice::Udp, TransportChoice::Tcp, TransportChoice::Multicast] {
            let mut bench = Bench::over(choice);
            bench.on(Input::Answered);
            bench.pass(Duration::from_mins(1), true);
            bench.on(Input::Fault(fault(FaultKind::NoTransport)));
            bench.pass(Duration::from_mins(1), true);
            assert!(bench.attempts.len() > 3);
            assert!(bench.attempts.iter().all(|transport| *transport == route(choice).first()), "{choice}");
        }
    }

    #[test]
    fn a_redirected_feed_is_dialled_at_once_with_new_ways() {
        let mut bench = Bench::live();
        bench.on(Input::Redirect(route(TransportChoice::Tcp)));
        assert_eq!(bench.attempts, [Transport::Udp, Transport::Tcp]);
        bench.on(Input::Picture(picture(640)));
        assert_eq!(bench.told, ["connecting", "live", "connecting", "live"]);
        bench.on(Input::Fault(fault(FaultKind::Unauthorized)));
        bench.on(Input::Fault(fault(FaultKind::Unauthorized)));
        bench.on(Input::Redirect(route(TransportChoice::Automatic)));
        assert_eq!(bench.attempts.last(), Some(&Transport::Tcp), "what worked is still allowed");
        bench.on(Input::Stop);
        bench.on(Input::Redirect(route(TransportChoice::Udp)));
        assert_eq!(bench.told.last(), Some(&"stopped"));
    }

    #[test]
    fn a_changed_certificate_is_retried_slowly() {
        let mut bench = Bench::started();
        bench.on(Input::Fault(fault(FaultKind::Certificate)));
        assert_eq!(bench.told.last(), Some(&"failed"));
        bench.pass(Duration::from_secs(59), true);
        assert_eq!(bench.attempts.len(), 1);
    }

    #[test]
    fn a_camera_that_does_not_answer_is_not_asked_over_the_other_transport() {
        let mut bench = Bench::started();
        bench.pass(Duration::from_millis(9_800), true);
        assert_eq!(bench.told, ["connecting"]);
        bench.pass(Duration::from_millis(400), true);
        assert_eq!(bench.told, ["connecting", "backoff"]);
        assert_eq!(bench.attempts, [Transport::Udp]);
    }

    #[test]
    fn packets_without_a_picture_get_the_patience_of_a_long_gop() {
        let mut bench = Bench::started();
        bench.on(Input::Packet);
        bench.pass(PICTURE_PATIENCE.saturating_sub(Duration::from_secs(1)), true);
        assert_eq!(bench.attempts.len(), 1);
        bench.pass(Duration::from_secs(2), true);
        assert_eq!(bench.attempts.len(), 2);
    }

    #[test]
    fn waits_are_quick_for_a_minute_and_long_after_it() {
        let waits = |bench: &mut Bench| -> Vec<f64> {
            (0..200).map(|_| bench.supervisor.wait(bench.now).as_secs_f64()).collect()
        };
        let mut bench = Bench::started();
        bench.supervisor.failures = 10;
        assert!(waits(&mut bench).iter().all(|wait| (0.5..1.2).contains(wait)));
        bench.now += Duration::from_secs(61);
        let long = waits(&mut bench);
        assert!(long.iter().all(|wait| (0.5..=30.0).contains(wait)));
        assert!(long.iter().any(|wait| *wait > 10.0));
        bench.supervisor.set_watched(true);
        assert!(waits(&mut bench).iter().all(|wait| (0.5..1.2).contains(wait)));
    }

    #[test]
    fn a_wrong_password_is_said_plainly_and_retried_slowly() {
        let mut bench = Bench::started();
        bench.on(Input::Fault(fault(FaultKind::Unauthorized)));
        assert_eq!(bench.told.last(), Some(&"failed"));
        bench.pass(Duration::from_secs(59), true);
        assert_eq!(bench.attempts.len(), 1);
        bench.pass(Duration::from_secs(2), true);
        assert_eq!(bench.attempts.len(), 2);
    }

    #[test]
    fn a_healthy_minute_forgets_old_failures() {
        let mut bench = Bench::started();
        for _ in 0..5 {
            bench.on(Input::Fault(fault(FaultKind::Refused)));
            bench.pass(Duration::from_millis(1500), true);
        }
        assert_eq!(bench.supervisor.failures, 5);
        bench.on(Input::Picture(picture(640)));
        bench.pass(Duration::from_secs(61), false);
        assert_eq!(bench.supervisor.failures, 0);
    }
}
