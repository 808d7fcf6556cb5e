//! The operator's own view of a feed: a pipeline from the decoded pictures to a paintable.

use gst::prelude::*;
use gst_utils::{ConsumptionLink, StreamProducer};

use super::MediaError;

/// A preview that shows whichever camera it is connected to. Dropping it ends it.
///
/// It is made on the thread of the window, because the sink belongs to GTK, and
/// may then be used from any other. Never drop it on a thread that the window
/// waits for: ending the sink needs the window's main loop.
#[derive(Debug)]
pub struct Preview {
    pipeline: gst::Pipeline,
    input: ConsumptionLink,
}

impl Preview {
    /// Shows this camera from now on.
    pub(crate) fn connect(&mut self, frames: &StreamProducer) -> Result<(), MediaError> {
        self.pipeline.set_state(gst::State::Playing)?;
        self.input.change_producer(frames, false).expect("a preview should show one camera at a time");
        Ok(())
    }
}

impl Drop for Preview {
    fn drop(&mut self) {
        self.input.disconnect();
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Frames that may wait for the screen; a slow one skips.
#[cfg(feature = "gui")]
const WAITING_FRAMES: u64 = 2;
#[cfg(feature = "gui")]
const WAITING_TIME: gst::ClockTime = gst::ClockTime::from_mseconds(200);

#[cfg(feature = "gui")]
impl Preview {
    /// A preview no larger than this (pixels), and the paintable it is shown in.
    ///
    /// # Errors
    /// An element is missing.
    pub fn new(width: u32, height: u32) -> Result<(Self, gtk::gdk::Paintable), MediaError> {
        use super::element::{add_and_link, caps_filter, consumer_settings, make, off_the_card};

        let sink = make("gtk4paintablesink")?;
        // A picture is shown when it comes; the camera's jitter buffer has done the smoothing.
        sink.set_property("sync", false);
        let paintable = sink.property::<gtk::gdk::Paintable>("paintable");

        let input = gst_app::AppSrc::builder().name("preview").build();
        // Scaled before it is converted: neither should touch pixels nobody sees.
        let scale = make("videoscale")?;
        let within = gst::Caps::builder("video/x-raw")
            .field("width", gst::IntRange::new(1, width.max(2).cast_signed()))
            .field("height", gst::IntRange::new(1, height.max(2).cast_signed()))
            .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
            .build();
        let size = caps_filter(&within)?;
        let sink = on_the_gpu_if_there_is_one(sink, &paintable)?;
        let pipeline = gst::Pipeline::with_name("preview");
        let mut chain = vec![input.clone().upcast()];
        chain.extend(off_the_card()?);
        chain.extend([scale, size, make("videoconvert")?, sink]);
        add_and_link(&pipeline, &chain.iter().collect::<Vec<_>>())?;
        let input = ConsumptionLink::disconnected_with(input, consumer_settings(WAITING_FRAMES, WAITING_TIME));
        Ok((Self { pipeline, input }, paintable))
    }
}

/// With a GL context the upload to the GPU happens here, off GTK's thread.
#[cfg(feature = "gui")]
fn on_the_gpu_if_there_is_one(sink: gst::Element, paintable: &gtk::gdk::Paintable) -> Result<gst::Element, MediaError> {
    let context = paintable.property::<Option<gtk::gdk::GLContext>>("gl-context");
    if context.is_none() {
        return Ok(sink);
    }
    let bridge = super::element::make("glsinkbin")?;
    bridge.set_property("sink", &sink);
    Ok(bridge)
}
