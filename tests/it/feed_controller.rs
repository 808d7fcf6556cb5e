//! The feed controller as programs of GstWebRTCApp speak to it, and as ours do: through mosquitto.

use std::{fs, net::SocketAddr, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    browser::Browser,
    mqtt::{Listener, Mosquitto, ask, first_json, publish},
    peer::Peer,
    program::Program,
    wait_for,
};

const LIMIT: Duration = Duration::from_secs(20);
const CONTROLLER: &str = "internal/controller";
const FEEDS: [&str; 3] = ["video1", "video2", "video10"];

/// A program whose feeds are called as in GstWebRTCApp's examples, each watched by somebody.
struct Fleet {
    program: Program,
    broker: Mosquitto,
    _home: tempfile::TempDir,
}

impl Fleet {
    fn start(mqtt: &str, control: &str, feeds: &[&str]) -> Self {
        Self::start_with(mqtt, control, feeds, "")
    }

    /// With more lines for each feed.
    fn start_with(mqtt: &str, control: &str, feeds: &[&str], more: &str) -> Self {
        let broker = Mosquitto::start("allow_anonymous true");
        let home = tempfile::tempdir().unwrap();
        let settings = format!(
            "version = 1\n[mqtt]\nbroker = \"mqtt://127.0.0.1:{}\"\ninstance = \"boat\"\ndialect = \"gstwebrtcapp\"\n{mqtt}\n\
             [control]\n{control}\n",
            broker.port
        );
        let feed = |feed: &&str| {
            format!(
                "[[feeds]]\nname = \"{feed}\"\npattern = \"ball\"\npattern_size = \"160x120\"\npattern_framerate = 5\n\
                 agent_least_kbps = 400\nagent_most_kbps = 10000\n{more}"
            )
        };
        let text: String = std::iter::once(settings).chain(feeds.iter().map(feed)).collect();
        let settings = home.path().join("heliograph.toml");
        fs::write(&settings, text).unwrap();
        let program = Program::serve(&["--config", &settings.display().to_string()]);
        program.wait_line("Messages over MQTT", LIMIT);
        Self { program, broker, _home: home }
    }

    /// Says something as one of GstWebRTCApp's clients does.
    fn say(&self, id: &str, topic: &str, msg: &Value) {
        let envelope =
            json!({ "timestamp": "2024-06-26-12_05_33_123", "id": id, "msg": msg.to_string(), "source": "" });
        assert!(publish(self.broker.port, &["-q", "1", "-t", topic, "-m", &envelope.to_string()]));
    }

    /// An agent asks for its feed.
    fn asks(&self, feed: &str, msg: &Value) {
        self.say(&format!("{feed}_9f3a01bc"), "internal/aggregation", msg);
    }

    /// A person tells the controller.
    fn tells(&self, msg: &Value) {
        self.say("ui_commands", CONTROLLER, msg);
    }

    fn control(&self) -> Value {
        first_json(self.broker.port, "heliograph/boat/control")
    }

    fn state(&self, feed: &str) -> Value {
        first_json(self.broker.port, &format!("heliograph/boat/feeds/{feed}/state"))
    }

    fn share_state(&self, feed: &str) -> Value {
        let control = self.control();
        let feeds = control["feeds"].as_array().unwrap();
        feeds.iter().find(|share| share["feed"] == feed).map_or(Value::Null, |share| share["state"].clone())
    }

    fn wait_share_state(&self, feed: &str, state: &str) {
        wait_for(&format!("{feed} {state}"), LIMIT, || (self.share_state(feed) == state).then_some(()));
    }

    fn bitrates(&self, feeds: &[&str]) -> Vec<u64> {
        feeds.iter().map(|feed| self.state(feed)["setpoint"]["bitrate_kbps"].as_u64().unwrap()).collect()
    }

    fn wait_bitrates(&self, feeds: &[&str], kbps: &[u64]) {
        wait_for(&format!("{kbps:?} of {feeds:?}"), LIMIT, || (self.bitrates(feeds) == kbps).then_some(()));
    }
}

#[test]
fn programs_of_gstwebrtcapp_have_their_feeds_share_bitrate() {
    heliograph::media::init().unwrap();
    let fleet = Fleet::start("control = true", "budget = \"estimates\"\naggregation_timeout = 60", &FEEDS);
    let port = fleet.broker.port;
    let heard = Listener::start(port, &["-t", CONTROLLER]);
    let listen = SocketAddr::from(([127, 0, 0, 1], fleet.program.port));
    let _viewers = FEEDS.map(|feed| Peer::watch_at(listen, feed));
    for feed in FEEDS {
        fleet.wait_share_state(feed, "allocated");
        heard.wait(CONTROLLER, &format!("{{\\\"{feed}\\\":{{\\\"on\\\":\\\"{feed}/actions\\\"}}}}"), LIMIT);
    }
    // Its own examples. `video1` is no part of `video10`.
    let weigh = |weights: Value| fleet.tells(&json!({ "all": { "weights": weights } }));
    weigh(json!({ "video1": 0.8, "video2": 0.1, "video10": 0.1 }));
    for feed in FEEDS {
        fleet.asks(feed, &json!({ "bitrate": 600.0 }));
    }
    fleet.wait_bitrates(&FEEDS, &[1000, 400, 400]);
    weigh(json!({ "video1": 0.7, "video2": 0.2, "video10": 0.1 }));
    for (feed, kbps) in FEEDS.iter().zip([10_000.0, 8000.0, 4000.0]) {
        fleet.asks(feed, &json!({ "bitrate": kbps }));
    }
    fleet.wait_bitrates(&FEEDS, &[10_000, 8000, 4000]);
    assert_eq!(fleet.state("video2")["by"], "controller");

    let pair = &FEEDS[..2];
    fleet.tells(&json!({ "video10": { "alloc": false } }));
    fleet.wait_share_state("video10", "independent");
    fleet.asks("video10", &json!({ "bitrate": 900 }));
    fleet.wait_bitrates(&["video10"], &[900]);
    let vectors = [
        ([2000.0, 4000.0], [0.5, 0.5], [3000, 3000]),
        ([2000.0, 4000.0], [0.8, 0.2], [4800, 1200]),
        ([9000.0, 9000.0], [0.8, 0.2], [10_000, 8000]),
        // It never ends there: here each has its least, and it is said.
        ([500.0, 100.0], [0.9, 0.1], [400, 400]),
    ];
    for (asked, weights, shares) in vectors {
        weigh(json!({ "video1": weights[0], "video2": weights[1] }));
        for (feed, kbps) in pair.iter().zip(asked) {
            fleet.asks(feed, &json!({ "bitrate": kbps }));
        }
        fleet.wait_bitrates(pair, &shares);
    }
    let shortfall = wait_for("a shortfall", LIMIT, || fleet.control()["shortfall"].as_str().map(str::to_owned));
    assert!(shortfall.starts_with("The feeds need 200 kbit/s more than there is"), "{shortfall}");

    // Limits are those of all feeds.
    fleet.tells(&json!({ "all": { "limits": { "bitrate": [100, 10_000] } } }));
    for feed in pair {
        fleet.asks(feed, &json!({ "bitrate": 3000 }));
    }
    weigh(json!({ "video1": 0.5, "video2": 0.5 }));
    fleet.wait_bitrates(pair, &[3000, 3000]);
    fleet.tells(&json!({ "video1": { "max_bitrate": 2000 } }));
    fleet.wait_bitrates(pair, &[2000, 2000]);

    // A person takes over, and agents are not heard until it gives back.
    fleet.tells(&json!({ "video1": { "manual": true } }));
    fleet.wait_share_state("video1", "manual");
    heard.wait(CONTROLLER, "{\\\"video1\\\":{\\\"manual\\\":true}}", LIMIT);
    fleet.tells(&json!({ "video1": { "bitrate": 1234 } }));
    fleet.wait_bitrates(pair, &[1234, 2000]);
    fleet.asks("video1", &json!({ "bitrate": 500 }));
    fleet.asks("video2", &json!({ "bitrate": 700 }));
    fleet.wait_bitrates(pair, &[1234, 700]);
    fleet.tells(&json!({ "video1": { "manual": false } }));
    fleet.wait_share_state("video1", "allocated");

    // Its agents are switched by name and by number.
    fleet.tells(&json!({ "video2": { "switch": "gcc" } }));
    wait_for("our agent", LIMIT, || (fleet.state("video2")["agent"]["kind"] == "gcc").then_some(()));
    heard.wait(CONTROLLER, "{\\\"video2\\\":{\\\"manual\\\":false}}", LIMIT);
    fleet.tells(&json!({ "video2": { "reload_agent": "gcc", "switch": -1 } }));
    fleet.wait_share_state("video2", "manual");
    fleet.tells(&json!({ "video2": { "switch": 1 } }));
    wait_for("an agent elsewhere", LIMIT, || (fleet.state("video2")["agent"]["kind"] == "manual").then_some(()));
    fleet.wait_share_state("video2", "allocated");

    // The last one stays; a feed that ends is told.
    fleet.tells(&json!({ "video1": { "alloc": false } }));
    fleet.wait_share_state("video1", "independent");
    fleet.tells(&json!({ "video2": { "alloc": false } }));
    fleet.tells(&json!({ "video1": { "off": true } }));
    heard.wait(CONTROLLER, "{\\\"video1\\\":{\\\"off\\\":false}}", LIMIT);
    fleet.wait_share_state("video1", "off");
    assert_eq!(fleet.share_state("video2"), "allocated");
}

#[test]
fn a_budget_follows_attention_and_is_changed_by_messages() {
    heliograph::media::init().unwrap();
    let fleet = Fleet::start("preset_tuning = true", "budget = \"fixed\"\nbudget_kbps = 2000", &["bow", "stern"]);
    let port = fleet.broker.port;
    let command = |topic: &str, request: &Value| {
        let answer = ask(port, &[], &format!("heliograph/boat/{topic}/command"), &request.to_string());
        assert_eq!(answer["ok"], true, "{request}: {answer}");
        answer
    };
    // Nobody watches, so what each would get is what it is held to.
    fleet.wait_bitrates(&["bow", "stern"], &[1000, 1000]);
    let share = json!({ "importance": 1, "focus_importance": 3 });
    command("feeds/bow", &json!({ "command": "set-share", "share": share }));
    assert_eq!(fleet.state("bow")["share"]["focus_importance"], 3.0);
    let changes = Listener::start(port, &["-t", "heliograph/boat/feeds/+/actions"]);
    let start = std::time::Instant::now();
    command("feeds/bow", &json!({ "command": "attend", "attention": "pinned", "on": true }));
    changes.wait("heliograph/boat/feeds/stern/actions", "\"bitrate_kbps\":500", LIMIT);
    println!("attention was heeded after {:?}, with two of mosquitto's programs", start.elapsed());
    fleet.wait_bitrates(&["bow", "stern"], &[1500, 500]);
    command("feeds/bow", &json!({ "command": "attend", "attention": "pinned", "on": false }));
    fleet.wait_bitrates(&["bow", "stern"], &[1000, 1000]);

    command("control", &json!({ "command": "set-budget", "budget": "fixed", "kbps": 6000 }));
    fleet.wait_bitrates(&["bow", "stern"], &[3000, 3000]);
    wait_for("the preset's picture", LIMIT, || {
        let setpoint = &fleet.state("bow")["setpoint"];
        (setpoint["size"] == "1280x720" && setpoint["framerate"] == 20).then_some(())
    });
    let control = command("control", &json!({ "command": "describe-control" }));
    assert_eq!(control["result"]["config"]["budget_kbps"], 6000, "{control}");
    command("control", &json!({ "command": "set-budget", "budget": "off" }));
    wait_for("no budget", LIMIT, || (fleet.control()["config"]["budget"] == "off").then_some(()));
}

#[test]
fn a_feed_that_a_named_viewer_has_large_in_a_browser_gets_its_focus_weight() {
    let control = "budget = \"fixed\"\nbudget_kbps = 2000";
    let feed = "pinned_viewers = [\"pilot\"]\nfocus_importance = 3\n";
    let fleet = Fleet::start_with("preset_tuning = true", control, &["bow", "stern"], feed);
    let url = fleet.program.url();
    let mut browser = Browser::start();
    let guest = browser.open_viewer(&format!("{url}feed/stern?name=guest"));
    let pilot = browser.open_viewer(&format!("{url}?name=pilot"));
    for tab in [guest, pilot] {
        browser.wait(tab, "heliograph.tiles().some((tile) => !tile.stale)", 20_000);
    }
    fleet.wait_bitrates(&["bow", "stern"], &[1000, 1000]);
    let attention = || -> Value {
        let control = fleet.control();
        control["feeds"].as_array().unwrap().iter().map(|feed| feed["attention"].clone()).collect()
    };
    assert_eq!(attention(), json!([[], []]), "anybody may have a feed large: {}", fleet.control());
    let start = std::time::Instant::now();
    browser.wait(pilot, "document.querySelector(\"a.open[href='/feed/bow']\").click(), true", 1_000);
    fleet.wait_bitrates(&["bow", "stern"], &[1500, 500]);
    println!("a pilot's attention was heeded after {:?}, with one of mosquitto's programs a look", start.elapsed());
    assert_eq!(attention(), json!([["viewed"], []]));
    browser.wait(pilot, "history.back(), true", 1_000);
    fleet.wait_bitrates(&["bow", "stern"], &[1000, 1000]);
}
