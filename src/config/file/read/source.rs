//! Where a feed's picture comes from: each kind of source has a key of its own, and keys
//! that go with it.

use super::super::fields::Fields;
use super::login::{check_user, read_password_source};
use super::transport::{KEYRING_KEY, read_ice, read_interfaces, refuse_relay_only};
use crate::config::{
    Credentials, DeviceConfig, FileConfig, Password, PasswordSource, ReceptionConfig, RtspConfig, SourceAddress,
    SourceConfig, StreamChoice, TestConfig,
};
use crate::i18n::{gettext, gettext_f};

/// A source, and a password that stood in its address.
type Read = (SourceConfig, Option<Password>);

/// One kind of source.
struct Kind {
    /// The key that makes a feed one of this kind.
    key: &'static str,
    /// The keys that go with it, and with no other.
    others: &'static [&'static str],
    read: fn(&Fields<'_>) -> Option<Read>,
}

/// What goes with the address of a relay, and with no other.
const RECEPTION_KEYS: [&str; 7] =
    ["ca", "ice_servers", "ice_password_env", "ice_password_file", KEYRING_KEY, "relay_only", "interfaces"];

const KINDS: &[Kind] = &[
    Kind {
        key: "address",
        others: &[
            "user",
            "password",
            "password_env",
            "password_file",
            "sub_address",
            "stream",
            "transport",
            "latency_ms",
            "drop_on_latency",
            "certificate",
            "ca",
            "ice_servers",
            "ice_password_env",
            "ice_password_file",
            KEYRING_KEY,
            "relay_only",
            "interfaces",
        ],
        read: read_camera,
    },
    Kind { key: "device", others: &["device_format", "device_size", "device_framerate"], read: read_device },
    Kind { key: "file", others: &[], read: read_file },
    Kind { key: "pattern", others: &["pattern_size", "pattern_framerate"], read: read_test },
    Kind { key: "demo", others: &[], read: |_| Some((SourceConfig::Demo, None)) },
];

/// Every key that says where a picture comes from.
pub(in super::super) fn source_keys() -> impl Iterator<Item = &'static str> {
    KINDS.iter().flat_map(|kind| std::iter::once(kind.key).chain(kind.others.iter().copied()))
}

/// Where the picture comes from, and a password that stood in the address.
pub(super) fn read_source(fields: &Fields<'_>) -> Option<Read> {
    // `demo = false` says no more than its absence.
    let demo = fields.flag("demo").unwrap_or(false);
    let named = |kind: &&Kind| if kind.key == "demo" { demo } else { fields.has(kind.key) };
    let mut kinds = KINDS.iter().filter(named);
    let Some(kind) = kinds.next() else {
        let text = gettext(
            "this feed has no source; write address = \"rtsp://HOST/PATH\", device = \"/dev/video0\", file = \"/PATH\", pattern = \"bars\" or demo = true below",
        );
        fields.notes.add(fields.line, text);
        return None;
    };
    let mut only = true;
    for other in kinds {
        let why = gettext_f("this feed has `{key}` too; remove one of the two lines", &[("key", kind.key)]);
        fields.refuse(other.key, why);
        only = false;
    }
    refuse_keys_of_others(fields, kind);
    if only { (kind.read)(fields) } else { None }
}

/// What goes with another kind of source would be without effect: somebody expects one.
fn refuse_keys_of_others(fields: &Fields<'_>, own: &Kind) {
    for kind in KINDS.iter().filter(|kind| kind.key != own.key) {
        for key in kind.others.iter().filter(|key| fields.has(key)) {
            let keys = [("other", kind.key), ("own", own.key)];
            // Translators: both are keys of the settings file, such as `address` and `demo`.
            let why = gettext_f("it goes with `{other}`, and this feed has `{own}`; remove this line", &keys);
            fields.refuse(key, why);
        }
    }
}

// ---- a camera on the network -------------------------------------------------

fn read_camera(fields: &Fields<'_>) -> Option<Read> {
    let user = fields.checked("user", check_user);
    let named = read_password_source(fields);
    let with_reception = read_reception(fields);
    let (address, found) = read_address(fields, "address")?;
    let sub = read_address(fields, "sub_address");

    if let (Some(user), Some(found)) = (&user, &found)
        && *user != found.user
    {
        fields.refuse("user", gettext("the address names another user; remove one of the two"));
    }
    let user = user.or_else(|| found.as_ref().map(|found| found.user.clone()));
    let password = found.map(|found| found.password).filter(|password| !password.is_empty());
    if password.is_some() && named != PasswordSource::Keyring {
        fields.refuse(
            "address",
            gettext("it holds a password, and this feed names another one; remove the one in the address"),
        );
    }
    let sub_address = sub.map(|(sub_address, login)| {
        refuse_another_login(fields, login, user.as_deref(), password.as_ref());
        sub_address
    });
    let reception = read_ways(fields, &address);
    let mut rtsp = with_reception(RtspConfig { sub_address, reception, ..RtspConfig::new(address) });
    if let Some(user) = user {
        rtsp = rtsp.with_user(user, named);
    } else if named != PasswordSource::Keyring {
        fields.notes.add(fields.line, gettext("this feed names a password but no user; write user = \"…\" below"));
    }
    Some((SourceConfig::Rtsp(rtsp), password))
}

/// By which ways a robot's picture comes.
fn read_ways(fields: &Fields<'_>, address: &SourceAddress) -> ReceptionConfig {
    if address.relay().is_none() {
        for key in RECEPTION_KEYS.iter().filter(|key| fields.has(key)) {
            fields.refuse(key, gettext("it goes with the address of a relay, ws:// or wss://; remove this line"));
        }
        return ReceptionConfig::default();
    }
    let ice = read_ice(fields);
    let relay_only = fields.flag("relay_only").unwrap_or_default();
    if relay_only && !ice.has_relay() {
        refuse_relay_only(fields);
    }
    ReceptionConfig { ca: fields.path("ca"), ice, relay_only, interfaces: read_interfaces(fields) }
}

fn read_address(fields: &Fields<'_>, key: &str) -> Option<(SourceAddress, Option<Credentials>)> {
    SourceAddress::parse(fields.text(key)?).map_err(|error| fields.refuse(key, error)).ok()
}

/// One camera has one login. The second address may repeat it, as cameras' pages show it.
fn refuse_another_login(
    fields: &Fields<'_>,
    login: Option<Credentials>,
    user: Option<&str>,
    password: Option<&Password>,
) {
    let Some(login) = login else { return };
    let other_password = !login.password.is_empty() && Some(&login.password) != password;
    if Some(login.user.as_str()) != user || other_password {
        let why = gettext("it holds another login than `address`; write it without user and password");
        fields.refuse("sub_address", why);
    }
}

/// How the camera is received; read before its address, so that all faults are named at once.
fn read_reception(fields: &Fields<'_>) -> impl FnOnce(RtspConfig) -> RtspConfig {
    let stream = fields.parsed("stream").unwrap_or_default();
    if stream == StreamChoice::Sub && !fields.has("sub_address") {
        fields.refuse("stream", gettext_f("it needs `{key}` beside it", &[("key", "sub_address")]));
    }
    let transport = fields.parsed("transport").unwrap_or_default();
    let latency = fields.number("latency_ms", &RtspConfig::LATENCY_MS);
    let drop = fields.flag("drop_on_latency");
    let certificate = fields.parsed("certificate");
    move |rtsp| RtspConfig {
        stream,
        transport,
        latency_ms: latency.unwrap_or(rtsp.latency_ms),
        drop_on_latency: drop.unwrap_or(rtsp.drop_on_latency),
        certificate,
        ..rtsp
    }
}

// ---- sources on this machine -------------------------------------------------

fn read_device(fields: &Fields<'_>) -> Option<Read> {
    let format = fields.parsed("device_format").unwrap_or_default();
    let size = fields.parsed("device_size");
    let framerate = fields.number("device_framerate", &DeviceConfig::FRAMERATE);
    let path = fields.path("device")?;
    Some((SourceConfig::Device(DeviceConfig { path, format, size, framerate }), None))
}

fn read_file(fields: &Fields<'_>) -> Option<Read> {
    Some((SourceConfig::File(FileConfig { path: fields.path("file")? }), None))
}

fn read_test(fields: &Fields<'_>) -> Option<Read> {
    let default = TestConfig::default();
    let size = fields.parsed("pattern_size").unwrap_or(default.size);
    let framerate = fields.number("pattern_framerate", &DeviceConfig::FRAMERATE).unwrap_or(default.framerate);
    let pattern = fields.parsed("pattern")?;
    Some((SourceConfig::Test(TestConfig { pattern, size, framerate }), None))
}
