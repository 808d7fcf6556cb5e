//! How often viewers are told which moments of the two streams belong together.

use gst::{glib, prelude::*};

/// Mean time between two sender reports (RFC 3550, section 6.4.1), in nanoseconds.
///
/// A browser keeps sound and picture together by these alone, and begins once it has two
/// of each stream. At GStreamer's 5 s that takes up to 10 s; a report costs 2 kbit/s this often.
const WITH_SOUND: u64 = 500_000_000;
/// The same for a picture alone: a viewer's answer tells how long its way is.
const WITHOUT_SOUND: u64 = 2_000_000_000;

/// Has this element report often enough, if it is one that reports.
pub(super) fn report_often(element: &gst::Element, has_sound: bool) {
    if element.factory().is_none_or(|factory| factory.name() != "rtpsession") {
        return;
    }
    // The interval belongs to the session inside, which is no element.
    let session = element.property::<glib::Object>("internal-session");
    session.set_property("rtcp-min-interval", if has_sound { WITH_SOUND } else { WITHOUT_SOUND });
}
