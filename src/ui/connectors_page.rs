//! Where feeds go beside the page of this program: a list, and pages to add and change.

use std::cell::RefCell;

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, SignalHandlerId, clone},
};

use super::{
    connector_editor,
    editor::preferences_of,
    model::{Desk, RemovedConnector},
    place_row::PlaceRow,
    removal::undo_toast,
};
use crate::{
    config::{ConnectorConfig, ConnectorForm, ConnectorId},
    connector::FORMS,
    i18n::gettext,
};

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default)]
    #[template(file = "connectors_page.ui")]
    pub struct ConnectorsPage {
        #[template_child]
        list: TemplateChild<adw::PreferencesGroup>,
        rows: RefCell<Vec<Place>>,
        desk: RefCell<Option<Desk>>,
        handler: RefCell<Option<SignalHandlerId>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ConnectorsPage {
        const NAME: &'static str = "HlgConnectorsPage";
        type Type = super::ConnectorsPage;
        type ParentType = adw::PreferencesPage;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
            class.bind_template_callbacks();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    impl ObjectImpl for ConnectorsPage {
        fn dispose(&self) {
            if let (Some(desk), Some(handler)) = (self.desk.take(), self.handler.take()) {
                desk.disconnect(handler);
            }
        }
    }

    impl WidgetImpl for ConnectorsPage {}
    impl PreferencesPageImpl for ConnectorsPage {}

    #[gtk::template_callbacks]
    impl ConnectorsPage {
        pub(super) fn follow(&self, desk: &Desk) {
            let show = clone!(
                #[weak(rename_to = imp)]
                self,
                move || imp.show()
            );
            self.handler.replace(Some(desk.connect_elsewhere(show)));
            self.desk.replace(Some(desk.clone()));
            self.show();
        }

        /// Shows what there is, and how it is there.
        fn show(&self) {
            let Some(desk) = self.desk.borrow().clone() else { return };
            let connectors = desk.connectors();
            let shown = self.rows.borrow().iter().map(|place| place.config.clone()).collect::<Vec<_>>();
            if shown != connectors.iter().map(on).collect::<Vec<_>>() {
                self.make_rows(&connectors);
            }
            for (place, config) in self.rows.borrow().iter().zip(&connectors) {
                place.switch.set_active(config.enabled);
                place.row.show(&desk.connector_words(config));
            }
        }

        fn make_rows(&self, connectors: &[ConnectorConfig]) {
            for place in self.rows.take() {
                self.list.remove(&place.row.row);
            }
            let rows: Vec<_> = connectors.iter().map(|config| self.place(config)).collect();
            for place in &rows {
                self.list.add(&place.row.row);
            }
            self.list.set_visible(!rows.is_empty());
            self.rows.replace(rows);
        }

        fn place(&self, config: &ConnectorConfig) -> Place {
            let form = form_of(config);
            let name = form.map_or_else(|| config.kind.to_owned(), |form| (form.name)());
            let address = config.text("address").unwrap_or_default();
            let about = if address.is_empty() { name } else { format!("{name}, {address}") };
            let row = PlaceRow::new(config.id.as_str(), &about, form.map_or("send-to-symbolic", |form| form.icon));
            let switch = self.switch(config);
            row.row.add_suffix(&switch);
            row.add_arrow();
            let id = config.id.clone();
            row.row.connect_activated(clone!(
                #[weak(rename_to = imp)]
                self,
                move |_| imp.edit(&id)
            ));
            Place { config: on(config), row, switch }
        }

        fn switch(&self, config: &ConnectorConfig) -> gtk::Switch {
            let switch = gtk::Switch::builder().active(config.enabled).valign(gtk::Align::Center).build();
            let label = gettext("In Use");
            switch.set_tooltip_text(Some(&label));
            switch.update_property(&[gtk::accessible::Property::Label(&label)]);
            let id = config.id.clone();
            switch.connect_active_notify(clone!(
                #[weak(rename_to = imp)]
                self,
                move |switch| {
                    let desk = imp.desk.borrow().clone();
                    if let Some(desk) = desk {
                        desk.enable_connector(&id, switch.is_active());
                    }
                }
            ));
            switch
        }

        /// Which kind is it to be?
        #[template_callback]
        fn add_asked(&self) {
            let Some(dialog) = preferences_of(&*self.obj()) else { return };
            let picked = clone!(
                #[weak(rename_to = imp)]
                self,
                move |form| imp.add(form)
            );
            dialog.push_subpage(&connector_editor::picker(picked));
        }

        fn add(&self, form: &'static ConnectorForm) {
            let (Some(dialog), Some(desk)) = (preferences_of(&*self.obj()), self.desk.borrow().clone()) else { return };
            dialog.push_subpage(&connector_editor::open(&desk, form, None));
        }

        fn edit(&self, id: &ConnectorId) {
            let (Some(dialog), Some(desk)) = (preferences_of(&*self.obj()), self.desk.borrow().clone()) else { return };
            let config = desk.connectors().into_iter().find(|config| config.id == *id);
            let Some((config, form)) = config.and_then(|config| Some((config.clone(), form_of(&config)?))) else {
                return;
            };
            let editor = connector_editor::open(&desk, form, Some(config));
            let id = id.clone();
            editor.offer_removal(
                &gettext("_Remove"),
                clone!(
                    #[weak(rename_to = imp)]
                    self,
                    move || imp.remove(&id)
                ),
            );
            dialog.push_subpage(&editor);
        }

        fn remove(&self, id: &ConnectorId) {
            let (Some(dialog), Some(desk)) = (preferences_of(&*self.obj()), self.desk.borrow().clone()) else { return };
            if let Some(removed) = desk.remove_connector(id) {
                let undo = clone!(
                    #[weak]
                    desk,
                    move |removed| desk.undo_remove_connector(removed)
                );
                let forget = clone!(
                    #[weak]
                    desk,
                    move |removed: RemovedConnector| desk.forget_connector(&removed)
                );
                dialog.add_toast(undo_toast(id.as_str(), removed, undo, forget));
            }
        }
    }
}

/// A connector in the list.
struct Place {
    /// As it is while it is in use: being switched does not make it another one.
    config: ConnectorConfig,
    row: PlaceRow,
    switch: gtk::Switch,
}

/// The same connector, in use.
fn on(config: &ConnectorConfig) -> ConnectorConfig {
    ConnectorConfig { enabled: true, ..config.clone() }
}

/// What there is to say about its kind.
fn form_of(config: &ConnectorConfig) -> Option<&'static ConnectorForm> {
    FORMS.iter().copied().find(|form| form.kind == config.kind)
}

glib::wrapper! {
    /// Where feeds go beside the page of this program.
    pub struct ConnectorsPage(ObjectSubclass<imp::ConnectorsPage>)
        @extends adw::PreferencesPage, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl ConnectorsPage {
    /// Shows the connectors of this desk.
    pub(super) fn follow(&self, desk: &Desk) {
        self.imp().follow(desk);
    }
}
