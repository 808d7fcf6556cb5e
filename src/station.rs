//! A Heliograph at work: what the window and the headless program both start.
//!
//! It joins the rooms below: the hub and its server for viewers, the secrets,
//! and the engine that owns the feeds.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::{
    config::{Config, Secrets, ServerConfig},
    connector::{
        Connector,
        local::{Hub, LocalConnector, LocalServer, LocalSettings, ServerError},
    },
    engine::{Engine, EngineError},
};

/// The engine and the place where viewers find its feeds.
pub struct Station {
    /// The feeds.
    pub engine: Engine,
    /// The passwords.
    pub secrets: Arc<Secrets>,
    hub: Arc<Hub>,
}

impl Station {
    /// A station without feeds and without a server.
    pub fn new(runtime: Handle, secrets: Secrets) -> Self {
        let (hub, secrets) = (Hub::new(), Arc::new(secrets));
        let connectors: Vec<Arc<dyn Connector>> = vec![Arc::new(LocalConnector::new(hub.clone()))];
        Self { engine: Engine::new(runtime, connectors, secrets.clone()), secrets, hub }
    }

    /// Adds all feeds of a configuration.
    ///
    /// # Errors
    /// Two have the same id.
    pub fn add_feeds(&self, config: &Config) -> Result<(), EngineError> {
        config.feeds.iter().try_for_each(|feed| self.engine.add(feed.clone()))
    }

    /// Opens the server for viewers.
    ///
    /// # Errors
    /// The address cannot be listened at, or TLS and token do not suit it.
    pub async fn listen(&self, config: &ServerConfig) -> Result<LocalServer, ServerError> {
        LocalServer::start(LocalSettings::from(config), self.hub.clone()).await
    }
}
