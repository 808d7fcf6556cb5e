//! How a budget is shared out among feeds by their importance.
//!
//! Water rises in all vessels at once, in each as fast as its feed is important, and stops in a
//! vessel that is full. Where the water stands when the budget is used up is solved for, not
//! approached: there are at most two heights per feed at which anything changes.

use crate::config::{OrCamera, SetpointChange};

/// What one feed may get.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claim {
    /// How important it is beside the others; only the ratios count. Below 0 is 0.
    pub weight: f64,
    /// No less than this, whatever the weights say.
    pub least: f64,
    /// And no more than this; where it is below `least`, that is what the feed gets.
    pub most: f64,
}

/// What each feed gets, in the order in which they were given.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// Within the limits of each; together no more than the budget, unless there is a shortfall.
    pub shares: Vec<f64>,
    /// By how much the budget is smaller than what the feeds need at least. Each gets its least
    /// then: less would be no picture, so it is somebody else's to switch one off.
    pub shortfall: Option<f64>,
}

impl Claim {
    /// What it gets where the water stands so high.
    fn at(self, height: f64) -> f64 {
        // A feed of no weight gets its least at any height; infinity times nothing is no number.
        let wanted = if self.weight > 0.0 { self.weight * height } else { 0.0 };
        wanted.min(self.most).max(self.least)
    }

    /// The heights at which it leaves its least and reaches its most.
    fn turns(self) -> [f64; 2] {
        [self.least / self.weight, self.most.max(self.least) / self.weight]
    }

    fn takes_more_at(self, height: f64) -> bool {
        let [begins, ends] = self.turns();
        self.weight > 0.0 && begins <= height && height < ends
    }
}

/// Shares a budget out. What nobody may take stays over.
pub fn allocate(budget: f64, claims: &[Claim]) -> Allocation {
    let needed: f64 = claims.iter().map(|claim| claim.least).sum();
    if needed > budget {
        let shares = claims.iter().map(|claim| claim.least).collect();
        return Allocation { shares, shortfall: Some(needed - budget) };
    }
    let claims = weighted(claims);
    let height = height(budget, &claims);
    Allocation { shares: claims.iter().map(|claim| claim.at(height)).collect(), shortfall: None }
}

/// Feeds of which none is important are equally so.
fn weighted(claims: &[Claim]) -> Vec<Claim> {
    let is_some_weighted = claims.iter().any(|claim| claim.weight > 0.0);
    let weight = |claim: &Claim| if is_some_weighted { claim.weight } else { 1.0 };
    claims.iter().map(|claim| Claim { weight: weight(claim), ..*claim }).collect()
}

/// Where the water stands when this much of it is poured in.
fn height(budget: f64, claims: &[Claim]) -> f64 {
    let taken = |height: f64| claims.iter().map(|claim| claim.at(height)).sum::<f64>();
    let weighty = claims.iter().filter(|claim| claim.weight > 0.0);
    let mut turns: Vec<f64> = weighty.flat_map(|claim| claim.turns()).filter(|turn| turn.is_finite()).collect();
    turns.sort_by(f64::total_cmp);
    // The last at which there is water left: the more height, the more is taken.
    let below = turns.partition_point(|turn| taken(*turn) <= budget);
    let Some(from) = below.checked_sub(1).map(|last| turns[last]) else { return 0.0 };
    let rising: f64 = claims.iter().filter(|claim| claim.takes_more_at(from)).map(|claim| claim.weight).sum();
    if rising > 0.0 { from + (budget - taken(from)) / rising } else { from }
}

/// A number of a feed's setpoint, which feeds can share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pooled {
    /// kbit/s.
    Bitrate,
    /// Frames per second.
    Framerate,
    /// Forward error correction in percent.
    Fec,
}

impl Pooled {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Bitrate, Self::Framerate, Self::Fec];

    /// What a change asks for of it.
    pub fn of(self, change: &SetpointChange) -> Option<u32> {
        match self {
            Self::Bitrate => change.bitrate_kbps,
            Self::Framerate => change.framerate.and_then(OrCamera::value),
            Self::Fec => change.fec_percent,
        }
    }

    /// The change with this much of it.
    #[must_use]
    pub fn set(self, value: u32, change: SetpointChange) -> SetpointChange {
        let mut change = change;
        match self {
            Self::Bitrate => change.bitrate_kbps = Some(value),
            Self::Framerate => change.framerate = Some(OrCamera::Set(value)),
            Self::Fec => change.fec_percent = Some(value),
        }
        change
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::*;

    const LIMITS: (f64, f64) = (400.0, 10_000.0);

    fn claims(weights: &[f64]) -> Vec<Claim> {
        weights.iter().map(|weight| Claim { weight: *weight, least: LIMITS.0, most: LIMITS.1 }).collect()
    }

    #[track_caller]
    fn shared(asked: &[f64], weights: &[f64]) -> Vec<f64> {
        let allocation = allocate(asked.iter().sum(), &claims(weights));
        assert_eq!(allocation.shortfall, None);
        allocation.shares.iter().map(|share| share.round()).collect()
    }

    #[test]
    fn what_gstwebrtcapp_shares_out_comes_out_the_same() {
        assert_eq!(shared(&[2000.0, 4000.0], &[0.5, 0.5]), [3000.0, 3000.0]);
        assert_eq!(shared(&[2000.0, 4000.0], &[0.8, 0.2]), [4800.0, 1200.0]);
        assert_eq!(shared(&[600.0, 600.0, 600.0], &[0.8, 0.1, 0.1]), [1000.0, 400.0, 400.0]);
        assert_eq!(shared(&[10_000.0, 8000.0, 4000.0], &[0.7, 0.2, 0.1]), [10_000.0, 8000.0, 4000.0]);
        assert_eq!(shared(&[9000.0, 9000.0], &[0.8, 0.2]), [10_000.0, 8000.0]);
    }

    #[test]
    fn too_little_for_all_is_told_and_each_has_its_least() {
        let allocation = allocate(500.0 + 100.0, &claims(&[0.9, 0.1]));
        assert_eq!(allocation, Allocation { shares: vec![400.0, 400.0], shortfall: Some(200.0) });
        assert_eq!(allocate(-1.0, &claims(&[1.0])).shortfall, Some(401.0));
    }

    #[test]
    fn more_than_all_may_have_stays_over() {
        assert_eq!(allocate(1e9, &claims(&[0.9, 0.1])).shares, [10_000.0, 10_000.0]);
        assert_eq!(allocate(1e9, &[]), Allocation { shares: Vec::new(), shortfall: None });
    }

    #[test]
    fn who_has_no_weight_has_its_least_unless_nobody_has_any() {
        assert_eq!(shared(&[3000.0], &[1.0, 0.0]), [2600.0, 400.0]);
        assert_eq!(shared(&[3000.0], &[0.0, 0.0]), [1500.0, 1500.0]);
        let open = Claim { weight: 1.0, least: 0.0, most: f64::INFINITY };
        assert_eq!(allocate(10.0, &[open, Claim { weight: 3.0, ..open }]).shares, [2.5, 7.5]);
        assert_eq!(allocate(0.0, &[open, open]).shares, [0.0, 0.0]);
    }

    /// Every kind of claim: many feeds and few, narrow limits and none, some without weight.
    fn any_claims(random: &mut StdRng) -> Vec<Claim> {
        let count = random.random_range(1..12);
        let one = |random: &mut StdRng| {
            let least = f64::from(random.random_range(0..3_u32)) * random.random_range(0.0..500.0);
            let room = f64::from(random.random_range(0..3_u32)) * random.random_range(0.0..9000.0);
            let weight = f64::from(random.random_range(0..5_u32)) * random.random_range(0.01..1.0);
            Claim { weight, least, most: least + room }
        };
        (0..count).map(|_| one(random)).collect()
    }

    #[test]
    fn whatever_the_claims_limits_and_budget_are_kept_and_nothing_is_wasted() {
        let mut random = StdRng::seed_from_u64(7);
        for round in 0..20_000 {
            let claims = any_claims(&mut random);
            let budget = random.random_range(0.0..40_000.0);
            let Allocation { shares, shortfall } = allocate(budget, &claims);
            let within = |(share, claim): (&f64, &Claim)| *share >= claim.least - 1e-6 && *share <= claim.most + 1e-6;
            assert!(shares.iter().zip(&claims).all(within), "round {round}: {claims:?} {shares:?}");
            let (given, most): (f64, f64) = (shares.iter().sum(), claims.iter().map(|claim| claim.most).sum());
            let least: f64 = claims.iter().map(|claim| claim.least).sum();
            assert_eq!(shortfall.is_some(), least > budget, "round {round}");
            if shortfall.is_none() {
                assert!(given <= budget + 1e-6, "round {round}: {given} of {budget}");
                let some_may_take_more = claims.iter().zip(&shares).any(|(claim, share)| {
                    let counts = claim.weight > 0.0 || claims.iter().all(|claim| claim.weight <= 0.0);
                    counts && *share < claim.most - 1e-6
                });
                assert!(
                    !some_may_take_more || given >= budget.min(most) - 1e-6,
                    "round {round}: {claims:?} {shares:?}"
                );
            }
        }
    }

    #[test]
    fn who_becomes_more_important_never_gets_less_and_nobody_else_more() {
        let mut random = StdRng::seed_from_u64(11);
        for round in 0..20_000 {
            let claims = any_claims(&mut random);
            let budget = random.random_range(0.0..40_000.0);
            let chosen = random.random_range(0..claims.len());
            let mut raised = claims.clone();
            // From no weight among feeds of no weight would be another rule.
            raised[chosen].weight = claims[chosen].weight * random.random_range(1.0..5.0);
            let (before, after) = (allocate(budget, &claims).shares, allocate(budget, &raised).shares);
            for (index, (before, after)) in before.iter().zip(&after).enumerate() {
                let is_fair = if index == chosen { after >= &(before - 1e-6) } else { after <= &(before + 1e-6) };
                assert!(is_fair, "round {round}: {claims:?}, {chosen} raised: {before} to {after}");
            }
        }
    }

    #[test]
    fn every_number_of_a_setpoint_can_be_shared() {
        for (index, pooled) in Pooled::ALL.into_iter().enumerate() {
            let change = pooled.set(7 + index as u32, SetpointChange::default());
            assert_eq!(pooled.of(&change), Some(7 + index as u32));
            assert_eq!(Pooled::ALL.iter().filter(|other| other.of(&change).is_some()).count(), 1);
        }
    }
}
