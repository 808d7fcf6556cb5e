//! `heliograph serve` in a process of its own, as built for this benchmark.

use std::{fmt::Write, fs, net::TcpStream, process::Command, time::Duration};

use tempfile::TempDir;

use super::{Fault, child::Kept};
use crate::support::{free_port, program::PROGRAM, wait_for};

/// What viewers ask for.
pub(crate) const FEED: &str = "hard";

const SETTINGS: &str = "heliograph.toml";

/// Which way the feed takes: the words of the settings file.
#[derive(Clone, Copy)]
pub(crate) enum Path {
    PassThrough,
    Transcode,
}

impl Path {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::PassThrough => "pass-through",
            Self::Transcode => "transcode",
        }
    }
}

/// The program, ended with this value.
pub(crate) struct Served {
    process: Kept,
    pub(crate) port: u16,
    home: TempDir,
}

impl Served {
    /// Serves a camera.
    pub(crate) fn feed(url: &str, path: Path) -> Result<Self, Fault> {
        let mut settings = String::from("version = 1\n[encoders]\noverload = \"allow\"\n");
        write!(settings, "[[feeds]]\nname = \"{FEED}\"\naddress = \"{url}\"\ntransport = \"udp\"\n")?;
        write!(settings, "audio = \"none\"\npath = \"{}\"\nencoder = \"x264enc\"\nbitrate_kbps = 2000\n", path.word())?;
        Self::start(&settings)
    }

    /// Serves nothing.
    pub(crate) fn idle() -> Result<Self, Fault> {
        Self::start("version = 1\n")
    }

    /// Serves what the settings say.
    pub(crate) fn start(settings: &str) -> Result<Self, Fault> {
        let (home, port) = (tempfile::tempdir()?, free_port());
        let file = home.path().join(SETTINGS);
        fs::write(&file, settings)?;
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--config"]).arg(&file);
        command.env("XDG_CONFIG_HOME", home.path()).env("XDG_STATE_HOME", home.path());
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        let process = Kept::start(&mut command)?;
        wait_for("Heliograph", Duration::from_secs(20), || TcpStream::connect(("127.0.0.1", port)).ok());
        Ok(Self { process, port, home })
    }

    /// Has other settings, of those that hold without a new start; within two seconds.
    pub(crate) fn change(&self, settings: &str) -> Result<(), Fault> {
        Ok(fs::write(self.home.path().join(SETTINGS), settings)?)
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The address of its page.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Where its viewers speak with it.
    pub(crate) fn signalling(&self) -> String {
        format!("ws://127.0.0.1:{}/signalling", self.port)
    }
}
