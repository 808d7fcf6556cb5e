//! What was removed can come back while a toast says so.

use std::{cell::Cell, rc::Rc};

use gtk::glib;

use crate::i18n::{gettext, gettext_f};

/// The toast for something that was removed: it comes back by `undo`, or is given up by `forget` once the toast is gone.
pub(super) fn undo_toast<T: 'static>(
    name: &str,
    removed: T,
    undo: impl Fn(T) + 'static,
    forget: impl Fn(T) + 'static,
) -> adw::Toast {
    let name = glib::markup_escape_text(name);
    let toast = adw::Toast::new(&gettext_f("“{name}” was removed", &[("name", &name)]));
    toast.set_button_label(Some(&gettext("_Undo")));
    toast.set_priority(adw::ToastPriority::High);
    // The button dismisses the toast, too: what is taken out by one is not there for the other.
    let removed = Rc::new(Cell::new(Some(removed)));
    let taken = removed.clone();
    toast.connect_button_clicked(move |_| {
        if let Some(removed) = taken.take() {
            undo(removed);
        }
    });
    toast.connect_dismissed(move |_| {
        if let Some(removed) = removed.take() {
            forget(removed);
        }
    });
    toast
}
