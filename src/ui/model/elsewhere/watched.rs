//! A broker at which feeds of others are watched, as it stands in the fields.

use super::{Misfit, note, optional, optional_path, words_of};
use crate::{
    config::{
        BrokerAddress, ExternalBroker, FeedId, GstWebRtcAppTopics, MqttDialect, Password, PasswordSource, WatchConfig,
    },
    i18n::gettext,
};

/// What was entered for a broker, as it stands in the fields.
#[derive(Clone)]
pub struct EnteredWatch {
    /// Its address.
    pub broker: String,
    /// Our name there.
    pub user: String,
    /// Our password; empty: as it is.
    pub password: Password,
    /// Who vouches for it, a file's path.
    pub ca: String,
    /// Which messages are read.
    pub dialect: MqttDialect,
    /// Whose feeds are watched, parted by spaces or commas; empty: everybody's.
    pub instances: String,
    /// Where the feeds of `GstWebRTCApp` are found.
    pub prefix: String,
    /// Where they announce themselves.
    pub controller: String,
    /// Whether their statistics are written to files from the start.
    pub record: bool,
}

/// A described broker, and the password to keep for it.
#[derive(Clone, Debug)]
pub struct DescribedWatch {
    /// The settings.
    pub config: WatchConfig,
    /// What was typed: for the keyring.
    pub password: Option<Password>,
}

impl Default for EnteredWatch {
    fn default() -> Self {
        let topics = GstWebRtcAppTopics::default();
        Self {
            broker: String::new(),
            user: String::new(),
            password: Password::default(),
            ca: String::new(),
            dialect: MqttDialect::default(),
            instances: String::new(),
            prefix: topics.prefix,
            controller: topics.controller,
            record: false,
        }
    }
}

impl EnteredWatch {
    /// The settings of one, as they stand in the fields.
    pub fn of(config: &WatchConfig) -> Self {
        let broker = &config.broker;
        Self {
            broker: broker.address.to_string(),
            user: broker.user.clone().unwrap_or_default(),
            password: Password::default(),
            ca: broker.ca.as_ref().map_or_else(String::new, |path| path.display().to_string()),
            dialect: config.dialect,
            instances: config.instances.iter().map(FeedId::as_str).collect::<Vec<_>>().join(", "),
            prefix: config.topics.prefix.clone(),
            controller: config.topics.controller.clone(),
            record: config.record,
        }
    }

    /// The broker that is described: `old` as it is wanted now, or a new one.
    ///
    /// # Errors
    /// The fields that cannot stay as they are. Fields that are still empty count, too.
    pub fn check(&self, old: Option<&WatchConfig>) -> Result<DescribedWatch, Vec<Misfit>> {
        let mut misfits = Vec::new();
        let address: Result<BrokerAddress, _> = self.broker.trim().parse();
        let address = note(&mut misfits, address.map_err(|error| Misfit::new("broker", &self.broker, &error)));
        let password = Some(&self.password).filter(|password| !password.is_empty()).cloned();
        if password.is_some() && optional(&self.user).is_none() {
            let sentence = gettext("Enter the user to whom this password belongs.");
            misfits.push(Misfit { field: "user", is_empty: false, sentence });
        }
        let ca = note(&mut misfits, self.check_ca(address.as_ref()));
        let is_ours = self.dialect == MqttDialect::Heliograph;
        let instances: Result<Vec<FeedId>, _> = words_of(&self.instances).filter(|_| is_ours).map(str::parse).collect();
        let instances = instances.map_err(|error| Misfit::new("instances", &self.instances, &error));
        let instances = note(&mut misfits, instances);
        let topics = self.topics(&mut misfits);
        match (address, ca, instances) {
            (Some(address), Some(ca), Some(instances)) if misfits.is_empty() => {
                let before = old.map(|old| old.broker.clone());
                let mut broker = before.map_or_else(
                    || ExternalBroker::at(address.clone()),
                    |before| ExternalBroker { address: address.clone(), ..before },
                );
                broker.ca = ca.map(Into::into);
                broker.user = optional(&self.user).map(str::to_owned);
                broker.password = match (&broker.user, &password) {
                    (None, _) => PasswordSource::None,
                    (Some(_), Some(_)) => PasswordSource::Keyring,
                    // Who has a user has a password: without a place for it, the keyring has it.
                    (Some(_), None) => Some(broker.password)
                        .filter(|place| *place != PasswordSource::None)
                        .unwrap_or(PasswordSource::Keyring),
                };
                let config = WatchConfig { broker, dialect: self.dialect, instances, topics, record: self.record };
                Ok(DescribedWatch { config, password })
            }
            _ => Err(misfits),
        }
    }

    fn check_ca(&self, address: Option<&BrokerAddress>) -> Result<Option<&str>, Misfit> {
        match optional_path(&self.ca).map_err(|error| Misfit::new("ca", &self.ca, &error))? {
            Some(path) if address.is_some_and(|address| !address.is_encrypted()) => {
                let error = gettext("a certificate vouches for encrypted brokers only, mqtts:// or wss://");
                Err(Misfit::new("ca", path, &error))
            }
            path => Ok(path),
        }
    }

    fn topics(&self, misfits: &mut Vec<Misfit>) -> GstWebRtcAppTopics {
        let usual = GstWebRtcAppTopics::default();
        if self.dialect == MqttDialect::Heliograph {
            return usual;
        }
        let mut checked = |field, text: &str| {
            let result = GstWebRtcAppTopics::check_topic(text.trim());
            note(misfits, result.map_err(|error| Misfit::new(field, text, &error)));
            text.trim().to_owned()
        };
        GstWebRtcAppTopics {
            prefix: checked("prefix", &self.prefix),
            controller: checked("controller", &self.controller),
            ..usual
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(entered: &EnteredWatch) -> Vec<&'static str> {
        entered.check(None).unwrap_err().iter().map(|misfit| misfit.field).collect()
    }

    #[test]
    fn what_was_entered_becomes_settings() {
        let entered = EnteredWatch {
            broker: " mqtts://boat.example:8883 ".to_owned(),
            user: "bridge".to_owned(),
            password: Password::new("planted"),
            instances: "bow, stern".to_owned(),
            prefix: "not asked".to_owned(),
            ..EnteredWatch::default()
        };
        let described = entered.check(None).unwrap();
        assert!(!format!("{described:?}").contains("planted"));
        let config = described.config;
        assert_eq!(config.broker.password, PasswordSource::Keyring);
        assert_eq!(config.instances.len(), 2);
        assert_eq!(config.topics, GstWebRtcAppTopics::default());
        // Read back, it is as it was.
        let again = EnteredWatch::of(&config).check(Some(&config)).unwrap();
        assert_eq!((again.config, again.password), (config, None));
    }

    #[test]
    fn each_field_says_what_is_wrong_with_it() {
        assert_eq!(fields(&EnteredWatch::default()), ["broker"]);
        let bad = EnteredWatch {
            broker: "mqtt://h".to_owned(),
            password: Password::new("planted"),
            ca: "/ca.pem".to_owned(),
            instances: "Two Words".to_owned(),
            ..EnteredWatch::default()
        };
        assert_eq!(fields(&bad), ["user", "ca", "instances"]);
        let theirs = EnteredWatch { dialect: MqttDialect::GstWebRtcApp, prefix: "a/#".to_owned(), ..bad };
        assert_eq!(fields(&theirs), ["user", "ca", "prefix"]);
    }
}
