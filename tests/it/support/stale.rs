//! How long a picture that stopped still claims to be live.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::browser::{Browser, Tab};

/// From the stop to the warning on the page.
const STALE_WITHIN: Duration = Duration::from_millis(500);

/// Stops something, and measures in the page how long the tile still claimed to be live.
pub fn goes_stale(browser: &mut Browser, tab: Tab, stop: impl FnOnce()) {
    browser.wait(tab, "heliograph.tiles().some(t => !t.stale && t.framesDecoded > 30)", 20_000);
    // The page itself notes when it first saw the picture stale: asking from outside takes time of its own.
    browser.eval(
        tab,
        "window.staleAt = new Promise(done => { const look = setInterval(() => { \
         if (heliograph.tiles()[0].stale) { clearInterval(look); done(Date.now()); } }, 10); }), null",
    );
    let unix_ms = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as f64;
    let stopped = unix_ms();
    stop();
    let stale_at = browser.eval(tab, "staleAt").as_f64().unwrap();
    let took = stale_at - stopped;
    println!("stale after {took} ms");
    assert!(took > 0.0 && took < STALE_WITHIN.as_millis() as f64, "stale after {took} ms");
}
