//! What was removed from a list of the preferences can come back while a toast says so.

use std::{cell::Cell, rc::Rc};

use adw::prelude::*;
use gtk::glib::{self, clone};

use super::model::{Desk, RemovedConnector, RemovedWatch};
use crate::i18n::{gettext, gettext_f};

/// Something that was removed, as long as that can be undone.
pub(super) trait Removal: 'static {
    /// It comes back.
    fn undo(self, desk: &Desk);

    /// It stays away.
    fn forget(&self, desk: &Desk);
}

impl Removal for RemovedConnector {
    fn undo(self, desk: &Desk) {
        desk.undo_remove_connector(self);
    }

    fn forget(&self, desk: &Desk) {
        desk.forget_connector(self);
    }
}

impl Removal for RemovedWatch {
    fn undo(self, desk: &Desk) {
        desk.undo_remove_watched(self);
    }

    fn forget(&self, desk: &Desk) {
        desk.forget_watched(self);
    }
}

/// Until the toast is gone, what was removed can come back as it was.
pub(super) fn offer_undo(dialog: &adw::PreferencesDialog, desk: &Desk, name: &str, removed: impl Removal) {
    let name = glib::markup_escape_text(name);
    let toast = adw::Toast::new(&gettext_f("“{name}” was removed", &[("name", &name)]));
    toast.set_button_label(Some(&gettext("_Undo")));
    toast.set_priority(adw::ToastPriority::High);
    // The button dismisses the toast, too: what is taken out by one is not there for the other.
    let removed = Rc::new(Cell::new(Some(removed)));
    toast.connect_button_clicked(clone!(
        #[weak]
        desk,
        #[strong]
        removed,
        move |_| {
            if let Some(removed) = removed.take() {
                removed.undo(&desk);
            }
        }
    ));
    toast.connect_dismissed(clone!(
        #[weak]
        desk,
        move |_| {
            if let Some(removed) = removed.take() {
                removed.forget(&desk);
            }
        }
    ));
    dialog.add_toast(toast);
}
