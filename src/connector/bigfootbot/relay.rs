//! The relay of Bigfootbot: it forwards every JSON text to all others, and knows nothing of what it says.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::connector::switchboard::{Outbox, Seat, Switchboard, random_id};

/// The most clients at once: a robot and a few who watch.
const MAX_CLIENTS: usize = 32;
/// The longest message in bytes; an offer has a tenth of it.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// Unusable messages in a row after which a client is dropped.
const MAX_UNUSABLE: u32 = 20;

/// A relay without clients.
#[derive(Default)]
pub(super) struct Relay(Mutex<HashMap<String, Client>>);

struct Client {
    outbox: Outbox,
    unusable_in_a_row: u32,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Relay with {} clients", self.clients().len())
    }
}

impl Relay {
    fn clients(&self) -> MutexGuard<'_, HashMap<String, Client>> {
        // A panic elsewhere must not end every connection: each change here is whole by itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client's place: dropping it takes the client away.
struct Place {
    relay: Arc<Relay>,
    id: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.relay.clients().remove(&self.id);
    }
}

impl Switchboard for Relay {
    fn join(self: Arc<Self>) -> Result<Seat, String> {
        let mut clients = self.clients();
        if clients.len() >= MAX_CLIENTS {
            // In the form in which the robot's own programs tell of an error: a JSON string.
            return Err(format!("\"ERROR {MAX_CLIENTS} clients are connected, which is the most there can be\""));
        }
        let id = random_id();
        let (outbox, seat) = Seat::new(id.clone(), Place { relay: self.clone(), id: id.clone() });
        clients.insert(id, Client { outbox, unusable_in_a_row: 0 });
        drop(clients);
        Ok(seat)
    }

    fn receive(&self, from: &str, text: &str) -> bool {
        if text.len() > MAX_MESSAGE_BYTES {
            return self.refuse(from, "it is too long");
        }
        if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
            return self.refuse(from, "it is no JSON");
        }
        let mut clients = self.clients();
        if let Some(client) = clients.get_mut(from) {
            client.unusable_in_a_row = 0;
        }
        // Who does not read its messages is dropped, rather than kept waiting for.
        clients.retain(|id, client| id == from || client.outbox.send(text.to_owned()));
        true
    }

    /// Nothing is answered: the robot's own programs end at a message they do not know.
    fn refuse(&self, from: &str, sentence: &str) -> bool {
        tracing::debug!(client = from, "A message is not forwarded: {sentence}.");
        self.clients().get_mut(from).is_some_and(|client| {
            client.unusable_in_a_row += 1;
            client.unusable_in_a_row < MAX_UNUSABLE
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(relay: &Arc<Relay>) -> Seat {
        relay.clone().join().unwrap()
    }

    #[test]
    fn a_message_goes_to_all_others_as_it_is() {
        let relay = Arc::new(Relay::default());
        let (mut robot, mut shore, mut guest) = (join(&relay), join(&relay), join(&relay));
        let hello = r#"{ "status" : "HELLO" }"#;
        assert!(relay.receive(&shore.peer_id, hello));
        assert_eq!(robot.outbox.try_recv().unwrap(), hello);
        assert_eq!(guest.outbox.try_recv().unwrap(), hello);
        assert!(shore.outbox.try_recv().is_err());
    }

    #[test]
    fn what_is_no_json_or_too_long_is_not_forwarded_and_never_answered() {
        let relay = Arc::new(Relay::default());
        let (mut robot, mut shore) = (join(&relay), join(&relay));
        for bad in ["HELLO", "", "{", &format!("\"{}\"", "x".repeat(MAX_MESSAGE_BYTES))] {
            assert!(relay.receive(&shore.peer_id, bad));
        }
        assert!(robot.outbox.try_recv().is_err() && shore.outbox.try_recv().is_err());
        let stays = (0..MAX_UNUSABLE).all(|_| relay.receive(&shore.peer_id, "x"));
        assert!(!stays, "its socket is closed");
    }

    #[test]
    fn who_leaves_or_does_not_read_gets_nothing_and_there_is_an_end_of_room() {
        let relay = Arc::new(Relay::default());
        let (robot, mut shore) = (join(&relay), join(&relay));
        let slow = join(&relay);
        for _ in 0..10_000 {
            relay.receive(&robot.peer_id, "1");
            shore.outbox.try_recv().unwrap();
        }
        let mut dropped = slow.dropped;
        assert!(dropped.try_recv().is_err_and(|error| error == tokio::sync::oneshot::error::TryRecvError::Closed));
        drop(robot.place);
        assert_eq!(relay.clients().len(), 1);
        let seats: Vec<_> = (1..MAX_CLIENTS).map(|_| join(&relay)).collect();
        assert!(relay.clone().join().is_err_and(|error| error.starts_with("\"ERROR")));
        drop(seats);
        assert!(relay.join().is_ok());
    }
}
