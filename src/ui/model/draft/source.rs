//! Where the picture is to come from, as it was entered.

use std::path::PathBuf;

use super::{Entered, Field, Problem, problem::Problems};
use crate::{
    config::{
        AddressError, FileConfig, Fingerprint, IceServers, Password, PasswordSource, ReceptionConfig, RtspConfig,
        SourceAddress, SourceConfig, StreamChoice, TestConfig, TestPattern, TransportChoice,
    },
    i18n::gettext,
    ui::model::elsewhere::{EnteredWays, optional_path},
};

/// What stands for a name where only a token is asked for.
const RELAY_USER: &str = "receiver";

/// The kinds of sources.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SourceKind {
    /// A camera on the network.
    #[default]
    Rtsp,
    /// What a robot sends to its relay.
    Received,
    /// A camera on this computer.
    Device,
    /// A file.
    File,
    /// A test picture.
    Test,
    /// The camera inside the program.
    Demo,
}

impl SourceKind {
    /// Every kind, in the order in which they are offered.
    pub const ALL: &[Self] = &[Self::Rtsp, Self::Received, Self::Device, Self::File, Self::Test, Self::Demo];

    /// The kind of a feed's source.
    pub fn of(source: &SourceConfig) -> Self {
        match source {
            SourceConfig::Demo => Self::Demo,
            SourceConfig::Rtsp(rtsp) if rtsp.address.relay().is_some() => Self::Received,
            SourceConfig::Rtsp(_) => Self::Rtsp,
            SourceConfig::Device(_) => Self::Device,
            SourceConfig::File(_) => Self::File,
            SourceConfig::Test(_) => Self::Test,
        }
    }

    /// What people call it.
    pub fn words(self) -> String {
        match self {
            Self::Rtsp => gettext("Network camera (RTSP)"),
            Self::Received => gettext("Receive from a robot (Bigfootbot)"),
            Self::Device => gettext("Camera on this computer"),
            Self::File => gettext("File"),
            Self::Test => gettext("Test picture"),
            Self::Demo => gettext("Demo camera"),
        }
    }
}

/// A camera on the network.
#[derive(Clone)]
pub struct EnteredCamera {
    /// Its address.
    pub address: String,
    /// The user; empty where the camera asks for none.
    pub user: String,
    /// The password; empty where there is none, or the kept one is to stay.
    pub password: Password,
    /// The second address; empty where there is none.
    pub sub_address: String,
    /// Which of the two addresses is in use.
    pub stream: StreamChoice,
    /// How media travels.
    pub transport: TransportChoice,
    /// The jitter buffer in milliseconds.
    pub latency_ms: u32,
    /// Whether packets later than that are dropped.
    pub drop_on_latency: bool,
    /// The certificate by which it is known.
    pub certificate: Option<Fingerprint>,
    /// Whether it is to be known by the next one that it shows.
    pub forgets_certificate: bool,
    /// The file with certificates that vouch for a robot's relay; empty where the system's do.
    pub ca: String,
    /// By which ways a robot's picture comes.
    pub ways: EnteredWays,
}

impl Default for EnteredCamera {
    fn default() -> Self {
        Self {
            address: String::new(),
            user: String::new(),
            password: Password::default(),
            sub_address: String::new(),
            stream: StreamChoice::default(),
            transport: TransportChoice::default(),
            latency_ms: RtspConfig::DEFAULT_LATENCY_MS,
            drop_on_latency: true,
            certificate: None,
            forgets_certificate: false,
            ca: String::new(),
            ways: EnteredWays::default(),
        }
    }
}

impl EnteredCamera {
    /// As it stands in the fields; a kept password does not.
    pub(super) fn of(config: &RtspConfig) -> Self {
        let sub_address = config.sub_address.as_ref();
        let ReceptionConfig { ca, ice, relay_only, interfaces } = &config.reception;
        let ca = ca.as_ref();
        Self {
            address: config.address.as_str().into(),
            user: config.user.clone().unwrap_or_default(),
            password: Password::default(),
            sub_address: sub_address.map(|address| address.as_str().into()).unwrap_or_default(),
            stream: config.stream,
            transport: config.transport,
            latency_ms: config.latency_ms,
            drop_on_latency: config.drop_on_latency,
            certificate: config.certificate,
            forgets_certificate: false,
            ca: ca.map(|path| path.display().to_string()).unwrap_or_default(),
            ways: EnteredWays::of(ice, *relay_only, interfaces),
        }
    }

    /// The password that was entered.
    pub(super) fn password(&self) -> Option<Password> {
        (!self.password.is_empty()).then(|| self.password.clone())
    }

    /// The same at a relay, which asks for a token and for nobody's name.
    fn of_relay(&self) -> Self {
        let user = if self.password.is_empty() { self.user.clone() } else { RELAY_USER.to_owned() };
        Self { user, sub_address: String::new(), transport: TransportChoice::Automatic, ..self.clone() }
    }

    fn check(&self, problems: &mut Problems) -> Option<RtspConfig> {
        let address = problems.note(read_address(Field::Address, &self.address));
        let sub_address = match self.sub_address.trim() {
            "" => Some(None),
            text => problems.note(read_address(Field::SubAddress, text)).map(Some),
        };
        let user = self.user.trim();
        if user.is_empty() && !self.password.is_empty() {
            problems.note::<()>(Err(Problem::no_user()));
        }
        let (address, sub_address) = (address?, sub_address?);
        let is_relay = address.relay().is_some();
        let reception = if is_relay { self.reception(problems)? } else { ReceptionConfig::default() };
        Some(RtspConfig {
            address,
            user: (!user.is_empty()).then(|| user.to_owned()),
            password: PasswordSource::None,
            // Without a second address there is but one to use.
            stream: if sub_address.is_some() { self.stream } else { StreamChoice::Main },
            sub_address,
            transport: self.transport,
            latency_ms: self.latency_ms,
            drop_on_latency: self.drop_on_latency,
            certificate: None,
            reception,
        })
    }

    /// By which ways the picture comes from a relay's sender.
    fn reception(&self, problems: &mut Problems) -> Option<ReceptionConfig> {
        let ca = problems.note(optional_path(&self.ca).map_err(|reason| Problem::ca(&reason)));
        let ice = self.ways.servers().map_err(Problem::ice_servers);
        let relays =
            |ice: IceServers| if self.ways.relay_only && !ice.has_relay() { Err(Problem::no_relay()) } else { Ok(ice) };
        let ice = problems.note(ice.and_then(relays));
        let interfaces = problems.note(self.ways.interfaces().map_err(Problem::interfaces));
        let relay_only = self.ways.relay_only;
        Some(ReceptionConfig { ca: ca?.map(PathBuf::from), ice: ice?, relay_only, interfaces: interfaces? })
    }
}

fn read_address(field: Field, text: &str) -> Result<SourceAddress, Problem> {
    let text = text.trim();
    text.parse().map_err(|error: AddressError| Problem::address(field, &error, text))
}

/// A test picture.
#[derive(Clone, Debug)]
pub struct EnteredTest {
    /// What it shows.
    pub pattern: TestPattern,
    /// Its size, such as `1280x720`.
    pub size: String,
    /// Frames per second.
    pub framerate: u32,
}

impl Default for EnteredTest {
    fn default() -> Self {
        Self::of(&TestConfig::default())
    }
}

impl EnteredTest {
    /// As it stands in the fields.
    pub(super) fn of(config: &TestConfig) -> Self {
        Self { pattern: config.pattern, size: config.size.to_string(), framerate: config.framerate }
    }

    fn check(&self) -> Result<TestConfig, Problem> {
        let size = self.size.trim().parse().map_err(|error| Problem::size(Field::TestSize, error))?;
        Ok(TestConfig { pattern: self.pattern, size, framerate: self.framerate })
    }
}

impl Entered {
    /// Whether the picture is met at a robot's relay, which cameras on the network know nothing of.
    pub fn is_at_relay(&self) -> bool {
        let is_relays =
            || self.camera.address.trim().parse().is_ok_and(|address: SourceAddress| address.relay().is_some());
        self.kind == SourceKind::Received || self.kind == SourceKind::Rtsp && is_relays()
    }

    /// The source that is meant; the fields of the others do not count.
    pub(super) fn source(&self, problems: &mut Problems) -> Option<SourceConfig> {
        match self.kind {
            SourceKind::Demo => Some(SourceConfig::Demo),
            SourceKind::Rtsp => self.camera.check(problems).map(SourceConfig::Rtsp),
            SourceKind::Received => self.camera.of_relay().check(problems).map(SourceConfig::Rtsp),
            SourceKind::Device => {
                let device = self.device.clone().ok_or_else(Problem::no_device);
                problems.note(device).map(SourceConfig::Device)
            }
            SourceKind::File => {
                let path = self.file.clone().ok_or_else(Problem::no_file);
                problems.note(path).map(|path| SourceConfig::File(FileConfig { path }))
            }
            SourceKind::Test => problems.note(self.test.check()).map(SourceConfig::Test),
        }
    }
}
