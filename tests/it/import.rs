//! Pipelines of other programs become feeds, word by word.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use heliograph::{
    config::{
        AudioSource, Codec, ConfigFile, DeviceFormat, ElementChoice, FeedConfig, Flip, Profile, RtspConfig, Size,
        SourceConfig, TestPattern, TransportChoice,
    },
    import::{Import, ImportError, import},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::support::program::PROGRAM;

fn read(text: &str) -> Import {
    import(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn words(import: &Import) -> Vec<&str> {
    import.leftovers.iter().map(|leftover| leftover.word.as_str()).collect()
}

fn rtsp(feed: &FeedConfig) -> &RtspConfig {
    match &feed.source {
        SourceConfig::Rtsp(rtsp) => rtsp,
        other => panic!("{other:?} is no camera on the network"),
    }
}

// ---- the pipelines of GstWebRTCApp ---------------------------------------------

/// Between decoder and encoder, at the usual setpoint.
const RAW: &str = "videoconvert ! videoscale ! videorate \
    ! capsfilter name=raw_capsfilter caps=video/x-raw,format=I420,width=1280,height=720,framerate=20/1";
const UP: &str = "cudaupload ! cudaconvert";
const X264: &str = "x264enc name=encoder tune=zerolatency threads=8 key-int-max=60 aud=true cabac=true bframes=2 vbv-buf-capacity=120 bitrate=2000";
const NVENC: &str =
    "name=encoder preset=low-latency-hq gop-size=60 rc-mode=cbr-ld-hq aud=true bframes=2 zerolatency=true bitrate=2000";
const VPX: &str =
    "name=encoder deadline=1 keyframe-max-dist=2000 keyframe-mode=disabled threads=8 cpu-used=4 target-bitrate=2000000";
const PAY: &str = "rtph264pay name=payloader auto-header-extension=true aggregate-mode=zero-latency config-interval=1 mtu=1250 \
    ! capsfilter name=payloader_capsfilter caps=\"application/x-rtp, media=(string)video, encoding-name=(string)H264, \
    clock-rate=90000, payload=126\" ! webrtc.";

/// A pipeline as version 1.3 writes them: `webrtcbin` in front, everything else behind the source.
fn bin(source: &str, rest: &[&str]) -> String {
    format!(
        "webrtcbin name=webrtc latency=1 bundle-policy=max-bundle\n\
         rtspsrc name=source location=rtsp://10.10.3.254:554 {source} ! {}",
        rest.join(" ! ")
    )
}

fn sink(source: &str, rest: &[&str]) -> String {
    let rest = rest.join(" ! ");
    format!("rtspsrc name=source location=rtsp://10.10.3.254:554 {source} ! queue ! {rest} ! webrtcsink name=ws")
}

/// Each pipeline with the profile that has its settings.
fn shipped() -> Vec<(&'static str, String)> {
    let h264 = "rtph264depay ! h264parse";
    let h265 = "rtph265depay ! h265parse";
    let free = |encoder: &str| {
        format!("{encoder} ! h265parse ! rtph265pay name=payloader config-interval=1 mtu=1350 ! webrtc.")
    };
    let vp8 = format!("vp8enc {VPX} ! rtpvp8pay picture-id-mode=15-bit mtu=1350 ! webrtc.");
    let vp9 = format!("vp9enc {VPX} row-mt=true ! rtpvp9pay picture-id-mode=15-bit mtu=1350 ! webrtc.");
    let av1 = "av1enc usage-profile=realtime qos=true threads=8 cpu-used=4 target-bitrate=2000 ! av1parse \
        ! rtpav1pay auto-header-extensions=true mtu=1350 ! webrtc.";
    let x265 = "x265enc key-int-max=2560 speed-preset=superfast tune=zerolatency bitrate=2000";
    let cuda =
        "nvh264enc name=encoder gop-size=-1 preset=low-latency-hq rc-mode=cbr qos=true zerolatency=true bitrate=2000";
    let (convert, caps) = ("videoconvert ! videoscale ! videorate", "video/x-raw,format=I420,framerate=25/1");
    let cuda_caps = "video/x-raw(memory:CUDAMemory), format=(string)I420, framerate=(fraction)25/1";
    vec![
        ("BIN_DEFAULT", bin("latency=10", &[h264, "avdec_h264", RAW, X264, PAY])),
        ("BIN_H265_IN_H264_OUT_CPU", bin("", &[h265, "avdec_h265", RAW, X264, PAY])),
        ("BIN_H265_IN_H264_OUT_CUDA", bin("", &[h265, "nvh265dec", RAW, UP, &format!("nvh264enc {NVENC}"), PAY])),
        ("BIN_H265_OUT_CPU", bin("", &[h264, "avdec_h264", RAW, &free(x265)])),
        ("BIN_H265_OUT_CUDA", bin("", &[h264, "nvh264dec", RAW, UP, &free(&format!("nvh265enc {NVENC}"))])),
        ("BIN_VP8", bin("", &[h264, "avdec_h264", RAW, &vp8])),
        ("BIN_VP9", bin("", &[h264, "avdec_h264", RAW, &vp9])),
        ("BIN_AV1_CPU", bin("", &[h264, "avdec_h264", RAW, av1])),
        (
            "BIN_SVT_AV1",
            bin(
                "",
                &[h264, "avdec_h264", RAW, "svtav1enc target-bitrate=2000 ! av1parse ! rtpav1pay mtu=1350 ! webrtc."],
            ),
        ),
        ("BIN_CUDA_DEFAULT", bin("latency=100", &["queue", h264, "nvh264dec", RAW, UP, cuda, PAY])),
        ("SINK_DEFAULT", sink("latency=100", &[h264, "avdec_h264", convert, caps])),
        ("SINK_CUDA", sink("", &[h264, "nvh264dec", convert, UP, cuda_caps])),
        ("SINK_H265_CUDA", sink("", &[h265, "nvh265dec", convert, UP, cuda_caps])),
    ]
}

/// As version 1.6 writes them, in Python's quotes.
fn successors() -> Vec<(&'static str, String)> {
    let pipeline = |codec: &str, decoder: &str, encoder: &str, pay: &str| {
        format!(
            "PIPELINE = '''\n  webrtcbin name=webrtc latency=40\n  \
             rtspsrc name=source location=rtsp://10.10.3.254:554 latency=200 drop-on-latency=true ! queue\n  \
             ! rtp{codec}depay ! {codec}parse ! {decoder} ! queue ! videoconvertscale n-threads=4\n  \
             ! videorate skip-to-first=true\n  \
             ! capsfilter name=raw_capsfilter caps=video/x-raw,width=1280,height=720,framerate=20/1\n  \
             ! {encoder} ! queue ! {pay} mtu=1200 ! queue ! webrtc.\n'''\n"
        )
    };
    let x264 = "x264enc tune=zerolatency speed-preset=ultrafast threads=4 key-int-max=2560 b-adapt=false cabac=true vbv-buf-capacity=120 bitrate=2000";
    let vpx = "deadline=1 end-usage=cbr buffer-initial-size=100 buffer-optimal-size=120 buffer-size=150 \
        max-intra-bitrate=250 lag-in-frames=0 error-resilient=default threads=16 target-bitrate=2000000";
    let nvenc = "gop-size=60 rc-mode=cbr temporal-aq=true zerolatency=true tune=ultra-low-latency bitrate=2000";
    let av1 = "av1enc usage-profile=realtime end-usage=cbr keyframe-max-dist=32 threads=16 target-bitrate=2000";
    let nvav1 = "nvav1enc rc-mode=cbr zerolatency=true tune=ultra-low-latency gop-size=60 bitrate=2000";
    vec![
        ("BIN_H264_IN_H264_OUT", pipeline("h264", "avdec_h264", x264, "rtph264pay")),
        ("BIN_H265_CUDA_IN_H264_OUT", pipeline("h265", "nvh265dec", x264, "rtph264pay")),
        (
            "BIN_H264_CUDA_IN_H264_CUDA_OUT",
            pipeline("h264", "nvh264dec", &format!("nvh264enc {nvenc} preset=low-latency-hq"), "rtph264pay"),
        ),
        (
            "BIN_H265_CUDA_IN_H264_CUDA_OUT",
            pipeline(
                "h265",
                "nvh265dec",
                &format!("nvh264enc {nvenc} preset=p1 strict-gop=true multi-pass=2"),
                "rtph264pay",
            ),
        ),
        (
            "BIN_H265_CUDA_IN_H265_CUDA_OUT",
            pipeline(
                "h265",
                "nvh265dec",
                &format!("nvh265enc {nvenc} preset=p1 strict-gop=true multi-pass=2"),
                "rtph265pay",
            ),
        ),
        ("BIN_H264_IN_H265_OUT", pipeline("h264", "avdec_h264", "x265enc bitrate=2000", "rtph265pay")),
        ("BIN_H264_IN_VP8_OUT", pipeline("h264", "avdec_h264", &format!("vp8enc {vpx}"), "rtpvp8pay")),
        ("BIN_H264_CUDA_IN_VP8_OUT", pipeline("h264", "nvh264dec", &format!("vp8enc {vpx} cpu-used=-16"), "rtpvp8pay")),
        (
            "BIN_H265_IN_VP9_OUT",
            pipeline("h265", "avdec_h265", &format!("vp9enc {vpx} keyframe-max-dist=2000"), "rtpvp9pay"),
        ),
        ("BIN_H264_IN_AV1_OUT", pipeline("h264", "avdec_h264", av1, "rtpav1pay")),
        ("BIN_H264_CUDA_IN_AV1_CUDA_OUT", pipeline("h264", "nvh264dec", nvav1, "rtpav1pay")),
    ]
}

/// What a profile makes of the feed is what the import makes of the pipeline it comes from.
#[test]
fn shipped_pipelines_become_their_profiles() {
    let all: Vec<_> = shipped().into_iter().chain(successors()).collect();
    for (name, text) in &all {
        let import = read(text);
        let mut expected = FeedConfig::new(
            import.feed.id.clone(),
            "Camera 10.10.3.254",
            SourceConfig::Rtsp(RtspConfig::new("rtsp://10.10.3.254:554".parse().unwrap())),
        );
        Profile::find(name).unwrap().apply(&mut expected);
        // Without an encoder in the text none is chosen, and the codec that is decoded says nothing.
        assert_eq!(import.feed, expected, "{name}: {text}");
        let left = words(&import);
        assert_eq!(text.contains("bframes=2"), left.iter().any(|word| word.ends_with("bframes=2")), "{name}: {left:?}");
        for word in &left {
            let expected = ["bframes", "latency", "bundle-policy", "pay ", "payload=", "n-threads", "skip-to-first"];
            assert!(expected.iter().any(|part| word.contains(part)), "{name}: {word} should be carried over");
        }
    }
}

// ---- everything else -----------------------------------------------------------

#[test]
fn settings_of_the_camera_and_the_picture_are_carried_over() {
    let import = read(
        "gst-launch-1.0 -v rtspsrc location='rtsp://10.0.0.5/s?channel=1' protocols=tcp latency=50 drop-on-latency=false name=s \
         s. ! rtph265depay ! h265parse ! nvh265dec ! deinterlace ! videocrop left=8 top=4 right=2 bottom=0 \
         ! videoflip method=upper-left-diagonal ! videoscale add-borders=true ! videorate \
         ! video/x-raw, width=(int)640, height=(int)360, framerate=(fraction)30000/1001 ! vp8enc target-bitrate=700000 ! rtpvp8pay ! webrtcbin \
         s. ! rtppcmadepay ! alawdec ! audioconvert ! opusenc bitrate=32000 ! rtpopuspay ! webrtcbin",
    );
    let (feed, camera) = (&import.feed, rtsp(&import.feed));
    assert_eq!(camera.address.as_str(), "rtsp://10.0.0.5/s?channel=1");
    assert_eq!((camera.transport, camera.latency_ms, camera.drop_on_latency), (TransportChoice::Tcp, 50, false));
    assert_eq!((feed.decoder.key(), feed.codec, feed.bitrate_kbps), ("nvh265dec", Codec::Vp8, 700));
    let picture = feed.picture;
    assert_eq!((picture.crop.left, picture.crop.top, picture.crop.right, picture.crop.bottom), (8, 4, 2, 0));
    assert!(picture.deinterlace && picture.letterbox);
    assert_eq!((picture.rotate.key(), picture.flip), ("90", Flip::Horizontal));
    assert_eq!((picture.size, picture.framerate), (Size::new(640, 360).ok(), Some(30)));
    assert_eq!((&feed.audio.source, feed.audio.bitrate_kbps), (&AudioSource::Camera, 32));
    assert_eq!(words(&import), ["video/x-raw framerate=30000/1001"]);
}

#[test]
fn every_source_is_known() {
    let source = |text: &str| read(text).feed.source;
    let SourceConfig::Device(device) =
        source("v4l2src device=/dev/video2 ! image/jpeg,width=1920,height=1080,framerate=30/1 ! jpegdec ! x264enc")
    else {
        panic!("a device is expected")
    };
    assert_eq!(
        (device.path.to_str(), device.format, device.framerate),
        (Some("/dev/video2"), DeviceFormat::Mjpeg, Some(30))
    );
    assert_eq!(device.size, Size::new(1920, 1080).ok());
    let SourceConfig::Test(test) =
        source("videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=10/1 ! vp8enc")
    else {
        panic!("a test picture is expected")
    };
    assert_eq!((test.pattern, test.size, test.framerate), (TestPattern::Ball, Size::new(320, 240).unwrap(), 10));
    assert!(
        matches!(source("filesrc location=/srv/a.mp4 ! decodebin ! x264enc"), SourceConfig::File(file) if file.path.ends_with("a.mp4"))
    );
    assert!(
        matches!(source("uridecodebin uri=file:///srv/a%20b.mp4 ! x264enc"), SourceConfig::File(file) if file.path.ends_with("a b.mp4"))
    );
    assert!(
        matches!(source("uridecodebin uri=rtspt://h/s ! x264enc"), SourceConfig::Rtsp(rtsp) if rtsp.transport == TransportChoice::Tcp)
    );
    assert_eq!(import("x264enc ! fakesink").unwrap_err(), ImportError::NoSource);
    for (bad, why) in [
        ("rtspsrc ! x264enc", "it does not start with rtsp://"),
        ("rtspsrc location={url} ! x264enc", "it does not start with rtsp://"),
        ("uridecodebin uri=http://a:planted@h/ ! x264enc", "http:// is not supported"),
        ("v4l2src device=video0 ! x264enc", "A device is named by its path"),
        ("videotestsrc pattern=zone-plate ! x264enc", "smpte, ball and snow"),
    ] {
        let error = import(bad).unwrap_err();
        let sentence = error.to_string();
        assert!(matches!(error, ImportError::BadSource(_)) && sentence.contains(why), "{bad}: {sentence}");
        assert!(!sentence.contains("planted"), "{sentence}");
    }
}

/// A machine with two cards has an element for each.
#[test]
fn elements_of_one_device_are_known() {
    let import = read("rtspsrc location=rtsp://h/s ! varenderD129h264dec ! nvh264device1enc bitrate=900 ! fakesink");
    assert_eq!((import.feed.decoder.key(), import.feed.encoder.key()), ("varenderD129h264dec", "nvh264device1enc"));
    assert_eq!((import.feed.bitrate_kbps, words(&import)), (900, Vec::new()));
}

/// Each encoder counts in its own unit.
#[test]
fn bitrates_are_carried_over_in_kbit() {
    for (encoder, codec) in [
        ("x264enc bitrate=1500", Codec::H264),
        ("openh264enc bitrate=1500000", Codec::H264),
        ("nvv4l2h264enc bitrate=1500000", Codec::H264),
        ("v4l2h264enc extra-controls=\"controls,video_bitrate=1500000\"", Codec::H264),
        ("vah265enc bitrate=1500", Codec::H265),
        ("vp9enc target-bitrate=1500000", Codec::Vp9),
        ("av1enc target-bitrate=1500", Codec::Av1),
        ("rav1enc bitrate=1500000", Codec::Av1),
    ] {
        let import = read(&format!("videotestsrc ! {encoder} ! fakesink"));
        assert_eq!((import.feed.bitrate_kbps, import.feed.codec), (1500, codec), "{encoder}");
        let name = encoder.split(' ').next().unwrap();
        assert_eq!(import.feed.encoder, ElementChoice::Named(name.into()));
    }
    let wrong = read("videotestsrc ! av1enc target-bitrate=2000000 ! fakesink");
    assert_eq!(wrong.feed.bitrate_kbps, FeedConfig::DEFAULT_BITRATE_KBPS);
    assert!(wrong.leftovers[0].why.starts_with("av1enc counts in kbit/s"), "{:?}", wrong.leftovers);
}

#[test]
fn every_word_that_is_left_has_its_reason() {
    let import = read(
        "rtspsrc location=rtsp://h/s do-rtcp=false ! queue max-size-buffers=1 ! avdec_h264 ! glshader ! textoverlay text=hello \
         ! mpeg2enc ! rtmpsink location=rtmp://u:planted@h/live $garbage",
    );
    let expected = [
        "rtspsrc do-rtcp=false",
        "queue max-size-buffers=1",
        "glshader",
        "textoverlay",
        "mpeg2enc",
        "rtmpsink",
        "$garbage",
    ];
    assert_eq!(words(&import), expected);
    for leftover in &import.leftovers {
        assert!(leftover.why.ends_with('.') && !leftover.to_string().contains("planted"), "{leftover}");
    }
}

#[test]
fn a_password_is_not_carried_over() {
    for text in [
        "rtspsrc location=rtsp://admin:planted@h/s user-agent=x ! x264enc",
        "rtspsrc location=rtsp://h/s user-id=admin user-pw=planted ! x264enc",
        "P = 'rtspsrc location=\"rtsp://admin:planted@h/s\" ! x264enc'",
        "rtspsrc location=rtsp://admin:planted@h/s proxy=http://a:planted@b proxy-pw=planted ! webrtcsink turn-servers=\"<turn://a:planted@h>\"",
    ] {
        let import = read(text);
        assert!(import.held_password, "{text}");
        assert_eq!(rtsp(&import.feed).user.as_deref(), Some("admin"));
        assert_eq!(rtsp(&import.feed).address.as_str(), "rtsp://h/s");
        assert!(!format!("{import:?}").contains("planted"), "{import:?}");
    }
    for broken in
        ["rtspsrc location=\"rtsp://a:planted@h/s", "rtsp://a:planted@h", "rtspsrc location=rtsp://a:plan#ted@h/s ! x"]
    {
        let error = import(broken).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("plan"), "{error:?}");
    }
}

/// Texts made of scraps, and shipped ones with bytes changed. The seed makes a failure repeatable.
#[test]
fn no_text_brings_it_down() {
    let scraps = [
        "rtspsrc",
        "location=",
        "rtsp://a:b@h/s",
        "!",
        " ",
        "\n",
        "\"",
        "'",
        "\\",
        "(",
        ")",
        "{",
        "}",
        "<",
        "[",
        ";",
        ",",
        "=",
        "video/x-raw",
        "width=1",
        "framerate=1/0",
        "framerate=4294967295/4294967295",
        "caps=",
        "name=a",
        "a.",
        "a.b_%u",
        "x264enc",
        "bitrate=",
        "99999999999",
        "-1",
        "v4l2src",
        "videotestsrc",
        "é",
        "\0",
        "=(",
        "'''",
        "f\"\"\"",
        "#",
        "rtspt://",
        "extra-controls=video_bitrate=",
        "v4l2h264enc",
    ];
    let shipped: Vec<String> = shipped().into_iter().chain(successors()).map(|(_, text)| text).collect();
    let mut random = StdRng::seed_from_u64(0x6865_6c69_6f67);
    let mut read = 0;
    for round in 0..6000 {
        let text = if round % 2 == 0 {
            let length = random.random_range(0..40);
            (0..length).map(|_| scraps[random.random_range(0..scraps.len())]).collect::<String>()
        } else {
            let mut bytes = shipped[random.random_range(0..shipped.len())].clone().into_bytes();
            for _ in 0..random.random_range(1..8) {
                // Never empty: at least one byte is left by each change below.
                let at = random.random_range(0..bytes.len());
                match random.random_range(0..3) {
                    0 => bytes[at] = random.random(),
                    1 if bytes.len() > 1 => drop(bytes.remove(at)),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            String::from_utf8_lossy(&bytes).into_owned()
        };
        read += usize::from(import(&text).is_ok());
    }
    assert!(read > 500, "most changed pipelines should still be read, but {read} were");
    assert_eq!(import(&"a ".repeat(40_000)).unwrap_err(), ImportError::TooLong);
    assert_eq!(import(" \n").unwrap_err(), ImportError::Empty);
}

// ---- the command ---------------------------------------------------------------

fn command(folder: &std::path::Path, args: &[&str], input: &str) -> Output {
    let mut child = Command::new(PROGRAM)
        .args(["--config".as_ref(), folder.join("settings.toml").as_os_str()])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn the_command_prints_or_adds_the_feed() {
    let folder = tempfile::tempdir().unwrap();
    let text = "rtspsrc location=rtsp://admin:planted@10.0.0.5/s latency=50 ! rtph264depay ! avdec_h264 \
        ! x264enc bitrate=1000 speed-preset=ultrafast rhubarb=1 bframes=2 ! fakesink";
    let output = command(folder.path(), &["import", "pipeline", "-", "--name", "Bow", "--dry-run"], text);
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{err}");
    assert!(out.starts_with("[[feeds]]\nname = \"Bow\"\naddress = \"rtsp://10.0.0.5/s\"\nuser = \"admin\"\n"), "{out}");
    assert!(out.contains("elements = { encoder = { speed-preset = \"ultrafast\" } }"), "{out}");
    assert!(err.contains("The pipeline held a password"), "{err}");
    assert!(
        err.contains("x264enc bframes=2: It cannot be set") && err.contains("x264enc has no property rhubarb"),
        "{err}"
    );
    assert!(!format!("{out}{err}").contains("planted"));
    assert!(!folder.path().join("settings.toml").exists());

    for name in ["Bow", "Bow"] {
        let output = command(folder.path(), &["import", "pipeline", text, "--name", name], "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!format!("{output:?}").contains("planted"));
    }
    let loaded = ConfigFile::new(folder.path().join("settings.toml"), heliograph::connector::FORMS).load().unwrap();
    let ids: Vec<_> = loaded.config.feeds.iter().map(|feed| feed.id.as_str()).collect();
    assert_eq!(ids, ["bow", "bow-2"]);
    assert_eq!(loaded.config.feeds[0].bitrate_kbps, 1000);

    let output = command(folder.path(), &["import", "pipeline", "fakesrc ! fakesink"], "");
    assert_eq!(output.status.code(), Some(2));
}

/// Saving would take the password out of the address, and nobody would have it.
#[test]
fn the_command_does_not_lose_a_password_that_stands_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let settings = "version = 1\n[[feeds]]\nname = \"a\"\naddress = \"rtsp://u:planted@h/s\"\n";
    std::fs::write(folder.path().join("settings.toml"), settings).unwrap();
    let output = command(folder.path(), &["import", "pipeline", "videotestsrc ! x264enc"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(!format!("{output:?}").contains("planted"));
    assert_eq!(std::fs::read_to_string(folder.path().join("settings.toml")).unwrap(), settings);
}

#[test]
fn profiles_are_listed_for_people_and_programs() {
    let run = |args: &[&str]| Command::new(PROGRAM).args(args).output().unwrap();
    let lines = String::from_utf8(run(&["profiles"]).stdout).unwrap();
    assert!(lines.contains("BIN_H264_IN_H264_OUT "), "{lines}");
    let json: serde_json::Value = serde_json::from_slice(&run(&["profiles", "--json"]).stdout).unwrap();
    assert_eq!(json[0]["name"], "BIN_DEFAULT");
    assert_eq!(json[0]["encoder"], "x264enc");
}
