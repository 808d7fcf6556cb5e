//! How a session comes about: when each step was done, and what both sides have named.
//!
//! Read from what webrtcbin tells anyway, on its own threads: nothing here waits or asks.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use gst::prelude::*;
use gst_webrtc::{
    WebRTCICEConnectionState, WebRTCICEGatheringState, WebRTCPeerConnectionState, WebRTCSessionDescription,
    WebRTCSignalingState,
};

use super::picture_clock::is_sound;
use crate::stats::{Candidate, Flow, IceMeans, IceReport, IceState, SessionSetUp, TurnNamed};

/// Nobody has more addresses; the far side chooses what it names.
const MOST_CANDIDATES: usize = 32;

/// What is known of a session's beginning; clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Negotiation(Arc<Mutex<Seen>>);

#[derive(Debug)]
struct Seen {
    began: Instant,
    gathering: Option<Instant>,
    gathered: Option<Instant>,
    answered: Option<Instant>,
    ice_connected: Option<Instant>,
    connected: Option<Instant>,
    first_frame: Option<Instant>,
    flow: Flow,
    state: IceState,
    /// It was told of a TURN server, whoever named that.
    has_turn: bool,
    local: Arc<Vec<Candidate>>,
    remote: Arc<Vec<Candidate>>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            gathering: None,
            gathered: None,
            answered: None,
            ice_connected: None,
            connected: None,
            first_frame: None,
            flow: Flow::Never,
            state: IceState::New,
            has_turn: false,
            local: Arc::default(),
            remote: Arc::default(),
        }
    }
}

impl Negotiation {
    /// Follows what this webrtcbin tells. `give_up` is called where no way was ever found: webrtcsink ends the
    /// session then.
    pub(super) fn follow(&self, peer: &gst::Element, give_up: impl Fn(&Self) + Send + Sync + 'static) {
        self.on_notify(peer, "ice-gathering-state", Seen::gathering_changed);
        let seen = self.clone();
        peer.connect_notify(Some("ice-connection-state"), move |peer, _| {
            seen.lock().ice_changed(peer);
            if seen.has_failed() {
                give_up(&seen);
            }
        });
        self.on_notify(peer, "connection-state", Seen::connection_changed);
        let seen = self.clone();
        peer.connect("add-turn-server", false, move |_| {
            seen.lock().has_turn = true;
            // webrtcbin's own answer is the last, and counts.
            Some(true.to_value())
        });
        self.on_notify(peer, "signaling-state", Seen::signalling_changed);
        let seen = self.clone();
        peer.connect("on-ice-candidate", false, move |args| {
            seen.lock().name(true, args[2].get::<&str>().ok()?);
            None
        });
        let seen = self.clone();
        peer.connect("add-ice-candidate", false, move |args| {
            // Empty: the far side has named all.
            seen.lock().name(false, args[2].get::<Option<&str>>().ok()??);
            None
        });
    }

    fn has_failed(&self) -> bool {
        let seen = self.lock();
        seen.state == IceState::Failed && seen.connected.is_none()
    }

    fn on_notify(&self, peer: &gst::Element, property: &str, take: fn(&mut Seen, &gst::Element)) {
        let seen = self.clone();
        peer.connect_notify(Some(property), move |peer, _| take(&mut seen.lock(), peer));
    }

    /// Notes the first packet of the picture that leaves after the viewer is connected: its stream begins
    /// with a key frame then.
    pub(super) fn follow_picture(&self, pad: &gst::Pad) {
        let seen = self.clone();
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |pad, _| {
            if is_sound(pad) {
                return gst::PadProbeReturn::Remove;
            }
            let mut seen = seen.lock();
            if seen.connected.is_none() {
                return gst::PadProbeReturn::Ok;
            }
            seen.first_frame.get_or_insert_with(Instant::now);
            gst::PadProbeReturn::Remove
        });
    }

    /// How long the steps took.
    pub(super) fn set_up(&self) -> SessionSetUp {
        let seen = self.lock();
        let took =
            |from: Option<Instant>, to: Option<Instant>| Some(to?.saturating_duration_since(from?).as_secs_f64());
        SessionSetUp {
            signalling: took(Some(seen.began), seen.answered),
            ice_gathering: took(seen.gathering, seen.gathered),
            ice_connected: took(seen.answered, seen.ice_connected),
            dtls: took(seen.ice_connected, seen.connected),
            first_frame: took(seen.connected, seen.first_frame),
        }
    }

    /// What is known of the ways to the viewer, but for which is in use; `means` is what all sessions may use.
    pub(super) fn report(&self, mut means: IceMeans) -> IceReport {
        let seen = self.lock();
        if seen.has_turn && means.turn == TurnNamed::Not {
            means.turn = TurnNamed::There;
        }
        IceReport {
            age: seen.began.elapsed().as_secs_f64(),
            state: seen.state,
            means,
            has_answer: seen.answered.is_some(),
            flow: seen.flow,
            local: seen.local.clone(),
            remote: seen.remote.clone(),
            chosen: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().expect("no holder of this lock should panic")
    }
}

impl Seen {
    fn gathering_changed(&mut self, peer: &gst::Element) {
        let now = Instant::now();
        match peer.property::<WebRTCICEGatheringState>("ice-gathering-state") {
            WebRTCICEGatheringState::Gathering => drop(self.gathering.get_or_insert(now)),
            WebRTCICEGatheringState::Complete => {
                self.gathering.get_or_insert(now);
                self.gathered.get_or_insert(now);
            }
            _ => {}
        }
    }

    fn ice_changed(&mut self, peer: &gst::Element) {
        self.state = match peer.property::<WebRTCICEConnectionState>("ice-connection-state") {
            WebRTCICEConnectionState::Checking => IceState::Checking,
            WebRTCICEConnectionState::Connected | WebRTCICEConnectionState::Completed => {
                self.ice_connected.get_or_insert_with(Instant::now);
                IceState::Connected
            }
            WebRTCICEConnectionState::Disconnected => IceState::Disconnected,
            WebRTCICEConnectionState::Failed => IceState::Failed,
            _ => self.state,
        };
    }

    fn connection_changed(&mut self, peer: &gst::Element) {
        let state = peer.property::<WebRTCPeerConnectionState>("connection-state");
        if state == WebRTCPeerConnectionState::Connected {
            self.connected.get_or_insert_with(Instant::now);
            self.flow = Flow::Now;
        } else if self.flow == Flow::Now {
            self.flow = Flow::Before;
        }
    }

    /// Once both descriptions are there, the far side's holds what it has named so far.
    fn signalling_changed(&mut self, peer: &gst::Element) {
        let is_stable = peer.property::<WebRTCSignalingState>("signaling-state") == WebRTCSignalingState::Stable;
        let description = peer.property::<Option<WebRTCSessionDescription>>("remote-description");
        let Some(description) = description.filter(|_| is_stable) else { return };
        self.answered.get_or_insert_with(Instant::now);
        for line in description.sdp().as_text().unwrap_or_default().lines() {
            self.name(false, line);
        }
    }

    fn name(&mut self, is_local: bool, line: &str) {
        let list = if is_local { &mut self.local } else { &mut self.remote };
        if let Some(candidate) = Candidate::from_line(line)
            && list.len() < MOST_CANDIDATES
            && !list.contains(&candidate)
        {
            Arc::make_mut(list).push(candidate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_server_that_a_session_alone_was_told_of_counts() {
        crate::media::init().unwrap();
        let peer = gst::ElementFactory::make("webrtcbin").build().unwrap();
        let negotiation = Negotiation::default();
        negotiation.follow(&peer, |_| {});
        let turn = |named| negotiation.report(IceMeans { turn: named, relay_only: false }).means.turn;
        assert_eq!((turn(TurnNamed::Not), turn(TurnNamed::Here)), (TurnNamed::Not, TurnNamed::Here));
        let add = |server: &str| peer.emit_by_name::<bool>("add-turn-server", &[&server]);
        assert!(add("turn://me:planted@127.0.0.1:9"));
        assert!(!add("nonsense"), "what webrtcbin answers is not changed");
        assert_eq!((turn(TurnNamed::Not), turn(TurnNamed::Here)), (TurnNamed::There, TurnNamed::Here));
    }
}
