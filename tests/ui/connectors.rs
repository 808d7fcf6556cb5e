//! Connectors and watched brokers, set in the window.

use adw::prelude::*;
use heliograph::ui::PreferencesDialog;

use crate::{
    rig::{Rig, all, says},
    support,
};

/// What an operator wrote, with a comment of their own.
const BY_HAND: &str = "version = 1\n[server]\nlisten = \"127.0.0.1:0\"\n\n# to the office\n[[connectors]]\n\
    id = \"shore\"\nkind = \"webrtcsink\"\naddress = \"ws://127.0.0.1:9/\"   # nobody there\n\n\
    [[feeds]]\nname = \"Bow\"\npattern = \"bars\"\n";

pub(crate) fn opened(rig: &Rig) -> PreferencesDialog {
    rig.act("win.connectors");
    let dialog = || adw::prelude::AdwApplicationWindowExt::visible_dialog(&rig.window);
    support::until("the dialog", || dialog().is_some());
    dialog().and_downcast().unwrap()
}

/// The row that can be seen and is called this.
pub(crate) fn row<W: IsA<gtk::Widget> + IsA<adw::PreferencesRow>>(dialog: &PreferencesDialog, title: &str) -> W {
    let has_title = |row: &W| row.is_mapped() && row.title().replace('_', "").starts_with(title);
    all::<W>(dialog).into_iter().find(has_title).unwrap_or_else(|| panic!("a row “{title}”"))
}

/// The field that can be seen and is called this.
pub(crate) fn field(dialog: &PreferencesDialog, title: &str) -> adw::EntryRow {
    row(dialog, title)
}

/// Goes where a row leads.
pub(crate) fn follow(dialog: &PreferencesDialog, title: &str) {
    support::until(title, || {
        all::<adw::ActionRow>(dialog)
            .iter()
            .any(|row| row.is_mapped() && row.title().replace('_', "").starts_with(title))
    });
    adw::prelude::ActionRowExt::activate(&row::<adw::ActionRow>(dialog, title));
    support::settle();
}

pub(crate) fn press(dialog: &PreferencesDialog, label: &str) {
    let is_it =
        |button: &gtk::Button| button.is_mapped() && button.label().is_some_and(|text| text.replace('_', "") == label);
    support::until(label, || all::<gtk::Button>(dialog).iter().any(is_it));
    all::<gtk::Button>(dialog).into_iter().find(is_it).unwrap().emit_clicked();
    support::settle();
}

#[gtk::test]
fn a_connector_is_added_by_its_kind_and_its_fields() {
    let rig = Rig::with_settings(BY_HAND);
    let dialog = opened(&rig);
    follow(&dialog, "Add a Connector");
    support::until("the kinds", || says(&dialog, "Publishes a feed at a media server"));
    follow(&dialog, "WHIP");
    // Nobody is told off for what is still empty, before it is to be added.
    assert!(!says(&dialog, "This cannot be used"));
    press(&dialog, "Add");
    support::until("the sentence below the field", || says(&dialog, "write an address of the form https://HOST:PORT"));
    field(&dialog, "Address").set_text("http://127.0.0.1:9/whip");
    support::until("the field is right", || !says(&dialog, "This cannot be used"));
    field(&dialog, "Token").set_text("planted");
    row::<adw::SwitchRow>(&dialog, "All Cameras").set_active(false);
    press(&dialog, "Add");
    support::until("the sentence", || says(&dialog, "No camera is chosen"));
    row::<adw::SwitchRow>(&dialog, "Bow").set_active(true);
    row::<adw::ExpanderRow>(&dialog, "How Media Travel").set_expanded(true);
    support::settle();
    field(&dialog, "TURN password").set_text("planted");
    row::<adw::SwitchRow>(&dialog, "Through a TURN Server Only").set_active(true);
    // Where none is named here, the endpoint may name one.
    let servers = field(&dialog, "STUN and TURN servers");
    servers.set_text("stun:127.0.0.1:9");
    press(&dialog, "Add");
    support::until("the sentence", || says(&dialog, "No TURN server is named"));
    servers.set_text("turn:me@127.0.0.1:9");
    servers.emit_by_name::<()>("entry-activated", &[]);
    support::until("the list", || says(&dialog, "WHIP, http://127.0.0.1:9/whip"));
    support::until("the file", || rig.saved().contains("kind = \"whip\""));
    let saved = rig.saved();
    assert!(saved.contains("feeds = [\"bow\"]") && saved.contains("token_keyring = true"), "{saved}");
    assert!(saved.contains("relay_only = true") && saved.contains("ice_password_keyring = true"), "{saved}");
    assert!(!saved.contains("planted") && saved.contains("# to the office"), "{saved}");
    // There is no keyring here, and that is said.
    let is_told = |title: &String| title.starts_with("The password is kept for this run only");
    support::until("the words about the keyring", || rig.notices.borrow().iter().any(is_told));
    support::until("how it is there", || says(&dialog, "Nothing listens at 127.0.0.1:9."));
    let gone = dialog.downgrade();
    drop(dialog);
    rig.end();
    assert!(gone.upgrade().is_none(), "the dialog should be gone with its window");
}

#[gtk::test]
fn a_connector_is_changed_switched_off_removed_and_brought_back() {
    let rig = Rig::with_settings(BY_HAND);
    let dialog = opened(&rig);
    support::until("how it is there", || says(&dialog, "Nothing listens at 127.0.0.1:9. Check that it runs"));
    support::until("the wait", || says(&dialog, "Retrying"));
    follow(&dialog, "shore");
    field(&dialog, "HTTP headers").set_text("X-Vessel: 7");
    press(&dialog, "Apply");
    support::until("the file", || rig.saved().contains("headers = \"X-Vessel: 7\""));
    let switch = || all::<gtk::Switch>(&dialog).into_iter().find(WidgetExt::is_mapped).unwrap();
    switch().set_active(false);
    support::until("the file", || rig.saved().contains("enabled = false"));
    support::until("the words", || says(&dialog, "Off"));
    let saved = rig.saved();
    assert!(saved.contains("# to the office") && saved.contains("# nobody there"), "{saved}");
    follow(&dialog, "shore");
    press(&dialog, "Remove");
    support::until("the file", || !rig.saved().contains("connectors"));
    support::until("the way back", || says(&dialog, "“shore” was removed"));
    press(&dialog, "Undo");
    support::until("the file", || rig.saved().contains("id = \"shore\""));
    rig.end();
}

#[gtk::test]
fn an_open_page_says_how_it_is_there_as_it_changes() {
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let place = format!("127.0.0.1:{port}");
    let rig = Rig::with_settings(&BY_HAND.replace("127.0.0.1:9", &place));
    let dialog = opened(&rig);
    follow(&dialog, "shore");
    support::until("the fault", || says(&dialog, "How It Is There") && says(&dialog, "Nothing listens"));
    let relay = rig.relay(&place);
    support::until("the connection", || says(&dialog, "Connected: ") && !says(&dialog, "Nothing listens"));
    drop(relay);
    support::until("the loss", || says(&dialog, "Retrying") && !says(&dialog, "Connected: "));
    rig.end();
}

#[gtk::test]
fn a_connector_that_comes_by_the_file_is_shown() {
    let rig = Rig::new();
    let dialog = opened(&rig);
    let mut text = rig.saved();
    text.push_str(
        "[[connectors]]\nid = \"pier\"\nkind = \"whip\"\naddress = \"http://127.0.0.1:9/\"\nenabled = false\n",
    );
    std::fs::write(rig.settings(), text).unwrap();
    support::until("the row", || says(&dialog, "pier"));
    rig.end();
}

#[gtk::test]
fn a_broker_is_watched_changed_and_removed() {
    let rig = Rig::new();
    let dialog = opened(&rig);
    dialog.set_visible_page_name("watched");
    follow(&dialog, "Add a Broker");
    field(&dialog, "Address").set_text("http://h");
    press(&dialog, "Add");
    support::until("the sentence", || says(&dialog, "a broker's address is mqtt://HOST:PORT"));
    field(&dialog, "Address").set_text("mqtt://127.0.0.1:9");
    field(&dialog, "Names").set_text("boat, pier");
    press(&dialog, "Add");
    support::until("the list", || says(&dialog, "Heliograph on boat, pier"));
    support::until("the file", || rig.saved().contains("instances = [\"boat\", \"pier\"]"));
    support::until("how it is there", || says(&dialog, "Retrying"));
    follow(&dialog, "mqtt://127.0.0.1:9");
    field(&dialog, "User").set_text("bridge");
    field(&dialog, "Password").set_text("planted");
    press(&dialog, "Apply");
    support::until("the file", || rig.saved().contains("user = \"bridge\""));
    assert!(!rig.saved().contains("planted"));
    follow(&dialog, "mqtt://127.0.0.1:9");
    press(&dialog, "Remove");
    support::until("the file", || !rig.saved().contains("[[watch]]"));
    press(&dialog, "Undo");
    support::until("the file", || rig.saved().contains("[[watch]]"));
    rig.end();
}
