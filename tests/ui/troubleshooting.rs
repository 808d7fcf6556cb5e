//! The Troubleshooting page: problems first, a report to pass on, nothing secret in it.

use std::{cell::RefCell, rc::Rc, time::Duration};

use adw::prelude::*;
use gtk::{gio, glib};
use heliograph::ui::{FindingRow, TroubleshootingDialog};

use crate::{
    rig::{Rig, all, button, says},
    support,
};

/// A report takes at most 15 seconds, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// What everybody who reads the settings file can see, which is a problem.
const PLANTED: &str = "version = 1\n[server]\nlisten = \"127.0.0.1:0\"\n\
    [[feeds]]\nname = \"Bow\"\naddress = \"rtsp://me:planted@127.0.0.1:9/s\"\nstreaming = false\n";

#[gtk::test]
fn problems_come_first_and_the_report_can_be_passed_on() {
    let rig = Rig::with_settings(PLANTED);
    let dialog = opened(&rig);
    finished(&dialog);

    let rows = all::<FindingRow>(&dialog);
    let is_problem = |row: &FindingRow| all::<gtk::Label>(row).iter().any(|label| label.label().starts_with("→ "));
    let problems = rows.iter().filter(|row| is_problem(row)).count();
    assert!(rows.iter().take(problems).all(is_problem), "a problem stands among what is well");
    assert!(rows.len() > problems + 5, "{} rows, {problems} of them problems", rows.len());
    assert!(says(&dialog, "What Needs Doing") && says(&dialog, "Correct that line"));
    for section in ["Settings", "Decoders", "Encoders", "Port for viewers", "Clock"] {
        assert!(says(&dialog, section), "nothing about {section}");
    }

    button(&dialog, "Copy Report").emit_clicked();
    let report = copied();
    assert!(report.contains("→ Correct that line") && report.contains("Port for viewers"), "{report}");
    assert!(report.trim_end().ends_with("found."), "{report}");
    assert!(!report.contains("planted") && !says(&dialog, "planted"));
    support::until("word of the copy", || says(&dialog, "Report copied"));
    rig.end();
}

#[gtk::test]
fn it_can_be_asked_again_after_something_was_put_right() {
    let rig = Rig::with_settings(PLANTED);
    let dialog = opened(&rig);
    finished(&dialog);
    assert!(says(&dialog, "Correct that line"));
    let rows = all::<FindingRow>(&dialog).len();

    std::fs::write(rig.settings(), rig.saved().replace("me:planted@", "")).unwrap();
    button(&dialog, "Check Again").emit_clicked();
    assert!(says(&dialog, "Checking…") && !button(&dialog, "Check Again").is_sensitive());
    assert!(all::<FindingRow>(&dialog).is_empty(), "the old report stands below the new one");
    finished(&dialog);
    assert!(!says(&dialog, "Correct that line"));
    assert_eq!(all::<FindingRow>(&dialog).len(), rows - 1);
    rig.end();
}

#[gtk::test]
fn a_page_that_was_closed_in_the_middle_is_gone() {
    let rig = Rig::new();
    let dialogs: Vec<glib::WeakRef<TroubleshootingDialog>> = (0..5)
        .map(|_| {
            let dialog = opened(&rig);
            dialog.force_close();
            support::settle();
            dialog.downgrade()
        })
        .collect();
    support::until("every page's end", || dialogs.iter().all(|dialog| dialog.upgrade().is_none()));
    rig.end();
}

/// The page, opened as the menu does.
pub fn opened(rig: &Rig) -> TroubleshootingDialog {
    rig.act("win.troubleshooting");
    let dialog = || rig.window.visible_dialog().and_downcast::<TroubleshootingDialog>();
    support::until("the page", || dialog().is_some_and(|dialog| dialog.is_mapped()));
    dialog().unwrap()
}

/// Waits until the whole report is there.
pub fn finished(dialog: &TroubleshootingDialog) {
    support::until_within(PATIENCE, "the whole report", || button(dialog, "Copy Report").is_sensitive());
}

/// What is in the clipboard.
fn copied() -> String {
    let text = Rc::new(RefCell::new(None));
    let kept = text.clone();
    let clipboard = gtk::gdk::Display::default().unwrap().clipboard();
    clipboard.read_text_async(gio::Cancellable::NONE, move |read| {
        kept.replace(read.unwrap().map(String::from));
    });
    support::until("the clipboard", || text.borrow().is_some());
    text.take().unwrap()
}
