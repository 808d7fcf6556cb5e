//! A camera's password appears nowhere, wherever the operator keeps it and
//! whatever goes wrong, even in the most talkative log.

use std::{path::Path, time::Duration};

use crate::support::{
    browser::{Browser, Tab},
    camera::Camera,
    free_port, get,
    program::Program,
};

/// Every kind of character that addresses, headers and TOML treat in their own way.
const PASSWORD: &str = "planted p@ss/w%rd:ä";
/// The same in an address.
const ENCODED: &str = "planted%20p%40ss%2Fw%25rd%3A%C3%A4";
/// What gives it away: a part of it, of its other forms, and of `me:PASSWORD` in Base64 (Basic authentication).
const TRACES: [&str; 4] = ["planted", "p%40ss", "p@ss", "cGxhbnRlZ"];

fn assert_clean(what: &str, text: &str) {
    for trace in TRACES {
        let place = text.find(trace).map(|at| text[..at].chars().rev().take(80).collect::<Vec<_>>());
        let before = place.map(|mut chars| {
            chars.reverse();
            String::from_iter(chars)
        });
        assert_eq!(before, None, "the password was found in {what} after these words");
    }
}

/// Feeds with the password in a variable and in a file, for the camera that accepts it.
fn config(folder: &Path, address: &str) -> String {
    let (config, password) = (folder.join("heliograph.toml"), folder.join("password"));
    std::fs::write(&password, PASSWORD).unwrap();
    let feed = |name: &str, source: &str| {
        format!("[[feeds]]\nname = \"{name}\"\naddress = \"{address}\"\nuser = \"me\"\n{source}\n")
    };
    let variable = feed("Variable", "password_env = \"CAMERA_PASSWORD\"");
    let file = feed("File", &format!("password_file = \"{}\"", password.display()));
    std::fs::write(&config, format!("version = 1\n{variable}{file}")).unwrap();
    config.display().to_string()
}

/// All that the server tells a viewer page in two seconds.
fn messages(browser: &mut Browser, tab: Tab) -> String {
    let said = browser.eval(
        tab,
        "new Promise(done => { \
           const said = [], socket = new WebSocket(`ws://${location.host}/signalling`); \
           socket.onmessage = ({ data }) => said.push(data); \
           socket.onopen = () => { \
             socket.send(JSON.stringify({ type: 'setPeerStatus', roles: ['listener'], meta: { heliograph: 1 } })); \
             socket.send(JSON.stringify({ type: 'list' })); }; \
           setTimeout(() => done(said.join('\\n')), 2000); })",
    );
    said.as_str().unwrap().to_owned()
}

#[test]
fn no_log_no_page_and_no_message_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (Camera::locked(free_port(), PASSWORD), Camera::locked(free_port(), "another"));
    let nobody = format!("rtsp://me:{ENCODED}@127.0.0.1:{}/user=me_password=planted?pw=planted", free_port());
    let with_login = |camera: &Camera| camera.url().replace("rtsp://", &format!("rtsp://me:{ENCODED}@"));
    let feeds = [
        format!("Address={}", with_login(&right)),
        format!("Refused={}", with_login(&wrong)),
        format!(
            "Path={}?user=me&password=planted",
            with_login(&right).replace("/demo", "/no/user=me_password=planted")
        ),
        format!("Nobody={nobody}"),
    ];
    let config = config(folder.path(), &right.url());
    let mut args = vec!["--config", config.as_str(), "--log-format", "json"];
    args.extend(feeds.iter().flat_map(|feed| ["--feed", feed]));
    let own_log = folder.path().join("gstreamer.log").display().to_string();
    let env = [
        ("CAMERA_PASSWORD", PASSWORD),
        ("RUST_LOG", "trace"),
        // GStreamer's own log is for developers, and theirs to guard.
        ("GST_DEBUG", "rtsp*:6"),
        ("GST_DEBUG_FILE", &own_log),
    ];
    let program = Program::serve_at(free_port(), &args, &env);

    for feed in ["address", "variable", "file"] {
        program.wait_state(feed, "live", Duration::from_secs(30));
    }
    program.wait_state("refused", "failed", Duration::from_secs(20));
    for feed in ["path", "nobody"] {
        program.wait_state(feed, "backoff", Duration::from_secs(20));
    }
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&program.url());
    browser.wait(tab, "heliograph.tiles().length === 6 && heliograph.tiles().every(t => t.text)", 20_000);

    let messages = messages(&mut browser, tab);
    assert!(messages.contains("heliographFeeds"), "the page's messages should be among these: {messages}");
    assert_clean("the messages to viewers", &messages);
    assert_clean("the page", &browser.eval(tab, "document.documentElement.outerHTML").to_string());
    assert_clean("/healthz", &get(program.port, "/healthz"));
    assert_clean("the log", &program.lines().join("\n"));
}
