//! Messages over MQTT, set in the window.

use adw::prelude::*;
use heliograph::ui::PreferencesDialog;

use crate::{
    rig::{Rig, all, button, field, says},
    support,
};

fn dialog(rig: &Rig) -> PreferencesDialog {
    rig.act("win.preferences");
    let dialog = || adw::prelude::AdwApplicationWindowExt::visible_dialog(&rig.window);
    support::until("the dialog", || dialog().is_some());
    dialog().and_downcast().unwrap()
}

fn choose(dialog: &PreferencesDialog, kind: u32) {
    all::<adw::ComboRow>(dialog)[0].set_selected(kind);
    support::settle();
}

#[gtk::test]
fn the_broker_is_chosen_kept_and_refused_in_a_sentence() {
    // What is below [mqtt] and has no field stays.
    let rig = Rig::with_settings(
        "version = 1\n[server]\nlisten = \"127.0.0.1:0\"\n[mqtt]\nbroker = \"off\"\nstats_hz = 5 # often\n",
    );
    let prefs = dialog(&rig);
    let apply = || {
        button(&prefs, "Apply").emit_clicked();
        support::settle();
    };
    choose(&prefs, 1);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    all::<adw::SpinRow>(&prefs)[0].set_value(port.into());
    field(&prefs, "TLS certificate").set_text("/nowhere.pem");
    apply();
    support::until("the sentence", || says(&prefs, "A certificate and its key belong together"));
    field(&prefs, "TLS certificate").set_text("");
    field(&prefs, "Name in topics").set_text("boat");
    apply();
    support::until("the broker", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let listen = format!("listen = \"127.0.0.1:{port}\"");
    support::until("the file", || rig.saved().contains(&listen));
    let saved = rig.saved();
    assert!(saved.contains("broker = \"embedded\"") && saved.contains("stats_hz = 5 # often"), "{saved}");
    assert!(saved.contains("instance = \"boat\""), "{saved}");

    choose(&prefs, 2);
    field(&prefs, "Address").set_text("http://h");
    apply();
    support::until("the sentence", || says(&prefs, "Address: a broker's address is mqtt://HOST:PORT"));
    support::picture_of(&rig.window).keep("preferences-mqtt-light");
    field(&prefs, "Address").set_text("mqtt://127.0.0.1:1");
    field(&prefs, "User").set_text("me");
    all::<adw::PasswordEntryRow>(&prefs)[0].set_text("planted");
    apply();
    support::until("the other broker", || rig.saved().contains("broker = \"mqtt://127.0.0.1:1\""));
    let saved = rig.saved();
    assert!(
        saved.contains("user = \"me\"") && !saved.contains("listen = \"127.0.0.1:1") && !saved.contains("planted"),
        "{saved}"
    );
    support::until("the end of the first", || std::net::TcpStream::connect(("127.0.0.1", port)).is_err());

    choose(&prefs, 0);
    apply();
    support::until("none", || rig.saved().contains("broker = \"off\""));
    assert!(rig.saved().contains("user = \"me\""), "it waits");
    prefs.force_close();
    rig.end();
}
