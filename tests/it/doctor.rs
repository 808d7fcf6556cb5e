//! `heliograph doctor`: every section has its line, problems have their next step, and nobody
//! is contacted whom nobody named.

use std::{
    net::{TcpListener, UdpSocket},
    process::{Command, Output},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{free_port, program::PROGRAM, turn::Turn};

/// What the whole report may take, with the start of a debug build.
const LIMIT: Duration = Duration::from_secs(18);

const PASSWORD: &str = "HELIOGRAPH_TEST_TURN_PASSWORD";

/// A place of its own for one run's settings and files.
struct Doctor {
    home: TempDir,
}

impl Doctor {
    /// With these settings below `[server]`.
    fn with(server: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("heliograph");
        std::fs::create_dir(&folder).unwrap();
        let settings = format!("version = 1\n[server]\nlisten = \"127.0.0.1:{}\"\n{server}", free_port());
        std::fs::write(folder.join("heliograph.toml"), settings).unwrap();
        Self { home }
    }

    /// The program, or a way into it, without a session around it.
    fn run(&self, mut command: Command, args: &[&str]) -> Output {
        let started = Instant::now();
        let places = ["XDG_CONFIG_HOME", "XDG_STATE_HOME"].map(|name| (name, self.home.path()));
        command.args(["doctor"]).args(args).envs(places).env_remove("DBUS_SESSION_BUS_ADDRESS");
        let output = command.output().unwrap();
        assert!(started.elapsed() < LIMIT, "it took {:?}", started.elapsed());
        output
    }

    fn json(&self, args: &[&str], password: &str) -> (Vec<Value>, Option<i32>) {
        let mut command = Command::new(PROGRAM);
        command.env(PASSWORD, password);
        let output = self.run(command, &[&["--json"], args].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains(Turn::PASSWORD), "{text}");
        println!("{text}");
        (serde_json::from_str(&text).unwrap(), output.status.code())
    }

    /// The only line about servers.
    fn server(&self, server: &str, password: &str) -> Value {
        let (findings, _) = self.json(&["--ice-server", server, "--ice-password-env", PASSWORD], password);
        section(&findings, "ice")[0].clone()
    }
}

fn section<'a>(findings: &'a [Value], name: &str) -> Vec<&'a Value> {
    findings.iter().filter(|finding| finding["section"] == name).collect()
}

#[test]
fn every_section_has_a_line_and_every_problem_a_next_step() {
    let (findings, code) = Doctor::with("").json(&[], "");
    let sections = "settings program decoders encoders graphics cameras sound keyring ports ice folders clock";
    for name in sections.split(' ') {
        assert!(!section(&findings, name).is_empty(), "{name}");
    }
    let problems: Vec<_> = findings.iter().filter(|finding| finding["verdict"] == "problem").collect();
    assert!(problems.iter().all(|problem| problem["next_step"].is_string()), "{problems:?}");
    assert_eq!(code, Some(i32::from(!problems.is_empty())));
    assert_eq!(section(&findings, "ports")[0]["verdict"], "ok");
}

#[test]
fn a_taken_port_and_a_faulty_file_end_with_one() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let doctor = Doctor::with("");
    let file = doctor.home.path().join("heliograph/heliograph.toml");
    let settings = format!("version = 1\n[server]\nlisten = \"{}\"\n", taken.local_addr().unwrap());
    std::fs::write(&file, settings).unwrap();
    let output = doctor.run(Command::new(PROGRAM), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(&format!("({})", std::process::id())) && text.contains("→ End that program"), "{text}");
    assert!(!text.contains('\u{1b}'), "colours are for terminals: {text}");
    assert_eq!(output.status.code(), Some(1));
    std::fs::write(&file, "version = 1\nlissen = 3\n").unwrap();
    let (findings, code) = doctor.json(&[], "");
    assert_eq!((section(&findings, "settings")[0]["verdict"].as_str(), code), (Some("problem"), Some(1)));
}

#[test]
fn a_server_that_is_well_says_how_far_it_is_and_what_it_gives() {
    let turn = Turn::start();
    let doctor = Doctor::with("");
    for server in [format!("stun:{}", turn.place), turn.relay("udp"), turn.relay("tcp")] {
        let finding = doctor.server(&server, Turn::PASSWORD);
        let sentence = finding["sentence"].as_str().unwrap();
        assert_eq!(
            (finding["verdict"].as_str(), finding["subject"].as_str()),
            (Some("ok"), Some(server.as_str())),
            "{sentence}"
        );
        assert!(sentence.starts_with("It answers within "), "{sentence}");
        let relays = !sentence.ends_with(" 0 relay.");
        assert_eq!(relays, server.starts_with("turn"), "{sentence}");
    }
}

#[test]
fn the_servers_of_the_settings_are_asked() {
    let turn = Turn::start();
    let doctor =
        Doctor::with(&format!("ice_servers = [\"{}\"]\nice_password_env = \"{PASSWORD}\"\n", turn.relay("udp")));
    let (findings, _) = doctor.json(&[], Turn::PASSWORD);
    assert_eq!(section(&findings, "ice")[0]["verdict"], "ok");
}

#[test]
fn each_fault_of_a_server_has_its_sentence() {
    let turn = Turn::start();
    let doctor = Doctor::with("");
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let web_port = web.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in web.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut &stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let mute = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mute_port = mute.local_addr().unwrap().port();
    let cases = [
        (turn.relay("udp"), "wrong", "does not let the user in"),
        (turn.relay("tcp"), "wrong", "does not let the user in"),
        (format!("stun:127.0.0.1:{}", free_port()), "", "Nothing listens at"),
        (format!("stun:127.0.0.1:{mute_port}"), "", "Nothing comes back from"),
        (format!("turn:me@127.0.0.1:{web_port}?transport=tcp"), "x", "is no STUN server"),
    ];
    for (server, password, expected) in cases {
        let finding = doctor.server(&server, password);
        let sentence = finding["sentence"].as_str().unwrap();
        assert!(finding["verdict"] == "problem" && sentence.contains(expected), "{server}: {sentence}");
        assert!(finding["next_step"].is_string(), "{server}");
    }
    // A password that is not where it should be is no reason to ask without it.
    let (findings, _) =
        doctor.json(&["--ice-server", &turn.relay("udp"), "--ice-password-env", "HELIOGRAPH_NO_SUCH"], "");
    let sentence = section(&findings, "ice")[0]["sentence"].as_str().unwrap();
    assert!(sentence.contains("HELIOGRAPH_NO_SUCH"), "{sentence}");
}

/// Attempts to leave a network that has no way out, as the kernel counts them, IPv4 and IPv6.
fn attempts_to_leave(counters: &str) -> u64 {
    let lines: Vec<Vec<&str>> = counters.lines().map(|line| line.split_whitespace().collect()).collect();
    let ip: Vec<_> = lines.iter().filter(|line| line.first() == Some(&"Ip:")).collect();
    let column = ip[0].iter().position(|name| *name == "OutNoRoutes").unwrap();
    let ipv6 = lines.iter().find(|line| line.first() == Some(&"Ip6OutNoRoutes"));
    ip[1][column].parse::<u64>().unwrap() + ipv6.map_or(0, |line| line[1].parse().unwrap())
}

#[test]
fn nobody_is_contacted_whom_nobody_named() {
    let script = "ip link set lo up && \"$@\"; cat /proc/net/snmp /proc/net/snmp6 >&2";
    let inside = || {
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", script, "doctor", PROGRAM]).env("RUST_LOG", "off");
        command
    };
    if !Command::new("unshare").args(["--net", "true"]).status().is_ok_and(|status| status.success()) {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"SKIPPED: no network namespace can be made here, try as root\n",
        );
        return;
    }
    let doctor = Doctor::with("");
    let counters = |args: &[&str]| {
        let output = doctor.run(inside(), args);
        let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert!(found.len() > 10, "{found:?}");
        attempts_to_leave(&String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(counters(&["--json"]), 0);
    // The same counter sees a server that is named (RFC 5737: an address for documentation).
    assert!(counters(&["--json", "--ice-server", "stun:192.0.2.1:3478"]) > 0);
}
