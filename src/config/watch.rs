//! Other programs whose feeds are watched here, over MQTT.

use super::{ExternalBroker, FeedId, GstWebRtcAppTopics, MqttDialect};

/// A `[[watch]]`: a broker, and whose feeds are watched there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchConfig {
    /// The broker.
    pub broker: ExternalBroker,
    /// Which topics and messages are read.
    pub dialect: MqttDialect,
    /// The names of the programs that are watched; none: all that are there. Those of `GstWebRTCApp` have none.
    pub instances: Vec<FeedId>,
    /// Where the feeds of `GstWebRTCApp` are found.
    pub topics: GstWebRtcAppTopics,
    /// Whether their statistics are written to files from the start.
    pub record: bool,
}

impl WatchConfig {
    /// Everybody at a broker.
    pub fn at(broker: ExternalBroker) -> Self {
        Self {
            broker,
            dialect: MqttDialect::default(),
            instances: Vec::new(),
            topics: GstWebRtcAppTopics::default(),
            record: false,
        }
    }
}
