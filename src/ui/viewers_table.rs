//! Who watches a feed: a row each, with what is known of them.

use std::{cell::RefCell, sync::OnceLock};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate, gio,
    glib::{self, Properties, clone, subclass::Signal},
};

use super::model::{FeedObject, ViewerObject, ViewerWords, name_of};
use crate::{
    i18n::{gettext, gettext_f},
    stats::FeedSample,
};

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Properties)]
    #[properties(wrapper_type = super::ViewersTable)]
    #[template(file = "viewers_table.ui")]
    pub struct ViewersTable {
        #[template_child]
        table: TemplateChild<gtk::ColumnView>,
        #[template_child]
        trouble: TemplateChild<gtk::Label>,
        pub(super) viewers: gio::ListStore,
        /// The feed whose viewers are shown; without viewers there is nothing to see.
        #[property(get, set = Self::set_feed, nullable)]
        feed: RefCell<Option<FeedObject>>,
    }

    impl Default for ViewersTable {
        fn default() -> Self {
            Self {
                table: TemplateChild::default(),
                trouble: TemplateChild::default(),
                viewers: gio::ListStore::new::<ViewerObject>(),
                feed: RefCell::default(),
            }
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ViewersTable {
        const NAME: &'static str = "HlgViewersTable";
        type Type = super::ViewersTable;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
            class.bind_template_callbacks();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    #[glib::derived_properties]
    impl ObjectImpl for ViewersTable {
        fn constructed(&self) {
            self.parent_constructed();
            self.table.append_column(&self.connection_column());
            for (title, property) in columns() {
                self.table.append_column(&column(&title, property));
            }
            self.table.set_model(Some(&gtk::NoSelection::new(Some(self.viewers.clone()))));
        }

        fn signals() -> &'static [Signal] {
            static SIGNALS: OnceLock<Vec<Signal>> = OnceLock::new();
            let with_session = |name| Signal::builder(name).param_types([String::static_type()]).build();
            SIGNALS.get_or_init(|| ["chosen", "asked"].map(with_session).into())
        }
    }

    impl WidgetImpl for ViewersTable {}
    impl BinImpl for ViewersTable {}

    #[gtk::template_callbacks]
    impl ViewersTable {
        /// A column of buttons that ask for a viewer's connection.
        fn connection_column(&self) -> gtk::ColumnViewColumn {
            let factory = gtk::SignalListItemFactory::new();
            let asked = clone!(
                #[weak(rename_to = imp)]
                self,
                move |session: String| imp.obj().emit_by_name::<()>("asked", &[&session])
            );
            factory.connect_setup(move |_, cell| {
                let button = gtk::Button::builder().css_classes(["flat"]).build();
                button.set_tooltip_text(Some(&gettext("How It Is Connected")));
                let cell = cell.downcast_ref::<gtk::ListItem>().expect("a cell of a table should be an item of a list");
                cell.set_child(Some(&button));
                let row = gtk::PropertyExpression::new(gtk::ListItem::static_type(), gtk::Expression::NONE, "item");
                let icon = gtk::PropertyExpression::new(ViewerObject::static_type(), Some(row), "icon");
                icon.bind(&button, "icon-name", Some(cell));
                let (cell, asked) = (cell.downgrade(), asked.clone());
                button.connect_clicked(move |_| {
                    if let Some(row) = cell.upgrade().and_then(|cell| cell.item()).and_downcast::<ViewerObject>() {
                        asked(row.session());
                    }
                });
            });
            gtk::ColumnViewColumn::builder().factory(&factory).build()
        }

        fn set_feed(&self, feed: Option<FeedObject>) {
            self.feed.replace(feed);
            self.viewers.remove_all();
            self.look_again();
        }

        /// Shows who watches now; whoever stays keeps the row.
        pub(super) fn look_again(&self) {
            let feed = self.feed.borrow().clone();
            let mut sample = feed.as_ref().map(FeedObject::sample).unwrap_or_default();
            for viewer in feed.iter().flat_map(FeedObject::unreached) {
                sample.viewers.retain(|known| known.session != viewer.session);
                sample.viewers.push(viewer);
            }
            self.tell_trouble(&sample);
            let mut position = 0;
            while let Some(row) = self.row(position) {
                if sample.viewers.iter().any(|viewer| viewer.session == row.session()) {
                    position += 1;
                } else {
                    self.viewers.remove(position);
                }
            }
            for viewer in &sample.viewers {
                let rows = (0..self.viewers.n_items()).filter_map(|position| self.row(position));
                let row = rows.into_iter().find(|row| row.session() == viewer.session).unwrap_or_else(|| {
                    let row = ViewerObject::new(&viewer.session);
                    self.viewers.append(&row);
                    row
                });
                row.take(&ViewerWords::new(viewer, &sample));
            }
            self.obj().set_visible(!sample.viewers.is_empty());
        }

        /// Says why somebody is not reached.
        fn tell_trouble(&self, sample: &FeedSample) {
            let told = sample.viewers.iter().rev().find_map(|viewer| Some((viewer, viewer.ice_verdict.as_ref()?)));
            let words = told.map_or_else(String::new, |(viewer, verdict)| {
                // Translators: {viewer} is a viewer's name or address, {verdict} a sentence.
                gettext_f("{viewer}: {verdict}", &[("viewer", &name_of(viewer)), ("verdict", verdict)])
            });
            self.trouble.set_visible(!words.is_empty());
            self.trouble.set_label(&words);
        }

        fn row(&self, position: u32) -> Option<ViewerObject> {
            self.viewers.item(position).and_downcast()
        }

        #[template_callback]
        fn activated(&self, position: u32) {
            if let Some(row) = self.row(position) {
                self.obj().emit_by_name::<()>("chosen", &[&row.session()]);
            }
        }
    }
}

/// The columns: their titles, and the property in each of their cells.
fn columns() -> [(String, &'static str); 10] {
    [
        (gettext("Viewer"), "name"),
        // Translators: a column of a table: what a viewer sees, such as "Main, H.264".
        (gettext("Sees"), "sees"),
        // Translators: a column of a table: what is sent to a viewer.
        (gettext("Sent"), "sent"),
        // Translators: a column of a table: what arrives at a viewer.
        (gettext("Received"), "received"),
        // Translators: a column of a table: what a viewer's connection may carry.
        (gettext("Estimate"), "estimate"),
        (gettext("Round trip"), "round-trip"),
        // Translators: a column of a table: part of the packets that is lost.
        (gettext("Lost"), "loss"),
        // Translators: a column of a table: pictures a second that a viewer's browser shows.
        (gettext("Shown"), "framerate"),
        // Translators: a column of a table: how often a viewer's picture stood still, and for how long.
        (gettext("Freezes"), "freezes"),
        // Translators: a column of a table: a viewer's address, and how its packets get there.
        (gettext("Address"), "way"),
    ]
}

/// A column whose cells show this property of their rows.
fn column(title: &str, property: &'static str) -> gtk::ColumnViewColumn {
    let factory = gtk::SignalListItemFactory::new();
    factory.connect_setup(move |_, cell| {
        let label = gtk::Label::builder().xalign(0.0).css_classes(["numeric"]).build();
        let cell = cell.downcast_ref::<gtk::ListItem>().expect("a cell of a table should be an item of a list");
        cell.set_child(Some(&label));
        let row = gtk::PropertyExpression::new(gtk::ListItem::static_type(), gtk::Expression::NONE, "item");
        let text = gtk::PropertyExpression::new(ViewerObject::static_type(), Some(row), property);
        text.bind(&label, "label", Some(cell));
    });
    gtk::ColumnViewColumn::builder().title(title).factory(&factory).resizable(true).build()
}

glib::wrapper! {
    /// Who watches a feed.
    ///
    /// Signal `chosen(session)`: the charts of this viewer are wanted.
    /// Signal `asked(session)`: how this viewer is connected is wanted.
    pub struct ViewersTable(ObjectSubclass<imp::ViewersTable>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl ViewersTable {
    /// Calls back with the session of whoever was clicked.
    pub fn connect_chosen(&self, show: impl Fn(&str) + 'static) -> glib::SignalHandlerId {
        self.connect_closure("chosen", false, glib::closure_local!(move |_: Self, session: &str| show(session)))
    }

    /// Calls back with the session of whoever's connection is asked for.
    pub fn connect_asked(&self, show: impl Fn(&str) + 'static) -> glib::SignalHandlerId {
        self.connect_closure("asked", false, glib::closure_local!(move |_: Self, session: &str| show(session)))
    }

    /// A second has passed.
    pub fn tick(&self) {
        self.imp().look_again();
    }
}
