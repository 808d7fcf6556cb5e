//! Programs that talk to Heliograph over MQTT: its own `ctl`, the examples, what the README has, and
//! one that behaves as GstWebRTCApp's do.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{
    browser::Browser,
    free_port,
    mqtt::{Listener, Mosquitto, ask, first_json},
    peer::Peer,
    program::{PROGRAM, Program},
    wait_for,
};

const LIMIT: Duration = Duration::from_secs(20);

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program with a feed of a test picture and a broker for this machine.
fn boat(args: &[&str]) -> (Program, u16) {
    let port = free_port();
    let mqtt = format!("127.0.0.1:{port}");
    let program = Program::serve(&[&["--mqtt", &mqtt, "--feed", "Bow=test:ball"], args].concat());
    program.wait_line("Messages over MQTT", LIMIT);
    (program, port)
}

/// `heliograph ctl` with settings of its own.
fn ctl(port: u16, args: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let broker = format!("mqtt://127.0.0.1:{port}");
    let output = Command::new(PROGRAM)
        .args(["ctl", "--broker", &broker])
        .args(args)
        .env("XDG_CONFIG_HOME", home.path())
        .output()
        .unwrap();
    println!("| ctl {args:?}: {output:?}");
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The state of the only Heliograph's feed.
fn state(port: u16) -> Value {
    first_json(port, "heliograph/+/feeds/bow/state")
}

#[test]
fn ctl_does_what_it_says_and_helps_where_it_cannot() {
    let (_program, port) = boat(&[]);
    assert_eq!(text(&ctl(port, &["feeds"]).stdout), "bow\tBow\n");
    let done = |args: &[&str]| assert!(ctl(port, args).status.success(), "{args:?}");
    done(&["stop", "bow"]);
    wait_for("a stopped feed", LIMIT, || (state(port)["state"] == "stopped").then_some(()));
    done(&["start", "bow"]);
    done(&["apply", "bow", "--bitrate-kbps", "640", "--size", "640x360", "--framerate", "12", "--priority", "3"]);
    let setpoint = wait_for("a setpoint", LIMIT, || {
        Some(state(port)["setpoint"].clone()).filter(|held| held["bitrate_kbps"] == 640)
    });
    assert_eq!(
        (&setpoint["size"], &setpoint["framerate"], &setpoint["priority"]),
        (&json!("640x360"), &json!(12), &json!(3))
    );
    done(&["preset", "bow", "hd"]);
    done(&["element", "bow", "encoder", "threads", "2"]);
    done(&["send", r#"{"command":"forget-certificate"}"#, "--feed", "bow"]);
    done(&["agent", "bow", "gcc", "--most-kbps", "4000"]);
    done(&["share", "bow", "--importance", "3"]);
    done(&["budget", "6000"]);
    wait_for("agent and importance", LIMIT, || {
        let state = state(port);
        (state["agent"]["most_kbps"] == 4000 && state["share"]["importance"] == 3.0).then_some(())
    });
    done(&["attend", "bow", "on"]);
    wait_for("what is shared out", LIMIT, || {
        let told = text(&ctl(port, &["control"]).stdout);
        (told.starts_with("Shared out: ") && told.contains("bow\toff\timportance 3")).then_some(())
    });
    done(&["budget", "off"]);
    let told = text(&ctl(port, &["state", "bow"]).stdout);
    assert!(told.starts_with("Bow (bow): ") && told.contains("Size: 1280x720"), "{told}");
    let told = ctl(port, &["--json", "state", "bow"]);
    assert_eq!(serde_json::from_slice::<Value>(&told.stdout).unwrap()["feed"], "bow");
    assert_eq!(text(&ctl(port, &["watch", "bow", "--count", "2"]).stdout).lines().count(), 2);

    for (args, code, words) in [
        (&["start", "nobody"][..], 1, "There is no feed “nobody”"),
        (&["apply", "bow", "--bitrate-kbps", "1"], 1, "50"),
        (&["apply", "bow"], 2, "Nothing is to be different"),
        (&["say", "bow", "chat", "hello"], 1, "There is no channel “chat”"),
        (&["send", "{"], 2, "This is no JSON object"),
        (&["--instance", "other", "state", "bow"], 2, "No Heliograph is called “other”; there is "),
        (&["script", "/nowhere"], 2, "cannot be read"),
    ] {
        let output = ctl(port, args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
    let nobody = ctl(free_port(), &["feeds"]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(text(&nobody.stderr).contains("Start Heliograph with `heliograph serve --mqtt`"), "{nobody:?}");
    let empty = Mosquitto::start("allow_anonymous true");
    assert!(text(&ctl(empty.port, &["feeds"]).stderr).contains("no Heliograph is connected to it"));
}

#[test]
fn a_script_is_played_at_its_times() {
    let (_program, port) = boat(&[]);
    let heard = Listener::start(port, &["-t", "heliograph/+/feeds/bow/actions"]);
    let script = repository().join("examples/drive.jsonl");
    let start = std::time::Instant::now();
    let output = ctl(port, &["script", &script.display().to_string()]);
    assert!(output.status.success(), "{output:?}");
    assert!(start.elapsed() >= Duration::from_secs(4), "it took {:?}", start.elapsed());
    let lines: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 5, "{lines:?}");
    let times: Vec<f64> = lines.iter().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] <= pair[1]) && times[1] >= 1.0 && times[4] >= 4.0, "{times:?}");
    wait_for("all changes", LIMIT, || {
        let bitrates = heard.messages().into_iter().filter_map(|line| {
            let report: Value = serde_json::from_str(line.split_once(' ')?.1).ok()?;
            report["setpoint"]["bitrate_kbps"].as_u64()
        });
        (bitrates.collect::<Vec<_>>() == [2500, 800, 400, 2000]).then_some(())
    });
}

/// A file with commands for a shell is carried out with these programs in place of the words.
fn shell(script: &str) -> Output {
    let path = format!("{}:{}", Path::new(PROGRAM).parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash").args(["-euo", "pipefail", "-c", script]).env("PATH", path).output().unwrap();
    println!("| {script}\n{output:?}");
    output
}

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let section = readme.split("## Control it over MQTT").nth(1).expect("the README should have the section");
    let section = section.split("\n## ").next().unwrap();
    let blocks: Vec<&str> = section.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 2, "a program that runs, and commands for it");
    assert!(blocks[0].contains("./dev run serve --demo --mqtt"), "{}", blocks[0]);
    let port = free_port();
    let mqtt = format!("127.0.0.1:{port}");
    let program = Program::serve(&["--demo", "--mqtt", &mqtt]);
    program.wait_line("Messages over MQTT", LIMIT);
    // Only what belongs to the machine is another thing here: the port, the host's name, the program's place.
    let name = program.wait_line("Messages over MQTT", LIMIT);
    println!("{name}");
    let instance = first_json(port, "heliograph/+/state");
    assert_eq!(instance["online"], true);
    let commands = blocks[1]
        .replace("mosquitto_sub ", &format!("mosquitto_sub -p {port} -W 20 "))
        .replace("mosquitto_pub ", &format!("mosquitto_pub -p {port} "))
        .replace("mosquitto_rr ", &format!("mosquitto_rr -p {port} -W 20 "))
        .replace("./dev run ctl ", &format!("heliograph ctl --broker mqtt://127.0.0.1:{port} "));
    let output = shell(&commands);
    assert!(output.status.success(), "{output:?}");
    let said = text(&output.stdout);
    for words in ["\"online\":true", "\"ok\":true", "Demo (demo): "] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
    let held = wait_for("the last command", LIMIT, || {
        let state = first_json(port, "heliograph/+/feeds/demo/state");
        (state["state"] == "stopped").then_some(state)
    });
    assert_eq!(held["setpoint"]["size"], "1280x720");
}

/// Lines of a Python program until its end.
fn python(script: PathBuf, args: &[&str]) -> (std::process::Child, impl Iterator<Item = String> + use<>) {
    let mut child = Command::new("python3").arg(script).args(args).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    (child, lines.inspect(|line| println!("| {line}")))
}

#[test]
fn the_example_agent_holds_a_feed_to_what_its_network_carries() {
    heliograph::media::init().unwrap();
    let (program, port) = boat(&[]);
    let _viewer = Peer::watch_at(SocketAddr::from(([127, 0, 0, 1], program.port)), "bow");
    let script = repository().join("examples/agent.py");
    assert!(fs::read_to_string(&script).unwrap().lines().count() <= 40);
    let (mut child, mut lines) = python(script, &["bow", "127.0.0.1", &port.to_string()]);
    assert!(lines.next().is_some_and(|line| line.contains("kbit/s: {'bitrate_kbps':")));
    wait_for("a setpoint of the agent's", LIMIT, || (state(port)["by"] == json!({ "agent": "example" })).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn programs_of_gstwebrtcapp_drive_a_feed_through_mosquitto() {
    let broker = Mosquitto::start("allow_anonymous true");
    let home = tempfile::tempdir().unwrap();
    let settings = home.path().join("heliograph.toml");
    let text = format!(
        "version = 1\n[mqtt]\nbroker = \"mqtt://127.0.0.1:{}\"\ndialect = \"gstwebrtcapp\"\n\
         [[feeds]]\nname = \"Bow\"\npattern = \"ball\"\n[[feeds]]\nname = \"Bow0\"\nid = \"bow00\"\npattern = \"ball\"\n",
        broker.port
    );
    fs::write(&settings, text).unwrap();
    let program = Program::serve(&["--config", &settings.display().to_string()]);
    program.wait_line("Messages over MQTT", LIMIT);
    let guest = repository().join("tests/it/support/guest_agent.py");
    let (mut child, lines) = python(guest, &[&broker.port.to_string(), "bow"]);
    let mut said = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
    assert_eq!(said.next().unwrap(), json!({ "ready": true }));
    let mut browser = Browser::start();
    browser.open_viewer(&format!("{}feed/bow", program.url()));
    assert_eq!(said.next().unwrap(), json!({ "on": "bow/actions" }));
    let record = said.next().unwrap();
    let figure = |key: &str| record[key].as_f64().unwrap();
    assert!((0.0..1000.0).contains(&figure("rtt_ms")) && (0.0..1000.0).contains(&figure("jitter_ms")), "{record}");
    assert!(figure("tx_rate_mbits") > 0.0 && figure("rx_packets") > 0.0, "{record}");
    assert!(said.next().unwrap()["estimate"].as_f64().unwrap() > 10_000.0);
    let held = wait_for("its actions", LIMIT, || {
        Some(state(broker.port)["setpoint"].clone()).filter(|setpoint| setpoint["fec_percent"] == 20)
    });
    assert_eq!(
        (&held["bitrate_kbps"], &held["size"], &held["framerate"]),
        (&json!(777), &json!("320x240"), &json!(10))
    );
    let other = first_json(broker.port, "heliograph/+/feeds/bow00/state");
    assert_eq!(other["setpoint"]["bitrate_kbps"], 2000);
    // It stops: the controller is told, so that no other feed waits for it.
    let instance = first_json(broker.port, "heliograph/+/state");
    assert_eq!(instance["online"], true);
    let topic = Listener::start(broker.port, &["-t", "heliograph/+/feeds/bow/state"]).wait_topic("/feeds/bow/state");
    assert_eq!(ask(broker.port, &[], &topic.replace("/state", "/command"), r#"{"command":"stop"}"#)["ok"], true);
    assert_eq!(said.next().unwrap(), json!({ "off": false }));
    assert!(child.wait().unwrap().success());
}
