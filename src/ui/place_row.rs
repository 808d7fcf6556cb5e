//! A place elsewhere in a list: what it is called, how it is there.

use adw::prelude::*;

use super::model::PlaceWords;

/// A row for a place.
pub(super) struct PlaceRow {
    pub(super) row: adw::ActionRow,
    icon: gtk::Image,
    /// What is always said of it, such as its address.
    about: String,
}

impl PlaceRow {
    /// A row that is called this; `about` stands below.
    pub(super) fn new(title: &str, about: &str, icon: &str) -> Self {
        let row = adw::ActionRow::builder().use_markup(false).title(title).activatable(true).build();
        let icon = gtk::Image::builder().icon_name(icon).accessible_role(gtk::AccessibleRole::Presentation).build();
        row.add_prefix(&icon);
        Self { row, icon, about: about.to_owned() }
    }

    /// Ends the row with what says that it leads on.
    pub(super) fn add_arrow(&self) {
        let arrow = gtk::Image::builder().icon_name("go-next-symbolic");
        self.row.add_suffix(&arrow.accessible_role(gtk::AccessibleRole::Presentation).build());
    }

    /// Says how it is there.
    pub(super) fn show(&self, words: &PlaceWords) {
        self.icon.set_css_classes(&[words.health.style_class()]);
        self.row.set_subtitle(&format!("{}\n{}", self.about, words.sentence));
    }
}
