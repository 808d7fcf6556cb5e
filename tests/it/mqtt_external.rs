//! A broker that runs already: Debian's mosquitto, with everything it may ask for.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use heliograph::{
    config::{EmbeddedBroker, ExternalBroker, MqttVersion, Password},
    mqtt::{Broker, Dial, Incoming, Link, LinkFaultKind, LinkState, Outbox},
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    runtime::Runtime,
    sync::mpsc::{Receiver, channel},
    time::timeout,
};

use crate::support::{
    camera,
    mqtt::{Listener, Mosquitto, ask, first, first_json, publish, run},
    program::Program,
    wait_for,
};

const LIMIT: Duration = Duration::from_secs(15);
const FEED: &str = "heliograph/boat/feeds/bow";
const PASSWORD: &str = "planted-broker-password";

/// A link to a broker, with a message retained on `states/me` and `asks` subscribed.
struct Linked {
    link: Link,
    incoming: Receiver<Incoming>,
    runtime: Runtime,
}

impl Linked {
    fn to(broker: ExternalBroker, password: &str) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = Runtime::new().unwrap();
        let dial = Dial {
            broker,
            password: Some(Password::new(password)),
            client: "test".into(),
            will: Some(("states/me".into(), b"gone".to_vec())),
            topics: vec!["asks".into()],
        };
        let outbox = Arc::new(Outbox::default());
        outbox.retain("states/me".into(), b"here".to_vec());
        let (sender, incoming) = channel(16);
        let inside = runtime.enter();
        let link = Link::keep(dial, outbox, sender);
        drop(inside);
        Self { link, incoming, runtime }
    }

    /// The first word on the connection.
    fn outcome(&self) -> LinkState {
        let mut state = self.link.state();
        let told = state.wait_for(|state| *state != LinkState::Connecting);
        self.runtime
            .block_on(async { timeout(LIMIT, told).await.expect("the link should say how it is").unwrap().clone() })
    }

    fn fault(&self) -> (LinkFaultKind, String, Duration) {
        match self.outcome() {
            LinkState::Down { fault, retry_in } => (fault.kind, fault.sentence, retry_in),
            other => panic!("{other:?}"),
        }
    }

    fn hear(&mut self) -> String {
        let message = self.runtime.block_on(async { timeout(LIMIT, self.incoming.recv()).await.unwrap().unwrap() });
        String::from_utf8(message.payload).unwrap()
    }
}

fn broker(address: &str) -> ExternalBroker {
    ExternalBroker::at(address.parse().unwrap())
}

/// A CA, and certificates of it for a server and a client.
fn certificates(folder: &Path) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "CA of a test");
    let key = KeyPair::generate().unwrap();
    fs::write(folder.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, key);
    for name in ["server", "client"] {
        let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        fs::write(folder.join(format!("{name}.pem")), params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

#[test]
fn brokers_are_reached_in_every_way_and_by_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    Mosquitto::passwords(folder.path(), &[&format!("me:{PASSWORD}")]);
    let tls = "cafile FOLDER/ca.pem\ncertfile FOLDER/server.pem\nkeyfile FOLDER/server.key\n";
    let login = "allow_anonymous false\npassword_file FOLDER/passwords\n";
    let plain = Mosquitto::start("allow_anonymous true");
    let web = Mosquitto::start("protocol websockets\nallow_anonymous true");
    let encrypted = Mosquitto::start_in(folder, &format!("{tls}{login}require_certificate true"));
    let ca = encrypted.file("ca.pem");

    let mut ways = Vec::new();
    for version in [MqttVersion::V5, MqttVersion::V311] {
        for address in [
            format!("mqtt://127.0.0.1:{}", plain.port),
            format!("ws://127.0.0.1:{}/mqtt", web.port),
            format!("mqtts://localhost:{}", encrypted.port),
        ] {
            let mut way = broker(&address);
            way.version = version;
            if address.starts_with("mqtts") {
                way.user = Some("me".into());
                (way.ca, way.client_cert, way.client_key) =
                    (Some(ca.clone()), Some(encrypted.file("client.pem")), Some(encrypted.file("client.key")));
            }
            ways.push(way);
        }
    }
    for way in ways {
        let mut linked = Linked::to(way.clone(), PASSWORD);
        assert_eq!(linked.outcome(), LinkState::Up, "{way:?}");
        if way.address.as_str().starts_with("mqtt:") {
            assert_eq!(first(plain.port, &["-t", "states/me"]), "here");
            assert!(publish(plain.port, &["-t", "asks", "-m", "well?", "-q", "1"]));
            assert_eq!(linked.hear(), "well?");
        }
        linked.runtime.block_on(linked.link.stop());
    }

    // Each thing that is missing is said plainly, and no secret with it.
    let mut way = broker(&format!("mqtts://localhost:{}", encrypted.port));
    let (kind, sentence, _) = Linked::to(way.clone(), "").fault();
    assert_eq!(kind, LinkFaultKind::Settings, "{sentence}");
    assert!(sentence.contains("Compare its certificate with “ca”"), "{sentence}");
    way.user = Some("me".into());
    (way.ca, way.client_cert, way.client_key) =
        (Some(ca), Some(encrypted.file("client.pem")), Some(encrypted.file("client.key")));
    for version in [MqttVersion::V5, MqttVersion::V311] {
        way.version = version;
        let (kind, sentence, retry_in) = Linked::to(way.clone(), "planted-wrong").fault();
        assert_eq!((kind, retry_in), (LinkFaultKind::Refused, Duration::from_secs(30)), "{sentence}");
        assert!(sentence.contains("refuses our user name or password") && !sentence.contains("planted"), "{sentence}");
    }
    way.ca = Some("/nowhere.pem".into());
    let (kind, sentence, _) = Linked::to(way, PASSWORD).fault();
    assert_eq!(kind, LinkFaultKind::Settings);
    assert!(sentence.contains("/nowhere.pem"), "{sentence}");
    let (kind, sentence, _) = Linked::to(broker("mqtt://127.0.0.1:1"), "").fault();
    assert_eq!(kind, LinkFaultKind::Away);
    assert!(sentence.contains("cannot be reached: ") && sentence.contains("mqtt://127.0.0.1:1"), "{sentence}");
}

#[test]
fn the_embedded_brokers_encrypted_door_and_encrypted_websockets_are_reached() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let web = Mosquitto::start_in(
        folder,
        "protocol websockets\nallow_anonymous true\ncertfile FOLDER/server.pem\nkeyfile FOLDER/server.key",
    );
    let mut way = broker(&format!("wss://localhost:{}/mqtt", web.port));
    assert!(matches!(Linked::to(way.clone(), "").outcome(), LinkState::Down { .. }), "nobody vouches for it");
    way.ca = Some(web.file("ca.pem"));
    let linked = Linked::to(way, "");
    assert_eq!(linked.outcome(), LinkState::Up);
    linked.runtime.block_on(linked.link.stop());

    let mut embedded = EmbeddedBroker::at("127.0.0.1:0".parse().unwrap());
    (embedded.tls_cert, embedded.tls_key) = (Some(web.file("server.pem")), Some(web.file("server.key")));
    let runtime = Runtime::new().unwrap();
    let broker = runtime.block_on(Broker::start(&embedded, &"boat".parse().unwrap())).unwrap();
    let (port, ca) = (broker.address().port(), web.file("ca.pem").display().to_string());
    let say = ["-t", "heliograph/boat/feeds/bow/command", "-m", "{}", "-q", "1"];
    assert!(publish(port, &[&["--cafile", &ca][..], &say].concat()));
    assert!(!publish(port, &say), "without TLS nobody is let in");
    runtime.block_on(broker.stop());
}

/// A program with one feed of a test picture at this broker.
fn boat(folder: &TempDir, port: u16, mqtt: &str) -> Program {
    let path = folder.path().join("heliograph.toml");
    let text = format!(
        "version = 1\n[mqtt]\nbroker = \"mqtt://127.0.0.1:{port}\"\ninstance = \"boat\"\n{mqtt}\n\
         [[feeds]]\nname = \"Bow\"\npattern = \"bars\"\npattern_size = \"320x240\"\n"
    );
    fs::write(&path, text).unwrap();
    let program = Program::serve_at(
        crate::support::free_port(),
        &["--config", &path.display().to_string()],
        &[("BROKER_PASSWORD", PASSWORD), ("RUST_LOG", "trace")],
    );
    program.wait_line("Messages over MQTT", LIMIT);
    program
}

#[test]
fn the_roles_of_the_acl_file_hold_at_mosquitto() {
    let folder = tempfile::tempdir().unwrap();
    let acl = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mqtt/heliograph.acl");
    fs::copy(acl, folder.path().join("acl")).unwrap();
    let users = ["observer", "operator", "admin"].map(|name| format!("{name}:{name}-pw"));
    let mut users: Vec<&str> = users.iter().map(String::as_str).collect();
    let own = format!("heliograph:{PASSWORD}");
    users.push(&own);
    Mosquitto::passwords(folder.path(), &users);
    let broker =
        Mosquitto::start_in(folder, "allow_anonymous false\npassword_file FOLDER/passwords\nacl_file FOLDER/acl");
    let home = tempfile::tempdir().unwrap();
    let program =
        boat(&home, broker.port, "allow_add = true\nuser = \"heliograph\"\npassword_env = \"BROKER_PASSWORD\"");
    let port = broker.port;
    let as_user = |name: &'static str, password: &'static str| ["-u", name, "-P", password];
    let (observer, operator, admin) =
        (as_user("observer", "observer-pw"), as_user("operator", "operator-pw"), as_user("admin", "admin-pw"));
    for user in [&observer, &operator, &admin] {
        let state = first(port, &[&user[..], &["-t", &format!("{FEED}/state")]].concat());
        assert!(state.contains("\"feed\":\"bow\""), "{state}");
    }
    // An answer that everybody may read, below Heliograph's own topics.
    let request = |user: &[&str], topic: &str, request: &str| {
        let args = ["-V", "mqttv5", "-W", "2", "-t", topic, "-e", "heliograph/boat/reply/test", "-m", request];
        let answer = run("mosquitto_rr", port, &[&args[..], user].concat());
        String::from_utf8(answer.stdout).unwrap().contains("\"ok\":true")
    };
    let (command, feed_command) = ("heliograph/boat/command", format!("{FEED}/command"));
    let describe = r#"{"command":"describe"}"#;
    assert!(!request(&observer, &feed_command, describe));
    assert!(request(&operator, &feed_command, describe));
    let list = r#"{"command":"list-feeds"}"#;
    assert!(!request(&operator, command, list));
    assert!(request(&admin, command, list) && request(&admin, &feed_command, describe));
    for user in [&observer, &operator, &admin] {
        publish(port, &[&user[..], &["-t", &format!("{FEED}/state"), "-r", "-m", "forged"]].concat());
    }
    let state = first(port, &[&admin[..], &["-t", &format!("{FEED}/state")]].concat());
    assert!(!state.contains("forged"), "{state}");
    assert!(!program.lines().iter().any(|line| line.contains(PASSWORD)), "the password was found in the log");
}

#[test]
fn a_broker_that_is_away_for_fifteen_seconds_finds_everything_as_it_was_and_a_will_is_kept() {
    let mut broker = Mosquitto::start("allow_anonymous true");
    let port = broker.port;
    let home = tempfile::tempdir().unwrap();
    let program = boat(&home, port, "");
    // Something of a feed that is no more, from an earlier run.
    let leftover = "heliograph/boat/feeds/stale/state";
    let stopped = ask(port, &[], &format!("{FEED}/command"), r#"{"command":"stop"}"#);
    assert_eq!(stopped["ok"], true);
    wait_for("a stopped feed", LIMIT, || {
        (first_json(port, &format!("{FEED}/state"))["state"] == "stopped").then_some(())
    });

    broker.stop();
    program.wait_line("was lost", LIMIT);
    std::thread::sleep(Duration::from_secs(15));
    broker.restart();
    assert!(publish(port, &["-t", leftover, "-r", "-m", "{}"]));
    let start = Instant::now();
    // The broker has forgotten everything: it keeps nothing on the disk.
    let state = wait_for("the state again", LIMIT, || {
        let text = first(port, &["-t", &format!("{FEED}/state"), "-W", "1"]);
        serde_json::from_str::<serde_json::Value>(&text).ok()
    });
    println!("there again after {:.1} s", start.elapsed().as_secs_f32());
    assert_eq!((&state["state"], &state["feed"]), (&json!("stopped"), &json!("bow")));
    assert_eq!(first_json(port, "heliograph/boat/state")["online"], true);
    assert_eq!(ask(port, &[], &format!("{FEED}/command"), r#"{"command":"start"}"#)["ok"], true);
    wait_for("the stale state's end", LIMIT, || first(port, &["-t", leftover, "-W", "1"]).is_empty().then_some(()));

    let listener = Listener::start(port, &["-t", "heliograph/boat/state"]);
    camera::signal(program.id(), "KILL");
    listener.wait("heliograph/boat/state", r#""online":false"#, LIMIT);
    assert_eq!(first_json(port, "heliograph/boat/state")["online"], false);
}
