//! `[[watch]]`: whose feeds are watched over MQTT.

use super::{
    super::fields::Fields,
    mqtt::{EXTERNAL_KEYS, read_external},
    tables_of,
};
use crate::config::{BrokerAddress, FeedId, GstWebRtcAppTopics, MqttDialect, WatchConfig};
use crate::i18n::gettext;

const KEYS: &[&str] = &["broker", "dialect", "instances", "prefix", "controller", "record"];

pub(super) fn read_watch(top: &Fields<'_>) -> Vec<WatchConfig> {
    let Some(item) = top.table.get("watch") else {
        return Vec::new();
    };
    let Some(tables) = tables_of(item) else {
        top.refuse("watch", gettext("write each broker below a line [[watch]]"));
        return Vec::new();
    };
    let fields = |(table, span)| Fields { table, line: top.notes.line(span), notes: top.notes };
    tables.into_iter().map(fields).filter_map(|fields| read_one(&fields)).collect()
}

fn read_one(fields: &Fields<'_>) -> Option<WatchConfig> {
    fields.refuse_others(&[KEYS, EXTERNAL_KEYS].concat());
    if !fields.has("broker") {
        fields.notes.add(fields.line, gettext("here the `broker` is missing, such as \"mqtt://192.0.2.9:1883\""));
    }
    let dialect: MqttDialect = fields.parsed("dialect").unwrap_or_default();
    let others: &[&str] = match dialect {
        MqttDialect::Heliograph => &["prefix", "controller"],
        MqttDialect::GstWebRtcApp => &["instances"],
    };
    for key in others.iter().filter(|key| fields.has(key)) {
        fields.refuse(key, gettext("it belongs to the other dialect"));
    }
    let usual = GstWebRtcAppTopics::default();
    let topics = GstWebRtcAppTopics {
        prefix: fields.checked("prefix", GstWebRtcAppTopics::check_topic).unwrap_or(usual.prefix),
        controller: fields.checked("controller", GstWebRtcAppTopics::check_topic).unwrap_or(usual.controller),
        ..usual
    };
    let instances = fields.texts("instances", |text| text.parse::<FeedId>().map(drop)).unwrap_or_default();
    let address = fields.secret::<BrokerAddress>("broker")?;
    let broker = read_external(fields, address);
    Some(WatchConfig {
        broker,
        dialect,
        instances: instances.iter().filter_map(|text| text.parse().ok()).collect(),
        topics,
        record: fields.flag("record").unwrap_or(false),
    })
}
