//! A vehicle whose feed is watched on the shore, by way of a server there: its network goes away, and nobody
//! can reach it from outside.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{
    browser::{Browser, Tab},
    foreign_server::ForeignServer,
    free_port,
    janus::{Janus, Rules},
    livekit::{Keys, LiveKit},
    network::Network,
    program::Program,
    turn::Turn,
    wait_for,
    whip::Endpoint,
};

const PATIENCE: Duration = Duration::from_secs(30);
const TOKEN: &str = "for-this-test-only";

/// Who watches the feed from far away.
trait Far {
    /// How many sessions there were, and the pictures of the last.
    fn seen(&mut self) -> (usize, u64);

    /// Waits for a picture that comes from now on; answers the number of sessions.
    fn wait_picture(&mut self) -> usize {
        let before = self.seen();
        wait_for("a picture far away", PATIENCE, || {
            let now = self.seen();
            (now.0 == before.0 && now.1 > before.1 || now.0 > before.0 && now.1 > 0).then_some(now.0)
        })
    }

    /// Has this happen, which answers since when there is a path again; how many seconds later a picture comes,
    /// and how many sessions began by it.
    fn measure(&mut self, what: &str, happen: impl FnOnce(&mut Self) -> Instant) -> (f64, usize) {
        let before = self.wait_picture();
        let start = happen(self);
        let now = self.wait_picture();
        let took = start.elapsed().as_secs_f64();
        println!("{what}: a picture {took:.2} s after the path was there, session {before} then {now}");
        // A session that only seemed to go on would have ended by now.
        std::thread::sleep(Duration::from_secs(4));
        (took, self.wait_picture() - before)
    }

    /// Has the link fail in every way; a picture is back within what is allowed.
    fn endures_failures_of(&mut self, network: &Network) {
        let (took, sessions) = self.measure("5 s without a link", |_| cut(network, 5));
        assert!(took <= 1.0 && sessions == 0, "{took:.2} s, {sessions} more sessions");
        let (took, _) = self.measure("another address", |_| renumber(network));
        assert!(took <= 3.0, "{took:.2} s");
        let (took, _) = self.measure("30 s without a link", |_| cut(network, 30));
        assert!(took <= 3.0, "{took:.2} s");
    }
}

/// Heliograph with these settings, once this connector is ready.
fn start_vehicle(network: &Network, text: &str, connector: &str) -> (TempDir, Program) {
    let home = tempfile::tempdir().unwrap();
    let settings = home.path().join("heliograph.toml");
    fs::write(&settings, text).unwrap();
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let args = ["--config", settings.to_str().unwrap()];
    let vehicle = Program::launch(network.program(), listen, &args, &[("SHORE_TOKEN", TOKEN)]);
    vehicle.wait_line(&format!("connector={connector} state=\"ready\""), PATIENCE);
    (home, vehicle)
}

/// The link is down for so long.
fn cut(network: &Network, seconds: u64) -> Instant {
    network.cut();
    std::thread::sleep(Duration::from_secs(seconds));
    network.mend().unwrap();
    Instant::now()
}

/// The vehicle has another address. What was on its way is seen before this comes back.
fn renumber(network: &Network) -> Instant {
    network.renumber();
    let start = Instant::now();
    std::thread::sleep(Duration::from_millis(400));
    start
}

/// Somebody with the npm client, who watches the feed whenever it is there, as any page would.
struct Shore {
    browser: Browser,
    tab: Tab,
}

impl Shore {
    fn start(port: u16) -> Self {
        let mut browser = Browser::start();
        let tab = browser.open_npm_client(Some(&format!("ws://127.0.0.1:{port}/?token={TOKEN}")));
        Self { browser, tab }
    }
}

impl Far for Shore {
    fn seen(&mut self) -> (usize, u64) {
        let viewings = self.browser.video(self.tab);
        let viewings = viewings.as_array().unwrap();
        let is_open = viewings.last().is_some_and(|last| last["closed"] == false);
        if !is_open && let Some(bow) = self.browser.producers(self.tab).as_array().and_then(|found| found.first()) {
            self.browser.consume(self.tab, bow["id"].as_str().unwrap());
        }
        let decoded = viewings.last().map_or(0, |last| last["framesDecoded"].as_u64().unwrap());
        (viewings.len(), decoded)
    }
}

#[test]
fn a_vehicle_behind_a_link_that_fails_is_seen_again_within_seconds() {
    let Some(network) = Network::lay() else { return };
    let port = free_port();
    let anywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let relay = Program::relay_at("webrtcsink", anywhere, &["--token", TOKEN, "--insecure"]);
    relay.wait_line("Relay: ", PATIENCE);
    let here = Ipv4Addr::from(Network::HERE);
    let text = format!(
        "version = 1\n[[connectors]]\nid = \"shore\"\nkind = \"webrtcsink\"\naddress = \"ws://{here}:{port}\"\n\
         token_env = \"SHORE_TOKEN\"\n[[feeds]]\nname = \"Bow\"\npattern = \"ball\"\n"
    );
    let (_home, _vehicle) = start_vehicle(&network, &text, "shore");
    let mut shore = Shore::start(port);
    shore.wait_picture();

    shore.endures_failures_of(&network);
}

/// A media server on the shore that the vehicle publishes its feed at.
struct MediaServer {
    runtime: Runtime,
    endpoint: Endpoint,
}

impl Far for MediaServer {
    fn seen(&mut self) -> (usize, u64) {
        (self.endpoint.sessions(), self.endpoint.decoded())
    }
}

#[test]
fn a_media_server_has_the_picture_again_within_seconds() {
    let Some(network) = Network::lay() else { return };
    let runtime = Runtime::new().unwrap();
    let endpoint = Endpoint::start(runtime.handle(), TOKEN);
    let (here, port) = (Ipv4Addr::from(Network::HERE), endpoint.address.port());
    let text = format!(
        "version = 1\n[[connectors]]\nid = \"media\"\nkind = \"whip\"\naddress = \"http://{here}:{port}/whip/bow\"\n\
         token_env = \"SHORE_TOKEN\"\n[[feeds]]\nname = \"Bow\"\npattern = \"ball\"\npattern_size = \"320x240\"\n"
    );
    let (_home, _vehicle) = start_vehicle(&network, &text, "media");
    let mut server = MediaServer { runtime, endpoint };
    server.wait_picture();

    server.endures_failures_of(&network);
    let (took, sessions) = server.measure("the media server started anew", |server| {
        server.endpoint.die();
        std::thread::sleep(Duration::from_secs(5));
        server.endpoint.revive(server.runtime.handle());
        Instant::now()
    });
    assert!(took <= 5.0 && sessions == 1, "{took:.2} s, {sessions} more sessions");
}

/// A room on the shore.
impl Far for Janus {
    fn seen(&mut self) -> (usize, u64) {
        (self.publishings(), self.decoded())
    }
}

#[test]
fn a_janus_room_has_the_picture_again_within_seconds() {
    let Some(network) = Network::lay() else { return };
    let runtime = Runtime::new().unwrap();
    let rules = Rules { room: 1234, pin: TOKEN, api_secret: TOKEN, reclaims: true };
    let mut server = Janus::start(runtime.handle(), rules);
    let (here, port) = (Ipv4Addr::from(Network::HERE), server.port);
    let text = format!(
        "version = 1\n[[connectors]]\nid = \"room\"\nkind = \"janus\"\naddress = \"ws://{here}:{port}\"\nroom = \"1234\"\n\
         pin_env = \"SHORE_TOKEN\"\napi_secret_env = \"SHORE_TOKEN\"\n[[feeds]]\nname = \"Bow\"\npattern = \"ball\"\n"
    );
    let (_home, _vehicle) = start_vehicle(&network, &text, "room");
    server.wait_picture();

    server.endures_failures_of(&network);
}

impl Far for LiveKit {
    fn seen(&mut self) -> (usize, u64) {
        (self.publishings(), self.decoded())
    }
}

#[test]
fn a_livekit_room_has_the_picture_again_within_seconds() {
    let Some(network) = Network::lay() else { return };
    let runtime = Runtime::new().unwrap();
    let mut server = LiveKit::start(runtime.handle(), Keys { key: "our-key", secret: TOKEN, room: "bridge" });
    let (here, port) = (Ipv4Addr::from(Network::HERE), server.port);
    let text = format!(
        "version = 1\n[[connectors]]\nid = \"room\"\nkind = \"livekit\"\naddress = \"ws://{here}:{port}\"\nroom = \"bridge\"\n\
         api_key = \"our-key\"\napi_secret_env = \"SHORE_TOKEN\"\n[[feeds]]\nname = \"Bow\"\npattern = \"ball\"\n"
    );
    let (_home, _vehicle) = start_vehicle(&network, &text, "room");
    server.wait_picture();

    server.endures_failures_of(&network);
}

/// The signalling server of gst-plugins-rs, the npm client and coturn are on the shore, and Heliograph behind a
/// router that lets nobody in. One feed finds its own way out, the others have to go through the TURN server: one by
/// what the settings say, one by what the media server says that it is published at.
#[test]
fn a_vehicle_that_nobody_can_reach_is_seen_directly_and_through_a_turn_server() {
    let Some(network) = Network::lay() else { return };
    let (inside, here) = network.add_inside();
    let server = ForeignServer::start();
    let port = server.port;
    let turn = Turn::start_at(here);
    let home = tempfile::tempdir().unwrap();
    let settings = home.path().join("heliograph.toml");
    let connector = |id: &str, more: &str| {
        format!(
            "[[connectors]]\nid = \"{id}\"\nkind = \"webrtcsink\"\naddress = \"ws://{here}:{port}\"\nfeeds = [\"{id}\"]\n{more}"
        )
    };
    let runtime = Runtime::new().unwrap();
    let link = format!(
        "<turn:{}?transport=udp>; rel=\"ice-server\"; username=\"{}\"; credential=\"{}\"; credential-type=\"password\"",
        turn.place,
        Turn::USER,
        Turn::PASSWORD
    );
    let endpoint = Endpoint::with_links(runtime.handle(), TOKEN, vec![link]);
    let published = format!(
        "[[connectors]]\nid = \"published\"\nkind = \"whip\"\naddress = \"http://{here}:{}/whip/bow\"\n\
         feeds = [\"published\"]\ntoken_env = \"SHORE_TOKEN\"\nrelay_only = true\n",
        endpoint.address.port()
    );
    let feed = |id: &str| format!("[[feeds]]\nname = \"{id}\"\npattern = \"ball\"\npattern_size = \"320x240\"\n");
    let server = turn.relay("udp");
    let relayed = format!("relay_only = true\nice_servers = [\"{server}\"]\nice_password_env = \"TURN_PASSWORD\"\n");
    let feeds = ["direct", "relayed", "published"].map(feed).concat();
    let parts = ["version = 1\n", &connector("direct", ""), &connector("relayed", &relayed), &published, &feeds];
    fs::write(&settings, parts.concat()).unwrap();
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let args = ["--config", settings.to_str().unwrap()];
    let vehicle =
        Program::launch(inside.program(), listen, &args, &[("TURN_PASSWORD", Turn::PASSWORD), ("SHORE_TOKEN", TOKEN)]);
    for id in ["direct", "relayed"] {
        vehicle.wait_line(&format!("connector={id} state=\"ready\""), PATIENCE);
    }
    let mut browser = Browser::start();
    let tab = browser.open_npm_client(Some(&format!("ws://127.0.0.1:{port}")));
    for (at, id) in ["direct", "relayed"].into_iter().enumerate() {
        let producer = wait_for(id, PATIENCE, || {
            let producers = browser.producers(tab);
            let found = producers.as_array()?.iter().find(|producer| producer["meta"]["name"] == id)?;
            Some(found["id"].as_str()?.to_owned())
        });
        browser.consume(tab, &producer);
        let decoded = |browser: &mut Browser| browser.video(tab)[at]["framesDecoded"].as_u64().unwrap_or_default();
        wait_for(&format!("pictures, {id}"), PATIENCE, || (decoded(&mut browser) > 20).then_some(()));
    }
    wait_for("pictures, published", PATIENCE, || (endpoint.decoded() > 20).then_some(()));
    assert!(!vehicle.lines().iter().any(|line| line.contains(Turn::PASSWORD)), "the password stands in the log");
}
