use std::sync::mpsc::{Receiver, channel};

use gst_app::{AppSink, AppSrc};

use super::*;
use crate::{
    config::Codec,
    media::{
        element::{producer, producer_sink},
        gop_cache::CacheLimits,
        rendition_mark::mark_outlet,
    },
};

const FRAME: gst::ClockTime = gst::ClockTime::from_mseconds(40);
const KEY: bool = true;
const DELTA: bool = false;
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// An encoder's stream, an outlet, and the session of a viewer who is not connected yet.
struct Scene {
    encoder: AppSrc,
    stream: EncodedStream,
    switch: Arc<Switch>,
    session: AppSrc,
    viewer: AppSink,
    /// Told of each frame that is handed out, after all that is done before it.
    handed_out: Receiver<()>,
    /// Told of each frame that comes into the session, before the switch sees it.
    arrived: Receiver<()>,
    pipelines: Vec<gst::Pipeline>,
    _links: [ConsumptionLink; 2],
    frames: u64,
}

impl Scene {
    fn new(kept: gst::ClockTime) -> Self {
        crate::media::init().unwrap();
        let caps = gst::Caps::builder("video/x-vp8").field("width", 640).field("height", 360).build();
        let encoder = AppSrc::builder().caps(&caps).format(gst::Format::Time).is_live(true).build();
        let [made, base] = ["made", "base"].map(producer_sink);
        let kept = CacheLimits { time: kept, ..CacheLimits::default() };
        let stream = EncodedStream::offer(&made, RenditionRole::Main, Codec::Vp8, kept);
        let handed_out = frames_at(&made.static_pad("sink").unwrap());
        let [outlet, session] = [(), ()].map(|()| AppSrc::builder().build());
        mark_outlet(&base.static_pad("sink").unwrap());
        let viewer = AppSink::builder().sync(false).async_(false).build();
        let links = [
            stream.producer().add_consumer_with(&outlet, consumer_settings(0, WAITING_TIME)).unwrap(),
            producer(&base).add_consumer_with(&session, consumer_settings(0, WAITING_TIME)).unwrap(),
        ];
        let arrived = frames_at(&session.static_pad("src").unwrap());
        let what_comes_in = Arc::new(Mutex::new(Some(stream.clone())));
        let switch = Switch::install(&session, what_comes_in, Duration::from_secs(1), Box::new(drop));
        switch.hold();
        let pairs = [(&session, &viewer), (&outlet, &base), (&encoder, &made)];
        let pipelines = pairs.map(|(from, to)| {
            let pipeline = gst::Pipeline::new();
            pipeline.add_many([from.upcast_ref::<gst::Element>(), to.upcast_ref()]).unwrap();
            from.link(to).unwrap();
            pipeline.set_state(gst::State::Playing).unwrap();
            pipeline
        });
        let pipelines = pipelines.into();
        Self { encoder, stream, switch, session, viewer, handed_out, arrived, pipelines, _links: links, frames: 0 }
    }

    /// Encodes pictures, and waits until they are handed out.
    fn encode(&mut self, kinds: &[bool]) {
        for is_key in kinds {
            let mut frame = gst::Buffer::from_slice([0; 10]);
            let fields = frame.get_mut().unwrap();
            fields.set_pts(FRAME * (self.frames + 100));
            if !is_key {
                fields.set_flags(gst::BufferFlags::DELTA_UNIT);
            }
            self.frames += 1;
            self.encoder.push_buffer(frame).unwrap();
        }
        for _ in kinds {
            self.handed_out.recv_timeout(PATIENCE).expect("a frame should be handed out");
        }
    }

    /// Waits until the switch has dealt with all that was encoded.
    fn settle(&self) {
        for _ in 0..self.frames {
            self.arrived.recv_timeout(PATIENCE).expect("a frame should come into the session");
        }
        // It was only about to be dealt with when it was told of; what is sent behind it tells when it is done.
        let (done, is_done) = channel();
        let pad = self.session.static_pad("src").unwrap();
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            let is_mark = info.event().is_some_and(|event| event.type_() == gst::EventType::CustomDownstream);
            if is_mark {
                let _ = done.send(());
            }
            gst::PadProbeReturn::Ok
        });
        let mark = gst::event::CustomDownstream::new(gst::Structure::new_empty("dealt-with"));
        assert!(self.session.send_event(mark));
        is_done.recv_timeout(PATIENCE).expect("the session should deal with its frames");
    }

    /// Does what a viewer's session does when it is connected.
    fn join(&self) -> Left {
        self.settle();
        let mut progress = Progress::default();
        let left = self.switch.catch_up(&self.stream, &mut progress);
        let switch = self.switch.clone();
        self.stream.before_each_frame(move |stream| {
            switch.join(stream, &mut progress);
            false
        });
        left
    }

    /// The viewer's next frames: the number of each by its time, and whether it is a key frame.
    fn seen(&self, count: usize) -> Vec<(Option<u64>, bool)> {
        let frame = |_| {
            let frame =
                self.viewer.try_pull_sample(gst::ClockTime::try_from(PATIENCE).unwrap()).expect("another frame");
            let frame = frame.buffer().unwrap();
            let time = frame.pts().unwrap();
            let number = (time % FRAME == gst::ClockTime::ZERO).then(|| time / FRAME - 100);
            (number, !frame.flags().contains(gst::BufferFlags::DELTA_UNIT))
        };
        (0..count).map(frame).collect()
    }
}

/// Tells of each frame at this pad.
fn frames_at(pad: &gst::Pad) -> Receiver<()> {
    let (tell, told) = channel();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let _ = tell.send(());
        gst::PadProbeReturn::Ok
    });
    told
}

impl Drop for Scene {
    fn drop(&mut self) {
        for pipeline in &self.pipelines {
            pipeline.set_state(gst::State::Null).unwrap();
        }
    }
}

#[test]
fn who_joins_between_two_key_frames_begins_with_what_was_kept() {
    let mut scene = Scene::new(gst::ClockTime::SECOND);
    scene.encode(&[KEY, DELTA, DELTA]);
    assert_eq!(scene.join(), Left::Live);
    // Moved up to the newest, whose time is its own.
    assert_eq!(scene.seen(3), [(None, KEY), (None, DELTA), (Some(2), DELTA)]);
    scene.encode(&[DELTA, DELTA]);
    assert_eq!(scene.seen(2), [(Some(3), DELTA), (Some(4), DELTA)]);
    // From a key frame on by way of the outlet, like everybody.
    scene.encode(&[KEY, DELTA]);
    assert_eq!(scene.seen(2), [(Some(5), KEY), (Some(6), DELTA)]);
    assert_eq!(scene.stream.key_frames().asked, 0);
}

#[test]
fn where_the_last_key_frame_is_too_old_another_is_asked_for() {
    let mut scene = Scene::new(FRAME * 2);
    scene.encode(&[KEY, DELTA, DELTA, DELTA]);
    assert_eq!(scene.join(), Left::Nothing);
    scene.encode(&[DELTA]);
    assert_eq!(scene.stream.key_frames().asked, 1);
    scene.encode(&[KEY, DELTA]);
    assert_eq!(scene.seen(2), [(Some(5), KEY), (Some(6), DELTA)]);
}

#[test]
fn nothing_passes_before_the_viewer_is_connected() {
    let mut scene = Scene::new(gst::ClockTime::SECOND);
    scene.encode(&[KEY, DELTA]);
    assert!(scene.viewer.try_pull_sample(gst::ClockTime::from_mseconds(100)).is_none());
    scene.encode(&[DELTA, KEY]);
    assert_eq!(scene.join(), Left::Live);
    assert_eq!(scene.seen(1), [(Some(3), KEY)], "what came before it is of no use");
}
