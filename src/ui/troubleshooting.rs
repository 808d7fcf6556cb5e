//! What `heliograph doctor` says, to look through: problems first, each with its next step.
//!
//! The checks run on the async runtime; what they find is shown as it comes.

use std::cell::{OnceCell, RefCell};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, Object},
};

use super::{finding_row::FindingRow, model::Desk};
use crate::{
    doctor::{self, Finding, Section, Verdict},
    i18n::gettext,
};

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default)]
    #[template(file = "troubleshooting.ui")]
    pub struct TroubleshootingDialog {
        #[template_child]
        toasts: TemplateChild<adw::ToastOverlay>,
        #[template_child]
        report: TemplateChild<gtk::Box>,
        #[template_child]
        head: TemplateChild<gtk::Box>,
        #[template_child]
        spinner: TemplateChild<gtk::Spinner>,
        #[template_child]
        summary: TemplateChild<gtk::Label>,
        #[template_child]
        again: TemplateChild<gtk::Button>,
        #[template_child]
        copy: TemplateChild<gtk::Button>,
        pub(super) desk: OnceCell<Desk>,
        findings: RefCell<Vec<Finding>>,
        /// What is shown; the problems of all sections stand together, under `None`.
        groups: RefCell<Vec<(Option<Section>, adw::PreferencesGroup)>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for TroubleshootingDialog {
        const NAME: &'static str = "HlgTroubleshootingDialog";
        type Type = super::TroubleshootingDialog;
        type ParentType = adw::Dialog;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
            class.bind_template_callbacks();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    impl ObjectImpl for TroubleshootingDialog {}
    impl WidgetImpl for TroubleshootingDialog {}
    impl AdwDialogImpl for TroubleshootingDialog {}

    #[gtk::template_callbacks]
    impl TroubleshootingDialog {
        /// Begins anew. The button for it rests while a check runs, so there is one at a time.
        #[template_callback]
        pub(super) fn check(&self) {
            let Some(desk) = self.desk.get() else { return };
            self.clear();
            self.set_busy(true);
            self.summary.set_label(&gettext("Checking…"));
            let mut findings = desk.check_up();
            let dialog = self.obj().downgrade();
            glib::spawn_future_local(async move {
                while let Some(finding) = findings.recv().await {
                    let Some(dialog) = dialog.upgrade() else { return };
                    dialog.imp().add(finding);
                }
                if let Some(dialog) = dialog.upgrade() {
                    dialog.imp().end();
                }
            });
        }

        fn clear(&self) {
            self.findings.take();
            for (_, group) in self.groups.take() {
                self.report.remove(&group);
            }
        }

        fn set_busy(&self, busy: bool) {
            self.spinner.set_visible(busy);
            self.again.set_sensitive(!busy);
            // Half a report says less than nothing to whoever is to help.
            self.copy.set_sensitive(!busy);
        }

        fn add(&self, finding: Finding) {
            let place = (finding.verdict != Verdict::Problem).then_some(finding.section);
            self.group(place).add(&FindingRow::new(&finding));
            self.findings.borrow_mut().push(finding);
        }

        fn end(&self) {
            self.set_busy(false);
            self.summary.set_label(&doctor::summary(&self.findings.borrow()));
        }

        /// The group for a section, or for the problems; made when it is first asked for.
        fn group(&self, place: Option<Section>) -> adw::PreferencesGroup {
            let known = self.groups.borrow().iter().find(|(other, _)| *other == place).map(|(_, group)| group.clone());
            known.unwrap_or_else(|| {
                let title = place.map_or_else(|| gettext("What Needs Doing"), Section::title);
                let group = adw::PreferencesGroup::builder().title(title).build();
                match place {
                    Some(_) => self.report.append(&group),
                    None => self.report.insert_child_after(&group, Some(&*self.head)),
                }
                self.groups.borrow_mut().push((place, group.clone()));
                group
            })
        }

        #[template_callback]
        fn copy_report(&self) {
            self.obj().clipboard().set_text(&doctor::text(&self.findings.borrow(), false));
            self.toasts.add_toast(adw::Toast::new(&gettext("Report copied")));
        }
    }
}

glib::wrapper! {
    /// What `heliograph doctor` says.
    pub struct TroubleshootingDialog(ObjectSubclass<imp::TroubleshootingDialog>)
        @extends adw::Dialog, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::ShortcutManager;
}

impl TroubleshootingDialog {
    /// A dialog that has begun to look.
    pub fn new(desk: &Desk) -> Self {
        let dialog: Self = Object::new();
        let imp = dialog.imp();
        imp.desk.set(desk.clone()).expect("a new dialog should have no desk yet");
        imp.check();
        dialog
    }
}
