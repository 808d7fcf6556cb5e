//! A Heliograph at work: what the window and the headless program both start.
//!
//! It joins the rooms below: the hub and its server for viewers, the secrets,
//! and the engine that owns the feeds.

mod certificates;
pub mod remote;
mod report;
pub mod settings_watch;
pub mod watch;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::runtime::Handle;

use crate::{
    config::{
        Config, ConnectorConfig, ConnectorId, ConnectorSettings, FeedId, IceServers, MqttConfig, PasswordSource,
        Secrets, ServerConfig,
    },
    connector::{
        self,
        hub::{Hub, HubConnector},
        local::{LocalServer, LocalSettings, Metrics, ServerError},
    },
    engine::{Engine, EngineError, FeedSnapshot},
    mqtt::BrokerError,
    stats::prometheus::{self, FeedFigures},
};
use remote::Post;
use watch::Watch;

/// How often a port that is taken is tried again.
pub const LISTEN_AGAIN: Duration = Duration::from_secs(2);

/// The engine and the place where viewers find its feeds.
pub struct Station {
    /// The feeds.
    pub engine: Engine,
    /// The passwords.
    pub secrets: Arc<Secrets>,
    hub: Arc<Hub>,
    local: Arc<HubConnector>,
    connectors: Arc<Mutex<BTreeMap<ConnectorId, ConnectorConfig>>>,
    runtime: Handle,
}

impl Station {
    /// A station without feeds and without a server.
    pub fn new(runtime: Handle, secrets: Secrets) -> Self {
        let (hub, secrets) = (Hub::new(), Arc::new(secrets));
        let local = Arc::new(HubConnector::new(hub.clone()));
        let engine = Engine::new(runtime.clone(), secrets.clone());
        engine.set_connector(ConnectorId::local(), local.clone());
        Self { engine, secrets, hub, local, connectors: Arc::default(), runtime }
    }

    /// Takes what concerns all feeds.
    pub fn configure(&self, config: &Config) {
        self.local.set_transport(config.server.transport.clone());
        self.engine.configure(&config.encoders);
        self.engine.configure_recording(&config.recording);
        self.reconfigure(config);
    }

    /// Takes what of that can change while feeds run.
    pub fn reconfigure(&self, config: &Config) {
        self.engine.configure_statistics(&config.statistics);
        self.engine.configure_control(config.control).expect("a budget of the settings should have been checked");
        self.connect(&config.connectors);
    }

    /// Has these connectors, beside the page of this program, from now on. One whose settings are as they
    /// were goes on undisturbed.
    pub fn connect(&self, wanted: &[ConnectorConfig]) {
        let wanted = wanted.iter().filter(|connector| connector.enabled);
        let wanted: BTreeMap<_, _> = wanted.map(|connector| (connector.id.clone(), connector.clone())).collect();
        let mut present = self.connectors.lock().expect("no holder of this lock should panic");
        for id in present.keys().filter(|id| !wanted.contains_key(*id)) {
            self.engine.remove_connector(id);
        }
        let changed: Vec<_> =
            wanted.values().filter(|config| present.get(&config.id) != Some(config)).cloned().collect();
        *present = wanted;
        drop(present);
        for config in changed {
            self.open_connector(config);
        }
    }

    /// Opens a connector anew, with its secrets as they are now.
    pub fn reconnect(&self, id: &ConnectorId) {
        let config = self.connectors.lock().expect("no holder of this lock should panic").get(id).cloned();
        if let Some(config) = config {
            self.open_connector(config);
        }
    }

    fn open_connector(&self, config: ConnectorConfig) {
        let (engine, secrets) = (self.engine.clone(), self.secrets.clone());
        if config.transport.ice.password != PasswordSource::Keyring {
            return open_connector(&engine, config, secrets);
        }
        // Who opens a way to viewers cannot wait for the keyring: what it has is at hand from here on.
        let wanted = self.connectors.clone();
        self.runtime.spawn(async move {
            let name = FeedId::of_connector(&config.id, IceServers::PASSWORD);
            if let Err(error) = secrets.fetch(&name).await {
                tracing::error!(connector = %config.id, "The TURN servers’ password: {error}");
            }
            let is_wanted =
                wanted.lock().expect("no holder of this lock should panic").get(&config.id) == Some(&config);
            if is_wanted {
                open_connector(&engine, config, secrets);
            }
        });
    }

    /// Adds all feeds of a configuration.
    ///
    /// # Errors
    /// Two have the same id.
    pub fn add_feeds(&self, config: &Config) -> Result<(), EngineError> {
        self.configure(config);
        config.feeds.iter().try_for_each(|feed| self.engine.add(feed.clone()))
    }

    /// Opens the server for viewers.
    ///
    /// # Errors
    /// The address cannot be listened at, or TLS and token do not suit it.
    pub async fn listen(&self, config: &ServerConfig) -> Result<LocalServer, ServerError> {
        let engine = self.engine.clone();
        let metrics: Metrics = Arc::new(move || prometheus::metrics(figures(&engine)));
        LocalServer::start_with_metrics(LocalSettings::from(config), self.hub.clone(), metrics).await
    }

    /// Opens the server, and waits for its port while another program has it:
    /// that is told once, and tried again every two seconds.
    ///
    /// # Errors
    /// As [`Self::listen`], but for what may pass by itself.
    pub async fn listen_patiently(
        &self,
        config: &ServerConfig,
        tell: impl Fn(&ServerError),
    ) -> Result<LocalServer, ServerError> {
        let mut told = false;
        loop {
            match self.listen(config).await {
                Err(error) if error.may_pass() => {
                    if !told {
                        tell(&error);
                    }
                    told = true;
                    tokio::time::sleep(LISTEN_AGAIN).await;
                }
                result => return result,
            }
        }
    }

    /// Opens the way for messages over MQTT; what stands in it is told.
    pub fn open_post(&self, config: MqttConfig, tell: impl Fn(&BrokerError) + Send + Sync + 'static) -> Post {
        let _runtime = self.runtime.enter();
        Post::open(self.engine.clone(), self.secrets.clone(), config, tell)
    }

    /// Watches feeds of other programs, as the settings ask.
    pub fn watch(&self, config: &Config) -> Watch {
        Watch::start(&self.runtime, config.into(), self.secrets.clone())
    }

    /// Writes a line to the log for every change of a feed, from now on.
    pub fn log_events(&self) {
        self.runtime.spawn(report::report(self.engine.subscribe()));
    }

    /// Keeps the certificates of cameras in this settings file, from now on. Not for the
    /// window, which keeps its settings itself.
    pub fn keep_certificates(&self, settings: PathBuf) {
        self.runtime.spawn(certificates::keep(self.engine.clone(), self.engine.subscribe(), settings));
    }
}

fn open_connector(engine: &Engine, config: ConnectorConfig, secrets: Arc<Secrets>) {
    let id = config.id.clone();
    if let Some(connector) = connector::open(&ConnectorSettings::new(config, secrets)) {
        engine.set_connector(id, connector);
    } else {
        tracing::error!(connector = %id, "This connector's settings are not complete.");
    }
}

/// What is known of the feeds, for Prometheus.
fn figures(engine: &Engine) -> Vec<FeedFigures> {
    let figures = |feed: FeedSnapshot| FeedFigures {
        feed: feed.config.id.to_string(),
        state: feed.state.name().to_owned(),
        sample: feed.stats,
    };
    engine.feeds().into_iter().map(figures).collect()
}
