//! The Test button and its page: what the camera sends, or why it does not.

use std::{cell::RefCell, rc::Rc};

use adw::prelude::*;

use super::{
    facts,
    rows::{link, page},
    viewers::Task,
};
use crate::{
    i18n::gettext,
    media::{MediaFault, probe::ProbeReport},
    ui::model::{Entered, SourceKind},
};

/// What a look came to; `None` where there was nothing to look at.
pub(super) type Found = Option<Result<ProbeReport, MediaFault>>;

/// The page, and the row that leads to it.
pub(super) struct LookPage {
    pub(super) page: adw::NavigationPage,
    pub(super) link: adw::ActionRow,
    stack: gtk::Stack,
    waiting: adw::StatusPage,
    fault: adw::StatusPage,
    facts: adw::PreferencesGroup,
    advice: adw::PreferencesGroup,
    advised: gtk::Label,
    rows: RefCell<Vec<adw::ActionRow>>,
    /// The look that goes on; dropped, it hangs up.
    look: RefCell<Option<Task>>,
    /// Looks once more.
    pub(super) again: gtk::Button,
}

impl LookPage {
    pub(super) fn new() -> Rc<Self> {
        let facts = adw::PreferencesGroup::new();
        let advised = gtk::Label::builder().wrap(true).xalign(0.0).selectable(true).build();
        let advice = adw::PreferencesGroup::builder().title(gettext("What Heliograph would do")).build();
        advice.add(&advised);
        let title = gettext("Test");
        let page = page(&title, "look", &[&facts, &advice]);
        let stack = gtk::Stack::new();
        let waiting = waiting_page();
        let again = again_button();
        let fault = adw::StatusPage::builder().icon_name("dialog-warning-symbolic").child(&again).build();
        stack.add_child(&waiting);
        stack.add_child(&fault);
        if let Some(view) = page.child().and_downcast::<adw::ToolbarView>()
            && let Some(content) = view.content()
        {
            view.set_content(None::<&gtk::Widget>);
            stack.add_child(&content);
            view.set_content(Some(&stack));
        }
        let link = link(&title, "look");
        let (rows, look) = Default::default();
        let made = Rc::new(Self { page, link, stack, waiting, fault, facts, advice, advised, rows, look, again });
        made.hang_up_when_left();
        made
    }

    /// Looks, and shows what is found.
    pub(super) fn look(self: &Rc<Self>, work: impl Future<Output = Found> + 'static) {
        self.stack.set_visible_child(&self.waiting);
        let page = Rc::downgrade(self);
        let task = Task::spawn(async move {
            let found = work.await;
            if let Some(page) = page.upgrade() {
                page.show(found);
            }
        });
        self.look.replace(Some(task));
    }

    /// Whether and when a look is possible.
    pub(super) fn summarise(&self, entered: &Entered, can_look: bool) {
        self.link.set_visible(!matches!(entered.kind, SourceKind::Test | SourceKind::Received));
        self.link.set_sensitive(can_look);
        self.link.set_subtitle(&gettext("Looks at the picture for some seconds"));
    }

    fn show(&self, found: Found) {
        match found {
            Some(Ok(report)) => self.show_report(&report),
            Some(Err(fault)) => self.show_fault(&fault),
            None => {}
        }
    }

    fn show_fault(&self, fault: &MediaFault) {
        self.fault.set_title(&gettext("No picture"));
        self.fault.set_description(Some(&escaped(&fault.to_string())));
        self.stack.set_visible_child(&self.fault);
    }

    fn show_report(&self, report: &ProbeReport) {
        for row in self.rows.take() {
            self.facts.remove(&row);
        }
        for (title, words) in facts::of(report) {
            let row = adw::ActionRow::builder().title(title).subtitle(words).use_markup(false).build();
            row.add_css_class("property");
            row.set_subtitle_selectable(true);
            self.facts.add(&row);
            self.rows.borrow_mut().push(row);
        }
        let advice = facts::advice(report);
        self.advice.set_visible(!advice.is_empty());
        self.advised.set_label(&advice);
        if let Some(shown) = self.facts.ancestor(adw::PreferencesPage::static_type()) {
            self.stack.set_visible_child(&shown);
        }
    }

    fn hang_up_when_left(self: &Rc<Self>) {
        let page = Rc::downgrade(self);
        self.page.connect_hidden(move |_| {
            if let Some(page) = page.upgrade() {
                page.look.take();
            }
        });
    }
}

fn waiting_page() -> adw::StatusPage {
    let spinner = gtk::Spinner::builder().spinning(true).width_request(48).height_request(48).build();
    spinner.set_halign(gtk::Align::Center);
    adw::StatusPage::builder()
        .title(gettext("Looking…"))
        .description(gettext("This takes some seconds. Go back to stop it."))
        .child(&spinner)
        .build()
}

fn again_button() -> gtk::Button {
    let button = gtk::Button::builder().label(gettext("_Try Again")).use_underline(true).build();
    button.set_halign(gtk::Align::Center);
    button.add_css_class("pill");
    button
}

/// A status page reads markup.
fn escaped(text: &str) -> String {
    gtk::glib::markup_escape_text(text).into()
}
