//! What a running feed is held to: changed on its page, at once and for good.

use adw::prelude::*;
use heliograph::{
    config::{Priority, Setpoint, Size},
    engine::{ChangedBy, FeedEvent, InForce},
    ui::{SetpointGroup, model::FeedObject},
};

use crate::{
    rig::{Rig, all, says},
    support,
};

/// The rows of the group.
struct Rows {
    preset: adw::ComboRow,
    bitrate: adw::SpinRow,
    framerate: adw::SpinRow,
    size: adw::EntryRow,
    fec: adw::SpinRow,
    priority: adw::ComboRow,
}

fn rows(rig: &Rig) -> Rows {
    rig.window.feed_page().open_part("control");
    let group = all::<SetpointGroup>(&rig.window.feed_page()).remove(0);
    let [bitrate, framerate, fec] = all::<adw::SpinRow>(&group).try_into().unwrap();
    let [preset, priority] = all::<adw::ComboRow>(&group).try_into().unwrap();
    let [size] = all::<adw::EntryRow>(&group).try_into().unwrap();
    Rows { preset, bitrate, framerate, size, fec, priority }
}

fn demo(rig: &Rig) -> FeedObject {
    let feed = rig.desk.add_demo();
    support::until("a picture", || rig.window.feed_page().preview().is_live());
    feed
}

/// What the feed is held to: the width, frames per second and kbit/s.
fn held(feed: &FeedObject) -> (Option<u32>, Option<u32>, u32) {
    let Setpoint { size, framerate, bitrate_kbps, .. } = feed.setpoint();
    (size.map(|size| size.width), framerate, bitrate_kbps)
}

#[gtk::test]
fn a_preset_and_what_departs_from_it_are_applied_and_remembered() {
    let rig = Rig::new();
    let feed = demo(&rig);
    let rows = rows(&rig);
    assert_eq!((rows.preset.selected(), rows.bitrate.value(), rows.size.text().as_str()), (0, 2000.0, ""));

    rows.preset.set_selected(1);
    support::until("the preset", || held(&feed) == (Some(640), Some(15), 400));
    assert_eq!((rows.bitrate.value(), rows.framerate.value(), rows.size.text().as_str()), (400.0, 15.0, "640x360"));
    support::until("it is saved", || rig.saved().contains("size = \"640x360\""));
    assert!(rig.saved().contains("framerate = 15") && rig.saved().contains("bitrate_kbps = 400"));

    rows.framerate.set_value(5.0);
    rows.bitrate.set_value(500.0);
    support::until("other numbers", || held(&feed) == (Some(640), Some(5), 500));
    assert_eq!(rows.preset.selected(), 0, "these are no preset");
    rows.preset.set_selected(1);
    support::until("the preset again", || held(&feed) == (Some(640), Some(15), 400));

    rows.size.set_text("");
    rows.size.emit_by_name::<()>("apply", &[]);
    rows.framerate.set_value(0.0);
    support::until("the camera's own", || held(&feed) == (None, None, 400));
    rows.fec.set_value(20.0);
    rows.priority.set_selected(3);
    let has_both = |text: &str| text.contains("fec_percent = 20") && text.contains("priority = 4");
    support::until("repair packets and priority, and that they are saved", || {
        let Setpoint { fec_percent, priority, .. } = feed.setpoint();
        (fec_percent, priority) == (20, Priority::High) && has_both(&rig.saved())
    });
    support::until("that is saved", || !rig.saved().contains("size =") && !rig.saved().contains("framerate ="));
    rig.end();
}

#[gtk::test]
fn a_size_that_is_none_is_refused_in_a_sentence_and_changes_nothing() {
    let rig = Rig::new();
    let feed = demo(&rig);
    let (rows, before) = (rows(&rig), feed.setpoint());
    for text in ["641x360", "0x0", "large"] {
        rows.size.set_text(text);
        rows.size.emit_by_name::<()>("apply", &[]);
        assert!(rows.size.has_css_class("error"), "{text}");
        support::until("the sentence", || says(&rig.window, "This size cannot be used: a size is two even numbers"));
    }
    assert_eq!(rig.notices.borrow().len(), 3);
    rows.size.set_text("640x360");
    rows.size.emit_by_name::<()>("apply", &[]);
    assert!(!rows.size.has_css_class("error"));
    support::until("a size", || feed.setpoint() == Setpoint { size: Size::new(640, 360).ok(), ..before });
    rig.end();
}

#[gtk::test]
fn what_an_agent_does_is_shown_and_not_saved() {
    // So high that the rows are seen without scrolling.
    let rig = Rig::sized((1200, 1300));
    let feed = demo(&rig);
    let rows = rows(&rig);
    let saved = rig.saved();
    let setpoint = Setpoint { bitrate_kbps: 700, framerate: Some(10), ..feed.setpoint() };
    feed.take(FeedEvent::Setpoint(InForce { setpoint, by: ChangedBy::Agent("gcc".into()) }));
    assert_eq!((rows.bitrate.value(), rows.framerate.value()), (700.0, 10.0));
    assert!(says(&rig.window.feed_page(), "Set by gcc"));
    support::picture_of(&rig.window).keep("set-by-an-agent");
    support::turn_for(std::time::Duration::from_millis(600));
    assert_eq!(rig.saved(), saved, "nobody asked for anything");
    assert_eq!(feed.setpoint(), setpoint);

    rows.bitrate.set_value(800.0);
    support::until("a person's word", || held(&feed).2 == 800 && !says(&rig.window.feed_page(), "Set by gcc"));
    rig.end();
}
