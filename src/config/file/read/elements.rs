//! Properties of a feed's elements.
//!
//! In one line only: a table with a header of its own would belong to another feed once the
//! feeds change places.

use std::collections::BTreeMap;

use toml_edit::{InlineTable, Item};

use super::super::fields::Fields;
use crate::config::{ElementRole, ElementSettings, element_settings};
use crate::i18n::{gettext, gettext_f};

/// The encoder's properties before there were those of other elements.
const OLDER: &str = "encoder_settings";
const KEY: &str = "elements";

pub(super) fn read_elements(fields: &Fields<'_>) -> ElementSettings {
    let mut elements = read_roles(fields);
    if let Some(table) = read_older(fields) {
        if elements.contains_key(&ElementRole::Encoder) {
            fields.refuse(OLDER, gettext("`elements` has properties of the encoder, too; write them all there"));
        }
        elements.insert(ElementRole::Encoder, read_properties(fields, OLDER, ElementRole::Encoder, table));
    }
    elements.retain(|_, settings| !settings.is_empty());
    elements
}

fn read_older<'a>(fields: &Fields<'a>) -> Option<&'a InlineTable> {
    // Translators: this stands behind "it must be".
    let allowed = gettext("in one line, such as { \"speed-preset\" = \"ultrafast\" }");
    fields.typed(OLDER, Item::as_inline_table, &allowed)
}

fn read_roles(fields: &Fields<'_>) -> ElementSettings {
    // Translators: this stands behind "it must be".
    let allowed = gettext("in one line, such as { source = { \"do-rtcp\" = false } }");
    let tables = fields.typed(KEY, Item::as_inline_table, &allowed);
    let mut elements = ElementSettings::new();
    for (name, value) in tables.into_iter().flat_map(InlineTable::iter) {
        match (name.parse::<ElementRole>(), value.as_inline_table()) {
            (Ok(role), Some(table)) => drop(elements.insert(role, read_properties(fields, KEY, role, table))),
            // Translators: {error} is such as: it is one of "source", "encoder".
            (Err(error), _) => {
                fields.refuse(KEY, gettext_f("this is no element's role; {error}", &[("error", &error.to_string())]));
            }
            (Ok(role), None) => fields.refuse(
                KEY,
                gettext_f("the properties of {role} stand in {braces}", &[("role", role.key()), ("braces", "{ }")]),
            ),
        }
    }
    elements
}

fn read_properties(fields: &Fields<'_>, key: &str, role: ElementRole, table: &InlineTable) -> BTreeMap<String, String> {
    let mut read = BTreeMap::new();
    for (name, value) in table {
        match setting_text(value).map(|text| element_settings::check(role, name, &text).map(|()| text)) {
            Some(Ok(text)) => drop(read.insert(name.to_owned(), text)),
            Some(Err(error)) => fields.refuse(key, error),
            None => fields.refuse(key, gettext("each value is a text, a number, true or false")),
        }
    }
    read
}

/// The value as GStreamer would write it.
pub(in super::super) fn setting_text(value: &toml_edit::Value) -> Option<String> {
    match value {
        toml_edit::Value::String(text) => Some(text.value().clone()),
        toml_edit::Value::Integer(number) => Some(number.value().to_string()),
        toml_edit::Value::Float(number) => Some(number.value().to_string()),
        toml_edit::Value::Boolean(flag) => Some(flag.value().to_string()),
        _ => None,
    }
}
