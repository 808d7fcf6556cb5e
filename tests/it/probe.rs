//! `heliograph probe` says what cameras, files and devices really send, and why one sends nothing.

use std::{
    io::Read,
    net::TcpListener,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use heliograph::{
    config::{SourceAddress, TransportChoice},
    media::{
        self,
        probe::{BFrames, Chroma, ProbeLimits, ProbeReport, ProbeTarget, RtspTarget, probe},
        source::Transport,
    },
};
use serde_json::Value;

use crate::support::{camera::Camera, free_port, media_file::MediaFile, no_camera::NoCamera, program::PROGRAM};

/// What `heliograph probe` printed, and its exit code.
struct Answer {
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(args: &[&str], env: &[(&str, &str)]) -> Answer {
    let output = Command::new(PROGRAM).arg("probe").args(args).envs(env.iter().copied()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let answer = Answer { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    println!("{}{}", answer.out, answer.err);
    answer
}

/// The report of a source that works.
fn report(args: &[&str]) -> ProbeReport {
    let answer = run(&[&["--json"], args].concat(), &[]);
    assert_eq!(answer.code, Some(0), "{args:?}");
    serde_json::from_str(&answer.out).unwrap()
}

/// The error of a source that does not, which is the same as JSON and as text.
fn error(source: &str, env: &[(&str, &str)], more: &[&str]) -> Value {
    let answer = run(&[&["--json", source], more].concat(), env);
    assert_eq!(answer.code, Some(1), "{source}");
    let report: Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(report["version"], 1);
    report["error"].clone()
}

fn is_near(value: Option<f64>, expected: f64, share: f64) -> bool {
    value.is_some_and(|value| (value - expected).abs() <= expected * share)
}

#[test]
fn the_demo_camera_is_told_to_people_and_programs() {
    let report = report(&["demo:", "--seconds", "3"]);
    assert_eq!((report.version, report.source.as_str()), (1, "demo:"));
    let video = report.video.unwrap();
    assert_eq!((video.codec.as_str(), video.width, video.height), ("H.264", 1280, 720));
    assert_eq!((video.b_frames, video.chroma, video.interlaced), (BFrames::No, Some(Chroma::Yuv420), false));
    assert_eq!(video.key_frames.distance_frames, Some(30));
    assert!(is_near(video.framerate, 30.0, 0.1), "{:?}", video.framerate);
    assert!(report.pass_through_candidate);
    let connection = report.connection.unwrap();
    assert_eq!((connection.transport, connection.login), (Transport::Udp, Some(Vec::new())));
    assert!(connection.server.is_some_and(|server| server.contains("GStreamer")));
    assert!(connection.first_picture_ms >= connection.first_packet_ms);
    assert!(connection.packets.is_some_and(|packets| packets.received > 100));

    let answer = run(&["demo:", "--seconds", "1"], &[]);
    assert_eq!((answer.code, answer.err.as_str()), (Some(0), ""));
    for words in ["H.264", "1280×720", "B-frames", "avdec_h264", "goes to viewers as it is"] {
        assert!(answer.out.contains(words), "no {words} in:\n{}", answer.out);
    }
}

#[test]
fn files_are_looked_into() {
    let cases = [
        (MediaFile::h264(), "H.264", BFrames::No, Some(25), 25.0),
        (MediaFile::h264_b_frames(), "H.264", BFrames::Yes, Some(25), 25.0),
        (MediaFile::h264_one_key_frame(), "H.264", BFrames::No, None, 25.0),
        (MediaFile::h265_rare_key_frames(), "H.265", BFrames::No, Some(40), 20.0),
        (MediaFile::mjpeg(), "Motion JPEG", BFrames::No, Some(1), 25.0),
    ];
    for (file, codec, b_frames, distance, framerate) in cases {
        let report = report(&[&file_address(&file.path())]);
        let video = report.video.unwrap();
        let told = (video.codec.as_str(), video.b_frames, video.key_frames.distance_frames);
        assert_eq!(told, (codec, b_frames, distance));
        assert!(is_near(video.framerate, framerate, 0.02), "{codec}: {:?}", video.framerate);
        assert!(video.seconds >= 3.9, "{codec}: {}", video.seconds);
        let is_plain = b_frames == BFrames::No && codec == "H.264" && video.chroma == Some(Chroma::Yuv420);
        assert_eq!(report.pass_through_candidate, is_plain, "{codec}");
        assert_eq!(report.streams[0].codec, codec);
    }
}

fn file_address(path: &Path) -> String {
    format!("file://{}", path.display())
}

#[test]
fn a_foreign_camera_is_looked_into() {
    let camera = Camera::vlc(free_port(), MediaFile::h264_b_frames());
    let report = report(&[&camera.url()]);
    let video = report.video.unwrap();
    assert_eq!((video.codec.as_str(), video.b_frames), ("H.264", BFrames::Yes));
    assert_eq!((video.width, video.height), (640, 360));
    assert!(!report.pass_through_candidate);
    let sound = report.streams.iter().find(|stream| stream.media == "audio").unwrap();
    assert_eq!((sound.codec.as_str(), sound.sample_rate, sound.channels), ("AAC", Some(16_000), Some(2)));
    assert!(report.connection.unwrap().server.is_some_and(|server| server.contains("VLC")));
}

#[test]
fn the_other_transport_is_tried_and_said() {
    let camera = Camera::over(free_port(), "tcp");
    let connection = report(&[&camera.url(), "--seconds", "1"]).connection.unwrap();
    assert_eq!(connection.transport, Transport::Tcp);
    assert_eq!(connection.failed.len(), 1);
    assert!(connection.failed[0].contains("does not send over UDP"), "{:?}", connection.failed);
    let error = error(&camera.url(), &[], &["--transport", "udp"]);
    assert_eq!(error["message"], format!("The camera at {} does not send over UDP.", camera.url()));
}

#[test]
fn a_login_is_used_and_never_shown() {
    const PASSWORD: &str = "planted p@ss/w%rd";
    let camera = Camera::locked(free_port(), PASSWORD);
    let login = ["--user", "me", "--password-env", "LOOK_PASSWORD"];
    let url = camera.url();
    let args = [&[url.as_str(), "--json", "--seconds", "1"], &login[..]].concat();
    let answer = run(&args, &[("LOOK_PASSWORD", PASSWORD)]);
    assert_eq!(answer.code, Some(0));
    let report: ProbeReport = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(report.connection.unwrap().login, Some(vec!["Digest".to_owned()]));
    assert!(!format!("{}{}", answer.out, answer.err).contains("planted"));

    let refused = error(&camera.url(), &[("LOOK_PASSWORD", "planted wrong")], &login);
    assert_eq!(refused["kind"], "unauthorized");
    assert_eq!(refused["message"], format!("The camera at {} refuses this user and password.", camera.url()));
    assert!(!refused.to_string().contains("planted"));
    let asked = error(&camera.url(), &[], &[]);
    assert_eq!(asked["message"], format!("The camera at {} asks for a user and a password.", camera.url()));
}

#[test]
fn what_is_wrong_is_said_as_a_feed_says_it() {
    let (web, mute, nobody) = (NoCamera::web(), NoCamera::mute(), free_port());
    let sound = Camera::vlc(free_port(), MediaFile::sound());
    let mpeg4 = Camera::vlc(free_port(), MediaFile::mpeg4());
    let demo = Camera::gstreamer(free_port(), "640x360");
    let no_stream = demo.url().replace("/demo", "/none");
    let place = |port: u16| format!("rtsp://127.0.0.1:{port}/s");
    let cases = [
        ("rtsp://no-such-host.invalid/s".into(), "The host name “no-such-host.invalid” cannot be found.".into()),
        (place(nobody), format!("Nothing listens at port {nobody} of 127.0.0.1.")),
        (place(web.port()), format!("What answers at port {} of 127.0.0.1 does not speak RTSP.", web.port())),
        (
            place(mute.port()),
            format!("What listens at port {} of 127.0.0.1 takes connections and says nothing.", mute.port()),
        ),
        (sound.url(), format!("The stream at {} has no video in it.", sound.url())),
        (mpeg4.url(), "The camera sends MPEG-4 Part 2, which Heliograph cannot decode.".into()),
        (no_stream.clone(), format!("The camera has no stream at {no_stream}.")),
        ("/dev/video-none".into(), "There is no camera at /dev/video-none.".into()),
        ("file:///none.mp4".into(), "There is no file /none.mp4.".into()),
        (format!("file://{PROGRAM}"), format!("The file {PROGRAM} cannot be played.")),
    ];
    for (source, message) in cases {
        assert_eq!(error(&source, &[], &[])["message"], message, "{source}");
    }
    let answer = run(&[&place(nobody)], &[]);
    assert_eq!((answer.code, answer.out.as_str()), (Some(1), ""));
    assert!(answer.err.starts_with("Nothing listens at port"), "{}", answer.err);
}

/// The connections of a look that nobody waits for any more are closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_look_hangs_up() {
    media::init().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("rtsp://{}/s", listener.local_addr().unwrap());
    let (address, _) = SourceAddress::parse(&url).unwrap();
    let look = tokio::spawn(probe(ProbeTarget::Rtsp(RtspTarget::new(address)), ProbeLimits::default()));
    // It is in the middle of a question when it is dropped.
    let called = tokio::task::spawn_blocking(move || {
        let connection = listener.accept().unwrap().0;
        connection.peek(&mut [0; 7]).unwrap();
        connection
    });
    let mut connection = tokio::time::timeout(Duration::from_secs(10), called).await.unwrap().unwrap();
    let start = Instant::now();
    look.abort();
    let said = tokio::task::spawn_blocking(move || {
        connection.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut said = Vec::new();
        connection.read_to_end(&mut said).map(|_| said)
    });
    let said = said.await.unwrap().expect("the connection should be closed");
    assert!(said.starts_with(b"OPTIONS"), "{}", String::from_utf8_lossy(&said));
    assert!(start.elapsed() < Duration::from_secs(4), "longer than rtspsrc's own patience");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_breaks_off_is_reported_as_far_as_it_came() {
    media::init().unwrap();
    let camera = Camera::gstreamer(free_port(), "640x360");
    let (address, _) = SourceAddress::parse(&camera.url()).unwrap();
    let target = RtspTarget { transport: TransportChoice::Tcp, ..RtspTarget::new(address) };
    let limits = ProbeLimits { look: Duration::from_mins(1) };
    let look = tokio::spawn(probe(ProbeTarget::Rtsp(target), limits));
    // A look says nothing before its end; by then its picture has come.
    tokio::time::sleep(Duration::from_secs(3)).await;
    drop(camera);
    let report = tokio::time::timeout(Duration::from_secs(10), look).await.unwrap().unwrap().unwrap();
    assert!(report.interrupted.is_some() && report.video.is_some(), "{report:?}");
}
