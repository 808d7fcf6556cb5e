//! From the text of a settings file to the settings.

use std::collections::HashSet;
use std::str::FromStr;

use toml_edit::{Document, Item, TableLike, TomlError};

use super::fields::{Fields, Notes};
use super::{Fault, Loaded, Remark, VERSION};
use crate::config::{
    Config, FeedConfig, FeedId, Password, PasswordSource, RtspConfig, ServerConfig, SourceAddress, SourceConfig,
};
use crate::i18n::{gettext, gettext_f};

const TOP_KEYS: &[&str] = &["version", "server", "feeds"];

const SERVER_KEYS: &[&str] =
    &["listen", "token", "allowed_origins", "allowed_hosts", "tls_cert", "tls_key", "insecure_http"];

const FEED_KEYS: &[&str] = &[
    "name",
    "id",
    "demo",
    "address",
    "user",
    "password",
    "password_env",
    "password_file",
    "codec",
    "encoder",
    "bitrate_kbps",
    "latency_ms",
    "streaming",
];

/// What only a camera on the network has.
const CAMERA_KEYS: &[&str] = &["user", "password", "password_env", "password_file", "latency_ms"];

/// The ways to say where a password is; without any it is in the keyring.
const PASSWORD_KEYS: &[&str] = &["password", "password_env", "password_file"];

/// A feed as it stands in the file: it may have no id yet.
struct Draft {
    id: Option<FeedId>,
    id_line: usize,
    feed: FeedConfig,
    /// A password that stood in the address.
    password: Option<Password>,
    address_line: usize,
}

/// Reads the whole file, or says everything that is wrong with it.
pub(super) fn read(text: &str) -> Result<Loaded, Fault> {
    let document = Document::parse(text).map_err(|error| syntax_fault(text, &error))?;
    let notes = Notes::new(text);
    let top = Fields { table: document.as_table(), line: 1, notes: &notes };
    if top.table.is_empty() {
        return Ok(Loaded::default());
    }
    check_version(&top)?;
    top.refuse_others(TOP_KEYS);
    let server = read_server(&top);
    let drafts = read_feeds(&top);
    refuse_equal_ids(&drafts, &notes);
    match notes.into_remarks() {
        remarks if remarks.is_empty() => Ok(finish(server, drafts)),
        remarks => Err(Fault::Remarks(remarks)),
    }
}

/// The parser's own message, without the line it quotes: that may hold a token.
fn syntax_fault(text: &str, error: &TomlError) -> Fault {
    let line = Notes::new(text).line(error.span());
    // Translators: {reason} is in English.
    let text = gettext_f("this is no TOML: {reason}", &[("reason", error.message())]);
    Fault::Syntax(Remark { line, text })
}

/// Of a newer form nothing else is said: its keys need not be ours.
fn check_version(top: &Fields<'_>) -> Result<(), Fault> {
    let ours = [("version", &*VERSION.to_string())];
    match top.table.get("version").map(Item::as_integer) {
        Some(Some(version)) if version > VERSION => return Err(Fault::Newer { version }),
        Some(Some(VERSION)) => {}
        Some(_) => top.refuse("version", gettext_f("it must be {version}", &ours)),
        None => top.notes.add(1, gettext_f("the version is missing; write version = {version} first", &ours)),
    }
    Ok(())
}

// ---- [server] ----------------------------------------------------------------

fn read_server(top: &Fields<'_>) -> ServerConfig {
    let Some(item) = top.table.get("server") else {
        return ServerConfig::default();
    };
    let Some(table) = item.as_table_like() else {
        top.refuse("server", gettext("write it as [server], with its keys below"));
        return ServerConfig::default();
    };
    let fields = Fields { table, line: top.line_of("server"), notes: top.notes };
    fields.refuse_others(SERVER_KEYS);
    let default = ServerConfig::default();
    let server = ServerConfig {
        listen: fields.checked("listen", check_listen).and_then(|text| text.parse().ok()).unwrap_or(default.listen),
        token: fields.secret("token"),
        allowed_origins: fields.texts("allowed_origins", check_origin).unwrap_or_default(),
        allowed_hosts: fields.texts("allowed_hosts", check_host).unwrap_or_default(),
        tls_cert: fields.path("tls_cert"),
        tls_key: fields.path("tls_key"),
        insecure_http: fields.flag("insecure_http").unwrap_or(default.insecure_http),
    };
    for (key, other) in [("tls_cert", "tls_key"), ("tls_key", "tls_cert")] {
        if fields.has(key) && !fields.has(other) {
            fields.refuse(key, gettext_f("it needs `{key}` beside it", &[("key", other)]));
        }
    }
    server
}

fn check_listen(text: &str) -> Result<(), String> {
    let address = text.parse::<std::net::SocketAddr>();
    address
        .map(drop)
        .map_err(|_| gettext("it must be an IP address and a port, such as 127.0.0.1:8443, 0.0.0.0:8443 or [::]:8443"))
}

/// RFC 6454, section 6.1: scheme, host and perhaps a port, nothing after them.
fn check_origin(text: &str) -> Result<(), String> {
    let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    match url {
        Some(url) if url.origin().ascii_serialization() == text => Ok(()),
        _ => Err(gettext("an origin is https://HOST or https://HOST:PORT, in lower case and without a path")),
    }
}

fn check_host(text: &str) -> Result<(), String> {
    let plain = !text.is_empty() && !text.contains(['/', '@', '?', '#', ' ', '*']);
    let known_form = url::Host::parse(text).is_ok();
    if plain && known_form { Ok(()) } else { Err(gettext("a host is a name or an IP address, without port and path")) }
}

// ---- [[feeds]] ---------------------------------------------------------------

fn read_feeds(top: &Fields<'_>) -> Vec<Draft> {
    let Some(item) = top.table.get("feeds") else {
        return Vec::new();
    };
    let Some(tables) = feed_tables(item) else {
        top.refuse("feeds", gettext("write each feed below a line [[feeds]]"));
        return Vec::new();
    };
    let fields = |(table, span)| Fields { table, line: top.notes.line(span), notes: top.notes };
    tables.into_iter().map(fields).filter_map(|fields| read_feed(&fields)).collect()
}

type Spanned<'a> = (&'a dyn TableLike, Option<std::ops::Range<usize>>);

/// The feeds below `[[feeds]]`, or in `feeds = [{ … }]`, which means the same.
fn feed_tables(item: &Item) -> Option<Vec<Spanned<'_>>> {
    if let Some(tables) = item.as_array_of_tables() {
        return Some(tables.iter().map(|table| (table as &dyn TableLike, table.span())).collect());
    }
    item.as_array()?
        .iter()
        .map(|value| value.as_inline_table().map(|table| (table as &dyn TableLike, table.span())))
        .collect()
}

fn read_feed(fields: &Fields<'_>) -> Option<Draft> {
    fields.refuse_others(FEED_KEYS);
    let name = fields.checked("name", FeedConfig::check_name);
    if !fields.has("name") {
        fields.notes.add(fields.line, gettext("this feed has no name; write name = \"…\" below"));
    }
    let id = fields.parsed::<FeedId>("id");
    let source = read_source(fields);
    let codec = fields.parsed("codec").unwrap_or_default();
    let encoder = fields.parsed("encoder").unwrap_or_default();
    let bitrate = fields.number("bitrate_kbps", &FeedConfig::BITRATE_KBPS);
    let streaming = fields.flag("streaming").unwrap_or(true);

    let (name, (source, password)) = (name?, source?);
    let unnamed = id.clone().unwrap_or_else(|| FeedId::from_name(&name));
    let mut feed = FeedConfig { codec, encoder, streaming, ..FeedConfig::new(unnamed, name, source) };
    feed.bitrate_kbps = bitrate.unwrap_or(feed.bitrate_kbps);
    Some(Draft { id, id_line: fields.line_of("id"), feed, password, address_line: fields.line_of("address") })
}

/// Where the picture comes from, and a password that stood in the address.
fn read_source(fields: &Fields<'_>) -> Option<(SourceConfig, Option<Password>)> {
    let demo = fields.flag("demo").unwrap_or(false);
    match (demo, fields.has("address")) {
        (true, false) => {
            for key in CAMERA_KEYS.iter().filter(|key| fields.has(key)) {
                fields.refuse(key, gettext("the demo camera has none; remove this line"));
            }
            Some((SourceConfig::Demo, None))
        }
        (false, true) => read_camera(fields),
        (true, true) => {
            fields.refuse("demo", gettext("this feed has an address too; remove one of the two lines"));
            None
        }
        (false, false) => {
            let text = gettext("this feed has no source; write address = \"rtsp://HOST/PATH\" or demo = true below");
            fields.notes.add(fields.line, text);
            None
        }
    }
}

fn read_camera(fields: &Fields<'_>) -> Option<(SourceConfig, Option<Password>)> {
    let user = fields.checked("user", check_user);
    let named = read_password_source(fields);
    let latency = fields.number("latency_ms", &RtspConfig::LATENCY_MS);

    let text = fields.text("address")?;
    let (address, found) = SourceAddress::parse(text).map_err(|error| fields.refuse("address", error)).ok()?;
    let (found_user, password) = found.map(|found| (found.user, found.password)).unzip();
    let password = password.filter(|password| !password.is_empty());
    if let (Some(user), Some(found)) = (&user, &found_user)
        && user != found
    {
        fields.refuse("user", gettext("the address names another user; remove one of the two"));
    }
    if password.is_some() && named != PasswordSource::Keyring {
        fields.refuse(
            "address",
            gettext("it holds a password, and this feed names another one; remove the one in the address"),
        );
    }
    let mut rtsp = RtspConfig::new(address);
    rtsp.latency_ms = latency.unwrap_or(rtsp.latency_ms);
    if let Some(user) = user.or(found_user) {
        rtsp = rtsp.with_user(user, named);
    } else if named != PasswordSource::Keyring {
        fields.notes.add(fields.line, gettext("this feed names a password but no user; write user = \"…\" below"));
    }
    Some((SourceConfig::Rtsp(rtsp), password))
}

fn read_password_source(fields: &Fields<'_>) -> PasswordSource {
    let named: Vec<&str> = PASSWORD_KEYS.iter().copied().filter(|key| fields.has(key)).collect();
    if let [first, second, ..] = named[..] {
        let why = gettext_f("this feed has {key} too; remove one of the two lines", &[("key", first)]);
        fields.refuse(second, why);
    }
    if fields.has("password") {
        fields.secret::<NoPassword>("password");
        PasswordSource::None
    } else if let Some(Variable(name)) = fields.secret("password_env") {
        PasswordSource::Environment(name)
    } else if let Some(path) = fields.path("password_file") {
        PasswordSource::File(path)
    } else {
        PasswordSource::Keyring
    }
}

/// The empty text: the user has no password, as some cameras come from the factory.
struct NoPassword;

impl FromStr for NoPassword {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            Ok(Self)
        } else {
            Err(gettext(
                "a password does not stand in this file: name it with password_env or password_file, or enter it in the window; only \"\" is allowed here, for a user without a password",
            ))
        }
    }
}

fn check_user(text: &str) -> Result<(), String> {
    let fits = text.len() <= 256 && !text.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(gettext("a user's name is one line of at most 256 bytes")) }
}

/// The name of an environment variable (POSIX.1-2024, section 8.1).
struct Variable(String);

/// Read as a secret is: somebody may write the password where its variable's name belongs.
impl FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if text.starts_with(|c: char| !c.is_ascii_digit()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(gettext("the name of an environment variable has letters, digits and _ only"))
        }
    }
}

// ---- all feeds together ------------------------------------------------------

fn refuse_equal_ids(drafts: &[Draft], notes: &Notes<'_>) {
    let mut taken = HashSet::new();
    for (id, line) in drafts.iter().filter_map(|draft| Some((draft.id.as_ref()?, draft.id_line))) {
        if !taken.insert(id) {
            let text = gettext_f(
                "the id \"{id}\" is that of a feed above; give this feed another one",
                &[("id", id.as_ref())],
            );
            notes.add(line, text);
        }
    }
}

/// Gives ids to the feeds that have none, after those that the operator chose.
fn finish(server: ServerConfig, drafts: Vec<Draft>) -> Loaded {
    let mut taken: Vec<FeedId> = drafts.iter().filter_map(|draft| draft.id.clone()).collect();
    let mut loaded = Loaded { config: Config { server, feeds: Vec::new() }, ..Loaded::default() };
    for mut draft in drafts {
        if draft.id.is_none() {
            draft.feed.id = draft.feed.id.unique_among(&taken);
            taken.push(draft.feed.id.clone());
        }
        if let Some(password) = draft.password {
            let text = password_in_address(&draft.feed.name);
            let line = draft.address_line;
            loaded.warnings.push(Remark { line, text });
            loaded.passwords.push((draft.feed.id.clone(), password));
        }
        loaded.config.feeds.push(draft.feed);
    }
    loaded
}

fn password_in_address(name: &str) -> String {
    gettext_f(
        "the address of \"{name}\" holds a password, which everybody who reads this file can see. It is used for this run, and the next save takes it out of the file. Take it out yourself and name it with password_env or password_file, or enter it in the window, which keeps it in the keyring.",
        &[("name", name)],
    )
}
