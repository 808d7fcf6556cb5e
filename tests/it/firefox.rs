//! Firefox, as Debian ships it: it decodes VP8, and without a plugin of its own no H.264.

use std::{fs, time::Duration};

use serde_json::json;

use crate::support::{browser::Browser, program::Program};

#[test]
fn it_shows_vp8_and_gets_it_of_an_h264_feed_too() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("heliograph.toml");
    let feed = |codec: &str| format!("[[feeds]]\nname = \"{codec}\"\ndemo = true\ncodec = \"{codec}\"\n");
    fs::write(&config, format!("version = 1\n{}{}", feed("vp8"), feed("h264"))).unwrap();
    let program = Program::serve(&["--config", config.to_str().unwrap()]);
    program.wait_line("Viewers: http", Duration::from_secs(10));

    let mut browser = Browser::start();
    let tab = browser.open(&json!({"do": "open", "kind": "viewer", "browser": "firefox", "url": program.url()}));
    browser.wait(
        tab,
        "heliograph.tiles().some(t => t.peerId === 'vp8' && t.framesDecoded > 60 && t.width === 1280 && !t.stale)",
        60_000,
    );
    browser.wait(
        tab,
        "heliograph.tiles().some(t => t.peerId === 'h264' && t.numbers?.codec === 'VP8' && \
         t.framesDecoded > 30 && t.width === 1280 && !t.stale)",
        30_000,
    );
    program.wait_line("VP8 for 1 viewer that does not take H.264.", Duration::from_secs(5));
}
