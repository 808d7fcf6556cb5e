//! A window with a desk of its own: own settings, own port, no keyring.

use std::{cell::RefCell, path::PathBuf, rc::Rc};

use gtk::{gio, prelude::*};
use heliograph::{
    config::{KeyringStore, Secrets, ServerConfig},
    connector::{
        local::{LocalServer, LocalSettings, Serves},
        webrtcsink,
    },
    media,
    ui::{FeedDialog, Window, model::Desk, register_resources},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support;

/// Settings without a feed, and a port that is free.
const NO_FEEDS: &str = "version = 1\n[server]\nlisten = \"127.0.0.1:0\"\n";
/// Width and height of the window, in pixels.
const USUAL_SIZE: (i32, i32) = (1200, 760);

/// What most tests of the window need.
pub struct Rig {
    pub window: Window,
    pub desk: Desk,
    /// Titles of the notices so far.
    pub notices: Rc<RefCell<Vec<String>>>,
    home: TempDir,
    runtime: Background,
}

/// A runtime that nobody waits for, lest a failed test waits for ever.
struct Background(Option<Runtime>);

impl Background {
    fn end(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let is_ended = self.0.is_none();
        self.end();
        assert!(is_ended || std::thread::panicking(), "feeds should end before their runtime: call Rig::end");
    }
}

impl Rig {
    /// A window on no feeds.
    pub fn new() -> Self {
        Self::with_settings(NO_FEEDS)
    }

    /// A window of this size, in pixels, on no feeds.
    pub fn sized(size: (i32, i32)) -> Self {
        Self::at(home(NO_FEEDS), size)
    }

    /// A window on what this settings file says.
    pub fn with_settings(text: &str) -> Self {
        Self::at(home(text), USUAL_SIZE)
    }

    /// A window of this size, in pixels, on what this settings file says.
    pub fn with_settings_and_size(text: &str, size: (i32, i32)) -> Self {
        Self::at(home(text), size)
    }

    /// A signalling server that lets everybody in, for as long as this is kept.
    pub fn relay(&self, listen: &str) -> LocalServer {
        let config = ServerConfig { listen: listen.parse().unwrap(), ..ServerConfig::default() };
        let serves = Serves::Everybody { without_token: true };
        let settings = LocalSettings { serves, ..LocalSettings::from(&config) };
        let runtime = self.runtime.0.as_ref().unwrap();
        runtime.block_on(webrtcsink::serve_relay(settings)).unwrap()
    }

    fn at(home: TempDir, size: (i32, i32)) -> Self {
        support::start();
        media::init().unwrap();
        register_resources();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = Runtime::new().unwrap();
        let secrets = Secrets::new(KeyringStore::without_prompts());
        let desk = Desk::open_with(runtime.handle(), Some(home.path().join("heliograph.toml")), secrets);
        let notices = Rc::new(RefCell::new(Vec::new()));
        let kept = notices.clone();
        desk.connect_notice(move |title, _| kept.borrow_mut().push(title.to_owned()));
        let window = Window::new(&application(), &desk);
        window.set_default_size(size.0, size.1);
        window.present();
        support::until("the window is shown", || window.is_mapped() && window.width() > 0);
        Self { window, desk, notices, home, runtime: Background(Some(runtime)) }
    }

    /// The window closed and opened again, as by the next start of the program.
    pub fn restarted(self) -> Self {
        let home = self.end();
        Self::at(home, USUAL_SIZE)
    }

    /// Ends everything in the order of the program, and leaves the settings.
    pub fn end(self) -> TempDir {
        let Self { window, desk, home, mut runtime, .. } = self;
        window.destroy();
        let ended = Rc::new(RefCell::new(false));
        let told = ended.clone();
        gtk::glib::spawn_future_local(async move {
            desk.shut().await;
            told.replace(true);
        });
        support::until("the end of all feeds", || *ended.borrow());
        runtime.end();
        home
    }

    /// Does something on the runtime, beside the window.
    pub fn on_runtime(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.0.as_ref().unwrap().spawn(work);
    }

    /// The settings file.
    pub fn settings(&self) -> PathBuf {
        self.home.path().join("heliograph.toml")
    }

    /// What the settings file says.
    pub fn saved(&self) -> String {
        std::fs::read_to_string(self.settings()).unwrap()
    }

    /// Does what a menu or key would do.
    pub fn act(&self, action: &str) {
        gtk::prelude::WidgetExt::activate_action(&self.window, action, None).unwrap();
        support::settle();
    }

    /// The dialog that is open for a feed.
    pub fn dialog(&self) -> FeedDialog {
        let dialog = || adw::prelude::AdwApplicationWindowExt::visible_dialog(&self.window);
        support::until("a dialog", || dialog().is_some());
        dialog().and_downcast().expect("the dialog should be that for a feed")
    }
}

/// A folder with this settings file.
fn home(settings: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("heliograph.toml"), settings).unwrap();
    home
}

/// The application of all windows: a process has one on its bus.
fn application() -> adw::Application {
    thread_local! {
        static APPLICATION: adw::Application = {
            let application = adw::Application::builder()
                .flags(gio::ApplicationFlags::NON_UNIQUE)
                .resource_base_path("/org/heliograph/Heliograph")
                .build();
            application.register(gio::Cancellable::NONE).unwrap();
            application
        };
    }
    APPLICATION.with(Clone::clone)
}

/// Every widget of a kind at or below this one, whether it can be seen or not.
pub fn all<W: IsA<gtk::Widget>>(root: &impl IsA<gtk::Widget>) -> Vec<W> {
    let root = root.upcast_ref::<gtk::Widget>();
    let mut found: Vec<W> = root.downcast_ref::<W>().cloned().into_iter().collect();
    let mut child = root.first_child();
    while let Some(widget) = child {
        found.extend(all::<W>(&widget));
        child = widget.next_sibling();
    }
    found
}

/// The field with this title.
pub fn field(root: &impl IsA<gtk::Widget>, title: &str) -> adw::EntryRow {
    use adw::prelude::PreferencesRowExt;
    let mut fields = all::<adw::EntryRow>(root).into_iter();
    fields.find(|row| row.title().starts_with(title)).unwrap_or_else(|| panic!("a field “{title}”"))
}

/// The button with these words on it.
pub fn button(root: &impl IsA<gtk::Widget>, label: &str) -> gtk::Button {
    let has_label = |button: &gtk::Button| button.label().is_some_and(|text| text.replace('_', "") == label);
    all::<gtk::Button>(root).into_iter().find(has_label).unwrap_or_else(|| panic!("a button “{label}”"))
}

/// Whether some label that can be seen holds this text.
pub fn says(root: &impl IsA<gtk::Widget>, text: &str) -> bool {
    all::<gtk::Label>(root).iter().any(|label| label.is_mapped() && label.label().replace('\u{a0}', " ").contains(text))
}
