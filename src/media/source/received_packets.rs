//! Whether what a sender sends still finds its way to here.
//!
//! ICE says so after half a minute. The sender, where it can be asked, knows earlier whether there is anything
//! to wait for: it is there, and nothing comes, so the way is gone.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use gst::prelude::*;

use super::signalling::ToSender;

/// How often it is looked whether packets come.
pub(super) const LOOKED_AT_EVERY: Duration = Duration::from_millis(100);
/// The sender is asked after so long without a packet, and as often again.
const MISSED_AFTER: Duration = Duration::from_millis(700);
const ASKED_EVERY: Duration = Duration::from_millis(500);
/// What comes less often than this is no stream that could be missed.
const LONGEST_GAP: Duration = Duration::from_millis(1500);
/// How long media may take to follow a sender's word that it is there.
const FOLLOWS_WITHIN: Duration = Duration::from_millis(300);

/// The packets that come.
#[derive(Default)]
pub(super) struct Packets(Mutex<Seen>);

#[derive(Clone, Copy, Default)]
struct Seen {
    last: Option<Instant>,
    /// The longest time between two of them, outages left out: a slow stream is not missed as soon.
    gap: Duration,
}

impl Packets {
    /// Those of this receiving element.
    pub(super) fn of(element: &gst::Element) -> Arc<Self> {
        let packets = Arc::new(Self::default());
        let seen = packets.clone();
        element.connect_pad_added(move |_, pad| {
            let seen = seen.clone();
            pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, _| {
                seen.came(Instant::now());
                gst::PadProbeReturn::Ok
            });
        });
        packets
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn came(&self, now: Instant) {
        let mut seen = self.lock();
        let gap = seen.last.replace(now).map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        if gap < LONGEST_GAP {
            seen.gap = seen.gap.max(gap);
        }
    }

    /// Since when they are missed; `None` while there is nothing to miss.
    fn missed_since(&self, now: Instant) -> Option<Instant> {
        let seen = *self.lock();
        let since = seen.last? + MISSED_AFTER.max(seen.gap * 2);
        (since <= now).then_some(since)
    }
}

/// The way of the packets to here.
pub(super) struct Way {
    packets: Arc<Packets>,
    asked: Option<Instant>,
    /// When the sender said that it is there though packets were missed.
    answered: Option<Instant>,
}

impl Way {
    pub(super) fn new(packets: Arc<Packets>) -> Self {
        Self { packets, asked: None, answered: None }
    }

    /// The sender has said that it is there, and sends.
    pub(super) fn sender_is_here(&mut self) {
        self.hear_at(Instant::now());
    }

    /// What the sender is to be told now.
    pub(super) fn look(&mut self) -> Option<ToSender> {
        self.look_at(Instant::now())
    }

    fn hear_at(&mut self, now: Instant) {
        if self.packets.missed_since(now).is_some() {
            self.answered.get_or_insert(now);
        }
    }

    fn look_at(&mut self, now: Instant) -> Option<ToSender> {
        if self.packets.missed_since(now).is_none() {
            (self.asked, self.answered) = (None, None);
            return None;
        }
        let age = |at: Instant| now.saturating_duration_since(at);
        if self.answered.is_some_and(|at| age(at) > FOLLOWS_WITHIN) {
            // Once is enough.
            self.answered = None;
            return Some(ToSender::GiveUp);
        }
        if self.asked.is_some_and(|at| age(at) < ASKED_EVERY) {
            return None;
        }
        self.asked = Some(now);
        Some(ToSender::Missed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    /// A way on which packets came this often for two seconds, and when the last one came.
    fn way(every: Duration) -> (Way, Instant) {
        let packets = Arc::new(Packets::default());
        let began = Instant::now();
        let mut last = began;
        while last < began + ms(2000) {
            last += every;
            packets.came(last);
        }
        (Way::new(packets), last)
    }

    #[test]
    fn a_sender_that_is_there_is_given_up_where_nothing_follows() {
        let (mut way, last) = way(ms(33));
        way.hear_at(last + ms(200));
        assert_eq!(way.look_at(last + ms(600)), None);
        assert_eq!(way.look_at(last + ms(800)), Some(ToSender::Missed));
        assert_eq!(way.look_at(last + ms(900)), None);
        assert_eq!(way.look_at(last + ms(1400)), Some(ToSender::Missed));
        way.hear_at(last + ms(1450));
        assert_eq!(way.look_at(last + ms(1600)), None);
        assert_eq!(way.look_at(last + ms(1800)), Some(ToSender::GiveUp));
    }

    #[test]
    fn packets_that_come_again_are_a_way() {
        let (mut way, last) = way(ms(33));
        assert_eq!(way.look_at(last + ms(5000)), Some(ToSender::Missed));
        way.hear_at(last + ms(5010));
        way.packets.came(last + ms(5100));
        assert_eq!(way.look_at(last + ms(5200)), None);
        way.packets.came(last + ms(5500));
        assert_eq!(way.look_at(last + ms(6000)), None, "what was said before counts no more");
        assert_eq!(way.look_at(last + ms(6400)), Some(ToSender::Missed), "and the outage is not the usual gap");
    }

    #[test]
    fn a_stream_that_is_slow_is_not_missed_as_soon_and_one_that_never_began_not_at_all() {
        let (mut slow, last) = way(ms(1000));
        assert_eq!(slow.look_at(last + ms(1900)), None);
        assert_eq!(slow.look_at(last + ms(2100)), Some(ToSender::Missed));
        let mut none = Way::new(Arc::default());
        assert_eq!(none.look_at(last + ms(9000)), None);
    }
}
