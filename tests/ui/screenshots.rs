//! Pictures of the window's main states, to look at: `./dev screenshots DIR`.
//!
//! They are taken of the real window on real feeds; only the figures in the
//! charts are made up, because nobody watches.

use std::time::Duration;

use adw::prelude::*;
use heliograph::{
    engine::{FeedEvent, FeedStats},
    ui::model::{Entered, FeedObject},
};

use crate::{
    rig::{Rig, field, says},
    support,
};

/// A desktop, and a telephone.
const SIZES: [(i32, i32, &str); 2] = [(1280, 800, "wide"), (400, 800, "narrow")];

#[gtk::test]
#[ignore = "draws pictures for people; ./dev screenshots asks for it"]
fn main_states() {
    for (width, height, size) in SIZES {
        let rig = Rig::sized((width, height));
        keep(&rig, &format!("empty-{size}"));
        let feed = live(&rig);
        keep(&rig, &format!("live-{size}"));
        add_dialog(&rig, size);
        trouble(&rig, size);
        rig.window.select(&feed);
        support::until("the picture", || rig.window.feed_page().preview().is_live());
        keep(&rig, &format!("two-feeds-{size}"));
        rig.end();
    }
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
        let stats = FeedStats { sent_kbps: 5600.0 + 420.0 * wave, round_trip: Some(0.021 + 0.006 * wave) };
        feed.take(FeedEvent::Stats(stats));
        feed.tick();
    }
    rig.window.tick();
    feed
}

fn add_dialog(rig: &Rig, size: &str) {
    rig.act("win.add-feed");
    let dialog = rig.dialog();
    field(&dialog, "Name").set_text("Harbour gate");
    field(&dialog, "Address").set_text("rtsp://10.0.0.5/stream1");
    field(&dialog, "User").set_text("admin");
    field(&dialog, "Password").set_text("correct horse");
    keep(rig, &format!("add-{size}"));
    field(&dialog, "Address").set_text("http://10.0.0.5/");
    keep(rig, &format!("add-refused-{size}"));
    dialog.force_close();
    support::settle();
}

fn trouble(rig: &Rig, size: &str) {
    let entered = Entered {
        name: "Harbour gate".into(),
        address: Some("rtsp://127.0.0.1:9/stream1".into()),
        ..Entered::default()
    };
    let feed = rig.desk.add(entered.check().unwrap());
    rig.window.select(&feed);
    support::until("the fault", || says(&rig.window.feed_page(), "Nothing listens"));
    keep(rig, &format!("trouble-{size}"));
}
