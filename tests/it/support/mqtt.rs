//! MQTT as others speak it: mosquitto's clients and its broker.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{free_port, wait_for};

/// How long any client waits.
const LIMIT: &str = "10";

/// A client of mosquitto's at a loopback port.
fn client(program: &str, port: u16, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(["-h", "127.0.0.1", "-p", &port.to_string()]).args(args);
    command
}

/// `mosquitto_sub` that says each line as it comes, and not when it has many.
pub fn listening(port: u16, args: &[&str]) -> Command {
    let mut command = Command::new("stdbuf");
    command.args(["-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", &port.to_string()]).args(args);
    command
}

/// Runs a client to its end.
pub fn run(program: &str, port: u16, args: &[&str]) -> Output {
    let output =
        client(program, port, args).output().expect("mosquitto-clients should be installed: ./dev test does it");
    println!("| {program} {args:?}: {output:?}");
    output
}

/// Publishes; true where that worked.
pub fn publish(port: u16, args: &[&str]) -> bool {
    run("mosquitto_pub", port, args).status.success()
}

/// The first message, or the broker's complaint.
pub fn first(port: u16, args: &[&str]) -> String {
    let all = [&["-C", "1", "-W", LIMIT], args].concat();
    let output = run("mosquitto_sub", port, &all);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The first message as JSON.
pub fn first_json(port: u16, topic: &str) -> Value {
    serde_json::from_str(&first(port, &["-V", "mqttv5", "-t", topic])).unwrap()
}

/// Asks and waits for the answer, by MQTT 5's request and response.
pub fn ask(port: u16, args: &[&str], topic: &str, request: &str) -> Value {
    let all =
        [&["-V", "mqttv5", "-W", LIMIT, "-q", "1", "-t", topic, "-e", "answers/test", "-m", request], args].concat();
    let output = run("mosquitto_rr", port, &all);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("no answer to {request} ({error}): {output:?}"))
}

/// `mosquitto_sub` that listens until this value is dropped.
pub struct Listener {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    /// Begins to listen; comes back when the subscription is known to be heard.
    pub fn start(port: u16, args: &[&str]) -> Self {
        let all = [&["-d", "-v"], args].concat();
        let mut child = listening(port, &all).stdout(Stdio::piped()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn({
            let lines = lines.clone();
            move || output.lines().map_while(Result::ok).for_each(|line| lines.lock().unwrap().push(line))
        });
        let listener = Self { child, lines };
        wait_for("a subscription", Duration::from_secs(10), || {
            listener.lines.lock().unwrap().iter().any(|line| line.contains("SUBACK")).then_some(())
        });
        listener
    }

    /// All messages so far, each behind its topic.
    pub fn messages(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines.iter().filter(|line| !line.starts_with("Client ") && !line.starts_with("Subscribed")).cloned().collect()
    }

    /// Waits for a message on a topic that ends so; answers the topic.
    pub fn wait_topic(&self, end: &str) -> String {
        wait_for(&format!("a message on …{end}"), Duration::from_secs(10), || {
            let messages = self.messages();
            messages
                .iter()
                .filter_map(|line| line.split(' ').next())
                .find(|topic| topic.ends_with(end))
                .map(str::to_owned)
        })
    }

    /// Waits for a message on this topic that holds the text.
    pub fn wait(&self, topic: &str, text: &str, limit: Duration) -> String {
        let start = format!("{topic} ");
        wait_for(&format!("“{text}” on {topic}"), limit, || {
            self.messages().into_iter().rev().find(|line| line.starts_with(&start) && line.contains(text))
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Debian's mosquitto on loopback, ended with this value.
pub struct Mosquitto {
    child: Option<Child>,
    pub folder: TempDir,
    pub port: u16,
}

impl Mosquitto {
    /// Starts it with these lines in its settings, where FOLDER stands for its folder.
    pub fn start(settings: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), settings)
    }

    /// The same, where its folder is there already.
    pub fn start_in(folder: TempDir, settings: &str) -> Self {
        let port = free_port();
        let mut broker = Self { child: None, folder, port };
        let settings = settings.replace("FOLDER", &broker.folder.path().display().to_string());
        let log = broker.file("log").display().to_string();
        let text = format!("listener {port} 127.0.0.1\nlog_dest file {log}\nlog_type all\n{settings}\n");
        fs::write(broker.file("conf"), text).unwrap();
        // It gives up root's rights, and then reads the files of its folder.
        let _ = Command::new("chmod").args(["-R", "a+rwX"]).arg(broker.folder.path()).status();
        broker.restart();
        broker
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a file of passwords; users are `NAME:PASSWORD`.
    pub fn passwords(folder: &Path, users: &[&str]) {
        let path = folder.join("passwords");
        fs::write(&path, users.join("\n") + "\n").unwrap();
        let made = Command::new("mosquitto_passwd").args(["-U"]).arg(&path).status().unwrap();
        assert!(made.success());
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub fn restart(&mut self) {
        self.stop();
        let mut command = Command::new("mosquitto");
        let command = command.arg("-c").arg(self.file("conf")).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("mosquitto should be installed: ./dev test does it"));
        wait_for("mosquitto", Duration::from_secs(10), || TcpStream::connect(("127.0.0.1", self.port)).ok());
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.stop();
    }
}
