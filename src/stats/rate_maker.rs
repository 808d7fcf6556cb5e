//! The one place where counters become rates.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::{
    CameraSample, EncodingRates, EncodingSample, FeedRates, FeedSample, RemoteInboundRtp, SentPath, StreamRates,
    StreamSample, ViewerRates, ViewerReport, ViewerSample,
};

/// Fills in what follows from one sample after another: rates, intervals, and which reports are new.
///
/// It keeps to what is known. Of the first sample, of a counter that began anew, and across a time in
/// which nothing could be counted ([`Self::LONGEST_INTERVAL`]), there are no rates.
#[derive(Debug, Default)]
pub struct RateMaker {
    before: Option<(Instant, FeedSample)>,
    reports: HashMap<String, Reports>,
}

/// What is remembered of one viewer's reports.
#[derive(Debug, Default)]
struct Reports {
    picture: StreamReports,
    sound: StreamReports,
    /// What its browser's last report came to.
    rates: ViewerRates,
}

/// Which report of a stream was the last, and when it came.
#[derive(Debug, Default)]
struct StreamReports {
    ssrc: u32,
    last: Option<(ReportKey, Instant)>,
    count: u64,
}

/// What no two receiver reports have in common. A round trip is told in 1/65536 s and measured anew
/// for each; where it is not told, the highest sequence number moves while anything is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ReportKey {
    round_trip_time: Option<f64>,
    jitter: Option<f64>,
    highest_sequence: Option<u32>,
}

impl RateMaker {
    /// What is counted across a longer time is no rate of now, but the trace of an outage.
    pub const LONGEST_INTERVAL: Duration = Duration::from_secs(10);
    /// What a receiver report says holds this long. Browsers send them every second or two, others up
    /// to 6.2 s apart (RFC 3550, section 6.3.1: 5 s, times up to 1.5, divided by 1.22).
    pub const REPORT_AGE: Duration = Duration::from_secs(8);

    /// Completes a sample that was counted at `now`.
    pub fn complete(&mut self, sample: &mut FeedSample, now: Instant) {
        self.reports.retain(|session, _| sample.viewers.iter().any(|viewer| viewer.session == *session));
        let before = self.before.take();
        let before = before.as_ref().filter(|(then, _)| now.duration_since(*then) <= Self::LONGEST_INTERVAL);
        sample.interval = before.map(|(then, _)| now.duration_since(*then).as_secs_f64());
        let earlier = before.map(|(_, sample)| sample);
        complete_camera(&mut sample.camera, earlier.map(|earlier| &earlier.camera), sample.interval);
        for encoding in &mut sample.encodings {
            let same =
                |other: &&EncodingSample| (other.rendition, other.number) == (encoding.rendition, encoding.number);
            let earlier = earlier.and_then(|earlier| earlier.encodings.iter().find(same));
            encoding.rates = encoding_rates(encoding, earlier, sample.interval);
        }
        for viewer in &mut sample.viewers {
            let earlier = earlier.and_then(|earlier| earlier.viewers.iter().find(|one| one.session == viewer.session));
            let reports = self.reports.entry(viewer.session.clone()).or_default();
            complete_viewer(viewer, earlier, reports, now);
        }
        sample.rates = feed_rates(sample);
        self.before = Some((now, sample.clone()));
    }
}

fn complete_camera(camera: &mut CameraSample, before: Option<&CameraSample>, interval: Option<f64>) {
    let count = |of: fn(&CameraSample) -> Option<u64>| {
        let (now, before) = (of(camera)?, of(before?)?);
        per_second(now, before, interval?)
    };
    let (bytes, frames) = (count(|camera| camera.bytes_received), count(|camera| camera.frames_received));
    camera.received_kbps = bytes.map(kbps);
    camera.frames_per_second = frames;
}

fn encoding_rates(now: &EncodingSample, before: Option<&EncodingSample>, interval: Option<f64>) -> EncodingRates {
    let (Some(before), Some(interval)) = (before, interval) else { return EncodingRates::default() };
    let rate = |of: fn(&EncodingSample) -> u64| per_second(of(now), of(before), interval);
    let encoded = now.frames_encoded.checked_sub(before.frames_encoded);
    EncodingRates {
        encoded_kbps: rate(|one| one.bytes_encoded).map(kbps),
        frames_in_per_second: rate(|one| one.frames_in),
        frames_per_second: rate(|one| one.frames_encoded),
        frames_dropped_per_second: rate(|one| one.frames_dropped),
        encode_time: mean(now.total_encode_time - before.total_encode_time, encoded),
    }
}

fn complete_viewer(viewer: &mut ViewerSample, before: Option<&ViewerSample>, reports: &mut Reports, now: Instant) {
    if let Some(picture) = &mut viewer.picture {
        reports.picture.recognise(picture, now);
        picture.rates = stream_rates(picture, before.and_then(|before| before.picture.as_ref()));
    }
    if let Some(sound) = &mut viewer.sound {
        reports.sound.recognise(sound, now);
        sound.rates = stream_rates(sound, before.and_then(|before| before.sound.as_ref()));
    }
    let sent = |stream: &Option<StreamSample>| stream.as_ref().and_then(|stream| stream.rates.sent_kbps);
    let from_browser = match (&viewer.report, before.and_then(|before| before.report.as_ref())) {
        // The report before again: what it came to still holds.
        (Some(new), Some(old)) if new.timestamp.to_bits() == old.timestamp.to_bits() => reports.rates,
        (Some(new), Some(old)) => browser_rates(new, old),
        _ => ViewerRates::default(),
    };
    reports.rates = from_browser;
    viewer.rates = ViewerRates { sent_kbps: add([sent(&viewer.picture), sent(&viewer.sound)]), ..from_browser };
}

impl StreamReports {
    /// Counts the report if it is a new one, and leaves it out once it is too old.
    fn recognise(&mut self, stream: &mut StreamSample, now: Instant) {
        if self.ssrc != stream.outbound.ssrc {
            *self = Self { ssrc: stream.outbound.ssrc, ..Self::default() };
        }
        let Some(remote) = &mut stream.remote else { return };
        let key = ReportKey::of(remote);
        let since = match self.last {
            Some((last, since)) if last == key => since,
            _ => {
                self.count += 1;
                now
            }
        };
        self.last = Some((key, since));
        remote.reports_received = self.count;
        if now.duration_since(since) > RateMaker::REPORT_AGE {
            stream.remote = None;
        }
    }
}

impl ReportKey {
    fn of(report: &RemoteInboundRtp) -> Self {
        let RemoteInboundRtp { round_trip_time, jitter, highest_sequence, .. } = *report;
        Self { round_trip_time, jitter, highest_sequence }
    }
}

fn stream_rates(now: &StreamSample, before: Option<&StreamSample>) -> StreamRates {
    let Some(before) = before.filter(|before| before.outbound.ssrc == now.outbound.ssrc) else {
        return StreamRates::default();
    };
    let Some(seconds) = span(now.timestamp - before.timestamp) else { return StreamRates::default() };
    let (sent, sent_before) = (&now.outbound, &before.outbound);
    let rate = |now, before| per_second(now, before, seconds);
    let rate_of_some = |now: Option<u64>, before: Option<u64>| rate(now?, before?);
    StreamRates {
        sent_kbps: rate(sent.bytes_sent, sent_before.bytes_sent).map(kbps),
        wire_kbps: rate_of_some(sent.wire_bytes, sent_before.wire_bytes).map(kbps),
        packets_per_second: rate(sent.packets_sent, sent_before.packets_sent),
        nacks_per_second: rate(sent.nack_count, sent_before.nack_count),
        retransmitted_per_second: rate_of_some(sent.retransmitted_packets_sent, sent_before.retransmitted_packets_sent),
        loss: loss(now, before),
    }
}

/// Of what was sent since then, and not of what was expected, as `GstWebRTCApp` has it.
fn loss(now: &StreamSample, before: &StreamSample) -> Option<f64> {
    let lost = (now.remote.as_ref()?.packets_lost - before.remote.as_ref()?.packets_lost) as f64;
    let sent = now.outbound.packets_sent.checked_sub(before.outbound.packets_sent)? as f64;
    let all = sent + lost;
    Some(if all > 0.0 { lost / all } else { 0.0 })
}

/// What the browser of a viewer has told in two reports.
fn browser_rates(now: &ViewerReport, before: &ViewerReport) -> ViewerRates {
    let Some(seconds) = span(now.timestamp - before.timestamp) else { return ViewerRates::default() };
    let decoded = now.frames_decoded.checked_sub(before.frames_decoded);
    let emitted = now.jitter_buffer_emitted_count.checked_sub(before.jitter_buffer_emitted_count);
    let frozen = now.total_freezes_duration - before.total_freezes_duration;
    ViewerRates {
        sent_kbps: None,
        frames_decoded_per_second: per_second(now.frames_decoded, before.frames_decoded, seconds),
        frames_dropped_per_second: per_second(now.frames_dropped, before.frames_dropped, seconds),
        jitter_buffer_delay: mean(now.jitter_buffer_delay - before.jitter_buffer_delay, emitted),
        decode_time: mean(now.total_decode_time - before.total_decode_time, decoded),
        // A freeze is told at its end, and may have begun before the report before.
        frozen: (frozen >= 0.0).then(|| (frozen / seconds).min(1.0)),
    }
}

fn feed_rates(sample: &FeedSample) -> FeedRates {
    let viewers = || sample.viewers.iter();
    let sent = add(viewers().map(|viewer| viewer.rates.sent_kbps));
    let encoder = sample.main().and_then(|main| main.rates.frames_per_second);
    let lowest = viewers().filter(|viewer| viewer.estimate_kbps.is_some()).min_by_key(|viewer| viewer.estimate_kbps);
    let passes = sample.path == Some(SentPath::PassThrough);
    FeedRates {
        sent_kbps: if sample.viewers.is_empty() { Some(0.0) } else { sent },
        goodput_kbps: add(viewers().map(ViewerSample::goodput_kbps)),
        estimate_kbps: lowest.and_then(|viewer| viewer.estimate_kbps).map(f64::from),
        estimate_basis: lowest.and_then(|viewer| viewer.estimate_basis),
        round_trip_time: largest(viewers().filter_map(|viewer| viewer.remote()?.round_trip_time)),
        jitter: largest(viewers().filter_map(|viewer| viewer.remote()?.jitter)),
        fraction_lost: largest(viewers().filter_map(|viewer| Some(viewer.remote()?.fraction_lost))),
        frames_per_second: if passes { sample.camera.frames_per_second } else { encoder },
    }
}

/// The sum of what is known; `None` where nothing is.
fn add(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    values.into_iter().flatten().reduce(|sum, value| sum + value)
}

fn largest(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.reduce(f64::max)
}

/// A time that rates can be made of.
fn span(seconds: f64) -> Option<f64> {
    (seconds > 0.0 && seconds <= RateMaker::LONGEST_INTERVAL.as_secs_f64()).then_some(seconds)
}

/// `None` where the counter began anew.
fn per_second(now: u64, before: u64, seconds: f64) -> Option<f64> {
    let more = now.checked_sub(before)?;
    (seconds > 0.0).then(|| more as f64 / seconds)
}

fn kbps(bytes_per_second: f64) -> f64 {
    bytes_per_second * 8.0 / 1000.0
}

/// The share of each in a time that was added up; `None` where nobody adds it up.
fn mean(more: f64, count: Option<u64>) -> Option<f64> {
    let count = count.filter(|count| *count > 0)?;
    (more > 0.0).then(|| more / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::RenditionRole,
        stats::{OutboundRtp, TransportFeedback},
    };

    const SSRC: u32 = 7;

    fn stream(timestamp: f64, packets_sent: u64, bytes_sent: u64) -> StreamSample {
        let outbound = OutboundRtp { ssrc: SSRC, packets_sent, bytes_sent, ..OutboundRtp::default() };
        StreamSample { timestamp, outbound, ..StreamSample::default() }
    }

    fn report(lost: i64, round_trip_time: f64, highest_sequence: u32) -> RemoteInboundRtp {
        RemoteInboundRtp {
            packets_lost: lost,
            round_trip_time: Some(round_trip_time),
            jitter: Some(0.001),
            highest_sequence: Some(highest_sequence),
            ..RemoteInboundRtp::default()
        }
    }

    fn viewer(session: &str, picture: StreamSample) -> ViewerSample {
        ViewerSample { session: session.into(), picture: Some(picture), ..ViewerSample::default() }
    }

    fn feed(viewers: &[ViewerSample]) -> FeedSample {
        FeedSample { viewers: viewers.to_vec(), ..FeedSample::default() }
    }

    /// Completes samples that were taken at these seconds.
    fn completed<const N: usize>(samples: [(f64, FeedSample); N]) -> [FeedSample; N] {
        let (mut maker, start) = (RateMaker::default(), Instant::now());
        samples.map(|(second, mut sample)| {
            maker.complete(&mut sample, start + Duration::from_secs_f64(second));
            sample
        })
    }

    #[test]
    fn counters_become_rates_by_their_own_time() {
        // Read half a second apart, but counted 0.4 s apart.
        let [first, second] = completed([
            (0.0, feed(&[viewer("a", stream(10.0, 100, 100_000))])),
            (0.5, feed(&[viewer("a", stream(10.4, 180, 200_000))])),
        ]);
        assert_eq!((first.interval, first.viewers[0].rates.sent_kbps, first.rates.sent_kbps), (None, None, None));
        let rates = second.viewers[0].picture.as_ref().unwrap().rates;
        assert_near(rates.sent_kbps, 2000.0);
        assert_near(rates.packets_per_second, 200.0);
        assert_near(second.rates.sent_kbps, 2000.0);
        assert_eq!(second.interval, Some(0.5));
    }

    #[test]
    fn viewers_come_and_go_without_a_bend() {
        let one = |second: f64| viewer("a", stream(second, 0, 250_000 * second as u64));
        let late = |second: f64, bytes| viewer("b", stream(second, 0, bytes));
        let samples = completed([
            (1.0, feed(&[one(1.0)])),
            (2.0, feed(&[one(2.0), late(2.0, 9_000_000)])),
            (3.0, feed(&[one(3.0), late(3.0, 9_125_000)])),
            (4.0, feed(&[late(4.0, 9_250_000)])),
            (5.0, feed(&[])),
        ]);
        let sent = samples.map(|sample| sample.rates.sent_kbps);
        assert_eq!(sent[0], None, "nothing is known of one sample");
        assert_eq!(sent[1..], [Some(2000.0), Some(3000.0), Some(1000.0), Some(0.0)]);
    }

    #[test]
    fn a_counter_that_begins_anew_makes_a_gap_and_no_rate() {
        let other_ssrc = {
            let mut stream = stream(12.0, 900, 900_000);
            stream.outbound.ssrc = 8;
            stream
        };
        let [_, fewer, other] = completed([
            (0.0, feed(&[viewer("a", stream(10.0, 500, 500_000))])),
            (1.0, feed(&[viewer("a", stream(11.0, 1, 1000))])),
            (2.0, feed(&[viewer("a", other_ssrc)])),
        ]);
        assert_eq!(fewer.viewers[0].rates.sent_kbps, None);
        assert_eq!(other.viewers[0].rates.sent_kbps, None);
        let encoding = |number, bytes_encoded| EncodingSample { number, bytes_encoded, ..EncodingSample::default() };
        let with = |encoding| FeedSample { encodings: vec![encoding], ..FeedSample::default() };
        let [_, same, another] = completed([
            (0.0, with(encoding(1, 1000))),
            (1.0, with(encoding(1, 126_000))),
            (2.0, with(encoding(2, 900_000))),
        ]);
        assert_eq!(same.encodings[0].rates.encoded_kbps, Some(1000.0));
        assert_eq!(another.encodings[0].rates.encoded_kbps, None, "another encoder counts from zero");
    }

    #[test]
    fn what_was_counted_across_an_outage_is_no_rate() {
        let [_, late, next] = completed([
            (0.0, feed(&[viewer("a", stream(10.0, 0, 0))])),
            (11.0, feed(&[viewer("a", stream(21.0, 9, 9000))])),
            (12.0, feed(&[viewer("a", stream(22.0, 10, 134_000))])),
        ]);
        assert_eq!((late.interval, late.rates.sent_kbps), (None, None));
        assert_eq!(next.rates.sent_kbps, Some(1000.0));
    }

    #[test]
    fn counters_that_nobody_renewed_are_no_standstill() {
        let [_, again] = completed([
            (0.0, feed(&[viewer("a", stream(10.0, 5, 5000))])),
            (0.5, feed(&[viewer("a", stream(10.0, 5, 5000))])),
        ]);
        assert_eq!(again.viewers[0].rates.sent_kbps, None);
    }

    #[test]
    fn a_report_that_is_read_twice_counts_once_and_grows_old() {
        let with = |second: f64, report| {
            let picture = StreamSample { remote: Some(report), ..stream(second, 10 * second as u64, 0) };
            (second, feed(&[viewer("a", picture)]))
        };
        let samples = completed([
            with(0.0, report(0, 0.020, 10)),
            with(0.5, report(0, 0.020, 10)),
            with(1.0, report(0, 0.021, 20)),
            with(1.5, report(0, 0.021, 30)),
            with(9.5, report(0, 0.021, 30)),
            with(10.0, report(0, 0.021, 30)),
            with(10.5, report(1, 0.050, 40)),
        ]);
        let told = samples.map(|sample| sample.viewers[0].remote().map(|remote| remote.reports_received));
        assert_eq!(told, [Some(1), Some(1), Some(2), Some(3), Some(3), None, Some(4)]);
    }

    #[test]
    fn loss_is_of_what_was_sent_and_lost_meanwhile() {
        let with = |second: f64, sent, lost| {
            let picture = StreamSample { remote: Some(report(lost, second, 0)), ..stream(second, sent, 0) };
            (second, feed(&[viewer("a", picture)]))
        };
        let [_, some, none, twice] =
            completed([with(1.0, 100, 0), with(2.0, 190, 10), with(3.0, 290, 10), with(4.0, 390, 8)]);
        let loss = |sample: &FeedSample| sample.viewers[0].picture.as_ref().unwrap().rates.loss;
        assert_eq!((loss(&some), loss(&none), loss(&twice)), (Some(0.1), Some(0.0), Some(-2.0 / 98.0)));
    }

    #[test]
    fn what_the_browser_tells_once_a_second_holds_until_it_tells_more() {
        let told = |timestamp, frames_decoded, delay| ViewerReport {
            timestamp,
            frames_decoded,
            jitter_buffer_delay: delay,
            jitter_buffer_emitted_count: frames_decoded,
            ..ViewerReport::default()
        };
        let with = |second, report| {
            (second, feed(&[ViewerSample { report: Some(report), ..viewer("a", stream(second, 0, 0)) }]))
        };
        let [first, next, again] =
            completed([with(0.0, told(1.0, 30, 0.3)), with(1.0, told(2.0, 60, 1.2)), with(1.5, told(2.0, 60, 1.2))]);
        assert_eq!(first.viewers[0].rates.frames_decoded_per_second, None);
        for sample in [next, again] {
            let rates = sample.viewers[0].rates;
            assert_near(rates.frames_decoded_per_second, 30.0);
            assert_near(rates.jitter_buffer_delay, 0.03);
            assert_eq!((rates.decode_time, rates.frozen), (None, Some(0.0)));
        }
    }

    #[test]
    fn a_feed_has_the_sum_of_its_viewers_and_the_worst_of_them() {
        let far = |round_trip, goodput, estimate, second| {
            let remote = RemoteInboundRtp { fraction_lost: round_trip, ..report(0, round_trip, 1) };
            let picture = StreamSample { remote: Some(remote), ..stream(second, 0, 125_000 * second as u64) };
            ViewerSample {
                feedback: Some(TransportFeedback { received_kbps: goodput, ..TransportFeedback::default() }),
                estimate_kbps: Some(estimate),
                ..viewer(&format!("at {round_trip}"), picture)
            }
        };
        let at = |second: f64| (second, feed(&[far(0.02, 900.0, 3000, second), far(0.08, 400.0, 500, second)]));
        let [_, sample] = completed([at(1.0), at(2.0)]);
        let rates = sample.rates;
        assert_eq!((rates.sent_kbps, rates.goodput_kbps), (Some(2000.0), Some(1300.0)));
        assert_eq!((rates.estimate_kbps, rates.round_trip_time), (Some(500.0), Some(0.08)));
        assert_eq!((rates.jitter, rates.fraction_lost), (Some(0.001), Some(0.08)));
    }

    #[test]
    fn the_framerate_is_of_what_is_sent() {
        let at = |second: f64, path| {
            let frames_encoded = (15.0 * second) as u64;
            let encoding = EncodingSample {
                rendition: RenditionRole::Main,
                frames_encoded,
                total_encode_time: frames_encoded as f64 * 0.004,
                ..EncodingSample::default()
            };
            let camera = CameraSample { frames_received: Some((30.0 * second) as u64), ..CameraSample::default() };
            (second, FeedSample { path: Some(path), camera, encodings: vec![encoding], ..FeedSample::default() })
        };
        let [_, encoded, as_it_is] =
            completed([at(1.0, SentPath::Encoded), at(2.0, SentPath::Encoded), at(3.0, SentPath::PassThrough)]);
        assert_eq!(encoded.rates.frames_per_second, Some(15.0));
        assert_near(encoded.encodings[0].rates.encode_time, 0.004);
        assert_eq!(as_it_is.rates.frames_per_second, Some(30.0));
    }

    fn assert_near(value: Option<f64>, expected: f64) {
        let value = value.expect("a value");
        assert!((value - expected).abs() < 1e-6 * expected.abs(), "{value} is not {expected}");
    }
}
