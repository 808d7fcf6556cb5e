//! Lines that carry less than they are sent, as far as the sender is told: within this process, there are none.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use gst::{ClockTime, glib, prelude::*};

use super::elements;

/// How long every packet is on its way, and how long one may wait at the most; the next is lost.
const WAY: ClockTime = ClockTime::from_mseconds(20);
const LONGEST_WAIT: ClockTime = ClockTime::from_mseconds(200);

/// What the viewers' lines carry in kbit/s, by the element at their end.
static LINES: Mutex<Option<HashMap<String, Arc<AtomicU32>>>> = Mutex::new(None);

/// Has the connection of one of this process's viewers carry so much, from now on. They are numbered in
/// the order in which their sessions began, of those that are there.
pub fn carry(viewer: usize, kbps: u32) {
    let ends = elements::alive_of("rtpgccbwe");
    let end = ends.get(viewer).expect("a viewer of this number");
    let mut lines = LINES.lock().unwrap();
    let line = lines.get_or_insert_default().entry(end.path_string().into()).or_insert_with(|| {
        let line = Arc::new(AtomicU32::new(kbps));
        // Before anybody of the program's hears what arrived.
        let before = end.static_pad("src").unwrap().peer().expect("a session that was negotiated");
        let (carried, queue) = (line.clone(), Mutex::new(Queue::default()));
        before.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            if let Some(gst::PadProbeData::Event(event)) = &mut info.data {
                queue.lock().unwrap().retell(event.make_mut(), carried.load(Ordering::Relaxed));
            }
            gst::PadProbeReturn::Ok
        });
        line
    });
    line.store(kbps, Ordering::Relaxed);
}

/// What waits to be carried.
#[derive(Default)]
struct Queue {
    /// When all of it has been.
    empty_at: ClockTime,
}

impl Queue {
    /// Says of each packet when it would have arrived.
    fn retell(&mut self, event: &mut gst::EventRef, kbps: u32) {
        if event.structure().is_none_or(|fields| fields.name() != "RTPTWCCPackets") {
            return;
        }
        let _ = event.structure_mut().map_in_place(|_, value| {
            let packets = value.get::<glib::ValueArray>().into_iter().flat_map(|packets| packets.to_vec());
            let told: Vec<_> = packets.map(|packet| self.pass(packet.get().unwrap(), kbps)).collect();
            if !told.is_empty() {
                *value = glib::ValueArray::new(told).to_value();
            }
            ControlFlow::Continue(())
        });
    }

    fn pass(&mut self, mut packet: gst::Structure, kbps: u32) -> gst::Structure {
        let sent = packet.get::<ClockTime>("local-ts").unwrap();
        let bits = u64::from(packet.get::<u32>("size").unwrap()) * 8;
        let done = self.empty_at.max(sent) + ClockTime::from_useconds(bits * 1000 / u64::from(kbps));
        let is_lost = done > sent + LONGEST_WAIT;
        if !is_lost {
            self.empty_at = done;
            packet.set("remote-ts", done + WAY);
        }
        packet.set("lost", is_lost);
        packet
    }
}
