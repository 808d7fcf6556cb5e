//! Whose feeds are watched: brokers in a list, and pages to add and change.

use std::cell::RefCell;

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, SignalHandlerId, clone},
};

use super::{
    editor::preferences_of,
    model::{Desk, RemovedWatch},
    place_row::PlaceRow,
    removal::undo_toast,
    watch_editor,
};
use crate::{
    config::{FeedId, MqttDialect, WatchConfig},
    i18n::{gettext, gettext_f},
};

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default)]
    #[template(file = "watched_page.ui")]
    pub struct WatchedPage {
        #[template_child]
        list: TemplateChild<adw::PreferencesGroup>,
        rows: RefCell<Vec<(WatchConfig, PlaceRow)>>,
        desk: RefCell<Option<Desk>>,
        handler: RefCell<Option<SignalHandlerId>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for WatchedPage {
        const NAME: &'static str = "HlgWatchedPage";
        type Type = super::WatchedPage;
        type ParentType = adw::PreferencesPage;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
            class.bind_template_callbacks();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    impl ObjectImpl for WatchedPage {
        fn dispose(&self) {
            if let (Some(desk), Some(handler)) = (self.desk.take(), self.handler.take()) {
                desk.disconnect(handler);
            }
        }
    }

    impl WidgetImpl for WatchedPage {}
    impl PreferencesPageImpl for WatchedPage {}

    #[gtk::template_callbacks]
    impl WatchedPage {
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

        fn show(&self) {
            let Some(desk) = self.desk.borrow().clone() else { return };
            let watched = desk.watched();
            if !self.rows.borrow().iter().map(|(config, _)| config).eq(&watched) {
                for (_, place) in self.rows.take() {
                    self.list.remove(&place.row);
                }
                let rows: Vec<_> = watched.into_iter().map(|config| (config.clone(), self.row(config))).collect();
                for (_, place) in &rows {
                    self.list.add(&place.row);
                }
                self.list.set_visible(!rows.is_empty());
                self.rows.replace(rows);
            }
            for (config, place) in &*self.rows.borrow() {
                place.show(&desk.broker_words(config));
            }
        }

        fn row(&self, config: WatchConfig) -> PlaceRow {
            let place = PlaceRow::new(config.broker.address.as_str(), &about(&config), "network-workgroup-symbolic");
            place.add_arrow();
            place.row.connect_activated(clone!(
                #[weak(rename_to = imp)]
                self,
                move |_| imp.edit(&config)
            ));
            place
        }

        #[template_callback]
        fn add_asked(&self) {
            if let (Some(dialog), Some(desk)) = (preferences_of(&*self.obj()), self.desk.borrow().clone()) {
                dialog.push_subpage(&watch_editor::open(&desk, None));
            }
        }

        fn edit(&self, config: &WatchConfig) {
            let (Some(dialog), Some(desk)) = (preferences_of(&*self.obj()), self.desk.borrow().clone()) else { return };
            let editor = watch_editor::open(&desk, Some(config.clone()));
            let config = config.clone();
            editor.offer_removal(
                &gettext("_Remove"),
                clone!(
                    #[weak(rename_to = imp)]
                    self,
                    move || imp.remove(&config)
                ),
            );
            dialog.push_subpage(&editor);
        }

        fn remove(&self, config: &WatchConfig) {
            let (Some(dialog), Some(desk)) = (preferences_of(&*self.obj()), self.desk.borrow().clone()) else { return };
            if let Some(removed) = desk.remove_watched(config) {
                let undo = clone!(
                    #[weak]
                    desk,
                    move |removed| desk.undo_remove_watched(removed)
                );
                let forget = clone!(
                    #[weak]
                    desk,
                    move |removed: RemovedWatch| desk.forget_watched(&removed)
                );
                dialog.add_toast(undo_toast(config.broker.address.as_str(), removed, undo, forget));
            }
        }
    }
}

/// Who is watched there.
fn about(config: &WatchConfig) -> String {
    if config.dialect == MqttDialect::GstWebRtcApp {
        return gettext("Cameras of GstWebRTCApp");
    }
    if config.instances.is_empty() {
        return gettext("Every Heliograph there");
    }
    let names = config.instances.iter().map(FeedId::as_str).collect::<Vec<_>>().join(", ");
    // Translators: {names} is a list of the names of programs.
    gettext_f("Heliograph on {names}", &[("names", &names)])
}

glib::wrapper! {
    /// Whose feeds are watched.
    pub struct WatchedPage(ObjectSubclass<imp::WatchedPage>)
        @extends adw::PreferencesPage, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl WatchedPage {
    /// Shows what this desk watches.
    pub(super) fn follow(&self, desk: &Desk) {
        self.imp().follow(desk);
    }
}
