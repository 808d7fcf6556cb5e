//! Who plays a feed: each player is a guest of the hub, until it says goodbye or is gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, timeout};

use super::fragment::{Fragment, Offer};
use crate::connector::hub::{Guest, GuestEvent};
use crate::connector::random_id;

/// The most players at once, those included whose answer is on its way.
pub(super) const MAX_PLAYERS: usize = 64;

/// A player has to be connected by then.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// A player that tells nothing of what it receives for so long is gone: players tell of it every second.
/// ICE would notice after twice the time (RFC 7675), and the encoder would run until then.
const SILENCE_LIMIT: Duration = Duration::from_secs(15);

/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// For how long a feed without a picture is still wanted after a player was sent away.
const AWAKE_FOR: Duration = Duration::from_secs(10);

/// Fragments that wait to be handed on.
const MAX_FRAGMENTS: usize = 16;

/// All players of one server. Dropping it ends their sessions.
pub(super) struct Players {
    room: Arc<Semaphore>,
    playing: Mutex<HashMap<String, Player>>,
    stopping: watch::Receiver<bool>,
}

/// One player. Dropping it ends its session.
struct Player {
    feed: String,
    tag: String,
    offer: Offer,
    fragments: mpsc::Sender<Vec<(u32, String)>>,
    task: JoinHandle<()>,
}

/// A place among the players, given back when it is dropped.
pub(super) struct Place(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit);

/// What a player needs to speak of its session later.
pub(super) struct Ticket {
    /// The session's id, which cannot be guessed: who knows it is that player.
    pub(super) id: String,
    /// Names the ICE session (RFC 9110, section 8.8.3), quotes included.
    pub(super) tag: String,
}

/// Why a fragment is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotTaken {
    /// There is no such session.
    NoSession,
    /// It is for another ICE session.
    OtherTag,
    /// It begins ICE anew, for which a new session is needed here.
    Restart,
    /// Others wait to be handed on.
    Busy,
}

impl Drop for Player {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Players {
    /// None yet; they end when `stopping` says so.
    pub(super) fn new(stopping: watch::Receiver<bool>) -> Arc<Self> {
        Arc::new(Self { room: Arc::new(Semaphore::new(MAX_PLAYERS)), playing: Mutex::default(), stopping })
    }

    /// A place for one more; `None` where there is none.
    pub(super) fn place(&self) -> Option<Place> {
        self.room.clone().try_acquire_owned().ok().map(Place)
    }

    /// Keeps a guest that has its answer, until its player is gone.
    pub(super) fn seat(self: &Arc<Self>, feed: &str, offer: Offer, guest: Guest, place: Place) -> Ticket {
        let (id, tag) = (random_id(), format!("\"{}\"", random_id()));
        let (sender, fragments) = mpsc::channel(MAX_FRAGMENTS);
        let (players, own_id, stopping) = (Arc::downgrade(self), id.clone(), self.stopping.clone());
        // Held until it is in there: a player that ends at once takes itself out after that.
        let mut playing = self.lock();
        let task = tokio::spawn(async move {
            play(guest, fragments, stopping).await;
            drop(place);
            take_out(&players, &own_id);
        });
        let player = Player { feed: feed.to_owned(), tag: tag.clone(), offer, fragments: sender, task };
        playing.insert(id.clone(), player);
        Ticket { id, tag }
    }

    /// Goes on wanting a feed that has no picture yet, so that who comes again finds it awake.
    pub(super) fn keep_awake(&self, mut guest: Guest, place: Place) {
        let mut stopping = self.stopping.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = timeout(AWAKE_FOR, guest.whole_answer()) => (),
                _ = stopping.wait_for(|stop| *stop) => (),
            }
            drop(place);
        });
    }

    /// Hands a player's further candidates on. `tag` is that of the ICE session it means; `None` for any.
    pub(super) fn trickle(&self, feed: &str, id: &str, tag: Option<&str>, fragment: Fragment) -> Result<(), NotTaken> {
        let playing = self.lock();
        let player = playing.get(id).filter(|player| player.feed == feed).ok_or(NotTaken::NoSession)?;
        if tag.is_some_and(|tag| tag.split(',').all(|one| one.trim() != player.tag)) {
            return Err(NotTaken::OtherTag);
        }
        if player.offer.is_left_by(&fragment) {
            return Err(NotTaken::Restart);
        }
        player.fragments.try_send(player.offer.place(fragment)).map_err(|_| NotTaken::Busy)
    }

    /// Whether there is this session of this feed.
    pub(super) fn has(&self, feed: &str, id: &str) -> bool {
        self.lock().get(id).is_some_and(|player| player.feed == feed)
    }

    /// Ends a session; false where there is none.
    pub(super) fn end(&self, feed: &str, id: &str) -> bool {
        let mut playing = self.lock();
        let is_there = playing.get(id).is_some_and(|player| player.feed == feed);
        is_there && playing.remove(id).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Player>> {
        self.playing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take_out(players: &Weak<Players>, id: &str) {
    if let Some(players) = players.upgrade() {
        players.lock().remove(id);
    }
}

/// One player, from its answer until it is gone.
async fn play(
    mut guest: Guest,
    mut fragments: mpsc::Receiver<Vec<(u32, String)>>,
    mut stopping: watch::Receiver<bool>,
) {
    let begun = Instant::now();
    let mut looks = interval(LOOK_EVERY);
    loop {
        tokio::select! {
            event = guest.next() => if matches!(event, Some(GuestEvent::Ended) | None) { return },
            Some(candidates) = fragments.recv() => {
                for (line, candidate) in candidates {
                    guest.candidate(candidate, line);
                }
            }
            _ = looks.tick() => if is_gone(&guest, begun) { return },
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}

fn is_gone(guest: &Guest, begun: Instant) -> bool {
    match guest.silence() {
        Some(silence) => silence > SILENCE_LIMIT,
        None => begun.elapsed() > CONNECT_WITHIN,
    }
}
