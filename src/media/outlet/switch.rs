//! Moves a viewer between renditions inside its session.
//!
//! webrtcsink feeds every session with what comes into the outlet, the base. To show one viewer
//! another rendition, that is linked to the session's own `appsrc` beside the base. Of the two only
//! one passes behind it: the old one until a key frame of the new one comes, and then the new one.

#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use gst::prelude::*;
use gst_utils::{ConsumptionLink, StreamProducer};
use gst_video::ForceKeyUnitEvent;

use super::{WAITING_FRAMES, WAITING_TIME};
use crate::{
    config::RenditionRole,
    media::{
        EncodedStream,
        element::consumer_settings,
        key_frames::{RequestGate, is_urgent, request_key_frame},
        rendition_mark::Origin,
    },
};

/// What tells that a viewer now sees this rendition.
pub(super) type Tell = Box<dyn Fn(RenditionRole) + Send + Sync>;

/// What is sent to a viewer who joins in one go, in bytes: a whole GOP would be lost on the way.
pub(super) const BIT_OF_GOP: usize = 16_000;

/// What is left to do for a viewer who joins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Left {
    /// More was kept for it than this, in bytes, that was sent in one go.
    More(usize),
    /// It has all that was kept.
    Live,
    /// It sees something already, or cannot.
    Nothing,
}

/// How far a viewer who joins has come with what was kept for it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The GOP it was sent of.
    beginning: Option<gst::ClockTime>,
    /// Frames of it.
    sent: usize,
}

/// What comes into the outlet, shared with its sessions: they ask it for key frames, and begin with
/// what was kept of it.
pub(super) type Base = Arc<Mutex<Option<EncodedStream>>>;

/// A frame that would go back in time is moved behind the last by this: receivers take frames of
/// the same time for one frame.
const STEP: gst::ClockTime = gst::ClockTime::from_mseconds(1);

/// One viewer's choice of rendition; in front of webrtcsink, that of all who are shown the base.
pub(super) struct Switch {
    source: gst_app::AppSrc,
    base: Base,
    tell: Tell,
    state: Mutex<State>,
}

struct State {
    /// Nothing passes: the viewer is not connected. What came before would pile up in its session until
    /// then, and be lost in one burst.
    is_held: bool,
    /// What passes; until the first key frame, nothing.
    shown: Option<Origin>,
    /// Where the viewer goes at the next key frame from there.
    wanted: Option<Wanted>,
    /// Renditions that are linked beside the base: the one that is shown, and the one to come.
    links: Vec<(RenditionRole, ConsumptionLink)>,
    /// The caps that came last, from either.
    arrived: Option<gst::Event>,
    /// The caps that went on last.
    sent: Option<gst::Event>,
    /// The time of the last frame that passed.
    last: Option<gst::ClockTime>,
    /// The rendition of that frame, and the time it had there.
    origin_of_last: Option<(RenditionRole, gst::ClockTime)>,
    requests: RequestGate,
}

/// Where a viewer is going.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wanted {
    /// To what comes into the outlet.
    Base,
    /// To the rendition that is linked beside it.
    Linked(RenditionRole),
}

impl std::fmt::Debug for Switch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Switch").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Switch {
    /// Puts a switch behind an `appsrc`. Requests for key frames go up through it at most once in `spacing`.
    pub(super) fn install(source: &gst_app::AppSrc, base: Base, spacing: Duration, tell: Tell) -> Arc<Self> {
        let state = Mutex::new(State {
            is_held: false,
            shown: None,
            wanted: None,
            links: Vec::new(),
            arrived: None,
            sent: None,
            last: None,
            origin_of_last: None,
            requests: RequestGate::new(spacing),
        });
        let switch = Arc::new(Self { source: source.clone(), base, tell, state });
        let pad = source.static_pad("src").expect("an appsrc should have a src pad");
        // Weak: the pad belongs to the `appsrc`, which the switch holds.
        let probe = |mask, act: fn(&Self, &gst::Pad, &mut gst::PadProbeInfo) -> gst::PadProbeReturn| {
            let switch = Arc::downgrade(&switch);
            pad.add_probe(mask, move |pad, info| {
                switch.upgrade().map_or(gst::PadProbeReturn::Ok, |switch| act(&switch, pad, info))
            });
        };
        probe(gst::PadProbeType::EVENT_DOWNSTREAM, Self::hold_caps);
        probe(gst::PadProbeType::EVENT_UPSTREAM, Self::take_request);
        probe(gst::PadProbeType::BUFFER, Self::pass);
        switch
    }

    /// Lets nothing pass until the viewer joins.
    pub(super) fn hold(&self) {
        self.lock().is_held = true;
    }

    /// Shows this rendition from its next key frame on; another encoder of the one that is shown
    /// already, at once.
    pub(super) fn show(&self, stream: &EncodedStream) {
        let (role, rendition) = (stream.role(), stream.producer());
        let mut state = self.lock();
        let is_shown = state.shown.is_some_and(|shown| !shown.through_outlet && shown.role == role);
        state.wanted = (!is_shown).then_some(Wanted::Linked(role));
        let present = state.links.iter().position(|(linked, _)| *linked == role);
        if present.is_some_and(|at| state.links[at].1.stream_producer() == Some(rendition)) {
            return;
        }
        let before = present.map(|at| state.links.swap_remove(at));
        drop(state);
        drop(before);
        match rendition.add_consumer_with(&self.source, consumer_settings(WAITING_FRAMES, WAITING_TIME)) {
            Ok(link) => {
                // The first frame is a key frame; what follows a gap in front of an encoder needs none: see `hide_gaps`.
                link.set_wait_for_keyframe(false);
                self.lock().links.push((role, link));
            }
            Err(error) => tracing::warn!("A viewer cannot be shown another rendition: {error}"),
        }
    }

    /// Sends a viewer who joins the next bit of what was kept of this stream; what is left to do then.
    pub(super) fn catch_up(&self, stream: &EncodedStream, progress: &mut Progress) -> Left {
        let Some((beginning, units)) = stream.replay() else { return Left::Nothing };
        if progress.beginning != Some(beginning) {
            if progress.beginning.is_none() && !self.begin_join(stream.role()) {
                return Left::Nothing;
            }
            *progress = Progress { beginning: Some(beginning), sent: 0 };
        }
        let mut bytes = 0;
        for unit in units.iter().skip(progress.sent) {
            if bytes >= BIT_OF_GOP {
                return Left::More(bytes);
            }
            bytes += unit.buffer().map_or(0, gst::BufferRef::size);
            if self.source.push_sample(unit).is_err() {
                return Left::Nothing;
            }
            progress.sent += 1;
        }
        Left::Live
    }

    /// Sends a viewer who has caught up what came since, and then whatever comes, until the base has
    /// a key frame. To be called by the thread that brings the stream, before a frame.
    pub(super) fn join(&self, stream: &EncodedStream, progress: &mut Progress) {
        loop {
            match self.catch_up(stream, progress) {
                Left::More(_) => {}
                Left::Nothing => return self.wait_for_key_frame(),
                Left::Live => return self.end_join(stream),
            }
        }
    }

    /// Nothing is kept for a viewer who joins, or no more: it goes on with a key frame, which is asked for.
    pub(super) fn wait_for_key_frame(&self) {
        let mut state = self.lock();
        state.is_held = false;
        let linked = state.links.last().and_then(|(_, link)| link.stream_producer().cloned());
        drop(state);
        match linked {
            Some(producer) => request_from(&producer),
            None => self.request_from_base(),
        }
    }

    /// False where the viewer is not to see what comes into the outlet.
    fn begin_join(&self, role: RenditionRole) -> bool {
        let mut state = self.lock();
        if !state.is_held || state.wanted.is_some() {
            return false;
        }
        state.is_held = false;
        state.shown = Some(Origin { role, through_outlet: false });
        state.wanted = Some(Wanted::Base);
        StreamProducer::configure_consumer_with(&self.source, consumer_settings(0, WAITING_TIME));
        true
    }

    /// All that was kept is sent: what comes now follows it. A key frame of the base may have come
    /// meanwhile, with which the viewer went on.
    fn end_join(&self, stream: &EncodedStream) {
        if self.lock().wanted != Some(Wanted::Base) {
            return;
        }
        let mut link =
            ConsumptionLink::disconnected_with(self.source.clone(), consumer_settings(WAITING_FRAMES, WAITING_TIME));
        link.set_wait_for_keyframe(false);
        match link.change_producer(stream.producer(), false) {
            Ok(()) => self.lock().links.push((stream.role(), link)),
            Err(error) => tracing::warn!("A viewer who joined has to wait for a key frame: {error}"),
        }
    }

    /// Shows what comes into the outlet from its next key frame on.
    pub(super) fn show_base(&self) {
        let mut state = self.lock();
        if state.wanted.is_none() && state.shown.is_none_or(|shown| shown.through_outlet) {
            return;
        }
        state.wanted = Some(Wanted::Base);
        drop(state);
        self.request_from_base();
    }

    /// Lets go of what is linked: the session ended.
    pub(super) fn unlink(&self) {
        let links = std::mem::take(&mut self.lock().links);
        drop(links);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock should panic")
    }

    /// Caps come from both renditions in turn; those of the one that is shown go on with its frames.
    fn hold_caps(&self, _: &gst::Pad, info: &mut gst::PadProbeInfo) -> gst::PadProbeReturn {
        let Some(event) = info.event().filter(|event| event.type_() == gst::EventType::Caps) else {
            return gst::PadProbeReturn::Ok;
        };
        let event = event.to_owned();
        let mut state = self.lock();
        if state.sent.as_ref().is_none_or(|sent| sent.seqnum() == event.seqnum()) {
            state.sent = Some(event);
            return gst::PadProbeReturn::Ok;
        }
        state.arrived = Some(event);
        // Not dropped: what is dropped of these comes again with every frame.
        gst::PadProbeReturn::Handled
    }

    /// A viewer's request goes to the rendition it sees, not too often.
    fn take_request(&self, _: &gst::Pad, info: &mut gst::PadProbeInfo) -> gst::PadProbeReturn {
        let Some(event) = info.event().filter(|event| ForceKeyUnitEvent::is(event)) else {
            return gst::PadProbeReturn::Ok;
        };
        let mut state = self.lock();
        let now = Instant::now();
        let passes = if is_urgent(event) { state.requests.ask_urgently(now) } else { state.requests.ask(now) };
        drop(state);
        if passes {
            self.request();
        }
        gst::PadProbeReturn::Handled
    }

    fn request(&self) {
        let linked = {
            let state = self.lock();
            let linked = state.shown.filter(|shown| !shown.through_outlet).map(|shown| shown.role);
            let link = state.links.iter().find(|(role, _)| Some(*role) == linked);
            link.and_then(|(_, link)| link.stream_producer().cloned())
        };
        match linked {
            Some(producer) => request_from(&producer),
            None => self.request_from_base(),
        }
    }

    fn request_from_base(&self) {
        let base = self.base.lock().expect("no holder of this lock should panic").clone();
        if let Some(base) = base {
            request_from(base.producer());
        }
    }

    fn pass(&self, pad: &gst::Pad, info: &mut gst::PadProbeInfo) -> gst::PadProbeReturn {
        let Some(buffer) = info.buffer_mut() else { return gst::PadProbeReturn::Ok };
        // What is not marked was not made by Heliograph; nothing of that kind is known.
        let Some(origin) = Origin::of(buffer) else { return gst::PadProbeReturn::Ok };
        let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let mut state = self.lock();
        if state.is_held {
            return gst::PadProbeReturn::Drop;
        }
        let arrival = state.arrive(origin, is_key);
        if let Some(role) = arrival.moved_to {
            (self.tell)(role);
        }
        if !arrival.passes || !state.keep_time(buffer, origin.role) {
            drop(state);
            end_aside(arrival.unlinked);
            return gst::PadProbeReturn::Drop;
        }
        let caps = state.caps_to_send();
        let is_due = is_key || state.requests.is_due(Instant::now());
        if is_key {
            state.requests.satisfy();
        }
        drop(state);
        end_aside(arrival.unlinked);
        if let Some(caps) = caps {
            pad.push_event(caps);
        }
        if is_due && !is_key {
            self.request();
        }
        gst::PadProbeReturn::Ok
    }
}

/// What a frame's arrival means.
#[derive(Default)]
struct Arrival {
    passes: bool,
    /// The viewer sees this rendition from here on.
    moved_to: Option<RenditionRole>,
    /// What need not be linked any more.
    unlinked: Vec<ConsumptionLink>,
}

impl State {
    fn arrive(&mut self, origin: Origin, is_key: bool) -> Arrival {
        let mut arrival = Arrival::default();
        let before = self.shown;
        if is_key && self.is_wanted(origin) {
            self.wanted = None;
            self.shown = Some(origin);
            arrival.unlinked = self.take_links_but(origin);
        }
        // The base may change its rendition, which it does at a key frame.
        let follows = |shown: Origin| shown.through_outlet && origin.through_outlet;
        if self.shown.map_or(is_key, follows) {
            self.shown = Some(origin);
        }
        arrival.passes = self.shown == Some(origin);
        if arrival.passes && before.map(|before| before.role) != Some(origin.role) {
            arrival.moved_to = Some(origin.role);
        }
        arrival
    }

    /// The links that are of no use once this is shown.
    fn take_links_but(&mut self, shown: Origin) -> Vec<ConsumptionLink> {
        let is_needed = |role: RenditionRole| !shown.through_outlet && role == shown.role;
        self.links.extract_if(.., |(role, _)| !is_needed(*role)).map(|(_, link)| link).collect()
    }

    fn is_wanted(&self, origin: Origin) -> bool {
        match self.wanted {
            Some(Wanted::Base) => origin.through_outlet,
            Some(Wanted::Linked(role)) => !origin.through_outlet && origin.role == role,
            None => false,
        }
    }

    /// Keeps the times of what passes going forward; false for a frame that has passed already, when a
    /// rendition comes by another way.
    fn keep_time(&mut self, buffer: &mut gst::Buffer, role: RenditionRole) -> bool {
        let Some(time) = buffer.pts() else { return true };
        if self.origin_of_last.is_some_and(|(last_role, last)| last_role == role && time <= last) {
            return false;
        }
        self.origin_of_last = Some((role, time));
        let passed = self.last.filter(|last| time <= *last).map_or(time, |last| last + STEP);
        if passed != time {
            let buffer = buffer.make_mut();
            buffer.set_pts(passed);
            buffer.set_dts(gst::ClockTime::NONE);
        }
        self.last = Some(passed);
        true
    }

    /// The caps of what passes now, where they are not the last that went on.
    ///
    /// Of two renditions that come in turn, each frame comes right behind its own caps.
    fn caps_to_send(&mut self) -> Option<gst::Event> {
        let arrived = self.arrived.as_ref()?;
        if self.sent.as_ref().is_some_and(|sent| caps_of(sent) == caps_of(arrived)) {
            return None;
        }
        self.sent = Some(arrived.clone());
        self.sent.clone()
    }
}

fn caps_of(event: &gst::Event) -> Option<&gst::CapsRef> {
    match event.view() {
        gst::EventView::Caps(caps) => Some(caps.caps()),
        _ => None,
    }
}

fn request_from(producer: &StreamProducer) {
    request_key_frame(&producer.appsink().static_pad("sink").expect("an appsink should have a sink pad"));
}

/// Ends links on another thread: this one may be on its way through them.
fn end_aside(links: Vec<ConsumptionLink>) {
    if !links.is_empty() {
        std::thread::spawn(move || drop(links));
    }
}
