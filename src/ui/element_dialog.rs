//! Properties of a feed's elements: what is set, and setting more.
//!
//! What can be checked by its name is refused here; whether an element has such a property, takes the
//! value, and takes it while it runs, the engine answers. What it has set is kept in the settings.

use std::cell::{Cell, RefCell};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, SignalHandlerId, clone},
};

use super::model::{Desk, FeedObject};
use crate::{
    config::{ElementRole, element_settings},
    i18n::{gettext, gettext_f},
};

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default)]
    #[template(file = "element_dialog.ui")]
    pub struct ElementDialog {
        #[template_child]
        present: TemplateChild<adw::PreferencesGroup>,
        #[template_child]
        role: TemplateChild<adw::ComboRow>,
        #[template_child]
        name: TemplateChild<adw::EntryRow>,
        #[template_child]
        value: TemplateChild<adw::EntryRow>,
        #[template_child]
        restart: TemplateChild<adw::SwitchRow>,
        /// Why something was not set.
        #[template_child]
        refusal: TemplateChild<adw::PreferencesGroup>,
        #[template_child]
        problem: TemplateChild<gtk::Label>,
        desk: RefCell<Option<Desk>>,
        feed: RefCell<Option<FeedObject>>,
        rows: RefCell<Vec<gtk::Widget>>,
        feed_handler: RefCell<Option<SignalHandlerId>>,
        desk_handler: RefCell<Option<SignalHandlerId>>,
        /// What was entered has not been answered yet.
        is_asked: Cell<bool>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ElementDialog {
        const NAME: &'static str = "HlgElementDialog";
        type Type = super::ElementDialog;
        type ParentType = adw::Dialog;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
            class.bind_template_callbacks();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    impl ObjectImpl for ElementDialog {
        fn constructed(&self) {
            self.parent_constructed();
            let words: Vec<String> = ElementRole::ALL.iter().map(|role| role_words(*role)).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            self.role.set_model(Some(&gtk::StringList::new(&words)));
            let encoder = ElementRole::ALL.iter().position(|role| *role == ElementRole::Encoder);
            self.role.set_selected(encoder.unwrap_or_default() as u32);
        }

        fn dispose(&self) {
            self.forget();
        }
    }

    impl WidgetImpl for ElementDialog {}

    impl AdwDialogImpl for ElementDialog {
        fn closed(&self) {
            self.forget();
        }
    }

    #[gtk::template_callbacks]
    impl ElementDialog {
        pub(super) fn follow(&self, desk: &Desk, feed: &FeedObject) {
            let changed = clone!(
                #[weak(rename_to = imp)]
                self,
                move |_: &FeedObject| imp.show()
            );
            self.feed_handler.replace(Some(feed.connect_elements_notify(changed)));
            let told = clone!(
                #[weak(rename_to = imp)]
                self,
                move |title: &str, _: &str| imp.tell(title)
            );
            self.desk_handler.replace(Some(desk.connect_notice(told)));
            self.desk.replace(Some(desk.clone()));
            self.feed.replace(Some(feed.clone()));
            self.show();
        }

        fn forget(&self) {
            if let (Some(feed), Some(handler)) = (self.feed.take(), self.feed_handler.take()) {
                feed.disconnect(handler);
            }
            if let (Some(desk), Some(handler)) = (self.desk.take(), self.desk_handler.take()) {
                desk.disconnect(handler);
            }
        }

        /// The window's toasts are behind this dialog.
        fn tell(&self, sentence: &str) {
            self.is_asked.set(false);
            self.problem.set_label(sentence);
            self.refusal.set_visible(true);
        }

        /// Shows what is set.
        fn show(&self) {
            let Some(feed) = self.feed.borrow().clone() else { return };
            for row in self.rows.take() {
                self.present.remove(&row);
            }
            let elements = feed.config().elements;
            let set = elements.iter().flat_map(|(role, set)| set.iter().map(|(name, value)| (*role, name, value)));
            let rows: Vec<gtk::Widget> = set.map(|(role, name, value)| self.row(role, name, value).upcast()).collect();
            self.present.set_visible(!rows.is_empty());
            for row in &rows {
                self.present.add(row);
            }
            self.rows.replace(rows);
            if self.is_asked.take() {
                self.name.set_text("");
                self.value.set_text("");
            }
        }

        fn row(&self, role: ElementRole, name: &str, value: &str) -> adw::EntryRow {
            // Translators: {property} is such as threads, {element} such as Encoder.
            let title = gettext_f("{property} ({element})", &[("property", name), ("element", &role_words(role))]);
            let row =
                adw::EntryRow::builder().title(title).use_markup(false).text(value).show_apply_button(true).build();
            let remove = gtk::Button::builder()
                .icon_name("user-trash-symbolic")
                .tooltip_text(gettext("Remove; the Feed Starts Anew"))
                .valign(gtk::Align::Center)
                .css_classes(["flat"])
                .build();
            row.add_suffix(&remove);
            let (of_apply, of_remove) = (name.to_owned(), name.to_owned());
            row.connect_apply(clone!(
                #[weak(rename_to = imp)]
                self,
                move |row| imp.set(role, &of_apply, row.text().trim(), false)
            ));
            remove.connect_clicked(clone!(
                #[weak(rename_to = imp)]
                self,
                move |_| {
                    let (desk, feed) = (imp.desk.borrow().clone(), imp.feed.borrow().clone());
                    if let (Some(desk), Some(feed)) = (desk, feed) {
                        desk.unset_element(&feed, role, &of_remove);
                    }
                }
            ));
            row
        }

        #[template_callback]
        fn set_entered(&self) {
            let role = ElementRole::ALL.get(self.role.selected() as usize).copied().unwrap_or_default();
            let (name, value) = (self.name.text(), self.value.text());
            self.is_asked.set(true);
            self.set(role, name.trim(), value.trim(), self.restart.is_active());
        }

        #[template_callback]
        fn entry_changed(&self) {
            self.refusal.set_visible(false);
        }

        fn set(&self, role: ElementRole, name: &str, value: &str, anew: bool) {
            let (Some(desk), Some(feed)) = (self.desk.borrow().clone(), self.feed.borrow().clone()) else { return };
            self.refusal.set_visible(false);
            match element_settings::check(role, name, value) {
                Ok(()) => desk.set_element(&feed, role, name, value, anew),
                Err(error) => self.tell(&gettext_f("Not set: {reason}.", &[("reason", &error.to_string())])),
            }
        }
    }
}

/// What elements of a role do, for people.
fn role_words(role: ElementRole) -> String {
    match role {
        ElementRole::Source => gettext("Source"),
        ElementRole::Depayloader => gettext("Depayloader"),
        ElementRole::Decoder => gettext("Decoder"),
        ElementRole::Converter => gettext("Converter"),
        ElementRole::Encoder => gettext("Encoder"),
        ElementRole::Payloader => gettext("Payloader"),
        ElementRole::Transport => gettext("Transport"),
    }
}

glib::wrapper! {
    /// Properties of a feed's elements.
    pub struct ElementDialog(ObjectSubclass<imp::ElementDialog>)
        @extends adw::Dialog, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl ElementDialog {
    /// A dialog on the properties of this feed's elements.
    pub fn new(desk: &Desk, feed: &FeedObject) -> Self {
        let dialog: Self = glib::Object::new();
        dialog.imp().follow(desk, feed);
        dialog
    }
}
