//! What a media server has of its publishers: a page in Chromium that answers offers and decodes what comes.

use std::{sync::Mutex, time::Duration};

use serde_json::{Value, json};

use super::{
    browser::{Browser, Tab},
    wait_for,
    whip::{ANSWER, DECODED, HEARD},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// The page; the last offer counts.
pub struct Answerer(Mutex<(Browser, Tab)>);

impl Answerer {
    pub fn start() -> Self {
        let mut browser = Browser::start();
        let tab = browser.open(&json!({ "do": "open", "kind": "viewer", "url": "about:blank" }));
        Self(Mutex::new((browser, tab)))
    }

    fn eval(&self, expression: &str) -> Value {
        let (browser, tab) = &mut *self.0.lock().unwrap();
        browser.eval(*tab, expression)
    }

    /// The answer, with all candidates inside. Waits for it.
    pub fn answer(&self, offer: &str) -> String {
        self.eval(&format!("{ANSWER}({})", json!(offer))).as_str().unwrap().to_owned()
    }

    /// Takes one of the publisher's candidates.
    pub fn candidate(&self, line: u32, candidate: &str) {
        let candidate = json!({ "candidate": candidate, "sdpMLineIndex": line });
        // One that overtakes its offer is lost: the way is found without it.
        self.eval(&format!(
            "window.peers?.at(-1)?.addIceCandidate({candidate}).then(() => true, () => false) ?? false"
        ));
    }

    /// Waits until media can flow.
    pub fn wait_connected(&self) {
        wait_for("the page's connection", PATIENCE, || {
            (self.eval("peers.at(-1).connectionState") == "connected").then_some(())
        });
    }

    /// Pictures that were decoded of the last offer.
    pub fn decoded(&self) -> u64 {
        self.eval(DECODED).as_u64().unwrap()
    }

    /// Samples of sound that were decoded of the last offer.
    pub fn heard(&self) -> u64 {
        self.eval(HEARD).as_u64().unwrap()
    }

    /// Hangs up, whoever publishes.
    pub fn hang_up(&self) {
        self.eval("(window.peers ?? []).forEach((peer) => peer.close())");
    }
}
