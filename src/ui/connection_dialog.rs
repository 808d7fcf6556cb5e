//! How a viewer's connection came about, and which ways to it were tried.

use std::cell::RefCell;

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, Object},
};

use super::model::{ConnectionWords, Desk, FeedObject, Health, WayWords, name_of};

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default)]
    #[template(file = "connection_dialog.ui")]
    pub struct ConnectionDialog {
        #[template_child]
        icon: TemplateChild<gtk::Image>,
        #[template_child]
        sentence: TemplateChild<gtk::Label>,
        #[template_child]
        steps: TemplateChild<adw::PreferencesGroup>,
        #[template_child]
        ways: TemplateChild<adw::PreferencesGroup>,
        rows: RefCell<Vec<(adw::PreferencesGroup, gtk::Widget)>>,
        shown: RefCell<Option<ConnectionWords>>,
        pub(super) feed: RefCell<Option<FeedObject>>,
        pub(super) desk: RefCell<Option<Desk>>,
        pub(super) session: RefCell<String>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ConnectionDialog {
        const NAME: &'static str = "HlgConnectionDialog";
        type Type = super::ConnectionDialog;
        type ParentType = adw::Dialog;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    impl ObjectImpl for ConnectionDialog {}
    impl WidgetImpl for ConnectionDialog {}
    impl AdwDialogImpl for ConnectionDialog {}

    impl ConnectionDialog {
        /// Says how it is now. What was last known of a viewer who is gone stays.
        pub(super) fn look_again(&self) {
            let (feed, desk) = (self.feed.borrow().clone(), self.desk.borrow().clone());
            let (Some(feed), Some(desk)) = (feed, desk) else { return };
            let Some(viewer) = feed.viewer(&self.session.borrow()) else { return };
            let set_ups = viewer.connector.as_ref().map(|connector| desk.set_ups(connector)).unwrap_or_default();
            let there = set_ups.iter().find(|(name, _)| *name == feed.name()).map(|(_, set_up)| set_up);
            let words = ConnectionWords::new(&viewer, there);
            if self.shown.borrow().as_ref() == Some(&words) {
                return;
            }
            self.obj().set_title(&name_of(&viewer));
            self.icon.set_icon_name(Some(icon(words.health)));
            self.icon.set_css_classes(&[words.health.style_class()]);
            self.sentence.set_label(&words.sentence);
            self.show_rows(&words);
            self.shown.replace(Some(words));
        }

        fn show_rows(&self, words: &ConnectionWords) {
            for (group, row) in self.rows.take() {
                group.remove(&row);
            }
            self.ways.set_visible(!words.ways.is_empty());
            let steps = words.steps.iter().map(|(step, took)| (self.steps.get(), step_row(step, took)));
            let ways = words.ways.iter().map(|way| (self.ways.get(), way_row(way)));
            let rows: Vec<_> = steps.chain(ways).map(|(group, row)| (group, row.upcast())).collect();
            for (group, row) in &rows {
                group.add(row);
            }
            self.rows.replace(rows);
        }
    }
}

/// The icon that says the same as the colour.
fn icon(health: Health) -> &'static str {
    if health == Health::Live { "object-select-symbolic" } else { health.icon() }
}

fn step_row(step: &str, took: &str) -> adw::ActionRow {
    let row = adw::ActionRow::builder().use_markup(false).title(step).build();
    row.add_suffix(&gtk::Label::builder().label(took).css_classes(["numeric", "dim-label"]).build());
    row
}

fn way_row(way: &WayWords) -> adw::ActionRow {
    let row = adw::ActionRow::builder().use_markup(false).title(&way.ends).subtitle(&way.state).build();
    if way.is_in_use {
        let mark = gtk::Image::builder().icon_name("object-select-symbolic").css_classes(["success"]);
        row.add_suffix(&mark.accessible_role(gtk::AccessibleRole::Presentation).build());
    }
    row
}

glib::wrapper! {
    /// How a viewer's connection came about.
    pub struct ConnectionDialog(ObjectSubclass<imp::ConnectionDialog>)
        @extends adw::Dialog, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::ShortcutManager;
}

impl ConnectionDialog {
    /// The connection of this session of the feed's.
    pub fn new(desk: &Desk, feed: &FeedObject, session: &str) -> Self {
        let dialog: Self = Object::new();
        let imp = dialog.imp();
        imp.desk.replace(Some(desk.clone()));
        imp.feed.replace(Some(feed.clone()));
        imp.session.replace(session.to_owned());
        imp.look_again();
        dialog
    }

    /// A second has passed.
    pub fn tick(&self) {
        self.imp().look_again();
    }
}
