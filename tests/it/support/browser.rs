//! Real browsers, driven by `tests/browser/driver.mjs`.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde::Deserialize;
use serde_json::{Value, json};

/// The driver and its browsers; they end with it.
pub struct Browser {
    driver: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// A page in a browser.
#[derive(Clone, Copy, Debug)]
pub struct Tab(u64);

/// What the viewer page knows of one feed.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tile {
    pub name: String,
    pub width: u32,
    pub height: u32,
    pub age_ms: Option<f64>,
    pub state: String,
    pub sessions: u32,
}

/// A frame mark read back from a picture on screen.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Mark {
    pub counter: u32,
    pub clock: u32,
    pub ok: bool,
}

/// Runs in the page: keeps the times between two frames that are shown.
const WATCH_GAPS: &str = "(() => {
    window.gaps = [0];
    let last = null;
    const video = document.querySelector('video');
    const watch = (now) => {
        if (last !== null) window.gaps.push(now - last);
        last = now;
        video.requestVideoFrameCallback(watch);
    };
    video.requestVideoFrameCallback(watch);
    return true;
})()";

/// Runs before the page: it never sees that feedback on single packets is offered.
const LEAVE_FEEDBACK_OUT: &str = "(() => {
    const before = RTCPeerConnection.prototype.setRemoteDescription;
    RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
        const without = sdp.split('\\r\\n').filter((line) => !/transport-wide-cc|transport-cc/.test(line));
        return before.call(this, { type, sdp: without.join('\\r\\n') });
    };
})()";

impl Browser {
    pub fn start() -> Self {
        Self::start_by(Command::new("node"))
    }

    /// By a command that runs node, in another network for example.
    pub fn start_by(mut node: Command) -> Self {
        let driver = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/driver.mjs");
        let mut driver = node
            .arg(driver)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node should start; ./dev test installs it");
        let commands = driver.stdin.take();
        let answers = BufReader::new(driver.stdout.take().unwrap());
        Self { driver, commands, answers }
    }

    /// Carries out one command; panics with the driver's sentence if that fails.
    pub fn call(&mut self, command: &Value) -> Value {
        self.try_call(command).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    pub fn try_call(&mut self, command: &Value) -> Result<Value, String> {
        let commands = self.commands.as_mut().unwrap();
        writeln!(commands, "{command}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).map_err(|error| format!("{error}: {line:?}"))?;
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer),
        }
    }

    /// Opens the viewer page.
    pub fn open_viewer(&mut self, url: &str) -> Tab {
        self.open(&json!({"do": "open", "kind": "viewer", "url": url}))
    }

    /// Opens the viewer page in a browser that tells nothing of single packets, as older ones do.
    pub fn open_viewer_without_feedback(&mut self, url: &str) -> Tab {
        self.open(&json!({"do": "open", "kind": "viewer", "url": url, "before": LEAVE_FEEDBACK_OUT}))
    }

    /// Opens a page with the unmodified npm client, at its default address or a given one.
    pub fn open_npm_client(&mut self, signalling: Option<&str>) -> Tab {
        self.open(&json!({"do": "open", "kind": "gstwebrtc-api", "signalling": signalling}))
    }

    pub fn open(&mut self, command: &Value) -> Tab {
        Tab(self.call(command)["tab"].as_u64().unwrap())
    }

    /// Waits until a JavaScript expression is true.
    pub fn wait(&mut self, tab: Tab, expression: &str, limit_ms: u64) -> Value {
        let answer =
            self.try_call(&json!({"do": "wait", "tab": tab.0, "expression": expression, "timeoutMs": limit_ms}));
        answer.unwrap_or_else(|error| {
            let log = self.log(tab);
            let tiles = self.try_call(&json!({"do": "tiles", "tab": tab.0}));
            panic!("{error}\nlog: {log}\ntiles: {tiles:?}")
        })["value"]
            .clone()
    }

    pub fn tiles(&mut self, tab: Tab) -> Vec<Tile> {
        let answer = self.call(&json!({"do": "tiles", "tab": tab.0}));
        serde_json::from_value(answer["tiles"].clone()).unwrap()
    }

    pub fn mark(&mut self, tab: Tab) -> Mark {
        serde_json::from_value(self.call(&json!({"do": "mark", "tab": tab.0}))).unwrap()
    }

    /// What the page wrote to its console, and its errors.
    pub fn log(&mut self, tab: Tab) -> Value {
        self.call(&json!({"do": "log", "tab": tab.0}))["log"].clone()
    }

    pub fn eval(&mut self, tab: Tab, expression: &str) -> Value {
        self.call(&json!({"do": "eval", "tab": tab.0, "expression": expression}))["value"].clone()
    }

    /// From now on the times between two frames of the page's first picture are kept.
    pub fn watch_gaps(&mut self, tab: Tab) {
        self.eval(tab, WATCH_GAPS);
    }

    /// The longest of them since this was last asked, in milliseconds.
    pub fn longest_gap(&mut self, tab: Tab) -> f64 {
        let gap = "(() => { const gap = Math.max(...window.gaps); window.gaps = [0]; return gap; })()";
        self.eval(tab, gap).as_f64().unwrap()
    }

    pub fn producers(&mut self, tab: Tab) -> Value {
        self.call(&json!({"do": "producers", "tab": tab.0}))["producers"].clone()
    }

    pub fn consume(&mut self, tab: Tab, producer: &str) {
        self.call(&json!({"do": "consume", "tab": tab.0, "producer": producer}));
    }

    pub fn video(&mut self, tab: Tab) -> Value {
        self.call(&json!({"do": "video", "tab": tab.0}))["videos"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends itself and its browsers when nobody commands it any more.
        drop(self.commands.take());
        let _ = self.driver.wait();
    }
}
