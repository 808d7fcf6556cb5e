//! A viewer's data channels, over a line that may lose their packets.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use gst::{glib, prelude::*};
use gst_webrtc::{WebRTCDataChannel, WebRTCDataChannelState};
use heliograph::channels::Payload;

use super::wait_for;

/// What came, on which channel and when.
pub type Came = (Instant, String, Payload);

/// A viewer's end of all its data channels; clones are the same.
#[derive(Clone, Default)]
pub struct Messages {
    peer: Arc<Mutex<Option<gst::Element>>>,
    channels: Arc<Mutex<HashMap<String, WebRTCDataChannel>>>,
    came: Arc<Mutex<Vec<Came>>>,
    /// Of a hundred packets of data channels, either way.
    lost: Arc<AtomicU32>,
    random: Arc<AtomicU32>,
}

impl Messages {
    /// Takes the channels of a peer, and the line below it in hand.
    pub fn watch(&self, element: &gst::Element) {
        match element.factory().map(|factory| factory.name()).as_deref() {
            Some("webrtcbin") => self.take_channels(element),
            Some("nicesrc") => self.lose(&element.static_pad("src").unwrap()),
            Some("nicesink") => self.lose(&element.static_pad("sink").unwrap()),
            _ => {}
        }
    }

    fn take_channels(&self, peer: &gst::Element) {
        *self.peer.lock().unwrap() = Some(peer.clone());
        let messages = self.clone();
        peer.connect("on-data-channel", false, move |args| {
            messages.keep(args[1].get().unwrap());
            None
        });
    }

    /// Makes a channel of the viewer's own.
    pub fn create(&self, label: &str) {
        let peer = self.peer.lock().unwrap().clone().expect("a peer should be there");
        let options = gst::Structure::new_empty("options");
        self.keep(peer.emit_by_name("create-data-channel", &[&label, &options]));
    }

    fn keep(&self, channel: WebRTCDataChannel) {
        let label = channel.label().unwrap().to_string();
        let came = |payload, label: &str, messages: &Self| {
            messages.came.lock().unwrap().push((Instant::now(), label.to_owned(), payload));
        };
        let (to, of) = (self.clone(), label.clone());
        channel.connect_on_message_string(move |_, text| {
            came(Payload::Text(text.unwrap_or_default().into()), &of, &to);
        });
        let (to, of) = (self.clone(), label.clone());
        channel.connect_on_message_data(move |_, data| {
            came(Payload::Binary(data.map(|data| data.to_vec()).unwrap_or_default()), &of, &to);
        });
        self.channels.lock().unwrap().insert(label, channel);
    }

    /// Loses so many of a hundred packets that carry messages, both ways, from now on.
    pub fn lose_percent(&self, percent: u32) {
        self.lost.store(percent, Ordering::Relaxed);
    }

    /// In an order that is the same in every run.
    fn lose(&self, pad: &gst::Pad) {
        let (lost, random) = (self.lost.clone(), self.random.clone());
        let is_lost = move |packet: &gst::BufferRef| {
            let mut head = [0];
            // DTLS (RFC 7983), which is how data channels travel.
            let is_message = packet.copy_to_slice(0, &mut head).is_ok() && (20..64).contains(&head[0]);
            let step = |seed: u32| Some(seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
            is_message && {
                let seed = random.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap();
                (seed >> 8) % 100 < lost.load(Ordering::Relaxed)
            }
        };
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        pad.add_probe(kinds, move |_, info| match &mut info.data {
            Some(gst::PadProbeData::Buffer(packet)) if is_lost(packet) => gst::PadProbeReturn::Drop,
            Some(gst::PadProbeData::BufferList(packets)) => {
                *packets = packets.iter_owned().filter(|packet| !is_lost(packet)).collect();
                gst::PadProbeReturn::Ok
            }
            _ => gst::PadProbeReturn::Ok,
        });
    }

    /// The labels of the channels that there are.
    pub fn labels(&self) -> Vec<String> {
        let mut labels: Vec<_> = self.channels.lock().unwrap().keys().cloned().collect();
        labels.sort();
        labels
    }

    /// The channel of this label, once it is open.
    pub fn open(&self, label: &str) -> WebRTCDataChannel {
        let open = || {
            let channel = self.channels.lock().unwrap().get(label).cloned()?;
            (channel.ready_state() == WebRTCDataChannelState::Open).then_some(channel)
        };
        wait_for(&format!("the channel {label}"), Duration::from_secs(20), open)
    }

    pub fn send(&self, label: &str, payload: &Payload) {
        let channel = self.open(label);
        match payload {
            Payload::Text(text) => channel.send_string_full(Some(text)).unwrap(),
            Payload::Binary(bytes) => channel.send_data_full(Some(&glib::Bytes::from(bytes))).unwrap(),
        }
    }

    /// What came so far; it is gone then.
    pub fn take(&self) -> Vec<Came> {
        std::mem::take(&mut self.came.lock().unwrap())
    }

    /// The next message of this channel; others that came before are gone.
    pub fn next(&self, label: &str) -> Payload {
        let next = || {
            let mut came = self.came.lock().unwrap();
            let at = came.iter().position(|(_, of, _)| of == label)?;
            came.drain(..=at).next_back().map(|(.., payload)| payload)
        };
        wait_for(&format!("a message on {label}"), Duration::from_secs(10), next)
    }
}
