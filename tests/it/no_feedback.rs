//! A viewer that tells nothing of single packets is followed by its receiver reports, and the feed says so.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::support::{
    browser::{Browser, Tab},
    free_port,
    media_file::MediaFile,
    program::Program,
    road::Road,
    wait_for,
};

const TOKEN: &str = "for-this-test-only";
/// What the link carries, and what it carries after a while.
const LINK_KBPS: [u32; 2] = [4000, 1500];
/// What is sent at first.
const START_KBPS: u32 = 3000;
/// How long next to nothing may get lost in the end.
const WINDOW: Duration = Duration::from_secs(5);

/// What Prometheus would be told under this name.
fn figure(browser: &mut Browser, tab: Tab, name: &str) -> Option<f64> {
    let all = browser.eval(tab, "fetch('/metrics').then((answer) => answer.text())");
    let line = all.as_str()?.lines().find(|line| line.starts_with(&format!("{name}{{")))?.to_owned();
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn a_viewer_that_gives_no_feedback_is_followed_by_its_receiver_reports() {
    let Some(road) = Road::lay() else { return };
    road.limit(LINK_KBPS[0]);
    let (film, home) = (MediaFile::noisy(), tempfile::tempdir().unwrap());
    let settings = home.path().join("heliograph.toml");
    let feed = format!(
        "version = 1\n[[feeds]]\nname = \"Bow\"\nfile = {:?}\nbitrate_kbps = {START_KBPS}\nagent = \"gcc\"\n",
        film.path().display().to_string()
    );
    std::fs::write(&settings, feed).unwrap();
    let listen = SocketAddr::from((Road::ADDRESS, free_port()));
    let args = ["--config", settings.to_str().unwrap(), "--insecure-http", "--token", TOKEN];
    let program = Program::launch(road.program(), listen, &args, &[]);
    program.wait_state("bow", "live", Duration::from_secs(20));
    let mut browser = Browser::start_by(road.viewer("node"));
    let tab = browser.open_viewer_without_feedback(&format!("http://{listen}/?token={TOKEN}"));

    program.wait_line("the viewer gives no feedback on single packets", Duration::from_secs(20));
    let limit = Duration::from_secs(20);
    wait_for("an estimate that is marked", limit, || {
        figure(&mut browser, tab, "heliograph_viewer_estimate_from_reports").filter(|marked| *marked > 0.5)
    });
    assert!(figure(&mut browser, tab, "heliograph_viewer_estimate_bits_per_second").is_some());
    browser.wait(tab, "heliograph.tiles().some(t => !t.stale && t.framesDecoded > 60)", 20_000);

    road.limit(LINK_KBPS[1]);
    wait_for("a bitrate that the link carries", limit, || {
        let kbps = figure(&mut browser, tab, "heliograph_feed_setpoint_bits_per_second")? / 1000.0;
        (kbps < f64::from(LINK_KBPS[1])).then_some(kbps)
    });
    // Reports are rare: the queue that grew before the first of them, or a second step, may cost some more.
    let from = Instant::now();
    let (all, lost) = wait_for("five seconds in which the link loses next to nothing", limit, || {
        let (all, lost) = road.lost_in(WINDOW);
        (from.elapsed() >= WINDOW && all > 100 && lost * 20 < all).then_some((all, lost))
    });
    println!("{lost} of {all} packets lost in the end");
    browser.wait(tab, "heliograph.tiles().some(t => !t.stale)", 5_000);
}
