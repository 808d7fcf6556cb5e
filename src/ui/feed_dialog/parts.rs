//! All parts of the dialog: the first group, and the pages below it.

use std::rc::Rc;

use adw::prelude::*;

use super::{
    audio::AudioPage,
    connection::ConnectionPage,
    device::DevicePage,
    look::LookPage,
    picture::PicturePage,
    rows::{Changed, mark},
    source::SourceRows,
    test_picture::TestPage,
    viewers::ViewersPage,
};
use crate::{
    config::Profile,
    ui::model::{Entered, Field, SourceKind},
};

/// What the dialog is made of.
pub(super) struct Parts {
    pub(super) source: SourceRows,
    pub(super) look: Rc<LookPage>,
    pub(super) viewers: ViewersPage,
    pub(super) connection: ConnectionPage,
    device: Rc<DevicePage>,
    test: TestPage,
    picture: PicturePage,
    audio: Rc<AudioPage>,
}

impl Parts {
    pub(super) fn new(changed: &Changed, apply: impl Fn(&'static Profile) + Clone + 'static) -> Self {
        Self {
            source: SourceRows::new(changed),
            look: LookPage::new(),
            viewers: ViewersPage::new(changed, apply),
            connection: ConnectionPage::new(changed),
            device: DevicePage::new(changed),
            test: TestPage::new(changed),
            picture: PicturePage::new(changed),
            audio: AudioPage::new(changed),
        }
    }

    /// Puts everything in its place.
    pub(super) fn place(
        &self,
        first: &adw::PreferencesGroup,
        more: &adw::PreferencesGroup,
        pages: &adw::NavigationView,
    ) {
        self.source.add_to(first, &self.device.device.row);
        let links = [
            &self.look.link,
            &self.connection.link,
            &self.device.link,
            &self.test.link,
            &self.picture.link,
            &self.audio.link,
            &self.viewers.link,
        ];
        for link in links {
            more.add(link);
        }
        let below = [
            &self.look.page,
            &self.connection.page,
            &self.device.page,
            &self.test.page,
            &self.picture.page,
            &self.audio.page,
            &self.viewers.page,
            &self.viewers.profiles,
        ];
        for page in below {
            pages.add(page);
        }
    }

    /// Everything as it stands in the fields. What no field shows is taken from `entered`.
    pub(super) fn read(&self, mut entered: Entered) -> Entered {
        self.source.read(&mut entered);
        self.connection.read(&mut entered);
        self.device.read(&mut entered);
        self.test.read(&mut entered);
        self.picture.read(&mut entered);
        self.audio.read(&mut entered);
        self.viewers.read(&mut entered);
        entered
    }

    pub(super) fn show(&self, entered: &Entered) {
        self.source.show(entered);
        self.connection.show(entered);
        self.device.show(entered);
        self.test.show(entered);
        self.picture.show(entered);
        self.audio.show(entered);
        self.viewers.show(entered);
    }

    /// Shows what belongs to the source, and says in a few words what is set below.
    pub(super) fn summarise(&self, entered: &Entered, can_look: bool) {
        self.source.show_kind(entered.kind);
        self.look.summarise(entered, can_look);
        self.connection.summarise(entered);
        self.device.summarise(entered);
        self.test.summarise(entered);
        self.picture.summarise(entered);
        self.audio.summarise(entered);
        self.viewers.summarise(entered);
    }

    /// Asks the system for its cameras, where they are needed.
    pub(super) fn find_devices(&self, kind: SourceKind, changed: &Changed) {
        if kind == SourceKind::Device {
            self.device.find(changed);
        }
    }

    /// Asks the system for its sound devices.
    pub(super) fn find_sounds(&self, changed: &Changed) {
        self.audio.find(changed);
    }

    /// Marks the fields that cannot stay, and the rows that lead to them.
    pub(super) fn mark(&self, wrong: &[Field]) {
        let is_wrong = |field| wrong.contains(&field);
        mark(&self.source.name, is_wrong(Field::Name));
        mark(&self.source.address, is_wrong(Field::Address));
        mark(&self.source.user, is_wrong(Field::User));
        mark(&self.device.device.row, is_wrong(Field::Device));
        mark(&self.source.file.row, is_wrong(Field::File));
        self.connection.mark(is_wrong);
        mark(&self.test.size, is_wrong(Field::TestSize));
        mark(&self.test.link, is_wrong(Field::TestSize));
        mark(&self.picture.size, is_wrong(Field::PictureSize));
        mark(&self.picture.link, is_wrong(Field::PictureSize));
        mark(&self.viewers.properties, is_wrong(Field::Properties));
        mark(&self.viewers.link, is_wrong(Field::Properties));
    }
}
