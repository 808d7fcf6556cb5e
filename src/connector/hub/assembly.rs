//! Sessions that webrtcsink is putting together.
//!
//! Once one side has the other's answer, webrtcsink builds what goes from the feed to the peer, on a
//! thread of the session's webrtcbin and with its locks held. If the session is ended meanwhile, the
//! one waits for that thread and the thread for the one: for ever, and with them all that the feed
//! sends (seen with 0.15.4, where a viewer left as soon as it had its answer, and where the feed was
//! stopped then). So a session that has been answered is ended only when it stands.

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
pub(super) struct Assemblies(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    sessions: HashMap<String, Assembly>,
    /// Those that may still be built, though their session may have ended.
    answered: Vec<glib::WeakRef<gst::Element>>,
}

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
            self.lock().sessions.insert(session.to_owned(), assembly);
        }
    }

    /// One side gives the other its answer.
    pub(super) fn answered(&self, session: &str) {
        let mut known = self.lock();
        let Known { sessions, answered } = &mut *known;
        if let Some(assembly) = sessions.get_mut(session) {
            assembly.is_answered = true;
            answered.retain(|one| one.upgrade().is_some_and(|webrtcbin| !stands(&webrtcbin)));
            answered.push(assembly.webrtcbin.clone());
        }
    }

    /// A session is to end; what has to stand before, where something is being built for it.
    pub(super) fn end(&self, session: &str) -> Option<gst::Element> {
        let assembly = self.lock().sessions.remove(session)?;
        assembly.webrtcbin.upgrade().filter(|webrtcbin| assembly.is_answered && !stands(webrtcbin))
    }

    /// All sessions are to end, with what sends to them: waits until they stand.
    pub(super) fn wait(&self) {
        let answered = std::mem::take(&mut self.lock().answered);
        let end = Instant::now() + STANDS_WITHIN;
        for webrtcbin in answered.iter().filter_map(glib::WeakRef::upgrade) {
            wait_until(&webrtcbin, end);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().expect("no holder of this lock should panic")
    }
}

/// Waits until a session stands, or should.
pub(super) fn wait_assembled(webrtcbin: &gst::Element) {
    wait_until(webrtcbin, Instant::now() + STANDS_WITHIN);
}

fn wait_until(webrtcbin: &gst::Element, end: Instant) {
    while !stands(webrtcbin) && Instant::now() < end {
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
