//! What the errors of `rtspsrc` mean.
//!
//! Its error codes alone do not tell: a refused transport, for one, comes as a
//! missing codec. What the camera answered stands at the end of the debug text,
//! as `Not Found (404)`, and is asked first. The rest was found by trying
//! `rtspsrc` of GStreamer 1.26 against servers that misbehave.

use super::{
    Route,
    rtsp::{Findings, RtspSource},
    secrets::holds_secret,
};
use crate::{
    i18n::{gettext, gettext_f},
    media::{FaultKind, MediaFault},
};

/// What an error of the pipeline means for this camera.
pub(super) fn fault_from(error: &gst::message::Error, source: &RtspSource, findings: &Findings) -> MediaFault {
    let words = Words::of(error);
    if let Some(fault) = findings.trust.fault(&source.address) {
        return fault;
    }
    let kind = kind_of(&error.error(), &words, findings);
    let (message, hint) = sentences(kind, source, &words);
    MediaFault::new(kind, message, hint).with_detail(words.detail(source))
}

/// What kind of trouble it is: by the camera's answer, by what is known of the stream, by GStreamer's code.
fn kind_of(error: &gst::glib::Error, words: &Words, findings: &Findings) -> FaultKind {
    match words.status() {
        Some(401 | 403 | 407) => return FaultKind::Unauthorized,
        Some(404 | 410) => return FaultKind::NotFound,
        Some(_) => return FaultKind::Rejected,
        None if findings.downgraded() => return FaultKind::NoTls,
        None if findings.misled() => return FaultKind::Redirected,
        None if findings.no_video() => return FaultKind::NoVideo,
        // Of all that a description may lack, rtspsrc misses the streams only.
        None if words.answer == "SDP contains no streams" => return FaultKind::NoDescription,
        None => {}
    }
    // A camera that answers SETUP with 461 leaves rtspsrc without a stream, and that is all it says;
    // one whose description names a group leaves it without a transport, if that may not be multicast.
    if error.matches(gst::StreamError::CodecNotFound) || words.answer.ends_with("no protocols left") {
        FaultKind::NoTransport
    } else if error.matches(gst::CoreError::MissingPlugin) {
        FaultKind::MissingPlugin
    } else if error.matches(gst::StreamError::Decode)
        || error.matches(gst::StreamError::Format)
        // A parser that was given no picture at all says no more than this.
        || words.answer.ends_with("reason not-negotiated (-4)")
    {
        FaultKind::UndecodableCodec
    } else {
        FaultKind::Other
    }
}

/// What happened, and what to do next.
fn sentences(kind: FaultKind, source: &RtspSource, words: &Words) -> (String, String) {
    let camera = source.address.to_string();
    let camera = [("camera", camera.as_str())];
    match kind {
        FaultKind::Unauthorized if source.credentials.is_some() => (
            gettext_f("The camera at {camera} refuses this user and password.", &camera),
            gettext(
                "Correct them in the feed's settings; after several wrong ones a camera may lock you out for a while.",
            ),
        ),
        FaultKind::Unauthorized => (
            gettext_f("The camera at {camera} asks for a user and a password.", &camera),
            gettext("Enter both in the feed's settings."),
        ),
        FaultKind::NotFound => (
            gettext_f("The camera has no stream at {camera}.", &camera),
            gettext("Look up the stream's path in the camera's manual and correct the address."),
        ),
        FaultKind::Rejected => (
            gettext_f("The camera at {camera} answers “{answer}”.", &[camera[0], ("answer", &words.answer)]),
            gettext("Look at the camera's own page; many serve only a few programs at a time."),
        ),
        FaultKind::NoVideo => (
            gettext_f("The stream at {camera} has no video in it.", &camera),
            gettext("Enter the address of one of the camera's video streams."),
        ),
        FaultKind::NoTransport => {
            let fault = Route::refused_fault(source.transport, &source.address, source.forced);
            (fault.message, fault.hint)
        }
        FaultKind::NoTls => (
            gettext_f("The camera at {camera} wants to go on without encryption.", &camera),
            gettext(
                "Look up in its manual where it serves rtsps itself; nothing more was sent to it, no password either.",
            ),
        ),
        FaultKind::MissingPlugin => (
            gettext_f("A GStreamer plugin that the stream at {camera} needs is not installed.", &camera),
            gettext(
                "Install the packages gstreamer1.0-plugins-good and gstreamer1.0-plugins-bad, or what your distribution calls them, and start Heliograph again.",
            ),
        ),
        FaultKind::UndecodableCodec => (
            gettext_f("The picture from {camera} cannot be decoded.", &camera),
            gettext("Choose another profile or codec in the camera's settings, best H.264."),
        ),
        FaultKind::Redirected => (
            gettext_f("The camera at {camera} points to another address, and that to another, without end.", &camera),
            gettext("Look up the stream's own address in the camera's manual, and enter that."),
        ),
        FaultKind::NoDescription => (
            gettext_f("The camera at {camera} answers, but describes no stream.", &camera),
            gettext("Check the path in the address; if it is right, restart the camera."),
        ),
        _ => unclear(&camera, words),
    }
}

/// A conversation that broke off, by what was last heard of it. What does not speak RTSP
/// at all is found out later, by asking again.
fn unclear(camera: &[(&str, &str)], words: &Words) -> (String, String) {
    let restart =
        || gettext("Restart the camera, and look for newer firmware; many serve only a few programs at a time.");
    if words.answer.contains("(Timeout") {
        (gettext_f("The camera at {camera} did not finish its answer.", camera), restart())
    } else if words.answer.contains("(Received end-of-file)") {
        (gettext_f("The camera at {camera} closed the connection before it sent a picture.", camera), restart())
    } else if words.answer.contains("(Parse error)") {
        (gettext_f("The camera at {camera} gives answers that are no proper RTSP.", camera), restart())
    } else {
        (
            gettext_f("The connection to the camera at {camera} failed.", camera),
            gettext("Check the camera's power and cable."),
        )
    }
}

/// What GStreamer says of an error, without its source lines and object names.
struct Words {
    summary: String,
    /// The last line of the debug text; empty where there is none.
    answer: String,
}

impl Words {
    fn of(error: &gst::message::Error) -> Self {
        let debug = error.debug().unwrap_or_default();
        // The first line is `file(line): function (): /path/to/the/element:`.
        let answer = debug.lines().skip(1).last().unwrap_or_default().trim().to_owned();
        Self { summary: error.error().to_string(), answer }
    }

    /// The number in an answer such as `Not Found (404)`, or to SETUP `Error (404): Not Found`
    /// (RFC 2326, section 7.1.1).
    fn status(&self) -> Option<u16> {
        let to_set_up = || self.answer.strip_prefix("Error (")?.split_once("): ").map(|(number, _)| number);
        let at_the_end = || self.answer.strip_suffix(')')?.rsplit_once(" (").map(|(_, number)| number);
        let number = to_set_up().or_else(at_the_end)?;
        number.parse().ok().filter(|status| (300..600).contains(status))
    }

    /// Both on one line, or nothing of it where a secret is in it.
    fn detail(&self, source: &RtspSource) -> String {
        let detail = [self.summary.as_str(), &self.answer].join(" — ");
        let detail = detail.trim_end_matches(" — ").to_owned();
        if holds_secret(&detail, source) { gettext("Left out, because it held a password.") } else { detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(answer: &str) -> Words {
        Words { summary: "It broke.".into(), answer: answer.into() }
    }

    #[test]
    fn the_cameras_answer_is_found_at_the_end() {
        let cases = [
            ("Not Found (404)", Some(404)),
            ("Error (404): Not Found", Some(404)),
            ("Error (nothing): Not Found", None),
            ("Not Enough Bandwidth (453)", Some(453)),
            ("Failed to connect. (Generic error)", None),
            ("Could not receive message. (Parse error)", None),
            ("OK (200)", None),
            ("(404)", None),
            ("", None),
        ];
        for (answer, status) in cases {
            assert_eq!(words(answer).status(), status, "{answer}");
        }
    }

    #[test]
    fn every_kind_has_a_sentence_and_a_next_step_of_its_own() {
        let (address, _) = crate::config::SourceAddress::parse("rtsp://bow.local/stream").unwrap();
        let source = RtspSource::new(address, super::super::Transport::Udp);
        let kinds = [
            FaultKind::Unauthorized,
            FaultKind::NotFound,
            FaultKind::Rejected,
            FaultKind::NoVideo,
            FaultKind::NoTransport,
            FaultKind::NoTls,
            FaultKind::MissingPlugin,
            FaultKind::UndecodableCodec,
            FaultKind::Redirected,
            FaultKind::NoDescription,
            FaultKind::Other,
        ];
        let told: std::collections::BTreeSet<_> =
            kinds.iter().map(|kind| sentences(*kind, &source, &words("Service Unavailable (503)"))).collect();
        assert_eq!(told.len(), kinds.len());
        for (message, hint) in told {
            assert!(message.contains("rtsp://bow.local/stream") && message.ends_with('.'), "{message}");
            assert!(hint.ends_with('.'), "{hint}");
        }
    }

    #[test]
    fn a_conversation_that_broke_off_is_told_by_where() {
        let answers =
            ["(Timeout while waiting for server response)", "(Received end-of-file)", "(Parse error)", "(Odd)"];
        let camera = [("camera", "rtsp://bow.local/stream")];
        let told: std::collections::BTreeSet<_> =
            answers.iter().map(|answer| unclear(&camera, &words(answer)).0).collect();
        assert_eq!(told.len(), answers.len(), "{told:?}");
    }
}
