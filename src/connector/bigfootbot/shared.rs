//! One connection to a relay for all feeds of a connector.

use std::sync::{Arc, Mutex, MutexGuard};

use futures::future::{BoxFuture, pending};
use tokio::task::AbortHandle;

use crate::connector::{ConnectorState, TellState, client::Post};

/// A connection that lasts from the first feed until the last has gone.
pub(super) struct Shared {
    speak: Box<dyn Fn(TellState) -> BoxFuture<'static, ()> + Send + Sync>,
    present: Mutex<Present>,
}

#[derive(Default)]
struct Present {
    /// The feeds that are there, by number, and who is told how they are.
    feeds: Vec<(u64, TellState)>,
    count: u64,
    state: ConnectorState,
    connection: Option<AbortHandle>,
}

/// A feed's place at the connection: dropping it takes the feed away.
struct Place {
    shared: Arc<Shared>,
    number: u64,
}

impl Shared {
    /// No connection yet; `speak` makes one, and keeps it for as long as it is polled.
    pub(super) fn new(speak: impl Fn(TellState) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { speak: Box::new(speak), present: Mutex::default() })
    }

    /// Has a feed there for as long as it is polled.
    pub(super) async fn keep(self: Arc<Self>, post: Post) {
        let _place = self.join(&post.tell);
        pending::<()>().await;
    }

    fn join(self: Arc<Self>, tell: &TellState) -> Place {
        let mut present = self.lock();
        present.count += 1;
        let number = present.count;
        present.feeds.push((number, tell.clone()));
        if present.connection.is_none() {
            let shared = Arc::downgrade(&self);
            let connection = (self.speak)(Arc::new(move |state| {
                if let Some(shared) = shared.upgrade() {
                    shared.tell(&state);
                }
            }));
            present.connection = Some(tokio::spawn(connection).abort_handle());
        } else {
            tell(present.state.clone());
        }
        drop(present);
        Place { shared: self, number }
    }

    fn tell(&self, state: &ConnectorState) {
        let mut present = self.lock();
        present.state = state.clone();
        for (_, tell) in &present.feeds {
            tell(state.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Present> {
        self.present.lock().expect("no holder of this lock should panic")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut present = self.shared.lock();
        present.feeds.retain(|(number, _)| *number != self.number);
        if present.feeds.is_empty() {
            present.state = ConnectorState::default();
            if let Some(connection) = present.connection.take() {
                connection.abort();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[tokio::test]
    async fn the_connection_lasts_from_the_first_feed_to_the_last() {
        let (ready, mut told) = unbounded_channel();
        let tell: TellState = Arc::new(move |state: ConnectorState| {
            let _ = ready.send(state.name());
        });
        let made = Arc::new(AtomicUsize::new(0));
        let shared = Shared::new({
            let made = made.clone();
            move |tell| {
                made.fetch_add(1, Ordering::Relaxed);
                async move {
                    tell(ConnectorState::Ready { set_up: crate::connector::SetUp::default() });
                    pending::<()>().await;
                }
                .boxed()
            }
        });
        let first = shared.clone().join(&tell);
        assert_eq!(told.recv().await, Some("ready"));
        let second = shared.clone().join(&tell);
        assert_eq!(told.recv().await, Some("ready"), "it is told what the first was");
        drop(first);
        assert!(shared.lock().connection.is_some());
        drop(second);
        assert!(shared.lock().connection.is_none());
        let _third = shared.join(&tell);
        assert_eq!((told.recv().await, made.load(Ordering::Relaxed)), (Some("ready"), 2));
    }
}
