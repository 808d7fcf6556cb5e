//! A look into the pipeline that webrtcsink makes for each viewer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, Weak},
    time::{Duration, Instant},
};

use gst::prelude::*;
use gst_webrtc::WebRTCPeerConnectionState;
use gstrswebrtc::webrtcsink::BaseWebRTCSink;
use tokio::sync::mpsc::UnboundedSender;

use super::{
    OutletEvent,
    estimator::let_packets_pass,
    feedback::{Feedback, is_report},
    picture_clock::clock_packets,
    properties::Properties,
    reports::report_often,
    retransmission::{Floor, keep_by_time},
    shortcut::{is_payloader, past_menders, past_parser},
    stats::SessionCounters,
    switch::{BIT_OF_GOP, Base, Left, Progress, Switch},
};
use crate::media::{EncodedStream, FeedClock, key_frames::BETWEEN_ONE_VIEWERS};

/// Pause between two bits of a GOP, which makes some 13 Mbit/s with what is sent in one go.
const BETWEEN_BITS: Duration = Duration::from_millis(10);
/// That a way is free is told this often and no more: each time wakes whoever decides. What waits on it
/// for longer than this many seconds is told at once, and so is any loss.
const FREE_TOLD_EVERY: Duration = Duration::from_millis(200);
const FREE_QUEUE: f64 = 0.015;
/// What webrtcsink calls a session's pipeline, before the session.
const SESSION_PIPELINE: &str = "session-pipeline-";
/// How often it is looked whether a viewer is connected, and how long it may take to join.
const CONNECTED_CHECKED_EVERY: Duration = Duration::from_millis(2);
const JOIN_WITHIN: Duration = Duration::from_secs(10);

/// The viewers' switches, by session.
#[derive(Clone, Default)]
pub(super) struct Switches(Arc<Mutex<HashMap<String, Arc<Switch>>>>);

impl std::fmt::Debug for Switches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.lock().keys()).finish()
    }
}

impl Switches {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Switch>>> {
        self.0.lock().expect("no holder of this lock should panic")
    }

    /// That of one viewer; `None` before its stream begins, and once it is gone.
    pub(super) fn of(&self, session: &str) -> Option<Arc<Switch>> {
        self.lock().get(session).cloned()
    }

    /// Forgets a session that ended.
    pub(super) fn remove(&self, session: &str) {
        let switch = self.lock().remove(session);
        if let Some(switch) = switch {
            switch.unlink();
        }
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        let switches = std::mem::take(&mut *self.lock());
        for switch in switches.into_values() {
            switch.unlink();
        }
    }
}

/// What is put into a session and read from it.
#[derive(Clone)]
pub(super) struct Watch {
    pub(super) clock: FeedClock,
    pub(super) base: Base,
    pub(super) switches: Switches,
    pub(super) events: UnboundedSender<OutletEvent>,
    pub(super) properties: Properties,
    pub(super) counters: SessionCounters,
    pub(super) has_sound: bool,
}

/// The session of a peer: webrtcsink names its pipeline after it, and tells it nowhere else. What its
/// signals call the consumer is who watches, who may have several sessions.
pub(super) fn session_of(peer: &gst::Element) -> Option<String> {
    let mut object = peer.parent()?;
    loop {
        if let Some(session) = object.name().strip_prefix(SESSION_PIPELINE) {
            return Some(session.to_owned());
        }
        object = object.parent()?;
    }
}

/// Looks into each session's pipeline as webrtcsink builds it.
pub(super) fn watch_sessions(sink: &BaseWebRTCSink, watch: &Watch) {
    let (switches, counters) = (watch.switches.clone(), watch.counters.clone());
    sink.connect("consumer-removed", false, move |args| {
        let session = session_of(&args[2].get().ok()?)?;
        switches.remove(&session);
        counters.remove(&session);
        None
    });
    let watch = watch.clone();
    sink.connect("consumer-pipeline-created", false, move |args| {
        let pipeline = args[2].get::<gst::Pipeline>().ok()?;
        let session = pipeline.name().strip_prefix(SESSION_PIPELINE)?.to_owned();
        let (watch, floor) = (watch.clone(), Arc::default());
        pipeline.connect_deep_element_added(move |_, _, element| watch.element(&session, element, &floor));
        None
    });
}

impl Watch {
    fn element(&self, session: &str, element: &gst::Element, floor: &Arc<Floor>) {
        if element.name().starts_with("codec-parser-caps") {
            keep_parameter_sets_in_band(element);
        }
        report_often(element, self.has_sound);
        keep_by_time(element);
        // The operator's word is the last.
        self.properties.set_up_carrier(element);
        let Some(factory) = element.factory() else { return };
        if factory.name() == "webrtcbin" {
            self.counters.set_peer(session, element, &self.events);
        }
        if factory.name() == "rtpgccbwe" {
            let_packets_pass(element);
            self.tell_paths(session, element, floor);
        }
        if let Some(source) = element.downcast_ref::<gst_app::AppSrc>()
            && source.name().starts_with("video_")
        {
            self.install_switch(session, source, floor);
        }
        if factory.name() == "rtprtxsend" {
            floor.watch_retransmissions(element);
            self.counters.add_retransmitter(session, element);
        }
        if is_payloader(element)
            && let Some(pad) = element.static_pad("src")
        {
            floor.watch_payloader(&pad);
            clock_packets(&pad, session.to_owned(), self.clock.clone(), self.events.clone());
            self.counters.negotiation(session).follow_picture(&pad);
            // Behind all who look at packets here: they go on from it.
            past_menders(&pad);
        }
    }

    /// Reports of arrival end here: nobody beyond reads them, and each would be handed on through half of the
    /// session, and estimated by once more.
    fn tell_paths(&self, session: &str, estimator: &gst::Element, floor: &Arc<Floor>) {
        let (session, events, floor) = (session.to_owned(), self.events.clone(), floor.clone());
        let feedback = Mutex::new((Feedback::default(), None::<Instant>));
        let pad = estimator.static_pad("src").expect("rtpgccbwe should have a src pad");
        pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            let Some(event) = info.event().filter(|event| is_report(event)) else { return gst::PadProbeReturn::Ok };
            let mut feedback = feedback.lock().expect("no holder of this lock should panic");
            let (feedback, told_at) = &mut *feedback;
            if let Some(report) = feedback.take(event) {
                floor.learn(&report, feedback.trip());
                let is_free = report.queueing < FREE_QUEUE && report.loss <= 0.0;
                if !is_free || told_at.is_none_or(|at| at.elapsed() > FREE_TOLD_EVERY) {
                    *told_at = Some(Instant::now());
                    let _ = events.send(OutletEvent::Path { session: session.clone(), report });
                }
            }
            gst::PadProbeReturn::Drop
        });
    }

    fn install_switch(&self, session: &str, source: &gst_app::AppSrc, floor: &Arc<Floor>) {
        let (name, events, floor) = (session.to_owned(), self.events.clone(), floor.clone());
        let tell = move |rendition| {
            floor.raise();
            let _ = events.send(OutletEvent::Shown { session: name.clone(), rendition });
        };
        let switch = Switch::install(source, self.base.clone(), BETWEEN_ONE_VIEWERS, Box::new(tell));
        switch.hold();
        past_parser(&source.static_pad("src").expect("an appsrc should have a src pad"));
        let (source, joining, base) = (source.clone(), Arc::downgrade(&switch), self.base.clone());
        std::thread::spawn(move || join(&source, &joining, &base));
        self.switches.lock().insert(session.to_owned(), switch);
    }
}

/// Has a viewer begin with what was kept of the stream, as soon as it is connected: the next key frame
/// may be far, and what came before would not have reached it.
fn join(source: &gst_app::AppSrc, switch: &Weak<Switch>, base: &Base) {
    let began = Instant::now();
    while !is_connected(source) && began.elapsed() < JOIN_WITHIN && switch.strong_count() > 0 {
        std::thread::sleep(CONNECTED_CHECKED_EVERY);
    }
    let stream = base.lock().expect("no holder of this lock should panic").clone();
    match stream.and_then(|stream| Some((catch_up(switch, &stream, began + JOIN_WITHIN)?, stream))) {
        Some((mut progress, stream)) => {
            let switch = switch.clone();
            stream.before_each_frame(move |stream| {
                if let Some(switch) = switch.upgrade() {
                    switch.join(stream, &mut progress);
                }
                false
            });
        }
        None => {
            if let Some(switch) = switch.upgrade() {
                switch.wait_for_key_frame();
            }
        }
    }
}

/// Sends the kept GOP bit by bit; `None` where there is none, or none any more, or where more comes
/// than is sent.
fn catch_up(switch: &Weak<Switch>, stream: &EncodedStream, end: Instant) -> Option<Progress> {
    let mut progress = Progress::default();
    while Instant::now() < end {
        match switch.upgrade()?.catch_up(stream, &mut progress) {
            // A key frame goes in one go, however large: what follows waits for as long as all of it needs.
            Left::More(bytes) => std::thread::sleep(BETWEEN_BITS.mul_f64(bytes as f64 / BIT_OF_GOP as f64)),
            Left::Live => return Some(progress),
            Left::Nothing => return None,
        }
    }
    None
}

/// Whether webrtcsink has put the session together, for frames that come before that end it; and
/// whether the viewer is connected, for they would wait until then and be lost in one burst.
fn is_connected(source: &gst_app::AppSrc) -> bool {
    let mut element = source.clone().upcast::<gst::Element>();
    loop {
        let Some(peer) = element.static_pad("src").and_then(|pad| pad.peer()) else { return false };
        match peer.parent_element() {
            Some(next) if next.factory().is_some_and(|factory| factory.name() == "webrtcbin") => {
                let state = next.property::<WebRTCPeerConnectionState>("connection-state");
                return state == WebRTCPeerConnectionState::Connected;
            }
            Some(next) => element = next,
            None => return false,
        }
    }
}

/// webrtcsink has H.264 parsed into the form with the parameter sets apart, in the caps, and its
/// parser does not renew these when another encoder of the same size takes over: viewers would
/// decode the new stream by the old sets, which is to say not at all.
fn keep_parameter_sets_in_band(filter: &gst::Element) {
    let caps = filter.property::<gst::Caps>("caps");
    if caps.structure(0).is_some_and(|fields| fields.name() == "video/x-h264") {
        let in_band = gst::Caps::builder("video/x-h264").field("stream-format", "byte-stream").field("alignment", "au");
        filter.set_property("caps", in_band.build());
    }
}
