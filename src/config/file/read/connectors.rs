//! `[[connectors]]`: where feeds go beside the page of this program.

use std::collections::HashSet;

use super::super::fields::Fields;
use super::login::read_secret;
use super::transport::{KEYRING_KEY, TRANSPORT_KEYS, read_transport};
use super::{Forms, tables_of};
use crate::config::{ConnectorConfig, ConnectorForm, ConnectorId, FeedChoice, FeedId, Field, FieldKind};
use crate::i18n::{gettext, gettext_f};

/// The keys that every connector takes.
const COMMON_KEYS: &[&str] = &["id", "kind", "enabled", "feeds"];

pub(super) fn read_connectors(top: &Fields<'_>, forms: Forms) -> Vec<ConnectorConfig> {
    let Some(item) = top.table.get("connectors") else { return Vec::new() };
    let Some(tables) = tables_of(item) else {
        top.refuse("connectors", gettext("write each connector below a line [[connectors]]"));
        return Vec::new();
    };
    let fields = |(table, span)| Fields { table, line: top.notes.line(span), notes: top.notes };
    let mut taken = HashSet::new();
    let mut connectors = Vec::new();
    for fields in tables.into_iter().map(fields) {
        let Some(connector) = read_connector(&fields, forms) else { continue };
        if !taken.insert(connector.id.clone()) || connector.id == ConnectorId::local() {
            fields.refuse("id", gettext("another connector has this id; give this one another"));
        }
        connectors.push(connector);
    }
    connectors
}

fn read_connector(fields: &Fields<'_>, forms: Forms) -> Option<ConnectorConfig> {
    let form = read_kind(fields, forms)?;
    fields.refuse_others(&known_keys(form));
    if !fields.has("id") {
        fields.notes.add(fields.line, gettext("this connector has no id; write id = \"…\" below"));
    }
    let id = fields.parsed("id");
    // Without one the rest is read as well, for all that is wrong with it.
    let mut connector = ConnectorConfig::new(id.clone().unwrap_or_else(ConnectorId::local), form);
    connector.enabled = fields.flag("enabled").unwrap_or(true);
    connector.feeds = read_feeds(fields);
    connector.transport = read_transport(fields, form.names_servers);
    for field in form.fields {
        read_field(fields, field, &mut connector);
    }
    id.map(|_| connector)
}

fn read_kind(fields: &Fields<'_>, forms: Forms) -> Option<&'static ConnectorForm> {
    let kinds = forms.iter().map(|form| format!("\"{}\"", form.kind)).collect::<Vec<_>>().join(", ");
    let Some(kind) = fields.text("kind") else {
        if !fields.has("kind") {
            // Translators: {kinds} is a list of words in quotes.
            let text =
                gettext_f("this connector has no kind; write kind = … below, one of {kinds}", &[("kinds", &kinds)]);
            fields.notes.add(fields.line, text);
        }
        return None;
    };
    let form = forms.iter().copied().find(|form| form.kind == kind);
    if form.is_none() {
        // Translators: {kinds} is a list of words in quotes.
        fields.refuse("kind", gettext_f("it is one of {kinds}", &[("kinds", &kinds)]));
    }
    form
}

/// All that may stand in the table of such a connector: a secret is named by where it is found.
fn known_keys(form: &ConnectorForm) -> Vec<&'static str> {
    let own = form.fields.iter().flat_map(|field| match secret_keys(field) {
        Some(keys) => keys.to_vec(),
        None => vec![field.key],
    });
    let travel = TRANSPORT_KEYS.iter().copied().chain([KEYRING_KEY]);
    COMMON_KEYS.iter().copied().chain(own).chain(travel).collect()
}

/// The keys that say where a secret is found: in a variable, in a file, or in the keyring.
pub(in super::super) fn secret_keys(field: &Field) -> Option<[&'static str; 3]> {
    match field.kind {
        FieldKind::Secret { variable, file, keyring } => Some([variable, file, keyring]),
        _ => None,
    }
}

fn read_feeds(fields: &Fields<'_>) -> FeedChoice {
    let ids = fields.texts("feeds", |text| text.parse::<FeedId>().map(drop));
    ids.map_or(FeedChoice::All, |ids| FeedChoice::These(ids.iter().filter_map(|id| id.parse().ok()).collect()))
}

fn read_field(fields: &Fields<'_>, field: &'static Field, connector: &mut ConnectorConfig) {
    if let Some(keys) = secret_keys(field) {
        if let Some(source) = read_secret(fields, keys) {
            connector.secrets.insert(field.key, source);
        }
        return;
    }
    let value = match &field.kind {
        FieldKind::Number { range, .. } => fields.number(field.key, range).map(|number| number.to_string()),
        // An address may hold a password by mistake: it is not shown.
        _ => fields.typed(field.key, |item| item.as_str(), &gettext("a text in quotes")).map(str::to_owned),
    };
    match value {
        Some(value) => {
            if let Err(error) = connector.set(field, &value) {
                fields.refuse(field.key, error);
            }
        }
        None if field.is_required && !fields.has(field.key) => {
            let text = gettext_f("this connector needs `{key}`; write it below", &[("key", field.key)]);
            fields.notes.add(fields.line, text);
        }
        None => {}
    }
}
