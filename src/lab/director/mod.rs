//! A stand-in for a Director of Ahoy's, strict about what it is told.
//!
//! ```text
//! http ─► attached feeds, each: control ◄─data channels─► connector      viewer ◄─media─ connector
//! ```
//!
//! It was written from what is known of the protocol. What it refuses, it complains of with a reason.

mod attach;
mod control;
mod page;
mod plays;
mod viewer;

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{net::TcpListener, task::JoinHandle};

use crate::{config::Password, connector::random_id};
use control::{Attached, GOODBYE};
pub use plays::{PlayState, PlayView};

/// Earlier ones are forgotten: whoever sends nonsense for days fills no memory.
const MOST_COMPLAINTS: usize = 100;

/// Where it listens, and what lets in.
#[derive(Clone, Debug)]
pub struct DirectorSettings {
    /// The address and port.
    pub listen: SocketAddr,
    /// The API key.
    pub key: Password,
}

/// A Director that runs. It ends with this value.
pub struct Director {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// How a feed is at the Director.
#[derive(Clone, Debug, serde::Serialize)]
pub struct FeedView {
    /// What it calls itself.
    pub name: String,
    /// Whether its control connection is there.
    pub is_attached: bool,
    /// What it says that it sends.
    pub codec: String,
    /// Who watches, the newest last.
    pub plays: Vec<PlayView>,
}

/// What the Director's parts share.
struct Shared {
    key: Password,
    /// How many requests for an attach came, good or not.
    requests: AtomicU64,
    feeds: Mutex<BTreeMap<String, Attached>>,
    /// The newest last.
    complaints: Mutex<VecDeque<String>>,
}

impl Director {
    /// Listens from now on.
    ///
    /// # Errors
    /// The port is taken, or is none of this machine.
    pub async fn start(settings: DirectorSettings) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            key: settings.key,
            requests: AtomicU64::new(0),
            feeds: Mutex::default(),
            complaints: Mutex::default(),
        });
        let routes = page::routes().merge(attach::routes()).with_state(shared.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).await {
                tracing::error!("The stand-in serves no more: {error}");
            }
        });
        Ok(Self { address, shared, server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a connector is to be told.
    pub fn attach_address(&self) -> String {
        format!("http://{}{}", self.address, attach::PATH)
    }

    /// How many requests for an attach came, good or not.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// The feeds that were ever attached.
    pub fn feeds(&self) -> Vec<FeedView> {
        self.shared.views()
    }

    /// What was wrong of late with what it was told, in words.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.complaints().iter().cloned().collect()
    }

    /// Somebody wants to see a feed; answers the play's number.
    ///
    /// # Errors
    /// A sentence: the feed is not attached.
    pub fn play(&self, feed: &str) -> Result<u64, String> {
        self.shared.play(feed, None)
    }

    /// The same, with an offer of this codec, whatever the feed said.
    ///
    /// # Errors
    /// As [`play`](Self::play).
    pub fn play_in(&self, feed: &str, codec: &str) -> Result<u64, String> {
        self.shared.play(feed, Some(codec))
    }

    /// Nobody wants to see this play any more.
    pub fn end_play(&self, feed: &str, play: u64) {
        self.shared.end_play(feed, play);
    }

    /// Says anything to a feed's connector.
    pub fn say(&self, feed: &str, text: &str) {
        if let Some(attached) = self.shared.feeds().get(feed) {
            attached.say(text.to_owned());
        }
    }

    /// Hangs up on a feed's connector. What is played goes on.
    pub fn hang_up(&self, feed: &str) {
        if let Some(attached) = self.shared.feeds().get_mut(feed) {
            attached.hang_up();
        }
    }

    /// Ends, with a word to whoever is connected.
    pub async fn stop(self) {
        self.server.abort();
        self.shared.feeds().clear();
        tokio::time::sleep(GOODBYE * 2).await;
    }
}

impl Drop for Director {
    fn drop(&mut self) {
        self.server.abort();
        self.shared.feeds().clear();
    }
}

impl std::fmt::Debug for Director {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Director").field(&self.address).finish()
    }
}

impl Shared {
    fn feeds(&self) -> MutexGuard<'_, BTreeMap<String, Attached>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn complaints(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.complaints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is not as it should be.
    fn complain(&self, what: impl Into<String>) {
        let what = what.into();
        tracing::warn!("{what}");
        let mut complaints = self.complaints();
        if complaints.len() == MOST_COMPLAINTS {
            complaints.pop_front();
        }
        complaints.push_back(what);
    }

    fn views(&self) -> Vec<FeedView> {
        self.feeds().iter().map(|(name, attached)| attached.view(name)).collect()
    }
}

fn uuid() -> String {
    random_id()
}
