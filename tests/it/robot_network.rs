//! A robot whose network goes away while its picture is received elsewhere; and the relay, with it or by itself.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use heliograph::media;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{free_port, network::Network, program::Program, robot::Receiver};

const PATIENCE: Duration = Duration::from_secs(30);

/// A relay that both sides reach.
fn relay(port: u16) -> Program {
    let anywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let relay = Program::relay_at("bigfootbot", anywhere, &["--open", "--insecure"]);
    relay.wait_line("Relay: ", PATIENCE);
    relay
}

/// Heliograph as the robot's sender, in a network of its own.
fn robot(network: &Network, port: u16) -> (TempDir, Program) {
    let home = tempfile::tempdir().unwrap();
    let settings = home.path().join("heliograph.toml");
    let here = Ipv4Addr::from(Network::HERE);
    let text = format!(
        "version = 1\n[[connectors]]\nid = \"robot\"\nkind = \"bigfootbot\"\naddress = \"ws://{here}:{port}\"\n\
         [[feeds]]\nname = \"Bow\"\npattern = \"ball\"\npattern_size = \"320x240\"\npattern_framerate = 15\n"
    );
    fs::write(&settings, text).unwrap();
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let program = Program::launch(network.program(), listen, &["--config", settings.to_str().unwrap()], &[]);
    program.wait_line("connector=robot state=\"ready\"", PATIENCE);
    (home, program)
}

fn down(network: &Network, seconds: u64) {
    network.cut();
    std::thread::sleep(Duration::from_secs(seconds));
    network.mend().unwrap();
}

#[test]
fn a_robots_picture_is_received_again_within_seconds_of_a_way() {
    let Some(network) = Network::lay() else { return };
    let port = free_port();
    let mut at_relay = relay(port);
    let (_home, robot) = robot(&network, port);
    let here = Program::serve(&["--feed", &format!("Robot=ws://127.0.0.1:{port}")]);
    here.wait_state("robot", "live", PATIENCE);
    robot.wait_line("A viewer is sent the picture.", PATIENCE);
    let sessions = || robot.lines().iter().filter(|line| line.contains("A viewer is sent the picture.")).count();
    let measure = |what: &str, happen: &dyn Fn()| {
        let (before, sessions_before) = (here.lines().len(), sessions());
        happen();
        let began = Instant::now();
        here.wait_line_after(before, "feed=robot state=\"stalled\"", PATIENCE);
        here.wait_line_after(before, "feed=robot state=\"live\"", PATIENCE);
        let took = began.elapsed().as_secs_f64();
        // Sessions that only seemed to go on would have ended by now.
        std::thread::sleep(Duration::from_secs(3));
        let last = here.lines().into_iter().rev().find(|line| line.contains("feed=robot state=")).unwrap();
        assert!(last.contains("\"live\""), "{last}");
        let more = sessions() - sessions_before;
        println!("{what}: a picture {took:.2} s after the path was there, {more} more sessions");
        (took, more)
    };
    let (took, more) = measure("5 s without a link", &|| down(&network, 5));
    assert!(took <= 1.0 && more == 0, "{took:.2} s, {more} more sessions");
    let (took, _) = measure("another address", &|| network.renumber());
    assert!(took <= 3.0, "{took:.2} s");
    let (took, _) = measure("30 s without a link", &|| down(&network, 30));
    assert!(took <= 3.0, "{took:.2} s");

    // The relay goes, and comes: the picture does neither.
    let (before, sessions_before, said) = (here.lines().len(), sessions(), robot.lines().len());
    at_relay.terminate("KILL");
    robot.wait_line_after(said, "connector=robot state=\"backoff\"", PATIENCE);
    let _again = relay(port);
    robot.wait_line_after(said, "connector=robot state=\"ready\"", PATIENCE);
    std::thread::sleep(Duration::from_secs(3));
    assert!(!here.lines()[before..].iter().any(|line| line.contains("feed=robot state=")), "{:?}", here.lines());
    assert_eq!(sessions(), sessions_before);
    // And whoever came back to it hears there of the sender.
    let (took, _) = measure("another address, at a relay that was started anew", &|| network.renumber_back());
    assert!(took <= 3.0, "{took:.2} s");
}

/// What the robot's own receiver can have: it has one session in its life.
#[test]
fn a_robots_own_receiver_has_its_picture_back_after_a_link_was_down() {
    let Some(network) = Network::lay() else { return };
    media::init().unwrap();
    let runtime = Runtime::new().unwrap();
    let port = free_port();
    let mut at_relay = relay(port);
    let (_home, _robot) = robot(&network, port);
    let receiver = Receiver::start(runtime.handle(), port);
    receiver.wait_frames(30, PATIENCE);
    down(&network, 5);
    let began = Instant::now();
    receiver.wait_frames(2, PATIENCE);
    let took = began.elapsed().as_secs_f64();
    println!("5 s without a link: a picture {took:.2} s after it");
    assert!(took <= 1.0, "{took:.2} s");
    at_relay.terminate("KILL");
    receiver.wait_frames(45, PATIENCE);
}
