//! The feed's agents at work: what they see, and what becomes of what they decide.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use super::{super::FeedEvent, Worker, renditions::LOW_KBPS};
use crate::{
    config::{AgentConfig, ChangedBy, PathChoice, Setpoint, SetpointChange},
    control::{Assigned, Crew, CrewState, Estimator, Observation, ReceiverReport, ViewerPath, counting},
    stats::{FeedSample, PathReport},
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
        Self { crew, config, own, paths: BTreeMap::new(), samples: VecDeque::new(), told: None }
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
        }
        self.consult(Instant::now());
    }

    /// A person decides for this long, or until the agent is let decide again.
    pub(super) fn overtake(&mut self, limit: Option<Duration>) {
        self.agents.crew.overtake(limit, Instant::now());
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
        if by == ChangedBy::Person {
            self.agents.own = self.agents.own.with(&change);
            let is_the_agents = change.bitrate_kbps.is_some() || change.size.is_some() || change.framerate.is_some();
            if is_the_agents && self.agents.crew.is_automatic() {
                self.agents.crew.overtake(None, Instant::now());
            }
        }
        self.apply(change, by);
    }

    /// What became of what a viewer was sent last.
    pub(super) fn path_told(&mut self, session: &str, report: &PathReport) {
        let now = Instant::now();
        tracing::trace!(feed = %self.config.id, session, ?report, "path");
        let Some(assigned) = self.assignment.of(session) else { return };
        let asked = self.asked_kbps(assigned);
        self.agents.path(session, asked, now).estimator.feed(report, asked, now);
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
        }
        if self.agents.samples.len() == SAMPLES {
            self.agents.samples.pop_front();
        }
        self.agents.samples.push_back(sample);
    }

    /// Has the agents look, and does what the acting one decides.
    pub(super) fn consult(&mut self, now: Instant) {
        let viewers = self.viewer_paths(now);
        self.agents.forget_all_but(&viewers);
        let samples = std::mem::take(&mut self.agents.samples);
        let seen = Observation {
            now,
            samples: &samples,
            viewers: &viewers,
            setpoint: self.setpoint(),
            own: self.agents.own,
            bounds: self.agents.config,
            camera_size: self.camera_size(),
            camera_kbps: self.pass_through_kbps(),
            passes_through: self.camera.taken.is_some(),
            has_low: self.low_at.is_none_or(|at| at <= now),
        };
        let consulted = self.agents.crew.consult(&seen);
        self.assignment.follow(&self.followed(&seen));
        self.agents.samples = samples;
        if !consulted.change.is_empty() {
            tracing::debug!(feed = %self.config.id, by = %consulted.by, change = ?consulted.change, "decided");
            self.apply(consulted.change, ChangedBy::Agent(consulted.by.key().to_owned()));
            self.choose_path(now);
        }
        self.tell_agents(now);
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
