//! RTSP cameras in processes of their own, to be stopped, killed and replaced.

use std::{
    net::TcpStream,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::wait_for;

/// A camera process, killed with this value.
pub struct Camera {
    child: Child,
    pub port: u16,
    path: &'static str,
}

impl Camera {
    /// GStreamer's RTSP server with a frame mark in the picture.
    pub fn gstreamer(port: u16, size: &str) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_heliograph"));
        command.args(["demo-camera", "--listen", &listen, "--size", size]);
        Self::start(command, port, "demo")
    }

    /// VLC's RTSP server, repeating a file.
    pub fn vlc(port: u16, file: &Path) -> Self {
        // VLC refuses to run as root, which a build place may be.
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "cvlc"]);
            command
        } else {
            Command::new("cvlc")
        };
        let output = format!("#rtp{{sdp=rtsp://127.0.0.1:{port}/vlc}}");
        command.env("HOME", "/tmp").args(["--no-audio", "--loop", "--sout-keep", "--sout", &output]).arg(file);
        Self::start(command, port, "vlc")
    }

    fn start(mut command: Command, port: u16, path: &'static str) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let camera = Self { child, port, path };
        wait_for("the camera's port", Duration::from_secs(15), || TcpStream::connect(("127.0.0.1", port)).ok());
        camera
    }

    pub fn url(&self) -> String {
        format!("rtsp://127.0.0.1:{}/{}", self.port, self.path)
    }

    /// Freezes the process: its connections stay open and nothing comes any more.
    pub fn freeze(&self) {
        signal(self.child.id(), "STOP");
    }

    pub fn thaw(&self) {
        signal(self.child.id(), "CONT");
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Sends a signal to a process that a test started.
pub fn signal(id: u32, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &id.to_string()]).status().unwrap();
    assert!(status.success(), "kill -{name} {id}");
}
