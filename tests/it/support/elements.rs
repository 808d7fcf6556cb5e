//! Every GStreamer element of this process, those inside webrtcsink's own pipelines included.

use std::sync::{Mutex, Once};

use gst::{glib, prelude::*, subclass::prelude::*};

/// Every element that was made since the watch began.
static ELEMENTS: Mutex<Vec<glib::WeakRef<gst::Element>>> = Mutex::new(Vec::new());

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct ElementWatch;

    #[glib::object_subclass]
    impl ObjectSubclass for ElementWatch {
        const NAME: &'static str = "HlgElementWatch";
        type Type = super::ElementWatch;
        type ParentType = gst::Tracer;
    }

    impl ObjectImpl for ElementWatch {
        fn constructed(&self) {
            self.parent_constructed();
            self.register_hook(TracerHook::ElementNew);
        }
    }

    impl GstObjectImpl for ElementWatch {}

    impl TracerImpl for ElementWatch {
        fn element_new(&self, _time: u64, element: &gst::Element) {
            ELEMENTS.lock().unwrap().push(element.downgrade());
        }
    }
}

glib::wrapper! {
    pub struct ElementWatch(ObjectSubclass<imp::ElementWatch>) @extends gst::Tracer, gst::Object;
}

/// Begins to watch, for as long as the process lives.
pub fn watch() {
    static BEGUN: Once = Once::new();
    heliograph::media::init().unwrap();
    BEGUN.call_once(|| std::mem::forget(glib::Object::new::<ElementWatch>()));
}

/// The elements alive in this process that a wanted factory made.
pub fn alive(is_wanted: impl Fn(&gst::ElementFactory) -> bool) -> Vec<gst::Element> {
    let elements = ELEMENTS.lock().unwrap();
    let alive = elements.iter().filter_map(glib::WeakRef::upgrade);
    alive.filter(|element| element.factory().is_some_and(|factory| is_wanted(&factory))).collect()
}

/// The elements alive in this process that the factory of this name made, the oldest first.
pub fn alive_of(factory: &str) -> Vec<gst::Element> {
    alive(|made_by| made_by.name() == factory)
}

/// How many of this factory's encoders work for viewers, not for cameras or trials.
pub fn encoders_for_viewers(factory: &str) -> usize {
    let is_for_viewers =
        |element: &gst::Element| element.parent().is_some_and(|pipeline| pipeline.name() == "rendition");
    alive_of(factory).into_iter().filter(is_for_viewers).count()
}
