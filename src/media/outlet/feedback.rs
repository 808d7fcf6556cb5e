//! What the far end tells of every packet, made into a report on the way.
//!
//! webrtcbin's session hands the feedback up to `rtpgccbwe` as an event, each packet with the
//! times of its departure and its arrival. The two clocks are not the same; only differences count.

use std::{collections::VecDeque, time::Duration};

use gst::{glib, prelude::*};

use crate::stats::PathReport;

/// What webrtcbin's session calls them.
const REPORT: &str = "RTPTWCCPackets";
/// Rates are those of the last half second.
const WINDOW: f64 = 0.5;
/// And what comes out of a queue, that of a shorter time: it may have changed.
const SHORT_WINDOW: f64 = 0.15;
/// A queue stands if no packet of this long a time went past it: longer than from one frame to the
/// next, for a frame's packets wait for each other anyway.
const STANDING: f64 = 0.12;
/// The shortest way is looked for in six parts of this many seconds. Clocks that drift by 100 ppm
/// make a queue of 3 ms of it.
const PART: f64 = 5.0;
const PARTS: usize = 6;
/// A clock that was set begins anew.
const JUMP: f64 = 60.0;

/// A packet that was sent: times in seconds, each by the clock of its end.
#[derive(Clone, Copy, Debug)]
struct Packet {
    sent: f64,
    arrived: Option<f64>,
    bits: f64,
}

/// Whether this event tells what arrived.
pub(super) fn is_report(event: &gst::EventRef) -> bool {
    event.structure().is_some_and(|fields| fields.name() == REPORT)
}

impl Packet {
    /// As GStreamer writes it, with the names of `rtptwcc.c`.
    fn read(fields: &gst::StructureRef) -> Option<Self> {
        let seconds = |name| Some(fields.get::<gst::ClockTime>(name).ok()?.nseconds() as f64 / 1e9);
        let is_lost = fields.get::<bool>("lost").ok()?;
        Some(Self {
            sent: seconds("local-ts")?,
            arrived: if is_lost { None } else { Some(seconds("remote-ts")?) },
            bits: f64::from(fields.get::<u32>("size").ok()?) * 8.0,
        })
    }
}

/// Remembers what was told of the last packets.
#[derive(Debug, Default)]
pub(super) struct Feedback {
    packets: VecDeque<Packet>,
    /// The shortest way in each of the last parts of time, by the number of the part.
    shortest: VecDeque<(u64, f64)>,
    trip: Duration,
}

impl Feedback {
    /// Takes an event that comes up from the session, if it is the far end's feedback.
    pub(super) fn take(&mut self, event: &gst::EventRef) -> Option<PathReport> {
        // Nothing of it is copied, each packet being a structure of its own.
        let packets = event.structure()?.value("packets").ok()?.get::<&glib::ValueArray>().ok()?;
        let fields = packets.iter().filter_map(|packet| packet.get::<&gst::StructureRef>().ok());
        let packets: Vec<Packet> = fields.filter_map(Packet::read).collect();
        let newest =
            packets.iter().filter(|packet| packet.arrived.is_some()).map(|packet| packet.sent).reduce(f64::max);
        let now = gst::SystemClock::obtain().time().nseconds() as f64 / 1e9;
        if let Some(trip) = newest.and_then(|sent| Duration::try_from_secs_f64(now - sent).ok()) {
            self.trip = trip;
        }
        self.add(&packets)
    }

    /// From the departure of a packet to the word that it arrived.
    pub(super) fn trip(&self) -> Duration {
        self.trip
    }

    fn add(&mut self, packets: &[Packet]) -> Option<PathReport> {
        for packet in packets {
            if let Some(arrived) = packet.arrived {
                self.learn_way(packet.sent, arrived - packet.sent);
            }
            self.packets.push_back(*packet);
        }
        let sent = self.packets.iter().map(|packet| packet.sent).fold(f64::NEG_INFINITY, f64::max);
        // What waits in a queue arrives much later than it was sent.
        self.packets.retain(|packet| packet.sent > sent - 4.0 * WINDOW && packet.sent <= sent);
        let arrived = self.packets.iter().filter_map(|packet| packet.arrived).reduce(f64::max)?;
        Some(self.report(sent, arrived))
    }

    /// By the last departure and the last arrival of which is known.
    fn report(&self, sent: f64, arrived: f64) -> PathReport {
        let recent = || self.packets.iter().filter(|packet| packet.sent > sent - WINDOW);
        let bits = |packets: &mut dyn Iterator<Item = &Packet>| packets.map(|packet| packet.bits).sum::<f64>();
        let all = bits(&mut recent());
        let lost = bits(&mut recent().filter(|packet| packet.arrived.is_none()));
        let since = |earliest: f64| move |packet: &&Packet| packet.arrived.is_some_and(|at| at > earliest);
        let received = bits(&mut self.packets.iter().filter(since(arrived - WINDOW)));
        let carried = bits(&mut self.packets.iter().filter(since(arrived - SHORT_WINDOW)));
        let ways = self.packets.iter().filter(since(arrived - STANDING)).filter_map(|packet| {
            let arrived = packet.arrived?;
            Some(arrived - packet.sent)
        });
        let shortest = self.shortest.iter().map(|(_, way)| *way).fold(f64::INFINITY, f64::min);
        PathReport {
            sent_kbps: all / WINDOW / 1000.0,
            received_kbps: received / WINDOW / 1000.0,
            carried_kbps: carried / SHORT_WINDOW / 1000.0,
            queueing: (ways.fold(f64::INFINITY, f64::min) - shortest).max(0.0),
            loss: if all > 0.0 { lost / all } else { 0.0 },
        }
    }

    fn learn_way(&mut self, sent: f64, way: f64) {
        if self.shortest.back().is_some_and(|(_, before)| (way - before).abs() > JUMP) {
            self.shortest.clear();
            self.packets.clear();
        }
        let part = (sent / PART) as u64;
        match self.shortest.back_mut() {
            Some((last, shortest)) if *last >= part => *shortest = shortest.min(way),
            _ => self.shortest.push_back((part, way)),
        }
        if self.shortest.len() > PARTS {
            self.shortest.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The far end's clock is ahead by so much.
    const AHEAD: f64 = 1000.0;

    /// Packets of 10 kbit every 10 ms, from one second to another, that take so long.
    fn packets(from: f64, to: f64, way: impl Fn(f64) -> Option<f64>) -> Vec<Packet> {
        let count = ((to - from) / 0.01).round() as usize;
        let sent = (0..count).map(|number| from + 0.01 * number as f64);
        sent.map(|sent| Packet { sent, arrived: way(sent).map(|way| sent + AHEAD + way), bits: 10_000.0 }).collect()
    }

    #[test]
    fn a_free_way_has_no_queue_whatever_the_clocks_say() {
        let report = Feedback::default().add(&packets(0.0, 2.0, |_| Some(0.02))).unwrap();
        assert!((report.sent_kbps - 1000.0).abs() < 25.0 && (report.received_kbps - 1000.0).abs() < 25.0, "{report:?}");
        assert!(report.queueing < 1e-6 && report.loss == 0.0, "{report:?}");
    }

    #[test]
    fn a_queue_that_stands_is_seen_and_a_frame_that_waits_for_itself_is_none() {
        let mut feedback = Feedback::default();
        feedback.add(&packets(0.0, 2.0, |_| Some(0.02)));
        // Every fifth finds the way free, as the first of a frame does.
        let bursts = feedback.add(&packets(2.0, 3.0, |sent| Some(0.02 + (sent * 20.0).fract() * 0.04))).unwrap();
        assert!(bursts.queueing < 0.009, "{bursts:?}");
        let queue = feedback.add(&packets(3.0, 3.5, |_| Some(0.12))).unwrap();
        assert!((queue.queueing - 0.1).abs() < 0.005, "{queue:?}");
    }

    #[test]
    fn what_arrives_slower_and_what_is_lost_are_told_apart_from_what_is_sent() {
        let mut feedback = Feedback::default();
        feedback.add(&packets(0.0, 2.0, |_| Some(0.02)));
        let queue = feedback.add(&packets(2.0, 2.5, |sent| Some(0.02 + (sent - 2.0)))).unwrap();
        assert!((queue.sent_kbps - 1000.0).abs() < 25.0, "{queue:?}");
        assert!((queue.received_kbps - 500.0).abs() < 60.0, "{queue:?}");
        let lossy = packets(2.5, 3.5, |sent| (!((sent * 100.0).round() as u64).is_multiple_of(4)).then_some(0.52));
        let lossy = feedback.add(&lossy).unwrap();
        assert!((lossy.loss - 0.25).abs() < 0.03, "{lossy:?}");
    }

    #[test]
    fn a_longer_way_is_a_queue_for_half_a_minute_only() {
        let mut feedback = Feedback::default();
        feedback.add(&packets(0.0, 5.0, |_| Some(0.02)));
        assert!(feedback.add(&packets(5.0, 10.0, |_| Some(0.08))).unwrap().queueing > 0.05);
        assert!(feedback.add(&packets(10.0, 40.0, |_| Some(0.08))).unwrap().queueing < 0.001);
        let jumped = feedback.add(&packets(40.0, 41.0, |_| Some(5000.0))).unwrap();
        assert!(jumped.queueing < 0.001, "{jumped:?}: a clock was set");
    }

    #[test]
    fn nothing_that_arrived_is_no_report() {
        assert_eq!(Feedback::default().add(&packets(0.0, 1.0, |_| None)), None);
        assert_eq!(Feedback::default().add(&[]), None);
    }
}
