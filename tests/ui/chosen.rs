//! What a feed is made with, and why: told on its page, and once when it fails.

use std::sync::Mutex;

use adw::prelude::*;
use gst::{glib, prelude::*, subclass::prelude::*};
use heliograph::{
    config::{SetpointChange, Size},
    media::source::{DemoCamera, DemoCertificate, DemoSettings},
    ui::model::FeedObject,
};

use crate::{
    rig::{Rig, all, button, field, says},
    support,
};

/// Every encoder that was made since the tracer was put in.
static ENCODERS: Mutex<Vec<glib::WeakRef<gst::Element>>> = Mutex::new(Vec::new());

mod imp {
    use super::*;

    /// Sees the elements of the feeds' own pipelines.
    #[derive(Default)]
    pub struct EncoderWatch;

    #[glib::object_subclass]
    impl ObjectSubclass for EncoderWatch {
        const NAME: &'static str = "HlgEncoderWatch";
        type Type = super::EncoderWatch;
        type ParentType = gst::Tracer;
    }

    impl ObjectImpl for EncoderWatch {
        fn constructed(&self) {
            self.parent_constructed();
            self.register_hook(TracerHook::ElementNew);
        }
    }

    impl GstObjectImpl for EncoderWatch {}

    impl TracerImpl for EncoderWatch {
        fn element_new(&self, _time: u64, element: &gst::Element) {
            ENCODERS.lock().unwrap().push(element.downgrade());
        }
    }
}

glib::wrapper! {
    pub struct EncoderWatch(ObjectSubclass<imp::EncoderWatch>) @extends gst::Tracer, gst::Object;
}

/// The encoder of this kind that is at work for a feed; trials and the demo camera have some, too.
fn at_work(factory: &str) -> Option<gst::Element> {
    let encoders = ENCODERS.lock().unwrap();
    let is_kind = |element: &gst::Element| element.factory().is_some_and(|found| found.name() == factory);
    let is_at_work = |element: &gst::Element| {
        element.current_state() == gst::State::Playing
            && element.parent().is_some_and(|pipeline| pipeline.name() == "rendition")
    };
    encoders.iter().filter_map(glib::WeakRef::upgrade).find(|element| is_kind(element) && is_at_work(element))
}

/// Has the encoder of the feed fail as a driver's fault would have it.
fn break_encoder(factory: &str) {
    support::until(&format!("{factory} at work"), || at_work(factory).is_some());
    let encoder = at_work(factory).unwrap();
    gst::element_error!(encoder, gst::StreamError::Encode, ["planted by a test"]);
    drop(encoder);
    support::until(&format!("the end of {factory}"), || at_work(factory).is_none());
}

#[gtk::test]
fn a_live_feed_says_what_it_is_made_with_and_why() {
    let rig = Rig::new();
    let camera = DemoCamera::start(DemoSettings { width: 320, height: 240, ..DemoSettings::default() }).unwrap();
    let feed = add(&rig, &camera.url());
    let page = rig.window.feed_page();
    page.open_part("path");
    support::until("the reason", || says(&page, "H.264 by x264enc\nAutomatic: x264"));
    support::until("the decoder", || says(&page, "avdec_h264"));
    assert!(says(&page, "Sound") && says(&page, "Off"));
    assert!(!says(&page, "Certificate") && !says(&page, "Camera’s Stream"), "only some cameras have these");

    let about = all::<gtk::Button>(&page);
    let about = about.iter().find(|button| button.tooltip_text().is_some_and(|tip| tip == "About the Encoder"));
    about.unwrap().emit_clicked();
    support::until("the licence", || says(&rig.window, "H.264 may need a licence from its patent pools"));
    support::picture_of(&rig.window).keep("encoder-details");
    rig.window.visible_dialog().unwrap().force_close();

    rig.desk.set_streaming(&feed, false);
    support::until("no decoder", || !says(&page, "avdec_h264") && says(&page, "None at present"));
    rig.end();
}

#[gtk::test]
fn the_cameras_other_stream_is_chosen_and_remembered() {
    let small = DemoCamera::start(DemoSettings { width: 320, height: 240, ..DemoSettings::default() }).unwrap();
    let large = DemoCamera::start(DemoSettings { width: 640, height: 480, ..DemoSettings::default() }).unwrap();
    let rig = Rig::with_settings(&format!(
        "version = 1\n[server]\nlisten = \"127.0.0.1:0\"\n[[feeds]]\nname = \"Bow\"\naddress = \"{}\"\nsub_address = \"{}\"\n",
        large.url(),
        small.url(),
    ));
    let page = rig.window.feed_page();
    page.open_part("path");
    support::until("the large stream", || says(&page, "640×480"));
    let combos = all::<adw::ComboRow>(&page);
    let stream = combos.iter().find(|row| row.title() == "Camera’s Stream" && row.is_mapped()).unwrap();
    assert_eq!(stream.selected(), 0);

    stream.set_selected(1);
    support::until("the small stream", || says(&page, "320×240"));
    support::until("the choice is saved", || rig.saved().contains("stream = \"sub\""));
    rig.end();
}

#[gtk::test]
fn a_pinned_certificate_is_shown_and_can_be_forgotten() {
    let certificate = Some(DemoCertificate::make().unwrap());
    let camera =
        DemoCamera::start(DemoSettings { width: 320, height: 240, certificate, ..DemoSettings::default() }).unwrap();
    let rig = Rig::new();
    let feed = add(&rig, &camera.url());
    let page = rig.window.feed_page();
    page.open_part("path");
    support::until("the certificate", || says(&page, "Known by SHA-256"));
    support::until("it is saved", || rig.saved().contains("certificate = \"sha256:"));

    rig.desk.set_streaming(&feed, false);
    support::until("the end of the picture", || says(&page, "None at present"));
    let forget = all::<gtk::Button>(&page)
        .into_iter()
        .find(|button| button.tooltip_text().is_some_and(|tip| tip == "Forget the Certificate"));
    forget.unwrap().emit_clicked();
    support::until("the question", || says(&rig.window, "Whichever certificate the camera shows next is trusted"));
    support::picture_of(&rig.window).keep("forget-certificate");
    button(&rig.window, "Forget").emit_clicked();
    support::until("no certificate", || says(&page, "The first one that it shows is kept"));
    support::until("it is forgotten", || !rig.saved().contains("certificate"));
    rig.end();
}

#[gtk::test]
fn an_encoder_that_fails_again_and_again_is_told_once() {
    let rig = Rig::new();
    let _watch: EncoderWatch = glib::Object::new();
    let feed = rig.desk.add_demo();
    // Smaller than the camera's, so that there is an encoder.
    rig.desk.apply(&feed, SetpointChange::size(Some(Size { width: 640, height: 360 })));
    let page = rig.window.feed_page();
    page.open_part("path");
    support::until("a picture", || page.preview().is_live());
    let told = |words: &str| rig.notices.borrow().iter().filter(|title| title.contains(words)).count();

    break_encoder("x264enc");
    support::until("the next encoder", || says(&page, "H.264 by openh264enc"));
    assert_eq!(told("The encoder x264enc failed; streaming goes on with openh264enc."), 1);
    support::until("the toast, whole", || says(&rig.window, "Demo camera: The encoder x264enc failed; streaming"));
    support::picture_of(&rig.window).keep("encoder-failed");
    break_encoder("openh264enc");
    // All have failed, so they are tried again: the first one comes back, and fails as before.
    support::until("the first encoder again", || says(&page, "H.264 by x264enc"));
    break_encoder("x264enc");
    support::until("the next encoder again", || says(&page, "H.264 by openh264enc"));
    assert_eq!(told("The encoder x264enc failed"), 1, "{:?}", rig.notices.borrow());
    rig.end();
}

#[gtk::test]
fn missing_sound_is_told_once_and_stays_on_the_page() {
    let rig = Rig::with_settings(
        "version = 1\n[server]\nlisten = \"127.0.0.1:0\"\n[[feeds]]\nname = \"Bow & Stern\"\ndemo = true\naudio = \"device:Not There\"\n",
    );
    let page = rig.window.feed_page();
    page.open_part("path");
    support::until("the sentence", || says(&page, "There is no sound input device “Not There”"));
    support::until("the toast", || says(&rig.window, "Bow & Stern: There is no sound input device"));
    support::until("the picture all the same", || page.preview().is_live());
    support::picture_of(&rig.window).keep("sound-missing");
    assert_eq!(rig.notices.borrow().iter().filter(|title| title.contains("Not There")).count(), 1);
    rig.end();
}

/// A camera with this address, selected.
fn add(rig: &Rig, address: &str) -> FeedObject {
    rig.act("win.add-feed");
    let dialog = rig.dialog();
    field(&dialog, "Name").set_text("Bow");
    field(&dialog, "Address").set_text(address);
    button(&dialog, "Add").emit_clicked();
    support::until("the feed", || rig.window.selected().is_some());
    rig.window.selected().unwrap()
}
