//! The program, run as a user runs it.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;

use super::{free_port, wait_for};

/// The program's file.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_heliograph");

/// What programs say is kept, and not printed.
static HUSHED: AtomicBool = AtomicBool::new(false);

/// `heliograph serve` or another verb that goes on, ended with this value.
pub struct Program {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    /// Settings and state of its own.
    _home: TempDir,
    pub port: u16,
}

impl Program {
    /// From now on what programs say is not printed: a benchmark prints its own.
    #[allow(dead_code, reason = "tests print it")]
    pub fn hush() {
        HUSHED.store(true, Ordering::Relaxed);
    }

    /// Starts `heliograph serve` at a free loopback port, with more arguments.
    pub fn serve(args: &[&str]) -> Self {
        let port = free_port();
        Self::serve_at(port, args, &[])
    }

    /// Starts `heliograph serve` at a loopback port, with more arguments and environment.
    pub fn serve_at(port: u16, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::launch(Command::new(PROGRAM), SocketAddr::from(([127, 0, 0, 1], port)), args, env)
    }

    /// Starts `heliograph relay` at a loopback port.
    pub fn relay(protocol: &str, port: u16, args: &[&str]) -> Self {
        Self::relay_at(protocol, SocketAddr::from(([127, 0, 0, 1], port)), args)
    }

    /// Starts `heliograph relay` at any address.
    pub fn relay_at(protocol: &str, listen: SocketAddr, args: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["relay", "--protocol", protocol]);
        Self::listening(command, listen, args, &[])
    }

    /// Starts `heliograph serve` at any address; the command is the program, or a way into it.
    pub fn launch(mut command: Command, listen: SocketAddr, args: &[&str], env: &[(&str, &str)]) -> Self {
        command.arg("serve");
        Self::listening(command, listen, args, env)
    }

    fn listening(mut command: Command, listen: SocketAddr, args: &[&str], env: &[(&str, &str)]) -> Self {
        command.args(["--listen", &listen.to_string()]).args(args);
        Self::run(command, listen.port(), env)
    }

    /// Starts the program with a word that listens nowhere.
    pub fn start(args: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(args);
        Self::run(command, 0, &[])
    }

    fn run(mut command: Command, port: u16, env: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut child = command
            .env("XDG_CONFIG_HOME", home.path().join("config"))
            .env("XDG_STATE_HOME", home.path().join("state"))
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn({
            let lines = lines.clone();
            move || {
                for line in output.lines().map_while(Result::ok) {
                    if !HUSHED.load(Ordering::Relaxed) {
                        println!("| {line}");
                    }
                    lines.lock().unwrap().push(line);
                }
            }
        });
        Self { child, lines, _home: home, port }
    }

    /// All lines printed so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits for a line that contains the text, after the first `skip` lines.
    pub fn wait_line_after(&self, skip: usize, text: &str, limit: Duration) -> String {
        wait_for(&format!("a line with “{text}”"), limit, || {
            self.lines().into_iter().skip(skip).find(|line| line.contains(text))
        })
    }

    /// Waits for a line that contains the text.
    pub fn wait_line(&self, text: &str, limit: Duration) -> String {
        self.wait_line_after(0, text, limit)
    }

    /// Waits until the log says that a feed is in a state, in either form of the log.
    pub fn wait_state(&self, feed: &str, state: &str, limit: Duration) -> String {
        let forms = [format!("feed={feed} state=\"{state}\""), format!("\"feed\":\"{feed}\",\"state\":\"{state}\"")];
        wait_for(&format!("the feed {feed} in state {state}"), limit, || {
            self.lines().into_iter().find(|line| forms.iter().any(|form| line.contains(form)))
        })
    }

    /// The viewer page's address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, by signal; answers its exit code and how long it took.
    pub fn terminate(&mut self, signal: &str) -> (Option<i32>, Duration) {
        let start = std::time::Instant::now();
        super::camera::signal(self.child.id(), signal);
        (self.wait_end(), start.elapsed())
    }

    /// Waits until it has ended; answers its exit code.
    pub fn wait_end(&mut self) -> Option<i32> {
        wait_for("the program's end", Duration::from_secs(10), || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
