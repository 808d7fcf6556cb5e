//! The cameras of this machine, and who holds them.

use super::{Finding, Section, graphics::join_group};
use crate::{
    i18n::{gettext, gettext_f},
    media::{
        self,
        source::{DeviceState, VideoDevice, VideoMode, video_devices},
    },
    processes::names,
};

pub(super) fn check() -> Vec<Finding> {
    if media::init().is_err() {
        let sentence = gettext("Without GStreamer they cannot be asked.");
        return vec![Section::Cameras.not_checked(gettext("Cameras"), sentence)];
    }
    let devices = video_devices();
    if devices.is_empty() {
        let sentence = gettext("No camera is plugged in to this machine.");
        return vec![Section::Cameras.not_here(gettext("Camera"), sentence)];
    }
    devices.iter().map(line).collect()
}

fn line(device: &VideoDevice) -> Finding {
    let path = device.path.display().to_string();
    let subject = format!("{} ({path})", device.name);
    let again = gettext("Unplug it and plug it in again; the kernel's log (“dmesg”) says more.");
    let problem = |sentence: String, next: String| Section::Cameras.problem(&subject, sentence, next);
    match &device.state {
        DeviceState::Ready(modes) if modes.is_empty() => {
            let sentence = gettext("It sends neither raw pictures nor Motion JPEG nor H.264.");
            problem(sentence, gettext("Heliograph cannot use it; choose another camera."))
        }
        DeviceState::Ready(modes) => Section::Cameras.ok(&subject, ready(modes, device)),
        DeviceState::Busy => {
            let sentence = gettext_f("It is in use{by}.", &[("by", &by(device))]);
            problem(sentence, gettext("End that program, or stop its camera."))
        }
        DeviceState::NotPermitted => problem(gettext("This user may not open it."), join_group(&device.path)),
        DeviceState::NoNode => {
            let sentence =
                gettext("The kernel knows it, but it is not here: most likely this is a container without it.");
            problem(sentence, gettext_f("Give the container the device {path}.", &[("path", &path)]))
        }
        DeviceState::NoAnswer => problem(gettext("It did not say what it can send."), again),
        DeviceState::Broken(reason) => {
            problem(gettext_f("It cannot be used: {reason}.", &[("reason", reason.trim_end_matches('.'))]), again)
        }
    }
}

/// The largest picture of each form, and who else has the camera open.
fn ready(modes: &[VideoMode], device: &VideoDevice) -> String {
    let mut seen = Vec::new();
    let mut words = Vec::new();
    for mode in modes.iter().filter(|mode| !mode.framerates.is_empty()) {
        if !seen.contains(&mode.format) {
            seen.push(mode.format);
            words.push(format!("{} {} @ {}", mode.format, mode.size, mode.framerates[0].round()));
        }
    }
    let modes = gettext_f("It sends up to {modes}.", &[("modes", &words.join(", "))]);
    if device.holders.is_empty() {
        return modes;
    }
    let holders = gettext_f("It is open in {names}.", &[("names", &names(&device.holders))]);
    format!("{modes} {holders}")
}

fn by(device: &VideoDevice) -> String {
    if device.holders.is_empty() {
        return String::new();
    }
    // Translators: this stands behind "It is in use", with its blank.
    gettext_f(" by {names}", &[("names", &names(&device.holders))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{DeviceFormat, Size},
        doctor::Verdict,
        processes::Holder,
    };

    fn device(state: DeviceState) -> VideoDevice {
        let holders = vec![Holder { pid: 412, name: "cheese".into() }];
        let (name, path) = ("Webcam".into(), "/dev/video7".into());
        VideoDevice { path, links: Vec::new(), name, driver: None, bus: None, state, holders }
    }

    #[test]
    fn a_camera_says_what_it_sends_and_who_has_it() {
        let mode = |format, width, height, rate: f64| VideoMode {
            format,
            size: Size { width, height },
            framerates: vec![rate, 5.0],
        };
        let modes = vec![mode(DeviceFormat::Mjpeg, 1920, 1080, 29.97), mode(DeviceFormat::Raw, 640, 480, 30.0)];
        let finding = line(&device(DeviceState::Ready(modes)));
        let expected = "It sends up to mjpeg 1920x1080 @ 30, raw 640x480 @ 30. It is open in cheese (412).";
        assert_eq!((finding.verdict, finding.sentence.as_str()), (Verdict::Ok, expected));
        assert_eq!(line(&device(DeviceState::Busy)).sentence, "It is in use by cheese (412).");
    }

    #[test]
    fn every_state_but_ready_has_a_next_step() {
        let broken = DeviceState::Broken("it smokes".into());
        let states = [DeviceState::NotPermitted, DeviceState::Busy, DeviceState::NoNode, DeviceState::NoAnswer, broken];
        for finding in states.map(|state| line(&device(state))) {
            assert!(finding.verdict == Verdict::Problem && finding.next_step.is_some(), "{finding:?}");
        }
    }
}
