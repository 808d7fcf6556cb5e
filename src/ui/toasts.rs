//! Toasts that say a whole sentence.

use adw::prelude::*;
use gtk::glib::{self, clone};

use super::details_dialog;
use crate::i18n::gettext;

/// A notice; where there are details, a button shows them over `parent`.
pub(super) fn notice(parent: &impl IsA<gtk::Widget>, title: &str, details: &str) -> adw::Toast {
    // Names and reasons are no markup, and a sentence that ends in dots helps nobody.
    let label =
        gtk::Label::builder().label(title).wrap(true).max_width_chars(60).xalign(0.0).css_classes(["heading"]).build();
    let toast = adw::Toast::builder().custom_title(&label).build();
    if !details.is_empty() {
        toast.set_button_label(Some(&gettext("_Details")));
        let (title, details) = (title.to_owned(), details.to_owned());
        let parent = parent.upcast_ref::<gtk::Widget>();
        toast.connect_button_clicked(clone!(
            #[weak]
            parent,
            move |_| details_dialog::present(&parent, &title, &details)
        ));
    }
    toast
}
