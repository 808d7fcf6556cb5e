//! Which way a camera's stream takes to the viewers.

use super::keyed::keyed_enum;

keyed_enum! {
    /// Which way a camera's stream takes to the viewers.
    PathChoice {
        /// As it is where every viewer can take it, else encoded anew.
        #[default]
        Automatic = "auto",
        /// As it is, whatever size, rates or picture are asked for, even with rare key frames, and H.265 even to
        /// clients that do not say what they decode. What no browser shows rightly is encoded anew all the same.
        PassThrough = "pass-through",
        /// Encoded anew, whatever the camera sends.
        Transcode = "transcode",
    }
}
