//! A feed whose agent follows a link of 4, 1 and again 4 Mbit/s, and what came of it.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    browser::{Browser, Tab},
    free_port,
    media_file::MediaFile,
    program::Program,
    road::{Crossing, Road},
};

const HIGH_KBPS: u32 = 4000;
const LOW_KBPS: u32 = 1000;
/// A rate is that of this long a time.
const WINDOW: Duration = Duration::from_millis(500);
const STEP: Duration = Duration::from_millis(50);

const TOKEN: &str = "for-this-test-only";
/// Notes in the page how long the longest pause between two frames on screen was, in milliseconds.
const WATCH_GAPS: &str = "(() => {
  const video = [...document.querySelectorAll('video')].find((video) => video.videoWidth > 0);
  window.longestGap = 0;
  let last = performance.now();
  window.gapNow = () => Math.max(window.longestGap, performance.now() - last);
  const frame = (now) => {
    window.longestGap = Math.max(window.longestGap, now - last);
    last = now;
    video.requestVideoFrameCallback(frame);
  };
  video.requestVideoFrameCallback(frame);
  return 1;
})()";

/// How long each part takes.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// To find out what the link carries.
    pub settle: Duration,
    /// At 4 Mbit/s, steady.
    pub before: Duration,
    /// At 1 Mbit/s.
    pub low: Duration,
    /// At 4 Mbit/s, until it may be steady.
    pub recover: Duration,
    /// At 4 Mbit/s, steady.
    pub after: Duration,
}

impl Schedule {
    pub const SHORT: Self = Self {
        settle: Duration::from_secs(8),
        before: Duration::from_secs(5),
        low: Duration::from_secs(8),
        recover: Duration::from_secs(15),
        after: Duration::from_secs(5),
    };
}

/// A figure that a run is held to.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    pub name: &'static str,
    pub unit: &'static str,
    /// Infinite where it never came to it.
    pub value: f64,
    pub must: f64,
    pub aim: f64,
    /// It may be more, not less.
    pub is_floor: bool,
}

impl Figure {
    pub fn holds(&self) -> bool {
        self.keeps_to(self.must)
    }

    #[allow(dead_code, reason = "the benchmark asks")]
    pub fn reaches_aim(&self) -> bool {
        self.keeps_to(self.aim)
    }

    fn keeps_to(&self, bound: f64) -> bool {
        if self.is_floor { self.value >= bound } else { self.value <= bound }
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The run in half seconds, for whoever looks into it.
    pub course: Vec<String>,
    /// Of 95 % of the packets, how long they waited at the link.
    pub queueing_p95: Duration,
    /// How much of the link was used in the two steady parts, 0 to 1.
    pub used: [f64; 2],
    /// And of 1 Mbit/s, in the second half of that part.
    pub used_low: f64,
    /// From the drop until less than 1.1 Mbit/s were sent.
    pub down: Option<Duration>,
    /// From the recovery until 90 % of 4 Mbit/s were sent.
    pub back: Option<Duration>,
    /// The longest pause between two frames on screen.
    pub longest_gap: Duration,
    /// The part of the packets that the link lost.
    pub lost: f64,
}

impl Outcome {
    /// What the run is held to.
    pub fn figures(&self) -> [Figure; 5] {
        let ceiling = |name, unit, value, must, aim| Figure { name, unit, value, must, aim, is_floor: false };
        let seconds = |time: Option<Duration>| time.map_or(f64::INFINITY, |time| time.as_secs_f64());
        let used = 100.0 * self.used[0].min(self.used[1]);
        [
            ceiling("packets wait at the link, p95", "ms", 1e3 * self.queueing_p95.as_secs_f64(), 150.0, 120.0),
            Figure {
                name: "used of 4 Mbit/s while steady, before or after",
                unit: "%",
                value: used,
                must: 80.0,
                aim: 80.0,
                is_floor: true,
            },
            ceiling("below 1.1 Mbit/s after the drop", "s", seconds(self.down), 2.0, 1.5),
            ceiling("at 90 % of 4 Mbit/s after the recovery", "s", seconds(self.back), 15.0, 10.0),
            ceiling("longest time without a new picture", "s", self.longest_gap.as_secs_f64(), 1.0, 1.0),
        ]
    }
}

/// Lays the road, runs the program and a browser on it; `None` where there are no rights for it.
pub fn run(schedule: Schedule) -> Option<Outcome> {
    let road = Road::lay()?;
    road.limit(HIGH_KBPS);
    let port = free_port();
    let (film, home) = (MediaFile::noisy(), tempfile::tempdir().unwrap());
    let settings = home.path().join("heliograph.toml");
    std::fs::write(&settings, self::settings(&film)).unwrap();
    let args = ["--config", settings.to_str().unwrap(), "--insecure-http", "--token", TOKEN];
    let listen = SocketAddr::from((Road::ADDRESS, port));
    let program = Program::launch(road.program(), listen, &args, &[]);
    program.wait_state("bow", "live", Duration::from_secs(20));
    let mut browser = Browser::start_by(road.viewer("node"));
    let tab = browser.open_viewer(&format!("http://{listen}/?token={TOKEN}"));
    browser.wait(tab, "heliograph.tiles().some(t => !t.stale && t.framesDecoded > 15)", 30_000);
    std::thread::sleep(schedule.settle);
    let drive = drive(&road, schedule, &mut browser, tab);
    let outcome = drive.outcome(&road.crossings());
    drop((browser, program));
    Some(outcome)
}

fn settings(film: &MediaFile) -> String {
    let path = film.path().display().to_string();
    format!(
        "version = 1\n[[feeds]]\nname = \"Bow\"\nfile = {path:?}\nbitrate_kbps = 2000\nagent = \"gcc\"\nagent_most_kbps = 6000\n"
    )
}

/// When what began, and what the page saw meanwhile.
struct Drive {
    begin: Instant,
    drop: Instant,
    recovery: Instant,
    steady: Instant,
    end: Instant,
    longest_gap: Duration,
}

fn drive(road: &Road, schedule: Schedule, browser: &mut Browser, tab: Tab) -> Drive {
    assert_eq!(browser.eval(tab, WATCH_GAPS), 1);
    let begin = Instant::now();
    std::thread::sleep(schedule.before);
    let drop = Instant::now();
    road.limit(LOW_KBPS);
    std::thread::sleep(schedule.low);
    let recovery = Instant::now();
    road.limit(HIGH_KBPS);
    std::thread::sleep(schedule.recover);
    let steady = Instant::now();
    std::thread::sleep(schedule.after);
    let end = Instant::now();
    let gap = browser.eval(tab, "gapNow()").as_f64().unwrap();
    Drive { begin, drop, recovery, steady, end, longest_gap: Duration::from_secs_f64(gap / 1000.0) }
}

impl Drive {
    fn outcome(&self, crossings: &[Crossing]) -> Outcome {
        let all: Vec<Crossing> = between(crossings, self.begin, self.end).collect();
        let mut waits: Vec<Duration> = all.iter().filter_map(|crossing| crossing.queueing).collect();
        waits.sort_unstable();
        let lost = all.len() - waits.len();
        let used = |from, to, kbps| kbit(crossings, from, to) / (to - from).as_secs_f64() / f64::from(kbps);
        Outcome {
            course: self.course(crossings),
            queueing_p95: waits[waits.len() * 95 / 100],
            used: [used(self.begin, self.drop, HIGH_KBPS), used(self.steady, self.end, HIGH_KBPS)],
            used_low: used(self.drop + (self.recovery - self.drop) / 2, self.recovery, LOW_KBPS),
            down: self.first(crossings, self.drop, |kbps| kbps < 1.1 * f64::from(LOW_KBPS)),
            back: self.first(crossings, self.recovery, |kbps| kbps >= 0.9 * f64::from(HIGH_KBPS)),
            longest_gap: self.longest_gap,
            lost: lost as f64 / all.len() as f64,
        }
    }

    /// How long it took from then until the rate was so.
    fn first(&self, crossings: &[Crossing], from: Instant, is_so: impl Fn(f64) -> bool) -> Option<Duration> {
        let starts = std::iter::successors(Some(from), |at| Some(*at + STEP)).take_while(|at| *at + WINDOW <= self.end);
        let rate = |at: Instant| kbit(crossings, at, at + WINDOW) / WINDOW.as_secs_f64();
        starts.into_iter().find(|at| is_so(rate(*at))).map(|at| at + WINDOW - from)
    }

    fn course(&self, crossings: &[Crossing]) -> Vec<String> {
        let starts = std::iter::successors(Some(self.begin), |at| Some(*at + WINDOW)).take_while(|at| *at < self.end);
        let line = |at: Instant| {
            let part: Vec<Crossing> = between(crossings, at, at + WINDOW).collect();
            let longest = part.iter().filter_map(|crossing| crossing.queueing).max().unwrap_or_default();
            let lost = part.iter().filter(|crossing| crossing.queueing.is_none()).count();
            let seconds = (at - self.begin).as_secs_f64();
            let kbps = kbit(&part, at, at + WINDOW) / WINDOW.as_secs_f64();
            format!("{seconds:5.1} s {kbps:5.0} kbit/s, waits up to {:3} ms, {lost} lost", longest.as_millis())
        };
        starts.map(line).collect()
    }
}

fn between(crossings: &[Crossing], from: Instant, to: Instant) -> impl Iterator<Item = Crossing> {
    crossings.iter().copied().filter(move |crossing| crossing.at >= from && crossing.at < to)
}

fn kbit(crossings: &[Crossing], from: Instant, to: Instant) -> f64 {
    between(crossings, from, to).map(|crossing| crossing.bytes as f64 * 8.0 / 1000.0).sum()
}
