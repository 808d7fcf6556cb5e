//! GStreamer's start and the plugins that are linked in.

use std::sync::OnceLock;

use super::MediaError;

/// Elements without which no feed can work at all.
const NEEDED: [&str; 7] = ["appsrc", "appsink", "rtspsrc", "rtph264depay", "videoconvert", "webrtcbin", "nicesink"];

/// Starts GStreamer and registers the built-in plugins; the second call does nothing.
///
/// # Errors
/// Says which plugin or element is missing and which package has it.
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
    for factory in NEEDED {
        if gst::ElementFactory::find(factory).is_none() {
            return Err(MediaError::MissingElement { factory: factory.into() });
        }
    }
    let _ = DONE.set(());
    Ok(())
}

fn register(plugin: &'static str, register: fn() -> Result<(), gst::glib::BoolError>) -> Result<(), MediaError> {
    register().map_err(|error| MediaError::Plugin { plugin, reason: error.to_string() })
}
