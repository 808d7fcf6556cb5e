//! What a connector says that it needs of a feed and has with its viewers, the engine sees to.

use std::{sync::Arc, time::Duration};

use heliograph::{
    channels::{Hear, OwnChannels, Payload},
    config::{Codec, ServerConfig, TransportConfig},
    connector::{
        Announcement, Connection, Connector, Needs, Sound, Viewers,
        hub::{Hub, HubConnector},
        local::{LocalServer, LocalSettings},
    },
    engine::FeedState,
};
use serde_json::{Value, json};

use crate::support::{caller::Caller, peer::Peer, station::SmallStation, wait_for};

const PATIENCE: Duration = Duration::from_secs(20);
/// A second, at the rate of Opus.
const SECOND: usize = 48_000;

/// Where a picture is stored: one connection, with sound.
struct Storage(HubConnector);

impl Connector for Storage {
    fn open(&self, feed: Announcement<'_>) -> Box<dyn Connection> {
        self.0.open(feed)
    }

    fn transport(&self) -> TransportConfig {
        self.0.transport()
    }

    fn needs(&self) -> Needs {
        Needs { sound: Sound::Mandatory, viewers: Viewers::One, ..Needs::in_codec(Codec::H264) }
    }
}

#[test]
fn a_connector_has_silence_of_a_feed_without_sound_and_no_more_viewers_than_it_bears() {
    let small = SmallStation::start();
    small.station.engine.rest_after(Duration::from_millis(500));
    let hub = Hub::new();
    let settings = ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), ..ServerConfig::default() };
    let storage = small.block_on(LocalServer::start(LocalSettings::from(&settings), hub.clone())).unwrap();
    let id = "storage".parse().unwrap();
    small.station.engine.set_connector(id, Arc::new(Storage(HubConnector::new(hub.clone()))));
    let feed = small.add("bow", |feed| feed.keep_warm = false);

    let here = Peer::watch(&small.server, &feed);
    let there = Peer::watch_at(storage.address(), feed.as_str());
    here.wait_frames(5, PATIENCE);
    there.wait_frames(5, PATIENCE);
    let heard = there.wait_sound(SECOND, PATIENCE);
    assert!(heard.peak <= 1, "silence is silent: {heard:?}");
    assert!(there.offer().contains("m=audio ") && there.offer().to_lowercase().contains(" opus/48000"));
    // The page's viewers pay nothing for it.
    assert!(!here.offer().contains("m=audio "), "{}", here.offer());

    small.block_on(async {
        let mut second = Caller::come(storage.address()).await;
        second.say(&json!({ "type": "startSession", "peerId": feed })).await;
        let details = |said: &Value| said["details"].as_str().map(str::to_owned);
        let sentence = second.hear("why it cannot watch", details).await;
        assert!(sentence.contains("can be sent to one viewer here"), "{sentence}");
    });
    there.wait_frames(5, PATIENCE);
    here.wait_frames(5, PATIENCE);

    // Who comes when the first has left gets both, also of a feed that rested meanwhile.
    drop((here, there));
    wait_for("the feed to rest", PATIENCE, || {
        matches!(small.station.engine.feed(&feed).unwrap().state, FeedState::Standby).then_some(())
    });
    let next = Peer::watch_at(storage.address(), feed.as_str());
    next.wait_frames(5, PATIENCE);
    next.wait_sound(SECOND, PATIENCE);
}

#[test]
fn a_connector_has_channels_with_its_viewers_and_takes_those_that_they_open() {
    let small = SmallStation::start();
    let hub = Hub::new();
    let settings = ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), ..ServerConfig::default() };
    let there = small.block_on(LocalServer::start(LocalSettings::from(&settings), hub.clone())).unwrap();
    // It says again what it hears, with the channel's name.
    let own = OwnChannels {
        labels: &["control"],
        take: Arc::new(|opened| {
            let say_again = move |said: Payload| {
                let said = String::from_utf8_lossy(said.bytes()).into_owned();
                assert!(opened.line.send(&Payload::Text(format!("{}: {said}", opened.label))));
            };
            Some(Box::new(say_again) as Hear)
        }),
    };
    let id = "gateway".parse().unwrap();
    small.station.engine.set_connector(id, Arc::new(HubConnector::with_own_channels(hub, own)));
    let feed = small.add("bow", |_| {});

    let viewer = Peer::watch_at(there.address(), feed.as_str());
    viewer.wait_frames(5, PATIENCE);
    viewer.messages.send("control", &Payload::Text("stop".to_owned()));
    assert_eq!(viewer.messages.next("control"), Payload::Text("control: stop".to_owned()));
    viewer.messages.create("input::pointer");
    viewer.messages.send("input::pointer", &Payload::Binary(b"left".to_vec()));
    assert_eq!(viewer.messages.next("input::pointer"), Payload::Text("input::pointer: left".to_owned()));

    let page = Peer::watch(&small.server, &feed);
    page.wait_frames(5, PATIENCE);
    assert!(!page.offer().contains("m=application "), "others pay nothing for it");
}
