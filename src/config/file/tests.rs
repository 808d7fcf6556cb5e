//! The settings file as a whole: what it accepts, how it complains, what it keeps.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::config::{
    AgentConfig, AgentKind, AudioConfig, AudioSource, BrokerChoice, BudgetKind, ChannelLabel, Codec, ConnectorConfig,
    ConnectorForm, Crop, CsvProfile, DataChannelConfig, Delivery, DeviceConfig, DeviceFormat, ElementChoice,
    ElementRole, EmbeddedBroker, ExternalBroker, FeedChoice, FeedConfig, Field, FieldKind, FileConfig, Fingerprint,
    Flip, IceServers, MqttDialect, MqttRole, PasswordSource, PathChoice, PictureConfig, Priority, ReceptionConfig,
    Rotation, RtspConfig, Senders, ServerConfig, ShareConfig, Size, SocketPlace, SourceConfig, StreamChoice,
    TestConfig, TestPattern, TransportChoice, TransportConfig, WatchConfig,
};

/// A kind of connector, as one above this room would describe it.
static SHORE: ConnectorForm = ConnectorForm {
    kind: "shore",
    name: || "Shore".to_owned(),
    line: || "Somewhere else".to_owned(),
    icon: "network-server-symbolic",
    fields: &[
        Field {
            key: "address",
            label: || "Address".to_owned(),
            kind: FieldKind::Address { schemes: &["wss"], usual: "" },
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
    ],
    names_servers: false,
};
static FORMS: Forms = &[&SHORE];

const BY_HAND: &str = r#"# the boat
version = 1

[server]
listen = "127.0.0.1:8443"    # the usual one

# starboard is to come
[[feeds]]
name = "Bow camera"
address = "rtsp://10.0.0.5/stream1"
user = "admin"
password_env = "BOW_PASSWORD"     # set by systemd
codec = "h264"

[[feeds]]
name = "Demo"
demo = true
# the end
"#;

/// A settings file in a folder of its own.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(text: &str) -> Self {
        let place = Self { folder: TempDir::new().unwrap() };
        place.write(text);
        place
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("heliograph.toml")
    }

    fn write(&self, text: impl AsRef<[u8]>) {
        fs::write(self.path(), text).unwrap();
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn file(&self) -> ConfigFile {
        ConfigFile::new(self.path(), FORMS)
    }

    /// The file, loaded, and its settings.
    fn loaded(&self) -> (ConfigFile, Config) {
        let mut file = self.file();
        let loaded = file.load().unwrap_or_else(|error| panic!("{error}"));
        (file, loaded.config)
    }
}

fn load(text: &str) -> Result<Loaded, ConfigError> {
    Place::new(text).file().load()
}

/// The remarks about a file that is refused, one per line.
fn remarks(text: &str) -> String {
    match load(text) {
        Err(ConfigError::Faulty { fault, .. }) => fault.to_string(),
        other => panic!("the file should be refused, but: {other:?}\n{text}"),
    }
}

fn rtsp(feed: &FeedConfig) -> &RtspConfig {
    match &feed.source {
        SourceConfig::Rtsp(rtsp) => rtsp,
        other => panic!("{other:?} is no camera on the network"),
    }
}

fn camera(name: &str) -> FeedConfig {
    let address = "rtsp://10.0.0.9/live".parse().unwrap();
    let rtsp = RtspConfig::new(address).with_user("admin", PasswordSource::Keyring);
    FeedConfig::new(FeedId::from_name(name), name, SourceConfig::Rtsp(rtsp))
}

// ---- loading -----------------------------------------------------------------

#[test]
fn a_file_written_by_hand_is_understood() {
    let loaded = load(BY_HAND).unwrap();
    assert!(loaded.warnings.is_empty() && loaded.passwords.is_empty());
    let [bow, demo] = loaded.config.feeds.as_slice() else { panic!("there should be two feeds") };
    assert_eq!((bow.id.as_str(), bow.name.as_str()), ("bow-camera", "Bow camera"));
    assert_eq!(rtsp(bow).address.as_str(), "rtsp://10.0.0.5/stream1");
    assert_eq!(rtsp(bow).user.as_deref(), Some("admin"));
    assert_eq!(rtsp(bow).password, PasswordSource::Environment("BOW_PASSWORD".into()));
    assert_eq!(*demo, FeedConfig::new(FeedId::from_name("Demo"), "Demo", SourceConfig::Demo));
    assert_eq!((demo.bitrate_kbps, demo.streaming, demo.codec), (2000, true, Codec::H264));
    assert_eq!(loaded.config.server.listen.to_string(), "127.0.0.1:8443");
}

#[test]
fn every_key_is_understood() {
    let config = load(
        r#"
version = 1
server = { listen = "[::]:9000", token = "planted-token", allowed_origins = ["https://wall.example:8080"], allowed_hosts = ["boat.example", "10.0.0.2", "[::1]"], tls_cert = "/c.pem", tls_key = "/k.pem", insecure_http = true }
feeds = [{ name = "A", id = "cam-7", address = "rtsps://h:322/s?x=1", user = "u", password_file = "/run/secrets/a", codec = "vp8", encoder = "vp8enc", bitrate_kbps = 500, latency_ms = 0, streaming = false, keep_warm = true, demo = false }]
"#,
    )
    .unwrap()
    .config;
    let server = config.server;
    assert_eq!(server.listen.to_string(), "[::]:9000");
    assert_eq!(server.token.unwrap().expose(), "planted-token");
    assert_eq!(server.allowed_origins, ["https://wall.example:8080"]);
    assert_eq!(server.allowed_hosts, ["boat.example", "10.0.0.2", "[::1]"]);
    assert_eq!(server.tls_cert.as_deref(), Some(Path::new("/c.pem")));
    assert_eq!(server.tls_key.as_deref(), Some(Path::new("/k.pem")));
    assert!(server.insecure_http);

    let feed = &config.feeds[0];
    assert_eq!(feed.id.as_str(), "cam-7");
    assert_eq!(rtsp(feed).password, PasswordSource::File("/run/secrets/a".into()));
    assert_eq!(rtsp(feed).latency_ms, 0);
    assert_eq!((feed.codec, feed.bitrate_kbps), (Codec::Vp8, 500));
    assert_eq!((feed.streaming, feed.keep_warm), (false, true));
    assert_eq!(feed.encoder, ElementChoice::Named("vp8enc".into()));
}

#[test]
fn no_file_and_an_empty_file_are_the_default_settings() {
    let folder = TempDir::new().unwrap();
    let loaded = ConfigFile::new(folder.path().join("none.toml"), FORMS).load().unwrap();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(load("# nothing yet\n").unwrap().config, Config::default());
}

#[test]
fn a_file_from_another_system_is_understood() {
    let text = format!("\u{FEFF}{}", BY_HAND.replace('\n', "\r\n"));
    let place = Place::new(&text);
    let (mut file, config) = place.loaded();
    assert_eq!(config, load(BY_HAND).unwrap().config);
    file.save(&config).unwrap();
    assert_eq!(place.loaded().1, config);
}

#[test]
fn where_a_password_comes_from() {
    let source = |lines: &str| {
        let text = format!("version = 1\n[[feeds]]\nname = \"a\"\naddress = \"rtsp://h/\"\n{lines}");
        rtsp(&load(&text).unwrap().config.feeds[0]).password.clone()
    };
    assert_eq!(source(""), PasswordSource::None);
    assert_eq!(source("user = \"u\""), PasswordSource::Keyring);
    assert_eq!(source("user = \"u\"\npassword = \"\""), PasswordSource::None);
    assert_eq!(source("user = \"u\"\npassword_env = \"V\""), PasswordSource::Environment("V".into()));
    assert_eq!(source("user = \"u\"\npassword_file = \"/f\""), PasswordSource::File("/f".into()));
}

#[test]
fn feeds_without_an_id_get_one_that_no_other_has() {
    let text = r#"
version = 1
[[feeds]]
name = "Cam"
demo = true
[[feeds]]
name = "cam!"
demo = true
[[feeds]]
name = "Other"
id = "cam"
demo = true
"#;
    let ids: Vec<String> = load(text).unwrap().config.feeds.iter().map(|feed| feed.id.to_string()).collect();
    assert_eq!(ids, ["cam-2", "cam-3", "cam"]);
}

#[test]
fn a_password_in_an_address_is_taken_out_and_warned_about() {
    let loaded = load("version = 1\n[[feeds]]\nname = \"Bow\"\naddress = \"rtsp://admin:pl%61nted@h/s\"\n").unwrap();
    let feed = &loaded.config.feeds[0];
    assert_eq!(rtsp(feed).address.as_str(), "rtsp://h/s");
    assert_eq!(rtsp(feed).user.as_deref(), Some("admin"));
    assert_eq!(rtsp(feed).password, PasswordSource::Keyring);
    assert_eq!(loaded.passwords, [(feed.id.clone(), Password::new("planted"))]);
    let warning = loaded.warnings[0].to_string();
    assert!(warning.starts_with("line 4: the address of \"Bow\" holds a password"), "{warning}");
    assert!(!format!("{warning} {loaded:?}").contains("nted"));
}

/// Cameras' own pages show both addresses with the login in them.
#[test]
fn a_second_address_may_repeat_the_login_and_no_other() {
    let feed = |lines: &str| format!("version = 1\n[[feeds]]\nname = \"Bow\"\n{lines}\n");
    let both = feed("address = \"rtsp://a:planted@h/1\"\nsub_address = \"rtsp://a:planted@h/2\"\nstream = \"sub\"");
    let loaded = load(&both).unwrap();
    let camera = rtsp(&loaded.config.feeds[0]);
    assert_eq!(camera.sub_address.as_ref().unwrap().as_str(), "rtsp://h/2");
    assert_eq!(camera.address_in_use().as_str(), "rtsp://h/2");
    assert_eq!(loaded.passwords.len(), 1);
    assert!(load(&feed("address = \"rtsp://h/1\"\nuser = \"a\"\nsub_address = \"rtsp://a@h/2\"")).is_ok());
    for sub in ["rtsp://a:planted2@h/2", "rtsp://b:planted@h/2", "rtsp://b@h/2"] {
        let found = remarks(&feed(&format!("address = \"rtsp://a:planted@h/1\"\nsub_address = \"{sub}\"")));
        let expected = "line 5: `sub_address` cannot be used: it holds another login than `address`";
        assert!(found.starts_with(expected) && !found.contains("planted"), "{found}");
    }
}

/// A feed of each kind of source, each with other settings than the default.
#[test]
fn every_source_and_setting_is_understood() {
    let text = r#"
version = 1
[[feeds]]
name = "Device"
device = "/dev/v4l/by-id/usb-cam"
device_format = "mjpeg"
device_size = "1920x1080"
device_framerate = 60
decoder = "avdec_mjpeg"
deinterlace = true
crop = [1, 2, 3, 4]
rotate = 270
flip = "vertical"
size = "1280x720"
framerate = 25
letterbox = true
audio = "device:Built-in Audio"
audio_bitrate_kbps = 64
path = "pass-through"
encoder_settings = { "speed-preset" = "ultrafast", threads = 4, cabac = true }
fec_percent = 30
priority = 4
agent = "gcc"
agent_passive = true
agent_least_kbps = 300
agent_most_kbps = 4000
agent_picture = false
importance = 3
focus_importance = 4.5
independent = true
pinned_viewers = ["pilot", "captain"]
[[feeds]]
name = "File"
file = "/srv/boat.mp4"
audio = "camera"
[[feeds]]
name = "Test"
pattern = "flash"
pattern_size = "640x360"
pattern_framerate = 60
"#;
    let config = load(text).unwrap().config;
    let [device, clip, pattern] = config.feeds.as_slice() else { panic!("there should be three feeds") };
    let size = |width, height| Size { width, height };
    let camera = DeviceConfig {
        format: DeviceFormat::Mjpeg,
        size: Some(size(1920, 1080)),
        framerate: Some(60),
        ..DeviceConfig::new("/dev/v4l/by-id/usb-cam")
    };
    assert_eq!(device.source, SourceConfig::Device(camera));
    assert_eq!(device.decoder, ElementChoice::Named("avdec_mjpeg".into()));
    let picture = PictureConfig {
        deinterlace: true,
        crop: Crop { left: 1, top: 2, right: 3, bottom: 4 },
        rotate: Rotation::ThreeQuarters,
        flip: Flip::Vertical,
        size: Some(size(1280, 720)),
        framerate: Some(25),
        letterbox: true,
    };
    assert_eq!(device.picture, picture);
    let audio = AudioConfig { source: AudioSource::Device("Built-in Audio".into()), bitrate_kbps: 64 };
    assert_eq!(device.audio, audio);
    assert_eq!((device.fec_percent, device.priority), (30, Priority::High));
    assert_eq!(device.pinned_viewers, ["pilot", "captain"]);
    let agent =
        AgentConfig { kind: AgentKind::Gcc, is_passive: true, least_kbps: 300, most_kbps: 4000, adapts_picture: false };
    assert_eq!(device.agent, agent);
    let share = ShareConfig {
        importance: 3.0.try_into().unwrap(),
        focus_importance: Some(4.5.try_into().unwrap()),
        is_independent: true,
    };
    assert_eq!(device.share, share);
    assert_eq!(device.path, PathChoice::PassThrough);
    let settings: Vec<_> =
        device.elements[&ElementRole::Encoder].iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(settings, ["cabac=true", "speed-preset=ultrafast", "threads=4"]);
    assert_eq!(clip.source, SourceConfig::File(FileConfig { path: "/srv/boat.mp4".into() }));
    assert_eq!(clip.audio.source, AudioSource::Camera);
    let flash = TestConfig { pattern: TestPattern::Flash, size: size(640, 360), framerate: 60 };
    assert_eq!(pattern.source, SourceConfig::Test(flash));

    let place = Place::new(text);
    let (mut settings_file, _) = place.loaded();
    settings_file.save(&config).unwrap();
    assert_eq!(place.text(), text, "what was understood is not written anew");
    settings_file = Place::new("").file();
    settings_file.load().unwrap();
    settings_file.save(&config).unwrap();
    assert_eq!(settings_file.load().unwrap().config, config);
}

// ---- complaints --------------------------------------------------------------

#[test]
fn each_fault_in_the_server_is_named() {
    let cases = [
        ("listne = 1", "`listne` is not known here; did you mean `listen`?"),
        ("colour = 1", "`colour` is not known here; known are listen, token,"),
        ("password = \"planted\"", "`password` is not known here; known are"),
        ("listen = 8443", "`listen` is 8443; it must be a text in quotes"),
        ("listen = \"localhost\"", "`listen` is \"localhost\"; it must be an IP address and a port"),
        ("token = \"planted\"", "`token` cannot be used: a token is 8 to 256"),
        ("token = [\"planted\"]", "`token` cannot be used: it must be a text in quotes"),
        ("allowed_origins = \"x\"", "`allowed_origins` is a text; it must be a list of texts"),
        ("allowed_origins = [1]", "`allowed_origins` is a list of something else"),
        ("allowed_origins = [\"https://a/b\"]", "`allowed_origins` is an address; an origin is"),
        ("allowed_hosts = [\"a:80/\"]", "`allowed_hosts` is \"a:80/\"; a host is a name"),
        ("insecure_http = \"yes\"", "`insecure_http` is a text; it must be true or false"),
        ("tls_key = \"/k\"", "`tls_key` cannot be used: it needs `tls_cert` beside it"),
        ("tls_key = \"k\"\ntls_cert = \"/c\"", "`tls_key` is \"k\"; a path here starts with /"),
    ];
    for (line, expected) in cases {
        let found = remarks(&format!("version = 1\n[server]\n{line}\n"));
        assert!(found.starts_with(&format!("line 3: {expected}")), "{line}\n  {found}");
        assert!(!found.contains("planted"), "{found}");
    }
}

#[test]
fn each_fault_in_a_camera_is_named() {
    let cases = [
        ("adress = \"x\"", "`adress` is not known here; did you mean `address`?"),
        ("url = \"x\"", "`url` is not known here; did you mean `address`?"),
        ("bitrate = 1", "`bitrate` is not known here; did you mean `bitrate_kbps`?"),
        ("password = \"planted\"\nuser = \"u\"", "`password` cannot be used: a password does not stand in"),
        ("\"planted one\" = 1", "this key is not known here; known are name"),
        ("id = \"Bow 1\"", "`id` is \"Bow 1\"; a feed's id is 1 to 63"),
        ("codec = \"theora\"", "`codec` is \"theora\"; a codec is one of \"h264\", \"h265\""),
        ("codec = 264", "`codec` is 264; it must be a text in quotes"),
        ("encoder = \"a ! b\"", "`encoder` is \"a ! b\"; it is \"auto\" or"),
        ("bitrate_kbps = 49", "`bitrate_kbps` is 49; it must be a whole number from 50 to 100000"),
        ("fec_percent = 101", "`fec_percent` is 101; it must be a whole number from 0 to 100"),
        ("priority = 5", "`priority` is 5; it must be a whole number from 1 to 4"),
        ("bitrate_kbps = 1.5", "`bitrate_kbps` is a number with a fraction; it must be a whole"),
        ("bitrate_kbps = \"planted\"", "`bitrate_kbps` is a text; it must be"),
        ("bitrate_kbps = 99999999999", "`bitrate_kbps` is 99999999999; it must be"),
        ("latency_ms = -1", "`latency_ms` is -1; it must be a whole number from 0 to 5000"),
        ("latency_ms = 2026-01-01", "`latency_ms` is a date or time; it must be"),
        ("streaming = 1", "`streaming` is 1; it must be true or false"),
        ("demo = true", "`demo` cannot be used: this feed has `address` too"),
        ("sub_adress = \"x\"", "`sub_adress` is not known here; did you mean `sub_address`?"),
        ("fps = 20", "`fps` is not known here; did you mean `framerate`?"),
        ("transport = \"pigeon\"", "`transport` is \"pigeon\"; it is one of \"auto\", \"udp\""),
        ("stream = \"sub\"", "`stream` cannot be used: it needs `sub_address` beside it"),
        ("ca = \"/a\"", "`ca` cannot be used: it goes with the address of a relay"),
        ("certificate = \"sha1:00\"", "`certificate` is \"sha1:00\"; a fingerprint is sha256:"),
        (
            "device_size = \"640x360\"",
            "`device_size` cannot be used: it goes with `device`, and this feed has `address`",
        ),
        ("device = \"/dev/video0\"", "`device` cannot be used: this feed has `address` too; remove one"),
        ("pattern = \"bars\"", "`pattern` cannot be used: this feed has `address` too"),
        ("crop = [1, 2, 3]", "`crop` is a list of something else; it must be four whole numbers from 0 to 8192"),
        ("crop = [-1, 0, 0, 0]", "`crop` is a list of something else; it must be four"),
        ("rotate = \"90\"", "`rotate` is a text; it must be 0, 90, 180 or 270, without quotes"),
        ("rotate = 45", "`rotate` is 45; it must be 0, 90"),
        ("size = \"641x360\"", "`size` is \"641x360\"; a size is two even numbers"),
        ("framerate = 0", "`framerate` is 0; it must be a whole number from 1 to 240"),
        ("audio = \"loud\"", "`audio` is \"loud\"; it is \"none\", \"camera\""),
        ("audio_bitrate_kbps = 1000", "`audio_bitrate_kbps` is 1000; it must be a whole number from 6 to 256"),
        ("path = \"direct\"", "`path` is \"direct\"; it is one of \"auto\", \"pass-through\", \"transcode\""),
        ("encoder_settings = { bframes = 2 }", "`encoder_settings` cannot be used: bframes would make pictures wait"),
        ("encoder_settings = { threads = [] }", "`encoder_settings` cannot be used: each value is a text"),
        ("encoder_settings = 1", "`encoder_settings` is 1; it must be in one line"),
        ("elements = 1", "`elements` is 1; it must be in one line, such as { source ="),
        ("elements = { source = 1 }", "`elements` cannot be used: the properties of source stand in { }"),
        (
            "elements = { sauce = { a = 1 } }",
            "`elements` cannot be used: this is no element's role; it is one of \"source\",",
        ),
        ("elements = { source = { latency = 1 } }", "`elements` cannot be used: write `latency_ms` instead of latency"),
        ("elements = { payloader = { a = [] } }", "`elements` cannot be used: each value is a text, a number"),
        (
            "encoder_settings = { a = 1 }\nelements = { encoder = { b = 1 } }",
            "`encoder_settings` cannot be used: `elements` has properties of the encoder, too",
        ),
        ("[feeds.elements]", "`elements` is a table; it must be in one line"),
        ("[feeds.encoder_settings]", "`encoder_settings` is a table; it must be in one line"),
        ("user = \"a\\nb\"", "`user` is \"a\\nb\"; a user's name is one line"),
        ("codec = \"rtsp://a:planted@h\"", "`codec` is an address; a codec is one of"),
    ];
    for (line, expected) in cases {
        let found = remarks(&format!("version = 1\n[[feeds]]\nname = \"a\"\naddress = \"rtsp://h/\"\n{line}\n"));
        assert!(found.starts_with(&format!("line 5: {expected}")), "{line}\n  {found}");
        assert!(!found.contains("planted"), "{found}");
    }
}

#[test]
fn each_fault_in_a_feed_is_named() {
    let cases = [
        ("demo = true", "line 2: this feed has no name; write name"),
        ("name = \"\"\ndemo = true", "line 3: `name` is \"\"; a name has 1 to 100"),
        ("name = \"rtsp://u:planted@h\"\ndemo = true", "line 3: `name` is an address; a name is no"),
        ("name = \"a\"", "line 2: this feed has no source; write address"),
        ("name = \"a\"\ndemo = false", "line 2: this feed has no source"),
        ("name = \"a\"\ndemo = true\nuser = \"u\"", "line 5: `user` cannot be used: it goes with `address`"),
        ("name = \"a\"\naddress = 5", "line 4: `address` is 5; it must be a text"),
        ("name = \"a\"\naddress = \"planted\"", "line 4: `address` cannot be used: it does not start"),
        (
            "name = \"a\"\naddress = \"http://u:planted@h/\"",
            "line 4: `address` cannot be used: http:// is not supported",
        ),
        (
            "name = \"a\"\naddress = \"rtsp://u:pl#anted@h/\"",
            "line 4: `address` cannot be used: it has an @ or # after the host",
        ),
        (
            "name = \"a\"\naddress = \"rtsp://u:planted@h/\"\npassword_env = \"V\"",
            "line 4: `address` cannot be used: it holds a password, and this feed names another",
        ),
        (
            "name = \"a\"\naddress = \"rtsp://u@h/\"\nuser = \"v\"",
            "line 5: `user` cannot be used: the address names another user",
        ),
        (
            "name = \"a\"\naddress = \"rtsp://h/\"\npassword_env = \"V\"",
            "line 2: this feed names a password but no user",
        ),
        (
            "name = \"a\"\naddress = \"rtsp://h/\"\nuser = \"u\"\npassword_env = \"V\"\npassword_file = \"/f\"",
            "line 7: `password_file` cannot be used: this feed has password_env too",
        ),
        (
            "name = \"a\"\naddress = \"rtsp://h/\"\nuser = \"u\"\npassword_file = \"f\"",
            "line 6: `password_file` is \"f\"; a path here starts with /",
        ),
    ];
    for (lines, expected) in cases {
        let found = remarks(&format!("version = 1\n[[feeds]]\n{lines}\n"));
        assert!(found.starts_with(expected), "{lines}\n  {found}");
        assert!(!found.contains("anted"), "{found}");
    }
}

/// A number, too: `token = 8675309`.
#[test]
fn what_may_be_a_secret_is_not_shown_whatever_it_is() {
    let feed = "[[feeds]]\nname = \"a\"\naddress = \"rtsp://h/\"\nuser = \"u\"\n";
    for key in ["token", "password", "password_env"] {
        for value in ["8675309", "8675309.5", "[8675309]", "{ a = 8675309 }", "\"8675309 \""] {
            let start = if key == "token" { "[server]\n" } else { feed };
            let found = remarks(&format!("version = 1\n{start}{key} = {value}\n"));
            let named = format!("`{key}` cannot be used: ");
            assert!(found.contains(&named) && !found.contains("8675309"), "{found}");
        }
    }
}

/// `password_env = "hunter2!"`: the password where its variable's name belongs.
#[test]
fn what_is_no_variable_name_is_not_shown() {
    let feed = "version = 1\n[[feeds]]\nname = \"a\"\naddress = \"rtsp://h/\"\nuser = \"u\"\n";
    let found = remarks(&format!("{feed}password_env = \"planted!\"\n"));
    assert!(found.starts_with("line 6: `password_env` cannot be used: the name of an"), "{found}");
    assert!(!found.contains("planted"));
}

#[test]
fn each_fault_of_the_whole_is_named() {
    let cases = [
        ("[server]\n", "line 1: the version is missing; write version = 1 first"),
        ("version = 0\n", "line 1: `version` cannot be used: it must be 1"),
        ("version = \"1\"\n", "line 1: `version` cannot be used: it must be 1"),
        ("version = 2\nwhatever = 1\n", "it has version 2, and this Heliograph reads version 1;"),
        ("version = 1\nfeed = 1\n", "line 2: `feed` is not known here; did you mean `feeds`?"),
        ("version = 1\nserver = 1\n", "line 2: `server` cannot be used: write it as [server]"),
        ("version = 1\n[feeds]\n", "line 2: `feeds` cannot be used: write each feed below a line"),
        ("version = 1\nfeeds = [1]\n", "line 2: `feeds` cannot be used: write each feed below"),
        ("version = 1\ntoken = planted\n", "line 2: this is no TOML: "),
        ("version = 1\nversion = 1\n", "line 2: this is no TOML: "),
        ("version = 1\n[server\ntoken = \"planted\"", "line 2: this is no TOML: "),
    ];
    for (text, expected) in cases {
        let found = remarks(text);
        assert!(found.starts_with(expected), "{text}\n  {found}");
        assert!(!found.contains("planted"), "{found}");
    }
}

#[test]
fn all_faults_are_named_at_once_in_the_order_of_the_file() {
    let found = remarks(
        "version = 1\nx = 1\n[server]\nlisten = 1\n[[feeds]]\nname = \"a\"\nid = \"a\"\ndemo = true\n\
         [[feeds]]\nname = \"b\"\nid = \"a\"\ndemo = true\ncodec = \"b\"\n",
    );
    let lines: Vec<&str> = found.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["line 2", "line 4", "line 11", "line 13"], "{found}");
    assert!(found.contains("line 11: the id \"a\" is that of a feed above"), "{found}");
}

#[test]
fn what_is_no_settings_file_is_refused() {
    let place = Place::new("");
    place.write(b"version = 1\n# \xFF\n");
    assert!(place.file().load().unwrap_err().to_string().contains("line 2: this is no UTF-8 text"));

    place.write("# too long\n".repeat(100_000));
    assert!(place.file().load().unwrap_err().to_string().contains("longer than 1024 KiB"));

    let error = ConfigFile::new(place.folder.path(), FORMS).load().unwrap_err().to_string();
    assert!(error.contains("cannot be read: it is not a regular file"), "{error}");
    assert!(ConfigFile::new("/dev/zero", FORMS).load().is_err());
}

#[test]
fn a_message_names_the_file_and_the_next_step() {
    let place = Place::new("version = 1\nx = 1\n");
    let error = place.file().load().unwrap_err().to_string();
    let path = place.path().display().to_string();
    assert!(error.starts_with(&format!("The settings file {path} cannot be used:\nline 2: `x`")));
    assert!(error.ends_with("Correct it and load it again; it has not been changed."));
}

// ---- saving ------------------------------------------------------------------

#[test]
fn saving_what_was_loaded_changes_nothing() {
    let place = Place::new(BY_HAND);
    let (mut file, config) = place.loaded();
    file.save(&config).unwrap();
    assert_eq!(place.text(), BY_HAND);
}

#[test]
fn a_change_leaves_comments_and_form_alone() {
    let place = Place::new(BY_HAND);
    let (mut file, mut config) = place.loaded();
    config.server.listen = "0.0.0.0:9000".parse().unwrap();
    config.feeds[0].codec = Codec::Vp8;
    config.feeds[0].bitrate_kbps = 750;
    config.feeds.push(camera("Stern"));
    file.save(&config).unwrap();
    let expected = BY_HAND
        .replace("listen = \"127.0.0.1:8443\"", "listen = \"0.0.0.0:9000\"")
        .replace("codec = \"h264\"\n", "codec = \"vp8\"\nbitrate_kbps = 750\n")
        .replace(
            "# the end",
            "\n[[feeds]]\nname = \"Stern\"\naddress = \"rtsp://10.0.0.9/live\"\nuser = \"admin\"\n# the end",
        );
    assert_eq!(place.text(), expected);
    assert_eq!(place.loaded().1, config);
}

#[test]
fn a_feed_can_go_move_and_change_its_kind() {
    let place = Place::new(BY_HAND);
    let (mut file, mut config) = place.loaded();
    config.feeds.swap(0, 1);
    config.feeds.insert(1, camera("Stern"));
    file.save(&config).unwrap();
    assert_eq!(place.loaded().1, config);
    assert!(place.text().contains("# starboard is to come\n[[feeds]]\nname = \"Bow camera\""));

    config.feeds[2].source = SourceConfig::Demo;
    file.save(&config).unwrap();
    assert_eq!(place.loaded().1, config);

    // Through every kind of source and back: none leaves a key behind.
    let test = SourceConfig::Test(TestConfig::default());
    let device = SourceConfig::Device(DeviceConfig::new("/dev/video0"));
    for source in [test, device, SourceConfig::File(FileConfig { path: "/f".into() }), config.feeds[1].source.clone()] {
        config.feeds[2].source = source;
        let settings = BTreeMap::from([("threads".to_owned(), "2".to_owned())]);
        config.feeds[2].set_settings_of(ElementRole::Encoder, settings);
        file.save(&config).unwrap();
        assert_eq!(place.loaded().1, config);
    }
    assert!(place.text().contains("elements = { encoder = { threads = \"2\" } }"));
    config.feeds[2].set_settings_of(ElementRole::Encoder, BTreeMap::new());
    file.save(&config).unwrap();
    assert!(!place.text().contains("elements"));

    config.feeds.clear();
    file.save(&config).unwrap();
    assert_eq!(place.loaded().1, config);
    assert!(place.text().starts_with("# the boat\nversion = 1\n"));
}

#[test]
fn an_id_survives_another_name() {
    let place = Place::new(BY_HAND);
    let (mut file, mut config) = place.loaded();
    config.feeds[0].name = "Stern camera".into();
    file.save(&config).unwrap();
    assert!(place.text().contains("id = \"bow-camera\""));
    assert_eq!(place.loaded().1, config);
}

#[test]
fn bounds_of_an_agent_that_exclude_each_other_are_refused() {
    let text = "version = 1\n[[feeds]]\nname = \"a\"\ndemo = true\nagent_least_kbps = 3000\nagent_most_kbps = 2000\n";
    let error = load(text).unwrap_err().to_string();
    assert!(error.contains("`agent_least_kbps` cannot be used: the least bitrate, 3000, is above"), "{error}");
}

#[test]
fn feeds_in_one_line_can_be_saved() {
    let text = "version = 1\nfeeds = [{ name = \"a\", demo = true }, { name = \"b\", demo = true }]\n";
    let place = Place::new(text);
    let (mut file, mut config) = place.loaded();
    config.feeds[1].streaming = false;
    file.save(&config).unwrap();
    assert_eq!(place.loaded().1, config);
}

#[test]
fn budgets_and_importances_that_cannot_be_are_refused() {
    let text = "version = 1\n[control]\nbudget = \"fixed\"\n[[feeds]]\nname = \"a\"\ndemo = true\nimportance = -1\n";
    let error = load(text).unwrap_err().to_string();
    assert!(error.contains("`budget` cannot be used: say how much it is"), "{error}");
    assert!(error.contains("`importance` cannot be used: an importance is a number from 0 to 1000"), "{error}");
    let fixed = load("version = 1\ncontrol = { budget = \"fixed\", budget_kbps = 6000 }\n").unwrap().config.control;
    assert_eq!((fixed.budget, fixed.budget_kbps), (BudgetKind::Fixed, 6000));
}

#[test]
fn every_setting_comes_back() {
    let mut feed = camera("Every thing \"quoted\" \\ ü");
    feed.id = FeedId::from_name("else");
    feed.codec = Codec::Vp8;
    feed.encoder = ElementChoice::Named("vp8enc".into());
    feed.bitrate_kbps = 123;
    (feed.fec_percent, feed.priority) = (7, Priority::VeryLow);
    feed.streaming = false;
    feed.keep_warm = true;
    feed.share.importance = 0.25.try_into().unwrap();
    feed.share.focus_importance = Some(3.0.try_into().unwrap());
    let mut second = camera("Second");
    let mut rtsp = RtspConfig::new("rtsp://[::1]:8554/a?password=b%20c".parse().unwrap())
        .with_user("ü \"x\"", PasswordSource::File("/run/a b".into()));
    rtsp.latency_ms = 5;
    rtsp.sub_address = Some("rtsp://[::1]:8554/b".parse().unwrap());
    rtsp.stream = StreamChoice::Sub;
    rtsp.transport = TransportChoice::Multicast;
    rtsp.drop_on_latency = false;
    rtsp.certificate = Some(Fingerprint::of(b"planted"));
    second.source = SourceConfig::Rtsp(rtsp);
    let mut third = camera("Third");
    if let SourceConfig::Rtsp(rtsp) = &mut third.source {
        rtsp.password = PasswordSource::None;
    }
    let mut fourth = camera("Fourth");
    let mut rtsp = RtspConfig::new("wss://robot:8765/#bow".parse().unwrap());
    rtsp.reception = ReceptionConfig {
        ca: Some("/etc/ca.pem".into()),
        ice: IceServers {
            servers: vec!["turn:me@relay.example:3478".parse().unwrap()],
            password: PasswordSource::Environment("TURN_PASSWORD".to_owned()),
        },
        relay_only: true,
        interfaces: vec!["wl*".parse().unwrap()],
    };
    fourth.source = SourceConfig::Rtsp(rtsp.clone());
    let mut fifth = camera("Fifth");
    rtsp.reception.ice.password = PasswordSource::Keyring;
    fifth.source = SourceConfig::Rtsp(rtsp);
    let mut config = Config { feeds: vec![feed, second, third, fourth, fifth], ..Config::default() };
    config.server.token = Some("planted-token".parse().unwrap());
    config.server.allowed_origins = vec!["https://a.example".into()];
    config.server.allowed_hosts = vec!["b.example".into(), "c.example".into()];
    config.server.tls_cert = Some("/c".into());
    config.server.tls_key = Some("/k".into());
    config.server.insecure_http = true;
    config.control.budget = BudgetKind::Fixed;

    let place = Place::new("");
    let (mut file, _) = place.loaded();
    file.save(&config).unwrap();
    assert_eq!(place.loaded().1, config);
    assert!(!format!("{config:?} {file:?}").contains("planted"));
}

#[test]
fn a_new_file_is_made_with_its_folder_for_its_owner_only() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a/b/heliograph.toml");
    let mut file = ConfigFile::new(&path, FORMS);
    let mut config = file.load().unwrap().config;
    config.feeds.push(camera("Bow"));
    file.save(&config).unwrap();

    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# Heliograph's settings"), "{text}");
    assert!(text.contains("\nversion = 1\n\n[[feeds]]\nname = \"Bow\"\n"), "{text}");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no file is left over");
    file.save(&Config::default()).unwrap();
}

#[test]
fn comments_of_an_empty_file_stay() {
    let place = Place::new("# mine\n");
    let (mut file, mut config) = place.loaded();
    config.feeds.push(camera("Bow"));
    file.save(&config).unwrap();
    assert!(place.text().starts_with("# mine\nversion = 1\n"), "{}", place.text());
}

#[test]
fn a_password_in_an_address_is_not_written_back() {
    let text = "version = 1\n[[feeds]]\nname = \"Bow\" # mine\naddress = \"rtsp://admin:planted@h/s\"\n";
    let place = Place::new(text);
    let (mut file, config) = place.loaded();
    file.save(&config).unwrap();
    assert!(!place.text().contains("planted"));
    assert!(place.text().contains("name = \"Bow\" # mine\naddress = \"rtsp://h/s\"\nuser = \"admin\""));
    assert_eq!(place.loaded().1, config);
}

#[test]
fn a_file_that_was_not_understood_is_never_overwritten() {
    for text in ["version = 1\nx = 1\n", "version = 9\n", "version = \n"] {
        let place = Place::new(text);
        let mut file = place.file();
        assert!(matches!(file.save(&Config::default()), Err(ConfigError::NotLoaded(_))));
        file.load().unwrap_err();
        let error = file.save(&Config::default()).unwrap_err();
        assert!(error.to_string().contains("would be lost. Correct that file"), "{error}");
        assert_eq!(place.text(), text);
    }
    let place = Place::new("");
    place.write(b"\xFF");
    let mut file = place.file();
    file.load().unwrap_err();
    assert!(matches!(file.save(&Config::default()), Err(ConfigError::NotLoaded(_))));
}

#[test]
fn a_file_that_was_changed_meanwhile_is_not_overwritten() {
    let place = Place::new(BY_HAND);
    let (mut file, config) = place.loaded();
    place.write("version = 1\n# somebody else\n");
    assert!(matches!(file.save(&config), Err(ConfigError::Changed(_))));
    assert_eq!(place.text(), "version = 1\n# somebody else\n");
    file.load().unwrap();
    file.save(&config).unwrap();

    fs::remove_file(place.path()).unwrap();
    assert!(matches!(file.save(&config), Err(ConfigError::Changed(_))), "it was removed");
    file.load().unwrap();
    place.write("");
    assert!(matches!(file.save(&config), Err(ConfigError::Changed(_))), "it came into being");
}

#[test]
fn settings_that_could_not_be_loaded_again_are_not_saved() {
    let place = Place::new(BY_HAND);
    let (mut file, config) = place.loaded();
    let mut equal_ids = config.clone();
    equal_ids.feeds.push(FeedConfig { id: config.feeds[0].id.clone(), ..camera("Stern") });
    let mut wild = config.clone();
    wild.feeds[0].bitrate_kbps = 0;
    for bad in [equal_ids, wild] {
        let error = file.save(&bad).unwrap_err();
        assert!(matches!(error, ConfigError::Unsavable { .. }), "{error}");
        assert_eq!(place.text(), BY_HAND);
    }
    file.save(&config).unwrap();
}

#[test]
fn symbolic_links_stay() {
    let folder = TempDir::new().unwrap();
    let (real, link) = (folder.path().join("real.toml"), folder.path().join("link.toml"));
    symlink("real.toml", &link).unwrap();
    let mut file = ConfigFile::new(&link, FORMS);
    let mut config = file.load().unwrap().config;
    for name in ["Bow", "Stern"] {
        config.feeds.push(camera(name));
        file.save(&config).unwrap();
        assert!(link.is_symlink());
        assert!(fs::read_to_string(&real).unwrap().contains(name));
    }
}

#[test]
fn what_cannot_be_written_is_said_and_the_file_stays() {
    let place = Place::new(BY_HAND);
    let (mut file, mut config) = place.loaded();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o400)).unwrap();
    config.feeds.clear();
    let error = file.save(&config).unwrap_err().to_string();
    assert!(error.contains("the file is write-protected. Correct the permissions"), "{error}");
    assert_eq!(place.text(), BY_HAND);

    // The folder that would have to be made is a file already.
    let mut file = ConfigFile::new(place.path().join("below/heliograph.toml"), FORMS);
    assert!(matches!(file.load(), Err(ConfigError::Unreadable { .. })));
}

#[test]
fn the_usual_path_follows_the_xdg_specification() {
    let path = |config: Option<&str>, home: Option<&str>| path_below(config.map(Into::into), home.map(Into::into));
    let below = |folder: &str| Some(Path::new(folder).join("heliograph/heliograph.toml"));
    assert_eq!(path(Some("/c"), Some("/home/u")), below("/c"));
    assert_eq!(path(None, Some("/home/u")), below("/home/u/.config"));
    assert_eq!(path(Some(""), Some("/home/u")), below("/home/u/.config"));
    assert_eq!(path(Some("relative"), Some("/home/u")), below("/home/u/.config"));
    assert_eq!(path(None, None), None);
}

#[test]
fn ice_servers_are_kept_and_their_passwords_stay_outside() {
    let text = "version = 1\n[server]\nice_servers = [\"stun:h:1\", \"turn:me@h:2?transport=tcp\"]\nice_password_env = \"V\"\n";
    let ice = read::read(text, FORMS).unwrap().config.server.transport.ice;
    assert_eq!(
        ice.servers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["stun:h:1", "turn:me@h:2?transport=tcp"]
    );
    assert_eq!(ice.password, PasswordSource::Environment("V".into()));
    let transport = TransportConfig { ice, ..TransportConfig::default() };
    let config = Config { server: ServerConfig { transport, ..ServerConfig::default() }, ..Config::default() };
    let written = write::write(None, &config, FORMS).unwrap();
    assert_eq!(read::read(&written, FORMS).unwrap().config, config);
    let found = remarks("version = 1\n[server]\nice_servers = [\"turn:me:planted@h\"]\n");
    assert!(found.contains("ice_password_env") && !found.contains("planted"), "{found}");
}

#[test]
fn what_travels_is_read_and_written() {
    let keys =
        "mtu = 1000\nretransmission = false\nfec_percent = 30\nrelay_only = true\ninterfaces = [\"wl*\", \"eth0\"]\n";
    let text = format!("version = 1\n[server]\n{keys}ice_servers = [\"turn:me@h:3478?transport=udp\"]\n");
    let config = read::read(&text, FORMS).unwrap().config;
    let transport = &config.server.transport;
    assert_eq!((transport.mtu, transport.retransmission, transport.fec_percent), (1000, false, 30));
    assert!(transport.relay_only && transport.interfaces[0].means("wlan0") && transport.interfaces[1].means("eth0"));
    let written = write::write(None, &config, FORMS).unwrap();
    assert_eq!(read::read(&written, FORMS).unwrap().config, config);
    assert_eq!(write::write(Some(&text), &config, FORMS).unwrap(), text);
}

#[test]
fn a_file_from_before_these_keys_means_what_it_meant() {
    let old = "version = 1\n[server]\nice_servers = [\"stun:h:1\"]\n";
    let transport = read::read(old, FORMS).unwrap().config.server.transport;
    assert_eq!(TransportConfig { ice: IceServers::default(), ..transport }, TransportConfig::default());
    assert_eq!(write::write(Some(old), &read::read(old, FORMS).unwrap().config, FORMS).unwrap(), old);
}

#[test]
fn what_cannot_travel_is_refused_in_sentences() {
    let cases = [
        ("mtu = 575", "`mtu` is 575; it must be a whole number from 576 to 1500"),
        ("mtu = 1501", "`mtu` is 1501; it must be a whole number from 576 to 1500"),
        ("fec_percent = 101", "`fec_percent` is 101; it must be a whole number from 0 to 100"),
        ("retransmission = 1", "`retransmission` is 1; it must be true or false"),
        ("relay_only = true", "`relay_only` cannot be used: no server of ice_servers is a relay"),
        ("interfaces = [\"a b\"]", "`interfaces` is \"a b\"; an interface is a name of up to 15 characters"),
        ("interfaces = \"eth0\"", "`interfaces` is a text; it must be a list of texts"),
    ];
    for (line, sentence) in cases {
        let found = remarks(&format!("version = 1\n[server]\n{line}\n"));
        assert!(found.contains(&format!("line 3: {sentence}")), "{line}: {found}");
    }
}

#[test]
fn encoder_sessions_are_read_and_left_alone() {
    let text = "version = 1\n\n[encoders]\nsessions = { \"nvidia:0\" = 3 } # GeForce\n";
    let loaded = read::read(text, FORMS).unwrap();
    assert_eq!(loaded.config.encoders.sessions, [("nvidia:0".to_owned(), 3)].into());
    let written = write::write(Some(text), &loaded.config, FORMS).unwrap();
    assert_eq!(written, text);
    let wrong = read::read("version = 1\nencoders = { sessions = { a = -1 } }\n", FORMS).unwrap_err();
    assert!(format!("{wrong:?}").contains("a whole number from 0 to 1000"), "{wrong:?}");
}

#[test]
fn statistics_are_read_and_left_alone() {
    let text = "version = 1\n\n[statistics]\nsamples_per_second = 10\ncsv_folder = \"/srv/csv\"\ncsv_profile = \"gstwebrtcapp\" # as before\ncsv_file_mb = 1\n";
    let loaded = read::read(text, FORMS).unwrap();
    let statistics = &loaded.config.statistics;
    assert_eq!((statistics.interval(), statistics.folder()), (Duration::from_millis(100), "/srv/csv".into()));
    assert_eq!((statistics.csv_profile, statistics.csv_file_mb), (CsvProfile::GstWebRtcApp, 1));
    assert_eq!(statistics.csv_file_minutes, 60);
    assert_eq!(write::write(Some(text), &loaded.config, FORMS).unwrap(), text);
    let cases = [
        ("samples_per_second = 0", "`samples_per_second` is 0; it must be a whole number from 1 to 10"),
        ("csv_folder = \"csv\"", "a path here starts with /"),
        ("csv_profile = \"all\"", "it is one of \"full\", \"gstwebrtcapp\""),
        ("rate = 2", "`rate` is not known here"),
    ];
    for (line, sentence) in cases {
        let found = remarks(&format!("version = 1\n[statistics]\n{line}\n"));
        assert!(found.contains("line 3") && found.contains(sentence), "{line}: {found}");
    }
}

#[test]
fn whose_feeds_are_watched_is_read_and_left_alone() {
    let text = "version = 1\n\n[[watch]]\nbroker = \"mqtts://h\" # the fleet's\ninstances = [\"boat\"]\nca = \"/ca.pem\"\n\n[[watch]]\nbroker = \"mqtt://i\"\ndialect = \"gstwebrtcapp\"\nprefix = \"fleet\"\nrecord = true\n";
    let loaded = read::read(text, FORMS).unwrap();
    let [fleet, guests] = loaded.config.watch.as_slice() else { panic!("{:?}", loaded.config.watch) };
    assert_eq!((fleet.instances[0].as_str(), fleet.record), ("boat", false));
    assert_eq!(
        (guests.topics.prefix.as_str(), guests.dialect, guests.record),
        ("fleet", MqttDialect::GstWebRtcApp, true)
    );
    assert_eq!(write::write(Some(text), &loaded.config, FORMS).unwrap(), text);
    for (lines, sentence) in [
        ("record = true", "here the `broker` is missing"),
        ("broker = \"mqtt://me:planted@h\"", "it holds a user name or password"),
        ("broker = \"mqtt://h\"\nprefix = \"x\"", "it belongs to the other dialect"),
        ("broker = \"mqtt://h\"\ninstances = [\"The Boat\"]", "lower-case letters"),
        ("broker = \"mqtt://h\"\nlisten = \"x\"", "`listen` is not known here"),
    ] {
        let found = remarks(&format!("version = 1\n[[watch]]\n{lines}\n"));
        assert!(found.contains(sentence) && !found.contains("planted"), "{lines}: {found}");
    }
}

#[test]
fn a_broker_is_read_and_left_alone() {
    let text = "version = 1\n\n[mqtt]\nbroker = \"mqtts://h:8883\" # ours\nuser = \"me\"\npassword_env = \"PW\"\nca = \"/ca.pem\"\n";
    let loaded = read::read(text, FORMS).unwrap();
    let BrokerChoice::External(broker) = &loaded.config.mqtt.broker else { panic!("{:?}", loaded.config.mqtt) };
    assert_eq!((broker.user.as_deref(), &broker.password), (Some("me"), &PasswordSource::Environment("PW".into())));
    assert_eq!(write::write(Some(text), &loaded.config, FORMS).unwrap(), text);

    let embedded =
        |text: &str| match read::read(&format!("version = 1\n[mqtt]\n{text}"), FORMS).unwrap().config.mqtt.broker {
            BrokerChoice::Embedded(broker) => broker,
            other => panic!("{other:?}"),
        };
    assert_eq!(embedded(""), EmbeddedBroker::at(EmbeddedBroker::DEFAULT_LISTEN));
    let users = "users = [{ name = \"pilot\", role = \"operate\", password_env = \"PW\" }]\n";
    assert_eq!(embedded(users).anonymous, None);
    assert_eq!(embedded(&format!("{users}anonymous = \"observe\"\n")).anonymous, Some(MqttRole::Observe));
    assert_eq!(read::read("version = 1\n", FORMS).unwrap().config.mqtt.broker, BrokerChoice::Off);

    let off = "version = 1\n[mqtt]\nbroker = \"off\"\nlisten = \"127.0.0.1:1884\" # waits\nuser = \"me\"\n";
    let mut config = read::read(off, FORMS).unwrap().config;
    assert_eq!(
        (&config.mqtt.broker, write::write(Some(off), &config, FORMS).unwrap().as_str()),
        (&BrokerChoice::Off, off)
    );
    let mut other = ExternalBroker::at("mqtt://h".parse().unwrap());
    (other.user, other.password) = (Some("me".into()), PasswordSource::Keyring);
    config.mqtt.broker = BrokerChoice::External(Box::new(other));
    let written = write::write(Some(off), &config, FORMS).unwrap();
    assert!(written.contains("broker = \"mqtt://h\"") && !written.contains("listen"), "{written}");
    assert_eq!(
        read::read(&written, FORMS).unwrap().config,
        config,
        "the keyring has the password of a user without one"
    );
}

#[test]
fn each_fault_in_a_broker_is_named_and_no_password_shown() {
    let cases = [
        ("broker = \"mqtt://me:planted@h\"", "it holds a user name or password"),
        ("broker = \"planted\"", "a broker's address is mqtt://HOST:PORT"),
        (
            "broker = \"mqtt://h\"\nlisten = \"127.0.0.1:1883\"",
            "`listen` cannot be used: it belongs to the broker inside",
        ),
        ("user = \"me\"", "`user` cannot be used: it belongs to a broker elsewhere"),
        ("listen = \"0.0.0.0:1883\"", "somebody has to be let in by name"),
        ("listen = \"0.0.0.0:1883\"", "passwords need TLS"),
        ("listen = \"0.0.0.0:1883\"\nanonymous = \"observe\"", "everybody needs a name"),
        ("users = [{ name = \"a b\", password_env = \"PW\" }]", "a user's name here is"),
        ("users = [{ name = \"a\", password = \"planted\" }]", "this user has no password"),
        (
            "users = [{ name = \"a\", password_env = \"A\" }, { name = \"a\", password_env = \"B\" }]",
            "there are two called a",
        ),
        ("broker = \"mqtt://h\"\nca = \"/ca.pem\"", "the broker's address is not encrypted"),
        ("stats_hz = 11", "a whole number from 1 to 10"),
        ("anonymous = \"planted\"", "it is one of \"none\""),
        ("controller = \"a/#\"", "a topic has no +"),
        ("planted = 1\nbrokr = \"\"", "did you mean `broker`?"),
    ];
    for (text, words) in cases {
        let said = remarks(&format!("version = 1\n[mqtt]\n{text}\n"));
        assert!(said.contains(words), "{text}: {said}");
        let shows = said.contains("planted") && !text.contains("planted = 1") && !text.contains("anonymous");
        assert!(!shows, "{said}");
    }
}

#[test]
fn the_documented_file_is_read() {
    let page = include_str!("../../../docs/settings.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let loaded = read::read(example, FORMS).unwrap();
    assert_eq!(loaded.config.feeds.len(), 5);
    assert!(loaded.warnings.is_empty());
}

#[test]
fn properties_of_elements_stay_under_the_key_that_the_file_has() {
    const ELEMENTS: &str =
        "elements = { source = { \"do-rtcp\" = false }, payloader = { config-interval = 1 } } # mine";
    let text = format!(
        "version = 1\n[[feeds]]\nname = \"Bow\"\ndemo = true\nencoder_settings = {{ threads = 4 }}\n{ELEMENTS}\n"
    );
    let place = Place::new(&text);
    let (mut file, mut config) = place.loaded();
    let feed = &config.feeds[0];
    assert_eq!(feed.elements.len(), 3);
    assert_eq!(feed.settings_of(ElementRole::Source)["do-rtcp"], "false");
    assert_eq!(feed.settings_of(ElementRole::Payloader)["config-interval"], "1");
    assert_eq!(feed.settings_of(ElementRole::Encoder)["threads"], "4");
    file.save(&config).unwrap();
    assert_eq!(place.text(), text, "what did not change should stay as it was written");

    let settings = |name: &str| BTreeMap::from([(name.to_owned(), "2".to_owned())]);
    config.feeds[0].set_settings_of(ElementRole::Encoder, settings("cpu-used"));
    file.save(&config).unwrap();
    assert!(place.text().contains("encoder_settings = { cpu-used = \"2\" }"), "{}", place.text());
    assert!(place.text().contains(ELEMENTS), "{}", place.text());
    config.feeds[0].set_settings_of(ElementRole::Converter, settings("n-threads"));
    file.save(&config).unwrap();
    assert_eq!(place.loaded().1, config);
    assert!(place.text().contains("encoder_settings = { cpu-used = \"2\" }"), "{}", place.text());
    assert!(place.text().contains("# mine"), "{}", place.text());
}

const CHANNELS: &str = r#"version = 1
[[feeds]]
name = "Bow"
demo = true
data_channels = [
  { label = "steer", ordered = false, lifetime_ms = 150, senders = ["pilot"], max_bytes = 64, per_second = 50, socket = true }, # the stick
  { label = "log", ordered = true, retransmits = 3, senders = "all", socket = "/run/log.sock" },
  { label = "news" },
]
"#;

#[test]
fn data_channels_are_read_kept_as_they_stand_and_written_again() {
    let place = Place::new(CHANNELS);
    let (mut file, config) = place.loaded();
    let channels = &config.feeds[0].data_channels;
    let label = |text: &str| text.parse::<ChannelLabel>().unwrap();
    let steer = DataChannelConfig {
        label: label("steer"),
        ordered: false,
        delivery: Delivery::LifetimeMs(150),
        senders: Senders::Named(vec!["pilot".into()]),
        max_bytes: 64,
        per_second: 50,
        socket: SocketPlace::Usual,
    };
    let log = DataChannelConfig {
        delivery: Delivery::Retransmits(3),
        senders: Senders::All,
        socket: SocketPlace::Path("/run/log.sock".into()),
        ..DataChannelConfig::new(label("log"))
    };
    assert_eq!(channels, &[steer.clone(), log, DataChannelConfig::new(label("news"))]);

    file.save(&config).unwrap();
    assert_eq!(place.text(), CHANNELS, "what says the same stays as it stands");
    let mut changed = config.clone();
    changed.feeds[0].data_channels.truncate(2);
    file.save(&changed).unwrap();
    assert_eq!(place.loaded().1, changed);
    changed.feeds[0].data_channels.clear();
    file.save(&changed).unwrap();
    assert!(!place.text().contains("data_channels"));
}

#[test]
fn data_channels_that_cannot_be_are_told_with_the_reason() {
    let cases = [
        (r#"{ label = "a", retransmits = 1, lifetime_ms = 50 }"#, "either this or `retransmits`"),
        (r#"{ label = "heliograph-x" }"#, "1 to 32 lower-case letters"),
        ("{ ordered = true }", "has no label"),
        (r#"{ label = "a", senders = "pilot" }"#, "a list of viewers' names"),
        (r#"{ label = "a", max_bytes = 0 }"#, "from 1 to 16384"),
        (r#"{ label = "a", socket = "run/x" }"#, "starts with /"),
        (r#"{ label = "a", rate = 5 }"#, "is not known here"),
        (r#"{ label = "a" }, { label = "a" }"#, "two channels have the label"),
        (r#""steer""#, "a list in one line"),
    ];
    for (channels, why) in cases {
        let text = format!("version = 1\n[[feeds]]\nname = \"Bow\"\ndemo = true\ndata_channels = [{channels}]\n");
        let remarks = remarks(&text);
        assert!(remarks.contains(why), "{channels}: {remarks}");
    }
}

#[test]
fn connectors_are_read_by_the_form_of_their_kind() {
    let place = Place::new(
        r#"version = 1
[[connectors]]
id = "shore"
kind = "shore"
feeds = ["bow"]
address = "wss://shore.example/path"
token_env = "SHORE_TOKEN"
tries = 5
mtu = 1000
relay_only = false
"#,
    );
    let (_, config) = place.loaded();
    let [connector] = config.connectors.as_slice() else { panic!("{:?}", config.connectors) };
    assert_eq!((connector.id.as_str(), connector.kind, connector.enabled), ("shore", "shore", true));
    assert_eq!(connector.feeds, FeedChoice::These(vec![FeedId::from_name("bow")]));
    assert_eq!(connector.address("address").unwrap().host_str(), Some("shore.example"));
    assert_eq!(connector.text("tries"), Some("5"));
    assert_eq!(connector.secrets["token"], PasswordSource::Environment("SHORE_TOKEN".to_owned()));
    assert_eq!(connector.transport.mtu, 1000);
}

#[test]
fn a_connector_that_cannot_be_is_told_with_line_key_and_what_is_allowed() {
    let place = Place::new(
        r#"version = 1
[[connectors]]
kind = "shore"
adress = "wss://h/"
tries = 10
[[connectors]]
id = "two"
kind = "moon"
[[connectors]]
id = "three"
kind = "shore"
address = "wss://me:planted@h/"
"#,
    );
    let error = place.file().load().unwrap_err().to_string();
    for said in [
        "line 2: this connector has no id",
        "line 4: `adress` is not known here; did you mean `address`?",
        "line 8: `kind` cannot be used: it is one of \"shore\"",
        "line 12: `address` cannot be used: a user or password",
    ] {
        assert!(error.contains(said), "{said} is not in: {error}");
    }
    assert!(!error.contains("planted"), "{error}");
}

/// Connectors and brokers with comments, as people write them.
const ELSEWHERE: &str = r#"version = 1

# to the office
[[connectors]]
id = "shore"                 # ours
kind = "shore"
address = "wss://shore.example/path"
token_env = "SHORE_TOKEN"    # ask Ada
tries = 5

# the other boat
[[watch]]
broker = "mqtts://boat.example:8883"   # at the pier
user = "bridge"

[[watch]]
broker = "mqtt://192.0.2.9:1883"
dialect = "gstwebrtcapp"

[[feeds]]
name = "Demo"
demo = true
"#;

#[test]
fn a_changed_connector_is_written_between_the_operators_comments() {
    let place = Place::new(ELSEWHERE);
    let (mut file, mut config) = place.loaded();
    file.save(&config).unwrap();
    assert_eq!(place.text(), ELSEWHERE, "what has not changed is not touched");
    let shore = &mut config.connectors[0];
    shore.enabled = false;
    shore.feeds = FeedChoice::These(Vec::new());
    shore.secrets.insert("token", PasswordSource::Keyring);
    shore.values.insert("tries", "7".to_owned());
    shore.transport.ice.servers = vec!["stun:192.0.2.1:3478".parse().unwrap()];
    shore.transport.ice.password = PasswordSource::Keyring;
    let mut other = ConnectorConfig::new("other".parse().unwrap(), &SHORE);
    other.values.insert("address", "wss://other.example/".to_owned());
    config.connectors.push(other);
    file.save(&config).unwrap();
    let text = place.text();
    for said in [
        "# to the office\n[[connectors]]\nid = \"shore\"                 # ours\n",
        "tries = 7\n",
        "enabled = false\n",
        "feeds = []\n",
        "token_keyring = true\n",
        "ice_servers = [\"stun:192.0.2.1:3478\"]\nice_password_keyring = true\n",
        "[[connectors]]\nid = \"other\"\nkind = \"shore\"\naddress = \"wss://other.example/\"\n",
        "# the other boat\n[[watch]]",
    ] {
        assert!(text.contains(said), "{said} is not in: {text}");
    }
    assert!(!text.contains("token_env"), "{text}");
    assert_eq!(place.loaded().1, config);
    config.connectors.clear();
    file.save(&config).unwrap();
    assert!(!place.text().contains("connectors"), "{}", place.text());
    assert_eq!(place.loaded().1, config);
}

#[test]
fn a_changed_broker_that_is_watched_keeps_its_comments() {
    let place = Place::new(ELSEWHERE);
    let (mut file, mut config) = place.loaded();
    assert_eq!(config.watch[0].broker.password, PasswordSource::Keyring, "as that of a camera");
    config.watch[0].broker.address = "mqtts://boat.example:9883".parse().unwrap();
    config.watch[0].record = true;
    config.watch[1].topics.prefix = "robot".to_owned();
    file.save(&config).unwrap();
    let text = place.text();
    for said in [
        "# the other boat\n[[watch]]\nbroker = \"mqtts://boat.example:9883\"   # at the pier\nuser = \"bridge\"\nrecord = true\n",
        "dialect = \"gstwebrtcapp\"\nprefix = \"robot\"\n",
    ] {
        assert!(text.contains(said), "{said} is not in: {text}");
    }
    assert_eq!(place.loaded().1, config);
    config.watch.remove(1);
    config.watch.push(WatchConfig::at(ExternalBroker::at("mqtt://192.0.2.7".parse().unwrap())));
    config.watch.remove(0);
    file.save(&config).unwrap();
    assert_eq!(place.loaded().1, config);
}

#[test]
fn a_secret_is_found_in_one_place() {
    let text = "version = 1\n[[connectors]]\nid = \"one\"\nkind = \"shore\"\naddress = \"wss://h/\"\n\
        token_env = \"T\"\ntoken_keyring = true\n";
    assert!(
        remarks(text).contains("`token_keyring` cannot be used: `token_env` says where it is, too"),
        "{}",
        remarks(text)
    );
}

#[test]
fn brackets_that_are_never_closed_are_refused_before_they_fill_the_stack() {
    let unclosed = "data_channels = [{ label = \"a\"\n[control]\nbudget_kbps = 3210\n[[feeds]]\n";
    let error = load(&format!("version = 1\n{}", unclosed.repeat(9000))).unwrap_err().to_string();
    assert!(error.contains("line 202: more than 100 brackets are open here"), "{error}");
}

mod fuzz {
    use super::{
        super::{read::read, write::write},
        FORMS,
    };

    const GOOD: &[&str] = &[
        "version = 1\n[server]\nlisten = \"127.0.0.1:8443\"\n[[feeds]]\nname = \"Bow\"\n\
     address = \"rtsp://192.0.2.1/a\"\ncodec = \"h264\"\nbitrate_kbps = 2000\nsize = \"1280x720\"\n",
        "version = 1\n[mqtt]\ninstance = \"boat\"\nbroker = \"mqtt://192.0.2.1\"\n[control]\nbudget = \"fixed\"\n\
     budget_kbps = 3210\n[[feeds]]\nname = \"Bow\"\npattern = \"bars\"\npattern_size = \"320x240\"\n\
     data_channels = [{ label = \"steer\", senders = [\"pilot\"] }]\n",
        "version = 1 # mine\n[recording]\nfolder = \"/tmp/x\"\n[statistics]\ncsv_profile = \"full\"\n[[feeds]]\n\
     name = \"Bow\"\nfile = \"/tmp/a.mkv\"\nagent = \"gcc\"\nagent_least_kbps = 100\n",
    ];

    #[test]
    fn what_is_read_is_written_and_read_the_same_and_the_rest_is_refused_with_a_line() {
        crate::fuzz::texts(GOOD, |text| match read(text, FORMS) {
            Ok(loaded) => {
                let written = write(Some(text), &loaded.config, FORMS).expect("what was read should be written");
                let again = read(&written, FORMS).expect("what was written should be read");
                assert_eq!(again.config, loaded.config, "{written}");
                true
            }
            Err(fault) => {
                assert!(!fault.to_string().is_empty());
                false
            }
        });
    }
}
