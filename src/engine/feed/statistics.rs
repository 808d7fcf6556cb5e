//! What is known of the feed and its viewers, put together and told.
//!
//! Sessions are asked to count, and a moment later their answers become a sample: nobody waits.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::task::spawn_blocking;

use super::{
    super::{FeedEvent, form::Form},
    Destination, Inner, Served, Worker,
};
use crate::{
    config::{RenditionRole, StatisticsConfig},
    media::{KeyFrameCounts, SessionCounters},
    stats::{
        CameraSample, EncodingSample, EstimateBasis, FeedSample, IceReport, KeyFrames, RateMaker, Recorder, SentPath,
        SessionSetUp, ViewerReport, ViewerSample,
    },
};

/// How long sessions may take to answer; they need a few milliseconds. Who is later is in the next sample.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_millis(40);
/// What a viewer's browser told holds this long. It tells once a second.
const REPORT_HOLDS: Duration = Duration::from_secs(3);

/// What is kept from one sample to the next.
#[derive(Default)]
pub(super) struct Statistics {
    maker: RateMaker,
    viewers: HashMap<String, Known>,
    /// What writes samples to files, and as it was told to.
    recorder: Option<(Recorder, StatisticsConfig)>,
}

/// What a viewer's session has told at other times than those of samples.
#[derive(Default)]
struct Known {
    estimate: Option<(u32, EstimateBasis)>,
    shown: Option<RenditionRole>,
    report: Option<(ViewerReport, Instant)>,
    /// How it came about was logged.
    is_logged: bool,
    /// Why it does not, as it was logged.
    verdict: Option<String>,
}

impl Statistics {
    pub(super) fn set_estimate(&mut self, session: &str, kbps: u32, basis: EstimateBasis) {
        self.known(session).estimate = Some((kbps, basis));
    }

    pub(super) fn set_shown(&mut self, session: &str, rendition: RenditionRole) {
        self.known(session).shown = Some(rendition);
    }

    pub(super) fn take_report(&mut self, session: &str, report: ViewerReport, now: Instant) {
        self.known(session).report = Some((report, now));
    }

    /// Whether a viewer shows the picture alone, as far as its browser has told of late.
    pub(super) fn is_enlarged(&self, session: &str, now: Instant) -> bool {
        let report = self.viewers.get(session).and_then(|known| known.report.as_ref());
        report.is_some_and(|(report, at)| report.enlarged && now.duration_since(*at) <= REPORT_HOLDS)
    }

    fn known(&mut self, session: &str) -> &mut Known {
        self.viewers.entry(session.to_owned()).or_default()
    }

    /// What is known of a session, as far as it is not counted.
    fn told(&self, session: &str, now: Instant) -> ViewerSample {
        let known = self.viewers.get(session);
        let estimate = known.and_then(|known| known.estimate);
        let report = known.and_then(|known| known.report.as_ref());
        let report = report.filter(|(_, at)| now.duration_since(*at) <= REPORT_HOLDS);
        ViewerSample {
            session: session.to_owned(),
            rendition: known.and_then(|known| known.shown),
            estimate_kbps: estimate.map(|(kbps, _)| kbps),
            estimate_basis: estimate.map(|(_, basis)| basis),
            report: report.map(|(report, _)| report.clone()),
            ..ViewerSample::default()
        }
    }
}

impl Worker {
    /// Has all sessions count.
    pub(super) fn ask_sessions(&self) {
        let outlets = self.destinations.values().flat_map(|destination| destination.outlets.values());
        let watched = outlets.filter(|served| !served.viewers.is_empty());
        let counters: Vec<_> = watched.map(|served| served.outlet.counters().clone()).collect();
        if !counters.is_empty() {
            spawn_blocking(move || counters.iter().for_each(SessionCounters::ask));
        }
    }

    /// Tells what is known now.
    pub(super) fn report(&mut self) {
        let now = Instant::now();
        let (share_state, share_kbps) = self.standing();
        let mut sample = FeedSample {
            time: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            in_force: Some(self.in_force.clone()),
            share_state: Some(share_state),
            share_kbps,
            path: self.path_sent(),
            camera: self.camera_sample(),
            encodings: self.encoding_samples(),
            viewers: self.viewer_samples(now),
            ..FeedSample::default()
        };
        self.statistics.maker.complete(&mut sample, now);
        self.record(&sample);
        self.sampled(sample.clone());
        (self.around.tell)(FeedEvent::Stats(Box::new(sample)));
    }

    /// Writes the sample to a file, if that is wanted and anything is known.
    fn record(&mut self, sample: &FeedSample) {
        let wanted = self.config.record_statistics.then(|| self.around.statistics.borrow().clone());
        if wanted.as_ref() != self.statistics.recorder.as_ref().map(|(_, config)| config) {
            self.statistics.recorder = wanted.map(|config| (self.start_recorder(&config), config));
        }
        if let Some((recorder, _)) = self.statistics.recorder.as_mut().filter(|_| !sample.is_off()) {
            recorder.record(sample);
        }
    }

    fn start_recorder(&self, config: &StatisticsConfig) -> Recorder {
        let inner = self.inner.clone();
        Recorder::start(&self.config.id, config, Box::new(move |sentence| drop(inner.send(Inner::Notice(sentence)))))
    }

    fn path_sent(&self) -> Option<SentPath> {
        let codec = self.config.codec;
        if self.camera.is_taken_in(codec) {
            return Some(SentPath::PassThrough);
        }
        self.encodings.contains_key(&Form::main(codec)).then_some(SentPath::Encoded)
    }

    fn camera_sample(&self) -> CameraSample {
        let Some(ingest) = &self.ingest else { return CameraSample::default() };
        CameraSample {
            bytes_received: ingest.received_bytes(),
            frames_received: Some(ingest.pictures()),
            key_frames: self.camera.key_frames().map(key_frames),
            ..CameraSample::default()
        }
    }

    /// The renditions at work, those in the codec that the operator set first.
    fn encoding_samples(&self) -> Vec<EncodingSample> {
        let sample = |(form, encoding): (&Form, &super::Encoding)| EncodingSample {
            number: encoding.number(),
            target_kbps: self.target_kbps(form.role),
            ..encoding.rendition.sample()
        };
        let mut samples: Vec<_> = self.encodings.iter().map(sample).collect();
        samples.sort_by_key(|sample| sample.codec != self.config.codec);
        samples
    }

    fn viewer_samples(&mut self, now: Instant) -> Vec<ViewerSample> {
        let mut samples = BTreeMap::new();
        let all =
            self.destinations.values().flat_map(|place| place.outlets.values().map(move |served| (place, served)));
        for (destination, served) in all {
            for session in &served.viewers {
                let told = self.statistics.told(session, now);
                samples.insert(session.clone(), viewer_sample(destination, served, told));
            }
        }
        self.statistics.viewers.retain(|session, _| samples.contains_key(session));
        for sample in samples.values() {
            self.log_set_up(sample);
        }
        samples.into_values().collect()
    }

    /// There is no way to a viewer, whose session ends by that.
    pub(super) fn unreached(&mut self, session: String, set_up: SessionSetUp, ice: IceReport) {
        let ice_verdict = ice.verdict();
        let viewer = self.serves(&session).map(|served| served.codec);
        let viewer = ViewerSample { session, codec: viewer, set_up, ice_verdict, ice, ..ViewerSample::default() };
        self.log_set_up(&viewer);
        (self.around.tell)(FeedEvent::Unreached { viewer: Box::new(viewer) });
    }

    /// How a viewer's connection came about stands in the log once, and so does why it does not.
    fn log_set_up(&mut self, sample: &ViewerSample) {
        let known = self.statistics.known(&sample.session);
        let (feed, session) = (&self.config.id, &sample.session);
        if sample.set_up.is_complete() && !known.is_logged {
            known.is_logged = true;
            let viewer = sample.viewer.as_deref().unwrap_or_default();
            tracing::info!(%feed, session, viewer, set_up = sample.set_up.words(), "A viewer is sent the picture.");
        }
        if sample.ice_verdict != known.verdict {
            known.verdict.clone_from(&sample.ice_verdict);
            if let Some(verdict) = &sample.ice_verdict {
                tracing::warn!(%feed, session, "A viewer is not connected. {verdict}");
            }
        }
    }
}

/// What is told of a session, with what is counted of it.
fn viewer_sample(destination: &Destination, served: &Served, told: ViewerSample) -> ViewerSample {
    let counted = served.outlet.counters().latest(&told.session).unwrap_or_default();
    ViewerSample {
        viewer: destination.connection.viewer_name(&told.session),
        codec: Some(served.codec),
        rendition: told.rendition.or(served.sends),
        picture: counted.picture,
        sound: counted.sound,
        candidate_pair: counted.candidate_pair,
        set_up: counted.set_up,
        ice_verdict: counted.ice.verdict(),
        ice: counted.ice,
        feedback: counted.feedback,
        connector: Some(destination.id.clone()),
        ..told
    }
}

fn key_frames(KeyFrameCounts { asked, passed, made }: KeyFrameCounts) -> KeyFrames {
    KeyFrames { asked, passed, made }
}
