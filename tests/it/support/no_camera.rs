//! Servers that are no cameras.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

/// A server on a loopback port, ended with this value.
pub struct NoCamera {
    port: u16,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NoCamera {
    /// Answers everything as a web server answers what it does not understand.
    pub fn web() -> Self {
        Self::start(|mut stream| {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            None
        })
    }

    /// Takes connections, keeps them, and never says a word.
    pub fn mute() -> Self {
        Self::start(Some)
    }

    /// Serves with `answer`, which gives back the connections that are to be kept.
    fn start(answer: impl Fn(TcpStream) -> Option<TcpStream> + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let ending = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let ending = ending.clone();
            move || {
                let mut kept = Vec::new();
                for stream in listener.incoming().take_while(|_| !ending.load(Ordering::Relaxed)) {
                    kept.extend(answer(stream.unwrap()));
                }
            }
        });
        Self { port, ending, thread: Some(thread) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for NoCamera {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        // The listener looks up when somebody comes.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
