//! Feeds of another program in the window: listed, marked, charted, recorded.

use std::{sync::Arc, time::Duration};

use adw::prelude::*;
use heliograph::{
    config::{EmbeddedBroker, FeedId},
    mqtt::{Broker, Dial, Link, Outbox},
    station::remote::reports::StatsReport,
    stats::{FeedRates, FeedSample, ViewerSample},
    ui::{FeedRow, FiguresGroup, time_chart::TimeChart},
};
use serde_json::json;
use tokio::{runtime::Runtime, sync::mpsc::channel};

use crate::{
    rig::{Rig, all, says},
    support,
};

/// A broker, and a program called “boat” that tells of its feed “bow” there.
struct Boat {
    runtime: Runtime,
    broker: Broker,
    link: Link,
}

impl Boat {
    fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = Runtime::new().unwrap();
        let boat: FeedId = "boat".parse().unwrap();
        let embedded = EmbeddedBroker::at("127.0.0.1:0".parse().unwrap());
        let broker = runtime.block_on(Broker::start(&embedded, &boat)).unwrap();
        let (access, password) = broker.own_access();
        let dial =
            Dial { broker: access, password: Some(password), client: "boat".into(), will: None, topics: Vec::new() };
        let inside = runtime.enter();
        let link = Link::keep(dial, Arc::new(Outbox::default()), channel(1).0);
        drop(inside);
        let boat = Self { runtime, broker, link };
        boat.say("state", &json!({ "v": 1, "online": true }));
        boat.state("live");
        boat
    }

    fn say(&self, what: &str, message: &serde_json::Value) {
        self.link.outbox().retain(format!("heliograph/boat/{what}"), message.to_string().into_bytes());
    }

    fn state(&self, state: &str) {
        let report = json!({
            "v": 1, "feed": "bow", "name": "Bow & Stern", "state": state, "sentence": "The picture is live.",
            "picture": { "width": 1280, "height": 720, "codec": "H.264" }, "viewers": 1,
            "setpoint": { "bitrate_kbps": 2000, "fec_percent": 0, "priority": 2 }, "by": "settings",
            "encoder": null, "passes_through": null, "path": null, "audio": "off",
        });
        self.say("feeds/bow/state", &report);
    }

    fn figures(&self, sent_kbps: f64) {
        let viewer = ViewerSample { session: "one".into(), viewer: Some("bridge".into()), ..ViewerSample::default() };
        let rates = FeedRates { sent_kbps: Some(sent_kbps), ..FeedRates::default() };
        let sample = FeedSample { time: 1.0, viewers: vec![viewer], rates, ..FeedSample::default() };
        let payload = StatsReport::payload(&"bow".parse().unwrap(), &sample);
        self.link.outbox().latest("heliograph/boat/feeds/bow/stats".into(), payload);
    }

    fn end(self) {
        self.runtime.block_on(self.link.stop());
        self.runtime.block_on(self.broker.stop());
        self.runtime.shutdown_background();
    }
}

#[gtk::test]
fn a_feed_of_another_program_is_listed_charted_and_recorded() {
    let boat = Boat::start();
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        "version = 1\n[server]\nlisten = \"127.0.0.1:0\"\n[statistics]\ncsv_folder = \"{}\"\n[[watch]]\nbroker = \"mqtt://{}\"\n",
        folder.path().display(),
        boat.broker.address(),
    );
    let rig = Rig::with_settings(&settings);
    support::until("the remote feed", || says(&rig.window, "Live, 1 viewer"));
    let [row] = all::<FeedRow>(&rig.window).try_into().unwrap();
    let mark = all::<gtk::Image>(&row).into_iter().find(|image| image.tooltip_text().as_deref() == Some("Remote"));
    assert!(mark.is_some_and(|mark| mark.is_mapped()), "the mark of a remote feed");
    let feed = row.feed().unwrap();
    rig.window.select(&feed);
    assert!(says(&rig.window, "Elsewhere: boat"));
    for action in ["edit-feed", "remove-feed", "copy-link", "copy-whep-address"] {
        assert!(!rig.window.lookup_action(action).unwrap().is_enabled(), "{action}");
    }

    let page = rig.window.feed_page();
    let group = all::<FiguresGroup>(&page).remove(0);
    let [recording] = all::<adw::SwitchRow>(&group).try_into().unwrap();
    assert!(!recording.is_active());
    recording.set_active(true);
    let tick = || {
        boat.figures(1_234.0);
        support::turn_for(Duration::from_millis(300));
        rig.desk.tick();
        rig.window.tick();
    };
    let files = || std::fs::read_dir(folder.path()).map_or(0, Iterator::count);
    support::until_within(Duration::from_secs(20), "a file", || {
        tick();
        files() > 0
    });
    let charts = all::<TimeChart>(&group);
    assert!(charts[0].summary()[0].contains("1.2"), "{:?}", charts[0].summary());
    assert!(says(&group, "Bitrate sent: 1.2 Mbit/s"));
    support::picture_of(&rig.window).keep("remote-light");
    assert!(!rig.saved().contains("Bow"), "it is no feed of the settings");

    boat.say("state", &json!({ "v": 1, "online": false }));
    support::until("its absence", || says(&rig.window, "The Heliograph “boat” is not at the broker"));
    boat.link.outbox().forget("heliograph/boat/feeds/bow/state");
    support::until("its end", || all::<FeedRow>(&rig.window).is_empty());
    assert!(says(&rig.window, "Put a Camera on the Network"));
    rig.end();
    boat.end();
}
