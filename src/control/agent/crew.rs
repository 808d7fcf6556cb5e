//! The agents of a feed: which of them acts, and what it may do.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Agent, Decision, Gcc, Manual, Observation};
use crate::{
    config::{AgentKind, ChangedBy, SetpointChange},
    control::{Asks, Share},
};

/// An agent that was relieved for its silence has to speak for this long before it acts again.
const BACK_AFTER: Duration = Duration::from_secs(2);
/// More than this many times what is sent is not known to be carried.
const KNOWN: f64 = 1.5;

/// What an agent is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It watches, and may not act yet.
    WarmUp,
    /// Its decisions hold.
    Active,
    /// It watches, and says what it would do.
    Passive,
    /// It does nothing.
    Stopped,
}

/// Who acts on a feed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CrewState {
    /// Who was chosen.
    pub chosen: AgentKind,
    /// What that one is doing.
    pub phase: Phase,
    /// Whose decisions hold.
    pub acting: AgentKind,
    /// Why it decides as it does, in words for people; empty while it has decided nothing.
    pub reason: String,
    /// What the chosen one would have the bitrate be while it only watches, in kbit/s. Told when it
    /// is another by far, not at every change.
    pub would_be_kbps: Option<u32>,
    /// A person has taken over.
    pub is_overtaken: bool,
}

/// What came of asking the crew.
#[derive(Clone, Debug, PartialEq)]
pub struct Consulted {
    /// What is to be different from now on; often nothing.
    pub change: SetpointChange,
    /// Who says so.
    pub by: ChangedBy,
}

#[derive(Debug)]
struct Member {
    kind: AgentKind,
    agent: Box<dyn Agent>,
    /// Since when it is asked; `None` while it is stopped.
    since: Option<Instant>,
    spoke_at: Option<Instant>,
    speaks_since: Option<Instant>,
    decision: Option<Decision>,
}

/// Whether a person has taken over.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Overtaken {
    No,
    Until(Instant),
    Open,
}

/// The agents of a feed, the safest first.
#[derive(Debug)]
pub struct Crew {
    members: Vec<Member>,
    chosen: AgentKind,
    is_passive: bool,
    overtaken: Overtaken,
    acting: AgentKind,
    would_be_kbps: Option<u32>,
}

impl Default for Crew {
    fn default() -> Self {
        Self::new(vec![(AgentKind::Manual, Box::new(Manual)), (AgentKind::Gcc, Box::new(Gcc::default()))])
    }
}

impl Crew {
    /// An agent that says nothing for this long is relieved.
    pub const SILENCE: Duration = Duration::from_secs(2);
    /// A bitrate that differs by less than this part is no change.
    pub const LEAST_CHANGE: f64 = 0.05;

    /// Of these agents, the safest first; that one never falls silent.
    pub fn new(agents: Vec<(AgentKind, Box<dyn Agent>)>) -> Self {
        let members: Vec<Member> = agents.into_iter().map(|(kind, agent)| Member::new(kind, agent)).collect();
        let safest = members.first().expect("a crew should have somebody in it").kind;
        Self {
            members,
            chosen: safest,
            is_passive: false,
            overtaken: Overtaken::No,
            acting: safest,
            would_be_kbps: None,
        }
    }

    /// Has this agent act from now on, or watch only; whoever is safer stands by.
    pub fn choose(&mut self, kind: AgentKind, is_passive: bool, now: Instant) {
        (self.chosen, self.is_passive, self.overtaken, self.would_be_kbps) = (kind, is_passive, Overtaken::No, None);
        for member in &mut self.members {
            match (member.kind <= kind, member.since) {
                (true, None) => member.start(now),
                (false, Some(_)) => member.stop(),
                _ => {}
            }
        }
    }

    /// A person takes over, for this long or until it gives back; every agent only watches meanwhile.
    pub fn overtake(&mut self, limit: Option<Duration>, now: Instant) {
        // Too long to count is for ever.
        let until = limit.and_then(|limit| now.checked_add(limit));
        self.overtaken = until.map_or(Overtaken::Open, Overtaken::Until);
    }

    /// The chosen agent acts again.
    pub fn give_back(&mut self) {
        self.overtaken = Overtaken::No;
    }

    /// Whether an agent acts that may change what a person set.
    pub fn is_automatic(&self) -> bool {
        self.acting != self.members[0].kind
    }

    /// Asks all agents; answers what the acting one decides, within the feed's bounds.
    pub fn consult(&mut self, seen: &Observation<'_>) -> Consulted {
        if matches!(self.overtaken, Overtaken::Until(end) if end <= seen.now) {
            self.give_back();
        }
        for member in &mut self.members {
            member.ask(seen);
        }
        self.acting = self.who_acts(seen.now);
        self.note_what_would_be(seen);
        let decision = self.member(self.acting).decision.as_ref();
        let decided = decision.map(|decision| decision.change).unwrap_or_default();
        let agent = ChangedBy::Agent(self.acting.key().to_owned());
        let Some(share) = seen.share.filter(|_| self.overtaken == Overtaken::No) else {
            return Consulted { change: kept_within(decided, seen), by: agent };
        };
        let own = decided.bitrate_kbps.map(|kbps| seen.bounds.clamp(kbps));
        let kbps = own.map_or_else(|| self.given(share, seen), |kbps| share.hold(kbps));
        let by = if own == Some(kbps) { agent } else { ChangedBy::Controller };
        let change = decided.then(SetpointChange::bitrate(kbps)).then(share.pooled);
        // What nobody decides but the share is exact; its small changes have waited already.
        let change = if own.is_some() { kept_within(change, seen) } else { change };
        Consulted { change: seen.setpoint.change_to(seen.setpoint.with(&change)), by }
    }

    /// What the feed gets whose acting agent decides no bitrate: its share. An agent that only cannot say
    /// anything now is not outdone: what is in force was right a moment ago.
    fn given(&self, share: Share, seen: &Observation<'_>) -> u32 {
        match seen.asked_kbps {
            _ if self.may_be_automatic() => seen.setpoint.bitrate_kbps.min(share.kbps),
            Some(asked) => share.hold(seen.bounds.clamp(asked)),
            None => share.kbps,
        }
    }

    /// Whether an agent was chosen to act that looks at the network.
    fn may_be_automatic(&self) -> bool {
        self.chosen != self.members[0].kind && !self.is_passive
    }

    /// What is asked for in the feed's name when bitrate is shared out; `None` while whoever should
    /// ask is silent.
    pub fn asks(&self, seen: &Observation<'_>) -> Option<Asks> {
        if !self.may_be_automatic() {
            let elsewhere = seen.asked_kbps.map(|kbps| Asks { kbps: kbps.into(), is_bound: true });
            let own = || Asks { kbps: seen.bounds.clamp(seen.own.bitrate_kbps).into(), is_bound: false };
            return Some(elsewhere.unwrap_or_else(own));
        }
        let wants = self.member(self.chosen).decision.as_ref()?.wants_kbps?;
        // An estimate that was learned while more was sent says nothing of now.
        let kbps = f64::from(wants).min(KNOWN * f64::from(seen.setpoint.bitrate_kbps));
        Some(Asks { kbps, is_bound: true })
    }

    /// Whether a person has taken over.
    pub fn is_overtaken(&self) -> bool {
        self.overtaken != Overtaken::No
    }

    /// Whether a bitrate is so different from another that an agent changes it.
    pub fn differs(one: u32, other: u32) -> bool {
        f64::from(one.abs_diff(other)) > Self::LEAST_CHANGE * f64::from(other)
    }

    /// Who acts, and why.
    pub fn state(&self, now: Instant) -> CrewState {
        let decision = self.member(self.acting).decision.as_ref();
        let chosen = self.member(self.chosen);
        let phase = match chosen.since {
            None => Phase::Stopped,
            Some(_) if self.acting == self.chosen => Phase::Active,
            Some(_) if !chosen.is_warm(now) => Phase::WarmUp,
            Some(_) => Phase::Passive,
        };
        CrewState {
            chosen: self.chosen,
            phase,
            acting: self.acting,
            reason: decision.map(|decision| decision.reason.clone()).unwrap_or_default(),
            would_be_kbps: self.would_be_kbps,
            is_overtaken: self.is_overtaken(),
        }
    }

    /// The least safe that was chosen, may act and speaks; in the end the safest.
    fn who_acts(&self, now: Instant) -> AgentKind {
        let safest = self.members[0].kind;
        if self.is_passive || self.overtaken != Overtaken::No {
            return safest;
        }
        let candidates = self.members.iter().rev().filter(|member| member.kind <= self.chosen);
        candidates.into_iter().find(|member| member.may_act(self.acting, now)).map_or(safest, |member| member.kind)
    }

    fn note_what_would_be(&mut self, seen: &Observation<'_>) {
        let chosen = self.member(self.chosen);
        let is_idle = self.acting != self.chosen && chosen.is_warm(seen.now);
        let decided = chosen.decision.as_ref().filter(|_| is_idle).and_then(|decision| decision.change.bitrate_kbps);
        self.would_be_kbps = match (self.would_be_kbps, decided) {
            (Some(before), Some(now)) if !Self::differs(now, before) => Some(before),
            (_, now) => now,
        };
    }

    fn member(&self, kind: AgentKind) -> &Member {
        self.members.iter().find(|member| member.kind == kind).unwrap_or(&self.members[0])
    }
}

impl Member {
    fn new(kind: AgentKind, agent: Box<dyn Agent>) -> Self {
        Self { kind, agent, since: None, spoke_at: None, speaks_since: None, decision: None }
    }

    fn start(&mut self, now: Instant) {
        self.agent.reset();
        // It counts as having spoken: it has not had the time to be silent.
        (self.since, self.spoke_at, self.speaks_since) = (Some(now), Some(now), None);
    }

    fn stop(&mut self) {
        (self.since, self.spoke_at, self.speaks_since, self.decision) = (None, None, None, None);
    }

    fn ask(&mut self, seen: &Observation<'_>) {
        if self.since.is_none() {
            return;
        }
        self.decision = self.agent.decide(seen);
        if self.decision.is_some() {
            self.spoke_at = Some(seen.now);
            self.speaks_since.get_or_insert(seen.now);
        } else {
            self.speaks_since = None;
        }
    }

    fn is_warm(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now.duration_since(since) >= self.agent.warm_up())
    }

    fn may_act(&self, acting: AgentKind, now: Instant) -> bool {
        let is_fresh = self.since.is_some_and(|since| now.duration_since(since) < Crew::SILENCE + self.agent.warm_up());
        if self.kind == acting || is_fresh {
            let speaks = self.spoke_at.is_some_and(|at| now.duration_since(at) < Crew::SILENCE);
            return speaks && self.is_warm(now);
        }
        self.speaks_since.is_some_and(|since| now.duration_since(since) >= BACK_AFTER) && self.is_warm(now)
    }
}

/// Bounds hold for the bitrate, and a small difference is none.
fn kept_within(change: SetpointChange, seen: &Observation<'_>) -> SetpointChange {
    let before = seen.setpoint.bitrate_kbps;
    let bitrate_kbps = change.bitrate_kbps.map(|kbps| seen.hold(kbps)).filter(|kbps| Crew::differs(*kbps, before));
    let change = SetpointChange { bitrate_kbps, ..change };
    seen.setpoint.change_to(seen.setpoint.with(&change))
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        sync::{Arc, Mutex},
    };

    use super::*;
    use crate::{
        config::{AgentConfig, OrCamera, Priority, Setpoint, Size},
        stats::FeedSample,
    };

    /// Says what it is told to.
    #[derive(Debug, Clone, Default)]
    struct Parrot {
        says: Arc<Mutex<Option<u32>>>,
        warm_up: Duration,
    }

    impl Agent for Parrot {
        fn name(&self) -> &'static str {
            "parrot"
        }

        fn warm_up(&self) -> Duration {
            self.warm_up
        }

        fn decide(&mut self, _: &Observation<'_>) -> Option<Decision> {
            let kbps = (*self.says.lock().unwrap())?;
            Some(Decision {
                change: SetpointChange::bitrate(kbps),
                wants_kbps: Some(kbps),
                reason: "So it was said".into(),
            })
        }
    }

    struct Scene {
        crew: Crew,
        parrot: Parrot,
        share: Option<Share>,
        asked_kbps: Option<u32>,
        by: ChangedBy,
        setpoint: Setpoint,
        now: Instant,
    }

    impl Scene {
        fn new(warm_up: Duration) -> Self {
            let parrot = Parrot { warm_up, ..Parrot::default() };
            let crew =
                Crew::new(vec![(AgentKind::Manual, Box::new(Manual)), (AgentKind::Gcc, Box::new(parrot.clone()))]);
            let setpoint =
                Setpoint { bitrate_kbps: 2000, size: None, framerate: None, fec_percent: 0, priority: Priority::Low };
            let (share, by) = (None, ChangedBy::default());
            let mut scene = Self { crew, parrot, share, asked_kbps: None, by, setpoint, now: Instant::now() };
            scene.crew.choose(AgentKind::Gcc, false, scene.now);
            scene
        }

        fn says(&self, kbps: impl Into<Option<u32>>) {
            *self.parrot.says.lock().unwrap() = kbps.into();
        }

        /// The bitrate after so many seconds.
        fn spend(&mut self, seconds: f64) -> u32 {
            for _ in 0..(seconds * 10.0).round() as u32 {
                self.now += Duration::from_millis(100);
                let samples = VecDeque::new();
                let seen = self.seen(&samples);
                let consulted = self.crew.consult(&seen);
                if !consulted.change.is_empty() {
                    self.by = consulted.by;
                }
                self.setpoint = self.setpoint.with(&consulted.change);
            }
            self.setpoint.bitrate_kbps
        }

        fn seen<'a>(&self, samples: &'a VecDeque<FeedSample>) -> Observation<'a> {
            Observation {
                now: self.now,
                samples,
                viewers: &[],
                setpoint: self.setpoint,
                own: self.setpoint,
                share: self.share,
                asked_kbps: self.asked_kbps,
                bounds: AgentConfig { least_kbps: 500, most_kbps: 4000, ..AgentConfig::default() },
                camera_size: Some(Size { width: 1280, height: 720 }),
                camera_kbps: None,
                passes_through: false,
                has_low: true,
            }
        }

        fn state(&self) -> (Phase, AgentKind) {
            let state = self.crew.state(self.now);
            (state.phase, state.acting)
        }
    }

    #[test]
    fn what_the_agent_says_holds_within_the_bounds_and_small_changes_do_not() {
        let mut scene = Scene::new(Duration::ZERO);
        scene.says(1000);
        assert_eq!(scene.spend(0.1), 1000);
        scene.says(1050);
        assert_eq!(scene.spend(5.0), 1000, "5 % are not enough");
        scene.says(1051);
        assert_eq!(scene.spend(0.1), 1051);
        scene.says(90_000);
        assert_eq!(scene.spend(0.1), 4000);
        scene.says(1);
        assert_eq!(scene.spend(0.1), 500);
        assert_eq!(scene.state(), (Phase::Active, AgentKind::Gcc));
    }

    #[test]
    fn who_is_silent_for_two_seconds_is_relieved_until_it_speaks_again() {
        let mut scene = Scene::new(Duration::ZERO);
        scene.says(1000);
        scene.spend(1.0);
        scene.says(None);
        scene.spend(1.9);
        assert_eq!(scene.state(), (Phase::Active, AgentKind::Gcc));
        assert_eq!(scene.spend(0.2), 1000, "what is in force stays");
        assert_eq!(scene.state(), (Phase::Passive, AgentKind::Manual));
        scene.says(3000);
        assert_eq!(scene.spend(1.0), 1000, "a word now and then is not enough");
        assert_eq!(scene.spend(1.5), 3000);
        assert_eq!(scene.state(), (Phase::Active, AgentKind::Gcc));
    }

    #[test]
    fn an_agent_that_never_speaks_is_relieved_too() {
        let mut scene = Scene::new(Duration::ZERO);
        scene.spend(2.5);
        assert_eq!(scene.state(), (Phase::Passive, AgentKind::Manual));
    }

    #[test]
    fn who_has_to_warm_up_watches_first() {
        let mut scene = Scene::new(Duration::from_secs(3));
        scene.says(1000);
        assert_eq!(scene.spend(2.9), 2000);
        assert_eq!(scene.state(), (Phase::WarmUp, AgentKind::Manual));
        assert_eq!(scene.spend(0.2), 1000);
    }

    #[test]
    fn a_passive_agent_says_what_it_would_do_and_does_nothing() {
        let mut scene = Scene::new(Duration::ZERO);
        scene.crew.choose(AgentKind::Gcc, true, scene.now);
        scene.says(1000);
        assert_eq!(scene.spend(5.0), 2000);
        let state = scene.crew.state(scene.now);
        assert_eq!((state.phase, state.would_be_kbps), (Phase::Passive, Some(1000)));
        scene.crew.choose(AgentKind::Manual, false, scene.now);
        scene.spend(1.0);
        assert_eq!(scene.state(), (Phase::Active, AgentKind::Manual));
        assert_eq!(scene.crew.member(AgentKind::Gcc).since, None, "stopped");
    }

    #[test]
    fn a_person_takes_over_for_as_long_as_it_wants() {
        let mut scene = Scene::new(Duration::ZERO);
        scene.says(1000);
        scene.crew.overtake(Some(Duration::from_secs(10)), scene.now);
        assert_eq!(scene.spend(9.8), 2000);
        assert!(scene.crew.state(scene.now).is_overtaken);
        assert_eq!(scene.spend(2.5), 1000);
        scene.crew.overtake(None, scene.now);
        scene.says(3000);
        assert_eq!(scene.spend(3600.0), 1000);
        scene.crew.give_back();
        assert_eq!(scene.spend(2.5), 3000);
    }

    impl Scene {
        fn share(&mut self, kbps: u32, is_bound: bool) {
            self.share = Some(Share { kbps, is_bound, ..Share::default() });
        }
    }

    #[test]
    fn a_share_bounds_an_agent_or_takes_its_place_and_it_is_said_whose_it_is() {
        let mut scene = Scene::new(Duration::ZERO);
        scene.says(1000);
        scene.share(3000, true);
        assert_eq!((scene.spend(0.1), scene.by.clone()), (1000, ChangedBy::Agent("gcc".into())));
        scene.share(700, true);
        assert_eq!((scene.spend(0.1), scene.by.clone()), (700, ChangedBy::Controller));
        scene.share(2500, false);
        assert_eq!((scene.spend(0.1), scene.by.clone()), (2500, ChangedBy::Controller));
        scene.crew.overtake(None, scene.now);
        scene.share(600, true);
        assert_eq!(scene.spend(0.1), 2500, "a person's word is not shared out");
    }

    #[test]
    fn without_an_agent_the_share_is_what_holds_to_the_last_kilobit() {
        let mut scene = Scene::new(Duration::ZERO);
        scene.crew.choose(AgentKind::Manual, false, scene.now);
        scene.share(2050, true);
        assert_eq!(scene.spend(0.1), 2050);
        scene.asked_kbps = Some(900);
        assert_eq!(scene.spend(0.1), 900, "an agent elsewhere asks for less");
        let pooled = SetpointChange::framerate(Some(12));
        scene.share = Some(Share { kbps: 1500, is_bound: false, pooled });
        assert_eq!(scene.spend(0.1), 1500);
        assert_eq!(scene.setpoint.framerate, Some(12));
        assert_eq!(pooled.framerate, Some(OrCamera::Set(12)));
    }

    #[test]
    fn while_an_agent_is_silent_its_feed_gets_no_more() {
        let mut scene = Scene::new(Duration::ZERO);
        scene.says(1000);
        scene.spend(0.1);
        scene.says(None);
        scene.share(3500, true);
        assert_eq!(scene.spend(5.0), 1000);
        scene.share(800, true);
        assert_eq!(scene.spend(0.1), 800);
    }

    #[test]
    fn who_should_ask_asks_and_no_estimate_counts_beyond_what_was_tried() {
        let mut scene = Scene::new(Duration::ZERO);
        let asks = |scene: &Scene| scene.crew.asks(&scene.seen(&VecDeque::new()));
        let bound = |kbps| Some(Asks { kbps, is_bound: true });
        assert_eq!(asks(&scene), None, "nothing was said yet");
        scene.says(1000);
        scene.spend(0.1);
        assert_eq!(asks(&scene), bound(1000.0));
        scene.share(600, true);
        scene.spend(0.1);
        assert_eq!(asks(&scene), bound(900.0));
        scene.crew.choose(AgentKind::Manual, false, scene.now);
        assert_eq!(asks(&scene), Some(Asks { kbps: 600.0, is_bound: false }), "what a person set");
        scene.asked_kbps = Some(100);
        assert_eq!(asks(&scene), bound(100.0), "the lower limit is for the share");
    }
}
