//! Feeds told of and steered over MQTT: the engine on one side, `mqtt` on the other.
//!
//! Whatever the engine can be asked, a message can ask: requests are read by the same serde types
//! ([`requests`]), and what is told are the types of [`reports`], whose schemas are in `data/mqtt/schemas`.

mod bridge;
mod gstwebrtcapp;
mod post;
pub mod reports;
pub mod requests;
#[cfg(test)]
mod schemas;

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    sync::{mpsc::channel, watch},
    task::JoinHandle,
};

use crate::{
    config::{
        BrokerAddress, BrokerChoice, ExternalBroker, FeedId, MqttConfig, MqttDialect, Password, PasswordSource, Secrets,
    },
    engine::Engine,
    i18n::gettext_f,
    mqtt::{Broker, BrokerError, Dial, Link, LinkState, Outbox, Topics},
};
use bridge::Bridge;
use gstwebrtcapp::Guest;
pub use post::Post;

/// Requests that wait to be obeyed; more are dropped, rather than making the broker wait.
const MOST_WAITING: usize = 1024;

/// Messages over MQTT at work, until [`Remote::stop`].
pub struct Remote {
    broker: Option<Broker>,
    address: BrokerAddress,
    link: Link,
    bridge: JoinHandle<()>,
    end: watch::Sender<bool>,
    log: JoinHandle<()>,
}

impl Remote {
    /// Starts the broker where it is ours, and connects. `None` where the settings want no messages.
    ///
    /// # Errors
    /// The embedded broker cannot start.
    pub async fn start(engine: &Engine, secrets: &Secrets, config: &MqttConfig) -> Result<Option<Self>, BrokerError> {
        let instance = config.instance();
        let (broker, access, password) = match &config.broker {
            BrokerChoice::Off => return Ok(None),
            BrokerChoice::External(access) => (None, (**access).clone(), kept_password(access, secrets).await),
            BrokerChoice::Embedded(embedded) => {
                let broker = Broker::start(embedded, &instance).await?;
                let (access, password) = broker.own_access();
                (Some(broker), access, Some(password))
            }
        };
        let outbox = Arc::new(Outbox::default());
        let topics = Topics::of(&instance);
        let guest = (config.dialect == MqttDialect::GstWebRtcApp)
            .then(|| Guest::new(engine.clone(), outbox.clone(), config.gstwebrtcapp.clone()));
        let mut bridge = Bridge::new(engine.clone(), outbox.clone(), topics, config, guest);
        let dial = dial(access, password, &bridge, instance.as_str());
        let address = match &broker {
            Some(broker) => address_of(broker.address(), config),
            None => dial.broker.address.clone(),
        };
        let (sender, incoming) = channel(MOST_WAITING);
        let link = Link::keep(dial, outbox, sender);
        let (end, ended) = watch::channel(false);
        let log = tokio::spawn(log(address.clone(), link.state()));
        let bridge = tokio::spawn(async move { bridge.run(incoming, ended).await });
        Ok(Some(Self { broker, address, link, bridge, end, log }))
    }

    /// Where others find the messages.
    pub fn address(&self) -> &BrokerAddress {
        &self.address
    }

    /// How the connection to the broker is, now and from now on.
    pub fn link(&self) -> watch::Receiver<LinkState> {
        self.link.state()
    }

    /// Tells that we go, says goodbye, and closes the embedded broker.
    pub async fn stop(self) {
        let _ = self.end.send(true);
        let _ = self.bridge.await;
        self.link.stop().await;
        self.log.abort();
        if let Some(broker) = self.broker {
            broker.stop().await;
        }
    }
}

/// A password that the keyring has; elsewhere it is read at each attempt.
async fn kept_password(broker: &ExternalBroker, secrets: &Secrets) -> Option<Password> {
    if broker.password != PasswordSource::Keyring {
        return None;
    }
    match secrets.resolve(&FeedId::of_broker(), &broker.password).await {
        Ok(password) => password,
        Err(error) => {
            tracing::error!("{error}");
            None
        }
    }
}

fn dial(broker: ExternalBroker, password: Option<Password>, bridge: &Bridge, instance: &str) -> Dial {
    Dial {
        broker,
        password,
        client: format!("heliograph-{instance}"),
        will: Some(bridge.will()),
        topics: bridge.subscriptions(),
    }
}

fn address_of(listen: SocketAddr, config: &MqttConfig) -> BrokerAddress {
    let encrypted = matches!(&config.broker, BrokerChoice::Embedded(broker) if broker.tls_cert.is_some());
    let scheme = if encrypted { "mqtts" } else { "mqtt" };
    format!("{scheme}://{listen}").parse().expect("an address and a port should be an address")
}

/// A line for every change; a broker that stays away is told once.
async fn log(address: BrokerAddress, mut state: watch::Receiver<LinkState>) {
    let mut told = None;
    loop {
        let now = state.borrow_and_update().clone();
        match &now {
            LinkState::Up => {
                tracing::info!("{}", gettext_f("Messages over MQTT: {address}", &[("address", address.as_str())]));
                told = None;
            }
            LinkState::Down { fault, retry_in } if told != Some(fault.kind) => {
                tracing::error!(retry_in_s = retry_in.as_secs_f32(), "{}", fault.sentence);
                told = Some(fault.kind);
            }
            LinkState::Down { .. } | LinkState::Connecting => {}
        }
        if state.changed().await.is_err() {
            return;
        }
    }
}
