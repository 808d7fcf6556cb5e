//! A real sound input device: the monitor of a sink of a `PulseAudio` daemon of its own.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use gst::prelude::*;
use heliograph::{
    config::{AudioConfig, AudioSource},
    media::{self, AudioRendition, AudioState, FeedClock, audio::input_devices},
};
use tempfile::TempDir;

use crate::support::{camera::signal, wait_for};

/// Set for the part of the test that runs beside the daemon: its process.
const DAEMON: &str = "HELIOGRAPH_TEST_PULSE_DAEMON";
const DEVICE: &str = "Monitor of Lab";

/// The daemon, killed with this value.
struct Daemon {
    child: Child,
    folder: TempDir,
}

impl Daemon {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("native");
        let child = Command::new("pulseaudio")
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes", "--log-level=error"])
            .args(["-L", &format!("module-native-protocol-unix socket={} auth-anonymous=1", socket.display())])
            .args(["-L", "module-null-sink sink_name=lab sink_properties=device.description=Lab"])
            .env("HOME", folder.path())
            .env("XDG_RUNTIME_DIR", folder.path())
            .env("PULSE_RUNTIME_PATH", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("pulseaudio should start; ./dev test installs it");
        let daemon = Self { child, folder };
        wait_for("the sound server's socket", Duration::from_secs(10), || daemon.socket().exists().then_some(()));
        daemon
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("native")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The client library asks the environment where the daemon is, and a process may not change
/// its own: so this test runs itself once more, in a process of its own.
#[test]
fn an_input_device_is_listed_heard_and_missed() {
    if let Ok(daemon) = std::env::var(DAEMON) {
        return beside_the_daemon(daemon.parse().unwrap());
    }
    let daemon = Daemon::start();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "input_device::an_input_device_is_listed_heard_and_missed", "--nocapture"])
        .env(DAEMON, daemon.child.id().to_string())
        .env("PULSE_SERVER", format!("unix:{}", daemon.socket().display()))
        .env("PULSE_COOKIE", daemon.folder.path().join("cookie"))
        .status()
        .unwrap();
    assert!(status.success(), "the part beside the daemon failed; its words are above");
}

fn beside_the_daemon(daemon: u32) {
    media::init().unwrap();
    let devices = input_devices();
    assert!(devices.iter().any(|device| device.name == DEVICE && device.element == "pulsesrc"), "{devices:?}");

    let tone = play_into("lab");
    let (tell, states) = mpsc::channel();
    let config = AudioConfig { source: AudioSource::Device(DEVICE.into()), ..AudioConfig::default() };
    let sound = AudioRendition::start(&config, &FeedClock::new(), move |state| drop(tell.send(state)));
    let sound = sound.unwrap().unwrap();
    let limit = Duration::from_secs(10);
    assert_eq!(states.recv_timeout(limit), Ok(AudioState::Live));

    let sizes = packet_sizes(&sound);
    let largest = (0..50).map(|_| sizes.recv_timeout(limit).unwrap()).max();
    assert!(largest > Some(20), "a tone is no silence: {largest:?} bytes");

    // Pulled out while it is heard.
    signal(daemon, "KILL");
    let Ok(AudioState::Missing { sentence }) = states.recv_timeout(limit) else { panic!("its absence should be told") };
    assert!(sentence.contains(DEVICE), "{sentence}");
    sizes.try_iter().for_each(drop);
    // Three bytes are silence.
    let silent = (0..50).filter(|_| sizes.recv_timeout(limit).expect("packets should flow on") == 3).count();
    assert!(silent > 10, "{silent}");
    let _ = tone.set_state(gst::State::Null);
}

fn play_into(sink: &str) -> gst::Pipeline {
    let pipeline = gst::Pipeline::new();
    let source = gst::ElementFactory::make("audiotestsrc").build().unwrap();
    let output = gst::ElementFactory::make("pulsesink").property("device", sink).build().unwrap();
    pipeline.add_many([&source, &output]).unwrap();
    source.link(&output).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    pipeline
}

fn packet_sizes(sound: &AudioRendition) -> mpsc::Receiver<usize> {
    let (sender, receiver) = mpsc::channel();
    let pad = sound.output().appsink().static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let _ = sender.send(info.buffer().unwrap().size());
        gst::PadProbeReturn::Ok
    });
    receiver
}
