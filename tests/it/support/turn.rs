//! A STUN and TURN server of another make: coturn.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use super::{free_port, wait_for};

/// coturn with one user, ended with this value.
pub struct Turn {
    child: Child,
    _folder: TempDir,
    pub place: SocketAddr,
}

impl Turn {
    pub const USER: &str = "pilot";
    pub const PASSWORD: &str = "planted-relay-password";

    /// On loopback.
    pub fn start() -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST)
    }

    pub fn start_at(address: Ipv4Addr) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let file = |name: &str| folder.path().join(name).display().to_string();
        let settings = format!(
            "listening-ip={address}\nrelay-ip={address}\nlistening-port={port}\nlt-cred-mech\nrealm=test\nuser={}:{}\n\
             no-tls\nno-dtls\nno-cli\nallow-loopback-peers\nmin-port=49200\nmax-port=49300\nuserdb={}\npidfile={}\n\
             log-file={}\nsimple-log\n",
            Self::USER,
            Self::PASSWORD,
            file("users"),
            file("pid"),
            file("log"),
        );
        fs::write(file("conf"), settings).unwrap();
        let child = Command::new("turnserver")
            .args(["-c", &file("conf")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("coturn should be installed: ./dev test does it");
        let server = Self { child, _folder: folder, place: SocketAddr::from((address, port)) };
        wait_for("coturn", Duration::from_secs(10), || server.answers().then_some(()));
        server
    }

    /// A STUN Binding request and whatever comes back (RFC 8489, section 5).
    fn answers(&self) -> bool {
        let socket = UdpSocket::bind((self.place.ip(), 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let request = [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        socket.connect(self.place).unwrap();
        socket.send(&request).is_ok() && socket.recv(&mut [0; 512]).is_ok()
    }

    /// The server with its user, over UDP or TCP.
    pub fn relay(&self, transport: &str) -> String {
        format!("turn:{}@{}?transport={transport}", Self::USER, self.place)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
