//! RTSP cameras in processes of their own, to be stopped, killed and replaced.

use std::{
    net::{Ipv4Addr, SocketAddrV4, TcpStream},
    os::unix::fs::MetadataExt,
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::{media_file::MediaFile, network::Network, wait_for};

/// A camera process, killed with this value.
pub struct Camera {
    child: Child,
    host: Ipv4Addr,
    pub port: u16,
    path: &'static str,
    /// What it repeats; goes with it.
    #[allow(dead_code, reason = "kept, not read")]
    file: Option<MediaFile>,
}

impl Camera {
    /// GStreamer's RTSP server with a frame mark in the picture.
    pub fn gstreamer(port: u16, size: &str) -> Self {
        Self::demo(port, &["--size", size], &[])
    }

    /// The same, small, sending over one transport only: `tcp` or `udp`.
    pub fn over(port: u16, transport: &str) -> Self {
        Self::demo(port, &["--size", "640x360", "--transport", transport], &[])
    }

    /// The same, small, letting in nobody but the user `me` with this password.
    pub fn locked(port: u16, password: &str) -> Self {
        let login = ["--size", "640x360", "--user", "me", "--password-env", "CAMERA_PASSWORD"];
        Self::demo(port, &login, &[("CAMERA_PASSWORD", password)])
    }

    /// The same at the far end of a cable, sending to a group and in no other way.
    pub fn multicast(network: &Network) -> Self {
        let place = SocketAddrV4::new(Network::ADDRESS.into(), 8554);
        let mut command = network.program();
        command.args(["demo-camera", "--listen", &place.to_string()]);
        command.args(["--size", "320x240", "--transport", "multicast"]);
        Self::start_at(command, place, "demo")
    }

    fn demo(port: u16, args: &[&str], env: &[(&str, &str)]) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_heliograph"));
        command.args(["demo-camera", "--listen", &listen]).args(args).envs(env.iter().copied());
        Self::start(command, port, "demo")
    }

    /// VLC's RTSP server, repeating a file: its video, or its sound where there is no video.
    pub fn vlc(port: u16, file: MediaFile) -> Self {
        // VLC refuses to run as root, which a build place may be.
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "cvlc"]);
            command
        } else {
            Command::new("cvlc")
        };
        let output = format!("#rtp{{sdp=rtsp://127.0.0.1:{port}/vlc}}");
        command.env("HOME", "/tmp").args(["--loop", "--sout-keep", "--sout", &output]).arg(file.path());
        let mut camera = Self::start(command, port, "vlc");
        camera.file = Some(file);
        camera
    }

    fn start(command: Command, port: u16, path: &'static str) -> Self {
        Self::start_at(command, SocketAddrV4::new(Ipv4Addr::LOCALHOST, port), path)
    }

    fn start_at(mut command: Command, place: SocketAddrV4, path: &'static str) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let camera = Self { child, host: *place.ip(), port: place.port(), path, file: None };
        wait_for("the camera's port", Duration::from_secs(15), || TcpStream::connect(place).ok());
        camera
    }

    pub fn url(&self) -> String {
        format!("rtsp://{}:{}/{}", self.host, self.port, self.path)
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
