//! A picture that is not live never looks live, whatever stopped it.

use std::time::Duration;

use crate::support::{
    browser::{Browser, Tab},
    camera::{Camera, signal},
    free_port,
    program::Program,
};

/// From the stop to the warning on the page.
const STALE_WITHIN: Duration = Duration::from_millis(500);

/// Stops something, and measures in the page how long the tile still claimed to be live.
fn goes_stale(browser: &mut Browser, tab: Tab, stop: impl FnOnce()) {
    browser.wait(tab, "heliograph.tiles().some(t => !t.stale && t.framesDecoded > 30)", 20_000);
    // The page itself notes when it first saw the picture stale: asking from outside takes time of its own.
    browser.eval(
        tab,
        "window.staleAt = new Promise(done => { const look = setInterval(() => { \
         if (heliograph.tiles()[0].stale) { clearInterval(look); done(Date.now()); } }, 10); }), null",
    );
    let unix_ms = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as f64;
    let stopped = unix_ms();
    stop();
    let stale_at = browser.eval(tab, "staleAt").as_f64().unwrap();
    let took = stale_at - stopped;
    println!("stale after {took} ms");
    assert!(took > 0.0 && took < STALE_WITHIN.as_millis() as f64, "stale after {took} ms");
}

fn watch(program: &Program) -> (Browser, Tab) {
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&program.url());
    (browser, tab)
}

#[test]
fn when_the_camera_stops() {
    let camera = Camera::gstreamer(free_port(), "640x360");
    let program = Program::serve(&["--feed", &format!("bow={}", camera.url())]);
    let (mut browser, tab) = watch(&program);
    goes_stale(&mut browser, tab, || camera.freeze());
}

#[test]
fn when_the_encoder_stops() {
    let camera = Camera::gstreamer(free_port(), "640x360");
    let program = Program::serve(&["--feed", &format!("bow={}", camera.url())]);
    let (mut browser, tab) = watch(&program);
    goes_stale(&mut browser, tab, || signal(program.id(), "STOP"));
    signal(program.id(), "CONT");
    browser.wait(tab, "heliograph.tiles().some(t => !t.stale)", 20_000);
}
