//! A feed's data channels.
//!
//! In one line only, for the reason given in `elements`.

use std::collections::HashSet;

use toml_edit::{Item, Value};

use super::super::fields::Fields;
use crate::config::{ChannelLabel, DataChannelConfig, Delivery, FeedConfig, Senders, SocketPlace};
use crate::i18n::{gettext, gettext_f};

const KEY: &str = "data_channels";

const CHANNEL_KEYS: &[&str] =
    &["label", "ordered", "retransmits", "lifetime_ms", "senders", "max_bytes", "per_second", "socket"];

pub(super) fn read_data_channels(fields: &Fields<'_>) -> Vec<DataChannelConfig> {
    // Translators: this stands behind "it must be".
    let allowed = gettext("a list in one line, such as [{ label = \"steer\", senders = [\"pilot\"] }]");
    let tables = |item: &'_ Item| {
        let array = item.as_array()?;
        array.iter().all(Value::is_inline_table).then(|| array.clone())
    };
    let Some(array) = fields.typed(KEY, tables, &allowed) else { return Vec::new() };
    if array.len() > DataChannelConfig::MOST {
        let most = DataChannelConfig::MOST.to_string();
        fields.refuse(KEY, gettext_f("a feed has at most {most} channels", &[("most", &most)]));
    }
    let line = fields.line_of(KEY);
    let tables = array.iter().filter_map(Value::as_inline_table);
    let channels: Vec<_> =
        tables.filter_map(|table| read_channel(&Fields { table, line, notes: fields.notes })).collect();
    refuse_equal_labels(fields, &channels);
    channels
}

fn refuse_equal_labels(fields: &Fields<'_>, channels: &[DataChannelConfig]) {
    let mut taken = HashSet::new();
    if let Some(twice) = channels.iter().find(|channel| !taken.insert(&channel.label)) {
        let label = twice.label.as_str();
        fields.refuse(KEY, gettext_f("two channels have the label \"{label}\"; rename one", &[("label", label)]));
    }
}

fn read_channel(fields: &Fields<'_>) -> Option<DataChannelConfig> {
    fields.refuse_others(CHANNEL_KEYS);
    if !fields.has("label") {
        fields.notes.add(fields.line, gettext("this channel has no label; write label = \"…\" in its braces"));
    }
    let label = fields.parsed::<ChannelLabel>("label");
    let ordered = fields.flag("ordered");
    let delivery = read_delivery(fields);
    let senders = read_senders(fields);
    let max_bytes = fields.number("max_bytes", &DataChannelConfig::MAX_BYTES);
    let per_second = fields.number("per_second", &DataChannelConfig::PER_SECOND);
    let socket = read_socket(fields);
    let usual = DataChannelConfig::new(label?);
    Some(DataChannelConfig {
        ordered: ordered.unwrap_or(usual.ordered),
        delivery,
        senders,
        max_bytes: max_bytes.unwrap_or(usual.max_bytes),
        per_second: per_second.unwrap_or(usual.per_second),
        socket,
        ..usual
    })
}

fn read_delivery(fields: &Fields<'_>) -> Delivery {
    let retransmits = fields.number("retransmits", &DataChannelConfig::RETRANSMITS);
    let lifetime = fields.number("lifetime_ms", &DataChannelConfig::LIFETIME_MS);
    match (retransmits, lifetime) {
        (Some(_), Some(_)) => {
            fields.refuse("lifetime_ms", gettext("a channel has either this or `retransmits`; take one out"));
            Delivery::default()
        }
        (Some(times), None) => Delivery::Retransmits(times),
        (None, Some(ms)) => Delivery::LifetimeMs(ms),
        (None, None) => Delivery::default(),
    }
}

fn read_senders(fields: &Fields<'_>) -> Senders {
    // Translators: this stands behind "it must be"; the words in quotes are written so in the file.
    let allowed = gettext("\"all\", \"none\", or a list of viewers' names, such as [\"pilot\"]");
    let senders = |item: &Item| match (item.as_str(), item.as_array()) {
        (Some("all"), _) => Some(Senders::All),
        (Some("none"), _) => Some(Senders::None),
        (_, Some(names)) => {
            let names = names.iter().map(|name| name.as_str().map(str::to_owned));
            names.collect::<Option<Vec<_>>>().map(Senders::Named)
        }
        _ => None,
    };
    let senders = fields.typed("senders", senders, &allowed).unwrap_or_default();
    if let Senders::Named(names) = &senders {
        for error in names.iter().filter_map(|name| FeedConfig::check_name(name).err()) {
            fields.refuse("senders", error);
        }
    }
    senders
}

/// `true` is the usual place, and a text the path of another.
fn read_socket(fields: &Fields<'_>) -> SocketPlace {
    let flag = fields.table.get("socket").and_then(Item::as_bool);
    match flag {
        Some(true) => SocketPlace::Usual,
        Some(false) => SocketPlace::None,
        None => fields.path("socket").map_or(SocketPlace::None, SocketPlace::Path),
    }
}
