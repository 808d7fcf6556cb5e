//! The program, GStreamer, and the plugins that feeds cannot do without.

use super::{Finding, Section};
use crate::{
    i18n::{gettext, gettext_f},
    media::{self, MediaError, MediaFault},
};

/// What every feed or viewer needs that GStreamer may lack: elements beyond its core.
const NEEDED: &[&str] = &[
    "rtspsrc",
    "appsrc",
    "appsink",
    "videoconvert",
    "videoscale",
    "videorate",
    "h264parse",
    "webrtcbin",
    "nicesink",
    "dtlssrtpenc",
    "srtpenc",
];

/// The plugins that are linked into the program.
#[cfg(feature = "gui")]
const LINKED: &[&str] = &["rsrtp", "rswebrtc", "gtk4"];
#[cfg(not(feature = "gui"))]
const LINKED: &[&str] = &["rsrtp", "rswebrtc"];

/// The oldest GStreamer that does not leak threads with every viewer.
const OLDEST: (u32, u32) = (1, 24);

pub(super) fn check() -> Vec<Finding> {
    let mut findings = vec![program()];
    match media::init() {
        Ok(()) => findings.extend([gstreamer(), linked(), needed()].into_iter().flatten()),
        Err(error) => findings.push(problem("GStreamer", error)),
    }
    findings
}

fn program() -> Finding {
    let face =
        if cfg!(feature = "gui") { gettext("It has a window.") } else { gettext("It was built without a window.") };
    Section::Program.ok(format!("Heliograph {}", env!("CARGO_PKG_VERSION")), face)
}

fn gstreamer() -> Vec<Finding> {
    let (major, minor, micro, _) = gst::version();
    let subject = format!("GStreamer {major}.{minor}.{micro}");
    let finding = if (major, minor) >= OLDEST {
        Section::Program.ok(subject, gettext("It is new enough."))
    } else {
        let sentence = gettext("It is too old: it keeps threads of every viewer that has gone.");
        Section::Program.problem(subject, sentence, gettext("Install GStreamer 1.24 or newer."))
    };
    vec![finding]
}

fn linked() -> Vec<Finding> {
    let registry = gst::Registry::get();
    let (here, lacking): (Vec<&str>, Vec<&str>) =
        LINKED.iter().partition(|plugin| registry.find_plugin(plugin).is_some());
    let subject = gettext("Built-in plugins");
    if lacking.is_empty() {
        return vec![Section::Program.ok(subject, gettext_f("{names}.", &[("names", &here.join(", "))]))];
    }
    let sentence = gettext_f("{names} did not register.", &[("names", &lacking.join(", "))]);
    vec![Section::Program.problem(subject, sentence, gettext("Report this with the program's log."))]
}

fn needed() -> Vec<Finding> {
    let lacking: Vec<_> = NEEDED.iter().filter(|name| gst::ElementFactory::find(name).is_none()).collect();
    if lacking.is_empty() {
        let sentence = gettext("Everything that a feed and its viewers need is installed.");
        return vec![Section::Program.ok(gettext("Plugins"), sentence)];
    }
    let missing = |name: &&&str| problem(name, MediaError::MissingElement { factory: (**name).into() });
    lacking.iter().map(missing).collect()
}

fn problem(subject: &str, error: MediaError) -> Finding {
    let fault = MediaFault::from(error);
    Section::Program.problem(subject, fault.message, fault.hint)
}
