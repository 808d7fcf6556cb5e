//! Feeds in rooms of media servers, where many meet.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{
    free_port,
    janus::{Janus, Rules},
    livekit::{Keys, LiveKit},
    program::Program,
    turn::Turn,
    wait_for,
};

/// As long as a busy machine takes to show a picture.
const PATIENCE: Duration = Duration::from_secs(30);
const RULES: Rules = Rules { room: 1234, pin: "planted-pin", api_secret: "planted-secret", reclaims: true };

/// Samples of sound in a second, as Opus has them.
const SECOND: u64 = 48_000;

const KEYS: Keys = Keys { key: "our-key", secret: "planted-key-secret", room: "bridge" };

/// `heliograph serve` with one feed and these connectors.
fn serve(connectors: &str) -> (TempDir, Program) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heliograph.toml");
    let feed = "[[feeds]]\nname = \"Bow\"\npattern = \"ball\"\npattern_size = \"320x240\"\npattern_framerate = 15\n\
                audio = \"tone\"\n";
    fs::write(&path, format!("version = 1\n{connectors}\n{feed}")).unwrap();
    let env =
        [("PIN", RULES.pin), ("SECRET", RULES.api_secret), ("WRONG", "planted-wrong"), ("KEY_SECRET", KEYS.secret)];
    let program = Program::serve_at(free_port(), &["--config", path.to_str().unwrap()], &env);
    (folder, program)
}

fn janus(id: &str, port: u16, room: &str, pin: &str, secret: &str) -> String {
    format!(
        "[[connectors]]\nid = \"{id}\"\nkind = \"janus\"\naddress = \"ws://127.0.0.1:{port}\"\nroom = \"{room}\"\n\
         pin_env = \"{pin}\"\napi_secret_env = \"{secret}\"\n"
    )
}

fn wait_decoded(janus: &Janus, publishing: usize) {
    let before = janus.decoded();
    wait_for(&format!("pictures of publishing {publishing} at the Janus server"), PATIENCE, || {
        assert_eq!(janus.wrong(), Vec::<String>::new(), "a Janus server would not have understood this");
        let has_more = janus.decoded() >= before + 15 || publishing > 1 && janus.decoded() >= 15;
        (janus.publishings() == publishing && has_more).then_some(())
    });
}

#[test]
fn a_feed_is_published_in_a_janus_room_kept_while_signalling_is_away_and_brought_back() {
    let runtime = Runtime::new().unwrap();
    let mut server = Janus::start(runtime.handle(), RULES);
    let (_folder, mut program) = serve(&janus("room", server.port, "1234", "PIN", "SECRET"));
    wait_decoded(&server, 1);
    program.wait_line("connector=room state=\"ready\"", PATIENCE);
    assert_eq!(server.displays(), ["Bow"]);
    wait_for("sound at the Janus server", PATIENCE, || (server.heard() > SECOND).then_some(()));

    // Only the websocket goes: the session is claimed, and media have not noticed.
    let before = program.lines().len();
    server.drop_connections();
    program.wait_line_after(before, "connector=room state=\"ready\"", PATIENCE);
    wait_decoded(&server, 1);

    // The server loses the way for media.
    std::thread::sleep(Duration::from_secs(1));
    server.hang_up();
    wait_decoded(&server, 2);

    // It is killed, and comes back without any memory.
    let before = program.lines().len();
    server.die();
    program.wait_line_after(before, "connector=room state=\"backoff\"", PATIENCE);
    std::thread::sleep(Duration::from_secs(2));
    server.revive();
    let back = Instant::now();
    wait_for("a picture at the Janus server", PATIENCE, || {
        (server.publishings() == 3 && server.decoded() > 0).then_some(())
    });
    println!("a picture {:.2} s after the Janus server was back", back.elapsed().as_secs_f64());
    assert!(back.elapsed() < Duration::from_secs(5), "{:?}", back.elapsed());

    program.terminate("TERM");
    wait_for("the goodbye", PATIENCE, || (server.destroyed() == 1).then_some(()));
    assert!(!program.lines().iter().any(|line| line.contains("planted")), "a secret stands in the log");
}

#[test]
fn what_a_janus_server_means_by_its_refusal_is_said_in_words() {
    let runtime = Runtime::new().unwrap();
    let server = Janus::start(runtime.handle(), RULES);
    let at = |id, room, pin, secret| janus(id, server.port, room, pin, secret);
    let connectors = [
        at("stranger", "1234", "PIN", "WRONG"),
        at("guest", "1234", "WRONG", "SECRET"),
        at("lost", "4321", "PIN", "SECRET"),
        at("words", "bridge", "PIN", "SECRET"),
    ];
    let (_folder, program) = serve(&connectors.concat());
    for (id, words) in [
        ("stranger", "does not let us in. Check the API secret and the token."),
        ("guest", "does not let us in. Check its PIN and the token."),
        ("lost", "There is no room 4321"),
        ("words", "does not take the room bridge"),
    ] {
        let told = program.wait_line(&format!("connector={id} state=\"backoff\""), PATIENCE);
        assert!(told.contains(words), "{told}");
    }
    assert_eq!(server.wrong(), Vec::<String>::new());
    assert!(!program.lines().iter().any(|line| line.contains("planted")), "a secret stands in the log");
}

fn livekit(id: &str, port: u16, secret: &str) -> String {
    format!(
        "[[connectors]]\nid = \"{id}\"\nkind = \"livekit\"\naddress = \"ws://127.0.0.1:{port}\"\nroom = \"bridge\"\n\
         api_key = \"our-key\"\napi_secret_env = \"{secret}\"\n"
    )
}

fn wait_decoded_at(livekit: &LiveKit, publishing: usize) {
    wait_for(&format!("publishing {publishing} at the LiveKit server"), PATIENCE, || {
        assert_eq!(livekit.wrong(), Vec::<String>::new(), "a LiveKit server would not have understood this");
        (livekit.publishings() == publishing).then_some(())
    });
    wait_for("pictures there", PATIENCE, || (livekit.decoded() >= 15).then_some(()));
    let before = livekit.decoded();
    wait_for("more pictures there", PATIENCE, || (livekit.decoded() >= before + 15).then_some(()));
}

#[test]
fn a_feed_is_published_in_a_livekit_room_kept_while_signalling_is_away_and_brought_back() {
    let runtime = Runtime::new().unwrap();
    let mut server = LiveKit::start(runtime.handle(), KEYS);
    let (_folder, mut program) =
        serve(&(livekit("room", server.port, "KEY_SECRET") + &livekit("stranger", server.port, "WRONG")));
    wait_decoded_at(&server, 1);
    program.wait_line("connector=room state=\"ready\"", PATIENCE);
    wait_for("sound at the LiveKit server", PATIENCE, || (server.heard() > SECOND).then_some(()));
    let told = program.wait_line("connector=stranger state=\"backoff\"", PATIENCE);
    assert!(told.contains("does not let us in. Check the API key and its secret"), "{told}");

    // Only the websocket goes: the session is resumed, and media have not noticed.
    let before = program.lines().len();
    server.drop_connections();
    program.wait_line_after(before, "connector=room state=\"ready\"", PATIENCE);
    wait_decoded_at(&server, 1);
    assert_eq!(server.identities(), ["bow"]);

    // It is killed, and comes back without any memory.
    let before = program.lines().len();
    server.die();
    program.wait_line_after(before, "connector=room state=\"backoff\"", PATIENCE);
    std::thread::sleep(Duration::from_secs(2));
    server.revive();
    let back = Instant::now();
    wait_for("a picture at the LiveKit server", PATIENCE, || {
        (server.publishings() == 2 && server.decoded() > 0).then_some(())
    });
    println!("a picture {:.2} s after the LiveKit server was back", back.elapsed().as_secs_f64());
    assert!(back.elapsed() < Duration::from_secs(5), "{:?}", back.elapsed());

    program.terminate("TERM");
    wait_for("the goodbye", PATIENCE, || (server.left() > 0).then_some(()));
    assert!(!program.lines().iter().any(|line| line.contains("planted")), "a secret stands in the log");
}

/// An address at which the page in the room can be reached, too: it has none on loopback.
fn own_address() -> Ipv4Addr {
    let addresses = if_addrs::get_if_addrs().unwrap().into_iter().filter(|one| !one.is_loopback());
    let mut addresses =
        addresses.filter_map(|one| if let IpAddr::V4(address) = one.ip() { Some(address) } else { None });
    addresses.next().expect("a network interface with an address")
}

#[test]
fn a_livekit_room_is_reached_through_the_turn_server_that_it_names_and_no_other_way() {
    let (runtime, turn) = (Runtime::new().unwrap(), Turn::start_at(own_address()));
    let server = LiveKit::start_naming(runtime.handle(), KEYS, Some(&turn));
    let (_folder, program) = serve(&(livekit("room", server.port, "KEY_SECRET") + "relay_only = true\n"));
    wait_decoded_at(&server, 1);
    let candidates = server.candidates();
    assert!(!candidates.is_empty() && candidates.iter().all(|one| one.contains(" typ relay")), "{candidates:?}");
    assert!(!program.lines().iter().any(|line| line.contains("planted")), "a secret stands in the log");
}
