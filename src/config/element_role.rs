//! What an element is to its feed, and the properties that the operator set by it.

use std::collections::BTreeMap;

use super::keyed::keyed_enum;

keyed_enum! {
    /// What a GStreamer element does for a feed.
    ElementRole {
        /// Brings the pictures: `rtspsrc`, `v4l2src`, `filesrc`, `videotestsrc`.
        #[default]
        Source = "source",
        /// Takes them out of a camera's packets.
        Depayloader = "depayloader",
        /// Decodes them.
        Decoder = "decoder",
        /// Deinterlaces, scales or converts them on their way to an encoder.
        Converter = "converter",
        /// Encodes them.
        Encoder = "encoder",
        /// Puts them into packets, for each viewer.
        Payloader = "payloader",
        /// Carries the packets to a viewer: `webrtcbin`, `nicesink`, `rtprtxsend`, `rtpgccbwe`.
        Transport = "transport",
    }
}

/// Properties by the role of the elements that have them, then by name, with values as GStreamer
/// writes them. A role without any is not in it.
pub type ElementSettings = BTreeMap<ElementRole, BTreeMap<String, String>>;
