//! The feed's agents at work: what they see, and what becomes of what they decide.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use super::{
    super::{FeedEvent, FeedState},
    Worker,
    renditions::LOW_KBPS,
};
use crate::{
    config::{
        AgentConfig, AgentKind, Attention, ChangedBy, OrCamera, PathChoice, Setpoint, SetpointChange, ShareConfig,
        ShareState,
    },
    control::{
        Assigned, Crew, CrewState, Estimate, Estimator, FeedReport, Observation, ReceiverReport, Share, ViewerPath,
        counting,
    },
    stats::{EstimateBasis, FeedSample, PathReport},
};

/// How many samples agents see: a minute at the usual rate.
const SAMPLES: usize = 120;
/// At so many times the lower bound the main rendition cannot follow anybody any further down.
const AT_BOUND: f64 = 1.1;

/// The crew, and what it is shown.
pub(super) struct Agents {
    crew: Crew,
    config: AgentConfig,
    /// What a person would have the feed be held to: what agents go back to.
    own: Setpoint,
    paths: BTreeMap<String, Path>,
    samples: VecDeque<FeedSample>,
    /// The bitrate that an agent elsewhere asked for last, in kbit/s, and when.
    asked: Option<(u32, Instant)>,
    /// Other numbers that one asked for since they were passed on.
    pooled: SetpointChange,
    /// Where the feed stands when bitrate is shared out.
    share: (ShareState, Option<Share>),
    /// What was told last.
    told: Option<CrewState>,
}

/// A viewer's connection.
struct Path {
    estimator: Estimator,
    /// How many receiver reports were taken.
    reports: u64,
}

impl Agents {
    pub(super) fn new(config: AgentConfig, own: Setpoint, now: Instant) -> Self {
        let mut crew = Crew::default();
        crew.choose(config.kind, config.is_passive, now);
        Self {
            crew,
            config,
            own,
            paths: BTreeMap::new(),
            samples: VecDeque::new(),
            asked: None,
            pooled: SetpointChange::default(),
            share: (ShareState::Off, None),
            told: None,
        }
    }

    fn path(&mut self, session: &str, asked_kbps: f64, now: Instant) -> &mut Path {
        let new = || Path { estimator: Estimator::new(asked_kbps, now), reports: 0 };
        self.paths.entry(session.to_owned()).or_insert_with(new)
    }

    fn forget_all_but(&mut self, viewers: &[ViewerPath]) {
        self.paths.retain(|session, _| viewers.iter().any(|viewer| viewer.session == *session));
    }
}

impl Worker {
    /// Another agent decides from now on, or another way.
    pub(super) fn set_agent(&mut self, config: AgentConfig) {
        let before = std::mem::replace(&mut self.agents.config, config);
        self.config.agent = config;
        if (before.kind, before.is_passive) != (config.kind, config.is_passive) {
            self.agents.crew.choose(config.kind, config.is_passive, Instant::now());
            self.resizing.forget_agent();
        }
        self.tell_decider();
        self.consult(Instant::now());
    }

    /// The feed takes part like this from now on when bitrate is shared out.
    pub(super) fn set_share(&mut self, share: ShareConfig) {
        self.config.share = share;
        self.tell_decider();
        self.consult(Instant::now());
    }

    fn tell_decider(&self) {
        (self.around.tell)(FeedEvent::Decider { agent: self.config.agent, share: self.config.share });
    }

    /// Where the feed stands when bitrate is shared out, and its share in kbit/s.
    pub(super) fn standing(&self) -> (ShareState, Option<u32>) {
        let (state, share) = self.agents.share;
        (state, share.filter(|_| state == ShareState::Allocated).map(|share| share.kbps))
    }

    /// A person decides for this long, or until the agent is let decide again.
    pub(super) fn overtake(&mut self, limit: Option<Duration>) {
        self.agents.crew.overtake(limit, Instant::now());
        self.resizing.forget_agent();
        self.consult(Instant::now());
    }

    /// The agent decides again.
    pub(super) fn give_back(&mut self) {
        self.agents.crew.give_back();
        self.consult(Instant::now());
    }

    /// A change that somebody asked for. What a person sets over an agent's head holds until the
    /// agent is let decide again: else it would be gone within a moment.
    pub(super) fn asked_for(&mut self, change: SetpointChange, by: ChangedBy) {
        match by {
            ChangedBy::Person => self.mind_a_person(&change),
            // While a person has taken over, agents speak to nobody.
            ChangedBy::Agent(_) if self.agents.crew.is_overtaken() => return,
            ChangedBy::Agent(_) => return self.mind_an_agent(change, by),
            ChangedBy::Settings | ChangedBy::Controller => {}
        }
        self.apply(change, by);
    }

    fn mind_a_person(&mut self, change: &SetpointChange) {
        self.agents.own = self.agents.own.with(change);
        let is_an_agents = change.bitrate_kbps.is_some() || change.size.is_some() || change.framerate.is_some();
        let is_the_controllers = change.bitrate_kbps.is_some() && self.agents.share.1.is_some();
        if (is_an_agents && self.agents.crew.is_automatic()) || is_the_controllers {
            self.agents.crew.overtake(None, Instant::now());
            self.resizing.forget_agent();
        }
    }

    /// An agent elsewhere is held to the bounds of the feed. Where its share decides, what the agent says is
    /// what it asks for.
    fn mind_an_agent(&mut self, change: SetpointChange, by: ChangedBy) {
        if self.agents.share.1.is_none() {
            let bitrate_kbps = change.bitrate_kbps.map(|kbps| self.agents.config.clamp(kbps));
            return self.apply(SetpointChange { bitrate_kbps, ..change }, by);
        }
        let now = Instant::now();
        if let Some(kbps) = change.bitrate_kbps {
            self.agents.asked = Some((kbps, now));
        }
        let (pooled, rest) = parted(change);
        self.agents.pooled = self.agents.pooled.then(pooled);
        self.apply(rest, by);
        self.consult(now);
    }

    /// What became of what a viewer was sent last.
    pub(super) fn path_told(&mut self, session: &str, report: &PathReport) {
        let now = Instant::now();
        tracing::trace!(feed = %self.config.id, session, ?report, "path");
        let Some(assigned) = self.assignment.of(session) else { return };
        let asked = self.asked_kbps(assigned);
        let estimator = &mut self.agents.path(session, asked, now).estimator;
        estimator.feed(report, asked, now);
        if let Some(Estimate { kbps, basis, .. }) = estimator.estimate(now) {
            self.set_estimate(session, kbps as u32, basis);
        }
        self.consult(now);
    }

    /// A sample of the feed was taken.
    pub(super) fn sampled(&mut self, sample: FeedSample) {
        let now = Instant::now();
        for viewer in &sample.viewers {
            let Some(remote) = viewer.picture.as_ref().and_then(|picture| picture.remote.as_ref()) else { continue };
            let Some(assigned) = self.assignment.of(&viewer.session) else { continue };
            let asked = self.asked_kbps(assigned);
            let path = self.agents.path(&viewer.session, asked, now);
            if std::mem::replace(&mut path.reports, remote.reports_received) != remote.reports_received {
                let report = ReceiverReport { loss: remote.fraction_lost, round_trip: remote.round_trip_time };
                path.estimator.feed_receiver(&report, asked, now);
            }
            if let Some(Estimate { kbps, basis: basis @ EstimateBasis::ReceiverReports, .. }) =
                path.estimator.estimate(now)
            {
                self.set_estimate(&viewer.session, kbps as u32, basis);
            }
        }
        if self.agents.samples.len() == SAMPLES {
            self.agents.samples.pop_front();
        }
        self.agents.samples.push_back(sample);
    }

    /// What a viewer's connection carries, for whoever is shown it and for its rendition.
    pub(super) fn set_estimate(&mut self, session: &str, kbps: u32, basis: EstimateBasis) {
        self.statistics.set_estimate(session, kbps, basis);
        self.assignment.set_estimate(session, kbps, Instant::now());
    }

    /// Has the agents look, and does what the acting one decides.
    pub(super) fn consult(&mut self, now: Instant) {
        let viewers = self.viewer_paths(now);
        self.agents.forget_all_but(&viewers);
        let samples = std::mem::take(&mut self.agents.samples);
        let mut seen = Observation {
            now,
            samples: &samples,
            viewers: &viewers,
            setpoint: self.setpoint(),
            own: self.agents.own,
            share: None,
            asked_kbps: self.asked_lately(now),
            bounds: self.agents.config,
            camera_size: self.camera_size(),
            camera_kbps: self.pass_through_kbps(),
            passes_through: self.camera.taken.is_some(),
            has_low: self.low_at.is_none_or(|at| at <= now),
        };
        let before = self.agents.share.1;
        self.attend_as_viewed(now);
        self.agents.share = self.around.sharing.report(&self.config.id, self.feed_report(&seen), now);
        self.agents.pooled = SetpointChange::default();
        seen.share = self.agents.share.1;
        let consulted = self.agents.crew.consult(&seen);
        self.assignment.follow(&self.followed(&seen));
        self.agents.samples = samples;
        if !consulted.change.is_empty() {
            tracing::debug!(feed = %self.config.id, by = ?consulted.by, change = ?consulted.change, "decided");
            self.apply(consulted.change, consulted.by);
            self.choose_path(now);
        }
        if before.is_some() && self.agents.share.1.is_none() {
            self.share_ended();
        }
        self.tell_agents(now);
    }

    /// Whoever watches could claim attention; only those whom the operator named decide over others' bitrate.
    fn attend_as_viewed(&self, now: Instant) {
        let mut sessions = self.served().flat_map(|served| &served.viewers);
        let on = sessions.any(|session| self.statistics.is_enlarged(session, now) && self.is_pinned(session));
        self.around.sharing.attend(&self.config.id, Attention::Viewed, on);
    }

    /// What the feed controller is told.
    fn feed_report(&self, seen: &Observation<'_>) -> FeedReport {
        let has_picture = matches!(self.state, FeedState::Live { .. } | FeedState::Stalled { .. });
        FeedReport {
            sends: has_picture && !seen.viewers.is_empty(),
            is_overtaken: self.agents.crew.is_overtaken(),
            share: self.config.share,
            asks: self.agents.crew.asks(seen),
            pooled: self.agents.pooled,
            held_kbps: self.asked_kbps(Assigned::Full),
            least_kbps: seen.bounds.least_kbps.into(),
            most_kbps: seen.bounds.most_kbps.into(),
        }
    }

    /// What an agent elsewhere asks for, as long as that counts.
    fn asked_lately(&self, now: Instant) -> Option<u32> {
        let counts_for = self.around.sharing.config().asks_count_for();
        self.agents.asked.filter(|(_, at)| now.duration_since(*at) <= counts_for).map(|(kbps, _)| kbps)
    }

    /// Nothing is shared out any more: where no agent decides, what a person set holds again.
    fn share_ended(&mut self) {
        let AgentConfig { kind, is_passive, .. } = self.agents.config;
        let is_manual = kind == AgentKind::Manual || is_passive;
        if is_manual && self.agents.share.0 == ShareState::Independent {
            self.apply(SetpointChange::bitrate(self.agents.own.bitrate_kbps), ChangedBy::Controller);
        }
    }

    /// Whom the main rendition follows as long as it can: it is made less for them, so they need not be moved.
    fn followed(&self, seen: &Observation<'_>) -> BTreeSet<String> {
        let kbps = f64::from(self.setpoint().bitrate_kbps);
        let is_at_bound = kbps <= AT_BOUND * f64::from(self.agents.config.least_kbps);
        let is_stuck = seen.passes_through && self.config.path == PathChoice::PassThrough;
        if !self.agents.crew.is_automatic() || is_at_bound || is_stuck {
            return BTreeSet::new();
        }
        counting(seen).into_iter().map(|viewer| viewer.session.clone()).collect()
    }

    fn viewer_paths(&self, now: Instant) -> Vec<ViewerPath> {
        let viewer = |session: &String, gets, is_pinned, since| {
            let estimate = self.agents.paths.get(session).and_then(|path| path.estimator.estimate(now));
            ViewerPath { session: session.clone(), gets, is_pinned, since, estimate }
        };
        self.assignment
            .viewers()
            .map(|(session, gets, is_pinned, since)| viewer(session, gets, is_pinned, since))
            .collect()
    }

    /// What the encoder of a rendition is asked for, in kbit/s; a camera is asked for what it sends.
    fn asked_kbps(&self, assigned: Assigned) -> f64 {
        let set = f64::from(self.setpoint().bitrate_kbps);
        match assigned {
            Assigned::Low => f64::from(LOW_KBPS),
            Assigned::Full if self.camera.taken.is_some() => self.camera.kbps().unwrap_or(set).min(set),
            Assigned::Full => set,
        }
    }

    fn tell_agents(&mut self, now: Instant) {
        let state = self.agents.crew.state(now);
        if self.agents.told.as_ref() != Some(&state) {
            if !state.reason.is_empty() {
                tracing::info!(feed = %self.config.id, agent = %state.acting, "{}.", state.reason);
            }
            self.agents.told = Some(state.clone());
            (self.around.tell)(FeedEvent::Agent(state));
        }
    }
}

/// What is shared out of a change beside the bitrate, and what is left of it.
fn parted(change: SetpointChange) -> (SetpointChange, SetpointChange) {
    let framerate = change.framerate.filter(|rate| matches!(rate, OrCamera::Set(_)));
    let pooled = SetpointChange { framerate, fec_percent: change.fec_percent, ..SetpointChange::default() };
    let rest = SetpointChange {
        bitrate_kbps: None,
        framerate: change.framerate.filter(|_| framerate.is_none()),
        fec_percent: None,
        ..change
    };
    (pooled, rest)
}
