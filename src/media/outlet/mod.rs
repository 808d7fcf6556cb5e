//! The viewers' side of a feed: webrtcsink, fed with an encoded stream.
//!
//! webrtcsink makes one webrtcbin per viewer and packetizes for it; it encodes
//! nothing. Who may watch, and how offers travel, is the signaller's business.

mod data;
mod estimator;
mod feedback;
mod interruption;
mod negotiation;
mod peers;
mod picture_clock;
mod properties;
mod repair;
mod reports;
mod retransmission;
mod session;
mod shortcut;
mod sink;
mod stats;
mod switch;
mod transport;

use std::{sync::Arc, time::Duration};

use gst::prelude::*;
use gst_utils::{ConsumptionLink, StreamProducer};
use gstrswebrtc::{signaller::Signallable, webrtcsink::BaseWebRTCSink};
use tokio::sync::mpsc::UnboundedSender;

use self::{
    data::Channels,
    peers::{Peers, outlive, remember_peers, watch_viewers},
    properties::Properties,
    session::{Switches, Watch, watch_sessions},
    sink::{add_input, configure, send_at_once, tell_when_ready},
    switch::{Base, Switch, Tell},
    transport::Transport,
};
use super::{
    EncodedStream, FeedClock, MediaError,
    element::{consumer_settings, end, require, watch_errors},
    rendition_mark::mark_outlet,
};
use crate::{
    config::{ElementRole, ElementSettings, Priority, RenditionRole},
    stats::{IceReport, PathReport, SessionSetUp, ViewerReport},
};

pub use data::DataPlan;
pub use picture_clock::PictureClock;
pub use stats::{SessionCounters, SessionStats};
pub use transport::TransportPlan;

/// Encoded frames that may wait for webrtcsink, which takes them at once unless the
/// machine is stuck. More room than for raw frames: what follows a lost one is
/// broken until the viewers have asked for a key frame.
const WAITING_FRAMES: u64 = 120;
const WAITING_TIME: gst::ClockTime = gst::ClockTime::from_seconds(1);

/// What webrtcsink puts into each session. Without them it logs, and viewers wait for ever.
const SESSION_ELEMENTS: [&str; 4] = ["webrtcbin", "nicesink", "dtlssrtpenc", "srtpenc"];

/// What an outlet is to do.
#[derive(Debug)]
pub struct OutletPlan {
    /// How viewers are spoken with.
    pub signaller: Signallable,
    /// Where the bandwidth estimate of each viewer begins, kbit/s.
    pub start_kbps: u32,
    /// The sound beside the picture, if any.
    pub sound: Option<StreamProducer>,
    /// How the media travel.
    pub transport: TransportPlan,
    /// How urgent they are.
    pub priority: Priority,
    /// Properties of its elements that the operator set.
    pub elements: ElementSettings,
    /// Messages beside the media, where its destination takes them.
    pub data: Option<DataPlan>,
}

/// What an outlet has to tell.
#[derive(Clone, Debug)]
pub enum OutletEvent {
    /// webrtcsink has seen the stream: sessions may be offered.
    Ready,
    /// A viewer's session began or ended; these are there now.
    Viewers(Vec<String>),
    /// This rendition is sent to everybody from now on.
    Sends(RenditionRole),
    /// What became of what a viewer was sent last, where its end tells: a few times a second, and more
    /// often while something waits or gets lost.
    Path {
        /// The viewer's session.
        session: String,
        /// What became of it.
        report: PathReport,
    },
    /// A viewer sees this rendition from now on.
    Shown {
        /// The viewer's session.
        session: String,
        /// What it sees.
        rendition: RenditionRole,
    },
    /// What a viewer's browser tells of itself.
    Report {
        /// The viewer's session.
        session: String,
        /// What it tells.
        report: Box<ViewerReport>,
    },
    /// There is no way to a viewer: its session ends.
    Unreached {
        /// The viewer's session.
        session: String,
        /// How long the steps took that there were.
        set_up: SessionSetUp,
        /// Which ways were tried.
        ice: Box<IceReport>,
    },
    /// A frame left for a viewer: what ties its RTP timestamp to its capture.
    Clock(PictureClock),
    /// Properties that the operator set were left out, for these reasons.
    Refused(Vec<String>),
    /// The outlet failed and has to be rebuilt.
    Failed(String),
}

/// A running webrtcsink. Dropping it ends its sessions.
#[derive(Debug)]
pub struct Outlet {
    pipeline: gst::Pipeline,
    sink: BaseWebRTCSink,
    /// What comes in, from whichever rendition.
    input: Arc<Switch>,
    sound: Option<ConsumptionLink>,
    /// What is connected to `input`.
    base: Base,
    switches: Switches,
    transport: Transport,
    properties: Properties,
    channels: Option<Channels>,
    /// Each session's peer, for as long as it is not gone.
    peers: Peers,
    counters: SessionCounters,
}

impl Outlet {
    /// Builds and starts an outlet.
    ///
    /// # Errors
    /// An element is missing or the pipeline does not start.
    pub fn start(
        plan: &OutletPlan,
        clock: &FeedClock,
        events: UnboundedSender<OutletEvent>,
    ) -> Result<Self, MediaError> {
        require(&SESSION_ELEMENTS)?;
        let pipeline = gst::Pipeline::with_name("outlet");
        clock.apply(&pipeline);
        let sink = BaseWebRTCSink::with_signaller(plan.signaller.clone());
        let peers = remember_peers(&sink);
        let counters = SessionCounters::new(plan.transport.means());
        let properties = Properties::new(plan.elements.clone(), events.clone());
        let transport = configure(&sink, plan, peers.clone(), properties.clone());
        pipeline.add(&sink)?;
        let (source, pad) = add_input(&pipeline, &sink, "video_%u")?;
        let sound_source = plan.sound.as_ref().map(|_| add_input(&pipeline, &sink, "audio_%u")).transpose()?;

        tell_when_ready(&pad, &sink, &plan.signaller, events.clone());
        watch_viewers(&sink, &events);
        let channels = plan.data.clone().map(|data| Channels::install(&sink, data, events.clone()));
        mark_outlet(&pad);
        let (base, switches) = (Base::default(), Switches::default());
        let watch = Watch {
            clock: clock.clone(),
            base: base.clone(),
            switches: switches.clone(),
            events: events.clone(),
            properties: properties.clone(),
            counters: counters.clone(),
            has_sound: plan.sound.is_some(),
        };
        watch_sessions(&sink, &watch);
        // The debug text holds whole backtraces; the message is enough.
        let told = events.clone();
        watch_errors(&pipeline, move |error| {
            let _ = told.send(OutletEvent::Failed(error.error().to_string()));
        });
        // Before the start: an appsrc that starts unconfigured counts bytes, not time.
        StreamProducer::configure_consumer_with(&source, consumer_settings(WAITING_FRAMES, WAITING_TIME));
        let input = Switch::install(&source, base.clone(), Duration::ZERO, tell_source(events));
        let mut sound_input = sound_source.map(|(source, _)| {
            let input = ConsumptionLink::disconnected_with(source, consumer_settings(WAITING_FRAMES, WAITING_TIME));
            input.set_wait_for_keyframe(false);
            input
        });
        pipeline.set_state(gst::State::Playing)?;
        send_at_once(&sink);
        if let (Some(input), Some(sound)) = (&mut sound_input, &plan.sound) {
            input.change_producer(sound, false).expect("an outlet should send one stream of sound");
        }
        Ok(Self {
            pipeline,
            sink,
            input,
            sound: sound_input,
            transport,
            properties,
            channels,
            base,
            switches,
            peers,
            counters,
        })
    }

    /// Sends this to everybody from its next key frame on, and what was sent before until then; another
    /// encoder of the same rendition at once.
    pub fn connect(&self, stream: &EncodedStream) {
        *self.base.lock().expect("no holder of this lock should panic") = Some(stream.clone());
        self.input.show(stream);
    }

    /// Sends this sound from now on, if there was to be any.
    pub fn connect_sound(&mut self, sound: &StreamProducer) {
        if let Some(input) = &mut self.sound {
            input.change_producer(sound, false).expect("an outlet should send one stream of sound");
        }
    }

    /// Lets go of what is sent until the next is connected; sessions stay, and may begin.
    pub fn rest(&mut self) {
        self.pause();
        if let Some(sound) = &mut self.sound {
            sound.disconnect();
        }
    }

    /// Lets go of what is sent to everybody until the next is connected: nobody sees it.
    pub fn pause(&self) {
        *self.base.lock().expect("no holder of this lock should panic") = None;
        self.input.unlink();
    }

    /// Shows one viewer this from its next key frame on, instead of what is connected.
    pub fn show(&self, session: &str, stream: &EncodedStream) {
        if let Some(switch) = self.switches.of(session) {
            switch.show(stream);
        }
    }

    /// Shows one viewer what is connected, from its next key frame on.
    pub fn show_connected(&self, session: &str) {
        if let Some(switch) = self.switches.of(session) {
            switch.show_base();
        }
    }

    /// Sends repair packets to this many percent of the picture's from now on, at most 100. Answers the
    /// sessions that cannot have them, because they began while there were to be none at all.
    pub fn set_fec_percent(&self, percent: u8) -> Vec<String> {
        self.transport.set_fec_percent(&self.sink, percent)
    }

    /// Marks packets as this urgent from now on. The sound travels under the picture's mark.
    pub fn set_priority(&self, priority: Priority) {
        self.transport.set_priority(priority);
    }

    /// Sets a property of the payloaders or of what carries packets, in all sessions.
    ///
    /// # Errors
    /// A sentence that says why it was not set, and what to do.
    pub fn set_property(&self, role: ElementRole, name: &str, value: &str) -> Result<(), String> {
        self.properties.set(role, name, value)
    }

    /// What is counted for each session.
    pub fn counters(&self) -> &SessionCounters {
        &self.counters
    }
}

fn tell_source(events: UnboundedSender<OutletEvent>) -> Tell {
    Box::new(move |rendition| {
        let _ = events.send(OutletEvent::Sends(rendition));
    })
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.switches.clear();
        if let Some(channels) = &self.channels {
            channels.clear();
        }
        self.input.unlink();
        if let Some(sound) = &mut self.sound {
            sound.disconnect();
        }
        // webrtcsink blocks on a runtime of its own while it ends its sessions,
        // which is forbidden on a thread that belongs to a runtime, as the caller's may.
        let (pipeline, sink, peers) = (self.pipeline.clone(), self.sink.clone(), self.peers.clone());
        let ended = std::thread::spawn(move || {
            end(&pipeline);
            // From here on beside everything else: nobody has to wait for it.
            std::thread::spawn(move || outlive(&peers, (sink, pipeline)));
        });
        let _ = ended.join();
    }
}
