//! The rows of which the dialog's pages are made: each is a value and how it is changed.

use std::{cell::RefCell, ops::RangeInclusive, rc::Rc};

use adw::prelude::*;
use gtk::gio;

use crate::i18n::{gettext, gettext_f};

/// What is to happen when a row holds something else. It must hold the dialog weakly.
#[derive(Clone)]
pub(in crate::ui) struct Changed(Rc<dyn Fn()>);

impl Changed {
    pub(in crate::ui) fn new(tell: impl Fn() + 'static) -> Self {
        Self(Rc::new(tell))
    }

    pub(in crate::ui) fn tell(&self) {
        (self.0)();
    }
}

/// A row that offers values by name.
pub(in crate::ui) struct Choice<T> {
    pub(in crate::ui) row: adw::ComboRow,
    values: Rc<RefCell<Vec<T>>>,
}

impl<T: Clone + PartialEq + 'static> Choice<T> {
    pub(in crate::ui) fn new(title: &str, options: impl IntoIterator<Item = (T, String)>, changed: &Changed) -> Self {
        let choice = Self { row: adw::ComboRow::builder().title(title).build(), values: Rc::default() };
        choice.offer(options);
        let changed = changed.clone();
        choice.row.connect_selected_notify(move |_| changed.tell());
        choice
    }

    /// Offers these from now on; what is chosen stays chosen where it is among them.
    pub(in crate::ui) fn offer(&self, options: impl IntoIterator<Item = (T, String)>) {
        let chosen = self.get();
        let (values, names): (Vec<T>, Vec<String>) = options.into_iter().unzip();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.values.replace(values);
        self.row.set_model(Some(&gtk::StringList::new(&names)));
        if let Some(chosen) = chosen {
            self.set(&chosen);
        }
    }

    /// Shows what is chosen below the row's title, where there is room for long names.
    pub(in crate::ui) fn show_below_title(&self) {
        self.row.set_use_subtitle(true);
        // libadwaita shows it from the next choice on, so the present one is made again.
        let (model, chosen) = (self.row.model(), self.row.selected());
        self.row.set_model(None::<&gtk::StringList>);
        self.row.set_model(model.as_ref());
        self.row.set_selected(chosen);
    }

    /// What is chosen; `None` where nothing is offered.
    pub(in crate::ui) fn get(&self) -> Option<T> {
        self.values.borrow().get(self.row.selected() as usize).cloned()
    }

    /// Chooses a value, if it is offered.
    pub(in crate::ui) fn set(&self, value: &T) {
        let position = self.values.borrow().iter().position(|offered| offered == value);
        if let Some(position) = position {
            self.row.set_selected(position as u32);
        }
    }

    /// The name of what is chosen.
    pub(in crate::ui) fn words(&self) -> String {
        let chosen = self.row.selected_item().and_downcast::<gtk::StringObject>();
        chosen.map(|chosen| chosen.string().into()).unwrap_or_default()
    }
}

/// A row for a text.
pub(in crate::ui) fn entry(title: &str, changed: &Changed) -> adw::EntryRow {
    let row = adw::EntryRow::builder().title(title).build();
    let changed = changed.clone();
    row.connect_changed(move |_| changed.tell());
    row
}

/// A row for a file's path, with a button that finds one.
pub(in crate::ui) fn file_row(label: &str, path: &str, changed: &Changed) -> adw::EntryRow {
    // Translators: {label} is the name of a field.
    let row = entry(&gettext_f("{label}, a PEM file", &[("label", label)]), changed);
    row.set_text(path);
    let find = gtk::Button::builder().icon_name("document-open-symbolic").valign(gtk::Align::Center).build();
    find.set_tooltip_text(Some(&gettext("Find a File")));
    find.add_css_class("flat");
    row.add_suffix(&find);
    let shown = row.downgrade();
    find.connect_clicked(move |button| {
        let shown = shown.clone();
        let window = button.root().and_downcast::<gtk::Window>();
        gtk::FileDialog::new().open(window.as_ref(), gio::Cancellable::NONE, move |chosen| {
            let path = chosen.ok().and_then(|file| file.path());
            if let (Some(row), Some(path)) = (shown.upgrade(), path) {
                row.set_text(&path.display().to_string());
            }
        });
    });
    row
}

/// A row for a whole number.
pub(in crate::ui) fn number(title: &str, range: &RangeInclusive<u32>, step: u32, changed: &Changed) -> adw::SpinRow {
    let (least, most) = (f64::from(*range.start()), f64::from(*range.end()));
    let row = adw::SpinRow::with_range(least, most, f64::from(step));
    row.set_title(title);
    // A click on an arrow is a step; what is typed may lie between two.
    row.set_snap_to_ticks(false);
    let changed = changed.clone();
    row.connect_value_notify(move |_| changed.tell());
    row
}

/// The number in such a row.
pub(in crate::ui) fn value(row: &adw::SpinRow) -> u32 {
    row.value().round().clamp(0.0, f64::from(u32::MAX)) as u32
}

/// A row that is on or off.
pub(in crate::ui) fn switch(title: &str, subtitle: &str, changed: &Changed) -> adw::SwitchRow {
    let row = adw::SwitchRow::builder().title(title).subtitle(subtitle).build();
    let changed = changed.clone();
    row.connect_active_notify(move |_| changed.tell());
    row
}

/// Rows that belong together.
pub(in crate::ui) fn group(title: &str, rows: &[&gtk::Widget]) -> adw::PreferencesGroup {
    let group = adw::PreferencesGroup::builder().title(title).build();
    for row in rows {
        group.add(*row);
    }
    group
}

/// A page below the first one.
pub(in crate::ui) fn page(title: &str, tag: &str, groups: &[&adw::PreferencesGroup]) -> adw::NavigationPage {
    let content = adw::PreferencesPage::new();
    for group in groups {
        content.add(*group);
    }
    let view = adw::ToolbarView::builder().content(&content).build();
    let bar = adw::HeaderBar::builder().show_start_title_buttons(false).show_end_title_buttons(false).build();
    view.add_top_bar(&bar);
    adw::NavigationPage::builder().title(title).tag(tag).child(&view).build()
}

/// A row that leads to the page with this tag.
pub(in crate::ui) fn link(title: &str, tag: &str) -> adw::ActionRow {
    let row = adw::ActionRow::builder()
        .title(title)
        .activatable(true)
        .action_name("navigation.push")
        .action_target(&tag.to_variant())
        .build();
    row.add_suffix(&gtk::Image::builder().icon_name("go-next-symbolic").build());
    row
}

/// Marks a row whose value cannot stay.
pub(in crate::ui) fn mark(row: &impl IsA<gtk::Widget>, is_wrong: bool) {
    if is_wrong {
        row.add_css_class("error");
    } else {
        row.remove_css_class("error");
    }
}

/// The words for a number that may be left to the camera: 0 is.
pub(in crate::ui) fn zero_means_camera() -> String {
    gettext("0: as many as the camera sends")
}
