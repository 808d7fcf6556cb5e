//! GStreamer's SCTP, over which data channels go.

use std::sync::OnceLock;

use gst::prelude::*;

/// The one number of an association that webrtcbin never takes.
const UNUSED_ASSOCIATION: u32 = 65_535;

/// Keeps GStreamer's SCTP from ending when the last peer with data channels goes.
///
/// It would be put together anew for the next one, but of a peer that was cut off with messages on
/// their way something is left, and then no channel opens any more until the program ends (seen with
/// GStreamer 1.26). An association that nobody uses keeps it.
pub(crate) fn keep_sctp() {
    static KEPT: OnceLock<Option<gst::Element>> = OnceLock::new();
    KEPT.get_or_init(|| {
        let builder = gst::ElementFactory::make("sctpdec").property("sctp-association-id", UNUSED_ASSOCIATION);
        let element = builder.build().ok()?;
        element.set_state(gst::State::Paused).ok()?;
        Some(element)
    });
}
