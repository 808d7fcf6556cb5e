//! Microphones and other inputs of this machine.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use gst::prelude::*;

use super::{AudioFault, Lane, opus};
use crate::media::{
    FeedClock, MediaError,
    element::{add_and_link, end, watch_errors},
};

/// How often a device that is away is looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// How much sound a device hands over at a time, in microseconds; the default of 10 ms
/// wakes the machine twice as often as packets need it.
const PORTION_US: i64 = 20_000;

/// A sound input device.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InputDevice {
    /// Its name, as the system's sound settings show it.
    pub name: String,
    /// What GStreamer knows it by, such as `pulsesrc`; for the log.
    pub element: String,
}

/// All sound input devices of this machine, each name once. This may take a moment:
/// it asks the system's sound server.
pub fn input_devices() -> Vec<InputDevice> {
    let mut devices: Vec<InputDevice> = Vec::new();
    for device in present() {
        let name = device.display_name().to_string();
        if devices.iter().all(|known| known.name != name) {
            let element = device.create_element(None).ok().and_then(|element| element.factory());
            let element = element.map(|factory| factory.name().to_string()).unwrap_or_default();
            devices.push(InputDevice { name, element });
        }
    }
    devices
}

fn present() -> impl Iterator<Item = gst::Device> {
    let monitor = gst::DeviceMonitor::new();
    monitor.add_filter(Some("Audio/Source"), None);
    // Not started: then it looks once, now.
    monitor.devices().into_iter()
}

/// The sound of a device, which may come and go. Dropping it ends it.
#[derive(Debug)]
pub(super) struct DeviceSound {
    ending: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What one thread does for a device: opening one may take its time, and nothing may wait for that.
struct Keeper {
    name: String,
    lane: Arc<Lane>,
    bitrate_kbps: u32,
    clock: FeedClock,
}

impl DeviceSound {
    pub(super) fn start(name: &str, lane: &Arc<Lane>, bitrate_kbps: u32, clock: &FeedClock) -> Self {
        let (ending, ended) = channel();
        let keeper = Keeper { name: name.to_owned(), lane: lane.clone(), bitrate_kbps, clock: clock.clone() };
        let thread = std::thread::Builder::new()
            .name("sound-device".into())
            .spawn(move || keeper.keep(&ended))
            .expect("a thread for the sound device should start");
        Self { ending: Some(ending), thread: Some(thread) }
    }
}

impl Drop for DeviceSound {
    fn drop(&mut self) {
        drop(self.ending.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Keeper {
    /// Keeps the device open as long as it is there, and looks for it while it is not.
    fn keep(&self, ended: &Receiver<()>) {
        loop {
            let (failed, failure) = channel();
            let opened = self.open(failed);
            if let Err(fault) = &opened {
                self.lane.fail(fault);
            }
            loop {
                if ended.recv_timeout(LOOK_AGAIN) != Err(RecvTimeoutError::Timeout) {
                    end_if_open(opened);
                    return;
                }
                if opened.is_err() || failure.try_recv().is_ok() {
                    break;
                }
            }
            end_if_open(opened);
        }
    }

    fn open(&self, failed: Sender<()>) -> Result<gst::Pipeline, AudioFault> {
        let lost = || AudioFault::DeviceLost { device: self.name.clone() };
        let device = present().find(|device| device.display_name() == self.name);
        let device = device.ok_or_else(|| AudioFault::DeviceAbsent { device: self.name.clone() })?;
        let source = device.create_element(None).map_err(|_| lost())?;
        if source.has_property("latency-time") {
            source.set_property("latency-time", PORTION_US);
        }
        let pipeline = gst::Pipeline::with_name("sound-device");
        self.clock.apply(&pipeline);
        let mut chain = vec![source];
        chain.extend(opus::encoder(self.bitrate_kbps)?);
        chain.push(self.lane.entrance().upcast());
        add_and_link(&pipeline, &chain.iter().collect::<Vec<_>>())?;
        watch_errors(&pipeline, {
            let (lane, lost) = (self.lane.clone(), lost());
            move |_| {
                lane.fail(&lost);
                let _ = failed.send(());
            }
        });
        self.lane.expect({
            let lost = lost();
            move |_| lost.clone()
        });
        if let Err(error) = pipeline.set_state(gst::State::Playing) {
            end(&pipeline);
            tracing::debug!("The sound device {} does not start: {}", self.name, MediaError::from(error));
            return Err(lost());
        }
        Ok(pipeline)
    }
}

fn end_if_open(opened: Result<gst::Pipeline, AudioFault>) {
    if let Ok(pipeline) = opened {
        end(&pipeline);
    }
}
