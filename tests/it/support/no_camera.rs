//! Servers that are no cameras, or bad ones.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
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

    /// Answers a TLS client that none of its versions will do (RFC 5246, section 7.2).
    pub fn old_tls() -> Self {
        Self::start(|mut stream| {
            let mut hello = [0; 4096];
            let _ = stream.read(&mut hello);
            let _ = stream.write_all(&[21, 3, 1, 0, 2, 2, 70]);
            None
        })
    }

    /// Takes connections, keeps them, and never says a word.
    pub fn mute() -> Self {
        Self::start(Some)
    }

    /// Asks every time for user and password, by a challenge that is new every time, as
    /// some cameras do; counts in `guesses` how often it is told any.
    pub fn distrustful(guesses: Arc<AtomicUsize>) -> Self {
        Self::start(move |stream| {
            let _ = distrust(&stream, &guesses);
            None
        })
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

/// Refuses all requests of a connection until it is closed.
fn distrust(mut stream: &TcpStream, guesses: &AtomicUsize) -> std::io::Result<()> {
    let (mut sequence, mut nonce) = (String::new(), 0);
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if line.starts_with("Authorization:") {
            guesses.fetch_add(1, Ordering::Relaxed);
        } else if line.starts_with("CSeq:") {
            sequence = line;
        } else if line.is_empty() {
            nonce += 1;
            let challenge = format!("WWW-Authenticate: Digest realm=\"bow\", nonce=\"{nonce}\"");
            write!(stream, "RTSP/1.0 401 Unauthorized\r\n{sequence}\r\n{challenge}\r\n\r\n")?;
        }
    }
    Ok(())
}
