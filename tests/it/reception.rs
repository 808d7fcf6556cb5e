//! Feeds that a robot sends: received at its relay, and streamed on.

use std::{fs, time::Duration};

use heliograph::media;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{
    browser::{Browser, Tab},
    free_port,
    program::Program,
    robot::{Receiver, Sender},
    turn::Turn,
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

/// Open connections of others to a loopback port.
fn connections(port: u16) -> usize {
    let table = fs::read_to_string("/proc/self/net/tcp").unwrap();
    let local = format!("0100007F:{port:04X}");
    let is_open = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.len() > 3 && words[1] == local && words[3] == "01"
    };
    table.lines().filter(is_open).count()
}

#[test]
fn several_feeds_of_one_robot_come_over_one_connection_each_to_whom_wants_it() {
    media::init().unwrap();
    let runtime = Runtime::new().unwrap();
    let port = free_port();
    let _relay = relay(port, &[]);
    let feed = |name: &str, size: &str| {
        format!("[[feeds]]\nname = \"{name}\"\npattern = \"ball\"\npattern_size = \"{size}\"\npattern_framerate = 15\n")
    };
    let connector = format!(
        "version = 1\n[[connectors]]\nid = \"robot\"\nkind = \"bigfootbot\"\naddress = \"ws://127.0.0.1:{port}\"\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heliograph.toml");
    fs::write(&path, connector.clone() + &feed("Bow", "320x240") + &feed("Aft", "160x120")).unwrap();
    let at_robot = Program::serve(&["--config", path.to_str().unwrap()]);
    for id in ["bow", "aft"] {
        at_robot.wait_line(&format!("feed={id} connector=robot state=\"ready\""), PATIENCE);
    }
    assert_eq!(connections(port), 1);

    // The robot's own receiver knows nothing of it, and gets the first feed.
    let own = Receiver::start(runtime.handle(), port);
    own.wait_frames(20, PATIENCE);
    drop(own);

    // All come at the same moment, and hear what is said to each of them.
    let address = |name: &str, more: &str| format!("{name}=ws://127.0.0.1:{port}{more}");
    let here = Program::serve(&["--feed", &address("One", ""), "--feed", &address("Three", "/#bow")]);
    let aft = || Program::serve(&["--feed", &address("Two", "#aft")]);
    let there = aft();
    for (program, id, size) in [(&here, "one", "320×240"), (&there, "two", "160×120"), (&here, "three", "320×240")] {
        let live = program.wait_state(id, "live", PATIENCE);
        assert!(live.contains(size), "{live}");
    }

    // One goes and another comes, which touches none of the others.
    let before = here.lines().len();
    drop(there);
    aft().wait_state("two", "live", PATIENCE);
    let touched = |line: &String| line.contains("state=") && !line.contains("standby");
    assert!(!here.lines()[before..].iter().any(touched), "{:?}", here.lines());
    let ready = at_robot.lines().iter().filter(|line| line.contains("connector=robot")).count();
    assert_eq!(ready, 2, "the connection is the first one");

    let told =
        Program::serve(&["--feed", &address("Four", "#mast")]).wait_line("feed=four state=\"backoff\"", PATIENCE);
    assert!(told.contains("No feed “mast”") && told.contains("bow, aft"), "{told}");
}

#[test]
fn a_robot_is_received_through_a_turn_server_at_a_relay_that_ones_own_authority_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (ca, key) = (file("ca.pem", &made.cert.pem()), file("key.pem", &made.signing_key.serialize_pem()));
    let port = free_port();
    let _relay = relay(port, &["--tls-cert", &ca, "--tls-key", &key]);
    let at_robot = format!(
        "version = 1\n[[connectors]]\nid = \"robot\"\nkind = \"bigfootbot\"\naddress = \"wss://localhost:{port}\"\n\
         ca = \"{ca}\"\ninterfaces = [\"lo\"]\n[[feeds]]\nname = \"Bow\"\npattern = \"ball\"\npattern_size = \"320x240\"\n"
    );
    let at_robot = Program::serve(&["--config", &file("robot.toml", &at_robot)]);
    at_robot.wait_line("connector=robot state=\"ready\"", PATIENCE);

    let turn = Turn::start();
    let (server, password) = (turn.relay("udp"), file("password", Turn::PASSWORD));
    let here = format!(
        "version = 1\n[[feeds]]\nname = \"Stranger\"\naddress = \"wss://localhost:{port}\"\n\
         [[feeds]]\nname = \"Robot\"\naddress = \"wss://localhost:{port}/#bow\"\nca = \"{ca}\"\n\
         ice_servers = [\"{server}\"]\nice_password_file = \"{password}\"\nrelay_only = true\ninterfaces = [\"lo\"]\n"
    );
    let here = Program::serve(&["--config", &file("here.toml", &here)]);
    here.wait_state("robot", "live", PATIENCE);
    let told = here.wait_line("feed=stranger state=\"failed\"", PATIENCE);
    assert!(told.contains("is not trusted") && told.contains("name that one's certificate with `ca`"), "{told}");
    // No other way was taken.
    let before = here.lines().len();
    drop(turn);
    here.wait_line_after(before, "feed=robot state=\"stalled\"", PATIENCE);
    assert!(!here.lines().iter().any(|line| line.contains(Turn::PASSWORD)), "the password stands in the log");
}
