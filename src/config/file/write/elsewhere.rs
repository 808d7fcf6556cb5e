//! `[[connectors]]` and `[[watch]]`: places elsewhere, as a settings file has them.

use std::collections::HashMap;

use toml_edit::{DocumentMut, Table};

use super::{
    super::read::secret_keys, Entry, Fault, Forms, Setting, apply, entry, external_entries, flag, in_keyring, key,
    optional, path, put_tables, take_tables, text, texts, transport_entries,
};
use crate::config::{
    ConnectorConfig, ConnectorId, FeedChoice, FeedId, Field, FieldKind, GstWebRtcAppTopics, MqttDialect,
    PasswordSource, WatchConfig,
};

pub(super) fn set_connectors(
    document: &mut DocumentMut,
    before: Vec<ConnectorConfig>,
    connectors: &[ConnectorConfig],
    forms: Forms,
) -> Result<(), Fault> {
    if before == connectors {
        return Ok(());
    }
    let tables = take_tables(document, "connectors");
    let mut old: HashMap<(ConnectorId, &str), Table> =
        before.into_iter().map(|connector| (connector.id, connector.kind)).zip(tables).collect();
    let mut tables = Vec::new();
    for connector in connectors {
        // Another kind has other keys.
        let mut table = old.remove(&(connector.id.clone(), connector.kind)).unwrap_or_default();
        apply(&mut table, &connector_entries(connector, forms)?);
        tables.push(table);
    }
    put_tables(document, "connectors", tables);
    Ok(())
}

fn connector_entries(connector: &ConnectorConfig, forms: Forms) -> Result<Vec<Entry>, Fault> {
    let feeds = match &connector.feeds {
        FeedChoice::All => Setting::Absent,
        FeedChoice::These(ids) => Setting::Texts(ids.iter().map(ToString::to_string).collect()),
    };
    let mut entries = vec![
        entry("id", text(connector.id.as_str()), Setting::Absent),
        entry("kind", text(connector.kind), Setting::Absent),
        flag("enabled", connector.enabled, true),
        entry("feeds", feeds, Setting::Absent),
    ];
    let form = forms.iter().find(|form| form.kind == connector.kind);
    for field in form.map_or(&[][..], |form| form.fields) {
        entries.extend(field_entries(connector, field)?);
    }
    entries.extend(transport_entries(&connector.transport)?);
    Ok(entries)
}

fn field_entries(connector: &ConnectorConfig, field: &Field) -> Result<Vec<Entry>, Fault> {
    if let Some([variable, file, keyring]) = secret_keys(field) {
        let source = connector.secrets.get(field.key);
        let (name, place) = match source {
            Some(PasswordSource::Environment(name)) => (Some(name.as_str()), None),
            Some(PasswordSource::File(place)) => (None, Some(place.as_path())),
            _ => (None, None),
        };
        return Ok(vec![
            entry(variable, optional(name), Setting::Absent),
            entry(file, path(place)?, Setting::Absent),
            entry(keyring, source.map_or(Setting::Absent, in_keyring), Setting::Absent),
        ]);
    }
    let value = connector.text(field.key);
    let setting = |value: &str| match field.kind {
        FieldKind::Number { .. } => value.parse().map_or(Setting::Absent, Setting::Number),
        _ => text(value),
    };
    Ok(vec![entry(field.key, value.map_or(Setting::Absent, setting), Setting::Absent)])
}

/// They have no names: one that is as it was keeps its table, and the others follow each other.
pub(super) fn set_watch(
    document: &mut DocumentMut,
    before: &[WatchConfig],
    watched: &[WatchConfig],
) -> Result<(), Fault> {
    if before == watched {
        return Ok(());
    }
    let mut old: Vec<(&WatchConfig, Table)> = before.iter().zip(take_tables(document, "watch")).collect();
    let mut take = |is_it: &dyn Fn(&WatchConfig) -> bool| {
        let position = old.iter().position(|(config, _)| is_it(config))?;
        Some(old.remove(position).1)
    };
    let mut kept: Vec<Option<Table>> = watched.iter().map(|new| take(&|old| old == new)).collect();
    for (table, new) in kept.iter_mut().zip(watched).filter(|(table, _)| table.is_none()) {
        *table = take(&|old| old.broker.address == new.broker.address);
    }
    // Where as many are there as before, one was changed.
    if before.len() == watched.len() {
        kept.iter_mut().filter(|table| table.is_none()).for_each(|table| *table = take(&|_| true));
    }
    let mut tables = Vec::new();
    for (table, config) in kept.into_iter().zip(watched) {
        let mut table = table.unwrap_or_default();
        apply(&mut table, &watch_entries(config)?);
        tables.push(table);
    }
    put_tables(document, "watch", tables);
    Ok(())
}

fn watch_entries(config: &WatchConfig) -> Result<Vec<Entry>, Fault> {
    let usual = GstWebRtcAppTopics::default();
    let has_topics = config.dialect == MqttDialect::GstWebRtcApp;
    let topic = |key, value: &str, usual: &str| {
        entry(
            key,
            if has_topics { text(value) } else { Setting::Absent },
            if has_topics { text(usual) } else { Setting::Absent },
        )
    };
    let instances: &[FeedId] = if has_topics { &[] } else { &config.instances };
    let mut entries = external_entries(&config.broker)?;
    entries.extend([
        key("dialect", &config.dialect, &MqttDialect::default()),
        if instances.is_empty() {
            entry("instances", Setting::Absent, Setting::Absent)
        } else {
            texts("instances", instances)
        },
        topic("prefix", &config.topics.prefix, &usual.prefix),
        topic("controller", &config.topics.controller, &usual.controller),
        flag("record", config.record, false),
    ]);
    Ok(entries)
}
