//! Feeds that go elsewhere: to servers of other makes, seen by viewers of other makes.

use std::{fs, path::PathBuf, time::Duration};

use heliograph::{config::ConnectorConfig, connector::FORMS, media};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{
    browser::{Browser, Tab},
    foreign_server::ForeignServer,
    free_port,
    lab::Lab,
    mqtt::first_json,
    peer::Peer,
    program::Program,
    robot::Receiver,
    station::SmallStation,
    wait_for,
    whip::{Endpoint, twice},
};

/// As long as a busy machine takes to show a picture.
pub const PATIENCE: Duration = Duration::from_secs(30);
pub const TOKEN: &str = "planted-relay-token";

/// A settings file with one feed and these connectors.
fn settings(connectors: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heliograph.toml");
    let feed = "[[feeds]]\nname = \"Bow\"\npattern = \"ball\"\npattern_size = \"320x240\"\npattern_framerate = 15\n";
    fs::write(&path, format!("version = 1\n{connectors}\n{feed}")).unwrap();
    (folder, path)
}

/// `heliograph serve` with these connectors.
pub fn serve(connectors: &str) -> (TempDir, Program) {
    let (folder, path) = settings(connectors);
    let program = Program::serve_at(free_port(), &["--config", path.to_str().unwrap()], &[("SHORE_TOKEN", TOKEN)]);
    (folder, program)
}

/// `heliograph relay` at a loopback port.
fn relay(protocol: &str, port: u16, args: &[&str]) -> Program {
    let relay = Program::relay(protocol, port, args);
    relay.wait_line("Relay: ", PATIENCE);
    relay
}

fn shore(port: u16) -> String {
    format!(
        "[[connectors]]\nid = \"shore\"\nkind = \"webrtcsink\"\naddress = \"ws://127.0.0.1:{port}\"\ntoken_env = \"SHORE_TOKEN\""
    )
}

/// Waits until the npm client hears of the feed, and answers its id there.
fn find_producer(browser: &mut Browser, tab: Tab) -> String {
    wait_for("the feed at the signalling server", PATIENCE, || {
        let producers = browser.producers(tab);
        let bow = producers.as_array()?.iter().find(|producer| producer["meta"]["name"] == "Bow")?;
        Some(bow["id"].as_str()?.to_owned())
    })
}

fn wait_decoded(browser: &mut Browser, tab: Tab, more: u64) {
    let decoded = |browser: &mut Browser| browser.video(tab)[0]["framesDecoded"].as_u64().unwrap_or_default();
    let wanted = decoded(browser) + more;
    wait_for("pictures at the npm client", PATIENCE, || (decoded(browser) >= wanted).then_some(()));
}

#[test]
fn the_npm_client_finds_a_feed_at_our_relay_and_again_after_it_was_away() {
    let port = free_port();
    let mut at_relay = relay("webrtcsink", port, &["--token", TOKEN]);
    let (_folder, program) = serve(&shore(port));
    let ready = program.wait_line("connector=shore state=\"ready\"", PATIENCE);
    assert!(ready.contains("connect ") && ready.contains("signalling "), "how long each step took: {ready}");

    let mut browser = Browser::start();
    let tab = browser.open_npm_client(Some(&format!("ws://127.0.0.1:{port}/?token={TOKEN}")));
    let bow = find_producer(&mut browser, tab);
    browser.consume(tab, &bow);
    wait_decoded(&mut browser, tab, 20);

    let before = program.lines().len();
    at_relay.terminate("TERM");
    program.wait_line_after(before, "connector=shore state=\"backoff\"", PATIENCE);
    let _again = relay("webrtcsink", port, &["--token", TOKEN]);
    program.wait_line_after(before, "connector=shore state=\"ready\"", PATIENCE);
    let tab = browser.open_npm_client(Some(&format!("ws://127.0.0.1:{port}/?token={TOKEN}")));
    let bow = find_producer(&mut browser, tab);
    browser.consume(tab, &bow);
    wait_decoded(&mut browser, tab, 20);
    assert!(!program.lines().iter().any(|line| line.contains(TOKEN)), "the token stands in the log");
}

#[test]
fn a_relay_that_wants_another_token_is_told_of_in_words() {
    let port = free_port();
    let _relay = relay("webrtcsink", port, &["--token", "another-token"]);
    let (_folder, program) = serve(&shore(port));
    let told = program.wait_line("connector=shore state=\"backoff\"", PATIENCE);
    assert!(told.contains("does not let us in. Check the token."), "{told}");
}

#[test]
fn a_connector_written_into_the_settings_file_is_there_at_once_and_gone_with_its_lines() {
    let port = free_port();
    let _relay = relay("webrtcsink", port, &["--token", TOKEN]);
    let broker = free_port();
    let (folder, program) =
        serve(&format!("[mqtt]\nbroker = \"embedded\"\nlisten = \"127.0.0.1:{broker}\"\ninstance = \"boat\"\n"));
    program.wait_line("Messages over MQTT", PATIENCE);
    let path = folder.path().join("heliograph.toml");
    let without = fs::read_to_string(&path).unwrap();
    let with = without.replacen("\n\n", &format!("\n{}\n", shore(port)), 1);
    fs::write(&path, &with).unwrap();
    program.wait_line("connector=shore state=\"ready\"", PATIENCE);
    let told = |id: &str| first_json(broker, "heliograph/boat/feeds/bow/state")["connectors"][id]["state"].clone();
    wait_for("how it is there, over MQTT", PATIENCE, || (told("shore") == "ready").then_some(()));
    // Another one comes beside it, and cannot be used: the first one's settings are as they were.
    let before = program.lines().len();
    let lost = shore(free_port()).replace("\"shore\"", "\"lost\"");
    fs::write(&path, with.replacen("[[feeds]]", &format!("{lost}\n[[feeds]]"), 1)).unwrap();
    program.wait_line_after(before, "connector=lost state=\"backoff\"", PATIENCE);
    assert!(!program.lines()[before..].iter().any(|line| line.contains("connector=shore")), "{:?}", program.lines());
    fs::write(&path, &without).unwrap();
    program.wait_line_after(before, "connector=shore state=\"gone\"", PATIENCE);
    program.wait_line_after(before, "connector=lost state=\"gone\"", PATIENCE);
    wait_for("that it is gone, over MQTT", PATIENCE, || told("shore").is_null().then_some(()));
}

#[test]
fn a_feed_is_seen_at_the_signalling_server_of_another_make() {
    let server = ForeignServer::start();
    let port = server.port;
    let (_folder, program) = serve(&shore(port));
    program.wait_line("connector=shore state=\"ready\"", PATIENCE);
    let mut browser = Browser::start();
    let tab = browser.open_npm_client(Some(&format!("ws://127.0.0.1:{port}")));
    let bow = find_producer(&mut browser, tab);
    browser.consume(tab, &bow);
    wait_decoded(&mut browser, tab, 20);
    // Another one makes the offer.
    browser.eval(tab, &format!("npmClient.consume('{bow}', {{ offerToReceiveVideo: true }})"));
    browser.wait(tab, "npmClient.video().then(videos => videos[1].framesDecoded > 20)", 20_000);
    for viewing in browser.video(tab).as_array().unwrap() {
        assert_eq!(viewing["errors"], Value::Array(Vec::new()));
    }
}

#[test]
fn a_robots_receiver_is_sent_a_feed_started_anew_and_kept_while_the_relay_is_away() {
    media::init().unwrap();
    let runtime = Runtime::new().unwrap();
    let port = free_port();
    let mut at_relay = relay("bigfootbot", port, &[]);
    let (_folder, program) =
        serve(&format!("[[connectors]]\nid = \"robot\"\nkind = \"bigfootbot\"\naddress = \"ws://127.0.0.1:{port}\""));
    program.wait_line("connector=robot state=\"ready\"", PATIENCE);
    let first = Receiver::start(runtime.handle(), port);
    first.wait_frames(20, PATIENCE);

    // It is started anew, without a word of goodbye: the first session ends, nobody has two.
    first.hang_up();
    let receiver = Receiver::start(runtime.handle(), port);
    receiver.wait_frames(20, PATIENCE);
    let seen = first.frames();
    receiver.wait_frames(20, PATIENCE);
    assert!(first.frames() <= seen + 2, "the robot's first receiver is still sent pictures");

    let before = program.lines().len();
    at_relay.terminate("TERM");
    program.wait_line_after(before, "connector=robot state=\"backoff\"", PATIENCE);
    receiver.wait_frames(30, PATIENCE);
}

#[test]
fn a_feed_is_published_by_whip_published_anew_and_taken_back() {
    let runtime = Runtime::new().unwrap();
    let endpoint = Endpoint::start(runtime.handle(), TOKEN);
    // Everything it says, it says twice: what comes after an answer is nobody's.
    let address = twice(runtime.handle(), endpoint.address);
    let whip = |path: &str, variable: &str| {
        format!("[[connectors]]\nid = \"media\"\nkind = \"whip\"\naddress = \"http://{address}{path}\"\n{variable}")
    };
    let (_folder, mut program) = serve(&whip("/moved", "token_env = \"SHORE_TOKEN\""));
    let wait_decoded = |session| {
        wait_for(&format!("pictures of session {session} at the media server"), PATIENCE, || {
            (endpoint.sessions() == session && endpoint.decoded() >= 20).then_some(())
        });
    };
    wait_decoded(1);
    program.wait_line("connector=media state=\"ready\"", PATIENCE);

    endpoint.hang_up();
    let hung_up = std::time::Instant::now();
    wait_decoded(2);
    println!("published anew {:?} after the server hung up", hung_up.elapsed());
    assert_eq!(endpoint.deleted(), [1]);

    program.terminate("TERM");
    wait_for("the goodbye", PATIENCE, || (endpoint.deleted() == [1, 2]).then_some(()));
    assert!(!program.lines().iter().any(|line| line.contains(TOKEN)), "the token stands in the log");
}

#[test]
fn what_a_media_server_means_by_its_refusal_is_said_in_words() {
    let runtime = Runtime::new().unwrap();
    let endpoint = Endpoint::start(runtime.handle(), TOKEN);
    let address = endpoint.address;
    let whip = |id: &str, path: &str| {
        format!("[[connectors]]\nid = \"{id}\"\nkind = \"whip\"\naddress = \"http://{address}{path}\"\n")
    };
    let (_folder, program) = serve(&(whip("stranger", "/whip/bow") + &whip("lost", "/nowhere?key=planted")));
    let told = program.wait_line("connector=stranger state=\"backoff\"", PATIENCE);
    assert!(told.contains("does not let us in. Check the token."), "{told}");
    let told = program.wait_line("connector=lost state=\"backoff\"", PATIENCE);
    assert!(told.contains("has no WHIP endpoint at this path."), "{told}");
    assert!(!program.lines().iter().any(|line| line.contains("planted")), "the path may be a key");
}

/// One feed at four connectors at once: our page, a media server, a Director and a robot's relay.
#[test]
fn a_connector_that_comes_goes_or_dies_touches_none_of_the_others() {
    let station = SmallStation::start();
    let feed = station.add("Bow", |_| {});
    let port = free_port();
    let mut at_relay = relay("bigfootbot", port, &[]);
    let connector = |line: String| ConnectorConfig::from_line(&line, FORMS).unwrap();
    let robot = connector(format!("robot=bigfootbot,address=ws://127.0.0.1:{port}"));
    let token = tempfile::NamedTempFile::new().unwrap();
    fs::write(token.path(), TOKEN).unwrap();
    let endpoint = Endpoint::start(station.handle(), TOKEN);
    let (address, token) = (endpoint.address, token.path().display());
    let media = connector(format!("media=whip,address=http://{address}/whip/bow,token_file={token}"));
    let lab = Lab::start();
    let key = tempfile::NamedTempFile::new().unwrap();
    fs::write(key.path(), Lab::KEY).unwrap();
    let (address, key) = (lab.director.attach_address(), key.path().display());
    let shore = connector(format!("shore=ahoy,address={address},api_key_file={key}"));

    let at_page = Peer::watch(&station.server, &feed);
    at_page.wait_frames(10, PATIENCE);
    station.block_on(async { station.station.connect(&[robot.clone(), shore.clone(), media.clone()]) });
    let at_state = |id: &str, name: &str| {
        wait_for(&format!("{id} in state {name}"), PATIENCE, || {
            let connectors = station.station.engine.feed(&feed)?.connectors;
            connectors.iter().find(|(known, state)| known.as_str() == id && state.name() == name).map(|_| ())
        });
    };
    at_state("robot", "ready");
    at_state("media", "ready");
    lab.wait_attached();
    let play = lab.play();
    lab.wait_frames(play, 15);
    let receiver = Receiver::start(station.handle(), port);
    receiver.wait_frames(15, PATIENCE);
    let wait_decoded = |more| {
        let wanted = endpoint.decoded() + more;
        wait_for("pictures at the media server", PATIENCE, || (endpoint.decoded() >= wanted).then_some(()));
    };

    // The relay dies: its viewer stays, the others notice nothing.
    let before = longest_gap(&at_page);
    at_relay.terminate("KILL");
    at_state("robot", "backoff");
    receiver.wait_frames(15, PATIENCE);
    lab.wait_frames(play, 15);
    wait_decoded(15);
    // The Director dies, and whoever watched there.
    drop(lab);
    at_state("shore", "backoff");
    receiver.wait_frames(15, PATIENCE);
    wait_decoded(15);
    station.block_on(async { station.station.connect(&[robot.clone(), media.clone()]) });
    receiver.wait_frames(15, PATIENCE);
    // The operator takes the robot's connector away: its viewer goes, the others stay.
    station.block_on(async { station.station.connect(std::slice::from_ref(&media)) });
    wait_decoded(15);
    assert_eq!(endpoint.sessions(), 1, "the media server's session is the first one");
    let seen = receiver.frames();
    wait_decoded(15);
    assert!(receiver.frames() <= seen + 15, "the robot is still sent pictures");
    // And the media server's.
    station.block_on(async { station.station.connect(&[]) });
    wait_for("the goodbye", PATIENCE, || (endpoint.deleted() == [1]).then_some(()));
    at_page.wait_frames(15, PATIENCE);
    let gap = longest_gap(&at_page);
    println!("longest gap at the page: {before:.0} ms before, {gap:.0} ms after");
    assert!(station.station.engine.feed(&feed).unwrap().connectors.is_empty());
    // A busy machine holds a picture back now and then; a session that began anew shows none for a second.
    assert!(gap < 700.0, "the page's picture stood still for {gap:.0} ms");
}

/// The longest time between two pictures so far, in milliseconds; of those after the first second.
fn longest_gap(peer: &Peer) -> f64 {
    let seen = peer.seen.lock().unwrap();
    let times: Vec<f64> = seen.iter().map(|seen| seen.at_ms).collect();
    let from = times.first().map_or(0.0, |first| first + 1000.0);
    let gaps = times.windows(2).filter(|pair| pair[0] >= from).map(|pair| pair[1] - pair[0]);
    gaps.fold(0.0, f64::max)
}

#[test]
fn a_server_whose_certificate_nobody_vouches_for_is_not_spoken_with() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let port = free_port();
    let _relay = relay("webrtcsink", port, &["--token", TOKEN, "--tls-cert", certificate, "--tls-key", key]);
    let wss = |id: &str, more: &str| {
        format!(
            "[[connectors]]\nid = \"{id}\"\nkind = \"webrtcsink\"\naddress = \"wss://localhost:{port}\"\n\
             token_env = \"SHORE_TOKEN\"\n{more}\n"
        )
    };
    let plain = format!("[[connectors]]\nid = \"plain\"\nkind = \"webrtcsink\"\naddress = \"ws://localhost:{port}\"\n");
    let ca = format!("ca = \"{certificate}\"");
    let whip = |id: &str, more: &str| wss(id, more).replace("webrtcsink", "whip").replace("wss://", "https://");
    let connectors =
        [wss("vouched", &ca), wss("stranger", ""), plain, whip("whip-vouched", &ca), whip("whip-stranger", "")];
    let (_folder, program) = serve(&connectors.concat());
    let ready = program.wait_line("connector=vouched state=\"ready\"", PATIENCE);
    assert!(ready.contains("encrypt "), "how long TLS took: {ready}");
    let told = program.wait_line("connector=stranger state=\"backoff\"", PATIENCE);
    assert!(told.contains("is not trusted") && told.contains("name that one's certificate with `ca`"), "{told}");
    let told = program.wait_line("connector=whip-vouched state=\"backoff\"", PATIENCE);
    assert!(told.contains("has no WHIP endpoint at this path."), "{told}");
    let told = program.wait_line("connector=whip-stranger state=\"backoff\"", PATIENCE);
    assert!(told.contains("is not trusted"), "{told}");
    let told = program.wait_line("connector=plain state=\"backoff\"", PATIENCE);
    assert!(told.contains("Check the port, and whether it is ws:// or wss://."), "{told}");
}
