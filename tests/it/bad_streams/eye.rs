//! Looks at the pictures that an engine gets out of its cameras, where they leave the decoder.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Instant,
};

use gst::{glib, prelude::*, subclass::prelude::*};
use heliograph::media::source::frame_mark::FrameMark;

/// Sinks that were made and do not belong to a camera yet.
static SINKS: Mutex<Vec<glib::WeakRef<gst::Element>>> = Mutex::new(Vec::new());

mod imp {
    use super::*;

    /// Sees every sink of the process at its birth.
    #[derive(Default)]
    pub struct SinkWatch;

    #[glib::object_subclass]
    impl ObjectSubclass for SinkWatch {
        const NAME: &'static str = "HlgSinkWatch";
        type Type = super::SinkWatch;
        type ParentType = gst::Tracer;
    }

    impl ObjectImpl for SinkWatch {
        fn constructed(&self) {
            self.parent_constructed();
            self.register_hook(TracerHook::ElementNew);
        }
    }

    impl GstObjectImpl for SinkWatch {}

    impl TracerImpl for SinkWatch {
        fn element_new(&self, _time: u64, element: &gst::Element) {
            if element.is::<gst_app::AppSink>() {
                SINKS.lock().unwrap().push(element.downgrade());
            }
        }
    }
}

glib::wrapper! {
    pub struct SinkWatch(ObjectSubclass<imp::SinkWatch>) @extends gst::Tracer, gst::Object;
}

/// A picture that came out of a decoder.
#[derive(Clone, Copy)]
pub struct Seen {
    pub at: Instant,
    /// What is written in it; `None` where it is damaged.
    pub mark: Option<u32>,
    /// How much later it came than its timestamp says, in seconds.
    pub late: f64,
}

/// Sees the pictures of all cameras, by their addresses.
pub struct Eye {
    #[allow(dead_code, reason = "kept, not read: it sees as long as it lives")]
    watch: SinkWatch,
    seen: Arc<Mutex<HashMap<String, Vec<Seen>>>>,
}

impl Eye {
    pub fn open() -> Self {
        Self { watch: glib::Object::new(), seen: Arc::default() }
    }

    /// Finds the cameras' new connections; to be called often, for until then nothing of them is seen.
    pub fn look(&self) {
        SINKS.lock().unwrap().retain(|weak| {
            let Some(sink) = weak.upgrade() else { return false };
            let Some(address) = address_of(&sink) else { return true };
            self.watch(&sink, address);
            false
        });
    }

    fn watch(&self, sink: &gst::Element, address: String) {
        let seen = self.seen.clone();
        sink.static_pad("sink").unwrap().add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let Some(buffer) = info.buffer()
                && let Some(picture) = look_at(pad, buffer)
            {
                seen.lock().unwrap().entry(address.clone()).or_default().push(picture);
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// All pictures of a camera so far.
    pub fn seen(&self, address: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().get(address).cloned().unwrap_or_default()
    }
}

/// The address of the camera whose pipeline an element is in.
fn address_of(element: &gst::Element) -> Option<String> {
    let pipeline = element.parent()?.downcast::<gst::Bin>().ok()?;
    let elements = pipeline.iterate_all_by_element_factory_name("rtspsrc").into_iter().next()?.ok()?;
    Some(elements.property::<String>("location"))
}

fn look_at(pad: &gst::Pad, buffer: &gst::Buffer) -> Option<Seen> {
    let video = pad.current_caps()?;
    let video = gst_video::VideoInfo::from_caps(&video).ok()?;
    if video.format() == gst_video::VideoFormat::Encoded {
        // What goes to viewers as it is: not decoded here.
        return None;
    }
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &video).ok()?;
    let stride = usize::try_from(video.stride()[0]).ok()?;
    let mark = FrameMark::read(frame.plane_data(0).ok()?, video.width() as usize, stride);
    let late = pad.parent_element()?.current_running_time()?.nseconds() as f64 - buffer.pts()?.nseconds() as f64;
    Some(Seen { at: Instant::now(), mark: mark.map(|mark| mark.counter), late: late / 1e9 })
}

/// How many different pictures there are among these.
pub fn different(seen: &[Seen]) -> usize {
    seen.iter().filter_map(|seen| seen.mark).collect::<HashSet<_>>().len()
}
