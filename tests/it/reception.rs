//! Feeds that a robot sends: received at its relay, and streamed on.

use std::{fs, time::Duration};

use heliograph::media;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{
    browser::{Browser, Tab},
    free_port,
    program::Program,
    robot::Sender,
    wait_for,
};

/// As long as a busy machine takes to show a picture.
const PATIENCE: Duration = Duration::from_secs(30);

fn relay(port: u16, args: &[&str]) -> Program {
    let relay = Program::relay("bigfootbot", port, args);
    relay.wait_line("Relay: ", PATIENCE);
    relay
}

/// `heliograph serve`, sending a test picture to a relay.
fn sender(port: u16) -> (TempDir, Program) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heliograph.toml");
    let connector = format!(
        "version = 1\n[[connectors]]\nid = \"robot\"\nkind = \"bigfootbot\"\naddress = \"ws://127.0.0.1:{port}\"\n"
    );
    let feed = "[[feeds]]\nname = \"Bow\"\npattern = \"ball\"\npattern_size = \"320x240\"\npattern_framerate = 15\n";
    fs::write(&path, connector + feed).unwrap();
    let program = Program::serve(&["--config", path.to_str().unwrap()]);
    (folder, program)
}

/// `heliograph serve` with the robot as its camera.
fn receiver(address: &str) -> Program {
    Program::serve(&["--feed", &format!("Robot={address}")])
}

/// Waits until the page shows pictures that are not old.
fn wait_shown(browser: &mut Browser, tab: Tab) {
    wait_for("the robot's picture in the browser", PATIENCE, || {
        let tiles = browser.tiles(tab);
        let shown = tiles.first().filter(|tile| tile.width == 320 && tile.age_ms.is_some_and(|age| age < 1000.0));
        shown.map(|_| ())
    });
}

#[test]
fn a_robots_picture_is_streamed_on_and_comes_back_after_whatever_was_away() {
    let port = free_port();
    let mut at_relay = relay(port, &[]);
    let (_folder, mut at_robot) = sender(port);
    at_robot.wait_line("connector=robot state=\"ready\"", PATIENCE);
    let here = receiver(&format!("ws://127.0.0.1:{port}"));
    here.wait_state("robot", "live", PATIENCE);
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&here.url());
    wait_shown(&mut browser, tab);

    // Media need no relay.
    let before = here.lines().len();
    at_relay.terminate("KILL");
    at_robot.wait_line("connector=robot state=\"backoff\"", PATIENCE);
    wait_shown(&mut browser, tab);
    let _again = relay(port, &[]);
    let quiet = !here.lines()[before..].iter().any(|line| line.contains("feed=robot state="));
    assert!(quiet, "the picture went with the relay: {:?}", here.lines());

    at_robot.terminate("KILL");
    here.wait_line_after(before, "feed=robot state=\"stalled\"", PATIENCE);
    here.wait_line_after(before, "Nobody sends at the relay at 127.0.0.1", PATIENCE);
    let began = std::time::Instant::now();
    let before = here.lines().len();
    let (_folder, _at_robot) = sender(port);
    here.wait_line_after(before, "feed=robot state=\"live\"", PATIENCE);
    println!("live again {:?} after the sender was started", began.elapsed());
    wait_shown(&mut browser, tab);
}

#[test]
fn a_robots_own_sender_is_received_though_it_comes_last() {
    media::init().unwrap();
    let runtime = Runtime::new().unwrap();
    let port = free_port();
    let token = "planted-relay-token";
    let here = receiver(&format!("ws://127.0.0.1:{port}"));
    here.wait_line("Nothing listens at 127.0.0.1", PATIENCE);
    let _relay = relay(port, &[]);
    here.wait_line("Nobody sends at the relay", PATIENCE);
    let robot = Sender::start(runtime.handle(), port);
    here.wait_state("robot", "live", PATIENCE);
    assert_eq!(robot.deadly(), Vec::<String>::new(), "its own program would have died of it");

    // It is started anew, and so is the session.
    let before = here.lines().len();
    drop(robot);
    here.wait_line_after(before, "feed=robot state=\"stalled\"", PATIENCE);
    let robot = Sender::start(runtime.handle(), port);
    here.wait_line_after(before, "feed=robot state=\"live\"", PATIENCE);
    assert_eq!(robot.deadly(), Vec::<String>::new(), "its own program would have died of it");

    // A relay that asks for a token is told it, as the login's password.
    let port = free_port();
    let _guarded = relay(port, &["--token", token]);
    let _robot =
        receiver(&format!("ws://127.0.0.1:{port}")).wait_line("does not let us in. Check the token.", PATIENCE);
    let known = receiver(&format!("ws://me:{token}@127.0.0.1:{port}"));
    known.wait_line("Nobody sends at the relay", PATIENCE);
    assert!(!known.lines().iter().any(|line| line.contains(token)), "the token stands in the log");
}
