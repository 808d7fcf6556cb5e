//! Where sound can come from, as the sound server or the kernel names it.

use gst::prelude::*;

use super::{Finding, Section};
use crate::{
    i18n::{gettext, gettext_f},
    media,
};

pub(super) fn check() -> Vec<Finding> {
    let subject = gettext("Sound input");
    if media::init().is_err() {
        return vec![Section::Sound.not_checked(subject, gettext("Without GStreamer they cannot be asked."))];
    }
    let monitor = gst::DeviceMonitor::new();
    monitor.add_filter(Some("Audio/Source"), None);
    if monitor.start().is_err() {
        let sentence = gettext("There is neither a sound server nor a sound card that GStreamer knows.");
        return vec![Section::Sound.not_here(subject, sentence)];
    }
    let devices: Vec<_> = monitor.devices().iter().map(line).collect();
    monitor.stop();
    if devices.is_empty() {
        return vec![Section::Sound.not_here(subject, gettext("No microphone or other input is plugged in."))];
    }
    devices
}

fn line(device: &gst::Device) -> Finding {
    let from = device.type_().name();
    let from = from.trim_start_matches("Gst").trim_end_matches("Device");
    Section::Sound.ok(device.display_name(), gettext_f("It is there, by {system}.", &[("system", from)]))
}
