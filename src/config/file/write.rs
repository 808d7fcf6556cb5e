//! From the settings to the text of a settings file.
//!
//! The old text is edited rather than written anew: a key is touched only where its value
//! differs, so comments, order and form stay as the operator left them.

mod elsewhere;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::read::{EMBEDDED, EMBEDDED_KEYS, EXTERNAL_KEYS, OFF, read, setting_text, source_keys};
use super::{Fault, Forms, Remark, VERSION};
use crate::config::{
    AgentConfig, AgentKind, AudioConfig, AudioSource, BrokerChoice, BudgetKind, Codec, Config, ControlConfig, Crop,
    DataChannelConfig, Delivery, DeviceFormat, ElementRole, ElementSettings, EmbeddedBroker, ExternalBroker,
    FeedConfig, FeedId, Flip, Importance, MqttConfig, MqttDialect, MqttRole, PasswordSource, PathChoice, PictureConfig,
    Priority, Rotation, RtspConfig, Senders, ServerConfig, SocketPlace, SourceAddress, SourceConfig, StreamChoice,
    TestConfig, Token, TransportChoice, TransportConfig,
};
use crate::i18n::gettext_f;

/// What a new file starts with.
const HEADER: &str = "# Heliograph's settings, for people and for the window: comments are kept.\n";

/// The new text of the file that held `old`. It has been read back: what could not be
/// loaded again is refused here, by the same rules and in the same words.
pub(super) fn write(old: Option<&str>, config: &Config, forms: Forms) -> Result<String, Fault> {
    refuse_equal_ids(&config.feeds)?;
    let old = old.unwrap_or_default();
    let before = read(old, forms)?.config;
    let mut document: DocumentMut = old
        .parse()
        .map_err(|error: toml_edit::TomlError| Fault::Syntax(Remark { line: 1, text: error.message().to_owned() }))?;
    set_version(&mut document);
    set_server(&mut document, &config.server)?;
    set_control(&mut document, &config.control);
    set_mqtt(&mut document, &config.mqtt)?;
    // [encoders], [recording] and [statistics] are the operator's own: nothing here changes them.
    elsewhere::set_watch(&mut document, &before.watch, &config.watch)?;
    elsewhere::set_connectors(&mut document, before.connectors, &config.connectors, forms)?;
    set_feeds(&mut document, before.feeds, &config.feeds)?;
    let new = document.to_string();
    read(&new, forms)?;
    Ok(new)
}

/// Equal ids would not be seen in the file, where a feed whose id follows from its name has none.
fn refuse_equal_ids(feeds: &[FeedConfig]) -> Result<(), Fault> {
    let mut taken = HashSet::new();
    match feeds.iter().find(|feed| !taken.insert(&feed.id)) {
        Some(feed) => {
            let text =
                gettext_f("two feeds have the id \"{id}\"; give one of them another", &[("id", feed.id.as_ref())]);
            Err(Fault::Remarks(vec![Remark { line: 1, text }]))
        }
        None => Ok(()),
    }
}

fn set_version(document: &mut DocumentMut) {
    if document.contains_key("version") {
        return;
    }
    // What the empty file held so far, comments only, goes on top.
    let comments = document.trailing().as_str().unwrap_or_default().to_owned();
    document.set_trailing("");
    document.insert("version", toml_edit::value(VERSION));
    let top = if comments.is_empty() { HEADER.to_owned() } else { comments };
    if let Some(mut key) = document.key_mut("version") {
        key.leaf_decor_mut().set_prefix(top);
    }
}

fn set_server(document: &mut DocumentMut, server: &ServerConfig) -> Result<(), Fault> {
    if !document.contains_key("server") && *server == ServerConfig::default() {
        return Ok(());
    }
    let item = document.entry("server").or_insert_with(toml_edit::table);
    let table = item.as_table_like_mut().expect("[server] should be a table: it was read as one");
    apply(table, &server_entries(server)?);
    Ok(())
}

fn set_control(document: &mut DocumentMut, control: &ControlConfig) {
    if !document.contains_key("control") && *control == ControlConfig::default() {
        return;
    }
    let item = document.entry("control").or_insert_with(toml_edit::table);
    let table = item.as_table_like_mut().expect("[control] should be a table: it was read as one");
    let is_fixed = control.budget == BudgetKind::Fixed;
    // A fixed budget always says how much it is.
    let usual_kbps = if is_fixed { 0 } else { ControlConfig::DEFAULT_BUDGET_KBPS };
    let entries = [
        key("budget", &control.budget, &BudgetKind::default()),
        number("budget_kbps", control.budget_kbps, usual_kbps),
        number("aggregation_timeout", control.aggregation_timeout, ControlConfig::DEFAULT_AGGREGATION_TIMEOUT),
    ];
    apply(table, &entries);
}

/// Users stay as they are, unless they belong to the other kind of broker; where messages are off, all does.
fn set_mqtt(document: &mut DocumentMut, mqtt: &MqttConfig) -> Result<(), Fault> {
    if !document.contains_key("mqtt") && mqtt.broker == BrokerChoice::Off {
        return Ok(());
    }
    let item = document.entry("mqtt").or_insert_with(toml_edit::table);
    let table = item.as_table_like_mut().expect("[mqtt] should be a table: it was read as one");
    let entries = match &mqtt.broker {
        BrokerChoice::Off => vec![entry("broker", text(OFF), Setting::Absent)],
        BrokerChoice::Embedded(broker) => {
            remove(table, EXTERNAL_KEYS);
            embedded_entries(broker)?
        }
        BrokerChoice::External(broker) => {
            remove(table, EMBEDDED_KEYS);
            external_entries(broker)?
        }
    };
    apply(table, &entries);
    let instance = mqtt.instance.as_ref().map(FeedId::as_str);
    let dialect = |dialect: MqttDialect| text(dialect.key());
    apply(
        table,
        &[
            entry("instance", optional(instance), Setting::Absent),
            entry("dialect", dialect(mqtt.dialect), dialect(MqttDialect::default())),
            flag("allow_add", mqtt.allow_add, false),
        ],
    );
    Ok(())
}

fn remove(table: &mut dyn TableLike, keys: &[&str]) {
    for key in keys {
        table.remove(key);
    }
}

fn embedded_entries(broker: &EmbeddedBroker) -> Result<Vec<Entry>, Fault> {
    let anonymous = |role: Option<MqttRole>| text(role.map_or("none", MqttRole::key));
    let usual = EmbeddedBroker::at(broker.listen).anonymous.filter(|_| broker.users.is_empty());
    Ok(vec![
        entry("broker", text(EMBEDDED), text(EMBEDDED)),
        entry("listen", text(broker.listen.to_string()), text(EmbeddedBroker::DEFAULT_LISTEN.to_string())),
        entry("anonymous", anonymous(broker.anonymous), anonymous(usual)),
        entry("tls_cert", path(broker.tls_cert.as_deref())?, Setting::Absent),
        entry("tls_key", path(broker.tls_key.as_deref())?, Setting::Absent),
    ])
}

fn external_entries(broker: &ExternalBroker) -> Result<Vec<Entry>, Fault> {
    let (variable, file) = match &broker.password {
        PasswordSource::Environment(name) => (Some(name.as_str()), None),
        PasswordSource::File(path) => (None, Some(path.as_path())),
        PasswordSource::None | PasswordSource::Keyring => (None, None),
    };
    Ok(vec![
        entry("broker", text(broker.address.as_str()), Setting::Absent),
        entry("user", optional(broker.user.as_deref()), Setting::Absent),
        entry("password_env", optional(variable), Setting::Absent),
        entry("password_file", path(file)?, Setting::Absent),
        entry("ca", path(broker.ca.as_deref())?, Setting::Absent),
    ])
}

fn set_feeds(document: &mut DocumentMut, old_feeds: Vec<FeedConfig>, feeds: &[FeedConfig]) -> Result<(), Fault> {
    let old_tables = take_tables(document, "feeds");
    let mut old: HashMap<FeedId, (Table, Vec<DataChannelConfig>)> =
        old_feeds.into_iter().zip(old_tables).map(|(feed, table)| (feed.id, (table, feed.data_channels))).collect();
    let mut tables = Vec::new();
    for feed in feeds {
        let (mut table, channels) = old.remove(&feed.id).unwrap_or_default();
        let has_encoder_settings = table.contains_key("encoder_settings");
        let mut entries = feed_entries(feed, has_encoder_settings)?;
        // What says the same may say it in more words.
        entries.retain(|entry| entry.key != "data_channels" || channels != feed.data_channels);
        apply(&mut table, &entries);
        tables.push(table);
    }
    put_tables(document, "feeds", tables);
    Ok(())
}

/// The tables below `[[key]]`, taken out.
fn take_tables(document: &mut DocumentMut, key: &str) -> Vec<Table> {
    let item = document.remove(key);
    item.and_then(|item| item.into_array_of_tables().ok()).unwrap_or_default().into_iter().collect()
}

/// Puts tables below `[[key]]`, in this order.
fn put_tables(document: &mut DocumentMut, key: &str, mut tables: Vec<Table>) {
    if !tables.is_empty() {
        put_in_order(&mut tables);
        document.insert(key, Item::ArrayOfTables(tables.into_iter().collect::<ArrayOfTables>()));
    }
}

/// Tables are printed by the place they had in the file: hands the places out again in
/// the new order. A table without one follows the table before it.
fn put_in_order(tables: &mut [Table]) {
    let mut places: Vec<isize> = tables.iter().filter_map(Table::position).collect();
    places.sort_unstable();
    let old_tables = tables.iter_mut().filter(|table| table.position().is_some());
    for (table, place) in old_tables.zip(places) {
        table.set_position(Some(place));
    }
}

// ---- what stands in a table --------------------------------------------------

/// What one key should say, and what its absence says.
struct Entry {
    key: &'static str,
    value: Setting,
    default: Setting,
}

/// The value of a key.
#[derive(Clone, PartialEq)]
enum Setting {
    Absent,
    Text(String),
    Number(i64),
    Flag(bool),
    /// A number that is not whole, in thousandths.
    Thousandths(i64),
    Numbers(Vec<i64>),
    Texts(Vec<String>),
    /// Texts by name, in one line.
    Table(BTreeMap<String, String>),
    /// Such tables by name, in one line.
    Tables(BTreeMap<String, BTreeMap<String, String>>),
    /// Tables of whatever, one behind the other in one line.
    Rows(Vec<BTreeMap<String, Setting>>),
}

fn entry(key: &'static str, value: Setting, default: Setting) -> Entry {
    Entry { key, value, default }
}

fn text(text: impl Into<String>) -> Setting {
    Setting::Text(text.into())
}

fn optional(value: Option<&str>) -> Setting {
    value.map_or(Setting::Absent, text)
}

/// TOML is UTF-8, paths need not be.
fn path(path: Option<&Path>) -> Result<Setting, Fault> {
    let Some(path) = path else {
        return Ok(Setting::Absent);
    };
    path.to_str().map(text).ok_or_else(|| {
        let shown = path.display().to_string();
        let text = gettext_f("the path {path} is no UTF-8 text; rename that file", &[("path", &shown)]);
        Fault::Remarks(vec![Remark { line: 1, text }])
    })
}

fn server_entries(server: &ServerConfig) -> Result<Vec<Entry>, Fault> {
    let token = server.token.as_ref().map(Token::expose);
    let listen = |listen: std::net::SocketAddr| text(listen.to_string());
    let mut entries = vec![
        entry("listen", listen(server.listen), listen(ServerConfig::DEFAULT_LISTEN)),
        entry("token", optional(token), Setting::Absent),
        texts("allowed_origins", &server.allowed_origins),
        texts("allowed_hosts", &server.allowed_hosts),
        entry("tls_cert", path(server.tls_cert.as_deref())?, Setting::Absent),
        entry("tls_key", path(server.tls_key.as_deref())?, Setting::Absent),
        entry("insecure_http", Setting::Flag(server.insecure_http), Setting::Flag(false)),
    ];
    entries.extend(transport_entries(&server.transport)?);
    Ok(entries)
}

fn transport_entries(transport: &TransportConfig) -> Result<Vec<Entry>, Fault> {
    let default = TransportConfig::default();
    let (variable, file) = transport.ice.password_place();
    Ok(vec![
        number("mtu", transport.mtu, default.mtu),
        flag("retransmission", transport.retransmission, default.retransmission),
        number("fec_percent", transport.fec_percent.into(), default.fec_percent.into()),
        texts("ice_servers", &transport.ice.servers),
        entry("ice_password_env", optional(variable), Setting::Absent),
        entry("ice_password_file", path(file)?, Setting::Absent),
        entry("ice_password_keyring", in_keyring(&transport.ice.password), Setting::Absent),
        flag("relay_only", transport.relay_only, default.relay_only),
        texts("interfaces", &transport.interfaces),
    ])
}

/// Whether something is in the keyring; nothing is said where it is not.
fn in_keyring(source: &PasswordSource) -> Setting {
    if *source == PasswordSource::Keyring { Setting::Flag(true) } else { Setting::Absent }
}

/// A list that is empty where nothing is said.
fn texts<T: ToString>(key: &'static str, values: &[T]) -> Entry {
    entry(key, Setting::Texts(values.iter().map(ToString::to_string).collect()), Setting::Texts(Vec::new()))
}

/// What stands in a feed's table, which may have the older key of the encoder's properties.
fn feed_entries(feed: &FeedConfig, has_encoder_settings: bool) -> Result<Vec<Entry>, Fault> {
    let usual_id = FeedId::from_name(&feed.name);
    let mut entries = vec![
        entry("name", text(&feed.name), Setting::Absent),
        entry("id", text(feed.id.as_str()), text(usual_id.as_str())),
    ];
    entries.extend(source_entries(&feed.source)?);
    entries.push(entry("decoder", text(feed.decoder.key()), text("auto")));
    entries.extend(picture_entries(&feed.picture));
    entries.extend([
        key("audio", &feed.audio.source, &AudioSource::default()),
        number("audio_bitrate_kbps", feed.audio.bitrate_kbps, AudioConfig::DEFAULT_BITRATE_KBPS),
        key("path", &feed.path, &PathChoice::default()),
        entry("codec", text(feed.codec.key()), text(Codec::default().key())),
        entry("encoder", text(feed.encoder.key()), text("auto")),
        number("bitrate_kbps", feed.bitrate_kbps, FeedConfig::DEFAULT_BITRATE_KBPS),
        number("fec_percent", feed.fec_percent, 0),
        number("priority", feed.priority.number().into(), Priority::default().number().into()),
        key("agent", &feed.agent.kind, &AgentKind::default()),
        flag("agent_passive", feed.agent.is_passive, false),
        number("agent_least_kbps", feed.agent.least_kbps, AgentConfig::LEAST_KBPS),
        number("agent_most_kbps", feed.agent.most_kbps, AgentConfig::MOST_KBPS),
        flag("agent_picture", feed.agent.adapts_picture, true),
        importance("importance", Some(feed.share.importance), Some(Importance::default())),
        importance("focus_importance", feed.share.focus_importance, None),
        flag("independent", feed.share.is_independent, false),
        entry("pinned_viewers", Setting::Texts(feed.pinned_viewers.clone()), Setting::Texts(Vec::new())),
        entry("data_channels", Setting::Rows(channel_rows(&feed.data_channels)?), Setting::Rows(Vec::new())),
        flag("streaming", feed.streaming, true),
        flag("keep_warm", feed.keep_warm, false),
        flag("record_statistics", feed.record_statistics, false),
    ]);
    entries.extend(element_entries(&feed.elements, has_encoder_settings));
    Ok(entries)
}

/// The encoder's properties stay under the older key where the file has it.
fn element_entries(elements: &ElementSettings, has_encoder_settings: bool) -> [Entry; 2] {
    let (older, newer): (Vec<_>, Vec<_>) =
        elements.iter().partition(|(role, _)| has_encoder_settings && **role == ElementRole::Encoder);
    let encoder = older.into_iter().flat_map(|(_, settings)| settings.clone()).collect();
    let others = newer.into_iter().map(|(role, settings)| (role.key().to_owned(), settings.clone())).collect();
    [
        entry("encoder_settings", Setting::Table(encoder), Setting::Table(BTreeMap::new())),
        entry("elements", Setting::Tables(others), Setting::Tables(BTreeMap::new())),
    ]
}

fn channel_rows(channels: &[DataChannelConfig]) -> Result<Vec<BTreeMap<String, Setting>>, Fault> {
    channels.iter().map(channel_row).collect()
}

/// What differs from a channel of this label that nothing else is said of.
fn channel_row(channel: &DataChannelConfig) -> Result<BTreeMap<String, Setting>, Fault> {
    let usual = DataChannelConfig::new(channel.label.clone());
    let delivery = |delivery, key| match (delivery, key) {
        (Delivery::Retransmits(times), "retransmits") => Setting::Number(times.into()),
        (Delivery::LifetimeMs(ms), "lifetime_ms") => Setting::Number(ms.into()),
        _ => Setting::Absent,
    };
    let senders = match &channel.senders {
        Senders::None => Setting::Absent,
        Senders::All => text("all"),
        Senders::Named(names) => Setting::Texts(names.clone()),
    };
    let socket = match &channel.socket {
        SocketPlace::None => Setting::Absent,
        SocketPlace::Usual => Setting::Flag(true),
        SocketPlace::Path(place) => path(Some(place))?,
    };
    let entries = [
        entry("label", text(channel.label.as_str()), Setting::Absent),
        flag("ordered", channel.ordered, usual.ordered),
        entry("retransmits", delivery(channel.delivery, "retransmits"), Setting::Absent),
        entry("lifetime_ms", delivery(channel.delivery, "lifetime_ms"), Setting::Absent),
        entry("senders", senders, Setting::Absent),
        number("max_bytes", channel.max_bytes, usual.max_bytes),
        number("per_second", channel.per_second, usual.per_second),
        entry("socket", socket, Setting::Absent),
    ];
    let differs = entries.into_iter().filter(|entry| entry.value != entry.default);
    Ok(differs.map(|entry| (entry.key.to_owned(), entry.value)).collect())
}

fn picture_entries(picture: &PictureConfig) -> Vec<Entry> {
    let crop = |crop: Crop| Setting::Numbers([crop.left, crop.top, crop.right, crop.bottom].map(i64::from).to_vec());
    let rotation = |rotation: Rotation| {
        let degrees = rotation.key().parse().expect("a rotation's word should be its degrees");
        Setting::Number(degrees)
    };
    vec![
        flag("deinterlace", picture.deinterlace, false),
        entry("crop", crop(picture.crop), crop(Crop::default())),
        entry("rotate", rotation(picture.rotate), rotation(Rotation::default())),
        key("flip", &picture.flip, &Flip::default()),
        optional_key("size", picture.size.as_ref()),
        optional_number("framerate", picture.framerate),
        flag("letterbox", picture.letterbox, false),
    ]
}

fn flag(key: &'static str, value: bool, default: bool) -> Entry {
    entry(key, Setting::Flag(value), Setting::Flag(default))
}

fn number(key: &'static str, value: u32, default: u32) -> Entry {
    entry(key, Setting::Number(value.into()), Setting::Number(default.into()))
}

fn optional_number(key: &'static str, value: Option<u32>) -> Entry {
    entry(key, value.map_or(Setting::Absent, |value| Setting::Number(value.into())), Setting::Absent)
}

fn importance(key: &'static str, value: Option<Importance>, default: Option<Importance>) -> Entry {
    let setting = |value: Option<Importance>| value.map_or(Setting::Absent, |value| Setting::of_float(value.value()));
    entry(key, setting(value), setting(default))
}

/// A value that reads its own text.
fn key<T: ToString>(key: &'static str, value: &T, default: &T) -> Entry {
    entry(key, text(value.to_string()), text(default.to_string()))
}

fn optional_key<T: ToString>(key: &'static str, value: Option<&T>) -> Entry {
    entry(key, value.map_or(Setting::Absent, |value| text(value.to_string())), Setting::Absent)
}

/// The keys of all kinds of source, so that a feed that changes its kind loses the others.
fn source_entries(source: &SourceConfig) -> Result<Vec<Entry>, Fault> {
    let mut entries = match source {
        SourceConfig::Demo => vec![flag("demo", true, false)],
        SourceConfig::Rtsp(rtsp) => camera_entries(rtsp)?,
        SourceConfig::Device(device) => vec![
            entry("device", path(Some(&device.path))?, Setting::Absent),
            key("device_format", &device.format, &DeviceFormat::default()),
            optional_key("device_size", device.size.as_ref()),
            optional_number("device_framerate", device.framerate),
        ],
        SourceConfig::File(file) => vec![entry("file", path(Some(&file.path))?, Setting::Absent)],
        SourceConfig::Test(test) => {
            let default = TestConfig::default();
            vec![
                entry("pattern", text(test.pattern.key()), Setting::Absent),
                key("pattern_size", &test.size, &default.size),
                number("pattern_framerate", test.framerate, default.framerate),
            ]
        }
    };
    let own: Vec<&str> = entries.iter().map(|entry| entry.key).collect();
    let others = source_keys().filter(|key| !own.contains(key)).map(|key| entry(key, Setting::Absent, Setting::Absent));
    entries.extend(others.collect::<Vec<_>>());
    Ok(entries)
}

fn camera_entries(rtsp: &RtspConfig) -> Result<Vec<Entry>, Fault> {
    let (variable, file) = match &rtsp.password {
        PasswordSource::Environment(name) => (Some(name.as_str()), None),
        PasswordSource::File(path) => (None, Some(path.as_path())),
        PasswordSource::None | PasswordSource::Keyring => (None, None),
    };
    let (ice_variable, ice_file) = rtsp.reception.ice.password_place();
    let none = rtsp.user.is_some() && rtsp.password == PasswordSource::None;
    Ok(vec![
        entry("address", text(rtsp.address.as_str()), Setting::Absent),
        entry("user", optional(rtsp.user.as_deref()), Setting::Absent),
        entry("password", optional(none.then_some("")), Setting::Absent),
        entry("password_env", optional(variable), Setting::Absent),
        entry("password_file", path(file)?, Setting::Absent),
        entry("sub_address", optional(rtsp.sub_address.as_ref().map(SourceAddress::as_str)), Setting::Absent),
        key("stream", &rtsp.stream, &StreamChoice::default()),
        key("transport", &rtsp.transport, &TransportChoice::default()),
        number("latency_ms", rtsp.latency_ms, RtspConfig::DEFAULT_LATENCY_MS),
        flag("drop_on_latency", rtsp.drop_on_latency, true),
        optional_key("certificate", rtsp.certificate.as_ref()),
        entry("ca", path(rtsp.reception.ca.as_deref())?, Setting::Absent),
        texts("ice_servers", &rtsp.reception.ice.servers),
        entry("ice_password_env", optional(ice_variable), Setting::Absent),
        entry("ice_password_file", path(ice_file)?, Setting::Absent),
        entry("ice_password_keyring", in_keyring(&rtsp.reception.ice.password), Setting::Absent),
        flag("relay_only", rtsp.reception.relay_only, false),
        texts("interfaces", &rtsp.reception.interfaces),
    ])
}

// ---- the edit ----------------------------------------------------------------

/// Makes a table say what the entries say, with as few strokes as possible.
fn apply(table: &mut dyn TableLike, entries: &[Entry]) {
    for Entry { key, value, default } in entries {
        match (table.get_mut(key), value) {
            (None, value) if value == default => {}
            (None, value) => {
                if let Some(value) = value.to_toml() {
                    table.insert(key, Item::Value(value));
                }
            }
            (Some(_), Setting::Absent) => {
                table.remove(key);
            }
            (Some(_), Setting::Table(settings)) if settings.is_empty() => {
                table.remove(key);
            }
            (Some(_), Setting::Tables(settings)) if settings.is_empty() => {
                table.remove(key);
            }
            (Some(_), Setting::Rows(rows)) if rows.is_empty() => {
                table.remove(key);
            }
            (Some(item), value) if Setting::of(item) == *value => {}
            (Some(item), value) => replace(item, value),
        }
    }
}

/// Puts another value in, and leaves the comment behind it where it is.
fn replace(item: &mut Item, setting: &Setting) {
    let (Some(old), Some(mut new)) = (item.as_value(), setting.to_toml()) else {
        return;
    };
    *new.decor_mut() = old.decor().clone();
    *item = Item::Value(new);
}

impl Setting {
    /// A whole number is written as one.
    fn of_float(number: f64) -> Self {
        let thousandths = (number * 1000.0).round() as i64;
        if thousandths % 1000 == 0 { Setting::Number(thousandths / 1000) } else { Setting::Thousandths(thousandths) }
    }

    /// What a key says now; whatever we would not write counts as absent.
    fn of(item: &Item) -> Self {
        item.as_value().map_or(Setting::Absent, Self::of_value)
    }

    fn of_value(value: &Value) -> Self {
        match value {
            Value::String(text) => Setting::Text(text.value().clone()),
            Value::Integer(number) => Setting::Number(*number.value()),
            Value::Float(number) => Setting::of_float(*number.value()),
            Value::Boolean(flag) => Setting::Flag(*flag.value()),
            Value::Array(array) if !array.is_empty() && array.iter().all(Value::is_integer) => {
                Setting::Numbers(array.iter().filter_map(Value::as_integer).collect())
            }
            Value::Array(array) if !array.is_empty() && array.iter().all(Value::is_inline_table) => {
                let row = |table: &InlineTable| {
                    table.iter().map(|(key, value)| (key.to_owned(), Self::of_value(value))).collect()
                };
                Setting::Rows(array.iter().filter_map(Value::as_inline_table).map(row).collect())
            }
            Value::InlineTable(tables) if tables.iter().any(|(_, value)| value.is_inline_table()) => {
                let texts = |(key, value): (&str, &Value)| Some((key.to_owned(), texts_of(value.as_inline_table()?)));
                Setting::Tables(tables.iter().filter_map(texts).collect())
            }
            Value::InlineTable(table) => Setting::Table(texts_of(table)),
            Value::Array(array) => {
                Setting::Texts(array.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect())
            }
            Value::Datetime(_) => Setting::Absent,
        }
    }

    fn to_toml(&self) -> Option<Value> {
        match self {
            Setting::Absent => None,
            Setting::Text(text) => Some(text.as_str().into()),
            Setting::Number(number) => Some((*number).into()),
            Setting::Thousandths(number) => Some((*number as f64 / 1000.0).into()),
            Setting::Flag(flag) => Some((*flag).into()),
            Setting::Numbers(numbers) => Some(numbers.iter().copied().collect::<Array>().into()),
            Setting::Table(settings) => Some(inline(settings).into()),
            Setting::Tables(tables) => Some(
                tables.iter().map(|(name, settings)| (name.as_str(), inline(settings))).collect::<InlineTable>().into(),
            ),
            Setting::Texts(texts) => Some(texts.iter().map(String::as_str).collect::<Array>().into()),
            Setting::Rows(rows) => Some(rows.iter().map(row).collect::<Array>().into()),
        }
    }
}

fn row(settings: &BTreeMap<String, Setting>) -> InlineTable {
    settings.iter().filter_map(|(key, setting)| Some((key.as_str(), setting.to_toml()?))).collect()
}

/// Texts by name, as they stand in one line.
fn texts_of(table: &InlineTable) -> BTreeMap<String, String> {
    table.iter().filter_map(|(key, value)| Some((key.to_owned(), setting_text(value)?))).collect()
}

fn inline(settings: &BTreeMap<String, String>) -> InlineTable {
    settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
