//! A connection to a real broker.

use std::{path::Path, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use mqtt5::{
    ConnectOptions, ConnectionEvent, DisconnectReason, Message, MqttClient, ProtocolVersion, PublishOptions,
    PublishProperties, QoS, SubscribeOptions, WillMessage, protocol::v5::reason_codes::ReasonCode,
};
use tokio::sync::{mpsc::Sender, watch};

use super::{Dialer, Incoming, LinkFault, LinkFaultKind, Outgoing, Session};
use crate::{
    config::{ExternalBroker, MqttVersion, Password},
    i18n::gettext_f,
};

/// How often the broker is asked whether it is still there: a cut line is noticed within twice that.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Where to connect, and what belongs to every connection.
#[derive(Clone)]
pub struct Dial {
    /// The broker.
    pub broker: ExternalBroker,
    /// The password; `None` reads it where the settings say, anew at each attempt.
    pub password: Option<Password>,
    /// What we call ourselves: one connection of that name at a time.
    pub client: String,
    /// What the broker says to a topic for us when we are gone without a goodbye; retained.
    pub will: Option<(String, Vec<u8>)>,
    /// What we want to hear.
    pub topics: Vec<String>,
}

impl Dialer for Dial {
    fn dial(&self, incoming: Sender<Incoming>) -> BoxFuture<'_, Result<Box<dyn Session>, LinkFault>> {
        self.connect(incoming).boxed()
    }
}

impl Dial {
    async fn connect(&self, incoming: Sender<Incoming>) -> Result<Box<dyn Session>, LinkFault> {
        let address = self.broker.address.as_str();
        let options = self.options()?;
        let client = MqttClient::with_options(options.clone());
        self.trust(&client).await?;
        let (end, ended) = watch::channel(None);
        let watched = client.on_connection_event(move |event| {
            if let ConnectionEvent::Disconnected { reason } = event {
                end.send_replace(Some(reason));
            }
        });
        let fault = |error| LinkFault::connecting(address, &error);
        watched.await.map_err(fault)?;
        client.connect_with_options(address, options).await.map_err(fault)?;
        let mut session = Connected { client, address: address.to_owned(), ended };
        for topic in &self.topics {
            if let Err(error) = session.subscribe(topic, incoming.clone()).await {
                session.disconnect().await;
                return Err(LinkFault::connecting(address, &error));
            }
        }
        Ok(Box::new(session))
    }

    fn options(&self) -> Result<ConnectOptions, LinkFault> {
        let version = match self.broker.version {
            MqttVersion::V5 => ProtocolVersion::V5,
            MqttVersion::V311 => ProtocolVersion::V311,
        };
        let mut options = ConnectOptions::new(&self.client)
            .with_protocol_version(version)
            .with_clean_start(true)
            .with_keep_alive(KEEP_ALIVE)
            .with_automatic_reconnect(false);
        if let Some(user) = &self.broker.user {
            let password = match &self.password {
                Some(password) => password.clone(),
                None => self.broker.password().map_err(|error| settings(error.to_string()))?,
            };
            options = options.with_credentials(user, password.expose());
        }
        if let Some((topic, payload)) = &self.will {
            let mut will = WillMessage::new(topic, payload.clone());
            (will.qos, will.retain) = (QoS::AtLeastOnce, true);
            options = options.with_will(will);
        }
        Ok(options)
    }

    /// Reads the certificates, anew at each attempt: they expire and are replaced.
    async fn trust(&self, client: &MqttClient) -> Result<(), LinkFault> {
        let broker = &self.broker;
        let read = |path: &Option<std::path::PathBuf>| path.as_deref().map(read_pem).transpose();
        let (certificate, key, ca) = (read(&broker.client_cert)?, read(&broker.client_key)?, read(&broker.ca)?);
        client.set_tls_config(certificate, key, ca).await;
        Ok(())
    }
}

fn settings(sentence: String) -> LinkFault {
    LinkFault::new(LinkFaultKind::Settings, sentence)
}

fn read_pem(path: &Path) -> Result<Vec<u8>, LinkFault> {
    let shown = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| {
        settings(gettext_f(
            // Translators: {reason} is what the system said.
            "The file {path} of [mqtt] cannot be read: {reason}. Correct its path or permissions.",
            &[("path", &shown), ("reason", &error.to_string())],
        ))
    })?;
    // The library would go on without it.
    if bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        Ok(bytes)
    } else {
        Err(settings(gettext_f(
            "The file {path} of [mqtt] is no PEM file with a certificate or a key.",
            &[("path", &shown)],
        )))
    }
}

struct Connected {
    client: MqttClient,
    address: String,
    ended: watch::Receiver<Option<DisconnectReason>>,
}

impl Connected {
    async fn subscribe(&self, topic: &str, incoming: Sender<Incoming>) -> mqtt5::Result<()> {
        let options = SubscribeOptions { qos: QoS::AtLeastOnce, ..SubscribeOptions::default() };
        let hand_in = move |message: Message| {
            // Whoever cannot keep up misses messages, rather than making the broker wait.
            if incoming.try_send(read(message)).is_err() {
                tracing::debug!("A message over MQTT was dropped: too many wait.");
            }
        };
        self.client.subscribe_with_options(topic, options, hand_in).await.map(drop)
    }

    async fn disconnect(&mut self) {
        let _ = self.client.disconnect().await;
    }

    fn fault(&self, reason: &DisconnectReason) -> LinkFault {
        let address = [("address", self.address.as_str())];
        match reason {
            DisconnectReason::ServerDisconnect(ReasonCode::SessionTakenOver) => LinkFault::new(
                LinkFaultKind::TakenOver,
                gettext_f(
                    "Another Heliograph with the same name has connected to the MQTT broker at {address}. Give one of them another `instance` in [mqtt] of the settings file.",
                    &address,
                ),
            ),
            _ => LinkFault::new(
                LinkFaultKind::Away,
                gettext_f("The connection to the MQTT broker at {address} was lost.", &address),
            ),
        }
    }
}

impl Session for Connected {
    fn send(&mut self, message: Outgoing) -> BoxFuture<'_, Result<(), LinkFault>> {
        let properties = PublishProperties {
            correlation_data: message.correlation,
            response_topic: message.response_topic,
            ..PublishProperties::default()
        };
        let options = PublishOptions { retain: message.retain, properties, ..PublishOptions::default() };
        async move {
            let sent = self.client.publish_with_options(message.topic, message.payload, options).await;
            sent.map(drop).map_err(|error| LinkFault::connecting(&self.address, &error))
        }
        .boxed()
    }

    fn ended(&mut self) -> BoxFuture<'_, LinkFault> {
        async move {
            let reason = self.ended.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
            self.fault(&reason.unwrap_or(DisconnectReason::KeepAliveTimeout))
        }
        .boxed()
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        async move { self.disconnect().await }.boxed()
    }
}

/// A connection that was left behind is closed all the same.
impl Drop for Connected {
    fn drop(&mut self) {
        let client = self.client.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { client.disconnect_abnormally().await });
        }
    }
}

fn read(message: Message) -> Incoming {
    Incoming {
        topic: message.topic,
        payload: message.payload,
        response_topic: message.properties.response_topic,
        correlation: message.properties.correlation_data,
        retained: message.retain,
    }
}
