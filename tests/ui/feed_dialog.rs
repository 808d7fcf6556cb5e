//! The dialog that adds and changes feeds: every kind of source, and the look at a camera.

use adw::prelude::*;
use heliograph::{
    config::{AudioSource, Codec, ElementRole, FeedConfig, PathChoice, Size, SourceConfig, TestPattern},
    media::{
        Encoder,
        availability::{Availability, Failure, FailureKind, Verdict, Work},
        source::{DemoCamera, DemoSettings},
    },
    ui::{FeedDialog, model::FeedObject},
};

use crate::{
    rig::{Rig, all, button, field, says},
    support,
};

/// The row with this title, that can be seen or not.
fn row<W: IsA<adw::PreferencesRow> + IsA<gtk::Widget>>(dialog: &FeedDialog, title: &str) -> W {
    let mut rows = all::<W>(dialog).into_iter();
    rows.find(|row| row.title().starts_with(title)).unwrap_or_else(|| panic!("a row “{title}”"))
}

/// Chooses what starts with these words.
pub fn choose(dialog: &FeedDialog, title: &str, words: &str) {
    let row: adw::ComboRow = row(dialog, title);
    let model = row.model().unwrap();
    let position = (0..model.n_items()).find(|position| {
        let name = model.item(*position).and_downcast::<gtk::StringObject>().unwrap();
        name.string().starts_with(words)
    });
    row.set_selected(position.unwrap_or_else(|| panic!("“{words}” among what “{title}” offers")));
    support::settle();
}

/// As Enter on the row would.
fn press(row: &adw::ActionRow) {
    gtk::prelude::WidgetExt::activate(row);
    support::settle();
}

/// Opens the page behind a row.
pub fn open(dialog: &FeedDialog, title: &str) {
    let link =
        all::<adw::ActionRow>(dialog).into_iter().find(|row| row.title() == title && row.action_name().is_some());
    press(&link.unwrap_or_else(|| panic!("a row that leads to “{title}”")));
}

fn newest(rig: &Rig) -> FeedConfig {
    let feeds = rig.desk.feeds();
    feeds.item(feeds.n_items() - 1).and_downcast::<FeedObject>().expect("a feed should be there").config()
}

#[gtk::test]
fn each_kind_of_source_becomes_a_feed() {
    let rig = Rig::new();
    rig.act("win.add-feed");
    let dialog = rig.dialog();
    field(&dialog, "Name").set_text("Pattern");
    choose(&dialog, "Source", "Test picture");
    choose(&dialog, "Shows", "Noise");
    assert!(!field(&dialog, "Address").is_visible());
    field(&dialog, "Size, such as 1280x720").set_text("640x360");
    let sizes: Vec<adw::EntryRow> =
        all::<adw::EntryRow>(&dialog).into_iter().filter(|row| row.title() == "Size, such as 1280x720").collect();
    sizes[0].set_text("320x240");
    button(&dialog, "Add").emit_clicked();
    let SourceConfig::Test(test) = newest(&rig).source else { panic!("a test picture") };
    assert_eq!((test.pattern, test.size), (TestPattern::Snow, Size { width: 320, height: 240 }));

    rig.act("win.add-feed");
    let dialog = rig.dialog();
    field(&dialog, "Name").set_text("Demo");
    choose(&dialog, "Source", "Demo camera");
    button(&dialog, "Add").emit_clicked();
    assert_eq!(newest(&rig).source, SourceConfig::Demo);

    rig.act("win.add-feed");
    let dialog = rig.dialog();
    field(&dialog, "Name").set_text("Film");
    choose(&dialog, "Source", "File");
    assert!(!button(&dialog, "Add").is_sensitive(), "no file is chosen yet");
    assert!(button(&dialog, "Choose…").is_mapped());
    choose(&dialog, "Source", "Network camera");
    field(&dialog, "Address").set_text("rtsp://127.0.0.1:9/stream1");
    choose(&dialog, "Transport", "TCP");
    choose(&dialog, "Sound", "Test tone");
    choose(&dialog, "Camera's Stream", "As it is");
    choose(&dialog, "Codec", "VP8");
    row::<adw::SpinRow>(&dialog, "Wait for late").set_value(250.0);
    button(&dialog, "Add").emit_clicked();
    let feed = newest(&rig);
    let SourceConfig::Rtsp(rtsp) = &feed.source else { panic!("a camera on the network") };
    assert_eq!((rtsp.transport.key(), rtsp.latency_ms), ("tcp", 250));
    assert_eq!((feed.path, feed.codec, &feed.audio.source), (PathChoice::PassThrough, Codec::Vp8, &AudioSource::Tone));
    support::until("the settings are saved", || rig.saved().contains("latency_ms = 250"));
    rig.end();
}

#[gtk::test]
fn a_computer_without_cameras_says_so() {
    let rig = Rig::new();
    rig.act("win.add-feed");
    let dialog = rig.dialog();
    choose(&dialog, "Source", "Camera on this computer");
    let row: adw::ComboRow = row(&dialog, "Camera");
    support::until("the answer", || !row.subtitle().unwrap_or_default().starts_with("Looking"));
    if row.model().unwrap().n_items() == 0 {
        assert!(row.subtitle().unwrap_or_default().starts_with("No camera was found"));
        assert!(!button(&dialog, "Add").is_sensitive());
    }
    rig.end();
}

const UNUSUAL: &str = r#"
version = 1
[server]
listen = "127.0.0.1:0"
[[feeds]]
id = "bow"
name = "Bow"
address = "rtsp://127.0.0.1:9/1"
sub_address = "rtsp://127.0.0.1:9/2"
user = "me"
password_env = "HELIOGRAPH_TEST_NO_SUCH"
transport = "tcp"
latency_ms = 40
drop_on_latency = false
rotate = 90
size = "640x480"
audio = "device:A cable"
path = "transcode"
codec = "vp8"
encoder = "goneenc"
bitrate_kbps = 777
streaming = false
"#;

#[gtk::test]
fn an_edit_keeps_what_it_does_not_ask_for() {
    let rig = Rig::with_settings(UNUSUAL);
    let old = newest(&rig);
    rig.act("win.edit-feed");
    let dialog = rig.dialog();
    field(&dialog, "Name").set_text("Stern");
    button(&dialog, "Apply").emit_clicked();
    assert_eq!(newest(&rig), FeedConfig { name: "Stern".into(), ..old });
    rig.end();
}

#[gtk::test]
fn a_look_says_where_a_kept_password_cannot_be_read() {
    let rig = Rig::with_settings(UNUSUAL);
    rig.act("win.edit-feed");
    let dialog = rig.dialog();
    open(&dialog, "Test");
    support::until("the sentence", || says(&dialog, "HELIOGRAPH_TEST_NO_SUCH"));
    button(&dialog, "Try Again").emit_clicked();
    support::until("the same sentence", || says(&dialog, "HELIOGRAPH_TEST_NO_SUCH"));
    rig.end();
}

#[gtk::test]
fn a_certificate_is_shown_short_and_can_be_forgotten() {
    let whole = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let known =
        UNUSUAL.replace("rtsp://", "rtsps://").replace("transport", &format!("certificate = \"{whole}\"\ntransport"));
    let rig = Rig::with_settings(&known);
    rig.act("win.edit-feed");
    let dialog = rig.dialog();
    open(&dialog, "Connection");
    assert!(says(&dialog, "sha256:0123456789abcdef…"));
    let forget = button(&dialog, "Forget");
    forget.emit_clicked();
    assert!(!forget.is_sensitive());
    button(&dialog, "Apply").emit_clicked();
    let SourceConfig::Rtsp(rtsp) = newest(&rig).source else { panic!("a camera on the network") };
    assert_eq!(rtsp.certificate, None);
    support::until("the settings are saved", || !rig.saved().contains("sha256:"));
    rig.end();
}

#[gtk::test]
fn what_is_wrong_below_is_marked_above() {
    let rig = Rig::new();
    rig.act("win.add-feed");
    let dialog = rig.dialog();
    field(&dialog, "Name").set_text("Bow");
    field(&dialog, "Address").set_text("rtsp://127.0.0.1:9/1");
    let size = field(&dialog, "Size, such as 1280x720; empty");
    size.set_text("1281x720");
    assert!(size.has_css_class("error"));
    assert!(!button(&dialog, "Add").is_sensitive());
    support::until("the sentence", || says(&dialog, "two even numbers"));
    size.set_text("");
    field(&dialog, "Element properties").set_text("bframes=3");
    support::until("the next sentence", || says(&dialog, "no B-frames"));
    field(&dialog, "Element properties").set_text("threads=2");
    assert!(button(&dialog, "Add").is_sensitive());
    rig.end();
}

#[gtk::test]
fn the_ways_to_a_robot_are_asked_for_at_its_relay() {
    let rig = Rig::new();
    rig.act("win.add-feed");
    let dialog = rig.dialog();
    field(&dialog, "Name").set_text("Robot");
    field(&dialog, "Address").set_text("rtsp://127.0.0.1:9/1");
    open(&dialog, "Connection");
    let servers = field(&dialog, "STUN and TURN servers");
    support::until("the page", || field(&dialog, "Second address").is_mapped());
    assert!(!servers.is_mapped(), "a camera is asked directly");
    all::<adw::NavigationView>(&dialog)[0].pop();
    choose(&dialog, "Source", "Receive from a robot");
    field(&dialog, "Relay").set_text("wss://127.0.0.1:9");
    open(&dialog, "Connection");
    support::until("the page", || servers.is_mapped());
    assert!(!field(&dialog, "Second address").is_mapped());
    let ca = field(&dialog, "Certificate authority");
    ca.set_text("ca.pem");
    support::until("the sentence", || {
        says(&dialog, "The certificate authority cannot be used: a path here starts with /")
    });
    assert!(ca.has_css_class("error") && !button(&dialog, "Add").is_sensitive());
    ca.set_text("/etc/ca.pem");
    row::<adw::SwitchRow>(&dialog, "Through a TURN Server Only").set_active(true);
    support::until("the next sentence", || says(&dialog, "No TURN server is named"));
    assert!(servers.has_css_class("error"));
    servers.set_text("turn:shore@127.0.0.1:9");
    field(&dialog, "TURN password").set_text("planted");
    field(&dialog, "Network interfaces").set_text("lo");
    button(&dialog, "Add").emit_clicked();
    let old = newest(&rig);
    let SourceConfig::Rtsp(rtsp) = &old.source else { panic!("a relay") };
    assert_eq!((rtsp.reception.ice.servers.len(), rtsp.reception.relay_only), (1, true));
    support::until("the settings are saved", || rig.saved().contains("ice_password_keyring = true"));
    let saved = rig.saved();
    assert!(saved.contains("ca = \"/etc/ca.pem\"") && saved.contains("interfaces = [\"lo\"]"), "{saved}");
    assert!(!saved.contains("planted"), "{saved}");
    let is_told = |title: &String| title.starts_with("The password is kept for this run only");
    support::until("the words about the keyring", || rig.notices.borrow().iter().any(is_told));

    rig.act("win.edit-feed");
    let dialog = rig.dialog();
    let password = field(&dialog, "TURN password");
    assert_eq!(password.title(), "TURN password (empty: unchanged)");
    button(&dialog, "Apply").emit_clicked();
    assert_eq!(newest(&rig), old, "nothing was touched");
    rig.act("win.edit-feed");
    let dialog = rig.dialog();
    let forget = all::<gtk::Button>(&field(&dialog, "TURN password"))
        .into_iter()
        .find(|button| button.tooltip_text().is_some_and(|text| text == "Forget It"));
    forget.expect("a way to forget it").emit_clicked();
    button(&dialog, "Apply").emit_clicked();
    support::until("it is forgotten", || !rig.saved().contains("ice_password_keyring"));
    rig.end();
}

#[gtk::test]
fn a_look_shows_what_the_camera_sends() {
    let rig = Rig::new();
    let camera = DemoCamera::start(DemoSettings::default()).unwrap();
    rig.act("win.add-feed");
    let dialog = rig.dialog();
    field(&dialog, "Address").set_text(&camera.url());
    open(&dialog, "Test");
    support::until("the wait", || says(&dialog, "Looking"));
    support::until("the facts", || says(&dialog, "H.264"));
    assert!(says(&dialog, "Key frames") && says(&dialog, "B-frames") && says(&dialog, "Transport"));
    assert!(says(&dialog, "goes to viewers as it is"), "what Heliograph would do with it");
    rig.end();
}

#[gtk::test]
fn a_look_at_nothing_says_what_to_do() {
    let rig = Rig::new();
    rig.act("win.add-feed");
    let dialog = rig.dialog();
    field(&dialog, "Address").set_text("rtsp://me:planted@127.0.0.1:9/1");
    open(&dialog, "Test");
    support::until("the sentence", || says(&dialog, "Nothing listens at port 9 of 127.0.0.1"));
    assert!(!says(&dialog, "planted"));
    rig.end();
}

#[gtk::test]
fn a_picker_says_why_something_is_not_available() {
    let rig = Rig::new();
    let broken = Encoder::installed().into_iter().rfind(|encoder| encoder.codec() == Codec::Vp8).unwrap();
    let found = Availability::of_this_machine();
    let before = found.verdict(&broken).unwrap_or(Verdict::Works);
    rig.act("win.add-feed");
    let dialog = rig.dialog();
    choose(&dialog, "Codec", "VP8");
    found.note(&broken, Verdict::Failed(Failure { work: Work::Encoding, kind: FailureKind::Crashed }));
    let label = format!("{} (does not work)", broken.label());
    let offers = || {
        let model = row::<adw::ComboRow>(&dialog, "Encoder").model().unwrap();
        let name = |position| model.item(position).and_downcast::<gtk::StringObject>();
        (0..model.n_items()).filter_map(name).any(|name| name.string() == label)
    };
    support::until("word of the trial in an open dialog", offers);
    let reasons = all::<gtk::Label>(&dialog).into_iter().any(|label| label.label().contains("The driver crashed"));
    assert!(reasons, "the reason should be there to read");
    found.note(&broken, before);
    rig.end();
}

#[gtk::test]
fn a_profile_fills_the_fields_and_is_named() {
    let rig = Rig::new();
    rig.act("win.add-feed");
    let dialog = rig.dialog();
    open(&dialog, "For Viewers");
    open(&dialog, "Profile");
    let profile = heliograph::config::Profile::all().iter().find(|profile| profile.codec == Some(Codec::H265)).unwrap();
    let rows = all::<adw::ActionRow>(&dialog);
    let is_it =
        |row: &&adw::ActionRow| row.subtitle().is_some_and(|words| words.starts_with(&format!("{}.", profile.name)));
    press(rows.iter().find(is_it).expect("a row of the profile"));
    support::until("its name", || says(&dialog, &format!("Filled in from {}", profile.name)));
    field(&dialog, "Name").set_text("Bow");
    field(&dialog, "Address").set_text("rtsp://127.0.0.1:9/1");
    button(&dialog, "Add").emit_clicked();
    let feed = newest(&rig);
    assert_eq!((feed.codec, Some(&feed.encoder)), (Codec::H265, profile.encoder.as_ref()));
    assert_eq!(feed.settings_of(ElementRole::Encoder), profile.encoder_settings);
    rig.end();
}
