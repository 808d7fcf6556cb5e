//! `[mqtt]`: whether and where feeds are told of over MQTT.

use std::collections::HashSet;

use toml_edit::TableLike;

use super::super::fields::Fields;
use super::login::{Variable, check_user};
use crate::config::{
    BrokerAddress, BrokerChoice, EmbeddedBroker, ExternalBroker, GstWebRtcAppTopics, MqttConfig, MqttRole, MqttUser,
    PasswordSource,
};
use crate::i18n::{gettext, gettext_f};

/// The word for no broker: nothing is said, and the rest waits.
pub(in super::super) const OFF: &str = "off";
/// The word that chooses the broker inside this program.
pub(in super::super) const EMBEDDED: &str = "embedded";

const COMMON_KEYS: &[&str] = &[
    "broker",
    "instance",
    "dialect",
    "allow_add",
    "stats_hz",
    "prefix",
    "controller",
    "control",
    "aggregation",
    "preset_tuning",
];
pub(in super::super) const EMBEDDED_KEYS: &[&str] =
    &["listen", "anonymous", "users", "tls_cert", "tls_key", "insecure"];
pub(in super::super) const EXTERNAL_KEYS: &[&str] =
    &["user", "password_env", "password_file", "ca", "client_cert", "client_key", "protocol_version"];

pub(super) fn read_mqtt(top: &Fields<'_>) -> MqttConfig {
    let Some(item) = top.table.get("mqtt") else {
        return MqttConfig::default();
    };
    let Some(table) = item.as_table_like() else {
        top.refuse("mqtt", gettext("write it as [mqtt], with its keys below"));
        return MqttConfig::default();
    };
    let fields = Fields { table, line: top.line_of("mqtt"), notes: top.notes };
    fields.refuse_others(&[COMMON_KEYS, EMBEDDED_KEYS, EXTERNAL_KEYS].concat());
    let default = MqttConfig::default();
    MqttConfig {
        broker: read_broker(&fields),
        instance: fields.parsed("instance"),
        dialect: fields.parsed("dialect").unwrap_or_default(),
        allow_add: fields.flag("allow_add").unwrap_or(default.allow_add),
        stats_hz: fields.number("stats_hz", &MqttConfig::STATS_HZ).unwrap_or(default.stats_hz),
        gstwebrtcapp: read_topics(&fields),
    }
}

fn read_broker(fields: &Fields<'_>) -> BrokerChoice {
    if fields.table.get("broker").and_then(toml_edit::Item::as_str) == Some(OFF) {
        return BrokerChoice::Off;
    }
    let is_embedded = fields.table.get("broker").is_none_or(|item| item.as_str() == Some(EMBEDDED));
    let (others, broker) = if is_embedded {
        (EXTERNAL_KEYS, BrokerChoice::Embedded(read_embedded(fields)))
    } else {
        let broker = fields.secret::<BrokerAddress>("broker").map(|address| read_external(fields, address));
        (EMBEDDED_KEYS, broker.map_or(BrokerChoice::Off, |broker| BrokerChoice::External(Box::new(broker))))
    };
    for key in others.iter().filter(|key| fields.has(key)) {
        let why = if is_embedded {
            gettext("it belongs to a broker elsewhere; name that one with `broker`, or remove this line")
        } else {
            gettext("it belongs to the broker inside this program, and another one is named with `broker`")
        };
        fields.refuse(key, why);
    }
    broker
}

fn read_embedded(fields: &Fields<'_>) -> EmbeddedBroker {
    let listen = fields.checked("listen", super::server::check_listen).and_then(|text| text.parse().ok());
    let mut broker = EmbeddedBroker::at(listen.unwrap_or(EmbeddedBroker::DEFAULT_LISTEN));
    broker.users = read_users(fields);
    broker.tls_cert = fields.path("tls_cert");
    broker.tls_key = fields.path("tls_key");
    broker.insecure = fields.flag("insecure").unwrap_or(false);
    if fields.has("anonymous") {
        broker.anonymous = fields.parsed::<Anonymous>("anonymous").and_then(|Anonymous(role)| role);
    } else if !broker.users.is_empty() {
        broker.anonymous = None;
    }
    refuse_alone(fields, [("tls_cert", "tls_key"), ("tls_key", "tls_cert")]);
    refuse_open_doors(fields, &broker);
    broker
}

/// Beyond loopback there are names, passwords and TLS, or there is no broker.
fn refuse_open_doors(fields: &Fields<'_>, broker: &EmbeddedBroker) {
    if broker.listen.ip().is_loopback() {
        return;
    }
    if broker.anonymous.is_some() {
        fields
            .refuse("anonymous", gettext("beyond this machine everybody needs a name and a password; write \"none\""));
    }
    if broker.users.is_empty() {
        fields.refuse("listen", gettext("beyond this machine somebody has to be let in by name; list `users`"));
    }
    if broker.tls_cert.is_none() && !broker.insecure {
        fields.refuse(
            "listen",
            gettext(
                "beyond this machine passwords need TLS; name tls_cert and tls_key, or say insecure = true where something else encrypts",
            ),
        );
    }
}

/// A role, or none at all.
struct Anonymous(Option<MqttRole>);

impl std::str::FromStr for Anonymous {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self(None)),
            role => role
                .parse()
                .map(|role| Self(Some(role)))
                .map_err(|_| gettext("it is one of \"none\", \"observe\", \"operate\", \"admin\"")),
        }
    }
}

fn read_users(fields: &Fields<'_>) -> Vec<MqttUser> {
    let Some(item) = fields.table.get("users") else {
        return Vec::new();
    };
    let Some(tables) = super::tables_of(item) else {
        fields.refuse("users", gettext("write each user in braces: users = [{ name = \"pilot\", role = \"operate\", password_env = \"PILOT\" }]"));
        return Vec::new();
    };
    let read = |(table, span): (&dyn TableLike, _)| {
        read_user(&Fields { table, line: fields.notes.line(span), notes: fields.notes })
    };
    let users: Vec<MqttUser> = tables.into_iter().filter_map(read).collect();
    let mut taken = HashSet::new();
    if let Some(twice) = users.iter().find(|user| !taken.insert(&user.name)) {
        fields.refuse("users", gettext_f("there are two called {name}; rename one", &[("name", &twice.name)]));
    }
    users
}

fn read_user(fields: &Fields<'_>) -> Option<MqttUser> {
    fields.refuse_others(&["name", "role", "password_env", "password_file"]);
    if !fields.has("name") {
        fields.notes.add(fields.line, gettext("this user has no `name`"));
    }
    let password = read_password(fields);
    if password == PasswordSource::None {
        fields.notes.add(fields.line, gettext("this user has no password; name it with password_env or password_file"));
    }
    let name = fields.checked("name", MqttUser::check_name)?;
    Some(MqttUser { name, role: fields.parsed("role").unwrap_or_default(), password })
}

fn read_password(fields: &Fields<'_>) -> PasswordSource {
    let (variable, file) = (fields.secret::<Variable>("password_env"), fields.path("password_file"));
    match (variable, file) {
        (Some(_), Some(_)) => {
            let why = gettext_f("{key} is there too; remove one of the two", &[("key", "password_env")]);
            fields.refuse("password_file", why);
            PasswordSource::None
        }
        (Some(Variable(name)), None) => PasswordSource::Environment(name),
        (None, Some(path)) => PasswordSource::File(path),
        (None, None) => PasswordSource::None,
    }
}

pub(super) fn read_external(fields: &Fields<'_>, address: BrokerAddress) -> ExternalBroker {
    let mut broker = ExternalBroker::at(address);
    broker.user = fields.checked("user", check_user);
    broker.password = read_password(fields);
    if broker.password == PasswordSource::None && broker.user.is_some() {
        broker.password = PasswordSource::Keyring;
    }
    broker.ca = fields.path("ca");
    broker.client_cert = fields.path("client_cert");
    broker.client_key = fields.path("client_key");
    broker.version = fields.parsed("protocol_version").unwrap_or_default();
    refuse_alone(fields, [("client_cert", "client_key"), ("client_key", "client_cert")]);
    if !broker.address.is_encrypted() {
        for key in ["ca", "client_cert"].into_iter().filter(|key| fields.has(key)) {
            fields.refuse(key, gettext("the broker's address is not encrypted; write mqtts:// or wss://"));
        }
    }
    broker
}

/// Keys that only make sense beside another one.
fn refuse_alone(fields: &Fields<'_>, pairs: [(&str, &str); 2]) {
    for (key, other) in pairs {
        if fields.has(key) && !fields.has(other) {
            fields.refuse(key, gettext_f("it needs `{key}` beside it", &[("key", other)]));
        }
    }
}

fn read_topics(fields: &Fields<'_>) -> GstWebRtcAppTopics {
    let default = GstWebRtcAppTopics::default();
    GstWebRtcAppTopics {
        prefix: fields.checked("prefix", GstWebRtcAppTopics::check_topic).unwrap_or(default.prefix),
        controller: fields.checked("controller", GstWebRtcAppTopics::check_topic).unwrap_or(default.controller),
        control: fields.flag("control").unwrap_or(default.control),
        aggregation: fields.checked("aggregation", GstWebRtcAppTopics::check_topic).unwrap_or(default.aggregation),
        preset_tuning: fields.flag("preset_tuning").unwrap_or(default.preset_tuning),
    }
}
