//! Whether and where feeds are told of, and steered, over MQTT.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use super::{FeedId, Password, PasswordSource, SecretError, keyed::keyed_enum};
use crate::i18n::gettext;

/// The settings of `[mqtt]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttConfig {
    /// Who passes the messages on.
    pub broker: BrokerChoice,
    /// What this Heliograph is called in topics; none: as its host is called.
    pub instance: Option<FeedId>,
    /// The topics and messages.
    pub dialect: MqttDialect,
    /// Whether feeds may be added and removed by a message.
    pub allow_add: bool,
    /// How often statistics of each feed are sent, in messages per second.
    pub stats_hz: u32,
    /// What only the dialect of GstWebRTCApp has.
    pub gstwebrtcapp: GstWebRtcAppTopics,
}

impl MqttConfig {
    /// What `stats_hz` may be.
    pub const STATS_HZ: std::ops::RangeInclusive<u32> = 1..=10;
    /// Often enough for a chart, and little beside the picture.
    pub const DEFAULT_STATS_HZ: u32 = 2;

    /// What this Heliograph is called in topics.
    pub fn instance(&self) -> FeedId {
        self.instance.clone().unwrap_or_else(|| {
            let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            let name = host.trim();
            FeedId::from_name(if name.is_empty() { "heliograph" } else { name })
        })
    }
}

impl Default for MqttConfig {
    fn default() -> Self {
        Self {
            broker: BrokerChoice::Off,
            instance: None,
            dialect: MqttDialect::default(),
            allow_add: false,
            stats_hz: Self::DEFAULT_STATS_HZ,
            gstwebrtcapp: GstWebRtcAppTopics::default(),
        }
    }
}

/// Who passes the messages on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BrokerChoice {
    /// Nobody: there are no messages.
    #[default]
    Off,
    /// A broker inside this program.
    Embedded(EmbeddedBroker),
    /// A broker that runs already.
    External(Box<ExternalBroker>),
}

/// The broker inside this program, and whom it lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedBroker {
    /// Address and port to listen at.
    pub listen: SocketAddr,
    /// What somebody without a name may do, on loopback only; `None`: nothing, not even connect.
    pub anonymous: Option<MqttRole>,
    /// Who is let in by name and password.
    pub users: Vec<MqttUser>,
    /// The certificate chain, a PEM file; needed beyond loopback.
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key, a PEM file.
    pub tls_key: Option<PathBuf>,
    /// Listen beyond loopback without TLS, where something else encrypts.
    pub insecure: bool,
}

impl EmbeddedBroker {
    /// Loopback only, at the usual port.
    pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1883);

    /// On loopback without users, programs on this machine may do what its person may.
    pub fn at(listen: SocketAddr) -> Self {
        Self {
            listen,
            anonymous: listen.ip().is_loopback().then_some(MqttRole::Operate),
            users: Vec::new(),
            tls_cert: None,
            tls_key: None,
            insecure: false,
        }
    }
}

keyed_enum! {
    /// What somebody may do over MQTT; each may also do what those before may.
    MqttRole {
        /// Read all that is told.
        #[default]
        Observe = "observe",
        /// Steer feeds.
        Operate = "operate",
        /// Add and remove feeds, where messages may do that at all.
        Admin = "admin",
    }
}

keyed_enum! {
    /// Which topics and messages are used.
    MqttDialect {
        /// Heliograph's own.
        #[default]
        Heliograph = "heliograph",
        /// Those of GstWebRTCApp beside them, so that its agents and tools drive the feeds.
        GstWebRtcApp = "gstwebrtcapp",
    }
}

keyed_enum! {
    /// The version of the protocol that is spoken with an external broker.
    MqttVersion {
        /// MQTT 5.
        #[default]
        V5 = "5",
        /// MQTT 3.1.1, for brokers that know no later one.
        V311 = "3.1.1",
    }
}

/// Somebody whom the embedded broker knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttUser {
    /// The name, within [`Self::check_name`].
    pub name: String,
    /// What this user may do.
    pub role: MqttRole,
    /// Where the password is found: `Environment` or `File`.
    pub password: PasswordSource,
}

impl MqttUser {
    /// Whether this can be a user's name.
    ///
    /// # Errors
    /// A sentence that says what a name may be.
    pub fn check_name(name: &str) -> Result<(), String> {
        let fits =
            (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if fits {
            Ok(())
        } else {
            Err(gettext("a user's name here is 1 to 64 letters, digits, hyphens, dots and underscores"))
        }
    }

    /// The password, read anew each time.
    ///
    /// # Errors
    /// It is not where it should be.
    pub fn password(&self) -> Result<Password, SecretError> {
        password(&self.password)
    }
}

/// A broker that runs already, and how it lets us in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalBroker {
    /// Where it is.
    pub address: BrokerAddress,
    /// Our name there.
    pub user: Option<String>,
    /// Where our password is found; in the keyring under [`FeedId::of_broker`], or
    /// [`FeedId::of_watched`].
    pub password: PasswordSource,
    /// The certificates that vouch for the broker, a PEM file; none: those of the usual authorities.
    pub ca: Option<PathBuf>,
    /// Our certificate chain, a PEM file.
    pub client_cert: Option<PathBuf>,
    /// Our certificate's private key, a PEM file.
    pub client_key: Option<PathBuf>,
    /// The protocol's version.
    pub version: MqttVersion,
}

impl ExternalBroker {
    /// A broker that asks for nothing.
    pub fn at(address: BrokerAddress) -> Self {
        Self {
            address,
            user: None,
            password: PasswordSource::None,
            ca: None,
            client_cert: None,
            client_key: None,
            version: MqttVersion::default(),
        }
    }

    /// Our password there, read anew each time; empty where none is named, or the keyring has it.
    ///
    /// # Errors
    /// It is not where it should be.
    pub fn password(&self) -> Result<Password, SecretError> {
        password(&self.password)
    }
}

fn password(source: &PasswordSource) -> Result<Password, SecretError> {
    Ok(source.read()?.unwrap_or_else(|| Password::new("")))
}

/// Where a broker is: `mqtt://`, `mqtts://`, `ws://` or `wss://`, a host, and perhaps port and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAddress(String);

/// The text is no address of a broker. It does not repeat the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum BrokerAddressError {
    /// It is malformed, or of another kind.
    Form,
    /// User or password stand in it.
    HoldsCredentials,
}

impl BrokerAddressError {
    fn sentence(self) -> String {
        match self {
            Self::Form => gettext(
                "a broker's address is mqtt://HOST:PORT, mqtts://HOST:PORT, ws://HOST:PORT/PATH or wss://HOST:PORT/PATH",
            ),
            Self::HoldsCredentials => {
                gettext("it holds a user name or password; write those as `user` and `password_env` or `password_file`")
            }
        }
    }
}

impl BrokerAddress {
    /// The address as text; nothing secret is in it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what is said is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.0.starts_with("mqtts://") || self.0.starts_with("wss://")
    }
}

impl FromStr for BrokerAddress {
    type Err = BrokerAddressError;

    fn from_str(text: &str) -> Result<Self, BrokerAddressError> {
        if text.contains('@') {
            return Err(BrokerAddressError::HoldsCredentials);
        }
        let url = url::Url::parse(text).map_err(|_| BrokerAddressError::Form)?;
        let known = matches!(url.scheme(), "mqtt" | "mqtts" | "ws" | "wss");
        let usual = url.query().is_none() && url.fragment().is_none() && url.port() != Some(0);
        if known && usual && url.host_str().is_some_and(|host| !host.is_empty()) {
            Ok(Self(text.trim_end_matches('/').to_owned()))
        } else {
            Err(BrokerAddressError::Form)
        }
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Topics of the dialect of GstWebRTCApp, as its example program and its `run.py` name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GstWebRtcAppTopics {
    /// What stands before the topics of estimates and statistics; empty: nothing.
    pub prefix: String,
    /// Where feeds announce themselves, and commands for feeds arrive; empty: nowhere.
    pub controller: String,
    /// Whether commands on that topic are carried out here, and agents heard on [`Self::aggregation`]. Its
    /// own `FeedController` does that else.
    pub control: bool,
    /// Where agents ask for what is shared out among their feeds; empty: nowhere.
    pub aggregation: String,
    /// Whether another bitrate brings size and frames per second of its preset along.
    pub preset_tuning: bool,
}

impl GstWebRtcAppTopics {
    /// Whether this can be one of the topics; empty can. One that is published to has no wildcards (MQTT 5,
    /// section 4.7).
    ///
    /// # Errors
    /// A sentence in lower case that says what a topic is.
    pub fn check_topic(text: &str) -> Result<(), String> {
        let fits = text.len() <= 200
            && !text.contains(['+', '#', '\0'])
            && !text.starts_with(['/', '$'])
            && !text.ends_with('/');
        if fits && !text.starts_with("heliograph/") {
            Ok(())
        } else {
            Err(gettext("a topic has no +, # or $, no / at its ends, and does not begin with heliograph/"))
        }
    }
}

impl Default for GstWebRtcAppTopics {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            controller: "internal/controller".into(),
            control: false,
            aggregation: "internal/aggregation".into(),
            preset_tuning: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_brokers_are_of_four_kinds_and_hold_no_password() {
        for text in ["mqtt://h", "mqtts://h:8883", "ws://127.0.0.1:9001/mqtt", "wss://[::1]:443"] {
            assert_eq!(text.parse::<BrokerAddress>().unwrap().as_str(), text);
        }
        for text in ["", "h:1883", "http://h", "mqtt://", "mqtt://h:0", "mqtt://h?a=b"] {
            assert_eq!(text.parse::<BrokerAddress>(), Err(BrokerAddressError::Form), "for {text:?}");
        }
        let error = "mqtt://me:planted@h".parse::<BrokerAddress>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("planted"));
    }

    #[test]
    fn roles_grow_in_their_order() {
        assert!(MqttRole::Observe < MqttRole::Operate && MqttRole::Operate < MqttRole::Admin);
    }

    #[test]
    fn nobody_without_a_name_is_let_in_beyond_loopback() {
        assert_eq!(EmbeddedBroker::at("0.0.0.0:1883".parse().unwrap()).anonymous, None);
        assert_eq!(EmbeddedBroker::at(EmbeddedBroker::DEFAULT_LISTEN).anonymous, Some(MqttRole::Operate));
    }
}
