//! Who watches a feed: a row each, and a click shows the viewer's charts.

use adw::prelude::*;
use heliograph::{
    engine::FeedEvent,
    stats::{Candidate, CandidatePair, FeedSample, Flow, IceReport, IceState, SessionSetUp, ViewerRates, ViewerSample},
    ui::{ConnectionDialog, FiguresGroup, ViewersTable, model::FeedObject},
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

fn candidate(kind: &str, address: &str) -> Candidate {
    Candidate { candidate_type: kind.into(), address: address.into(), port: 50_000, protocol: "udp".into() }
}

/// A viewer who is connected through a TURN server, and had other ways.
pub(crate) fn connected(name: &str) -> ViewerSample {
    let (relay, host) = (candidate("relay", "198.51.100.4"), candidate("host", "192.168.1.2"));
    let far = candidate("srflx", "203.0.113.9");
    ViewerSample {
        session: format!("session-{name}"),
        viewer: Some(name.to_owned()),
        set_up: SessionSetUp {
            signalling: Some(0.021),
            ice_gathering: Some(0.112),
            ice_connected: Some(0.184),
            dtls: Some(0.052),
            first_frame: Some(0.004),
        },
        ice: IceReport {
            age: 60.0,
            state: IceState::Connected,
            has_answer: true,
            flow: Flow::Now,
            local: vec![host, candidate("host", "2001:db8::2"), relay.clone()].into(),
            remote: vec![candidate("host", "10.0.0.7"), far.clone()].into(),
            chosen: Some(CandidatePair { local: Some(relay), remote: Some(far) }),
            ..IceReport::default()
        },
        ..ViewerSample::default()
    }
}

/// A viewer to whom there is no way.
pub(crate) fn unreached(name: &str) -> ViewerSample {
    let ice = IceReport {
        age: 7.0,
        state: IceState::Failed,
        has_answer: true,
        local: vec![candidate("host", "192.168.1.2")].into(),
        remote: vec![candidate("host", "10.0.0.7")].into(),
        ..IceReport::default()
    };
    let set_up = SessionSetUp { signalling: Some(0.021), ice_gathering: Some(0.112), ..SessionSetUp::default() };
    let ice_verdict = ice.verdict();
    let (session, viewer) = (format!("session-{name}"), Some(name.to_owned()));
    ViewerSample { session, viewer, set_up, ice_verdict, ice, ..ViewerSample::default() }
}

/// Asks how the first viewer of the table is connected. `tell` says what is known of it: the feed itself says
/// something else meanwhile.
pub(crate) fn ask_connection(rig: &Rig, tell: impl Fn()) -> ConnectionDialog {
    let table = all::<ViewersTable>(&rig.window.feed_page()).remove(0);
    let buttons = || {
        let is_it = |button: &gtk::Button| button.icon_name().is_some() && button.tooltip_text().is_some();
        all::<gtk::Button>(&table).into_iter().find(is_it)
    };
    let dialog = || adw::prelude::AdwApplicationWindowExt::visible_dialog(&rig.window);
    support::until("the dialog", || {
        tell();
        if let Some(button) = buttons().filter(|_| dialog().is_none()) {
            button.emit_clicked();
        }
        dialog().is_some()
    });
    support::until("the dialog is shown", || dialog().is_some_and(|dialog| dialog.is_mapped()));
    dialog().and_downcast().unwrap()
}

#[gtk::test]
fn how_a_viewer_is_connected_is_shown_and_why_one_is_not() {
    let rig = Rig::with_settings(
        "version = 1\n[server]\nlisten = \"127.0.0.1:0\"\n[[feeds]]\nname = \"Bow\"\npattern = \"bars\"\nstreaming = false\n",
    );
    let feed: FeedObject = rig.desk.feeds().item(0).and_downcast().unwrap();
    let tell = |viewers: Vec<ViewerSample>| {
        feed.take(FeedEvent::Stats(Box::new(FeedSample { viewers, ..FeedSample::default() })));
        rig.window.tick();
        support::settle();
    };
    tell(vec![connected("bridge")]);
    let dialog = ask_connection(&rig, || tell(vec![connected("bridge")]));
    support::until("how it is", || says(&dialog, "Connected.") && says(&dialog, "First picture sent"));
    assert!(says(&dialog, "184 ms") && says(&dialog, "In use: TURN server to address beyond the router, udp"));
    assert!(says(&dialog, "Not needed: own address to own address, udp"));
    dialog.force_close();

    // Its session is gone already; what was known of it stays for a while.
    tell(Vec::new());
    feed.take(FeedEvent::Unreached { viewer: Box::new(unreached("pilot")) });
    tell(Vec::new());
    let table = all::<ViewersTable>(&rig.window.feed_page()).remove(0);
    let why = "pilot: The far side offered only private addresses of another network. No TURN server is set";
    support::until("why", || says(&table, why) && says(&table, "No way found"));
    let dialog = ask_connection(&rig, || tell(Vec::new()));
    support::until("why", || says(&dialog, "only private addresses") && says(&dialog, "No answer: own address"));
    let gone = dialog.downgrade();
    dialog.force_close();
    drop(dialog);
    support::until("the dialog is gone", || gone.upgrade().is_none());
    rig.end();
}
