//! What viewers' connections carry, as congestion control is made to believe.

use gst::prelude::*;

use super::elements;

/// Has the connection of one of this process's viewers carry so much, from now on. They are numbered in
/// the order in which their sessions began, of those that are there.
pub fn carry(viewer: usize, kbps: u32) {
    let estimators = elements::alive_of("rtpgccbwe");
    let estimator = estimators.get(viewer).expect("a viewer of this number");
    // It keeps within these, whatever it measures.
    estimator.set_property("max-bitrate", kbps * 1000);
    estimator.set_property("min-bitrate", kbps * 1000);
    estimator.set_property("estimated-bitrate", kbps * 1000);
}
