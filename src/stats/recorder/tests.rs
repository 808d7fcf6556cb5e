//! What stands in the files, and what becomes of a record when the disk is full.

use std::{
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use super::*;
use crate::{
    config::CsvProfile,
    stats::{CandidatePair, OutboundRtp, RateMaker, RemoteInboundRtp, StreamSample, TransportFeedback, ViewerSample},
};

fn feed() -> FeedId {
    FeedId::from_name("bow")
}

fn config(folder: &Path, csv_profile: CsvProfile) -> StatisticsConfig {
    StatisticsConfig { csv_folder: Some(folder.to_owned()), csv_profile, ..StatisticsConfig::default() }
}

/// Two seconds of a session, with the figures of a real one at its end.
fn samples(with_feedback: bool) -> [FeedSample; 3] {
    let mut maker = RateMaker::default();
    let start = Instant::now();
    let at = [
        // Second, packets and bytes sent, lost, report's lag.
        (0.0, 240_000_u64, 299_872_872_u64, 0_i64, 3000_u32),
        (1.0, 240_374, 300_372_872, 0, 3000),
        (2.0, 240_748, 300_872_872, 1, 3451),
    ];
    at.map(|(second, packets_sent, bytes_sent, packets_lost, round_trip)| {
        let outbound = OutboundRtp {
            ssrc: 2_966_238_225,
            clock_rate: Some(90_000),
            packets_sent,
            bytes_sent,
            nack_count: 11,
            pli_count: 1,
            wire_packets: Some(packets_sent),
            wire_bytes: Some(bytes_sent + 40 * packets_sent),
            ..OutboundRtp::default()
        };
        let remote = RemoteInboundRtp {
            ssrc: Some(1),
            fraction_lost: 3.0 / 256.0,
            packets_lost,
            jitter: Some(1089.0 / 90_000.0),
            round_trip_time: Some(f64::from(round_trip) / 65536.0),
            highest_sequence: Some(244_164),
            reports_received: 0,
        };
        let feedback = TransportFeedback { sent_kbps: 8318.103, received_kbps: 8200.5, ..TransportFeedback::default() };
        let viewer = ViewerSample {
            session: "one".into(),
            viewer: Some("=1+1, \"bridge\"".into()),
            picture: Some(StreamSample {
                timestamp: second,
                outbound,
                remote: Some(remote),
                ..StreamSample::default()
            }),
            candidate_pair: Some(CandidatePair::default()),
            feedback: with_feedback.then_some(feedback),
            ..ViewerSample::default()
        };
        let mut sample =
            FeedSample { time: 1_719_396_333.123 + second, viewers: vec![viewer], ..FeedSample::default() };
        maker.complete(&mut sample, start + Duration::from_secs_f64(second));
        sample
    })
}

fn lines(profile: CsvProfile, samples: &[FeedSample]) -> Vec<String> {
    let (mut table, mut text) = (Table::new(profile), String::new());
    for sample in samples {
        table.add(sample, &mut text);
    }
    text.lines().map(str::to_owned).collect()
}

/// By hand: fraction 1/(374+1) = 0.002667; cumulative 1/(240748+1) = 0.00000415; round trip
/// 3451/65536·1000 = 52.658081; jitter 1089/90000·1000 = 12.1; megabytes (300872872+40·240748)/10⁶ =
/// 310.502792; sent 500000·8/10⁶ = 4; on the wire (500000+40·374)·8/10⁶ = 4.11968.
#[test]
fn the_columns_of_gstwebrtcapp_have_its_formulas() {
    let found = lines(CsvProfile::GstWebRtcApp, &samples(false));
    assert_eq!(found.len(), 1, "the first sample primes, the second has the same report: {found:?}");
    let (_, figures) = found[0].split_once(',').unwrap();
    let expected = "1,3,1,0.002667,0.000004,244164,52.658081,12.1,11,1,240748,310.502792,4,4.11968";
    assert_eq!(figures, expected);
    assert_eq!(GSTWEBRTCAPP_COLUMNS.split(',').count(), found[0].split(',').count());
    // Local time, to the millisecond.
    let stamp = found[0].split(',').next().unwrap();
    assert!(stamp.starts_with("2024-06-2") && stamp.ends_with("_35_123") && stamp.len() == 23, "{stamp}");
}

#[test]
fn what_the_transport_tells_goes_before_what_the_sender_counts() {
    let found = lines(CsvProfile::GstWebRtcApp, &samples(true));
    assert!(found[0].ends_with(",8.318103,8.2005"), "{found:?}");
}

#[test]
fn a_full_line_has_a_cell_for_every_column_and_none_that_a_spreadsheet_carries_out() {
    let found = lines(CsvProfile::Full, &samples(true));
    assert_eq!(found.len(), 3);
    let name = "\"'=1+1, \"\"bridge\"\"\"";
    assert!(found[0].contains(name), "{}", found[0]);
    let columns = FULL_COLUMNS.split(',').count();
    for line in &found {
        assert_eq!(line.replace(name, "").split(',').count(), columns, "{line}");
    }
    let nobody = lines(CsvProfile::Full, &[FeedSample::default()]);
    assert_eq!(nobody[0].split(',').count(), columns, "a feed without viewers has a line, too");
}

#[test]
fn a_record_is_flushed_and_ended_with_its_recorder() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("not/there/yet");
    let mut recorder = Recorder::start(&feed(), &config(&below, CsvProfile::Full), Box::new(|_| {}));
    for sample in samples(true) {
        recorder.record(&sample);
    }
    let read = || {
        let files = fs::read_dir(&below).into_iter().flatten();
        files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect::<String>()
    };
    wait_for(|| read().lines().count() == 4);
    assert!(read().starts_with("timestamp,time,"));
    recorder.record(&samples(true)[0]);
    drop(recorder);
    wait_for(|| read().lines().count() == 5);
}

fn wait_for(is_it: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !is_it() {
        assert!(Instant::now() < end, "waited in vain");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn another_file_is_begun_by_size_and_by_time_with_a_header_each() {
    let folder = tempfile::tempdir().unwrap();
    let config = StatisticsConfig { csv_file_mb: 1, ..config(folder.path(), CsvProfile::Full) };
    let mut files = Files::new(folder.path().to_owned(), &feed(), &config);
    let start = Instant::now();
    let lines = "x\n".repeat(300_000);
    let mut append = |minutes: u64| {
        files.append("header\n", &lines, start + Duration::from_mins(minutes)).unwrap();
        // File names tell milliseconds apart.
        thread::sleep(Duration::from_millis(2));
    };
    append(0);
    append(1);
    append(59);
    append(60 + 58);
    let mut found: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    found.sort();
    let texts: Vec<String> = found.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert_eq!(texts.len(), 4, "600 kB each, of 1 MB: {found:?}");
    assert!(texts.iter().all(|text| text.matches("header").count() == 1 && text.len() <= 1_000_000));
    assert!(found[0].file_name().unwrap().to_str().unwrap().starts_with("bow_2"), "{found:?}");
}

/// A disk with so much room, on which half of what is too much is written.
struct Disk {
    room: Arc<AtomicU64>,
    written: Arc<Mutex<Vec<Vec<u8>>>>,
    file: usize,
}

impl files::Target for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = self.room.load(Ordering::Relaxed);
        let taken = (bytes.len() as u64).min(room);
        self.room.fetch_sub(taken, Ordering::Relaxed);
        self.written.lock().unwrap()[self.file].extend(&bytes[..taken as usize]);
        if taken < bytes.len() as u64 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.written.lock().unwrap()[self.file].truncate(length as usize);
        Ok(())
    }
}

#[test]
fn a_full_disk_is_told_once_and_survived() {
    let (room, written) = (Arc::new(AtomicU64::new(100_000)), Arc::<Mutex<Vec<Vec<u8>>>>::default());
    let told = Arc::<Mutex<Vec<String>>>::default();
    let open: files::Open = Box::new({
        let (room, written) = (room.clone(), written.clone());
        move |_| {
            written.lock().unwrap().push(Vec::new());
            let file = written.lock().unwrap().len() - 1;
            Ok(Box::new(Disk { room: room.clone(), written: written.clone(), file }))
        }
    });
    let config = config(Path::new("/var/csv"), CsvProfile::Full);
    let mut writer = Writer {
        feed: feed(),
        folder: "/var/csv".into(),
        table: Table::new(CsvProfile::Full),
        files: Files::by("/var/csv".into(), &feed(), &config, open),
        text: String::new(),
        failed_at: None,
        tell: Box::new({
            let told = told.clone();
            move |sentence| told.lock().unwrap().push(sentence)
        }),
    };
    let (start, seconds) = (Instant::now(), Duration::from_secs);
    let mut second = |at: u64, room_now: Option<u64>| {
        if let Some(now) = room_now {
            room.store(now, Ordering::Relaxed);
        }
        for sample in samples(true) {
            writer.take(&sample);
        }
        writer.write(start + seconds(at));
    };
    second(0, None);
    second(1, Some(50));
    for at in 2..60 {
        second(at, None);
    }
    assert_eq!(told.lock().unwrap().len(), 1, "{told:?}");
    assert!(
        told.lock().unwrap()[0].starts_with("The disk is full: its statistics are not recorded. Make room in /var/csv")
    );
    second(60, Some(100_000));
    second(66, None);
    second(67, None);
    assert_eq!(told.lock().unwrap().len(), 2);
    assert_eq!(told.lock().unwrap()[1], "Its statistics are recorded again, in /var/csv.");
    let written = written.lock().unwrap();
    let texts: Vec<_> = written.iter().map(|text| String::from_utf8(text.clone()).unwrap()).collect();
    assert_eq!(texts[0].lines().count(), 4, "no half line stays");
    assert!(texts[0].ends_with('\n'));
    let last = texts.last().unwrap();
    assert!(last.starts_with("timestamp,") && last.lines().count() > 3 && last.ends_with('\n'), "{last}");
}
