//! The operator's place of work: the station, its feeds and the settings file.

mod changes;
mod check_up;
mod connectors;
mod errands;
mod events;
mod feeds;
mod look;
mod remote;
mod repeats;
mod server;
mod settings;
mod sharing;
mod watch;

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Instant,
};

use gtk::{
    gio,
    glib::{self, Object, Properties, subclass::Signal},
    prelude::*,
    subclass::prelude::*,
};
use tokio::runtime::Handle;

use self::{errands::Errands, repeats::Repeats, server::Doors, settings::SettingsKeeper};
use super::FeedObject;
use crate::{
    config::{Config, ConnectorId, FeedConfig, FeedId, KeyringStore, Password, Secrets, WatchConfig, file::Loaded},
    connector::ConnectorState,
    control::ControlState,
    mqtt::LinkState,
    station::{Station, remote::Post, watch::Watch},
};

pub use connectors::RemovedConnector;
pub use feeds::Removed;
pub use watch::RemovedWatch;

mod imp {
    use super::*;

    #[derive(Properties)]
    #[properties(wrapper_type = super::Desk)]
    pub struct Desk {
        /// All feeds, in the order of the settings file.
        #[property(get)]
        pub(super) feeds: gio::ListStore,
        /// Feeds of other programs, in the order in which they came.
        #[property(get)]
        pub(super) remote_feeds: gio::ListStore,
        /// Where viewers find the feeds; empty while the server is closed.
        #[property(get, set)]
        pub(super) viewer_url: RefCell<String>,
        /// Why viewers cannot connect; empty while they can.
        #[property(get, set)]
        pub(super) server_fault: RefCell<String>,
        /// What is wrong with the settings file, for "Details"; empty without trouble.
        #[property(get, set)]
        pub(super) settings_remarks: RefCell<String>,
        /// Whether changes can be saved; otherwise they are for this run only.
        #[property(get, set)]
        pub(super) saves: Cell<bool>,
        /// Whether what a sender has beside a received feed is added.
        pub(super) gathers: Cell<bool>,
        pub(super) parts: OnceCell<Parts>,
        pub(super) config: RefCell<Config>,
        /// Removed feeds whose passwords are kept while Undo is offered.
        pub(super) leaving: RefCell<Vec<FeedConfig>>,
        pub(super) doors: RefCell<Option<Doors>>,
        pub(super) post: RefCell<Option<Post>>,
        pub(super) watch: RefCell<Option<Watch>>,
        pub(super) repeats: RefCell<Repeats>,
        /// How feeds are at connectors, and since when.
        pub(super) at_connectors: RefCell<BTreeMap<(ConnectorId, FeedId), (ConnectorState, Instant)>>,
        /// How it is at the brokers that are watched, and since when.
        pub(super) at_brokers: RefCell<Vec<(WatchConfig, LinkState, Instant)>>,
        /// Secrets of connectors and brokers that can still come back.
        pub(super) leaving_secrets: RefCell<Vec<FeedId>>,
        /// How bitrate is shared out.
        pub(super) control: RefCell<ControlState>,
        /// The feed that is looked at.
        pub(super) looked_at: RefCell<Option<FeedId>>,
        /// How often each feed is still to be told to be gone because the desk had it removed.
        pub(super) removals: RefCell<HashMap<FeedId, usize>>,
    }

    impl Default for Desk {
        fn default() -> Self {
            Self {
                feeds: gio::ListStore::new::<FeedObject>(),
                remote_feeds: gio::ListStore::new::<FeedObject>(),
                viewer_url: RefCell::default(),
                server_fault: RefCell::default(),
                settings_remarks: RefCell::default(),
                saves: Cell::new(true),
                gathers: Cell::default(),
                parts: OnceCell::new(),
                config: RefCell::default(),
                leaving: RefCell::default(),
                doors: RefCell::default(),
                post: RefCell::default(),
                watch: RefCell::default(),
                repeats: RefCell::default(),
                at_connectors: RefCell::default(),
                at_brokers: RefCell::default(),
                leaving_secrets: RefCell::default(),
                control: RefCell::default(),
                looked_at: RefCell::default(),
                removals: RefCell::default(),
            }
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Desk {
        const NAME: &'static str = "HlgDesk";
        type Type = super::Desk;
    }

    #[glib::derived_properties]
    impl ObjectImpl for Desk {
        fn signals() -> &'static [Signal] {
            static SIGNALS: OnceLock<Vec<Signal>> = OnceLock::new();
            SIGNALS.get_or_init(|| {
                let texts = [String::static_type(), String::static_type()];
                let mut signals: Vec<_> =
                    ["notice", "saved"].map(|name| Signal::builder(name).param_types(texts).build()).into();
                signals.extend(["shared", "elsewhere"].map(|name| Signal::builder(name).build()));
                signals
            })
        }
    }
}

/// What does the work, made once.
struct Parts {
    runtime: Handle,
    station: Arc<Station>,
    errands: Errands,
    /// The settings file that was named, if one was.
    settings: Option<PathBuf>,
    /// None where the settings cannot be saved.
    keeper: Option<SettingsKeeper>,
}

glib::wrapper! {
    /// The operator's place of work.
    ///
    /// Signal `notice(title, details)`: something happened that the operator
    /// should know once; `details` may be empty.
    /// Signal `saved(title, path)`: a file of a feed is complete.
    /// Signal `shared`: bitrate is shared out otherwise.
    /// Signal `elsewhere`: it is otherwise at connectors or at brokers that are watched.
    pub struct Desk(ObjectSubclass<imp::Desk>);
}

impl Desk {
    /// Loads the settings and starts what they ask for. Where `path` is none,
    /// the settings are where the XDG rules put them.
    pub fn open(runtime: &Handle, path: Option<PathBuf>) -> Self {
        Self::open_with(runtime, path, Secrets::new(KeyringStore::with_prompts()))
    }

    /// As [`Self::open`], with these secrets.
    pub fn open_with(runtime: &Handle, path: Option<PathBuf>, secrets: Secrets) -> Self {
        let desk: Self = Object::new();
        let (loaded, keeper) = settings::load(runtime, path.clone());
        let station = Arc::new(Station::new(runtime.clone(), secrets));
        station.log_events();
        let errands = Errands::new(runtime, station.engine.clone());
        let parts = Parts { runtime: runtime.clone(), station, errands, settings: path, keeper };
        assert!(desk.imp().parts.set(parts).is_ok(), "the parts of a desk should be made once");
        desk.follow_engine();
        desk.take_settings(loaded);
        desk.open_doors();
        desk.open_post();
        desk.open_watch();
        desk
    }

    /// A desk with these feeds for this run: without a settings file, a server or messages.
    pub fn of_feeds(runtime: &Handle, feeds: Vec<(FeedConfig, Option<Password>)>) -> Self {
        let desk: Self = Object::new();
        let station = Arc::new(Station::new(runtime.clone(), Secrets::new(KeyringStore::without_prompts())));
        station.log_events();
        let errands = Errands::new(runtime, station.engine.clone());
        for (feed, password) in &feeds {
            if let Some(password) = password {
                station.secrets.keep_for_this_run(&feed.id, password);
            }
        }
        let parts = Parts { runtime: runtime.clone(), station, errands, settings: None, keeper: None };
        assert!(desk.imp().parts.set(parts).is_ok(), "the parts of a desk should be made once");
        desk.set_saves(false);
        desk.follow_engine();
        let feeds = feeds.into_iter().map(|(feed, _)| feed).collect();
        desk.take_settings(Ok(Loaded { config: Config { feeds, ..Config::default() }, ..Loaded::default() }));
        desk
    }

    /// Ends all feeds and closes the server; settles what is still to be saved or forgotten.
    pub async fn shut(&self) {
        futures::join!(
            self.end_feeds(),
            self.shut_doors(),
            self.shut_post(),
            self.shut_watch(),
            self.forget_leaving(),
            self.forget_leaving_secrets()
        );
    }

    async fn end_feeds(&self) {
        let parts = self.parts();
        parts.errands.finish().await;
        if let Some(keeper) = &parts.keeper {
            keeper.finish().await;
        }
        let engine = self.engine();
        let _ = parts.runtime.spawn(async move { engine.shutdown().await }).await;
    }

    /// A second has passed.
    pub fn tick(&self) {
        for feed in [self.feeds(), self.remote_feeds()].iter().flat_map(all) {
            feed.tick();
        }
        self.tick_elsewhere();
    }

    /// All feeds that are shown: ours, then those of others.
    pub fn listed(&self) -> gio::ListModel {
        let both = gio::ListStore::new::<gio::ListModel>();
        both.append(&self.feeds());
        both.append(&self.remote_feeds());
        gtk::FlattenListModel::new(Some(both)).upcast()
    }

    /// Calls back for every notice: its title and its details.
    pub fn connect_notice(&self, show: impl Fn(&str, &str) + 'static) -> glib::SignalHandlerId {
        self.connect_closure(
            "notice",
            false,
            glib::closure_local!(move |_: Self, title: &str, details: &str| show(title, details)),
        )
    }

    /// Calls back for every file of a feed that is complete: a title, and where it is.
    pub fn connect_saved(&self, show: impl Fn(&str, &str) + 'static) -> glib::SignalHandlerId {
        self.connect_closure(
            "saved",
            false,
            glib::closure_local!(move |_: Self, title: &str, path: &str| show(title, path)),
        )
    }

    /// The engine's handle, for previews.
    pub fn engine(&self) -> crate::engine::Engine {
        self.parts().station.engine.clone()
    }

    /// Tells the operator once; `details` may be empty.
    pub(in crate::ui) fn notice(&self, title: &str, details: &str) {
        tracing::warn!("{title} {details}");
        self.emit_by_name::<()>("notice", &[&title, &details]);
    }

    fn parts(&self) -> &Parts {
        self.imp().parts.get().expect("a desk should have its parts from the start")
    }

    fn all_feeds(&self) -> Vec<FeedObject> {
        all(&self.feeds()).collect()
    }

    fn feed(&self, id: &FeedId) -> Option<FeedObject> {
        self.all_feeds().into_iter().find(|feed| feed.id() == *id)
    }

    /// Runs work of the runtime and hands its result to the desk, if that is still there.
    fn then<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        take: impl FnOnce(&Self, T) + 'static,
    ) {
        let work = self.parts().runtime.spawn(work);
        let desk = self.downgrade();
        glib::spawn_future_local(async move {
            if let Ok(result) = work.await
                && let Some(desk) = desk.upgrade()
            {
                take(&desk, result);
            }
        });
    }
}

fn all(feeds: &gio::ListStore) -> impl Iterator<Item = FeedObject> {
    let feeds: Vec<FeedObject> = feeds.iter().filter_map(Result::ok).collect();
    feeds.into_iter()
}
