//! Banners for what is wrong with the whole program, for as long as it is.

use std::cell::RefCell;

use adw::subclass::prelude::*;
use gtk::{
    CompositeTemplate,
    glib::{self, Properties, clone},
    prelude::*,
};

use super::{details_dialog, model::Desk};
use crate::i18n::{gettext, gettext_f};

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default, Properties)]
    #[properties(wrapper_type = super::Notices)]
    #[template(file = "notices.ui")]
    pub struct Notices {
        #[template_child]
        server: TemplateChild<adw::Banner>,
        #[template_child]
        settings: TemplateChild<adw::Banner>,
        /// Whose troubles are shown.
        #[property(get, set = Self::set_desk, nullable)]
        desk: RefCell<Option<Desk>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Notices {
        const NAME: &'static str = "HlgNotices";
        type Type = super::Notices;
        type ParentType = gtk::Box;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
            class.bind_template_callbacks();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    #[glib::derived_properties]
    impl ObjectImpl for Notices {}
    impl WidgetImpl for Notices {}
    impl BoxImpl for Notices {}

    #[gtk::template_callbacks]
    impl Notices {
        fn set_desk(&self, desk: Option<Desk>) {
            if let Some(desk) = &desk {
                for property in ["server-fault", "settings-remarks", "saves"] {
                    desk.connect_notify_local(
                        Some(property),
                        clone!(
                            #[weak(rename_to = imp)]
                            self,
                            move |desk, _| imp.show(desk)
                        ),
                    );
                }
                self.show(desk);
            }
            self.desk.replace(desk);
        }

        fn show(&self, desk: &Desk) {
            let fault = desk.server_fault();
            // Translators: {reason} is a sentence that begins in lower case and says what to do.
            self.server.set_title(&gettext_f("Viewers cannot connect: {reason}", &[("reason", &fault)]));
            self.server.set_revealed(!fault.is_empty());
            self.settings.set_title(&settings_title(desk.saves()));
            self.settings.set_revealed(!desk.settings_remarks().is_empty());
        }

        #[template_callback]
        fn try_again(&self) {
            if let Some(desk) = &*self.desk.borrow() {
                desk.open_doors();
            }
        }

        #[template_callback]
        fn show_remarks(&self) {
            if let Some(desk) = &*self.desk.borrow() {
                details_dialog::present(&*self.obj(), &settings_title(desk.saves()), &desk.settings_remarks());
            }
        }
    }

    fn settings_title(saves: bool) -> String {
        if saves {
            gettext("Something in the settings file should be put right.")
        } else {
            gettext("The settings file cannot be used. Changes are for this run only.")
        }
    }
}

glib::wrapper! {
    /// Banners for what is wrong with the whole program.
    pub struct Notices(ObjectSubclass<imp::Notices>)
        @extends gtk::Box, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::Orientable;
}
