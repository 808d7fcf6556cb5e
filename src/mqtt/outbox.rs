//! What is still to be sent, and what has to be there again after an absence.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::{Mutex, MutexGuard},
};

use tokio::sync::Notify;

/// Answers that wait while the broker is away; the oldest go first.
const MOST_ANSWERS: usize = 1024;
/// Topics with statistics that wait; nobody has that many feeds.
const MOST_LATEST: usize = 4096;

/// A message on its way out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub topic: String,
    /// What is said.
    pub payload: Vec<u8>,
    /// Whether the broker keeps it for those who come later.
    pub retain: bool,
    /// What the request said that this answers.
    pub correlation: Option<Vec<u8>>,
    /// Where the answer is to be sent, of a request (MQTT 5).
    pub response_topic: Option<String>,
}

/// Three kinds of messages, each bounded in its own way: what is retained is kept and sent again to
/// every new connection; of statistics only the latest of a topic waits; answers wait in a line.
#[derive(Debug, Default)]
pub struct Outbox {
    inner: Mutex<Inner>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    retained: BTreeMap<String, Vec<u8>>,
    /// Topics of `retained` that the broker does not know yet, in their order.
    unsent: VecDeque<String>,
    latest: BTreeMap<String, Vec<u8>>,
    answers: VecDeque<Outgoing>,
    dropped: u64,
}

impl Outbox {
    /// Keeps a message for everybody who comes later; sent only where it says something new.
    pub fn retain(&self, topic: String, payload: Vec<u8>) {
        let mut inner = self.inner();
        if inner.retained.get(&topic) == Some(&payload) {
            return;
        }
        inner.retained.insert(topic.clone(), payload);
        if !inner.unsent.contains(&topic) {
            inner.unsent.push_back(topic);
        }
        drop(inner);
        self.filled.notify_one();
    }

    /// Forgets a retained message, here and at the broker.
    pub fn forget(&self, topic: &str) {
        if self.inner().retained.contains_key(topic) {
            self.retain(topic.to_owned(), Vec::new());
        }
    }

    /// Sends a figure; one that still waits for the same topic is dropped.
    pub fn latest(&self, topic: String, payload: Vec<u8>) {
        let mut inner = self.inner();
        if inner.latest.len() >= MOST_LATEST && !inner.latest.contains_key(&topic) {
            inner.dropped += 1;
            return;
        }
        inner.latest.insert(topic, payload);
        drop(inner);
        self.filled.notify_one();
    }

    /// Sends a message after those that wait.
    pub fn answer(&self, message: Outgoing) {
        let mut inner = self.inner();
        if inner.answers.len() >= MOST_ANSWERS {
            inner.answers.pop_front();
            inner.dropped += 1;
        }
        inner.answers.push_back(message);
        drop(inner);
        self.filled.notify_one();
    }

    /// How many messages were dropped because too many waited.
    pub fn dropped(&self) -> u64 {
        self.inner().dropped
    }

    /// A new connection: everything retained is to be sent again, figures of the time before are not.
    pub(super) fn begin(&self) {
        let mut inner = self.inner();
        // What was forgotten while nobody listened is forgotten at the broker, too, and then here.
        inner.unsent = inner.retained.keys().cloned().collect();
        inner.latest.clear();
    }

    /// The next message to send, once there is one. A retained one that was not sent after all is
    /// sent by the next connection.
    pub(super) async fn next(&self) -> Outgoing {
        loop {
            let filled = self.filled.notified();
            if let Some(message) = self.take() {
                return message;
            }
            filled.await;
        }
    }

    /// States first, then answers, then figures.
    fn take(&self) -> Option<Outgoing> {
        let mut inner = self.inner();
        if let Some(topic) = inner.unsent.pop_front() {
            let payload = inner.retained.get(&topic).cloned().unwrap_or_default();
            if payload.is_empty() {
                inner.retained.remove(&topic);
            }
            return Some(Outgoing { topic, payload, retain: true, ..Outgoing::default() });
        }
        if let Some(answer) = inner.answers.pop_front() {
            return Some(answer);
        }
        let (topic, payload) = inner.latest.pop_first()?;
        Some(Outgoing { topic, payload, ..Outgoing::default() })
    }

    /// Every retained topic now.
    pub fn retained(&self) -> HashSet<String> {
        self.inner().retained.keys().cloned().collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of this lock should panic")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(outbox: &Outbox) -> Vec<(String, String, bool)> {
        let text = |payload: Vec<u8>| String::from_utf8(payload).unwrap();
        std::iter::from_fn(|| outbox.take()).map(|out| (out.topic, text(out.payload), out.retain)).collect()
    }

    fn answer(text: &str) -> Outgoing {
        Outgoing { topic: "a".into(), payload: text.into(), ..Outgoing::default() }
    }

    #[test]
    fn states_go_first_and_of_figures_only_the_latest() {
        let outbox = Outbox::default();
        outbox.latest("stats".into(), b"1".to_vec());
        outbox.latest("stats".into(), b"2".to_vec());
        outbox.answer(answer("yes"));
        outbox.retain("state".into(), b"live".to_vec());
        outbox.retain("state".into(), b"live".to_vec());
        let all = [("state", "live", true), ("a", "yes", false), ("stats", "2", false)];
        assert_eq!(drain(&outbox), all.map(|(topic, text, retain)| (topic.into(), text.into(), retain)));
    }

    #[test]
    fn a_new_connection_gets_what_is_retained_and_no_old_figure() {
        let outbox = Outbox::default();
        outbox.retain("b".into(), b"1".to_vec());
        outbox.retain("a".into(), b"1".to_vec());
        assert_eq!(drain(&outbox).len(), 2);
        outbox.latest("stats".into(), b"old".to_vec());
        outbox.begin();
        let topics: Vec<_> = drain(&outbox).into_iter().map(|(topic, ..)| topic).collect();
        assert_eq!(topics, ["a", "b"]);
    }

    #[test]
    fn what_is_forgotten_is_forgotten_at_the_broker_too() {
        let outbox = Outbox::default();
        outbox.retain("a".into(), b"1".to_vec());
        drain(&outbox);
        outbox.forget("a");
        outbox.forget("never-there");
        assert_eq!(drain(&outbox), [("a".into(), String::new(), true)]);
        outbox.begin();
        assert_eq!(drain(&outbox), []);
    }

    #[test]
    fn a_long_absence_costs_no_more_than_its_bounds() {
        let outbox = Outbox::default();
        for number in 0..3 * MOST_ANSWERS {
            outbox.answer(answer(&number.to_string()));
            outbox.latest("stats".into(), number.to_string().into_bytes());
        }
        assert_eq!(outbox.dropped(), 2 * MOST_ANSWERS as u64);
        assert_eq!(drain(&outbox).len(), MOST_ANSWERS + 1);
    }
}
