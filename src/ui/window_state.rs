//! How the window was left, kept in `GSettings` where the schema is installed.

use gtk::{gio, prelude::*};

use super::{APP_ID, Window};

/// Window property and key in the schema.
const KEPT: [(&str, &str); 4] = [
    ("default-width", "window-width"),
    ("default-height", "window-height"),
    ("maximized", "window-maximized"),
    ("show-details", "show-details"),
];

/// Puts the window as it was left, and remembers how it will be left.
///
/// Asking `GSettings` for a schema that is not installed ends the program, so it
/// is looked for first; without it the window has its default size each time.
pub(super) fn bind(window: &Window) {
    let schema = gio::SettingsSchemaSource::default().and_then(|source| source.lookup(APP_ID, true));
    if schema.is_none() {
        return;
    }
    let settings = gio::Settings::new(APP_ID);
    for (property, key) in KEPT {
        settings.bind(key, window, property).build();
    }
}
