//! Adds a camera, or changes one. What it accepts is decided in [`super::model::Entered`].
//!
//! The first page asks what most people need: the source, its name and address. Everything
//! else stands on pages below it, and the row that leads to a page says what is set there.
//! The rows are made here rather than in templates: beside each stands how its value is
//! read and shown, so that none can be forgotten.

mod audio;
mod connection;
mod device;
mod facts;
mod look;
mod parts;
mod picture;
pub(super) mod rows;
mod source;
mod test_picture;
mod viewers;

use std::{cell::RefCell, rc::Rc, sync::OnceLock};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, Object, WeakRef, subclass::Signal},
};

use super::model::{Desk, Draft, Entered, Field, Problem, SourceKind};
use crate::{
    config::{Codec, FeedConfig, PasswordSource, Profile, SourceConfig},
    i18n::gettext,
};
use parts::Parts;
use rows::Changed;
use viewers::Task;

mod imp {
    use std::cell::{Cell, OnceCell};

    use super::*;

    #[derive(CompositeTemplate, Default)]
    #[template(file = "feed_dialog.ui")]
    pub struct FeedDialog {
        #[template_child]
        pub(super) pages: TemplateChild<adw::NavigationView>,
        #[template_child]
        pub(super) first: TemplateChild<adw::NavigationPage>,
        #[template_child]
        pub(super) confirm: TemplateChild<gtk::Button>,
        #[template_child]
        source_group: TemplateChild<adw::PreferencesGroup>,
        #[template_child]
        more_group: TemplateChild<adw::PreferencesGroup>,
        #[template_child]
        problem_place: TemplateChild<gtk::Revealer>,
        #[template_child]
        pub(super) problem: TemplateChild<gtk::Label>,
        parts: OnceCell<Parts>,
        changed: OnceCell<Changed>,
        /// What was entered when somebody last looked: some of it stands in no field.
        pub(super) entered: RefCell<Entered>,
        /// Fields are being filled one after the other; what they hold meanwhile means nothing.
        is_filling: Cell<bool>,
        /// The codec and the kind of source whose choices are offered.
        offered: Cell<Option<(Codec, SourceKind)>>,
        /// The feed that is edited.
        pub(super) edited: RefCell<Option<FeedConfig>>,
        /// Who can look at a camera.
        pub(super) desk: WeakRef<Desk>,
        following: RefCell<Option<Task>>,
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
            self.is_filling.set(true);
            let changed = self.weak_callback(Self::changed);
            let changed = Changed::new(move || changed(()));
            let apply = Rc::new(self.weak_callback_with(Self::apply));
            let parts = Parts::new(&changed, move |profile| apply(profile));
            parts.place(&self.source_group, &self.more_group, &self.pages);
            parts.find_sounds(&changed);
            self.obj().set_focus(Some(&parts.source.name));
            self.look_when_asked(&parts);
            assert!(self.parts.set(parts).is_ok(), "a dialog should be made once");
            assert!(self.changed.set(changed).is_ok(), "a dialog should be made once");
            let offer = self.weak_callback(Self::offer_again);
            self.following.replace(Some(Task::follow_availability(move || offer(()))));
            self.show(Entered::default());
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
    }

    impl FeedDialog {
        /// Fills the fields.
        pub(super) fn show(&self, entered: Entered) {
            self.is_filling.set(true);
            self.parts().show(&entered);
            self.offered.set(None);
            self.entered.replace(entered);
            self.is_filling.set(false);
            self.changed();
        }

        /// Some field holds something else.
        fn changed(&self) {
            if self.is_filling.get() {
                return;
            }
            let entered = self.entered();
            self.offer_for(&entered);
            let problems = entered.check().err().unwrap_or_default();
            self.tell(&problems);
            // A name is not needed for a look.
            let can_look = problems.iter().all(|problem| problem.field == Field::Name);
            self.parts().summarise(&entered, can_look);
            self.entered.replace(entered);
        }

        /// What can be chosen depends on what was chosen before.
        fn offer_for(&self, entered: &Entered) {
            let now = (entered.codec, entered.kind);
            let before = self.offered.replace(Some(now));
            if before == Some(now) {
                return;
            }
            self.is_filling.set(true);
            if before.map(|(codec, _)| codec) != Some(entered.codec) {
                self.parts().viewers.offer(entered);
            }
            self.is_filling.set(false);
            if before.map(|(_, kind)| kind) != Some(entered.kind) {
                self.parts().find_devices(entered.kind, self.changed.get().expect("a dialog should be made whole"));
            }
        }

        /// More is known of what works here.
        fn offer_again(&self) {
            self.is_filling.set(true);
            self.parts().viewers.offer(&self.entered());
            self.is_filling.set(false);
            self.changed();
        }

        /// Marks what is wrong, and says the first of it. Nobody is told off for a field that
        /// is still empty.
        fn tell(&self, problems: &[Problem]) {
            self.confirm.set_sensitive(problems.is_empty());
            let told: Vec<&Problem> = problems.iter().filter(|problem| !problem.is_empty).collect();
            let fields: Vec<Field> = told.iter().map(|problem| problem.field).collect();
            self.parts().mark(&fields);
            self.problem_place.set_reveal_child(!told.is_empty());
            if let Some(problem) = told.first() {
                self.problem.set_label(&problem.sentence);
            }
        }

        fn apply(&self, profile: &'static Profile) {
            let mut entered = self.entered();
            entered.apply(profile);
            self.show(entered);
            self.parts().viewers.tell_profile(profile);
            self.pages.pop();
        }

        fn look_when_asked(&self, parts: &Parts) {
            let look = self.weak_callback(Self::look);
            parts.look.page.connect_showing(move |_| look(()));
            let look = self.weak_callback(Self::look);
            parts.look.again.connect_clicked(move |_| look(()));
        }

        /// Looks at what is described.
        fn look(&self) {
            let mut entered = self.entered();
            if entered.name.trim().is_empty() {
                // Only a feed needs a name.
                entered.name = gettext("Test");
            }
            if let (Ok(draft), Some(desk)) = (entered.check(), self.desk.upgrade()) {
                self.parts().look.look(desk.look(draft, self.edited.borrow().as_ref()));
            }
        }

        fn entered(&self) -> Entered {
            self.parts().read(self.entered.borrow().clone())
        }

        pub(super) fn parts(&self) -> &Parts {
            self.parts.get().expect("a dialog should be made whole")
        }

        /// A callback that does nothing once the dialog is gone.
        fn weak_callback(&self, act: impl Fn(&Self) + 'static) -> impl Fn(()) + 'static {
            self.weak_callback_with(move |dialog, ()| act(dialog))
        }

        fn weak_callback_with<T: 'static>(&self, act: impl Fn(&Self, T) + 'static) -> impl Fn(T) + 'static {
            let dialog = self.obj().downgrade();
            move |value| {
                if let Some(dialog) = dialog.upgrade() {
                    act(dialog.imp(), value);
                }
            }
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
    /// A dialog with empty fields, which can ask this desk to look at a camera.
    pub fn add(desk: &Desk) -> Self {
        let dialog: Self = Object::new();
        dialog.imp().desk.set(Some(desk));
        dialog
    }

    /// A dialog with the settings of a feed.
    pub fn edit(desk: &Desk, config: &FeedConfig) -> Self {
        let dialog = Self::add(desk);
        let imp = dialog.imp();
        dialog.set_title(&gettext("Edit Camera"));
        imp.first.set_title(&gettext("Edit Camera"));
        imp.confirm.set_label(&gettext("_Apply"));
        if let SourceConfig::Rtsp(rtsp) = &config.source {
            if rtsp.password != PasswordSource::None {
                imp.parts().source.password.set_title(&gettext("Password (empty: unchanged)"));
            }
            imp.parts().connection.ways.password.found_at(&rtsp.reception.ice.password);
        }
        imp.edited.replace(Some(config.clone()));
        imp.show(Entered::of(config));
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
