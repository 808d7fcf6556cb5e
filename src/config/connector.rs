//! Where feeds go beside the page of this program, and how such a connector is described.
//!
//! What there is to say about a connector, its own kind knows: a [`ConnectorForm`] lists it as typed
//! fields, from which the settings file, the command line and the window are all built. This room
//! reads and checks by the form, and knows no kind.

use std::{
    collections::BTreeMap,
    fmt,
    ops::{Deref, RangeInclusive},
    path::PathBuf,
    sync::Arc,
};

use url::Url;

use super::{ConnectorId, ConnectorIdError, FeedId, Password, PasswordSource, SecretError, Secrets, TransportConfig};
use crate::i18n::{gettext, gettext_f};

/// A connector that the operator wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorConfig {
    /// Its name for programs.
    pub id: ConnectorId,
    /// Which kind, by the word of its form.
    pub kind: &'static str,
    /// Whether it is used.
    pub enabled: bool,
    /// Which feeds go there.
    pub feeds: FeedChoice,
    /// What the form asks for, by key; what has its default may be left out. Secrets are not here.
    pub values: BTreeMap<&'static str, String>,
    /// Where its secrets are found, by key.
    pub secrets: BTreeMap<&'static str, PasswordSource>,
    /// How media travel there.
    pub transport: TransportConfig,
}

/// Which feeds go to a connector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FeedChoice {
    /// All, and those that are added later.
    #[default]
    All,
    /// These.
    These(Vec<FeedId>),
}

impl FeedChoice {
    /// Whether this feed goes there.
    pub fn includes(&self, feed: &FeedId) -> bool {
        match self {
            Self::All => true,
            Self::These(feeds) => feeds.contains(feed),
        }
    }
}

/// What there is to say about a kind of connector.
pub struct ConnectorForm {
    /// The word for it in settings.
    pub kind: &'static str,
    /// Its name for people.
    pub name: fn() -> String,
    /// What it is for, in one line.
    pub line: fn() -> String,
    /// The name of its symbolic icon.
    pub icon: &'static str,
    /// What it asks for, in the order in which a person is asked.
    pub fields: &'static [Field],
    /// Whether the service itself may name STUN and TURN servers, where the operator names none.
    pub names_servers: bool,
}

/// One thing that a connector asks for.
pub struct Field {
    /// Its key in settings.
    pub key: &'static str,
    /// What a person is asked for.
    pub label: fn() -> String,
    /// What may be given.
    pub kind: FieldKind,
    /// Whether nothing can be done without it.
    pub is_required: bool,
}

/// What may be given in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// An address with one of these schemes.
    Address {
        /// Such as `wss`.
        schemes: &'static [&'static str],
        /// What the window's field begins with, where most services of the kind are at such an address.
        usual: &'static str,
    },
    /// A line of text.
    Text,
    /// Something that is not to be seen; settings say where it is found.
    Secret {
        /// The key for the name of an environment variable.
        variable: &'static str,
        /// The key for a file's path.
        file: &'static str,
        /// The key that says that it is in the keyring.
        keyring: &'static str,
    },
    /// A file's path from the root.
    File,
    /// A whole number.
    Number {
        /// What it may be.
        range: RangeInclusive<u32>,
        /// What it is where nothing is said.
        default: u32,
    },
    /// One of these words; the first is the default.
    Choice {
        /// The words.
        words: &'static [&'static str],
    },
}

/// Why a field cannot have a value: a sentence in lower case, for behind the field's name. It does not
/// repeat the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FieldError(String);

impl fmt::Debug for ConnectorForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConnectorForm").field(&self.kind).finish()
    }
}

impl ConnectorForm {
    /// The field of this key.
    pub fn field(&self, key: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.key == key)
    }
}

impl Field {
    /// Whether this text is a value.
    ///
    /// # Errors
    /// It is none; the sentence says what is.
    pub fn check(&self, text: &str) -> Result<(), FieldError> {
        let refuse = |sentence: String| Err(FieldError(sentence));
        match &self.kind {
            FieldKind::Address { schemes, .. } => check_address(text, schemes),
            FieldKind::Text if text.trim().is_empty() || text.chars().any(char::is_control) => {
                refuse(gettext("write a line of text"))
            }
            FieldKind::File if !text.starts_with('/') => refuse(gettext("write the file's path from the root, /…")),
            FieldKind::Number { range, .. } if !text.parse::<u32>().is_ok_and(|number| range.contains(&number)) => {
                let (least, most) = (range.start().to_string(), range.end().to_string());
                refuse(gettext_f("write a whole number from {least} to {most}", &[("least", &least), ("most", &most)]))
            }
            FieldKind::Choice { words } if !words.contains(&text) => {
                // Translators: {words} is a list of words in quotes.
                refuse(gettext_f("it is one of {words}", &[("words", &quoted(words))]))
            }
            _ => Ok(()),
        }
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

fn check_address(text: &str, schemes: &[&str]) -> Result<(), FieldError> {
    let url = Url::parse(text).ok().filter(|url| schemes.contains(&url.scheme()) && url.has_host());
    let Some(url) = url else {
        let forms = schemes.iter().map(|scheme| format!("{scheme}://HOST:PORT")).collect::<Vec<_>>().join(", ");
        // Translators: {forms} is a list such as: ws://HOST:PORT, wss://HOST:PORT.
        return Err(FieldError(gettext_f("write an address of the form {forms}", &[("forms", &forms)])));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(FieldError(gettext("a user or password in an address can be seen by everybody; take it out")));
    }
    Ok(())
}

/// A connector's settings, with its secrets within reach.
#[derive(Clone, Debug)]
pub struct ConnectorSettings {
    config: ConnectorConfig,
    secrets: Arc<Secrets>,
}

impl ConnectorSettings {
    /// These settings, whose secrets are known there.
    pub fn new(config: ConnectorConfig, secrets: Arc<Secrets>) -> Self {
        Self { config, secrets }
    }

    /// A secret as it is now: to be asked for again at each attempt.
    ///
    /// # Errors
    /// It is not where it should be.
    pub async fn secret(&self, key: &str) -> Result<Option<Password>, SecretError> {
        let Some(source) = self.config.secrets.get(key) else { return Ok(None) };
        match self.secrets.resolve(&FeedId::of_connector(&self.config.id, key), source).await? {
            None if *source == PasswordSource::Keyring => Err(SecretError::NotInKeyring),
            found => Ok(found),
        }
    }

    /// As [`Secrets::ice_password`].
    pub(crate) fn ice_password(&self) -> Option<Password> {
        self.secrets.ice_password(&self.config.id, &self.config.transport.ice)
    }
}

impl Deref for ConnectorSettings {
    type Target = ConnectorConfig;

    fn deref(&self) -> &ConnectorConfig {
        &self.config
    }
}

impl ConnectorConfig {
    /// A connector of this kind, with all of its defaults, for all feeds.
    pub fn new(id: ConnectorId, form: &ConnectorForm) -> Self {
        Self {
            id,
            kind: form.kind,
            enabled: true,
            feeds: FeedChoice::All,
            values: BTreeMap::new(),
            secrets: BTreeMap::new(),
            transport: TransportConfig::default(),
        }
    }

    /// Reads a connector from a line, as `ID=KIND,KEY=VALUE,KEY=VALUE`; `feeds=bow+aft` names its feeds.
    ///
    /// # Errors
    /// A sentence in lower case that says what is wrong; it repeats no value.
    pub fn from_line(line: &str, forms: &[&'static ConnectorForm]) -> Result<Self, String> {
        let kinds = forms.iter().map(|form| form.kind).collect::<Vec<_>>();
        let (id, rest) = line.split_once('=').ok_or_else(|| gettext("a connector is written as ID=KIND,KEY=VALUE"))?;
        let mut words = rest.split(',');
        let kind = words.next().unwrap_or_default();
        let form = forms.iter().find(|form| form.kind == kind).ok_or_else(|| {
            // Translators: {kinds} is a list of words in quotes.
            gettext_f("behind the id stands the kind, one of {kinds}", &[("kinds", &quoted(&kinds))])
        })?;
        let mut connector = Self::new(id.parse().map_err(|error: ConnectorIdError| error.to_string())?, form);
        for word in words {
            let (key, value) = word.split_once('=').ok_or_else(|| gettext("behind the kind stand KEY=VALUE"))?;
            connector.take(form, key, value)?;
        }
        match form.fields.iter().find(|field| field.is_required && !connector.values.contains_key(field.key)) {
            Some(field) => Err(gettext_f("this connector needs {key}=…", &[("key", field.key)])),
            None => Ok(connector),
        }
    }

    fn take(&mut self, form: &ConnectorForm, key: &str, value: &str) -> Result<(), String> {
        if key == "feeds" {
            let ids: Result<Vec<FeedId>, _> = value.split('+').map(str::parse).collect();
            self.feeds = FeedChoice::These(ids.map_err(|error| error.to_string())?);
            return Ok(());
        }
        for field in form.fields {
            match field.kind {
                FieldKind::Secret { variable, .. } if variable == key => {
                    self.secrets.insert(field.key, PasswordSource::Environment(value.to_owned()));
                    return Ok(());
                }
                FieldKind::Secret { file, .. } if file == key => {
                    self.secrets.insert(field.key, PasswordSource::File(value.into()));
                    return Ok(());
                }
                FieldKind::Secret { keyring, .. } if keyring == key && value == "true" => {
                    self.secrets.insert(field.key, PasswordSource::Keyring);
                    return Ok(());
                }
                FieldKind::Secret { .. } => {}
                _ if field.key == key => return self.set(field, value).map_err(|error| format!("{key}: {error}")),
                _ => {}
            }
        }
        // Translators: {kind} is a word such as "whip".
        Err(gettext_f("a connector of the kind {kind} has no such key", &[("kind", form.kind)]))
    }

    /// What was given in a field of text; `None` where nothing was.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// The address in a field.
    pub fn address(&self, key: &str) -> Option<Url> {
        Url::parse(self.text(key)?).ok()
    }

    /// The file in a field.
    pub fn file(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(PathBuf::from)
    }

    /// Takes a field's value from text.
    ///
    /// # Errors
    /// It is no value of this field.
    pub fn set(&mut self, field: &'static Field, text: &str) -> Result<(), FieldError> {
        field.check(text)?;
        self.values.insert(field.key, text.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SessionStore;

    static FIELDS: [Field; 4] = [
        Field {
            key: "address",
            label: || "Address".to_owned(),
            kind: FieldKind::Address { schemes: &["ws", "wss"], usual: "" },
            is_required: true,
        },
        Field {
            key: "token",
            label: || "Token".to_owned(),
            kind: FieldKind::Secret { variable: "token_env", file: "token_file", keyring: "token_keyring" },
            is_required: false,
        },
        Field {
            key: "tries",
            label: || "Tries".to_owned(),
            kind: FieldKind::Number { range: 1..=9, default: 3 },
            is_required: false,
        },
        Field {
            key: "codec",
            label: || "Codec".to_owned(),
            kind: FieldKind::Choice { words: &["h264", "vp8"] },
            is_required: false,
        },
    ];

    static SHORE: ConnectorForm = ConnectorForm {
        kind: "shore",
        name: || "Shore".to_owned(),
        line: || "Somewhere else".to_owned(),
        icon: "network-server-symbolic",
        fields: &FIELDS,
        names_servers: false,
    };

    #[test]
    fn a_connector_is_read_from_a_line() {
        let read = |line: &str| ConnectorConfig::from_line(line, &[&SHORE]);
        let connector = read("one=shore,address=wss://h:1/,token_env=T,tries=5,feeds=bow+aft").unwrap();
        assert_eq!((connector.id.as_str(), connector.text("tries")), ("one", Some("5")));
        assert_eq!(connector.secrets["token"], PasswordSource::Environment("T".to_owned()));
        assert!(
            connector.feeds.includes(&FeedId::from_name("aft")) && !connector.feeds.includes(&FeedId::from_name("x"))
        );
        for (bad, why) in [
            ("one", "ID=KIND"),
            ("one=moon", "one of \"shore\""),
            ("O N E=shore", "a connector's id is"),
            ("one=shore", "needs address="),
            ("one=shore,address", "KEY=VALUE"),
            ("one=shore,address=http://planted/", "address: write an address"),
            ("one=shore,token=planted", "has no such key"),
            ("one=shore,token_keyring=planted", "has no such key"),
        ] {
            let error = read(bad).unwrap_err();
            assert!(error.contains(why) && !error.contains("planted"), "{bad}: {error}");
        }
    }

    #[tokio::test]
    async fn a_secret_in_the_keyring_is_found_under_the_connectors_name() {
        let secrets = Arc::new(Secrets::with_store(SessionStore::default()));
        let config = ConnectorConfig::from_line("one=shore,address=wss://h:1/,token_keyring=true", &[&SHORE]).unwrap();
        let settings = ConnectorSettings::new(config, secrets.clone());
        assert!(matches!(settings.secret("token").await, Err(SecretError::NotInKeyring)));
        let planted = Password::new("planted");
        let _ = secrets.keep(&FeedId::of_connector(&"two".parse().unwrap(), "token"), &Password::new("other")).await;
        let _ = secrets.keep(&FeedId::of_connector(&settings.id, "token"), &planted).await;
        assert_eq!(settings.secret("token").await.unwrap(), Some(planted));
        assert_eq!(settings.secret("address").await.unwrap(), None);
        assert!(!format!("{settings:?}").contains("planted"));
    }

    #[test]
    fn a_field_says_what_it_takes_and_repeats_nothing() {
        let why = |key: &str, text: &str| {
            let field = FIELDS.iter().find(|field| field.key == key).unwrap();
            field.check(text).map_err(|error| error.to_string())
        };
        assert_eq!(why("address", "wss://relay.example:8443/path"), Ok(()));
        for bad in ["", "relay.example", "http://relay.example", "ws://", "ws://me:planted@h/"] {
            let error = why("address", bad).unwrap_err();
            assert!(!error.contains("planted"), "{error}");
        }
        assert_eq!(why("tries", "3"), Ok(()));
        for bad in ["0", "10", "-1", "x", "3.5"] {
            assert_eq!(why("tries", bad).unwrap_err(), "write a whole number from 1 to 9");
        }
        assert_eq!(why("codec", "vp8"), Ok(()));
        assert_eq!(why("codec", "VP8").unwrap_err(), "it is one of \"h264\", \"vp8\"");
    }
}
