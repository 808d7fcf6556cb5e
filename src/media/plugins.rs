//! GStreamer's start and the plugins that are linked in.

use std::sync::OnceLock;

use super::MediaError;

/// Starts GStreamer and registers the built-in plugins; the second call does nothing.
///
/// # Errors
/// GStreamer does not start. A plugin that is not installed is no such error: the
/// feeds that need it say so, and the others go on.
pub fn init() -> Result<(), MediaError> {
    static DONE: OnceLock<()> = OnceLock::new();
    if DONE.get().is_some() {
        return Ok(());
    }
    gst::init().map_err(MediaError::Init)?;
    // In this order: webrtcsink makes its table of codecs once, and without
    // the RTP plugin's payloaders AV1 would be missing from it.
    register("rsrtp", gstrsrtp::plugin_register_static)?;
    register("rswebrtc", gstrswebrtc::plugin_register_static)?;
    #[cfg(feature = "gui")]
    register("gtk4", gstgtk4::plugin_register_static)?;
    let _ = DONE.set(());
    Ok(())
}

fn register(plugin: &'static str, register: fn() -> Result<(), gst::glib::BoolError>) -> Result<(), MediaError> {
    register().map_err(|error| MediaError::Plugin { plugin, reason: error.to_string() })
}
