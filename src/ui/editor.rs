//! A page of fields on which one thing is described, such as a connector, and confirmed.
//!
//! What is wrong with a field stands below it, as soon as somebody has left it; a field that is still
//! empty is told only when everything is to be confirmed.

use std::{cell::Cell, rc::Rc};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, Object, clone},
};

use super::{
    feed_dialog::rows::{Changed, mark},
    model::Misfit,
};

mod imp {
    use std::cell::RefCell;

    use super::*;

    #[derive(CompositeTemplate, Default)]
    #[template(file = "editor.ui")]
    pub struct Editor {
        #[template_child]
        pub(super) confirm: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) page: TemplateChild<adw::PreferencesPage>,
        pub(super) form: RefCell<Option<Rc<dyn Form>>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Editor {
        const NAME: &'static str = "HlgEditor";
        type Type = super::Editor;
        type ParentType = adw::NavigationPage;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
            class.bind_template_callbacks();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    impl ObjectImpl for Editor {}
    impl WidgetImpl for Editor {}

    impl NavigationPageImpl for Editor {
        /// What refers to the fields goes with the page.
        fn hidden(&self) {
            self.parent_hidden();
            self.form.take();
        }
    }

    #[gtk::template_callbacks]
    impl Editor {
        #[template_callback]
        pub(super) fn finish(&self) {
            let Some(form) = self.form.borrow().clone() else { return };
            let misfits = form.misfits();
            let Some(first) = misfits.first() else {
                form.finish();
                leave(&self.obj());
                return;
            };
            form.reveal(first.field);
            for asked in form.asked() {
                asked.is_left.set(true);
                asked.is_due.set(true);
                asked.complain(&misfits);
            }
            if let Some(asked) = form.asked().iter().find(|asked| asked.is(first.field)) {
                asked.row.grab_focus();
            }
        }
    }

    impl Editor {
        pub(super) fn tell(&self) {
            let Some(form) = self.form.borrow().clone() else { return };
            let misfits = form.misfits();
            for asked in form.asked() {
                asked.complain(&misfits);
            }
        }
    }
}

glib::wrapper! {
    /// A page of fields on which one thing is described.
    pub struct Editor(ObjectSubclass<imp::Editor>)
        @extends adw::NavigationPage, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

/// The fields of a page, and what becomes of them.
pub(super) trait Form {
    /// In the order in which they are shown.
    fn groups(&self) -> Vec<adw::PreferencesGroup>;

    /// The fields that can hold something wrong.
    fn asked(&self) -> Vec<&Asked>;

    /// What cannot stay as it is.
    fn misfits(&self) -> Vec<Misfit>;

    /// Does what is described; nothing is wrong with it.
    fn finish(&self);

    /// Opens what hides a field.
    fn reveal(&self, _field: &str) {}
}

impl Editor {
    /// A page without fields, whose button says this.
    pub(super) fn new(title: &str, confirm: &str) -> Self {
        let editor: Self = Object::builder().property("title", title).build();
        editor.imp().confirm.set_label(confirm);
        editor
    }

    /// To be told when a field holds something else.
    pub(super) fn changed(&self) -> Changed {
        let editor = self.downgrade();
        Changed::new(move || {
            if let Some(editor) = editor.upgrade() {
                editor.imp().tell();
            }
        })
    }

    /// Shows these fields.
    pub(super) fn show_form(&self, form: Rc<dyn Form>) {
        for group in form.groups() {
            self.imp().page.add(&group);
        }
        // Enter confirms from every field.
        for row in form.asked().into_iter().filter_map(|asked| asked.row.downcast_ref::<adw::EntryRow>()) {
            row.connect_entry_activated(clone!(
                #[weak(rename_to = editor)]
                self,
                move |_| editor.imp().finish()
            ));
        }
        self.imp().form.replace(Some(form));
    }

    /// Offers to take away what is described.
    pub(super) fn offer_removal(&self, label: &str, remove: impl Fn() + 'static) {
        let button = gtk::Button::builder().label(label).use_underline(true).halign(gtk::Align::Center).build();
        button.set_css_classes(&["destructive-action", "pill"]);
        button.connect_clicked(clone!(
            #[weak(rename_to = editor)]
            self,
            move |_| {
                leave(&editor);
                remove();
            }
        ));
        let group = adw::PreferencesGroup::new();
        group.add(&button);
        self.imp().page.add(&group);
    }
}

/// Back to the list, whatever pages led here.
fn leave(editor: &Editor) {
    let Some(pages) = editor.ancestor(adw::NavigationView::static_type()).and_downcast::<adw::NavigationView>() else {
        return;
    };
    if let Some(first) = pages.navigation_stack().item(0).and_downcast::<adw::NavigationPage>() {
        pages.pop_to_page(&first);
    }
}

/// The dialog in which something is shown.
pub(super) fn preferences_of(widget: &impl IsA<gtk::Widget>) -> Option<adw::PreferencesDialog> {
    widget.ancestor(adw::PreferencesDialog::static_type()).and_downcast()
}

/// A row for a value, and below it why that cannot stay.
pub(super) struct Asked {
    key: &'static str,
    row: gtk::Widget,
    /// What of it a screen reader speaks of.
    spoken: gtk::Widget,
    complaint: adw::PreferencesRow,
    words: gtk::Label,
    /// Whether somebody was there and has gone on.
    is_left: Rc<Cell<bool>>,
    /// Whether it was to be confirmed, and may be empty no more.
    is_due: Cell<bool>,
}

impl Asked {
    /// The field of this key in the settings.
    pub(super) fn new(key: &'static str, row: &impl IsA<gtk::Widget>, changed: &Changed) -> Self {
        let words = gtk::Label::builder()
            .wrap(true)
            .xalign(0.0)
            .margin_top(9)
            .margin_bottom(9)
            .margin_start(12)
            .margin_end(12)
            .css_classes(["error", "caption"])
            .build();
        let complaint = adw::PreferencesRow::builder().child(&words).activatable(false).visible(false).build();
        let is_left = Rc::new(Cell::new(false));
        let focus = gtk::EventControllerFocus::new();
        let (left, changed) = (is_left.clone(), changed.clone());
        focus.connect_leave(move |_| {
            left.set(true);
            changed.tell();
        });
        row.add_controller(focus);
        let spoken = spoken(row.upcast_ref());
        spoken.update_relation(&[gtk::accessible::Relation::ErrorMessage(&[words.upcast_ref()])]);
        Self { key, row: row.clone().upcast(), spoken, complaint, words, is_left, is_due: Cell::new(false) }
    }

    /// The rows, in their order.
    pub(super) fn rows(&self) -> [&gtk::Widget; 2] {
        [&self.row, self.complaint.upcast_ref()]
    }

    /// Whether it is the field of this key.
    pub(super) fn is(&self, key: &str) -> bool {
        self.key == key
    }

    fn complain(&self, misfits: &[Misfit]) {
        let misfit = misfits.iter().find(|misfit| misfit.field == self.key);
        let told = misfit.filter(|misfit| self.is_left.get() && (self.is_due.get() || !misfit.is_empty));
        mark(&self.row, told.is_some());
        let is_wrong =
            if told.is_some() { gtk::AccessibleInvalidState::True } else { gtk::AccessibleInvalidState::False };
        self.spoken.update_state(&[gtk::accessible::State::Invalid(is_wrong)]);
        self.complaint.set_visible(told.is_some());
        self.words.set_label(told.map_or("", |misfit| misfit.sentence.as_str()));
    }
}

/// The text in a row for one; otherwise the row itself.
fn spoken(row: &gtk::Widget) -> gtk::Widget {
    let text = row.downcast_ref::<adw::EntryRow>().and_then(EditableExt::delegate);
    text.and_then(|text| text.dynamic_cast().ok()).unwrap_or_else(|| row.clone())
}
