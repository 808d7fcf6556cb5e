//! Adding a camera by its address: what is refused, what is taken, what goes wrong later.

use std::time::{Duration, Instant};

use gtk::{glib, prelude::*};
use heliograph::{
    media::source::{DemoCamera, DemoSettings},
    ui::{FeedDialog, model::Entered},
};

use crate::{
    rig::{Rig, button, field, says},
    support,
};

#[gtk::test]
fn a_bad_address_is_refused_while_it_is_typed() {
    let rig = Rig::new();
    rig.act("win.add-feed");
    let dialog = rig.dialog();
    let add = button(&dialog, "Add");
    assert!(!add.is_sensitive());
    assert!(!says(&dialog, "cannot be used"), "nobody is told off before the first letter");

    field(&dialog, "Name").set_text("Bow");
    field(&dialog, "Address").set_text("http://10.0.0.5/");
    support::settle();
    assert!(!add.is_sensitive());
    support::until("the sentence", || {
        says(&dialog, "http:// is not supported; use an address that starts with rtsp://")
    });

    field(&dialog, "Address").set_text("rtsp://10.0.0.5/stream1");
    assert!(add.is_sensitive());
    rig.end();
}

#[gtk::test]
fn a_password_in_the_address_moves_to_its_field_and_nowhere_else() {
    let rig = Rig::new();
    rig.act("win.add-feed");
    let dialog = rig.dialog();
    field(&dialog, "Name").set_text("Bow");
    field(&dialog, "Address").set_text("rtsp://admin:planted@127.0.0.1:9/stream1");
    assert_eq!(field(&dialog, "Address").text(), "rtsp://127.0.0.1:9/stream1");
    assert_eq!(field(&dialog, "User").text(), "admin");
    assert_eq!(field(&dialog, "Password").text(), "planted");
    button(&dialog, "Add").emit_clicked();

    // There is no keyring here, and the operator is told.
    support::until("word of the keyring", || rig.notices.borrow().iter().any(|title| title.contains("this run only")));
    support::until("the feed is saved", || rig.saved().contains("user = \"admin\""));
    assert!(!rig.saved().contains("planted"));
    rig.end();
}

#[gtk::test]
fn a_camera_that_is_not_there_is_told_in_a_sentence() {
    let rig = Rig::new();
    rig.act("win.add-feed");
    let dialog = rig.dialog();
    field(&dialog, "Name").set_text("Gate");
    field(&dialog, "Address").set_text("rtsp://127.0.0.1:9/stream1");
    button(&dialog, "Add").emit_clicked();
    support::until("the fault", || says(&rig.window.feed_page(), "Nothing listens at port 9 of 127.0.0.1"));
    support::until("the wait in the list", || says(&rig.window, "Retrying in"));
    assert!(!rig.window.feed_page().preview().is_live());
    rig.end();
}

#[gtk::test]
fn a_dialog_that_was_closed_is_gone() {
    let rig = Rig::new();
    let dialogs: Vec<glib::WeakRef<FeedDialog>> = (0..50)
        .map(|_| {
            rig.act("win.add-feed");
            let dialog = rig.dialog();
            adw::prelude::AdwDialogExt::force_close(&dialog);
            support::settle();
            dialog.downgrade()
        })
        .collect();
    support::until("every dialog's end", || dialogs.iter().all(|dialog| dialog.upgrade().is_none()));
    rig.end();
}

#[gtk::test]
fn a_camera_that_goes_away_does_not_look_live() {
    let rig = Rig::new();
    let camera = DemoCamera::start(DemoSettings::default()).unwrap();
    let entered = Entered::camera("Bow", camera.url());
    rig.desk.add(entered.check().unwrap());
    let preview = rig.window.feed_page().preview();
    support::until("a live picture", || preview.is_live());

    let gone = Instant::now();
    drop(camera);
    support::until("the mark of an old picture", || !preview.is_live() && !says(&preview, "Live"));
    assert!(gone.elapsed() < Duration::from_secs(1), "it looked live for {:?}", gone.elapsed());
    support::until("the picture's age", || says(&preview, "Last picture"));
    rig.end();
}

#[gtk::test]
fn a_feed_can_be_renamed() {
    let rig = Rig::new();
    rig.desk.add_demo();
    let preview = rig.window.feed_page().preview();
    support::until("the picture", || preview.is_live());
    rig.act("win.edit-feed");
    let dialog = rig.dialog();
    field(&dialog, "Name").set_text("Stern");
    button(&dialog, "Apply").emit_clicked();
    support::until("the new name", || says(&rig.window, "Stern"));
    support::until("the saved name", || rig.saved().contains("name = \"Stern\""));
    assert!(preview.is_live(), "a name alone interrupts nothing");
    rig.end();
}
