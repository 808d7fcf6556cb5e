//! What most people need first: which source, its name, and how it is found.

use std::{cell::RefCell, path::PathBuf, rc::Rc};

use adw::prelude::*;
use gtk::{
    gio,
    glib::{self, clone},
};

use super::rows::{Changed, Choice, entry};
use crate::{
    config::{Password, TestPattern},
    i18n::gettext,
    ui::model::{Entered, SourceKind},
};

/// The rows of the first group.
pub(super) struct SourceRows {
    pub(super) kind: Choice<SourceKind>,
    pub(super) name: adw::EntryRow,
    pub(super) address: adw::EntryRow,
    pub(super) user: adw::EntryRow,
    pub(super) password: adw::PasswordEntryRow,
    pub(super) file: FileRow,
    pub(super) pattern: Choice<TestPattern>,
}

impl SourceRows {
    pub(super) fn new(changed: &Changed) -> Self {
        let kinds = SourceKind::ALL.iter().map(|kind| (*kind, kind.words()));
        let address = entry(&address_words(), changed);
        address.set_input_purpose(gtk::InputPurpose::Url);
        let password = adw::PasswordEntryRow::builder().title(password_words()).activates_default(true).build();
        let tell = changed.clone();
        password.connect_changed(move |_| tell.tell());
        let patterns = TestPattern::ALL.iter().map(|pattern| (*pattern, pattern_words(*pattern)));
        let rows = Self {
            kind: Choice::new(&gettext("Source"), kinds, changed),
            name: entry(&gettext("Name"), changed),
            address,
            user: entry(&gettext("User, if the camera asks for one"), changed),
            password,
            file: FileRow::new(changed),
            pattern: Choice::new(&gettext("Shows"), patterns, changed),
        };
        // Enter confirms from here; on the pages below, the button is out of sight.
        for row in [&rows.name, &rows.address, &rows.user] {
            row.set_activates_default(true);
        }
        // Below its title, where there is room for the whole name.
        rows.kind.show_below_title();
        rows.split_pasted_passwords();
        rows
    }

    /// In the order in which they are shown. `device` is the row for a camera on this computer.
    pub(super) fn add_to(&self, group: &adw::PreferencesGroup, device: &adw::ComboRow) {
        group.add(&self.kind.row);
        group.add(&self.name);
        group.add(&self.address);
        group.add(&self.user);
        group.add(&self.password);
        group.add(device);
        group.add(&self.file.row);
        group.add(&self.pattern.row);
    }

    pub(super) fn read(&self, entered: &mut Entered) {
        entered.kind = self.kind.get().unwrap_or_default();
        entered.name = self.name.text().into();
        entered.camera.address = self.address.text().into();
        entered.camera.user = self.user.text().into();
        entered.camera.password = Password::new(self.password.text());
        entered.file = self.file.get();
        entered.test.pattern = self.pattern.get().unwrap_or_default();
    }

    pub(super) fn show(&self, entered: &Entered) {
        self.kind.set(&entered.kind);
        self.name.set_text(&entered.name);
        self.address.set_text(&entered.camera.address);
        self.user.set_text(&entered.camera.user);
        self.file.set(entered.file.clone());
        self.pattern.set(&entered.test.pattern);
    }

    /// Shows the rows of the chosen kind only.
    pub(super) fn show_kind(&self, kind: SourceKind) {
        let (is_camera, is_relay) = (kind == SourceKind::Rtsp, kind == SourceKind::Received);
        self.address.set_visible(is_camera || is_relay);
        self.user.set_visible(is_camera);
        self.password.set_visible(is_camera || is_relay);
        self.address.set_title(&if is_relay { relay_words() } else { address_words() });
        self.password.set_title(&if is_relay { token_words() } else { password_words() });
        self.file.row.set_visible(kind == SourceKind::File);
        self.pattern.row.set_visible(kind == SourceKind::Test);
    }

    /// A password pasted within the address goes where passwords belong.
    fn split_pasted_passwords(&self) {
        let (user, password) = (&self.user, &self.password);
        self.address.connect_changed(clone!(
            #[weak]
            user,
            #[weak]
            password,
            move |row| {
                if let Some((address, credentials)) = Entered::split_address(&row.text()) {
                    user.set_text(&credentials.user);
                    password.set_text(credentials.password.expose());
                    row.set_text(&address);
                    row.set_position(-1);
                }
            }
        ));
    }
}

fn address_words() -> String {
    gettext("Address, such as rtsp://192.168.1.20/stream1")
}

fn relay_words() -> String {
    gettext("Relay, such as ws://robot:8765")
}

fn password_words() -> String {
    gettext("Password, kept in your keyring")
}

fn token_words() -> String {
    gettext("Token, if the relay asks for one")
}

fn pattern_words(pattern: TestPattern) -> String {
    match pattern {
        TestPattern::Bars => gettext("Colour bars"),
        TestPattern::Ball => gettext("A moving ball"),
        TestPattern::Snow => gettext("Noise, hard for any encoder"),
        TestPattern::Flash => gettext("A flash and a beep each second"),
    }
}

/// A row for a file, chosen through the desktop's own dialog.
pub(super) struct FileRow {
    pub(super) row: adw::ActionRow,
    path: Rc<RefCell<Option<PathBuf>>>,
}

impl FileRow {
    fn new(changed: &Changed) -> Self {
        let button = gtk::Button::builder().label(gettext("_Choose…")).use_underline(true).valign(gtk::Align::Center);
        let button = button.build();
        let row =
            adw::ActionRow::builder().title(gettext("File")).activatable_widget(&button).use_markup(false).build();
        row.add_suffix(&button);
        let path = Rc::default();
        let row = Self { row, path };
        row.set(None);
        row.choose_with(&button, changed.clone());
        row
    }

    pub(super) fn get(&self) -> Option<PathBuf> {
        self.path.borrow().clone()
    }

    pub(super) fn set(&self, path: Option<PathBuf>) {
        show_path(&self.row, &self.path, path);
    }

    fn choose_with(&self, button: &gtk::Button, changed: Changed) {
        let (row, path) = (&self.row, self.path.clone());
        button.connect_clicked(clone!(
            #[weak]
            row,
            move |button| {
                let window = button.root().and_downcast::<gtk::Window>();
                let dialog = gtk::FileDialog::builder().title(gettext("Choose a File")).filters(&filters()).build();
                let (path, changed) = (path.clone(), changed.clone());
                glib::spawn_future_local(clone!(
                    #[weak]
                    row,
                    async move {
                        // An error is the operator's “Cancel”, or a desktop without a dialog.
                        if let Ok(file) = dialog.open_future(window.as_ref()).await
                            && let Some(chosen) = file.path()
                        {
                            show_path(&row, &path, Some(chosen));
                            changed.tell();
                        }
                    }
                ));
            }
        ));
    }
}

fn show_path(row: &adw::ActionRow, kept: &RefCell<Option<PathBuf>>, path: Option<PathBuf>) {
    let words = match &path {
        Some(path) => path.display().to_string(),
        None => gettext("None chosen. It is played over and over."),
    };
    row.set_subtitle(&words);
    kept.replace(path);
}

fn filters() -> gio::ListStore {
    let videos = gtk::FileFilter::new();
    videos.set_name(Some(&gettext("Videos")));
    videos.add_mime_type("video/*");
    let all = gtk::FileFilter::new();
    all.set_name(Some(&gettext("All files")));
    all.add_pattern("*");
    [videos, all].into_iter().collect()
}
