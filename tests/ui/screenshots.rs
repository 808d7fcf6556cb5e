//! Pictures of the window's main states, to look at: `./dev screenshots DIR`.
//!
//! They are taken of the real window on real feeds; only the figures in the
//! charts are made up, because nobody watches.

use std::time::Duration;

use adw::prelude::*;
use heliograph::{
    config::{BudgetKind, ControlConfig},
    config::{Codec, RenditionRole},
    connector::FORMS,
    engine::FeedEvent,
    media::source::{DemoCamera, DemoSettings},
    stats::{
        FeedRates, FeedSample, RemoteInboundRtp, StreamSample, TransportFeedback, ViewerRates, ViewerReport,
        ViewerSample,
    },
    ui::{
        FeedDialog, SharesDialog,
        model::{Entered, FeedObject},
    },
};

use crate::{
    connectors,
    feed_dialog::{choose, open},
    rig::{Rig, all, field, says},
    support, troubleshooting, viewers,
};

/// A desktop, a small notebook, and the narrowest window there is.
const SIZES: [(i32, i32, &str); 3] = [(1280, 800, "wide"), (1100, 720, "notebook"), (360, 720, "narrow")];

#[gtk::test]
#[ignore = "draws pictures for people; ./dev screenshots asks for it"]
fn main_states() {
    for (width, height, size) in SIZES {
        let rig = Rig::sized((width, height));
        keep(&rig, &format!("empty-{size}"));
        let feed = live(&rig);
        keep(&rig, &format!("live-{size}"));
        for part in ["control", "path", "record", "figures"] {
            rig.window.feed_page().open_part(part);
            support::settle();
            if part != "figures" {
                keep(&rig, &format!("{part}-{size}"));
            }
        }
        add_dialog(&rig, size);
        trouble(&rig, size);
        rig.window.select(&feed);
        support::until("the picture", || rig.window.feed_page().preview().is_live());
        keep(&rig, &format!("two-feeds-{size}"));
        shares(&rig, size);
        troubleshooting_page(&rig, size);
        rig.end();
    }
}

/// Connectors and watched brokers: in lists, and each with its fields.
#[gtk::test]
#[ignore = "draws pictures for people; ./dev screenshots asks for it"]
fn elsewhere() {
    for (width, height, size) in SIZES {
        let rig = Rig::with_settings_and_size(&settings_elsewhere(), (width, height));
        let relay = rig.relay(RELAY);
        let dialog = connectors::opened(&rig);
        support::until("the relay", || says(&dialog, "Connected, 1 camera"));
        support::until("the fault", || says(&dialog, "Retrying"));
        keep(&rig, &format!("connectors-{size}"));
        connectors::follow(&dialog, "Add a Connector");
        keep(&rig, &format!("connectors-kinds-{size}"));
        for form in FORMS {
            connectors::follow(&dialog, &(form.name)());
            keep(&rig, &format!("connector-{}-{size}", form.kind));
            connectors::press(&dialog, "Add");
            keep(&rig, &format!("connector-{}-refused-{size}", form.kind));
            back(&dialog);
        }
        back(&dialog);
        connectors::follow(&dialog, "office");
        keep(&rig, &format!("connector-edited-{size}"));
        connectors::row::<adw::ExpanderRow>(&dialog, "How Media Travel").set_expanded(true);
        support::settle();
        keep(&rig, &format!("connector-media-{size}"));
        back(&dialog);
        dialog.set_visible_page_name("watched");
        support::settle();
        keep(&rig, &format!("watched-{size}"));
        connectors::follow(&dialog, "Add a Broker");
        keep(&rig, &format!("watched-add-{size}"));
        back(&dialog);
        dialog.force_close();
        support::settle();
        drop(relay);
        rig.end();
    }
}

/// How a viewer is connected, and why one is not.
#[gtk::test]
#[ignore = "draws pictures for people; ./dev screenshots asks for it"]
fn connections() {
    for (width, height, size) in SIZES {
        // What is made up here is not to be put right by a feed that runs.
        let still = "version = 1\n[server]\nlisten = \"127.0.0.1:0\"\n[[feeds]]\nname = \"Bow\"\ndemo = true\nstreaming = false\n";
        let rig = Rig::with_settings_and_size(still, (width, height));
        let feed: FeedObject = rig.desk.feeds().item(0).and_downcast().unwrap();
        let tell = |viewer| {
            feed.take(FeedEvent::Stats(Box::new(FeedSample { viewers: vec![viewer], ..FeedSample::default() })));
            rig.window.tick();
            support::settle();
        };
        let dialog = viewers::ask_connection(&rig, || tell(viewers::connected("bridge")));
        keep(&rig, &format!("connection-{size}"));
        dialog.force_close();
        tell(viewers::unreached("pilot"));
        keep(&rig, &format!("unreached-{size}"));
        let dialog = viewers::ask_connection(&rig, || tell(viewers::unreached("pilot")));
        keep(&rig, &format!("unreached-why-{size}"));
        dialog.force_close();
        rig.end();
    }
}

/// Where the relay of these pictures listens.
const RELAY: &str = "127.0.0.1:18443";

fn settings_elsewhere() -> String {
    format!(
        "version = 1\n[server]\nlisten = \"127.0.0.1:0\"\n\
         [[connectors]]\nid = \"office\"\nkind = \"webrtcsink\"\naddress = \"ws://{RELAY}/\"\n\
         ice_servers = [\"turn:vessel@relay.example:3478\"]\nice_password_env = \"PATH\"\ntoken_env = \"PATH\"\n\
         [[connectors]]\nid = \"robot\"\nkind = \"bigfootbot\"\naddress = \"ws://127.0.0.1:9\"\n\
         [[connectors]]\nid = \"fleet\"\nkind = \"whip\"\nenabled = false\naddress = \"https://media.example/whip/bow\"\n\
         [[watch]]\nbroker = \"mqtt://127.0.0.1:9\"\ninstances = [\"boat\"]\n\
         [[feeds]]\nname = \"Bow\"\npattern = \"ball\"\n"
    )
}

/// In light and in dark.
fn keep(rig: &Rig, name: &str) {
    for (scheme, style) in [(adw::ColorScheme::ForceDark, "dark"), (adw::ColorScheme::ForceLight, "light")] {
        support::style(scheme);
        support::picture_of(&rig.window).keep(&format!("{name}-{style}"));
    }
}

fn live(rig: &Rig) -> FeedObject {
    let feed = rig.desk.add_demo();
    support::until("the picture", || rig.window.feed_page().preview().is_live());
    // The first frames of a stream may come before its first key frame.
    support::turn_for(Duration::from_millis(1500));
    support::until("the link", || says(&rig.window, "/feed/demo"));
    feed.take(FeedEvent::Viewers { count: 3 });
    for second in 0..240 {
        let wave = (f64::from(second) / 17.0).sin();
        feed.take(FeedEvent::Stats(Box::new(sample(wave))));
        feed.tick();
    }
    rig.window.tick();
    feed
}

/// Three viewers, whose figures go up and down.
fn sample(wave: f64) -> FeedSample {
    let rates = FeedRates {
        sent_kbps: Some(5600.0 + 420.0 * wave),
        goodput_kbps: Some(5580.0 + 400.0 * wave),
        estimate_kbps: Some(2400.0 + 300.0 * wave),
        estimate_basis: None,
        round_trip_time: Some(0.021 + 0.006 * wave),
        jitter: Some(0.004 + 0.001 * wave),
        fraction_lost: Some(0.002 + 0.001 * wave),
        frames_per_second: Some(30.0),
    };
    let viewer = |name: &str| ViewerSample {
        session: name.into(),
        viewer: Some(name.into()),
        rendition: Some(RenditionRole::Camera),
        codec: Some(Codec::H264),
        estimate_kbps: Some(2400),
        picture: Some(StreamSample {
            remote: Some(RemoteInboundRtp {
                round_trip_time: Some(0.021 + 0.006 * wave),
                jitter: Some(0.004),
                fraction_lost: 0.002,
                ..RemoteInboundRtp::default()
            }),
            ..StreamSample::default()
        }),
        feedback: Some(TransportFeedback { received_kbps: 1890.0 + 130.0 * wave, ..TransportFeedback::default() }),
        report: Some(ViewerReport::default()),
        rates: ViewerRates {
            sent_kbps: Some(1900.0 + 140.0 * wave),
            frames_decoded_per_second: Some(30.0),
            ..ViewerRates::default()
        },
        ..ViewerSample::default()
    };
    FeedSample { viewers: ["bridge", "engine room", "pilot"].map(viewer).into(), rates, ..FeedSample::default() }
}

/// What there is for all feeds, and who gets what.
fn shares(rig: &Rig, size: &str) {
    let budget = ControlConfig { budget: BudgetKind::Fixed, budget_kbps: 6000, ..ControlConfig::default() };
    rig.desk.set_control(budget);
    support::until("the budget", || rig.desk.control().config == budget);
    let dialog = SharesDialog::new(&rig.desk);
    dialog.present(Some(&rig.window));
    support::turn_for(Duration::from_millis(700));
    keep(rig, &format!("shares-{size}"));
    dialog.force_close();
    rig.desk.set_control(ControlConfig::default());
    support::settle();
}

fn add_dialog(rig: &Rig, size: &str) {
    rig.act("win.add-feed");
    let dialog = rig.dialog();
    keep(rig, &format!("add-{size}"));
    field(&dialog, "Name").set_text("Harbour gate");
    field(&dialog, "Address").set_text("http://10.0.0.5/");
    keep(rig, &format!("add-refused-{size}"));
    let camera = DemoCamera::start(DemoSettings::default()).unwrap();
    field(&dialog, "Address").set_text(&camera.url());
    field(&dialog, "User").set_text("admin");
    field(&dialog, "Password").set_text("correct horse");
    keep(rig, &format!("add-filled-{size}"));
    for title in ["Connection", "Picture", "Audio", "For Viewers"] {
        open(&dialog, title);
        keep(rig, &format!("add-{}-{size}", title.to_lowercase().replace(' ', "-")));
        back(&dialog);
    }
    open(&dialog, "For Viewers");
    open(&dialog, "Profile");
    keep(rig, &format!("add-profiles-{size}"));
    back(&dialog);
    back(&dialog);
    look(rig, &dialog, size);
    for (kind, name) in [("Camera on this computer", "device"), ("File", "file"), ("Test picture", "test")] {
        choose(&dialog, "Source", kind);
        support::turn_for(Duration::from_millis(300));
        keep(rig, &format!("add-{name}-{size}"));
    }
    relay(rig, &dialog, size);
    dialog.force_close();
    support::settle();
}

/// A robot's picture, and the ways by which it comes.
fn relay(rig: &Rig, dialog: &FeedDialog, size: &str) {
    choose(dialog, "Source", "Receive from a robot");
    field(dialog, "Relay").set_text("wss://relay.example:8765#bow");
    keep(rig, &format!("add-relay-{size}"));
    open(dialog, "Connection");
    field(dialog, "Certificate authority").set_text("/etc/heliograph/our-ca.pem");
    field(dialog, "STUN and TURN servers").set_text("turn:shore@relay.example, relay.example");
    keep(rig, &format!("add-relay-refused-{size}"));
    field(dialog, "STUN and TURN servers").set_text("turn:shore@relay.example");
    field(dialog, "TURN password").set_text("correct horse");
    support::settle();
    keep(rig, &format!("add-relay-connection-{size}"));
    back(dialog);
}

/// What the camera sends, and what is said where none is.
fn look(rig: &Rig, dialog: &FeedDialog, size: &str) {
    open(dialog, "Test");
    keep(rig, &format!("add-looking-{size}"));
    support::until("the facts", || says(dialog, "B-frames"));
    keep(rig, &format!("add-look-{size}"));
    back(dialog);
    field(dialog, "Address").set_text("rtsp://127.0.0.1:9/stream1");
    open(dialog, "Test");
    support::until("the fault", || says(dialog, "Nothing listens"));
    keep(rig, &format!("add-look-fault-{size}"));
    back(dialog);
}

fn back(dialog: &impl IsA<gtk::Widget>) {
    all::<adw::NavigationView>(dialog)[0].pop();
    support::settle();
}

fn trouble(rig: &Rig, size: &str) {
    let entered = Entered::camera("Harbour gate", "rtsp://127.0.0.1:9/stream1");
    let feed = rig.desk.add(entered.check().unwrap());
    rig.window.select(&feed);
    support::until("the fault", || says(&rig.window.feed_page(), "Nothing listens"));
    keep(rig, &format!("trouble-{size}"));
}

fn troubleshooting_page(rig: &Rig, size: &str) {
    let dialog = troubleshooting::opened(rig);
    troubleshooting::finished(&dialog);
    keep(rig, &format!("troubleshooting-{size}"));
    dialog.force_close();
    support::settle();
}
