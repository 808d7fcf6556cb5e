//! Who watches a feed: a row each, and a click shows the viewer's charts.

use adw::prelude::*;
use heliograph::{
    engine::FeedEvent,
    stats::{FeedSample, ViewerRates, ViewerSample},
    ui::{FiguresGroup, ViewersTable, model::FeedObject},
};

use crate::{
    rig::{Rig, all, says},
    support,
};

fn sample(viewers: &[(&str, f64)]) -> FeedSample {
    let viewer = |(name, sent): &(&str, f64)| ViewerSample {
        session: format!("session-{name}"),
        viewer: Some((*name).to_owned()),
        rates: ViewerRates { sent_kbps: Some(*sent), ..ViewerRates::default() },
        ..ViewerSample::default()
    };
    FeedSample { viewers: viewers.iter().map(viewer).collect(), ..FeedSample::default() }
}

#[gtk::test]
fn viewers_are_rows_of_a_table_and_a_click_shows_their_charts() {
    let rig = Rig::with_settings(
        "version = 1\n[server]\nlisten = \"127.0.0.1:0\"\n[[feeds]]\nname = \"Bow\"\npattern = \"bars\"\nstreaming = false\n",
    );
    let feed: FeedObject = rig.desk.feeds().item(0).and_downcast().unwrap();
    let page = rig.window.feed_page();
    let table = all::<ViewersTable>(&page).remove(0);
    assert!(!table.is_visible(), "nobody watches");

    let tell = |viewers: &[(&str, f64)]| {
        feed.take(FeedEvent::Stats(Box::new(sample(viewers))));
        feed.tick();
        rig.window.tick();
        support::settle();
    };
    tell(&[("bridge", 1900.0), ("pilot", 640.0)]);
    support::until("the rows", || says(&table, "bridge") && says(&table, "640 kbit/s") && says(&table, "1.9 Mbit/s"));
    tell(&[("pilot", 641.0)]);
    support::until("the row that is left", || !says(&table, "bridge") && says(&table, "641 kbit/s"));
    tell(&[("bridge", 1900.0), ("pilot", 640.0)]);

    page.open_part("control");
    let view = all::<gtk::ColumnView>(&table).remove(0);
    view.emit_by_name::<()>("activate", &[&0_u32]);
    let group = all::<FiguresGroup>(&page).remove(0);
    support::until("the pilot's figures", || says(&group, "Bitrate sent: 640 kbit/s"));
    support::picture_of(&rig.window).keep("viewers-light");
    rig.end();
}
