//! One line of the report: what was looked at, how it is, and what to do.

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    accessible::Property,
    glib::{self, Object},
};

use crate::doctor::{Finding, Verdict};

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default)]
    #[template(file = "finding_row.ui")]
    pub struct FindingRow {
        #[template_child]
        pub(super) icon: TemplateChild<gtk::Image>,
        #[template_child]
        pub(super) subject: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) sentence: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) next_step: TemplateChild<gtk::Label>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for FindingRow {
        const NAME: &'static str = "HlgFindingRow";
        type Type = super::FindingRow;
        type ParentType = adw::PreferencesRow;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    impl ObjectImpl for FindingRow {}
    impl WidgetImpl for FindingRow {}
    impl ListBoxRowImpl for FindingRow {}
    impl PreferencesRowImpl for FindingRow {}
}

glib::wrapper! {
    /// One line of the report.
    pub struct FindingRow(ObjectSubclass<imp::FindingRow>)
        @extends adw::PreferencesRow, gtk::ListBoxRow, gtk::Widget,
        @implements gtk::Accessible, gtk::Actionable, gtk::Buildable, gtk::ConstraintTarget;
}

impl FindingRow {
    /// A row that says this.
    pub(super) fn new(finding: &Finding) -> Self {
        let row: Self = Object::new();
        row.show(finding);
        row
    }

    fn show(&self, finding: &Finding) {
        let imp = self.imp();
        let (icon, colour) = looks(finding.verdict);
        let verdict = finding.verdict.word();
        imp.icon.set_icon_name(Some(icon));
        imp.icon.add_css_class(colour);
        imp.icon.set_tooltip_text(Some(&verdict));
        let subject = self.subject(finding);
        imp.subject.set_label(&subject);
        imp.sentence.set_label(&finding.sentence);
        if let Some(next) = &finding.next_step {
            imp.next_step.set_label(&format!("→ {next}"));
            imp.next_step.set_visible(true);
        }
        // The icon's colour and form say nothing to a screen reader.
        self.update_property(&[Property::Label(&format!("{verdict}: {subject}"))]);
    }

    /// Problems stand together, away from their sections, and so name them.
    fn subject(&self, finding: &Finding) -> String {
        let section = finding.section.title();
        if finding.verdict == Verdict::Problem && finding.subject != section {
            self.imp().subject.add_css_class("heading");
            format!("{section}: {}", finding.subject)
        } else {
            finding.subject.clone()
        }
    }
}

/// Icon and style class of a verdict.
fn looks(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Ok => ("object-select-symbolic", "success"),
        Verdict::Problem => ("dialog-warning-symbolic", "warning"),
        Verdict::NotHere => ("list-remove-symbolic", "dimmed-state"),
        Verdict::NotChecked => ("dialog-question-symbolic", "dimmed-state"),
    }
}
