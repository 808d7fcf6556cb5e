//! The feed controller: what there is for all feeds, shared out by their importance.
//!
//! Each feed reports several times a second what it sends and what its agent asks for, and is told
//! its share. Nobody waits for anybody: with every report the whole is shared out anew from what is
//! known, and what an agent asked for counts until the aggregation timeout. The shares of all feeds
//! change together, so that what they add up to is never more than there is; and only where one of
//! them changes by as much as an agent's least change, or nothing changes any more.
//!
//! # What there is
//!
//! * A fixed budget is a bound: off it go the feeds that take part no more, because a person has taken
//!   one over or its agent decides for itself. An agent that asks for less than its feed's share is
//!   obeyed, and the others get what it leaves, but for some room to grow into.
//! * Estimates are the network's word: what all agents ask for together is shared out again, so that
//!   an important feed gets more than its own agent asked for, and the others less. A feed of which
//!   nobody has heard lately is left as it is.
//!
//! A feed counts once, however many watch it, and only while somebody does. One that nobody watches yet
//! is held to what it would get of a fixed budget if all were watched: viewers often come to all at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Crew,
    allocation::{Claim, Pooled, allocate},
};
use crate::{
    config::{
        Attention, BudgetKind, ControlConfig, FeedId, Importance, PictureConfig, Setpoint, SetpointChange, ShareConfig,
        ShareState,
    },
    i18n::gettext_f,
};

/// Attention counts when it has been there for this long: who pages through feeds looks at none.
const ATTENTION_AFTER: Duration = Duration::from_millis(200);
/// And is gone when it has been away for this long.
const ATTENTION_FOR: Duration = Duration::from_secs(3);
/// Shares that change by less than an agent's least change wait until nothing has changed for this long.
const STEADY: Duration = Duration::from_millis(500);
/// What an agent asks for may be exceeded by this much before the rest goes to others: nothing else
/// shows what more its network carries.
const ROOM_TO_GROW: f64 = 1.5;
/// Changes that nobody waits for are told no oftener.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// What a feed's agent asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asks {
    /// In kbit/s.
    pub kbps: f64,
    /// More would not be carried: an agent says so that looks at the network. What a person once set
    /// is no bound.
    pub is_bound: bool,
}

/// What a feed tells of itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeedReport {
    /// Somebody watches, and there is something to see.
    pub sends: bool,
    /// A person has taken over.
    pub is_overtaken: bool,
    /// How it takes part.
    pub share: ShareConfig,
    /// What its agent asks for now; `None` while that is silent.
    pub asks: Option<Asks>,
    /// Other numbers that an agent elsewhere asked for since the report before.
    pub pooled: SetpointChange,
    /// What it is held to, in kbit/s.
    pub held_kbps: f64,
    /// No share is less than this, in kbit/s.
    pub least_kbps: f64,
    /// And none more.
    pub most_kbps: f64,
}

impl FeedReport {
    fn state(&self, budget: BudgetKind) -> ShareState {
        match self {
            Self { sends: false, .. } => ShareState::Off,
            Self { is_overtaken: true, .. } => ShareState::Manual,
            Self { share: ShareConfig { is_independent: true, .. }, .. } => ShareState::Independent,
            _ if budget == BudgetKind::Off => ShareState::Independent,
            _ => ShareState::Allocated,
        }
    }
}

/// What a feed may send.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// In kbit/s.
    pub kbps: u32,
    /// An agent may keep it to less; else it is what the feed is held to.
    pub is_bound: bool,
    /// Its share of the other numbers that were asked for: frames per second, error correction.
    pub pooled: SetpointChange,
}

impl Share {
    /// What an agent's wish comes to.
    pub fn hold(&self, wanted_kbps: u32) -> u32 {
        if self.is_bound { wanted_kbps.min(self.kbps) } else { self.kbps }
    }
}

/// How bitrate is shared out now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlState {
    /// As the operator wants it.
    pub config: ControlConfig,
    /// What there is for the feeds that take part, in kbit/s; `None` where nothing is shared out.
    pub shared_kbps: Option<u32>,
    /// What went off a fixed budget before, for feeds that take no part, in kbit/s.
    pub reserved_kbps: u32,
    /// Why some get more than there is, in words for people; `None` where there is enough.
    pub shortfall: Option<String>,
    /// The feeds, in the order of their names.
    pub feeds: Vec<FeedShare>,
}

impl ControlState {
    /// What is known of a feed.
    pub fn of(&self, feed: &FeedId) -> Option<&FeedShare> {
        self.feeds.iter().find(|share| share.feed == *feed)
    }
}

/// Where a feed stands when bitrate is shared out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeedShare {
    /// Which.
    pub feed: FeedId,
    /// Whether it takes part, and why not.
    pub state: ShareState,
    /// How important it is now.
    pub importance: Importance,
    /// Somebody looks at it more than at others, long enough to count.
    pub has_attention: bool,
    /// Why somebody does, now.
    pub attention: Vec<Attention>,
    /// What its agent asks for, in kbit/s; told when it is another by far.
    pub asks_kbps: Option<u32>,
    /// Its agent has said nothing for long.
    pub is_silent: bool,
    /// Its share, in kbit/s; `None` where it has none.
    pub share_kbps: Option<u32>,
}

/// A feed, as the controller knows it.
#[derive(Debug)]
struct Member {
    report: FeedReport,
    /// What was asked for last, and when.
    asks: Option<(Asks, Instant)>,
    /// The same of other numbers.
    pooled: BTreeMap<Pooled, (f64, Instant)>,
    gaze: Gaze,
    share: Option<Share>,
}

/// Whether somebody looks, with hysteresis.
#[derive(Debug, Default)]
struct Gaze {
    reasons: BTreeSet<Attention>,
    /// When there began or ceased to be any.
    turned_at: Option<Instant>,
    counts: bool,
}

impl Gaze {
    fn set(&mut self, attention: Attention, on: bool, now: Instant) {
        let before = self.reasons.is_empty();
        if on {
            self.reasons.insert(attention);
        } else {
            self.reasons.remove(&attention);
        }
        if self.reasons.is_empty() != before {
            self.turned_at = Some(now);
        }
    }

    fn look(&mut self, now: Instant) {
        let is_there = !self.reasons.is_empty();
        let patience = if is_there { ATTENTION_AFTER } else { ATTENTION_FOR };
        if is_there != self.counts && self.turned_at.is_none_or(|at| now.duration_since(at) >= patience) {
            self.counts = is_there;
        }
    }
}

impl Member {
    fn new(report: FeedReport, gaze: Gaze) -> Self {
        Self { report, asks: None, pooled: BTreeMap::new(), gaze, share: None }
    }

    fn take(&mut self, report: FeedReport, now: Instant) {
        if let Some(asks) = report.asks {
            self.asks = Some((asks, now));
        }
        for pooled in Pooled::ALL {
            if let Some(value) = pooled.of(&report.pooled) {
                self.pooled.insert(pooled, (value.into(), now));
            }
        }
        self.report = report;
    }

    /// What was asked for too long ago is forgotten.
    fn forget(&mut self, asked_after: Duration, now: Instant) {
        self.asks = self.asks.filter(|(_, at)| now.duration_since(*at) <= asked_after);
        self.pooled.retain(|_, (_, at)| now.duration_since(*at) <= asked_after);
    }

    fn state(&self, budget: BudgetKind) -> ShareState {
        self.report.state(budget)
    }

    fn importance(&self) -> Importance {
        let ShareConfig { importance, focus_importance, .. } = self.report.share;
        focus_importance.filter(|_| self.gaze.counts).unwrap_or(importance)
    }

    fn asks(&self) -> Option<Asks> {
        self.asks.map(|(asks, _)| asks)
    }

    /// What it may get; `None` where it has to be left as it is.
    fn claim(&self, budget: BudgetKind) -> Option<Claim> {
        let FeedReport { least_kbps: least, most_kbps, .. } = self.report;
        let most = match (budget, self.asks()) {
            (BudgetKind::Fixed, Some(asks)) if asks.is_bound => most_kbps.min(ROOM_TO_GROW * asks.kbps),
            (BudgetKind::Estimates, None) => return None,
            _ => most_kbps,
        };
        Some(Claim { weight: self.importance().value(), least, most })
    }
}

/// Shares out what there is for all feeds.
#[derive(Debug, Default)]
pub struct FeedController {
    config: ControlConfig,
    feeds: BTreeMap<FeedId, Member>,
    /// What is looked at before it is known here.
    gazes: BTreeMap<FeedId, Gaze>,
    /// What would be shared out now, and since when that has not changed.
    next: Option<(Plan, Instant)>,
    shared_kbps: Option<f64>,
    shortfall_kbps: Option<f64>,
    /// What was told last, and when.
    told: Option<(ControlState, Instant)>,
}

/// What each feed would get.
#[derive(Clone, Debug, PartialEq)]
struct Plan {
    shares: Vec<(FeedId, Share)>,
    /// What all of it hangs on but for what agents ask: when that changes, nobody waits.
    grounds: Vec<(FeedId, ShareConfig, Importance, u64, u64)>,
    config: ControlConfig,
    kbps: f64,
    shortfall: Option<f64>,
}

impl FeedController {
    /// Shares out like this from now on.
    pub fn configure(&mut self, config: ControlConfig) {
        self.config = config;
    }

    /// How it shares out.
    pub fn config(&self) -> ControlConfig {
        self.config
    }

    /// Somebody begins or ceases to look at a feed more than at others.
    pub fn attend(&mut self, feed: &FeedId, attention: Attention, on: bool, now: Instant) {
        let gaze = match self.feeds.get_mut(feed) {
            Some(member) => &mut member.gaze,
            None => self.gazes.entry(feed.clone()).or_default(),
        };
        gaze.set(attention, on, now);
    }

    /// A feed is no more.
    pub fn remove(&mut self, feed: &FeedId) {
        self.feeds.remove(feed);
        self.gazes.remove(feed);
    }

    /// Takes what a feed tells of itself; answers where it stands, and its share, or `None` where it has
    /// to see for itself.
    pub fn report(&mut self, feed: &FeedId, report: FeedReport, now: Instant) -> (ShareState, Option<Share>) {
        let Self { feeds, gazes, .. } = self;
        let new = || Member::new(report, gazes.remove(feed).unwrap_or_default());
        feeds.entry(feed.clone()).or_insert_with(new).take(report, now);
        self.share_out(now);
        let member = &self.feeds[feed];
        (member.state(self.config.budget), member.share)
    }

    fn share_out(&mut self, now: Instant) {
        let prospects = self.prospects();
        for (feed, member) in &mut self.feeds {
            member.forget(self.config.asks_count_for(), now);
            member.gaze.look(now);
            if member.state(self.config.budget) != ShareState::Allocated {
                member.share = prospects.get(feed).copied();
            }
        }
        if self.config.budget == BudgetKind::Off {
            (self.next, self.shared_kbps, self.shortfall_kbps) = (None, None, None);
            return;
        }
        let plan = self.plan();
        let (is_due, since) = match &self.next {
            Some((before, since)) if before.grounds == plan.grounds && before.config == plan.config => {
                let is_steady = before.shares == plan.shares;
                let since = if is_steady { *since } else { now };
                (now.duration_since(since) >= STEADY || self.differs_by_far(&plan), since)
            }
            _ => (true, now),
        };
        if is_due {
            self.carry_out(&plan);
        }
        self.next = Some((plan, since));
    }

    fn allocated(&self) -> impl Iterator<Item = (&FeedId, &Member, Claim)> {
        self.feeds
            .iter()
            .filter(|(_, member)| member.state(self.config.budget) == ShareState::Allocated)
            .filter_map(|(feed, member)| Some((feed, member, member.claim(self.config.budget)?)))
    }

    /// What those would get that nobody watches yet.
    fn prospects(&self) -> BTreeMap<FeedId, Share> {
        if self.config.budget != BudgetKind::Fixed || self.feeds.values().all(|member| member.report.sends) {
            return BTreeMap::new();
        }
        let is_or_may_be = |member: &&Member| {
            let awake = FeedReport { sends: true, ..member.report };
            awake.state(self.config.budget) == ShareState::Allocated
        };
        let members: Vec<_> = self.feeds.iter().filter(|(_, member)| is_or_may_be(member)).collect();
        let claims: Vec<_> = members.iter().filter_map(|(_, member)| member.claim(self.config.budget)).collect();
        let shares = allocate(f64::from(self.config.budget_kbps) - self.reserved_kbps(), &claims).shares;
        let asleep = members.into_iter().zip(shares).filter(|((_, member), _)| !member.report.sends);
        let share = |kbps| Share { kbps: rounded_down(kbps), is_bound: true, ..Share::default() };
        asleep.map(|((feed, _), kbps)| (feed.clone(), share(kbps))).collect()
    }

    /// What those take who take no part.
    fn reserved_kbps(&self) -> f64 {
        let apart =
            |member: &&Member| matches!(member.state(self.config.budget), ShareState::Manual | ShareState::Independent);
        self.feeds.values().filter(apart).map(|member| member.report.held_kbps).sum()
    }

    fn plan(&self) -> Plan {
        let (members, claims): (Vec<_>, Vec<_>) =
            self.allocated().map(|(feed, member, claim)| ((feed, member), claim)).unzip();
        let is_fixed = self.config.budget == BudgetKind::Fixed;
        let kbps = if is_fixed {
            f64::from(self.config.budget_kbps) - self.reserved_kbps()
        } else {
            members.iter().filter_map(|(_, member)| member.asks()).map(|asks| asks.kbps).sum()
        };
        let allocation = allocate(kbps, &claims);
        let pooled = self.pooled();
        let share = |((feed, _), kbps): (&(&FeedId, &Member), &f64)| {
            let pooled = pooled.get(feed).copied().unwrap_or_default();
            ((*feed).clone(), Share { kbps: rounded_down(*kbps), is_bound: is_fixed, pooled })
        };
        let ground = |(feed, member): &(&FeedId, &Member)| {
            let FeedReport { share, least_kbps, most_kbps, .. } = member.report;
            ((*feed).clone(), share, member.importance(), least_kbps as u64, most_kbps as u64)
        };
        Plan {
            shares: members.iter().zip(&allocation.shares).map(share).collect(),
            grounds: members.iter().map(ground).collect(),
            config: self.config,
            kbps,
            shortfall: allocation.shortfall,
        }
    }

    /// Other numbers that agents elsewhere asked for, each shared out among those that were asked for it.
    fn pooled(&self) -> BTreeMap<&FeedId, SetpointChange> {
        let mut changes: BTreeMap<&FeedId, SetpointChange> = BTreeMap::new();
        for (pooled, least, most) in [
            (Pooled::Framerate, *PictureConfig::FRAMERATE.start(), MOST_FRAMES),
            (Pooled::Fec, *Setpoint::FEC_PERCENT.start(), *Setpoint::FEC_PERCENT.end()),
        ] {
            let asked = |(feed, member, claim): (_, &Member, Claim)| {
                let (value, _) = member.pooled.get(&pooled)?;
                Some((feed, *value, Claim { least: least.into(), most: most.into(), ..claim }))
            };
            let asked: Vec<(&FeedId, f64, Claim)> = self.allocated().filter_map(asked).collect();
            let claims: Vec<Claim> = asked.iter().map(|(.., claim)| *claim).collect();
            let shares = allocate(asked.iter().map(|(_, value, _)| value).sum(), &claims).shares;
            for ((feed, ..), share) in asked.into_iter().zip(shares) {
                let change = changes.entry(feed).or_default();
                *change = pooled.set(rounded_down(share), *change);
            }
        }
        changes
    }

    /// Whether some feed's share is another by so much that an agent would change it.
    fn differs_by_far(&self, plan: &Plan) -> bool {
        plan.shares.iter().any(|(feed, share)| {
            let before = self.feeds.get(feed).and_then(|member| member.share);
            before.is_none_or(|before| Crew::differs(share.kbps, before.kbps) || share.pooled != before.pooled)
        })
    }

    fn carry_out(&mut self, plan: &Plan) {
        for member in self.feeds.values_mut() {
            if member.state(plan.config.budget) == ShareState::Allocated {
                member.share = None;
            }
        }
        for (feed, share) in &plan.shares {
            if let Some(member) = self.feeds.get_mut(feed) {
                member.share = Some(*share);
            }
        }
        (self.shared_kbps, self.shortfall_kbps) = (Some(plan.kbps), plan.shortfall);
    }

    // ---- what is told ----------------------------------------------------------

    /// How bitrate is shared out now.
    pub fn state(&self) -> ControlState {
        let before = self.told.as_ref().map(|(state, _)| state);
        let is_fixed = self.config.budget == BudgetKind::Fixed;
        ControlState {
            config: self.config,
            shared_kbps: self.shared_kbps.map(|kbps| whole(kbps.max(0.0))),
            reserved_kbps: if is_fixed { whole(self.reserved_kbps()) } else { 0 },
            shortfall: self.shortfall_kbps.map(shortfall),
            feeds: self.feeds.iter().map(|(feed, member)| self.feed_share(feed, member, before)).collect(),
        }
    }

    /// The same, where that is news and enough time has passed since the last.
    pub fn news(&mut self, now: Instant) -> Option<ControlState> {
        let state = self.state();
        if let Some((told, at)) = &self.told {
            let may_wait = now.duration_since(*at) < TELL_EVERY && told.config == state.config;
            if *told == state || may_wait {
                return None;
            }
        }
        self.told = Some((state.clone(), now));
        Some(state)
    }

    fn feed_share(&self, feed: &FeedId, member: &Member, before: Option<&ControlState>) -> FeedShare {
        let told = before.and_then(|state| state.of(feed)).and_then(|share| share.asks_kbps);
        let asks = member.asks().map(|asks| whole(asks.kbps));
        let asks_kbps = match (told, asks) {
            (Some(told), Some(asks)) if !Crew::differs(asks, told) => Some(told),
            (_, asks) => asks,
        };
        FeedShare {
            feed: feed.clone(),
            state: member.state(self.config.budget),
            importance: member.importance(),
            has_attention: member.gaze.counts,
            attention: member.gaze.reasons.iter().copied().collect(),
            asks_kbps,
            is_silent: member.report.sends && member.asks.is_none(),
            share_kbps: member.share.filter(|_| member.report.sends).map(|share| share.kbps),
        }
    }
}

/// As many frames a second as `GstWebRTCApp` allows.
const MOST_FRAMES: u32 = 60;

/// Together they are no more than there is then; a hair below a whole number is an error of computing.
fn rounded_down(share: f64) -> u32 {
    (share + 1e-6).floor() as u32
}

fn whole(kbps: f64) -> u32 {
    kbps.round() as u32
}

fn shortfall(kbps: f64) -> String {
    let missing = whole(kbps).to_string();
    gettext_f(
        // Translators: {missing} is a number.
        "The feeds need {missing} kbit/s more than there is: each gets its lower limit. Lower a limit, raise the budget, or stop a feed.",
        &[("missing", &missing)],
    )
}

#[cfg(test)]
mod tests;
