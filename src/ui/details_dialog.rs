//! The whole of a message whose title alone fits into a banner or toast.

use adw::prelude::*;
use gtk::glib::{self, clone};

use crate::i18n::gettext;

/// Shows a title with all its details, to read and to copy.
pub(super) fn present(parent: &impl IsA<gtk::Widget>, title: &str, details: &str) {
    let dialog = adw::AlertDialog::new(Some(title), Some(details));
    dialog.add_responses(&[("copy", &gettext("_Copy")), ("close", &gettext("_Close"))]);
    dialog.set_default_response(Some("close"));
    dialog.set_close_response("close");
    let text = format!("{title}\n{details}");
    dialog.connect_response(
        Some("copy"),
        clone!(
            #[weak(rename_to = clipboard)]
            parent.clipboard(),
            move |_, _| clipboard.set_text(&text)
        ),
    );
    dialog.present(Some(parent));
}
