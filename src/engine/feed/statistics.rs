//! What is known of the feed and its viewers, put together and told.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{
    super::{FeedEvent, form::Form},
    Worker,
};
use crate::{
    config::RenditionRole,
    media::ViewerStats,
    stats::{FeedSample, OutboundRtp, RateMaker, RemoteInboundRtp, SentPath, StreamSample, ViewerReport, ViewerSample},
};

/// What a viewer's browser told holds this long. It tells once a second.
const REPORT_HOLDS: Duration = Duration::from_secs(3);

/// What is kept from one sample to the next.
#[derive(Default)]
pub(super) struct Statistics {
    maker: RateMaker,
    viewers: HashMap<String, Known>,
}

/// What a viewer's session has told at other times than those of samples.
#[derive(Default)]
struct Known {
    estimate_kbps: Option<u32>,
    shown: Option<RenditionRole>,
    report: Option<(ViewerReport, Instant)>,
}

impl Statistics {
    pub(super) fn set_estimate(&mut self, session: &str, kbps: u32) {
        self.known(session).estimate_kbps = Some(kbps);
    }

    pub(super) fn set_shown(&mut self, session: &str, rendition: RenditionRole) {
        self.known(session).shown = Some(rendition);
    }

    pub(super) fn take_report(&mut self, session: &str, report: ViewerReport, now: Instant) {
        self.known(session).report = Some((report, now));
    }

    fn known(&mut self, session: &str) -> &mut Known {
        self.viewers.entry(session.to_owned()).or_default()
    }
}

impl Worker {
    /// Tells what is known now.
    pub(super) fn report(&mut self) {
        let now = Instant::now();
        let mut sample = FeedSample {
            time: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            in_force: Some(self.in_force.clone()),
            path: self.path_sent(),
            viewers: self.viewer_samples(now),
            ..FeedSample::default()
        };
        self.statistics.maker.complete(&mut sample, now);
        (self.around.tell)(FeedEvent::Stats(Box::new(sample)));
    }

    fn path_sent(&self) -> Option<SentPath> {
        let codec = self.config.codec;
        if self.camera.taken == Some(codec) {
            return Some(SentPath::PassThrough);
        }
        self.encodings.contains_key(&Form::main(codec)).then_some(SentPath::Encoded)
    }

    fn viewer_samples(&mut self, now: Instant) -> Vec<ViewerSample> {
        let mut samples = BTreeMap::new();
        let all = self.destinations.iter().flat_map(|place| place.outlets.values().map(move |served| (place, served)));
        for (destination, served) in all {
            let mut counted: HashMap<_, _> =
                served.outlet.stats().into_iter().map(|stats| (stats.session.clone(), stats)).collect();
            for session in &served.viewers {
                let known = self.statistics.viewers.get(session);
                let report = known.and_then(|known| known.report.as_ref());
                let sample = ViewerSample {
                    session: session.clone(),
                    viewer: destination.connection.viewer_name(session),
                    rendition: known.and_then(|known| known.shown).or(served.sends),
                    picture: counted.remove(session).map(|stats| picture(&stats, now)),
                    estimate_kbps: known.and_then(|known| known.estimate_kbps),
                    report: report
                        .filter(|(_, at)| now.duration_since(*at) <= REPORT_HOLDS)
                        .map(|(report, _)| report.clone()),
                    ..ViewerSample::default()
                };
                samples.insert(session.clone(), sample);
            }
        }
        self.statistics.viewers.retain(|session, _| samples.contains_key(session));
        samples.into_values().collect()
    }
}

fn picture(stats: &ViewerStats, now: Instant) -> StreamSample {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    StreamSample {
        timestamp: now.duration_since(*START.get_or_init(|| now)).as_secs_f64(),
        outbound: OutboundRtp { bytes_sent: stats.bytes_sent, ..OutboundRtp::default() },
        remote: stats.round_trip.map(|round_trip| RemoteInboundRtp {
            round_trip_time: Some(round_trip.as_secs_f64()),
            ..RemoteInboundRtp::default()
        }),
        ..StreamSample::default()
    }
}
