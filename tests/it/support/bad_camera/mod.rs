//! An RTSP camera of our own that does one thing wrong, on purpose and every time.
//!
//! Everything it sends is made here, byte by byte, so that every byte can be
//! wrong: the conversation in `session`, the description in `sdp`, time and
//! packets in `player`. What can be wrong is listed in [`Vice`].

mod clip;
mod player;
mod random;
mod rtp;
mod sdp;
mod session;
mod vice;

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU32, AtomicUsize},
    },
    time::Instant,
};

use tokio::{net::TcpListener, task::JoinSet};

pub use vice::Vice;

/// A camera with a vice, ended with this value.
pub struct BadCamera {
    port: u16,
    shared: Arc<Shared>,
    #[allow(dead_code, reason = "kept, not read: its connections end with it")]
    task: JoinSet<()>,
}

/// What the camera's connections have in common.
struct Shared {
    vice: Vice,
    /// Sessions that played.
    played: AtomicUsize,
    /// Requests that were refused.
    requests: AtomicU32,
    /// When it first went wrong in mid-stream.
    moment: OnceLock<Instant>,
    /// When pictures were sent, by their marks.
    sent: Mutex<Vec<(Instant, u32)>>,
}

impl Shared {
    fn note_moment(&self) {
        let _ = self.moment.set(Instant::now());
    }

    fn note_sent(&self, mark: u32) {
        self.sent.lock().unwrap().push((Instant::now(), mark));
    }
}

impl BadCamera {
    /// A camera on a loopback port of its own, on the runtime that this is called in.
    pub async fn start(vice: Vice) -> Self {
        prepare(vice).await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            vice,
            played: AtomicUsize::new(0),
            requests: AtomicU32::new(0),
            moment: OnceLock::new(),
            sent: Mutex::default(),
        });
        let mut task = JoinSet::new();
        task.spawn(listen(listener, shared.clone()));
        Self { port, shared, task }
    }

    pub fn url(&self) -> String {
        format!("rtsp://127.0.0.1:{}/{}", self.port, self.shared.vice)
    }

    /// When it first went wrong, where it does so in mid-stream.
    pub fn moment(&self) -> Option<Instant> {
        self.shared.moment.get().copied()
    }

    /// When pictures were sent, by their marks.
    pub fn sent(&self) -> Vec<(Instant, u32)> {
        self.shared.sent.lock().unwrap().clone()
    }
}

/// Encodes what will be sent, before anybody waits for it.
async fn prepare(vice: Vice) {
    let encode = move || {
        for (earlier, is_wrong) in [(0, false), (0, true), (1, false)] {
            player::clip_of(vice, earlier, is_wrong);
        }
    };
    tokio::task::spawn_blocking(encode).await.unwrap();
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(session::serve(stream, shared.clone()));
    }
}
