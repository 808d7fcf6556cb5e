use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;

/// Feeds that report ten times a second, on a clock of their own.
struct Scene {
    controller: FeedController,
    reports: BTreeMap<FeedId, FeedReport>,
    now: Instant,
}

fn id(name: &str) -> FeedId {
    name.parse().unwrap()
}

fn weight(value: f64) -> ShareConfig {
    ShareConfig { importance: value.try_into().unwrap(), ..ShareConfig::default() }
}

fn estimate(kbps: f64) -> Asks {
    Asks { kbps, is_bound: true }
}

/// A feed that somebody watches.
fn feed(importance: f64, asks: impl Into<Option<Asks>>) -> FeedReport {
    FeedReport {
        sends: true,
        is_overtaken: false,
        share: weight(importance),
        asks: asks.into(),
        pooled: SetpointChange::default(),
        held_kbps: 2000.0,
        least_kbps: 400.0,
        most_kbps: 10_000.0,
    }
}

impl Scene {
    fn new(budget: BudgetKind, feeds: &[FeedReport]) -> Self {
        let mut controller = FeedController::default();
        controller.configure(ControlConfig { budget, budget_kbps: 6000, ..ControlConfig::default() });
        let named = |(number, report): (usize, &FeedReport)| (id(&format!("f{number}")), *report);
        Self { controller, reports: feeds.iter().enumerate().map(named).collect(), now: Instant::now() }
    }

    fn with(&mut self, feed: &str, change: impl FnOnce(&mut FeedReport)) {
        change(self.reports.get_mut(&id(feed)).unwrap());
    }

    /// The shares after so many seconds.
    fn spend(&mut self, seconds: f64) -> Vec<Option<u32>> {
        for _ in 0..(seconds * 10.0).round() as u32 {
            self.now += Duration::from_millis(100);
            for (feed, report) in &self.reports {
                self.controller.report(feed, *report, self.now);
            }
        }
        self.reports.keys().map(|feed| self.share(feed).map(|share| share.kbps)).collect()
    }

    fn share(&self, feed: &FeedId) -> Option<Share> {
        self.controller.feeds[feed].share.filter(|_| self.reports[feed].sends)
    }

    fn state(&self, feed: &str) -> ShareState {
        self.controller.state().of(&id(feed)).unwrap().state
    }
}

#[test]
fn a_fixed_budget_is_shared_out_by_importance() {
    let mut scene = Scene::new(BudgetKind::Fixed, &[feed(3.0, None), feed(1.0, None), feed(1.0, None)]);
    assert_eq!(scene.spend(0.1), [Some(3600), Some(1200), Some(1200)]);
    let state = scene.controller.state();
    assert_eq!((state.shared_kbps, state.reserved_kbps, state.shortfall), (Some(6000), 0, None));
    scene.with("f0", |report| report.share = weight(1.0));
    assert_eq!(scene.spend(0.1), [Some(2000), Some(2000), Some(2000)]);
}

#[test]
fn nothing_is_shared_out_where_nobody_wants_that() {
    let mut scene = Scene::new(BudgetKind::Off, &[feed(3.0, None), feed(1.0, estimate(700.0))]);
    assert_eq!(scene.spend(1.0), [None, None]);
    assert_eq!(scene.controller.state().shared_kbps, None);
}

#[test]
fn what_agents_ask_for_together_is_shared_out_as_gstwebrtcapp_does() {
    for (asked, weights, shares) in [
        (&[2000.0, 4000.0][..], &[0.5, 0.5][..], &[3000, 3000][..]),
        (&[2000.0, 4000.0], &[0.8, 0.2], &[4800, 1200]),
        (&[600.0, 600.0, 600.0], &[0.8, 0.1, 0.1], &[1000, 400, 400]),
        (&[10_000.0, 8000.0, 4000.0], &[0.7, 0.2, 0.1], &[10_000, 8000, 4000]),
        (&[9000.0, 9000.0], &[0.8, 0.2], &[10_000, 8000]),
    ] {
        let feeds: Vec<_> = asked.iter().zip(weights).map(|(kbps, weight)| feed(*weight, estimate(*kbps))).collect();
        let given: Vec<u32> =
            Scene::new(BudgetKind::Estimates, &feeds).spend(1.0).into_iter().map(Option::unwrap).collect();
        assert_eq!(given, shares);
    }
}

#[test]
fn a_budget_that_is_too_small_is_told_and_each_has_its_least() {
    let mut scene = Scene::new(BudgetKind::Estimates, &[feed(0.9, estimate(500.0)), feed(0.1, estimate(100.0))]);
    assert_eq!(scene.spend(0.1), [Some(400), Some(400)]);
    let words = scene.controller.state().shortfall.unwrap();
    assert!(words.starts_with("The feeds need 200 kbit/s more than there is"), "{words}");
    scene.with("f0", |report| report.asks = Some(estimate(900.0)));
    scene.spend(0.1);
    assert_eq!(scene.controller.state().shortfall, None);
}

#[test]
fn feeds_that_take_no_part_go_off_a_fixed_budget_first() {
    let mut scene = Scene::new(BudgetKind::Fixed, &[feed(1.0, None), feed(1.0, None), feed(1.0, None)]);
    assert_eq!(scene.spend(0.1), [Some(2000); 3]);
    scene.with("f0", |report| (report.is_overtaken, report.held_kbps) = (true, 3000.0));
    scene.with("f1", |report| (report.share.is_independent, report.held_kbps) = (true, 1000.0));
    assert_eq!(scene.spend(0.1), [None, None, Some(2000)]);
    assert_eq!((scene.state("f0"), scene.state("f1")), (ShareState::Manual, ShareState::Independent));
    scene.with("f1", |report| report.sends = false);
    assert_eq!(scene.spend(0.1), [None, None, Some(3000)]);
    assert_eq!(scene.state("f1"), ShareState::Off);
    assert_eq!(scene.controller.state().reserved_kbps, 3000);
    scene.with("f0", |report| report.is_overtaken = false);
    assert_eq!(scene.spend(0.1), [Some(3000), None, Some(3000)]);
}

#[test]
fn who_comes_next_is_held_to_what_it_would_get_beside_all_others() {
    let asleep = |importance| FeedReport { sends: false, ..feed(importance, None) };
    let mut scene = Scene::new(BudgetKind::Fixed, &[asleep(3.0), asleep(1.0), asleep(1.0)]);
    assert_eq!(scene.spend(0.1), [None; 3]);
    let kbps =
        |scene: &Scene| scene.controller.feeds.values().map(|member| member.share.unwrap().kbps).collect::<Vec<_>>();
    assert_eq!(kbps(&scene), [3600, 1200, 1200]);
    scene.with("f1", |report| report.sends = true);
    scene.spend(0.1);
    assert_eq!(kbps(&scene), [3600, 6000, 1200], "what nobody takes is shared out");
    scene.with("f0", |report| report.is_overtaken = true);
    scene.spend(0.1);
    assert_eq!(scene.controller.feeds[&id("f0")].share, None);
}

#[test]
fn an_agent_that_asks_for_less_than_its_share_leaves_the_rest_to_others() {
    let mut scene = Scene::new(BudgetKind::Fixed, &[feed(3.0, estimate(800.0)), feed(1.0, estimate(9000.0))]);
    assert_eq!(scene.spend(1.0), [Some(1200), Some(4800)]);
    let share = scene.share(&id("f0")).unwrap();
    assert_eq!((share.hold(800), share.hold(5000)), (800, 1200), "it is a bound");
}

#[test]
fn a_silent_agent_holds_up_nobody() {
    let mut scene = Scene::new(BudgetKind::Estimates, &[feed(1.0, estimate(3000.0)), feed(1.0, estimate(1000.0))]);
    assert_eq!(scene.spend(1.0), [Some(2000), Some(2000)]);
    scene.with("f1", |report| report.asks = None);
    assert_eq!(scene.spend(4.9), [Some(2000), Some(2000)], "what it asked for counts a while");
    assert_eq!(scene.spend(0.2), [Some(3000), None]);
    let state = scene.controller.state();
    assert_eq!((state.of(&id("f1")).unwrap().is_silent, scene.state("f1")), (true, ShareState::Allocated));
    // A fixed budget asks nobody.
    scene.controller.configure(ControlConfig {
        budget: BudgetKind::Fixed,
        budget_kbps: 4000,
        ..ControlConfig::default()
    });
    assert_eq!(scene.spend(0.1), [Some(2000), Some(2000)]);
}

#[test]
fn whoever_is_looked_at_gets_its_focus_importance_soon_and_keeps_it_a_while() {
    let mut scene = Scene::new(BudgetKind::Fixed, &[feed(1.0, None), feed(1.0, None)]);
    scene.with("f0", |report| report.share.focus_importance = Some(3.0.try_into().unwrap()));
    let (even, focused) = ([Some(3000), Some(3000)], [Some(4500), Some(1500)]);
    let gaze = |scene: &mut Scene, attention, on| scene.controller.attend(&id("f0"), attention, on, scene.now);
    assert_eq!(scene.spend(1.0), even);
    gaze(&mut scene, Attention::Enlarged, true);
    assert_eq!(scene.spend(0.1), even, "who pages through feeds looks at none");
    assert_eq!(scene.spend(0.2), focused, "within 300 ms");
    gaze(&mut scene, Attention::Enlarged, false);
    assert_eq!(scene.spend(2.5), focused);
    gaze(&mut scene, Attention::Focused, true);
    gaze(&mut scene, Attention::Focused, false);
    assert_eq!(scene.spend(2.9), focused, "the time begins anew");
    assert_eq!(scene.spend(0.2), even);
    gaze(&mut scene, Attention::Pinned, true);
    assert_eq!(scene.spend(60.0), focused);
    gaze(&mut scene, Attention::Enlarged, true);
    gaze(&mut scene, Attention::Pinned, false);
    assert_eq!(scene.spend(60.0), focused, "one reason is enough");
    scene.controller.attend(&id("f1"), Attention::Pinned, true, scene.now);
    assert_eq!(scene.spend(1.0), focused, "it has no other importance");
}

#[test]
fn attention_counts_for_a_feed_that_comes_later() {
    let mut scene = Scene::new(BudgetKind::Fixed, &[feed(1.0, None)]);
    scene.controller.attend(&id("f0"), Attention::Pinned, true, scene.now);
    scene.spend(1.0);
    assert!(scene.controller.state().of(&id("f0")).unwrap().has_attention);
    scene.controller.remove(&id("f0"));
    assert_eq!(scene.controller.state().feeds, []);
}

#[test]
fn small_changes_wait_until_nothing_changes_any_more() {
    let mut scene = Scene::new(BudgetKind::Estimates, &[feed(1.0, estimate(2000.0)), feed(1.0, estimate(2000.0))]);
    scene.spend(1.0);
    for kbps in (2010..2080).step_by(10) {
        scene.with("f0", |report| report.asks = Some(estimate(f64::from(kbps))));
        assert_eq!(scene.spend(0.1), [Some(2000), Some(2000)]);
    }
    assert_eq!(scene.spend(0.5), [Some(2035), Some(2035)]);
    scene.with("f0", |report| report.asks = Some(estimate(1000.0)));
    assert_eq!(scene.spend(0.1), [Some(1500), Some(1500)], "great ones never wait");
}

#[test]
fn other_numbers_are_shared_out_as_well() {
    let mut scene = Scene::new(BudgetKind::Estimates, &[feed(0.8, estimate(2000.0)), feed(0.2, estimate(2000.0))]);
    let change = |framerate, fec| Pooled::Fec.set(fec, SetpointChange::framerate(Some(framerate)));
    scene.with("f0", |report| report.pooled = change(20, 10));
    scene.with("f1", |report| report.pooled = change(30, 30));
    scene.spend(1.0);
    assert_eq!(scene.share(&id("f0")).unwrap().pooled, change(40, 32));
    assert_eq!(scene.share(&id("f1")).unwrap().pooled, change(10, 8));
}

#[test]
fn what_is_told_is_news_and_not_too_often() {
    let mut scene = Scene::new(BudgetKind::Fixed, &[feed(1.0, None), feed(1.0, None)]);
    scene.spend(0.1);
    assert!(scene.controller.news(scene.now).is_some());
    scene.spend(0.1);
    assert_eq!(scene.controller.news(scene.now), None);
    scene.with("f0", |report| report.sends = false);
    scene.spend(0.1);
    assert_eq!(scene.controller.news(scene.now), None, "too soon");
    scene.spend(0.5);
    assert_eq!(scene.controller.news(scene.now).unwrap().of(&id("f1")).unwrap().share_kbps, Some(6000));
    scene.controller.configure(ControlConfig::default());
    assert!(scene.controller.news(scene.now).is_some(), "who asked for it waits");
}

#[test]
fn whatever_is_reported_the_shares_are_within_the_budget_and_the_limits() {
    let mut random = StdRng::seed_from_u64(5);
    for round in 0..400 {
        let budget = [BudgetKind::Fixed, BudgetKind::Estimates][round % 2];
        let any = |random: &mut StdRng| {
            let asks = estimate(random.random_range(0.0..12_000.0));
            let asks = random.random_bool(0.8).then_some(asks);
            FeedReport {
                sends: random.random_bool(0.8),
                is_overtaken: random.random_bool(0.1),
                asks,
                held_kbps: random.random_range(100.0..2000.0),
                least_kbps: random.random_range(0.0..700.0),
                most_kbps: random.random_range(700.0..9000.0),
                share: ShareConfig { is_independent: random.random_bool(0.1), ..weight(random.random_range(0.0..4.0)) },
                ..feed(1.0, None)
            }
        };
        let feeds: Vec<_> = (0..random.random_range(1..9)).map(|_| any(&mut random)).collect();
        let mut scene = Scene::new(budget, &feeds);
        for _ in 0..6 {
            let (name, report) = (format!("f{}", random.random_range(0..feeds.len())), any(&mut random));
            scene.with(&name, |changed| *changed = report);
            let shares = scene.spend(0.1);
            let state = scene.controller.state();
            let (given, least): (f64, f64) = shares
                .iter()
                .zip(scene.reports.values())
                .filter_map(|(share, report)| Some((f64::from((*share)?), report.least_kbps)))
                .fold((0.0, 0.0), |(given, least), (share, limit)| (given + share, least + limit));
            for (share, report) in shares.iter().zip(scene.reports.values()) {
                let Some(share) = share else { continue };
                let room = (report.least_kbps - 1.0)..=(report.most_kbps.max(report.least_kbps));
                assert!(room.contains(&f64::from(*share)), "round {round}: {share} of {report:?}");
            }
            let there_is = f64::from(state.shared_kbps.unwrap()) + 1.0;
            assert!(given <= there_is || state.shortfall.is_some(), "round {round}: {given} of {there_is}");
            assert!(state.shortfall.is_none() || given <= least + 1.0, "round {round}: a shortfall gives the least");
        }
    }
}
