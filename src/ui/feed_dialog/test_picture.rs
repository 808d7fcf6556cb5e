//! How large and how fast a test picture is.

use adw::prelude::*;

use super::rows::{Changed, entry, group, link, number, page, value};
use crate::{
    config::DeviceConfig,
    i18n::{gettext, gettext_f},
    ui::model::{Entered, SourceKind},
};

/// The page, and the row that leads to it.
pub(super) struct TestPage {
    pub(super) page: adw::NavigationPage,
    pub(super) link: adw::ActionRow,
    pub(super) size: adw::EntryRow,
    framerate: adw::SpinRow,
}

impl TestPage {
    pub(super) fn new(changed: &Changed) -> Self {
        let size = entry(&gettext("Size, such as 1280x720"), changed);
        let framerate = number(&gettext("Frames per second"), &DeviceConfig::FRAMERATE, 1, changed);
        let title = gettext("Test Picture");
        let page = page(&title, "test-picture", &[&group("", &[size.upcast_ref(), framerate.upcast_ref()])]);
        let link = link(&title, "test-picture");
        Self { page, link, size, framerate }
    }

    pub(super) fn read(&self, entered: &mut Entered) {
        entered.test.size = self.size.text().into();
        entered.test.framerate = value(&self.framerate);
    }

    pub(super) fn show(&self, entered: &Entered) {
        self.size.set_text(&entered.test.size);
        self.framerate.set_value(entered.test.framerate.into());
    }

    /// What is set, in a few words.
    pub(super) fn summarise(&self, entered: &Entered) {
        self.link.set_visible(entered.kind == SourceKind::Test);
        let rate = gettext_f("{rate} fps", &[("rate", &entered.test.framerate.to_string())]);
        self.link.set_subtitle(&format!("{}, {rate}", entered.test.size.trim().replace('x', "×")));
    }
}
