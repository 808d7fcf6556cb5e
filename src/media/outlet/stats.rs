//! What webrtcbin counts for each session.
//!
//! webrtcsink asks each webrtcbin itself, ten times a second, and offers the answers as a property, but
//! puts the transport's feedback in their place whenever some comes (0.15.4). So they are asked here, and
//! webrtcsink is not answered: that would be a tenth of what a viewer costs.

mod read;

use std::{
    cell::Cell,
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use gst::{glib, prelude::*};

use self::read::read;
use crate::stats::{CandidatePair, StreamSample, TransportFeedback};

/// The signal by which a webrtcbin is asked.
const ASK: &str = "get-stats";

thread_local! {
    /// This thread is asking: not webrtcsink.
    static IS_ASKING: Cell<bool> = const { Cell::new(false) };
}

/// What is known of one session. Counters; rates are made elsewhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionStats {
    /// The picture's stream.
    pub picture: Option<StreamSample>,
    /// The sound's.
    pub sound: Option<StreamSample>,
    /// The way that packets take.
    pub candidate_pair: Option<CandidatePair>,
    /// What the viewer tells of every packet.
    pub feedback: Option<TransportFeedback>,
}

/// Counts for each session of an outlet; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct SessionCounters(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    sessions: Mutex<HashMap<String, Session>>,
    /// Somebody asks; whoever comes meanwhile need not.
    is_asking: AtomicBool,
}

#[derive(Debug, Default)]
struct Session {
    peer: glib::WeakRef<gst::Element>,
    /// What sends lost packets again.
    retransmitters: Vec<glib::WeakRef<gst::Element>>,
    latest: Arc<Mutex<Option<SessionStats>>>,
}

impl SessionCounters {
    /// This is a session's peer, which counts.
    pub(super) fn set_peer(&self, session: &str, peer: &gst::Element) {
        answer_nobody_else(peer);
        self.sessions().entry(session.to_owned()).or_default().peer = peer.downgrade();
    }

    /// This element of a session sends lost packets again.
    pub(super) fn add_retransmitter(&self, session: &str, element: &gst::Element) {
        self.sessions().entry(session.to_owned()).or_default().retransmitters.push(element.downgrade());
    }

    /// Forgets a session that ended.
    pub(super) fn remove(&self, session: &str) {
        self.sessions().remove(session);
    }

    /// Asks every session to count; [`Self::latest`] has the answers some milliseconds later. It
    /// waits while a session is being negotiated, so it is not for threads that must not wait.
    pub fn ask(&self) {
        if self.0.is_asking.swap(true, Ordering::Acquire) {
            return;
        }
        let asked: Vec<_> = self
            .sessions()
            .values()
            .filter_map(|session| {
                let retransmitters = session.retransmitters.iter().filter_map(glib::WeakRef::upgrade).collect();
                Some((session.peer.upgrade()?, retransmitters, session.latest.clone()))
            })
            .collect();
        for (peer, retransmitters, latest) in asked {
            ask(&peer, retransmitters, latest);
        }
        self.0.is_asking.store(false, Ordering::Release);
    }

    /// The sessions that there are now.
    pub fn sessions_now(&self) -> Vec<String> {
        self.sessions().keys().cloned().collect()
    }

    /// What a session answered last; `None` before that.
    pub fn latest(&self, session: &str) -> Option<SessionStats> {
        let latest = self.sessions().get(session)?.latest.clone();
        let latest = latest.lock().expect("no holder of this lock should panic");
        latest.clone()
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.sessions.lock().expect("no holder of this lock should panic")
    }
}

fn ask(peer: &gst::Element, retransmitters: Vec<gst::Element>, latest: Arc<Mutex<Option<SessionStats>>>) {
    let promise = gst::Promise::with_change_func(move |reply| {
        let Ok(Some(answer)) = reply else { return };
        let mut stats = read(answer);
        if let Some(picture) = &mut stats.picture
            && !retransmitters.is_empty()
        {
            let sent = retransmitters.iter().map(|element| u64::from(element.property::<u32>("num-rtx-packets")));
            picture.outbound.retransmitted_packets_sent = Some(sent.sum());
        }
        *latest.lock().expect("no holder of this lock should panic") = Some(stats);
    });
    IS_ASKING.set(true);
    peer.emit_by_name::<()>(ASK, &[&None::<gst::Pad>, &promise]);
    IS_ASKING.set(false);
}

/// Keeps the question from webrtcbin, which would collect all its figures in vain.
fn answer_nobody_else(peer: &gst::Element) {
    peer.connect(ASK, false, |args| {
        if IS_ASKING.get() {
            return None;
        }
        args[0].get::<gst::Element>().ok()?.stop_signal_emission_by_name(ASK);
        args[2].get::<gst::Promise>().ok()?.reply(None);
        None
    });
}
