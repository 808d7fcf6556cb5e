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
use tokio::sync::mpsc::UnboundedSender;

use self::read::read;
use super::{OutletEvent, negotiation::Negotiation};
use crate::stats::{CandidatePair, IceMeans, IceReport, SessionSetUp, StreamSample, TransportFeedback};

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
    /// How long the steps of its connection took.
    pub set_up: SessionSetUp,
    /// Which ways to it were tried.
    pub ice: IceReport,
}

/// Counts for each session of an outlet; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct SessionCounters(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    sessions: Mutex<HashMap<String, Session>>,
    means: IceMeans,
    /// Somebody asks; whoever comes meanwhile need not.
    is_asking: AtomicBool,
}

#[derive(Debug, Default)]
struct Session {
    peer: glib::WeakRef<gst::Element>,
    /// What sends lost packets again.
    retransmitters: Vec<glib::WeakRef<gst::Element>>,
    latest: Arc<Mutex<Option<SessionStats>>>,
    negotiation: Negotiation,
}

impl SessionCounters {
    /// Counts for sessions that may use these means.
    pub(super) fn new(means: IceMeans) -> Self {
        Self(Arc::new(Inner { means, ..Inner::default() }))
    }

    /// This is a session's peer, which counts.
    pub(super) fn set_peer(&self, session: &str, peer: &gst::Element, events: &UnboundedSender<OutletEvent>) {
        answer_nobody_else(peer);
        let (name, events, means) = (session.to_owned(), events.clone(), self.0.means);
        self.negotiation(session).follow(peer, move |seen| {
            let (set_up, ice) = (seen.set_up(), Box::new(seen.report(means)));
            let _ = events.send(OutletEvent::Unreached { session: name.clone(), set_up, ice });
        });
        self.sessions().entry(session.to_owned()).or_default().peer = peer.downgrade();
    }

    /// How a session comes about.
    pub(super) fn negotiation(&self, session: &str) -> Negotiation {
        self.sessions().entry(session.to_owned()).or_default().negotiation.clone()
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

    /// What a session answered last, and how it comes about; `None` where there is no such session.
    pub fn latest(&self, session: &str) -> Option<SessionStats> {
        let (latest, negotiation) = {
            let sessions = self.sessions();
            let session = sessions.get(session)?;
            (session.latest.clone(), session.negotiation.clone())
        };
        let answered = latest.lock().expect("no holder of this lock should panic").clone().unwrap_or_default();
        let ice = IceReport { chosen: answered.candidate_pair.clone(), ..negotiation.report(self.0.means) };
        Some(SessionStats { set_up: negotiation.set_up(), ice, ..answered })
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
