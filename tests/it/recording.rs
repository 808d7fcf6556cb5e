//! What is kept of a feed is what was sent, and any player reads it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use heliograph::{
    config::{AudioConfig, AudioSource, Codec, FeedConfig, FeedId, PathChoice, RecordingConfig},
    engine::{FeedCommand, FeedEvent},
    media::Kept,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    free_port,
    program::{PROGRAM, Program},
    station::SmallStation,
    wait_for,
};

/// What ffprobe reads in a file.
struct Film(Value);

impl Film {
    fn read(path: &Path) -> Self {
        let args = ["-v", "error", "-count_frames", "-show_packets", "-show_streams", "-show_format", "-of", "json"];
        let output = Command::new("ffprobe").args(args).arg(path).output().unwrap();
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {complaints}", path.display());
        println!("{}: {complaints}", path.display());
        Self(serde_json::from_slice(&output.stdout).unwrap())
    }

    fn stream(&self, kind: &str) -> Option<&Value> {
        self.0["streams"].as_array()?.iter().find(|stream| stream["codec_type"] == kind)
    }

    fn packets(&self, kind: &str) -> Vec<&Value> {
        self.0["packets"].as_array().unwrap().iter().filter(|packet| packet["codec_type"] == kind).collect()
    }

    /// Seconds, of all packets of this kind.
    fn times(&self, kind: &str) -> Vec<f64> {
        self.packets(kind).iter().map(|packet| packet["pts_time"].as_str().unwrap().parse().unwrap()).collect()
    }

    fn duration(&self) -> f64 {
        self.0["format"]["duration"].as_str().unwrap().parse().unwrap()
    }

    /// It begins with a key frame, goes forward evenly, and decodes as a whole.
    fn assert_whole(&self, codec: &str, seconds: std::ops::RangeInclusive<f64>) {
        let picture = self.stream("video").expect("there should be a picture");
        assert_eq!(picture["codec_name"], codec);
        let (times, packets) = (self.times("video"), self.packets("video"));
        assert!(packets[0]["flags"].as_str().unwrap().starts_with('K'), "{}", packets[0]);
        assert!(times[0].abs() < 1e-9, "{}", times[0]);
        assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
        let length = times.last().unwrap();
        assert!(seconds.contains(length), "{length} s");
        let expected = length * f64::from(SmallStation::FRAMERATE) + 1.0;
        assert!((times.len() as f64 - expected).abs() <= 3.0, "{} frames in {length} s", times.len());
        assert_eq!(picture["nb_read_frames"], times.len().to_string(), "all frames are decoded");
    }
}

fn station(folder: &Path) -> SmallStation {
    let station = SmallStation::start();
    let config = RecordingConfig { folder: Some(folder.to_owned()), last_seconds: 5, ..RecordingConfig::default() };
    station.station.engine.configure_recording(&config);
    station
}

fn wait_saved(station: &mut SmallStation, feed: &FeedId, what: Kept) -> PathBuf {
    station.wait("a file", feed, |event| match event {
        FeedEvent::Saved { kept, path } if *kept == what => Some(path.clone()),
        FeedEvent::NotSaved { sentence, .. } => panic!("{sentence}"),
        _ => None,
    })
}

/// Waits until the camera's own stream is sent. Until then it is an encoder's, which gets a file of its own.
fn wait_as_it_is(station: &mut SmallStation, feed: &FeedId) {
    let is_so = |event: &FeedEvent| matches!(event, FeedEvent::Path(path) if path.passes_through).then_some(());
    station.wait("the camera's own stream", feed, is_so);
}

/// Records for so long, from the first picture on.
fn record(station: &mut SmallStation, feed: &FeedId, time: Duration) -> Film {
    station.command(feed, FeedCommand::StartRecording);
    let path = station.wait("the first picture", feed, |event| match event {
        FeedEvent::Recording(state) => state.file.clone(),
        FeedEvent::NotSaved { sentence, .. } => panic!("{sentence}"),
        _ => None,
    });
    std::thread::sleep(time);
    station.command(feed, FeedCommand::StopRecording);
    assert_eq!(wait_saved(station, feed, Kept::Recording), path);
    Film::read(&path)
}

#[test]
fn a_recording_holds_what_was_sent_from_a_key_frame_on() {
    let folder = TempDir::new().unwrap();
    let mut station = station(folder.path());
    let as_it_is = station.add("camera", |feed| feed.path = PathChoice::Automatic);
    wait_as_it_is(&mut station, &as_it_is);
    let film = record(&mut station, &as_it_is, Duration::from_secs(5));
    film.assert_whole("h264", 4.0..=6.0);
    assert!((film.duration() - film.times("video").last().unwrap()).abs() < 0.2, "{}", film.duration());
    assert!(film.stream("audio").is_none());

    for (name, codec, named) in [("encoded", Codec::H264, "h264"), ("other", Codec::Vp8, "vp8")] {
        let feed = station.add(name, |feed: &mut FeedConfig| {
            feed.codec = codec;
            feed.audio = AudioConfig { source: AudioSource::Tone, ..AudioConfig::default() };
        });
        let film = record(&mut station, &feed, Duration::from_secs(4));
        film.assert_whole(named, 3.0..=5.0);
        assert_eq!(film.stream("audio").unwrap()["codec_name"], "opus");
        let sound = film.times("audio");
        assert!(sound.is_sorted() && sound.len() as f64 >= 45.0 * film.times("video").last().unwrap(), "{sound:?}");
    }
}

#[test]
fn a_recording_is_of_the_codec_that_is_sent() {
    let folder = TempDir::new().unwrap();
    let mut station = station(folder.path());
    for (codec, named) in [(Codec::H265, "hevc"), (Codec::Vp9, "vp9"), (Codec::Av1, "av1")] {
        let feed = station.add(named, |feed: &mut FeedConfig| feed.codec = codec);
        let film = record(&mut station, &feed, Duration::from_secs(3));
        film.assert_whole(named, 2.0..=4.0);
        station.command(&feed, FeedCommand::Stop);
    }
}

#[test]
fn the_last_seconds_and_single_pictures_are_saved_on_command() {
    let folder = TempDir::new().unwrap();
    let mut station = station(folder.path());
    // It does not run by itself: what is kept has it run.
    let feed = station.add("bow", |feed| (feed.path, feed.keep_warm) = (PathChoice::Automatic, false));
    station.command(&feed, FeedCommand::SaveLast);
    let refused = station.wait("a refusal", &feed, |event| match event {
        FeedEvent::NotSaved { kept: Kept::Last, sentence } => Some(sentence.clone()),
        _ => None,
    });
    assert!(refused.contains("not being kept"), "{refused}");
    station.command(&feed, FeedCommand::KeepLast { on: true });
    wait_as_it_is(&mut station, &feed);
    std::thread::sleep(Duration::from_secs(9));
    station.command(&feed, FeedCommand::SaveLast);
    let path = wait_saved(&mut station, &feed, Kept::Last);
    // Five seconds, and up to a GOP of one more.
    Film::read(&path).assert_whole("h264", 4.5..=6.5);

    station.command(&feed, FeedCommand::Snapshot);
    let picture = Film::read(&wait_saved(&mut station, &feed, Kept::Snapshot));
    let stream = picture.stream("video").unwrap();
    assert_eq!((&stream["codec_name"], &stream["width"]), (&"mjpeg".into(), &SmallStation::SIZE.width.into()));
    assert_eq!(stream["nb_read_frames"], "1");
}

/// The recordings in a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_recording_that_is_cut_off_is_read_up_to_there() {
    let folder = TempDir::new().unwrap();
    let program = Program::serve(&["--demo", "--record", folder.path().to_str().unwrap()]);
    let length = || Some(std::fs::metadata(files(folder.path()).last()?).unwrap().len());
    wait_for("a file of some seconds", Duration::from_secs(40), || length().filter(|length| *length > 200_000));
    // The program ends without another word (SIGKILL).
    drop(program);
    let film = Film::read(files(folder.path()).last().unwrap());
    let times = film.times("video");
    assert!(times.len() > 30 && times.is_sorted_by(|a, b| a < b), "{times:?}");
    // The last frame may be half there.
    let decoded: usize = film.stream("video").unwrap()["nb_read_frames"].as_str().unwrap().parse().unwrap();
    assert!(decoded + 2 >= times.len(), "{decoded} of {}", times.len());
}

#[test]
fn a_full_disk_is_told_and_the_feed_goes_on() {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=1m none \"$1\" && shift && exec \"$@\"";
    command.args(["-m", "sh", "-c", script, "sh"]).arg(folder.path()).arg(PROGRAM);
    let can_mount = Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "none"]).arg(folder.path()).status();
    if !can_mount.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no small disk can be made here, try as root");
        return;
    }
    let listen = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
    let args = ["--demo", "--record", folder.path().to_str().unwrap()];
    let mut program = Program::launch(command, listen, &args, &[]);
    program.wait_state("demo", "live", Duration::from_secs(20));
    let line = program.wait_line("is full", Duration::from_mins(1));
    assert!(line.contains("Make room there"), "{line}");
    let inside = PathBuf::from(format!("/proc/{}/root", program.id())).join(folder.path().strip_prefix("/").unwrap());
    let film = Film::read(&files(&inside)[0]);
    assert!(film.times("video").len() > 30, "what was written before is there");
    let states = program.lines().iter().filter(|line| line.contains("state=")).count();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(program.lines().iter().filter(|line| line.contains("state=")).count(), states, "it is live as before");
    assert_eq!(program.terminate("TERM").0, Some(0));
}
