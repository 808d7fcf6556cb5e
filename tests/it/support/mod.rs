//! What the tests stand on: browsers, cameras in other processes, the program itself.

pub mod answerer;
pub mod bad_camera;
pub mod browser;
pub mod caller;
pub mod camera;
pub mod card;
pub mod congestion;
pub mod elements;
pub mod engine;
pub mod foreign_server;
pub mod hard_content;
pub mod janus;
pub mod lab;
pub mod lines;
pub mod livekit;
pub mod lone_outlet;
pub mod media_file;
pub mod messages;
pub mod mqtt;
pub mod network;
pub mod no_camera;
pub mod peer;
pub mod program;
pub mod road;
pub mod robot;
pub mod stale;
pub mod station;
pub mod tls_front;
pub mod tunnel;
pub mod turn;
pub mod whip;
pub mod wire;

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

/// A loopback port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// What an HTTP server on loopback answers, headers included.
pub fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

/// Asks again and again until there is an answer; says what it waited for when there is none in time.
pub fn wait_for<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} in vain for: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
