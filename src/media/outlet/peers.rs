//! The viewers' peers: how many there are, and that webrtcsink outlives them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use gst::{glib, prelude::*};
use gstrswebrtc::webrtcsink::BaseWebRTCSink;
use tokio::sync::mpsc::UnboundedSender;

use super::OutletEvent;

/// How long webrtcsink may take to let go of its sessions' peers, and how often that is looked at.
const PEERS_MAY_TAKE: Duration = Duration::from_secs(2);
const PEERS_CHECKED_EVERY: Duration = Duration::from_millis(10);
/// How long after that the rest of them may take.
const PEERS_SETTLE_IN: Duration = Duration::from_secs(1);

pub(super) type Peers = Arc<Mutex<Vec<glib::WeakRef<gst::Element>>>>;

pub(super) fn watch_viewers(sink: &BaseWebRTCSink, events: &UnboundedSender<OutletEvent>) {
    for signal in ["consumer-added", "consumer-removed"] {
        let events = events.clone();
        sink.connect(signal, false, move |args| {
            let sink = args[0].get::<BaseWebRTCSink>().ok()?;
            let sessions = sink.emit_by_name::<Vec<String>>("get-sessions", &[]);
            let _ = events.send(OutletEvent::Viewers(sessions));
            None
        });
    }
}

/// Remembers every session's peer without keeping it alive.
pub(super) fn remember_peers(sink: &BaseWebRTCSink) -> Peers {
    let peers = Peers::default();
    let remembered = peers.clone();
    sink.connect("consumer-added", false, move |args| {
        let peer = args[2].get::<gst::Element>().ok()?;
        let mut peers = remembered.lock().expect("no holder of this lock should panic");
        peers.retain(|peer| peer.upgrade().is_some());
        peers.push(peer.downgrade());
        None
    });
    peers
}

/// Lets go of `kept` once the peers are gone, which webrtcsink ends on threads of its own.
///
/// Its handlers on each peer are bound to the sink. Where both go at the same time on two
/// threads, `GObject` looks for a handler that is not there any more, and aborts the program.
pub(super) fn outlive(peers: &Peers, kept: impl Send) {
    let is_alive = |peer: &glib::WeakRef<gst::Element>| peer.upgrade().is_some();
    for _ in 0..PEERS_MAY_TAKE.as_millis() / PEERS_CHECKED_EVERY.as_millis() {
        if !peers.lock().expect("no holder of this lock should panic").iter().any(is_alive) {
            break;
        }
        std::thread::sleep(PEERS_CHECKED_EVERY);
    }
    // A peer counts as gone before its handlers and the elements in it are.
    std::thread::sleep(PEERS_SETTLE_IN);
    drop(kept);
}
