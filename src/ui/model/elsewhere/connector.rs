//! A connector, as it stands in the fields that its form asks for.

use std::collections::{BTreeMap, BTreeSet};

use super::{EnteredMedia, Misfit, note};
use crate::{
    config::{
        ConnectorConfig, ConnectorForm, ConnectorId, FeedChoice, Field, FieldKind, IceServers, Password,
        PasswordSource, TransportConfig,
    },
    i18n::{gettext, gettext_f},
};

/// What was entered for a connector, as it stands in the fields.
#[derive(Clone)]
pub struct EnteredConnector {
    /// What is asked for.
    pub form: &'static ConnectorForm,
    /// Its name.
    pub id: String,
    /// What stands in the form's fields, by key. Secrets are not here.
    pub texts: BTreeMap<&'static str, String>,
    /// Secrets that were typed, by key. One that was not stays as it is.
    pub secrets: BTreeMap<&'static str, Password>,
    /// Secrets that are wanted no more.
    pub forgotten: BTreeSet<&'static str>,
    /// Which feeds go there.
    pub feeds: FeedChoice,
    /// How media travel there.
    pub media: EnteredMedia,
}

/// A described connector, and the secrets to keep for it.
#[derive(Clone, Debug)]
pub struct DescribedConnector {
    /// The settings.
    pub config: ConnectorConfig,
    /// What was typed, by key: for the keyring.
    pub secrets: Vec<(&'static str, Password)>,
}

impl EnteredConnector {
    /// A new one, with a name that none of `taken` has.
    pub fn new(form: &'static ConnectorForm, taken: &[ConnectorId]) -> Self {
        Self {
            form,
            id: ConnectorId::from_name(&(form.name)()).unique_among(taken).to_string(),
            texts: form.fields.iter().filter_map(usual).collect(),
            secrets: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            feeds: FeedChoice::All,
            media: EnteredMedia::of(&TransportConfig::default()),
        }
    }

    /// The settings of one, as they stand in the fields.
    pub fn of(config: &ConnectorConfig, form: &'static ConnectorForm) -> Self {
        Self {
            id: config.id.to_string(),
            texts: config.values.clone(),
            feeds: config.feeds.clone(),
            media: EnteredMedia::of(&config.transport),
            ..Self::new(form, &[])
        }
    }

    /// The connector that is described: `old` as it is wanted now, or a new one whose name must not be
    /// among `taken`.
    ///
    /// # Errors
    /// The fields that cannot stay as they are. Fields that are still empty count, too.
    pub fn check(
        &self,
        old: Option<&ConnectorConfig>,
        taken: &[ConnectorId],
    ) -> Result<DescribedConnector, Vec<Misfit>> {
        let mut misfits = Vec::new();
        let id = match old {
            Some(old) => Some(old.id.clone()),
            None => note(&mut misfits, self.check_id(taken)),
        };
        let values = self.values(old, &mut misfits);
        let transport = self.media.check(self.form.names_servers, &mut misfits);
        if self.feeds == FeedChoice::These(Vec::new()) {
            let sentence = gettext("No camera is chosen: choose one, or all.");
            misfits.push(Misfit { field: "feeds", is_empty: true, sentence });
        }
        match id {
            Some(id) if misfits.is_empty() => {
                let config = ConnectorConfig {
                    enabled: old.is_none_or(|old| old.enabled),
                    feeds: self.feeds.clone(),
                    values,
                    secrets: self.sources(old),
                    transport,
                    ..ConnectorConfig::new(id, self.form)
                };
                let typed = self.secrets.iter().filter(|(key, typed)| self.is_new(key, typed));
                let of_turn = self.media.ways.typed().map(|typed| (IceServers::PASSWORD, typed.clone()));
                let secrets = typed.map(|(key, typed)| (*key, typed.clone())).chain(of_turn).collect();
                Ok(DescribedConnector { config, secrets })
            }
            _ => Err(misfits),
        }
    }

    fn check_id(&self, taken: &[ConnectorId]) -> Result<ConnectorId, Misfit> {
        let id: ConnectorId = self.id.trim().parse().map_err(|error| Misfit::new("id", &self.id, &error))?;
        if taken.contains(&id) || id == ConnectorId::local() {
            let sentence = gettext_f("There is “{name}” already; choose another name.", &[("name", id.as_str())]);
            return Err(Misfit { field: "id", is_empty: false, sentence });
        }
        Ok(id)
    }

    fn values(&self, old: Option<&ConnectorConfig>, misfits: &mut Vec<Misfit>) -> BTreeMap<&'static str, String> {
        let mut values = BTreeMap::new();
        for field in self.form.fields.iter().filter(|field| !matches!(field.kind, FieldKind::Secret { .. })) {
            let text = self.texts.get(field.key).map(|text| text.trim()).unwrap_or_default();
            let was_said = old.is_some_and(|old| old.values.contains_key(field.key));
            if text.is_empty() && !field.is_required || is_default(field, text) && !was_said {
                continue;
            }
            let checked = field.check(text).map_err(|error| Misfit::new(field.key, text, &error));
            if note(misfits, checked).is_some() {
                values.insert(field.key, text.to_owned());
            }
        }
        values
    }

    /// Where secrets are found from now on.
    fn sources(&self, old: Option<&ConnectorConfig>) -> BTreeMap<&'static str, PasswordSource> {
        let mut sources = old.map(|old| old.secrets.clone()).unwrap_or_default();
        sources.retain(|key, _| !self.forgotten.contains(key));
        let typed = self.secrets.iter().filter(|(key, typed)| self.is_new(key, typed));
        sources.extend(typed.map(|(key, _)| (*key, PasswordSource::Keyring)));
        sources
    }

    fn is_new(&self, key: &str, typed: &Password) -> bool {
        !typed.is_empty() && !self.forgotten.contains(key)
    }
}

/// What a field begins with.
fn usual(field: &Field) -> Option<(&'static str, String)> {
    match field.kind {
        FieldKind::Address { usual, .. } if !usual.is_empty() => Some((field.key, usual.to_owned())),
        _ => None,
    }
}

/// Whether this is what holds where nothing is said.
fn is_default(field: &Field, text: &str) -> bool {
    match &field.kind {
        FieldKind::Number { default, .. } => text.parse() == Ok(*default),
        FieldKind::Choice { words } => words.first() == Some(&text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::FORMS;

    fn form(kind: &str) -> &'static ConnectorForm {
        FORMS.iter().find(|form| form.kind == kind).unwrap()
    }

    fn entered(kind: &str, texts: &[(&'static str, &str)]) -> EnteredConnector {
        let mut entered = EnteredConnector::new(form(kind), &[]);
        entered.texts.extend(texts.iter().map(|(key, text)| (*key, (*text).to_owned())));
        entered
    }

    fn wrong(entered: &EnteredConnector) -> Vec<(&'static str, bool)> {
        let misfits = entered.check(None, &[]).map(|described| described.config).unwrap_err();
        misfits.into_iter().map(|misfit| (misfit.field, misfit.is_empty)).collect()
    }

    #[test]
    fn what_was_entered_becomes_settings_without_what_goes_without_saying() {
        let mut entered = entered("whip", &[("address", " https://h/whip "), ("codec", "h264"), ("ca", "")]);
        entered.secrets.insert("token", Password::new("planted"));
        let described = entered.check(None, &[]).unwrap();
        assert!(!format!("{described:?}").contains("planted"));
        let config = described.config;
        assert_eq!((config.id.as_str(), config.kind, config.enabled), ("whip", "whip", true));
        assert_eq!(config.values, [("address", "https://h/whip".to_owned())].into());
        assert_eq!(config.secrets["token"], PasswordSource::Keyring);
        assert_eq!(described.secrets, [("token", Password::new("planted"))]);
        assert_eq!(config.transport, TransportConfig::default());
    }

    #[test]
    fn a_new_one_begins_where_most_are() {
        let robot = EnteredConnector::new(form("bigfootbot"), &[]).check(None, &[]).unwrap().config;
        assert_eq!(robot.values, [("address", "ws://127.0.0.1:8765".to_owned())].into());
        assert_eq!(wrong(&entered("whip", &[])), [("address", true)]);
    }

    #[test]
    fn a_second_one_has_another_name() {
        let taken = ["whip".parse().unwrap()];
        let mut second = EnteredConnector::new(form("whip"), &taken);
        assert_eq!(second.id, "whip-2");
        second.texts.insert("address", "https://h/".to_owned());
        second.id = "whip".to_owned();
        assert_eq!(second.check(None, &taken).unwrap_err()[0].field, "id");
        second.id = "local".to_owned();
        assert_eq!(second.check(None, &taken).unwrap_err()[0].field, "id");
    }

    #[test]
    fn each_field_says_what_is_wrong_with_it() {
        assert_eq!(wrong(&entered("whip", &[])), [("address", true)]);
        let mut bad = entered("webrtcsink", &[("address", "http://planted:secret@h/"), ("ca", "here.pem")]);
        bad.id = "Two Words".to_owned();
        bad.feeds = FeedChoice::These(Vec::new());
        bad.media.ways.ice_servers = "turn:me:planted@h".to_owned();
        bad.media.ways.interfaces = "eth0 ../x".to_owned();
        let misfits = bad.check(None, &[]).map(|described| described.config).unwrap_err();
        let fields: Vec<_> = misfits.iter().map(|misfit| misfit.field).collect();
        assert_eq!(fields, ["id", "address", "ca", "ice_servers", "interfaces", "feeds"]);
        assert!(misfits.iter().all(|misfit| !misfit.sentence.contains("planted")), "{misfits:?}");
        let mut relay = entered("whip", &[("address", "https://h/")]);
        relay.media.ways.relay_only = true;
        relay.media.ways.ice_servers = "stun:h".to_owned();
        assert_eq!(wrong(&relay), [("ice_servers", false)]);
        relay.media.ways.ice_servers = String::new();
        assert!(relay.check(None, &[]).is_ok(), "an endpoint names servers");
        relay.media.ways.ice_servers = "stun:h, turn:me@h".to_owned();
        relay.media.ways.password = Password::new("planted");
        let described = relay.check(None, &[]).unwrap();
        assert_eq!(described.config.transport.ice.password, PasswordSource::Keyring);
        assert_eq!(described.secrets, [("ice_password", Password::new("planted"))]);
        relay.media.ways.forgets_password = true;
        assert!(relay.check(None, &[]).unwrap().secrets.is_empty());
    }

    #[test]
    fn an_edited_one_keeps_what_was_not_touched() {
        let line = "one=whip,address=https://h/,codec=h264,token_env=T,feeds=bow";
        let mut old = ConnectorConfig::from_line(line, FORMS).unwrap();
        old.enabled = false;
        old.transport.mtu = 1000;
        let mut entered = EnteredConnector::of(&old, form("whip"));
        assert_eq!(entered.check(Some(&old), &[old.id.clone()]).unwrap().config, old);
        entered.secrets.insert("token", Password::new("planted"));
        assert_eq!(entered.check(Some(&old), &[]).unwrap().config.secrets["token"], PasswordSource::Keyring);
        entered.forgotten.insert("token");
        let described = entered.check(Some(&old), &[]).unwrap();
        assert!(described.config.secrets.is_empty() && described.secrets.is_empty());
    }
}
