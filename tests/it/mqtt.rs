//! The embedded broker and the messages, as mosquitto's clients see them.

use std::{fs, path::Path, time::Duration};

use heliograph::{
    config::{EmbeddedBroker, FeedId, MqttRole, MqttUser, PasswordSource},
    mqtt::{Broker, BrokerError},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{
    browser::Browser,
    free_port,
    mqtt::{Listener, ask, first, first_json, listening, publish, run},
    program::Program,
    wait_for,
};

const LIMIT: Duration = Duration::from_secs(15);
const FEED: &str = "heliograph/boat/feeds/bow";
/// What nobody may ever see.
const PLANTED: &str = "planted-password";

fn id(text: &str) -> FeedId {
    text.parse().unwrap()
}

fn user(folder: &Path, name: &str, role: MqttRole) -> MqttUser {
    let path = folder.join(name);
    fs::write(&path, format!("{name}-pw")).unwrap();
    MqttUser { name: name.into(), role, password: PasswordSource::File(path) }
}

/// A program with one feed of a test picture and the embedded broker, with more lines in `[mqtt]`.
struct Boat {
    program: Program,
    port: u16,
    folder: TempDir,
}

impl Boat {
    fn start(mqtt: &str) -> Self {
        Self::start_with(mqtt, "")
    }

    /// With more lines of the feed, too.
    fn start_with(mqtt: &str, feed: &str) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let path = folder.path().join("heliograph.toml");
        let text = format!(
            "version = 1\n[mqtt]\ninstance = \"boat\"\nlisten = \"127.0.0.1:{port}\"\n{mqtt}\n\
             [[feeds]]\nname = \"Bow\"\npattern = \"bars\"\npattern_size = \"320x240\"\n{feed}\n"
        );
        fs::write(&path, text).unwrap();
        let program = Program::serve(&["--config", &path.display().to_string()]);
        program.wait_line("Messages over MQTT", LIMIT);
        Self { program, port, folder }
    }

    fn ask(&self, request: &Value) -> Value {
        ask(self.port, &[], &format!("{FEED}/command"), &request.to_string())
    }

    fn state(&self) -> Value {
        first_json(self.port, &format!("{FEED}/state"))
    }

    /// The page of a viewer of this name.
    fn page(&self, name: &str) -> String {
        let url = self.program.url();
        let mark = if url.contains('?') { '&' } else { '?' };
        format!("{url}{mark}name={name}")
    }

    /// Waits for a state of the feed that `pick` takes.
    fn wait_state(&self, what: &str, pick: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, LIMIT, || Some(self.state()).filter(|state| pick(state)))
    }
}

#[test]
fn the_broker_speaks_both_versions_at_one_port_and_keeps_roles_apart() {
    let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let mut settings = EmbeddedBroker::at("127.0.0.1:0".parse().unwrap());
    settings.anonymous = Some(MqttRole::Observe);
    settings.users =
        vec![user(folder.path(), "pilot", MqttRole::Operate), user(folder.path(), "chief", MqttRole::Admin)];
    let broker = runtime.block_on(Broker::start(&settings, &id("boat"))).unwrap();
    let port = broker.address().port();
    let login = |name: &'static str| vec!["-u", name, "-P", if name == "pilot" { "pilot-pw" } else { "chief-pw" }];
    for version in ["mqttv5", "mqttv311"] {
        let all =
            |args: &[&'static str], login: &[&'static str]| [&["-V", version, "-q", "1"][..], args, login].concat();
        assert!(!publish(port, &all(&["-t", "x", "-m", "1"], &["-u", "pilot", "-P", "wrong"])), "a wrong password");
        // Retained, and heard by the other version.
        assert!(publish(port, &all(&["-t", "notes", "-m", "kept", "-r"], &login("pilot"))));
        let other = if version == "mqttv5" { "mqttv311" } else { "mqttv5" };
        assert_eq!(first(port, &["-V", other, "-t", "notes"]), "kept");
        assert!(publish(port, &all(&["-t", "notes", "-n", "-r"], &login("pilot"))));

        let heard = Listener::start(port, &["-V", version, "-t", "#"]);
        for (topic, user, allowed) in [
            ("heliograph/boat/feeds/bow/command", None, false),
            ("heliograph/boat/feeds/bow/command", Some("pilot"), true),
            ("heliograph/boat/command", Some("pilot"), false),
            ("heliograph/boat/command", Some("chief"), true),
            ("heliograph/boat/feeds/bow/state", Some("chief"), false),
            ("notes", None, false),
        ] {
            let said = format!("{topic}-{user:?}");
            let mut args = vec!["-V", version, "-q", "1", "-t", topic, "-m", &said];
            args.extend(user.map(login).unwrap_or_default());
            publish(port, &args);
            publish(port, &["-t", "done", "-m", &said, "-u", "chief", "-P", "chief-pw"]);
            heard.wait("done", &said, LIMIT);
            let came = heard.messages().contains(&format!("{topic} {said}"));
            assert_eq!(came, allowed, "{said} over {version}");
        }
        // The last will of a client that dies without a goodbye, and only where it may write.
        for (topic, allowed) in [("wills", true), ("heliograph/boat/state", false)] {
            let mut client = listening(port, &["-V", version, "-t", "nothing", "-d"])
                .args(login("pilot"))
                .args(["--will-topic", topic, "--will-payload", "gone"])
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = std::io::BufRead::lines(std::io::BufReader::new(client.stdout.take().unwrap()));
            assert!(lines.any(|line| line.unwrap().contains("SUBACK")));
            client.kill().unwrap();
            client.wait().unwrap();
            if allowed {
                heard.wait(topic, "gone", LIMIT);
            } else {
                publish(port, &["-t", "done", "-m", "will", "-u", "chief", "-P", "chief-pw"]);
                heard.wait("done", "will", LIMIT);
                assert!(!heard.messages().iter().any(|line| line.starts_with(topic)));
            }
        }
    }
    runtime.block_on(broker.stop());
}

#[test]
fn the_broker_starts_stops_and_changes_its_port_and_names_a_port_that_is_taken() {
    let runtime = Runtime::new().unwrap();
    let start = |port: u16| {
        let settings = EmbeddedBroker::at(([127, 0, 0, 1], port).into());
        runtime.block_on(Broker::start(&settings, &id("boat")))
    };
    let (first_port, second_port) = (free_port(), free_port());
    let broker = start(first_port).unwrap();
    let error = start(first_port).err().unwrap();
    assert!(matches!(error, BrokerError::PortInUse(_)) && error.may_pass());
    assert!(error.to_string().contains(&format!("port {first_port} at 127.0.0.1 is in use")), "{error}");

    let listener = Listener::start(first_port, &["-t", "x"]);
    runtime.block_on(broker.stop());
    assert!(!publish(first_port, &["-t", "x", "-m", "1"]));
    drop(listener);
    for port in [second_port, first_port] {
        let broker = start(port).unwrap();
        assert!(publish(port, &["-t", "x", "-m", "1"]));
        runtime.block_on(broker.stop());
    }
}

#[test]
fn a_feed_is_steered_by_requests_and_tells_how_it_is() {
    let mut boat = Boat::start("");
    let port = boat.port;
    assert_eq!(first_json(port, "heliograph/boat/feeds"), json!({ "v": 1, "feeds": [{ "id": "bow", "name": "Bow" }] }));
    let instance = first_json(port, "heliograph/boat/state");
    assert_eq!((&instance["v"], &instance["online"]), (&json!(1), &json!(true)));

    assert_eq!(boat.ask(&json!({ "id": 1, "command": "stop" })), json!({ "v": 1, "id": 1, "ok": true }));
    boat.wait_state("a stopped feed", |state| state["state"] == "stopped");
    assert_eq!(boat.ask(&json!({ "command": "start" }))["ok"], true);
    boat.wait_state("a started feed", |state| state["state"] != "stopped");

    let change = json!({ "bitrate_kbps": 700, "framerate": 10 });
    assert_eq!(boat.ask(&json!({ "v": 1, "command": "apply", "change": change }))["ok"], true);
    let state = boat.wait_state("the new setpoint", |state| state["setpoint"]["bitrate_kbps"] == 700);
    assert_eq!((&state["setpoint"]["framerate"], &state["by"]), (&json!(10), &json!("person")));
    let by = json!({ "agent": "pid" });
    assert_eq!(boat.ask(&json!({ "command": "preset", "preset": "ld", "by": by }))["ok"], true);
    let state = boat.wait_state("the preset", |state| state["setpoint"]["size"] == "640x360");
    assert_eq!(state["by"], by);
    assert_eq!(boat.ask(&json!({ "command": "describe" }))["result"]["setpoint"]["bitrate_kbps"], 400);

    // MQTT 3.1.1 knows no response topic: the answer is beside the request.
    let answers = Listener::start(port, &["-t", &format!("{FEED}/reply"), "-t", "other/place"]);
    let stop = r#"{"id":"old","command":"stop"}"#;
    assert!(publish(port, &["-V", "mqttv311", "-t", &format!("{FEED}/command"), "-m", stop]));
    answers.wait(&format!("{FEED}/reply"), r#""id":"old","ok":true"#, LIMIT);

    // What is asked twice is done once and answered twice.
    boat.wait_state("a stopped feed", |state| state["state"] == "stopped");
    assert_eq!(boat.ask(&json!({ "command": "start" }))["ok"], true);
    boat.wait_state("a started feed", |state| state["state"] != "stopped");
    assert!(publish(port, &["-V", "mqttv311", "-t", &format!("{FEED}/command"), "-m", stop]));
    wait_for("the second answer", LIMIT, || {
        (answers.messages().iter().filter(|line| line.contains("\"old\"")).count() == 2).then_some(())
    });
    assert_ne!(boat.state()["state"], "stopped");

    let listener = Listener::start(port, &["-t", "heliograph/boat/state"]);
    let (code, _) = boat.program.terminate("TERM");
    assert_eq!(code, Some(0));
    listener.wait("heliograph/boat/state", r#""online":false"#, LIMIT);
}

#[test]
fn what_is_no_request_gets_an_answer_is_counted_and_repeats_no_secret() {
    let boat = Boat::start("");
    let port = boat.port;
    let all = Listener::start(port, &["-t", "heliograph/#", "-t", "answers/#"]);
    let long = json!({ "command": "start", "x": PLANTED.repeat(600) }).to_string();
    let planted = [
        ("malformed", format!("{{\"command\": {PLANTED}")),
        ("malformed", json!({ "v": 9, "command": "start", "token": PLANTED }).to_string()),
        ("too-large", long),
        ("unknown", json!({ "command": PLANTED }).to_string()),
        ("unknown", json!({ "command": "apply", "change": { "bitrate_kbps": PLANTED } }).to_string()),
        ("failed", json!({ "command": "apply", "change": { "bitrate_kbps": 1 } }).to_string()),
        (
            "not-allowed",
            json!({ "command": "set-element", "role": "source", "name": "user-pw", "value": PLANTED }).to_string(),
        ),
    ];
    for (kind, request) in &planted {
        let answer = ask(port, &[], &format!("{FEED}/command"), request);
        assert_eq!((&answer["ok"], &answer["error"]["kind"]), (&json!(false), &json!(kind)), "{request}: {answer}");
        assert!(answer["error"]["sentence"].as_str().is_some_and(|sentence| sentence.len() > 10));
    }
    let nobody = ask(port, &[], "heliograph/boat/feeds/nobody/command", r#"{"command":"start"}"#);
    assert_eq!(nobody["error"]["kind"], "not-found");
    // An answer is not sent where it would be taken for something else.
    let state = format!("{FEED}/state");
    let args = ["-V", "mqttv5", "-t", &format!("{FEED}/command"), "-m", r#"{"command":"describe"}"#];
    assert!(publish(port, &[&args[..], &["-D", "publish", "response-topic", &state]].concat()));
    all.wait("heliograph/boat/state", "\"requests_refused\":9", LIMIT);
    let own = |line: &&String| !line.contains("/command ");
    let said: Vec<String> = all.messages().iter().filter(own).cloned().collect();
    assert!(!said.iter().any(|line| line.contains(PLANTED)), "{said:?}");
    assert!(!boat.program.lines().iter().any(|line| line.contains(PLANTED)));
}

#[test]
fn a_message_adds_a_feed_only_where_that_is_allowed_and_never_with_a_password() {
    let add = |source: &str| json!({ "command": "add-feed", "name": "Aft", "source": source }).to_string();
    let login = |folder: &TempDir| {
        let path = folder.path().join("chief");
        fs::write(&path, "chief-pw").unwrap();
        format!("users = [{{ name = \"chief\", role = \"admin\", password_file = \"{}\" }}]", path.display())
    };
    let folder = tempfile::tempdir().unwrap();
    let chief = ["-u", "chief", "-P", "chief-pw"];
    let closed = Boat::start(&login(&folder));
    let answer = ask(closed.port, &chief, "heliograph/boat/command", &add("test:ball"));
    assert_eq!(answer["error"]["kind"], "not-allowed");
    drop(closed);

    let open = Boat::start(&format!("allow_add = true\n{}", login(&folder)));
    let all = Listener::start(
        open.port,
        &[&chief[..], &["-t", "heliograph/boat/feeds/#", "-t", "heliograph/boat/feeds"]].concat(),
    );
    let answer = ask(open.port, &chief, "heliograph/boat/command", &add(&format!("rtsp://me:{PLANTED}@192.0.2.1/x")));
    assert_eq!(answer["error"]["kind"], "not-allowed");
    let answer = ask(open.port, &chief, "heliograph/boat/command", &add("test:ball"));
    assert_eq!(answer["result"], json!({ "id": "aft", "name": "Aft" }));
    all.wait("heliograph/boat/feeds/aft/state", "\"name\":\"Aft\"", LIMIT);
    let remove = r#"{"command":"remove-feed","feed":"aft"}"#;
    assert_eq!(ask(open.port, &chief, "heliograph/boat/command", remove)["ok"], true);
    all.wait("heliograph/boat/feeds", r#"[{"id":"bow","name":"Bow"}]"#, LIMIT);
    // Nothing is kept of it at the broker.
    let late = run(
        "mosquitto_sub",
        open.port,
        &[&chief[..], &["-t", "heliograph/boat/feeds/aft/#", "-W", "1", "-v"]].concat(),
    );
    assert_eq!(String::from_utf8_lossy(&late.stdout), "");
    assert!(!open.program.lines().iter().any(|line| line.contains(PLANTED)));
}

#[test]
fn what_is_kept_of_a_feed_is_told_by_the_names_of_its_files() {
    let recordings = tempfile::tempdir().unwrap();
    let boat = Boat::start(&format!("[recording]\nfolder = {:?}", recordings.path().display().to_string()));
    let actions = format!("{FEED}/actions");
    let heard = Listener::start(boat.port, &["-t", &actions]);
    let told = |kept: &str| {
        let line = heard.wait(&actions, &format!("\"action\":\"saved\",\"kept\":\"{kept}\""), LIMIT);
        let report: Value = serde_json::from_str(line.split_once(' ').unwrap().1).unwrap();
        report["file"].as_str().unwrap().to_owned()
    };
    assert_eq!(boat.ask(&json!({ "command": "start-recording" }))["ok"], true);
    let state = boat.wait_state("a recording", |state| state["recording"]["file"].is_string());
    let file = state["recording"]["file"].as_str().unwrap();
    assert!(recordings.path().join(file).exists(), "{state}");
    assert_eq!(boat.ask(&json!({ "command": "snapshot" }))["ok"], true);
    let picture = told("snapshot");
    assert!(picture.starts_with("bow-snapshot-") && recordings.path().join(&picture).exists(), "{picture}");
    assert_eq!(boat.ask(&json!({ "command": "stop-recording" }))["ok"], true);
    assert_eq!(told("recording"), file);
    boat.wait_state("no recording", |state| state["recording"]["since"].is_null());
    let folder = recordings.path().display().to_string();
    assert!(heard.messages().iter().all(|line| !line.contains(&folder)), "folders are this machine's own affair");
}

#[test]
fn viewers_and_clients_of_the_broker_speak_over_a_data_channel() {
    let boat = Boat::start_with("", "data_channels = [{ label = \"steer\", senders = [\"pilot\"] }]");
    let said = format!("{FEED}/data/steer");
    let heard = Listener::start(boat.port, &["-t", &said]);
    let mut browser = Browser::start();
    let (pilot, guest) = (browser.open_viewer(&boat.page("pilot")), browser.open_viewer(&boat.page("guest")));
    for tab in [pilot, guest] {
        browser.wait(tab, "heliograph.channels('bow').includes('steer')", 20_000);
        let listen = "window.came = []; document.addEventListener('heliograph-data', ({ detail: { data } }) =>
            came.push(data instanceof ArrayBuffer ? [...new Uint8Array(data)].join('-') : data)); 1";
        browser.eval(tab, listen);
    }
    let report = |text: &str| -> Value {
        let line = heard.wait(&said, text, LIMIT);
        serde_json::from_str(line.split_once(' ').unwrap().1).unwrap()
    };
    browser.eval(guest, "heliograph.send('bow', 'steer', 'mine')");
    browser.eval(pilot, "heliograph.send('bow', 'steer', 'left')");
    let first = report("left");
    assert_eq!(
        (&first["v"], &first["feed"], &first["channel"], &first["viewer"], &first["payload"]),
        (&json!(1), &json!("bow"), &json!("steer"), &json!("pilot"), &json!({ "text": "left" }))
    );
    browser.eval(pilot, "heliograph.send('bow', 'steer', new Uint8Array([0, 255]))");
    assert_eq!(report("binary")["payload"], json!({ "binary": [0, 255] }));
    assert_eq!(heard.messages().len(), 2, "the guest may not speak: {:?}", heard.messages());

    let send = |session: &Value, payload: Value| json!({ "command": "send-data", "channel": "steer", "session": session, "payload": payload });
    assert_eq!(boat.ask(&send(&Value::Null, json!({ "text": "all" })))["ok"], true);
    assert_eq!(boat.ask(&send(&first["session"], json!({ "binary": [1, 2] })))["ok"], true);
    browser.wait(pilot, "came.join() === 'all,1-2'", 5_000);
    browser.wait(guest, "came.join() === 'all'", 5_000);
    let answer = boat.ask(&json!({ "command": "send-data", "channel": "brake", "payload": { "text": "now" } }));
    assert_eq!(answer["ok"], false, "there is no such channel");
}

#[test]
fn other_settings_of_messages_hold_without_a_start() {
    let boat = Boat::start("");
    let (path, next) = (boat.folder.path().join("heliograph.toml"), free_port());
    let text = fs::read_to_string(&path).unwrap();
    let changed = text.replace(&boat.port.to_string(), &next.to_string()).replace("\"boat\"", "\"ship\"");
    fs::write(&path, &changed).unwrap();
    boat.program.wait_line(&format!("Messages over MQTT: mqtt://127.0.0.1:{next}"), LIMIT);
    assert_eq!(first_json(next, "heliograph/ship/state")["online"], true);
    assert_eq!(first_json(next, "heliograph/ship/feeds/bow/state")["feed"], "bow");
    assert!(!publish(boat.port, &["-t", "x", "-m", "1"]), "the port before is closed");
    // What cannot be used changes nothing, and is told.
    fs::write(&path, changed.replace("[mqtt]", "[mqtt]\nnonsense = 1")).unwrap();
    boat.program.wait_line("What held before goes on.", LIMIT);
    assert_eq!(first_json(next, "heliograph/ship/state")["online"], true);
    // A budget holds at once, too.
    fs::write(&path, format!("{changed}[control]\nbudget = \"fixed\"\nbudget_kbps = 3210\n")).unwrap();
    wait_for("a budget", LIMIT, || {
        let control = first_json(next, "heliograph/ship/control");
        (control["config"]["budget_kbps"] == 3210).then_some(())
    });
}
