//! The columns of a record, and what stands in them.

use std::{collections::HashMap, fmt::Write};

use chrono::{DateTime, Local};

use crate::{
    config::{ChangedBy, CsvProfile, RenditionRole, ShareState},
    stats::{
        CandidatePair, EstimateBasis, FeedSample, OutboundRtp, RemoteInboundRtp, StreamSample, TransportFeedback,
        ViewerReport, ViewerSample,
    },
};

/// The columns of `GstWebRTCApp`'s recorder, whose formulas these are, too.
pub const GSTWEBRTCAPP_COLUMNS: &str = "timestamp,ssrc,burst_lost_packets,lost_packets,fraction_loss_rate,loss_rate,\
ext_highest_seq,rtt_ms,jitter_ms,nack_count,pli_count,rx_packets,rx_mbytes,tx_rate_mbits,rx_rate_mbits";

/// The columns of a full record: the feed's, which every line repeats, and one viewer's.
pub const FULL_COLUMNS: &str = "timestamp,time,bitrate_kbps,set_by,share_state,share_kbps,path,camera_kbps,camera_fps,\
encoder,target_kbps,encoded_kbps,width,height,fps_in,fps_out,frames_dropped,key_frames_asked,key_frames_made,encode_time_ms,queue_age_ms,\
session,viewer,rendition,ssrc,packets_sent,bytes_sent,sent_kbps,wire_kbps,nack_count,pli_count,fir_count,\
retransmitted_packets,fraction_lost,packets_lost,loss,jitter_ms,rtt_ms,ext_highest_seq,reports,goodput_kbps,\
twcc_sent_kbps,twcc_fraction_lost,delay_growth_ms,estimate_kbps,estimate_basis,local_candidate,remote_candidate,frames_decoded,\
viewer_frames_dropped,decoded_fps,freeze_count,frozen,jitter_buffer_ms,decode_time_ms,picture_age_ms";

/// Makes lines of samples.
pub(super) struct Table {
    profile: CsvProfile,
    header: String,
    /// The last report of each session, by its number.
    reports: HashMap<String, u64>,
}

impl Table {
    pub(super) fn new(profile: CsvProfile) -> Self {
        let columns = match profile {
            CsvProfile::Full => FULL_COLUMNS,
            CsvProfile::GstWebRtcApp => GSTWEBRTCAPP_COLUMNS,
        };
        Self { profile, header: format!("{columns}\n"), reports: HashMap::new() }
    }

    pub(super) fn header(&self) -> &str {
        &self.header
    }

    /// Adds the lines of a sample.
    pub(super) fn add(&mut self, sample: &FeedSample, text: &mut String) {
        match self.profile {
            CsvProfile::Full if sample.viewers.is_empty() => full(sample, &ViewerSample::default(), text),
            CsvProfile::Full => sample.viewers.iter().for_each(|viewer| full(sample, viewer, text)),
            CsvProfile::GstWebRtcApp => self.add_new_reports(sample, text),
        }
    }

    /// A line for each viewer with a report that is another one than in the sample before. The first
    /// sample only says which those are.
    fn add_new_reports(&mut self, sample: &FeedSample, text: &mut String) {
        for viewer in &sample.viewers {
            let Some(picture) = &viewer.picture else { continue };
            let (Some(report), Some(_)) = (&picture.remote, &viewer.candidate_pair) else { continue };
            let before = self.reports.insert(viewer.session.clone(), report.reports_received);
            if before.is_some_and(|before| before != report.reports_received) {
                gstwebrtcapp(sample.time, picture, report, viewer.feedback.as_ref(), text);
            }
        }
        self.reports.retain(|session, _| sample.viewers.iter().any(|viewer| viewer.session == *session));
    }
}

/// The moment in local time, as `GstWebRTCApp` writes it.
fn timestamp(time: f64) -> String {
    let moment = DateTime::from_timestamp_micros((time * 1e6) as i64).unwrap_or_default();
    moment.with_timezone(&Local).format("%Y-%m-%d-%H_%M_%S_%3f").to_string()
}

fn gstwebrtcapp(
    time: f64,
    picture: &StreamSample,
    report: &RemoteInboundRtp,
    feedback: Option<&TransportFeedback>,
    text: &mut String,
) {
    let StreamSample { outbound, rates, .. } = picture;
    let mut line = Line::new(text);
    line.text(&timestamp(time));
    line.count(report.ssrc);
    // The report's eight bits, as they came.
    line.count(Some((report.fraction_lost * 256.0).round() as u64));
    line.number(Some(report.packets_lost as f64));
    line.number(rates.loss);
    line.number(Some(cumulative_loss(outbound, report)));
    line.count(report.highest_sequence);
    line.number(report.round_trip_time.map(milliseconds));
    line.number(report.jitter.map(milliseconds));
    line.count(Some(outbound.nack_count));
    line.count(Some(outbound.pli_count));
    line.count(outbound.wire_packets);
    line.number(outbound.wire_bytes.map(|bytes| bytes as f64 / 1e6));
    let megabits = |kbps: f64| kbps / 1000.0;
    line.number(feedback.map(|feedback| feedback.sent_kbps).or(rates.sent_kbps).map(megabits));
    line.number(feedback.map(|feedback| feedback.received_kbps).or(rates.wire_kbps).map(megabits));
    line.end();
}

/// Since the stream began.
fn cumulative_loss(outbound: &OutboundRtp, report: &RemoteInboundRtp) -> f64 {
    let lost = report.packets_lost as f64;
    let all = outbound.packets_sent as f64 + lost;
    if all > 0.0 { lost / all } else { 0.0 }
}

fn full(sample: &FeedSample, viewer: &ViewerSample, text: &mut String) {
    let mut line = Line::new(text);
    feed_cells(sample, &mut line);
    viewer_cells(viewer, &mut line);
    line.end();
}

fn feed_cells(sample: &FeedSample, line: &mut Line<'_>) {
    line.text(&timestamp(sample.time));
    line.number(Some(sample.time));
    let in_force = sample.in_force.as_ref();
    line.count(in_force.map(|in_force| in_force.setpoint.bitrate_kbps));
    line.text(match in_force.map(|in_force| &in_force.by) {
        Some(ChangedBy::Settings) => "settings",
        Some(ChangedBy::Person) => "person",
        Some(ChangedBy::Agent(name)) => name,
        Some(ChangedBy::Controller) => "controller",
        None => "",
    });
    line.text(sample.share_state.map_or("", ShareState::key));
    line.count(sample.share_kbps);
    line.text(sample.path.map_or("", super::super::SentPath::key));
    line.number(sample.camera.received_kbps);
    line.number(sample.camera.frames_per_second);
    let main = sample.main();
    line.text(main.map_or("", |main| &main.encoder));
    line.count(main.map(|main| main.target_kbps));
    line.number(main.and_then(|main| main.rates.encoded_kbps));
    line.count(main.and_then(|main| main.frame_width));
    line.count(main.and_then(|main| main.frame_height));
    line.number(main.and_then(|main| main.rates.frames_in_per_second));
    line.number(main.and_then(|main| main.rates.frames_per_second));
    line.count(main.map(|main| main.frames_dropped));
    line.count(main.map(|main| main.key_frames.asked));
    line.count(main.map(|main| main.key_frames.made));
    line.number(main.and_then(|main| main.rates.encode_time).map(milliseconds));
    line.number(main.and_then(|main| main.queue_age).map(milliseconds));
}

fn viewer_cells(viewer: &ViewerSample, line: &mut Line<'_>) {
    line.text(&viewer.session);
    line.text(viewer.viewer.as_deref().unwrap_or_default());
    line.text(viewer.rendition.map_or("", RenditionRole::key));
    stream_cells(viewer.picture.as_ref(), line);
    let feedback = viewer.feedback.as_ref();
    line.number(feedback.map(|feedback| feedback.received_kbps));
    line.number(feedback.map(|feedback| feedback.sent_kbps));
    line.number(feedback.map(|feedback| feedback.fraction_lost));
    line.number(feedback.and_then(|feedback| feedback.delay_growth).map(milliseconds));
    line.count(viewer.estimate_kbps);
    line.text(viewer.estimate_basis.map_or("", EstimateBasis::key));
    let CandidatePair { local, remote } = viewer.candidate_pair.clone().unwrap_or_default();
    for end in [local, remote] {
        line.text(&end.map_or_else(String::new, |end| format!("{} {}:{}", end.candidate_type, end.address, end.port)));
    }
    report_cells(viewer.report.as_ref(), viewer, line);
}

fn stream_cells(picture: Option<&StreamSample>, line: &mut Line<'_>) {
    let sent = picture.map(|picture| &picture.outbound);
    let rates = picture.map(|picture| picture.rates).unwrap_or_default();
    line.count(sent.map(|sent| sent.ssrc));
    line.count(sent.map(|sent| sent.packets_sent));
    line.count(sent.map(|sent| sent.bytes_sent));
    line.number(rates.sent_kbps);
    line.number(rates.wire_kbps);
    line.count(sent.map(|sent| sent.nack_count));
    line.count(sent.map(|sent| sent.pli_count));
    line.count(sent.map(|sent| sent.fir_count));
    line.count(sent.and_then(|sent| sent.retransmitted_packets_sent));
    let report = picture.and_then(|picture| picture.remote.as_ref());
    line.number(report.map(|report| report.fraction_lost));
    line.number(report.map(|report| report.packets_lost as f64));
    line.number(rates.loss);
    line.number(report.and_then(|report| report.jitter).map(milliseconds));
    line.number(report.and_then(|report| report.round_trip_time).map(milliseconds));
    line.count(report.and_then(|report| report.highest_sequence));
    line.count(report.map(|report| report.reports_received));
}

fn report_cells(report: Option<&ViewerReport>, viewer: &ViewerSample, line: &mut Line<'_>) {
    let rates = viewer.rates;
    line.count(report.map(|report| report.frames_decoded));
    line.count(report.map(|report| report.frames_dropped));
    line.number(rates.frames_decoded_per_second);
    line.count(report.map(|report| report.freeze_count));
    line.number(rates.frozen);
    line.number(rates.jitter_buffer_delay.map(milliseconds));
    line.number(rates.decode_time.map(milliseconds));
    line.number(report.and_then(|report| report.picture_age).map(milliseconds));
}

fn milliseconds(seconds: f64) -> f64 {
    seconds * 1000.0
}

/// A line of cells. What is not known is an empty one.
struct Line<'a> {
    text: &'a mut String,
    is_first: bool,
}

impl<'a> Line<'a> {
    fn new(text: &'a mut String) -> Self {
        Self { text, is_first: true }
    }

    fn next(&mut self) -> &mut String {
        if !std::mem::take(&mut self.is_first) {
            self.text.push(',');
        }
        self.text
    }

    fn count(&mut self, value: Option<impl Into<u64>>) {
        let text = self.next();
        if let Some(value) = value {
            let _ = write!(text, "{}", value.into());
        }
    }

    /// With as many digits as say something.
    fn number(&mut self, value: Option<f64>) {
        let text = self.next();
        if let Some(value) = value.filter(|value| value.is_finite()) {
            // No “-0”.
            let rounded = (value * 1e6).round() / 1e6 + 0.0;
            let _ = write!(text, "{rounded}");
        }
    }

    /// RFC 4180. Viewers choose their names: one that a spreadsheet would carry out is made harmless.
    fn text(&mut self, value: &str) {
        let text = self.next();
        let formula = if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        if value.contains(['"', ',', '\n', '\r']) {
            let _ = write!(text, "\"{formula}{}\"", value.replace('"', "\"\""));
        } else {
            let _ = write!(text, "{formula}{value}");
        }
    }

    fn end(self) {
        self.text.push('\n');
    }
}
