//! Viewers with good and bad connections watch one feed: each gets the rendition its connection
//! carries, inside its session, and nobody is drawn down by another.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use heliograph::{config::Priority, media::TransportPlan};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    browser::{Browser, Tab},
    free_port,
    lone_outlet::LoneOutlet,
    media_file::MediaFile,
    network::{Network, Place},
    program::Program,
    wait_for,
};

fn settings(film: &MediaFile) -> String {
    format!(
        "version = 1\n[[feeds]]\nname = \"Bow\"\nfile = {:?}\nbitrate_kbps = 1500\npinned_viewers = [\"pilot\"]\n",
        film.path().display().to_string()
    )
}

const TOKEN: &str = "for-this-test-only";

/// What the pilot's browser counted over some seconds.
#[derive(Debug)]
struct Seconds {
    kbps: f64,
    frames_per_second: f64,
    width: u64,
    freezes: f64,
}

/// Reads the page's own counters twice.
fn watch(browser: &mut Browser, tab: Tab, seconds: u64) -> Seconds {
    let read = |browser: &mut Browser| -> (Value, f64) {
        let numbers = browser.eval(tab, "heliograph.tiles()[0].numbers");
        let now = browser.eval(tab, "performance.now()").as_f64().unwrap();
        (numbers, now)
    };
    let (before, start) = read(browser);
    std::thread::sleep(Duration::from_secs(seconds));
    let (after, end) = read(browser);
    let more = |field: &str| after[field].as_f64().unwrap() - before[field].as_f64().unwrap();
    Seconds {
        kbps: more("bytesReceived") * 8.0 / (end - start),
        frames_per_second: more("framesDecoded") * 1000.0 / (end - start),
        width: after["width"].as_u64().unwrap(),
        freezes: more("freezes"),
    }
}

/// How many renditions the program makes: each is a thread, named after it (see `thread_load`).
fn encoders(program: &Program) -> usize {
    let threads = std::fs::read_dir(format!("/proc/{}/task", program.id())).unwrap();
    let names = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    let is_encoder = |name: &String| name.starts_with("enc") && name.trim_end().ends_with(":src");
    let mut found = BTreeMap::<String, usize>::new();
    for name in names.filter(is_encoder) {
        *found.entry(name).or_default() += 1;
    }
    // The threads that an encoder starts have its name, too; and of one that has ended GStreamer keeps a single
    // thread, which has the name until there is other work for it.
    found.values().filter(|threads| **threads > 1).count()
}

fn url(address: [u8; 4], port: u16, name: &str) -> String {
    format!("http://{}/?name={name}&token={TOKEN}", SocketAddr::from((address, port)))
}

/// The program in a network of its own, with a place beside it, and a film for a feed.
struct Scene {
    program: Program,
    port: u16,
    place: Place,
    _network: Network,
    _film: MediaFile,
    _home: TempDir,
}

impl Scene {
    fn start() -> Option<Self> {
        let network = Network::lay()?;
        let place = network.add_place();
        let port = free_port();
        let listen = SocketAddr::from(([0, 0, 0, 0], port));
        // What is sent of it is the bitrate that was set, at any moment.
        let film = MediaFile::noisy();
        let home = tempfile::tempdir().unwrap();
        let settings = home.path().join("heliograph.toml");
        std::fs::write(&settings, self::settings(&film)).unwrap();
        let args = ["--config", settings.to_str().unwrap(), "--insecure-http", "--token", TOKEN];
        let program = Program::launch(network.program(), listen, &args, &[]);
        program.wait_state("bow", "live", Duration::from_secs(20));
        network.limit(8000);
        Some(Self { program, port, place, _network: network, _film: film, _home: home })
    }
}

#[test]
fn a_slow_viewer_gets_a_small_picture_and_the_pilot_notices_nothing() {
    let Some(scene) = Scene::start() else { return };
    let Scene { place, program, port, .. } = &scene;
    place.limit(500);

    let mut pilot = Browser::start();
    let pilots = pilot.open_viewer(&url(Network::ADDRESS, *port, "pilot"));
    pilot.wait(pilots, "heliograph.tiles().some(t => !t.stale && t.width === 960)", 20_000);
    std::thread::sleep(Duration::from_secs(3));
    let alone = watch(&mut pilot, pilots, 10);
    println!("alone: {alone:?}");

    let mut guest = Browser::start_by(place.command("node"));
    let guests = guest.open_viewer(&url(Place::ADDRESS, *port, "guest"));
    guest.wait(guests, "heliograph.tiles().some(t => t.framesDecoded > 0)", 20_000);
    let begun = Instant::now();
    guest.wait(guests, "heliograph.tiles().some(t => t.width === 640)", 5_000);
    println!("small {:.2} s after the first picture", begun.elapsed().as_secs_f64());
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let small = watch(&mut guest, guests, 5);
    println!("the guest: {small:?}");
    assert_eq!(encoders(program), 2);
    // Meanwhile the guest may be tried on the large picture again, which the pilot must not notice either.
    let together = watch(&mut pilot, pilots, 10);
    println!("together: {together:?}");
    drop(guest);
    program.wait_line("Nobody needs the low rendition any more.", Duration::from_secs(10));
    wait_for("one encoder", Duration::from_secs(5), || (encoders(program) == 1).then_some(()));
    let differs = |now: f64, before: f64| (now - before).abs() > 0.02 * before;
    assert!(!differs(together.kbps, alone.kbps), "{together:?} after {alone:?}");
    assert!(!differs(together.frames_per_second, alone.frames_per_second), "{together:?} after {alone:?}");
    assert_eq!((together.width, together.freezes), (alone.width, alone.freezes));
    assert!(small.width == 640 && small.frames_per_second > 12.0 && small.freezes == 0.0, "{small:?}");
}

/// Who is pinned wants the large picture whatever it costs; only an agent may make it cost less.
#[test]
fn a_pinned_viewer_on_a_slow_line_is_never_moved_and_costs_the_others_nothing() {
    let Some(scene) = Scene::start() else { return };
    let Scene { place, program, port, .. } = &scene;
    let mut guest = Browser::start();
    let guests = guest.open_viewer(&url(Network::ADDRESS, *port, "guest"));
    let mut pilot = Browser::start_by(place.command("node"));
    let pilots = pilot.open_viewer(&url(Place::ADDRESS, *port, "pilot"));
    for (browser, tab) in [(&mut guest, guests), (&mut pilot, pilots)] {
        browser.wait(tab, "heliograph.tiles().some(t => !t.stale && t.width === 960)", 20_000);
    }
    place.limit(500);
    std::thread::sleep(Duration::from_secs(3));
    let seen = watch(&mut guest, guests, 15);
    let told = pilot.eval(pilots, "heliograph.tiles()[0]");
    println!("the guest: {seen:?}; the pilot: {told:?}");
    assert_eq!(encoders(program), 1, "nobody is shown a small picture");
    // The page counts once a second: up to one second of the fifteen is not in it.
    assert!(seen.frames_per_second > 27.0 && seen.freezes == 0.0 && seen.width == 960, "{seen:?}");
    assert_eq!(told["stale"], true, "a picture that cannot keep up never looks live");
    assert!(told["sentence"].as_str().unwrap().contains("This connection is too slow for the picture"), "{told}");
    // The line is as before, and so is the picture.
    place.limit(8000);
    pilot.wait(pilots, "heliograph.tiles().some(t => !t.stale && t.width === 960)", 20_000);
}

/// The longest time for which a viewer who is moved may see the same picture: it may cost two frames.
const LONGEST_GAP_MS: f64 = 3.0 * 1000.0 / LoneOutlet::FRAMERATE as f64;

/// How often that is tried: a hiccup of the machine is no fault of the move.
const ROUNDS: usize = 5;

#[test]
fn moving_a_viewer_on_a_good_line_costs_two_frames_at_most() {
    let station = LoneOutlet::start(TransportPlan::default(), Priority::default());
    let low = station.low();
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&station.server.url());
    browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 40)", 20_000);
    browser.watch_gaps(tab);
    let session = station.session();
    let mut longest = |width: u32| {
        browser.wait(tab, &format!("heliograph.tiles()[0].width === {width}"), 5000);
        std::thread::sleep(Duration::from_millis(500));
        browser.longest_gap(tab)
    };
    let mut there_and_back = || {
        longest(LoneOutlet::SIZE.width);
        station.outlet.show(&session, low.stream());
        let to_low = longest(LoneOutlet::SIZE.width / 2);
        station.outlet.show_connected(&session);
        let back = longest(LoneOutlet::SIZE.width);
        println!("the longest gaps: {to_low:.0} ms to the low rendition, {back:.0} ms back");
        to_low.max(back)
    };
    assert!((0..ROUNDS).any(|_| there_and_back() <= LONGEST_GAP_MS), "each move was seen");
    assert_eq!(browser.tiles(tab)[0].sessions, 1);
}
