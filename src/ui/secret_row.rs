//! A row for something that is not to be seen, and is kept in the keyring.

use std::{cell::Cell, rc::Rc};

use adw::prelude::*;

use super::feed_dialog::rows::Changed;
use crate::{
    config::{Password, PasswordSource},
    i18n::{gettext, gettext_f},
};

/// A row for a secret. Where there is one already, it can be forgotten.
pub(super) struct SecretRow {
    pub(super) row: adw::PasswordEntryRow,
    is_forgotten: Rc<Cell<bool>>,
}

impl SecretRow {
    /// A row for what is called this, and is found there so far.
    pub(super) fn new(label: &str, source: Option<&PasswordSource>, changed: &Changed) -> Self {
        let source = source.filter(|source| **source != PasswordSource::None);
        let row = adw::PasswordEntryRow::builder().title(title(label, source)).build();
        let tell = changed.clone();
        row.connect_changed(move |_| tell.tell());
        let secret = Self { row, is_forgotten: Rc::default() };
        if source.is_some() {
            secret.offer_to_forget(label, changed);
        }
        secret
    }

    /// What was typed; empty where nothing was.
    pub(super) fn typed(&self) -> Password {
        Password::new(self.row.text())
    }

    /// Whether it is wanted no more.
    pub(super) fn is_forgotten(&self) -> bool {
        self.is_forgotten.get()
    }

    fn offer_to_forget(&self, label: &str, changed: &Changed) {
        let forget = gtk::Button::builder().icon_name("edit-clear-symbolic").valign(gtk::Align::Center).build();
        forget.set_tooltip_text(Some(&gettext("Forget It")));
        forget.add_css_class("flat");
        self.row.add_suffix(&forget);
        let (kept, tell) = (self.is_forgotten.clone(), changed.clone());
        let (shown, label) = (self.row.downgrade(), label.to_owned());
        forget.connect_clicked(move |_| {
            kept.set(true);
            if let Some(row) = shown.upgrade() {
                row.set_text("");
                row.set_sensitive(false);
                row.set_title(&gettext_f("{label}: forgotten when you apply", &[("label", &label)]));
            }
            tell.tell();
        });
    }
}

/// What it is called, and where it comes from where nothing is typed.
fn title(label: &str, source: Option<&PasswordSource>) -> String {
    match source {
        None | Some(PasswordSource::None) => gettext_f("{label}, kept in your keyring", &[("label", label)]),
        Some(PasswordSource::Keyring) => gettext_f("{label} (empty: unchanged)", &[("label", label)]),
        Some(PasswordSource::Environment(name)) => {
            // Translators: {name} is that of an environment variable.
            gettext_f("{label} (empty: from ${name})", &[("label", label), ("name", name)])
        }
        Some(PasswordSource::File(path)) => {
            let path = path.display().to_string();
            gettext_f("{label} (empty: from {path})", &[("label", label), ("path", &path)])
        }
    }
}
