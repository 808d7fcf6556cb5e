//! The broker inside this program.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use mqtt5::broker::{
    BrokerConfig, BrokerShutdownHandle, MqttBroker,
    config::{StorageBackend, StorageConfig, TlsConfig},
};
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::access::{Guard, Known, OWNER};
use crate::{
    config::{EmbeddedBroker, ExternalBroker, FeedId, Password, SecretError},
    i18n::gettext_f,
};

/// The largest message that the broker passes on, in bytes: statistics of GstWebRTCApp are the largest
/// that anybody sends.
const LARGEST_MESSAGE: usize = 256 * 1024;
/// The most programs that may be connected.
const MOST_CLIENTS: usize = 256;
/// Messages that wait for a slow program, before the newest are dropped.
const MOST_WAITING: usize = 1024;
/// The most topics with a retained message.
const MOST_RETAINED: usize = 4096;
/// How long a program that is away is remembered.
const REMEMBERED: Duration = Duration::from_hours(1);
/// How long messages on their way to other programs have before the end: the library drops what still
/// waits for a program when it is told to end, this program's own last words included.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// How long the end may take after that.
const STOP: Duration = Duration::from_secs(1);

/// The broker inside this program; it runs until [`Broker::stop`], or until it is dropped.
pub struct Broker {
    /// Where others connect.
    address: SocketAddr,
    /// Where this program itself connects.
    own: SocketAddr,
    owner: Password,
    handle: BrokerShutdownHandle,
    running: Option<JoinHandle<()>>,
}

/// Why the embedded broker does not run.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum BrokerError {
    /// Something listens there already.
    PortInUse(SocketAddr),
    /// Listening fails in another way.
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
    /// A user's password is not where it should be.
    Secret {
        /// Whose.
        user: String,
        /// Why not.
        reason: SecretError,
    },
    /// The broker itself says no, such as to a certificate.
    Refused(String),
}

impl BrokerError {
    /// Whether it may pass by itself: the other program may end.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::PortInUse(_))
    }

    /// What happened, to what, and what to do.
    fn sentence(&self) -> String {
        match self {
            Self::PortInUse(address) => gettext_f(
                "The MQTT broker cannot listen: port {port} at {host} is in use by another program, perhaps another broker. Stop that program, choose another port with “listen” in [mqtt], or use that broker: broker = \"mqtt://{address}\".",
                &[
                    ("port", &address.port().to_string()),
                    ("host", &address.ip().to_string()),
                    ("address", &address.to_string()),
                ],
            ),
            Self::Listen { address, reason } => gettext_f(
                // Translators: {address} is an IP address and a port, {reason} what the system said.
                "The MQTT broker cannot listen at {address}: {reason}. Choose another address with “listen” in [mqtt].",
                &[("address", &address.to_string()), ("reason", &reason.to_string())],
            ),
            Self::Secret { user, reason } => gettext_f(
                // Translators: {reason} is a sentence.
                "The MQTT broker does not start, for the password of its user “{user}” was not found. {reason}",
                &[("user", user), ("reason", &reason.to_string())],
            ),
            Self::Refused(reason) => gettext_f(
                // Translators: {reason} is in English.
                "The MQTT broker does not start: {reason}. Correct [mqtt] in the settings file.",
                &[("reason", reason)],
            ),
        }
    }
}

impl Broker {
    /// Listens, and lets in whom the settings name. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The port is taken, a password is missing, or the certificate cannot be used.
    pub async fn start(config: &EmbeddedBroker, instance: &FeedId) -> Result<Self, BrokerError> {
        let owner = Password::new(format!("{:032x}", rand::random::<u128>()));
        let guard = Guard::new(instance, config.anonymous, known(config)?, owner.clone());
        // The library would warn of a taken port and go on without it.
        let free = TcpListener::bind(config.listen).await.map_err(|reason| match reason.kind() {
            io::ErrorKind::AddrInUse => BrokerError::PortInUse(config.listen),
            _ => BrokerError::Listen { address: config.listen, reason },
        })?;
        let listen = free.local_addr().map_err(|reason| BrokerError::Listen { address: config.listen, reason })?;
        drop(free);
        let broker = MqttBroker::with_config(settings(config, listen))
            .await
            .map_err(|error| BrokerError::Refused(error.to_string()))?
            .with_auth_provider(Arc::new(guard));
        let own = broker.local_addr().map_or(listen, reachable);
        let handle = broker.shutdown_handle();
        let running = tokio::spawn(run(broker));
        Ok(Self { address: listen, own, owner, handle, running: Some(running) })
    }

    /// Where others connect; with the port that the system chose where the settings leave it open.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How this program itself connects to it, and its password.
    pub fn own_access(&self) -> (ExternalBroker, Password) {
        let address = format!("mqtt://{}", self.own).parse().expect("an address and a port should be an address");
        let mut access = ExternalBroker::at(address);
        access.user = Some(OWNER.to_owned());
        (access, self.owner.clone())
    }

    /// Has everybody hear what was said last, says goodbye and closes the port.
    pub async fn stop(mut self) {
        sleep(LAST_WORDS).await;
        self.handle.shutdown();
        if let Some(running) = self.running.take()
            && timeout(STOP, running).await.is_err()
        {
            tracing::warn!("The MQTT broker did not end in time; leaving it behind.");
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

async fn run(mut broker: MqttBroker) {
    if let Err(error) = broker.run().await {
        tracing::error!("The MQTT broker ended: {error}.");
    }
}

fn known(config: &EmbeddedBroker) -> Result<Vec<Known>, BrokerError> {
    let find = |user: &crate::config::MqttUser| {
        let password = user.password().map_err(|reason| BrokerError::Secret { user: user.name.clone(), reason })?;
        Ok(Known { name: user.name.clone(), role: user.role, password })
    };
    config.users.iter().map(find).collect()
}

/// Behind TLS this program has a way in of its own, on loopback: it need not trust the certificate.
fn settings(config: &EmbeddedBroker, listen: SocketAddr) -> BrokerConfig {
    let mut settings = BrokerConfig::new().with_bind_address(listen);
    if let (Some(certificate), Some(key)) = (&config.tls_cert, &config.tls_key) {
        settings.bind_addresses = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        settings.tls_config = Some(TlsConfig::new(certificate.clone(), key.clone()).with_bind_addresses(vec![listen]));
    }
    settings.max_clients = MOST_CLIENTS;
    settings.max_packet_size = LARGEST_MESSAGE;
    settings.max_retained_messages = MOST_RETAINED;
    settings.max_retained_message_size = LARGEST_MESSAGE;
    settings.max_subscriptions_per_client = MOST_CLIENTS;
    settings.client_channel_capacity = MOST_WAITING;
    settings.session_expiry_interval = REMEMBERED;
    settings.sys_topics_enabled = false;
    settings.storage_config =
        StorageConfig { backend: StorageBackend::Memory, enable_persistence: false, ..StorageConfig::default() };
    settings
}

/// All addresses of this machine are reached by loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let host = match listen {
        SocketAddr::V4(address) if address.ip().is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(address) if address.ip().is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        _ => listen.ip(),
    };
    SocketAddr::new(host, listen.port())
}
