//! What a rendition is to its feed.

use super::keyed::keyed_enum;

keyed_enum! {
    /// What an encoded form of a feed is to it.
    RenditionRole {
        /// What the operator set.
        #[default]
        Main = "main",
        /// A small one for viewers with little bandwidth, made while there is one.
        Low = "low",
        /// What the camera sends, as it is; made by nobody.
        Camera = "camera",
        /// What the camera sends as its second, smaller stream, as it is; made by nobody.
        Sub = "sub",
    }
}
