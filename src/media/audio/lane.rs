//! Where all sources of sound meet: packets in, an unbroken stream out.

use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use super::{
    AudioFault,
    opus::{self, PACKET, SILENCE},
    timeline::Timeline,
};
use crate::media::{FeedClock, element::producer_sink};

/// How long sound is waited for before its absence is told.
const GRACE: gst::ClockTime = gst::ClockTime::from_mseconds(2500);

/// What is heard of a feed.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "audio", rename_all = "lowercase")]
pub enum AudioState {
    /// Nothing, as the operator wishes, or nothing yet.
    #[default]
    Off,
    /// Sound comes.
    Live,
    /// Sound should come and does not.
    Missing {
        /// What is wrong and what to do.
        sentence: String,
    },
}

/// Why sound is missing; asked with whether any came before.
type Explain = Box<dyn Fn(bool) -> AudioFault + Send + Sync>;

/// What is expected of the present source.
struct Expected {
    since: gst::ClockTime,
    explain: Explain,
}

struct State {
    timeline: Timeline,
    expected: Option<Expected>,
    /// When the last packet came from the present source.
    heard: Option<gst::ClockTime>,
    told: AudioState,
}

/// Takes the packets of whichever source there is, and fills in silence.
pub(super) struct Lane {
    clock: FeedClock,
    out: gst_app::AppSrc,
    tell: Box<dyn Fn(AudioState) + Send + Sync>,
    state: Mutex<State>,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lane")
    }
}

impl Lane {
    pub(super) fn new(
        clock: FeedClock,
        out: gst_app::AppSrc,
        tell: impl Fn(AudioState) + Send + Sync + 'static,
    ) -> Self {
        let state = State { timeline: Timeline::default(), expected: None, heard: None, told: AudioState::default() };
        Self { clock, out, tell: Box::new(tell), state: Mutex::new(state) }
    }

    /// Another source begins. Should nothing come of it in time, `explain` says why.
    pub(super) fn expect(&self, explain: impl Fn(bool) -> AudioFault + Send + Sync + 'static) {
        let mut state = self.state();
        state.expected = Some(Expected { since: self.clock.running_time(), explain: Box::new(explain) });
        state.heard = None;
    }

    /// No source: silence is as it should be.
    pub(super) fn expect_nothing(&self) {
        self.state().expected = None;
    }

    /// The present source has failed; what comes of it later is welcome all the same.
    pub(super) fn fail(&self, fault: &AudioFault) {
        let mut state = self.state();
        state.heard = None;
        state.expected = None;
        self.note(&mut state, AudioState::Missing { sentence: fault.to_string() });
    }

    /// What a pipeline of sound ends in: every packet goes into the lane.
    pub(super) fn entrance(self: &Arc<Self>) -> gst_app::AppSink {
        self.shifted_entrance(|| 0)
    }

    /// The same, with this many nanoseconds added to all times.
    pub(super) fn shifted_entrance(
        self: &Arc<Self>,
        shift: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> gst_app::AppSink {
        let sink = producer_sink("entrance");
        let lane = self.clone();
        sink.set_callbacks(
            gst_app::AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    if let Ok(sample) = sink.pull_sample() {
                        lane.take(&sample, shift());
                    }
                    Ok(gst::FlowSuccess::Ok)
                })
                .build(),
        );
        sink
    }

    fn take(&self, sample: &gst::Sample, shift: i64) -> Option<()> {
        let buffer = sample.buffer()?;
        let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
        let start = segment.to_running_time(buffer.pts()?)?;
        let start = gst::ClockTime::from_nseconds(start.nseconds().saturating_add_signed(shift));
        let duration = opus::duration(&buffer.map_readable().ok()?)?;
        let now = self.clock.running_time();
        let mut state = self.state();
        state.heard = Some(now);
        self.note(&mut state, AudioState::Live);
        if state.timeline.take(now, start, duration) {
            self.send(buffer.copy_region(gst::BufferCopyFlags::MEMORY, ..).ok()?, start, duration);
        }
        Some(())
    }

    /// Fills in silence that is due, and tells when sound has been missing too long.
    pub(super) fn tick(&self) {
        let now = self.clock.running_time();
        let mut state = self.state();
        while let Some(start) = state.timeline.fill(now) {
            self.send(gst::Buffer::from_slice(SILENCE), start, PACKET);
        }
        if let Some(expected) = &state.expected
            && now > state.heard.unwrap_or(expected.since) + GRACE
        {
            let sentence = (expected.explain)(state.heard.is_some()).to_string();
            self.note(&mut state, AudioState::Missing { sentence });
        }
    }

    fn send(&self, mut packet: gst::Buffer, start: gst::ClockTime, duration: gst::ClockTime) {
        let fields = packet.make_mut();
        fields.set_pts(start);
        fields.set_duration(duration);
        // Refused only while the rendition ends.
        let _ = self.out.push_buffer(packet);
    }

    fn note(&self, state: &mut State, now: AudioState) {
        if state.told != now {
            state.told = now.clone();
            (self.tell)(now);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock should panic")
    }
}
