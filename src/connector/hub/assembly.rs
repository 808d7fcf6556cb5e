//! Sessions that webrtcsink is putting together.
//!
//! Once one side has the other's answer, webrtcsink builds what goes from the feed to the peer, on a
//! thread of the session's webrtcbin and with its locks held. If the session is ended meanwhile, the
//! one waits for that thread and the thread for the one: for ever, and with them all that the feed
//! sends (seen with 0.15.4, where a viewer left as soon as it had its answer). So a session that
//! has been answered is ended only when it stands.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    thread::sleep,
    time::{Duration, Instant},
};

use gst::{glib, prelude::*};
use gst_webrtc::{WebRTCRTPTransceiver, WebRTCRTPTransceiverDirection};

/// How often it is looked at, and for how long: what an answer left out is never built.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(5);
const STANDS_WITHIN: Duration = Duration::from_secs(2);
/// What webrtcsink calls a session's webrtcbin, before the session.
const WEBRTCBIN: &str = "webrtcbin-";

/// What is known of a door's sessions.
#[derive(Debug, Default)]
pub(super) struct Assemblies(Mutex<HashMap<String, Assembly>>);

#[derive(Debug)]
struct Assembly {
    webrtcbin: glib::WeakRef<gst::Element>,
    is_answered: bool,
}

impl Assemblies {
    /// A session has begun, which this webrtcbin is for.
    pub(super) fn begin(&self, webrtcbin: &gst::Element) {
        if let Some(session) = webrtcbin.name().strip_prefix(WEBRTCBIN) {
            let assembly = Assembly { webrtcbin: webrtcbin.downgrade(), is_answered: false };
            self.lock().insert(session.to_owned(), assembly);
        }
    }

    /// One side gives the other its answer.
    pub(super) fn answered(&self, session: &str) {
        if let Some(assembly) = self.lock().get_mut(session) {
            assembly.is_answered = true;
        }
    }

    /// A session is to end; what has to stand before, where something is being built for it.
    pub(super) fn end(&self, session: &str) -> Option<gst::Element> {
        let assembly = self.lock().remove(session)?;
        assembly.webrtcbin.upgrade().filter(|webrtcbin| assembly.is_answered && !stands(webrtcbin))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Assembly>> {
        self.0.lock().expect("no holder of this lock should panic")
    }
}

/// Waits until a session stands, or should.
pub(super) fn wait_assembled(webrtcbin: &gst::Element) {
    let began = Instant::now();
    while !stands(webrtcbin) && began.elapsed() < STANDS_WITHIN {
        sleep(LOOKED_AT_EVERY);
    }
}

/// Whether all that is to be sent has a way to this webrtcbin: that is the last that is built.
fn stands(webrtcbin: &gst::Element) -> bool {
    webrtcbin.sink_pads().iter().all(|pad| pad.is_linked() || is_inactive(pad))
}

fn is_inactive(pad: &gst::Pad) -> bool {
    let transceiver = pad.property::<Option<WebRTCRTPTransceiver>>("transceiver");
    transceiver.is_none_or(|one| one.direction() == WebRTCRTPTransceiverDirection::Inactive)
}
