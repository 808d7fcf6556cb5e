//! Three feeds through one link: what there is goes to them by their importance.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;

use crate::support::{
    browser::{Browser, Tab},
    free_port,
    media_file::MediaFile,
    network::Network,
    program::Program,
};

const TOKEN: &str = "for-this-test-only";
const FEEDS: [(&str, f64); 3] = [("bow", 3.0), ("port", 1.0), ("star", 1.0)];
const LINK_KBPS: u32 = 3000;
/// What the feeds get of it; the rest is for headers, and for who asks for more.
const BUDGET_KBPS: f64 = 2000.0;

fn settings(film: &MediaFile, broker: SocketAddr) -> String {
    let all = format!(
        "version = 1\n[control]\nbudget = \"fixed\"\nbudget_kbps = {BUDGET_KBPS}\n[mqtt]\nlisten = \"{broker}\"\n"
    );
    let path = film.path().display().to_string();
    let feed = |(name, importance): (&str, f64)| {
        format!(
            "[[feeds]]\nname = \"{name}\"\nfile = {path:?}\nsize = \"320x180\"\nframerate = 15\nimportance = {importance}\n\
             agent_least_kbps = 100\nagent_picture = false\n"
        )
    };
    std::iter::once(all).chain(FEEDS.map(feed)).collect()
}

/// What the browser got of each feed over some seconds, in kbit/s.
fn watch(browser: &mut Browser, tab: Tab, seconds: u64) -> [f64; 3] {
    let read = |browser: &mut Browser| -> ([f64; 3], f64) {
        let bytes =
            browser.eval(tab, "Object.fromEntries(heliograph.tiles().map(t => [t.peerId, t.numbers.bytesReceived]))");
        let now = browser.eval(tab, "performance.now()").as_f64().unwrap();
        (FEEDS.map(|(feed, _)| bytes[feed].as_f64().unwrap()), now)
    };
    let (before, start) = read(browser);
    std::thread::sleep(Duration::from_secs(seconds));
    let (after, end) = read(browser);
    std::array::from_fn(|feed| (after[feed] - before[feed]) * 8.0 / (end - start))
}

/// By how much each feed's part of the whole is off its importance, 0 to 1.
fn errors(kbps: [f64; 3]) -> [f64; 3] {
    let (all, weights): (f64, f64) = (kbps.iter().sum(), FEEDS.iter().map(|(_, weight)| weight).sum());
    std::array::from_fn(|feed| (kbps[feed] / all / (FEEDS[feed].1 / weights) - 1.0).abs())
}

#[test]
fn three_feeds_share_one_link_by_their_importance() {
    let Some(network) = Network::lay() else { return };
    network.limit(LINK_KBPS);
    let (film, home) = (MediaFile::noisy(), tempfile::tempdir().unwrap());
    let broker = SocketAddr::from(([127, 0, 0, 1], 1883));
    let settings = home.path().join("heliograph.toml");
    std::fs::write(&settings, self::settings(&film, broker)).unwrap();
    let listen = SocketAddr::from((Network::ADDRESS, free_port()));
    let args = ["--config", settings.to_str().unwrap(), "--insecure-http", "--token", TOKEN];
    let program = Program::launch(network.program(), listen, &args, &[]);
    program.wait_line("Messages over MQTT", Duration::from_secs(20));
    let ctl = |args: &[&str]| -> Value {
        let mut program = network.program();
        program.args(["ctl", "--broker", &format!("mqtt://{broker}"), "--json"]).args(args);
        let output = program.output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    };
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&format!("http://{listen}/?token={TOKEN}"));
    browser.wait(tab, "heliograph.tiles().filter(t => !t.stale && t.framesDecoded > 5).length === 3", 30_000);

    std::thread::sleep(Duration::from_secs(5));
    let fixed = watch(&mut browser, tab, 5);
    println!("a fixed budget of {BUDGET_KBPS} kbit/s after 5 s: {fixed:.0?}, off by {:.3?}", errors(fixed));
    let state = ctl(&["control"]);
    assert_eq!(state["shared_kbps"], BUDGET_KBPS, "{state}");
    assert!(errors(fixed).iter().all(|error| *error <= 0.1), "{fixed:?}");
    let of_budget = fixed.iter().sum::<f64>() / BUDGET_KBPS;
    assert!((0.85..1.15).contains(&of_budget), "{fixed:?} are {of_budget:.2} of the budget");

    for (feed, _) in FEEDS {
        ctl(&["agent", feed, "gcc"]);
    }
    ctl(&["budget", "estimates"]);
    std::thread::sleep(Duration::from_secs(20));
    let estimated = watch(&mut browser, tab, 5);
    println!("by estimates after 20 s: {estimated:.0?}, off by {:.3?}", errors(estimated));
    println!("{}", ctl(&["control"]));
    let used = estimated.iter().sum::<f64>() / f64::from(LINK_KBPS);
    assert!(errors(estimated).iter().all(|error| *error <= 0.25), "{estimated:?}");
    assert!(used >= 0.6, "{estimated:?} are {used:.2} of the link");
}
