//! Properties of a feed's elements, set by name on its page.

use adw::prelude::*;
use heliograph::ui::ElementDialog;

use crate::{
    rig::{Rig, all, button, field, says},
    support,
};

fn open(rig: &Rig) -> ElementDialog {
    let rows = all::<adw::ActionRow>(&rig.window.feed_page());
    rows.iter().find(|row| row.title() == "Element properties").expect("a row").emit_by_name::<()>("activated", &[]);
    let dialog = || adw::prelude::AdwApplicationWindowExt::visible_dialog(&rig.window);
    support::until("a dialog", || dialog().is_some());
    dialog().and_downcast().expect("the dialog should be that for properties")
}

/// Enters a property of the elements of this role, by its place, and has it set.
fn set(dialog: &ElementDialog, role: u32, name: &str, value: &str) {
    all::<adw::ComboRow>(dialog)[0].set_selected(role);
    field(dialog, "Property").set_text(name);
    field(dialog, "Value").set_text(value);
    button(dialog, "Set").emit_clicked();
}

#[gtk::test]
fn a_property_is_set_and_kept_refused_in_a_sentence_and_removed() {
    const DEPAYLOADER: u32 = 1;
    const ENCODER: u32 = 4;
    let rig = Rig::sized((1200, 900));
    rig.desk.add_demo();
    support::until("a picture", || rig.window.feed_page().preview().is_live());
    let dialog = open(&rig);

    set(&dialog, ENCODER, "bframes", "2");
    support::until("a refusal by name", || says(&dialog, "a live encoder has no B-frames"));
    set(&dialog, DEPAYLOADER, "max-reorder", "many");
    support::until("a refusal by type", || says(&dialog, "max-reorder of rtph264depay takes a number from 0"));
    assert!(!rig.saved().contains("elements"));

    set(&dialog, DEPAYLOADER, "max-reorder", "60");
    support::until("it is saved", || rig.saved().contains("elements = { depayloader = { max-reorder = \"60\" } }"));
    let row = field(&dialog, "max-reorder (Depayloader)");
    assert_eq!(row.text(), "60");
    assert_eq!(field(&dialog, "Property").text(), "", "there is room for the next");
    support::picture_of(&rig.window).keep("element-properties");

    all::<gtk::Button>(&row)
        .iter()
        .find(|button| {
            button.has_css_class("flat") && button.tooltip_text().is_some_and(|text| text.starts_with("Remove"))
        })
        .unwrap()
        .emit_clicked();
    support::until("it is gone", || !rig.saved().contains("elements"));
    dialog.force_close();
    rig.end();
}
