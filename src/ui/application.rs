//! The application: one per desktop session, with or without its window.

use std::{
    cell::{Cell, OnceCell},
    path::PathBuf,
    time::Duration,
};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    gio,
    glib::{self, Object, clone},
};
use tokio::runtime::Handle;

use super::{APP_ID, Window, about, action::Action, model::Desk};
use crate::signals;

/// How often figures on the screen are brought up to date: all in the same turn of the loop.
const TICK: Duration = Duration::from_secs(1);
/// How long the feeds may take to end before the program does.
const PATIENCE: Duration = Duration::from_millis(1900);

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct Application {
        pub(super) runtime: OnceCell<Handle>,
        pub(super) config: OnceCell<Option<PathBuf>>,
        pub(super) desk: OnceCell<Desk>,
        pub(super) is_ending: Cell<bool>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Application {
        const NAME: &'static str = "HlgApplication";
        type Type = super::Application;
        type ParentType = adw::Application;
    }

    impl ObjectImpl for Application {}

    impl ApplicationImpl for Application {
        fn startup(&self) {
            self.parent_startup();
            gtk::Window::set_default_icon_name(APP_ID);
            self.obj().add_actions();
            self.obj().start_tick();
            self.obj().end_on_signals();
        }

        fn activate(&self) {
            self.parent_activate();
            self.obj().show_window();
        }
    }

    impl GtkApplicationImpl for Application {}
    impl AdwApplicationImpl for Application {}
}

glib::wrapper! {
    /// The application: owner of the desk, of the tick and of the way out.
    pub struct Application(ObjectSubclass<imp::Application>)
        @extends adw::Application, gtk::Application, gio::Application,
        @implements gio::ActionGroup, gio::ActionMap;
}

impl Application {
    /// An application that works on this runtime, with the settings at `config`,
    /// or at their usual place.
    pub fn new(runtime: &Handle, config: Option<PathBuf>) -> Self {
        let application: Self = Object::builder()
            .property("application-id", APP_ID)
            .property("resource-base-path", "/org/heliograph/Heliograph")
            .build();
        let imp = application.imp();
        imp.runtime.set(runtime.clone()).expect("a new application should have no runtime yet");
        imp.config.set(config).expect("a new application should have no settings yet");
        application
    }

    /// What the window works on; opened when it is first asked for.
    pub fn desk(&self) -> &Desk {
        let imp = self.imp();
        imp.desk.get_or_init(|| Desk::open(self.runtime(), imp.config.get().cloned().flatten()))
    }

    fn runtime(&self) -> &Handle {
        self.imp().runtime.get().expect("an application should have a runtime from the start")
    }

    fn show_window(&self) {
        if self.imp().is_ending.get() {
            return;
        }
        let window = self.active_window().unwrap_or_else(|| Window::new(self, self.desk()).upcast());
        window.present();
    }

    fn add_actions(&self) {
        let quit = gio::ActionEntry::builder("quit").activate(|app: &Self, _, _| app.end()).build();
        let about = gio::ActionEntry::builder("about")
            .activate(|app: &Self, _, _| about::present(app.active_window().as_ref()))
            .build();
        self.add_action_entries([quit, about]);
        self.set_accels_for_action("app.quit", &["<Control>q"]);
        Action::bind_keys(self);
    }

    fn start_tick(&self) {
        glib::timeout_add_local(
            TICK,
            clone!(
                #[weak(rename_to = app)]
                self,
                #[upgrade_or]
                glib::ControlFlow::Break,
                move || {
                    app.tick();
                    glib::ControlFlow::Continue
                }
            ),
        );
    }

    fn tick(&self) {
        if let Some(desk) = self.imp().desk.get() {
            desk.tick();
        }
        for window in self.windows().iter().filter_map(|window| window.downcast_ref::<Window>()) {
            window.tick();
        }
    }

    fn end_on_signals(&self) {
        let asked = self.runtime().spawn(signals::asked_to_end());
        let app = self.downgrade();
        glib::spawn_future_local(async move {
            if asked.await.is_ok()
                && let Some(app) = app.upgrade()
            {
                app.end();
            }
        });
    }

    /// Ends the program: first what is to be seen, then the feeds, then the loop.
    ///
    /// The loop has to run until the feeds have ended: a preview's sink belongs to it.
    pub fn end(&self) {
        if self.imp().is_ending.replace(true) {
            return;
        }
        let stays = self.hold();
        for window in self.windows() {
            window.destroy();
        }
        glib::spawn_future_local(clone!(
            #[strong(rename_to = app)]
            self,
            async move {
                if let Some(desk) = app.imp().desk.get()
                    && glib::future_with_timeout(PATIENCE, desk.shut()).await.is_err()
                {
                    tracing::warn!("Not everything ended in time; leaving it behind.");
                }
                drop(stays);
                app.quit();
            }
        ));
    }
}
