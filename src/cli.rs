//! The command line.

use std::{
    fmt::Display,
    net::{SocketAddr, SocketAddrV4},
    path::PathBuf,
    str::FromStr,
};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    config::{
        AgentKind, Attention, BrokerAddress, BudgetKind, Codec, CsvProfile, ElementChoice, ElementRole, FeedId,
        Fingerprint, IceServer, Importance, MqttDialect, OrCamera, Priority, RtspConfig, Size, StreamChoice,
        TransportChoice,
    },
    media::source::{DemoSound, Transport},
};

/// Put cameras on the network.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None)]
pub struct Cli {
    /// Configuration file [default: heliograph/heliograph.toml in the user's configuration folder]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// How messages are written
    #[arg(long, value_enum, default_value_t, global = true)]
    pub log_format: LogFormat,
    /// What to do; without a word the window opens
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run without a window
    Serve(ServeOptions),
    /// Look at a camera, a device or a file, and say what it sends
    Probe(ProbeOptions),
    /// Show what a robot or a camera sends, in a window with nothing else
    Receive(ReceiveOptions),
    /// Steer a Heliograph that runs, over MQTT
    Ctl(CtlOptions),
    /// Be a server at which feeds and viewers meet that cannot reach each other
    Relay(RelayOptions),
    /// Be a service that not everybody can have, for trying connectors out
    #[command(subcommand)]
    Lab(LabVerb),
    /// Watch feeds of other programs over MQTT, and record their statistics
    Collect(CollectOptions),
    /// Be an RTSP camera with a test picture, for trying things out
    DemoCamera(DemoCameraOptions),
    /// List the named profiles: settings that belong together
    Profiles(ProfilesOptions),
    /// Try an element and write whether it works; the program runs itself with this word
    #[command(hide = true)]
    TryElement {
        /// Which candidate
        key: String,
    },
    /// Say what is in place on this machine, and what to do where something is not
    Doctor(DoctorOptions),
    /// Make a feed of what you have elsewhere
    #[command(subcommand)]
    Import(ImportVerb),
}

/// What to import.
#[derive(Debug, Subcommand)]
pub enum ImportVerb {
    /// A gst-launch text, or a Python string with one; it is read, never run
    Pipeline(ImportPipelineOptions),
}

/// Which service to be.
#[derive(Debug, Subcommand)]
pub enum LabVerb {
    /// A stand-in for an Ahoy Director: feeds attach, and a page plays and stops them
    Director(LabDirectorOptions),
}

/// Options of `lab director`.
#[derive(Args, Clone, Debug)]
pub struct LabDirectorOptions {
    /// Where it listens
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,
    /// The environment variable that holds the API key; needed beyond this machine [default: the key “lab”]
    #[arg(long, value_name = "VARIABLE")]
    pub api_key_env: Option<String>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LogFormat {
    /// A line for people
    #[default]
    Text,
    /// A JSON object a line, for programs
    Json,
}

/// Options of `serve`; each goes before what the configuration file says.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeOptions {
    /// Where viewers connect [default: 127.0.0.1:8443]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Tell of feeds and be steered over MQTT, by a broker of our own for programs on this machine
    #[arg(long, value_name = "ADDR:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:1883")]
    pub mqtt: Option<SocketAddr>,
    /// Add the built-in demo camera
    #[arg(long)]
    pub demo: bool,
    /// Add a feed; may be repeated. SOURCE is an RTSP address, a robot's relay (ws:// or wss://), /dev/NAME, a file:/// address, test:PATTERN or demo:.
    /// Others on this machine can see a password in it: the configuration file is better
    #[arg(long = "feed", value_name = "NAME=SOURCE")]
    pub feeds: Vec<String>,
    /// Send feeds to a service elsewhere, such as shore=webrtcsink,address=wss://relay.example; may be repeated.
    /// What there is stands in docs/connectors.md
    #[arg(long = "connector", value_name = "ID=KIND,KEY=VALUE…")]
    pub connectors: Vec<String>,
    /// Record every feed into files in this folder; by default that of the settings, or the user's for videos
    #[arg(long, value_name = "FOLDER", num_args = 0..=1)]
    #[allow(clippy::option_option, reason = "clap's word for an option whose value may be left out")]
    pub record: Option<Option<PathBuf>>,
    /// Set a property of a feed's elements, such as bow.encoder.threads=2; may be repeated
    #[arg(long = "element", value_name = "FEED.ROLE.NAME=VALUE")]
    pub elements: Vec<String>,
    /// What viewers must present; needed beyond this machine. Better in `HELIOGRAPH_TOKEN`: others can see arguments
    #[arg(long, env = "HELIOGRAPH_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// TLS certificate chain (PEM); without one, a certificate is made once
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Serve beyond this machine without TLS
    #[arg(long)]
    pub insecure_http: bool,
}

/// Options of `receive`.
#[derive(Args, Clone, Debug, Default)]
pub struct ReceiveOptions {
    /// Where pictures come from: a robot's relay (ws:// or wss://), an RTSP address, /dev/NAME, a file:/// address,
    /// test:PATTERN or demo:
    #[arg(value_name = "ADDRESS", required = true)]
    pub addresses: Vec<String>,
    /// Fill the screen; F11 does that later
    #[arg(long)]
    pub fullscreen: bool,
    /// Show all pictures in one window; otherwise each has one of its own
    #[arg(long)]
    pub grid: bool,
    /// Environment variable with the token that relays ask for
    #[arg(long, value_name = "VARIABLE")]
    pub token_env: Option<String>,
    /// Certificates that vouch for relays beside those that the system trusts (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// A STUN or TURN server, where a robot cannot be reached directly; may be repeated
    #[arg(long = "ice-server", value_name = "stun:HOST:PORT|turn:USER@HOST:PORT")]
    pub ice_servers: Vec<IceServer>,
    /// The environment variable that holds the TURN users' password: others can see arguments
    #[arg(long, value_name = "VARIABLE", requires = "ice_servers")]
    pub ice_password_env: Option<String>,
    /// Go through a TURN server or not at all
    #[arg(long, requires = "ice_servers")]
    pub relay_only: bool,
}

/// Options of `relay`.
#[derive(Args, Clone, Debug)]
pub struct RelayOptions {
    /// What is spoken there
    #[arg(long, value_enum)]
    pub protocol: RelayProtocol,
    /// Where it listens [default: 127.0.0.1:8443 for webrtcsink, 127.0.0.1:8765 for bigfootbot]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// What everybody must present, as `?token=` or as a bearer. Better in `HELIOGRAPH_TOKEN`: others can see arguments
    #[arg(long, env = "HELIOGRAPH_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Let everybody in who reaches the port: the robot's own programs know no token
    #[arg(long, conflicts_with = "token")]
    pub open: bool,
    /// TLS certificate chain (PEM); without one, a certificate is made once
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Listen beyond this machine without TLS
    #[arg(long)]
    pub insecure: bool,
}

/// What is spoken at a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RelayProtocol {
    /// That of webrtcsink, gstwebrtc-api and this program
    Webrtcsink,
    /// That of the Bigfootbot robot
    Bigfootbot,
}

/// Options of `ctl`.
#[derive(Args, Clone, Debug)]
pub struct CtlOptions {
    /// The broker [default: that of the settings, or this machine's at port 1883]
    #[arg(long, value_name = "mqtt://HOST:PORT")]
    pub broker: Option<BrokerAddress>,
    /// Which Heliograph, where the broker has several
    #[arg(long, value_name = "NAME")]
    pub instance: Option<FeedId>,
    /// Log in at the broker as this user, with the password in the variable of --password-env
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// The environment variable that holds the user's password: others can see arguments
    #[arg(long, value_name = "VARIABLE", requires = "user")]
    pub password_env: Option<String>,
    /// Certificates that vouch for the broker (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Print answers as JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub verb: CtlVerb,
}

/// Options of `collect`; without a broker, those of `[[watch]]` in the settings are watched.
#[derive(Args, Clone, Debug, Default)]
pub struct CollectOptions {
    /// The broker
    #[arg(long, value_name = "mqtt://HOST:PORT")]
    pub broker: Option<BrokerAddress>,
    /// Only feeds of this Heliograph; may be repeated
    #[arg(long = "instance", value_name = "NAME", requires = "broker")]
    pub instances: Vec<FeedId>,
    /// What is spoken there: heliograph or gstwebrtcapp
    #[arg(long, value_name = "WORD", requires = "broker", conflicts_with = "instances")]
    pub dialect: Option<MqttDialect>,
    /// What stands before the topics of GstWebRTCApp's feeds
    #[arg(long, value_name = "TOPIC", requires = "broker", conflicts_with = "instances")]
    pub prefix: Option<String>,
    /// Log in at the broker as this user, with the password in the variable of --password-env
    #[arg(long, value_name = "USER", requires = "broker")]
    pub user: Option<String>,
    /// The environment variable that holds the user's password: others can see arguments
    #[arg(long, value_name = "VARIABLE", requires = "user")]
    pub password_env: Option<String>,
    /// Certificates that vouch for the broker (PEM)
    #[arg(long, value_name = "FILE", requires = "broker")]
    pub ca: Option<PathBuf>,
    /// Where files are written [default: that of the settings]
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// Which columns they have: full or gstwebrtcapp [default: those of the settings]
    #[arg(long, value_name = "WORD")]
    pub profile: Option<CsvProfile>,
    /// Write no files
    #[arg(long)]
    pub no_record: bool,
    /// Seconds between two lines of figures
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub every: u64,
    /// End after so many seconds
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
}

/// What to do with a Heliograph that runs.
#[derive(Clone, Debug, Subcommand)]
pub enum CtlVerb {
    /// List the feeds
    Feeds,
    /// Say how a feed is
    State {
        /// The feed's id
        feed: FeedId,
    },
    /// Print a feed's last statistics, as JSON
    Stats {
        /// The feed's id
        feed: FeedId,
    },
    /// Print everything that is told, a line each: topic and JSON
    Watch {
        /// Only of this feed
        feed: Option<FeedId>,
        /// End after so many lines
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    },
    /// Have a feed connect and stream
    Start {
        /// The feed's id
        feed: FeedId,
    },
    /// Have a feed hang up and end all sessions
    Stop {
        /// The feed's id
        feed: FeedId,
    },
    /// Hold a feed to other values from now on
    Apply(ApplyOptions),
    /// Hold a feed to a preset: LD, SD, HD, FHD or UHD
    Preset {
        /// The feed's id
        feed: FeedId,
        /// The preset's name
        preset: String,
    },
    /// Show the other one of a camera's two streams
    Stream {
        /// The feed's id
        feed: FeedId,
        /// main or sub
        stream: StreamChoice,
    },
    /// Send viewers another codec; each gets it in a session of its own
    Codec {
        /// The feed's id
        feed: FeedId,
        /// h264, h265, vp8, vp9 or av1
        codec: Codec,
        /// The encoder's element, or auto
        #[arg(long, default_value = "auto")]
        encoder: ElementChoice,
    },
    /// Set a property of a feed's elements
    Element {
        /// The feed's id
        feed: FeedId,
        /// What the element does, such as encoder
        role: ElementRole,
        /// The property
        name: String,
        /// As GStreamer writes it
        value: String,
    },
    /// Decide oneself, while the feed's agent only watches
    Overtake {
        /// The feed's id
        feed: FeedId,
        /// For so many seconds; without it until give-back
        #[arg(long, value_name = "N")]
        seconds: Option<u64>,
    },
    /// Have the feed's agent decide again
    GiveBack {
        /// The feed's id
        feed: FeedId,
    },
    /// Say how bitrate is shared out among the feeds
    Control,
    /// Share a bitrate out among the feeds, or what their agents ask for, or let each decide for itself
    Budget {
        /// A bitrate in kbit/s, estimates or off
        #[arg(value_name = "KBPS|estimates|off", value_parser = parse_budget)]
        budget: CtlBudget,
    },
    /// Have another agent decide over a feed, or have it only watch
    Agent(AgentOptions),
    /// Say how important a feed is when bitrate is shared out
    Share(ShareOptions),
    /// Look at a feed more than at others, or no more: meanwhile it has its focus importance
    Attend {
        /// The feed's id
        feed: FeedId,
        /// on or off
        #[arg(action = clap::ArgAction::Set, value_parser = parse_switch)]
        on: bool,
        /// enlarged, focused or pinned
        #[arg(long, value_name = "WHY", default_value = "pinned")]
        attention: Attention,
    },
    /// Record a feed's statistics, or end that
    RecordStatistics {
        /// The feed's id
        feed: FeedId,
        /// on or off
        #[arg(action = clap::ArgAction::Set, value_parser = parse_switch)]
        on: bool,
    },
    /// Record what is sent of a feed, or end that
    Record {
        /// The feed's id
        feed: FeedId,
        /// on or off
        #[arg(action = clap::ArgAction::Set, value_parser = parse_switch)]
        on: bool,
    },
    /// Keep the last of what is sent in memory, or forget it
    KeepLast {
        /// The feed's id
        feed: FeedId,
        /// on or off
        #[arg(action = clap::ArgAction::Set, value_parser = parse_switch)]
        on: bool,
    },
    /// Write what is kept in memory to a file
    SaveLast {
        /// The feed's id
        feed: FeedId,
    },
    /// Save a feed's next picture
    Snapshot {
        /// The feed's id
        feed: FeedId,
    },
    /// Say something to a feed's viewers, on one of its data channels
    Say {
        /// The feed's id
        feed: FeedId,
        /// The channel's label
        channel: String,
        /// What to say
        text: String,
        /// To the viewer of this session only
        #[arg(long)]
        session: Option<String>,
    },
    /// Take whichever certificate the camera shows next, and keep that one
    ForgetCertificate {
        /// The feed's id
        feed: FeedId,
    },
    /// Add a feed until the program ends; only where [mqtt] allows it
    Add {
        /// What people call it
        name: String,
        /// An RTSP address without user and password, demo: or test:PATTERN
        source: String,
    },
    /// Remove a feed until the program ends; only where [mqtt] allows it
    Remove {
        /// The feed's id
        feed: FeedId,
    },
    /// Send any request, as JSON
    Send {
        /// Such as '{"command": "start"}'
        request: String,
        /// To this feed, and not to Heliograph itself
        #[arg(long, value_name = "ID")]
        feed: Option<FeedId>,
    },
    /// Play requests at their times: a JSON object a line, with `after` or `at` in seconds, and `feed`
    Script {
        /// The file
        file: PathBuf,
    },
}

/// Options of `ctl apply`.
#[derive(Args, Clone, Debug)]
pub struct ApplyOptions {
    /// The feed's id
    pub feed: FeedId,
    /// The encoder's bitrate in kbit/s
    #[arg(long, value_name = "N")]
    pub bitrate_kbps: Option<u32>,
    /// The size of the picture
    #[arg(long, value_name = "WIDTHxHEIGHT|camera", value_parser = or_camera::<Size>)]
    pub size: Option<OrCamera<Size>>,
    /// Frames per second at most
    #[arg(long, value_name = "N|camera", value_parser = or_camera::<u32>)]
    pub framerate: Option<OrCamera<u32>>,
    /// Forward error correction in percent
    #[arg(long, value_name = "N")]
    pub fec_percent: Option<u32>,
    /// How urgent its packets are, from 1 to 4
    #[arg(long, value_name = "N", value_parser = parse_priority)]
    pub priority: Option<Priority>,
}

/// What `ctl budget` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CtlBudget {
    /// What there is.
    pub budget: BudgetKind,
    /// How much that is where it is fixed, in kbit/s.
    pub kbps: Option<u32>,
}

/// Options of `ctl agent`. What is not named stays as it is.
#[derive(Args, Clone, Debug)]
pub struct AgentOptions {
    /// The feed's id
    pub feed: FeedId,
    /// manual or gcc
    pub agent: Option<AgentKind>,
    /// Only watch, and say what it would do: on or off
    #[arg(long, value_name = "on|off", action = clap::ArgAction::Set, value_parser = parse_switch)]
    pub passive: Option<bool>,
    /// No lower bitrate than this, in kbit/s
    #[arg(long, value_name = "N")]
    pub least_kbps: Option<u32>,
    /// And no higher one
    #[arg(long, value_name = "N")]
    pub most_kbps: Option<u32>,
    /// Also make pictures smaller and fewer: on or off
    #[arg(long, value_name = "on|off", action = clap::ArgAction::Set, value_parser = parse_switch)]
    pub picture: Option<bool>,
}

/// Options of `ctl share`. What is not named stays as it is.
#[derive(Args, Clone, Debug)]
pub struct ShareOptions {
    /// The feed's id
    pub feed: FeedId,
    /// How important it is beside the others, such as 3
    #[arg(long, value_name = "N")]
    pub importance: Option<Importance>,
    /// And while somebody looks at it more than at others
    #[arg(long, value_name = "N")]
    pub focus_importance: Option<Importance>,
    /// Its agent decides for itself: on or off
    #[arg(long, value_name = "on|off", action = clap::ArgAction::Set, value_parser = parse_switch)]
    pub independent: Option<bool>,
}

/// Options of `probe`.
#[derive(Args, Clone, Debug)]
pub struct ProbeOptions {
    /// An RTSP address, /dev/NAME, a file:/// address or demo:
    #[arg(value_name = "SOURCE")]
    pub source: String,
    /// Print the report as JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// Log in as this user, with the password in the variable of --password-env
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// The environment variable that holds the user's password: others can see arguments
    #[arg(long, value_name = "VARIABLE", requires = "user")]
    pub password_env: Option<String>,
    /// How it sends: auto, udp, tcp or multicast
    #[arg(long, value_name = "WORD", default_value_t)]
    pub transport: TransportChoice,
    /// The only certificate an rtsps camera may show; without it, what it shows is accepted and printed
    #[arg(long, value_name = "sha256:…")]
    pub certificate: Option<Fingerprint>,
    /// The jitter buffer in milliseconds
    #[arg(long, value_name = "N", default_value_t = RtspConfig::DEFAULT_LATENCY_MS, value_parser = clap::value_parser!(u32).range(0..=5000))]
    pub latency_ms: u32,
    /// How many seconds to watch after the first picture
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub seconds: u64,
}

/// Options of `demo-camera`.
#[derive(Args, Clone, Debug)]
pub struct DemoCameraOptions {
    /// Where the camera listens
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8554")]
    pub listen: SocketAddrV4,
    /// Size of the picture
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "1280x720", value_parser = parse_size)]
    pub size: (i32, i32),
    /// Frames per second
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i32).range(1..=120))]
    pub framerate: i32,
    /// Seconds from one key frame to the next
    #[arg(long, default_value_t = 1, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=60))]
    pub gop: u32,
    /// How the sound, a beep a second, is sent
    #[arg(long, value_enum, default_value_t)]
    pub audio: DemoSound,
    /// Show a white flash at every beep, for measuring lip sync
    #[arg(long)]
    pub flash_and_beep: bool,
    /// Ask for this user, and for the password in the variable of --password-env
    #[arg(long, value_name = "USER", requires = "password_env")]
    pub user: Option<String>,
    /// The environment variable that holds the user's password: others can see arguments
    #[arg(long, value_name = "VARIABLE", requires = "user")]
    pub password_env: Option<String>,
    /// Send in this way only
    #[arg(long, value_enum)]
    pub transport: Option<Transport>,
    /// Speak rtsps with the certificate and key in this file (PEM), which are made where there is no such file
    #[arg(long, value_name = "FILE")]
    pub tls: Option<PathBuf>,
}

/// Options of `profiles`.
#[derive(Args, Clone, Debug)]
pub struct ProfilesOptions {
    /// Write JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// Options of `import pipeline`.
#[derive(Args, Clone)]
pub struct ImportPipelineOptions {
    /// The text in quotes, or - for standard input, which is better where it holds a password
    #[arg(value_name = "TEXT", allow_hyphen_values = true)]
    pub text: String,
    /// What people call the feed [default: made from the source]
    #[arg(long)]
    pub name: Option<String>,
    /// Print the feed and leave the settings file alone
    #[arg(long)]
    pub dry_run: bool,
}

/// The text may hold a password.
impl std::fmt::Debug for ImportPipelineOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportPipelineOptions")
            .field("name", &self.name)
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}

/// Options of `doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorOptions {
    /// A JSON list for programs
    #[arg(long)]
    pub json: bool,
    /// Ask this STUN or TURN server in place of those of the settings; may be repeated
    #[arg(long = "ice-server", value_name = "stun:HOST:PORT|turn:USER@HOST:PORT")]
    pub ice_servers: Vec<IceServer>,
    /// The environment variable that holds the TURN users' password: others can see arguments
    #[arg(long, value_name = "VARIABLE", requires = "ice_servers")]
    pub ice_password_env: Option<String>,
}

fn or_camera<T: FromStr<Err: Display>>(text: &str) -> Result<OrCamera<T>, String> {
    if text == "camera" {
        return Ok(OrCamera::Camera);
    }
    text.parse().map(OrCamera::Set).map_err(|error: T::Err| error.to_string())
}

fn parse_budget(text: &str) -> Result<CtlBudget, String> {
    let budget = match text {
        "off" => CtlBudget { budget: BudgetKind::Off, kbps: None },
        "estimates" => CtlBudget { budget: BudgetKind::Estimates, kbps: None },
        number => {
            let kbps = number.parse().map_err(|_| "it is a bitrate in kbit/s, estimates or off".to_owned())?;
            CtlBudget { budget: BudgetKind::Fixed, kbps: Some(kbps) }
        }
    };
    Ok(budget)
}

fn parse_switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("it is on or off".into()),
    }
}

fn parse_priority(text: &str) -> Result<Priority, String> {
    let number: u8 = text.parse().map_err(|_| "a priority is a number from 1 to 4".to_owned())?;
    Priority::try_from(number).map_err(|error| error.to_string())
}

fn parse_size(text: &str) -> Result<(i32, i32), String> {
    let parse = |side: &str| side.parse().ok().filter(|side| (160..=4096).contains(side) && side % 2 == 0);
    text.split_once('x')
        .and_then(|(width, height)| Some((parse(width)?, parse(height)?)))
        .ok_or_else(|| "a size is two even numbers from 160 to 4096, such as 1280x720".into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_are_even_and_bounded() {
        assert_eq!(parse_size("640x360"), Ok((640, 360)));
        for bad in ["", "640", "640x", "641x360", "0x0", "-2x2", "99999x2", "640x360x2"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}
