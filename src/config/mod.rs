//! What the operator asked for: feeds, settings and secrets, loaded from and
//! saved to one TOML file that a person can write by hand.
//!
//! This room is the ground floor. It knows nothing of GStreamer or GTK and uses
//! only [`crate::i18n`], for its sentences; every other room may use its types.
//!
//! * [`Config`] is the whole of it: [`ServerConfig`] and one [`FeedConfig`] per camera.
//! * [`ConfigFile`] loads and saves it; see [`mod@file`] for the form of the file.
//! * [`Secrets`] keeps the passwords, which never stand in that file.
//!
//! No type in this room shows a password or a token through `Debug`, `Display`
//! or an error; whoever needs one calls `expose()`, which is easy to search for.
//!
//! The sentences of errors stand in functions and not inside `#[error("…")]`: xgettext
//! reads this as C, where a line that begins with `#` is the preprocessor's.

mod address;
mod agent;
mod audio;
mod codec;
mod connector;
mod connector_id;
mod control;
mod data_channel;
mod element_role;
pub mod element_settings;
mod encoders;
mod feed;
pub mod file;
mod fingerprint;
mod ice_server;
mod id;
mod in_force;
mod interface_name;
mod keyed;
mod mqtt;
mod nearest;
mod path_choice;
mod picture;
mod preset;
mod priority;
mod profile;
mod recording;
mod rendition_role;
pub mod secret;
mod server;
mod setpoint;
mod size;
mod slug;
mod source;
mod statistics;
mod transport;
mod watch;

pub use address::{AddressError, Credentials, SourceAddress};
pub use agent::{AgentConfig, AgentKind};
pub use audio::{AudioConfig, AudioSource, AudioSourceError};
pub use codec::{Codec, CodecError, ElementChoice, ElementNameError};
pub use connector::{ConnectorConfig, ConnectorForm, ConnectorSettings, FeedChoice, Field, FieldError, FieldKind};
pub use connector_id::{ConnectorId, ConnectorIdError};
pub use control::{
    Attention, BudgetKind, ControlConfig, ControlError, Importance, ImportanceError, ShareConfig, ShareState,
};
pub use data_channel::{ChannelLabel, ChannelLabelError, DataChannelConfig, Delivery, Senders, SocketPlace};
pub use element_role::{ElementRole, ElementSettings};
pub use encoders::{EncodersConfig, Overload};
pub use feed::{FeedConfig, NameError};
pub use file::{ConfigError, ConfigFile, Fault, Loaded, Remark};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use ice_server::{IceServer, IceServerError, IceServerKind, IceServers, IceTransport};
pub use id::{FeedId, FeedIdError};
pub use in_force::{ChangedBy, InForce};
pub use interface_name::{InterfaceName, InterfaceNameError};
pub use keyed::ChoiceError;
pub use mqtt::{
    BrokerAddress, BrokerAddressError, BrokerChoice, EmbeddedBroker, ExternalBroker, GstWebRtcAppTopics, MqttConfig,
    MqttDialect, MqttRole, MqttUser, MqttVersion,
};
pub(crate) use nearest::nearest;
pub use path_choice::PathChoice;
pub use picture::{Crop, Flip, PictureConfig, Rotation};
pub use preset::{Preset, PresetError};
pub use priority::{Priority, PriorityError};
pub use profile::Profile;
pub use recording::RecordingConfig;
pub use rendition_role::RenditionRole;
pub use secret::{Kept, KeyringStore, Password, PasswordSource, SecretError, SecretStore, Secrets, SessionStore};
pub use server::{ServerConfig, Token, TokenError};
pub use setpoint::{OrCamera, Setpoint, SetpointChange, SetpointError};
pub use size::{Size, SizeError};
pub use source::{
    DeviceConfig, DeviceFormat, FileConfig, ReceptionConfig, RtspConfig, SourceConfig, StreamChoice, TestConfig,
    TestPattern, TransportChoice,
};
pub use statistics::{CsvProfile, StatisticsConfig};
pub use transport::TransportConfig;
pub use watch::WatchConfig;

/// Everything the operator asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Where and to whom the feeds are served.
    pub server: ServerConfig,
    /// What the operator knows of this machine's encoders.
    pub encoders: EncodersConfig,
    /// What is kept of the feeds, and where.
    pub recording: RecordingConfig,
    /// How often figures are taken, and how they are recorded.
    pub statistics: StatisticsConfig,
    /// How bitrate is shared out among the feeds.
    pub control: ControlConfig,
    /// Whether and where they are told of and steered over MQTT.
    pub mqtt: MqttConfig,
    /// Whose feeds are watched over MQTT.
    pub watch: Vec<WatchConfig>,
    /// Where feeds go beside the page of this program.
    pub connectors: Vec<ConnectorConfig>,
    /// The feeds, in the order of the file and of the window. No two have the same id.
    pub feeds: Vec<FeedConfig>,
}

impl Config {
    /// The feed with this id.
    pub fn feed(&self, id: &FeedId) -> Option<&FeedConfig> {
        self.feeds.iter().find(|feed| feed.id == *id)
    }

    /// An id for a new feed of this name that no present feed has.
    pub fn free_id(&self, name: &str) -> FeedId {
        FeedId::from_name(name).unique_among(self.feeds.iter().map(|feed| &feed.id))
    }
}
