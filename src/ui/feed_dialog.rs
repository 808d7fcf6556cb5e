//! Adds a camera, or changes one. What it accepts is decided in [`super::model::Entered`].

use std::{cell::RefCell, rc::Rc, sync::OnceLock};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, Object, subclass::Signal},
};

use super::{
    encoder_list::EncoderList,
    model::{Draft, Entered, Problem},
};
use crate::{
    config::{Codec, EncoderChoice, FeedConfig, Password, PasswordSource, SourceConfig},
    i18n::gettext,
};

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default)]
    #[template(file = "feed_dialog.ui")]
    pub struct FeedDialog {
        #[template_child]
        pub(super) confirm: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) name: TemplateChild<adw::EntryRow>,
        #[template_child]
        pub(super) address: TemplateChild<adw::EntryRow>,
        #[template_child]
        pub(super) login: TemplateChild<adw::PreferencesGroup>,
        #[template_child]
        pub(super) user: TemplateChild<adw::EntryRow>,
        #[template_child]
        pub(super) password: TemplateChild<adw::PasswordEntryRow>,
        #[template_child]
        pub(super) codec: TemplateChild<adw::ComboRow>,
        #[template_child]
        pub(super) encoder: TemplateChild<adw::ComboRow>,
        #[template_child]
        problem_place: TemplateChild<gtk::Revealer>,
        #[template_child]
        pub(super) problem: TemplateChild<gtk::Label>,
        /// What the encoder row offers.
        encoders: RefCell<Option<EncoderList>>,
        /// The checked description, once it has been confirmed.
        pub(super) draft: RefCell<Option<Draft>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for FeedDialog {
        const NAME: &'static str = "HlgFeedDialog";
        type Type = super::FeedDialog;
        type ParentType = adw::Dialog;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
            class.bind_template_callbacks();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    impl ObjectImpl for FeedDialog {
        fn constructed(&self) {
            self.parent_constructed();
            let codecs: Vec<String> = Codec::ALL.iter().map(ToString::to_string).collect();
            self.codec.set_model(Some(&string_list(&codecs)));
            self.codec_changed();
        }

        fn signals() -> &'static [Signal] {
            static SIGNALS: OnceLock<Vec<Signal>> = OnceLock::new();
            SIGNALS.get_or_init(|| vec![Signal::builder("confirmed").build()])
        }
    }

    impl WidgetImpl for FeedDialog {}
    impl AdwDialogImpl for FeedDialog {}

    #[gtk::template_callbacks]
    impl FeedDialog {
        #[template_callback]
        fn cancel(&self) {
            self.obj().close();
        }

        #[template_callback]
        fn finish(&self) {
            if let Ok(draft) = self.entered().check() {
                self.draft.replace(Some(draft));
                self.obj().close();
                self.obj().emit_by_name::<()>("confirmed", &[]);
            }
        }

        /// A password pasted within the address goes where passwords belong.
        #[template_callback]
        fn address_changed(&self) {
            if let Some((address, credentials)) = Entered::split_address(&self.address.text()) {
                self.user.set_text(&credentials.user);
                self.password.set_text(credentials.password.expose());
                self.address.set_text(&address);
                self.address.set_position(-1);
            }
            self.changed();
        }

        #[template_callback]
        pub(super) fn codec_changed(&self) {
            self.offer_encoders(&EncoderChoice::Automatic);
        }

        #[template_callback]
        pub(super) fn changed(&self) {
            let problem = self.entered().check().err();
            self.confirm.set_sensitive(problem.is_none());
            // Nobody is told off for a field that is still empty.
            let told = problem.filter(|problem| self.is_begun(problem));
            mark(&self.name, matches!(told, Some(Problem::Name(_))));
            mark(&self.address, matches!(told, Some(Problem::Address(_))));
            mark(&self.user, matches!(told, Some(Problem::NoUser)));
            self.problem_place.set_reveal_child(told.is_some());
            if let Some(problem) = told {
                self.problem.set_label(&problem.sentence());
            }
        }

        pub(super) fn offer_encoders(&self, present: &EncoderChoice) {
            let list = EncoderList::new(self.chosen_codec(), present);
            self.encoder.set_model(Some(&string_list(&list.labels)));
            self.encoder.set_subtitle(&list.remark);
            self.encoder.set_selected(list.position(present));
            self.encoders.replace(Some(list));
            self.changed();
        }

        fn is_begun(&self, problem: &Problem) -> bool {
            match problem {
                Problem::Name(_) => !self.name.text().is_empty(),
                Problem::Address(_) => !self.address.text().is_empty(),
                Problem::NoUser => true,
            }
        }

        fn entered(&self) -> Entered {
            Entered {
                name: self.name.text().into(),
                address: self.address.is_visible().then(|| self.address.text().into()),
                user: self.user.text().into(),
                password: Password::new(self.password.text()),
                codec: self.chosen_codec(),
                encoder: self.chosen_encoder(),
            }
        }

        fn chosen_codec(&self) -> Codec {
            Codec::ALL.get(self.codec.selected() as usize).copied().unwrap_or_default()
        }

        fn chosen_encoder(&self) -> EncoderChoice {
            let encoders = self.encoders.borrow();
            let chosen = encoders.as_ref().and_then(|list| list.choices.get(self.encoder.selected() as usize));
            chosen.cloned().unwrap_or_default()
        }
    }

    fn string_list(texts: &[String]) -> gtk::StringList {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        gtk::StringList::new(&texts)
    }

    fn mark(row: &adw::EntryRow, is_wrong: bool) {
        if is_wrong {
            row.add_css_class("error");
        } else {
            row.remove_css_class("error");
        }
    }
}

glib::wrapper! {
    /// Adds a camera, or changes one.
    pub struct FeedDialog(ObjectSubclass<imp::FeedDialog>)
        @extends adw::Dialog, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::ShortcutManager;
}

impl FeedDialog {
    /// A dialog with empty fields.
    pub fn add() -> Self {
        Object::new()
    }

    /// A dialog with the settings of a feed.
    pub fn edit(config: &FeedConfig) -> Self {
        let dialog = Self::add();
        dialog.set_title(&gettext("Edit Camera"));
        let imp = dialog.imp();
        imp.confirm.set_label(&gettext("_Apply"));
        imp.name.set_text(&config.name);
        match &config.source {
            SourceConfig::Demo => {
                imp.address.set_visible(false);
                imp.login.set_visible(false);
            }
            SourceConfig::Rtsp(rtsp) => {
                imp.address.set_text(rtsp.address.as_str());
                imp.user.set_text(rtsp.user.as_deref().unwrap_or_default());
                if rtsp.password != PasswordSource::None {
                    imp.password.set_title(&gettext("Password (empty: unchanged)"));
                }
            }
        }
        let codec = Codec::ALL.iter().position(|codec| *codec == config.codec).unwrap_or_default();
        imp.codec.set_selected(codec as u32);
        imp.offer_encoders(&config.encoder);
        dialog
    }

    /// Calls back once with what was described, when the operator confirms it.
    pub fn connect_confirmed(&self, take: impl FnOnce(Draft) + 'static) {
        let take = Rc::new(RefCell::new(Some(take)));
        self.connect_closure(
            "confirmed",
            false,
            glib::closure_local!(move |dialog: Self| {
                if let (Some(take), Some(draft)) = (take.take(), dialog.imp().draft.take()) {
                    take(draft);
                }
            }),
        );
    }
}
