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
    label: String,
    forget: gtk::Button,
    is_forgotten: Rc<Cell<bool>>,
}

impl SecretRow {
    /// A row for what is called this, and is found there so far.
    pub(super) fn new(label: &str, source: Option<&PasswordSource>, changed: &Changed) -> Self {
        let row = adw::PasswordEntryRow::new();
        let tell = changed.clone();
        row.connect_changed(move |_| tell.tell());
        let forget = gtk::Button::builder().icon_name("edit-clear-symbolic").valign(gtk::Align::Center).build();
        let secret = Self { row, label: label.to_owned(), forget, is_forgotten: Rc::default() };
        secret.offer_to_forget(changed);
        secret.found_at(source.unwrap_or(&PasswordSource::None));
        secret
    }

    /// Says where it is found so far.
    pub(super) fn found_at(&self, source: &PasswordSource) {
        self.row.set_title(&title(&self.label, source));
        self.forget.set_visible(*source != PasswordSource::None);
    }

    /// What was typed; empty where nothing was.
    pub(super) fn typed(&self) -> Password {
        Password::new(self.row.text())
    }

    /// Whether it is wanted no more.
    pub(super) fn is_forgotten(&self) -> bool {
        self.is_forgotten.get()
    }

    fn offer_to_forget(&self, changed: &Changed) {
        let forget = &self.forget;
        forget.set_tooltip_text(Some(&gettext("Forget It")));
        forget.add_css_class("flat");
        self.row.add_suffix(forget);
        let (kept, tell) = (self.is_forgotten.clone(), changed.clone());
        let (shown, label) = (self.row.downgrade(), self.label.clone());
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
fn title(label: &str, source: &PasswordSource) -> String {
    match source {
        PasswordSource::None => gettext_f("{label}, kept in your keyring", &[("label", label)]),
        PasswordSource::Keyring => gettext_f("{label} (empty: unchanged)", &[("label", label)]),
        PasswordSource::Environment(name) => {
            // Translators: {name} is that of an environment variable.
            gettext_f("{label} (empty: from ${name})", &[("label", label), ("name", name)])
        }
        PasswordSource::File(path) => {
            let path = path.display().to_string();
            gettext_f("{label} (empty: from {path})", &[("label", label), ("path", &path)])
        }
    }
}
