//! Where a feed's picture comes from.

use std::{ops::RangeInclusive, path::PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Fingerprint, IceServers, InterfaceName, PasswordSource, Size, SourceAddress, keyed::keyed_enum};
use crate::i18n::gettext;

/// Where a feed's picture comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(clippy::large_enum_variant, reason = "nearly every feed is the large one, a camera on the network")]
pub enum SourceConfig {
    /// The camera inside the program.
    Demo,
    /// A camera on the network, or a robot's at a relay.
    Rtsp(RtspConfig),
    /// A camera on this machine (V4L2).
    Device(DeviceConfig),
    /// A file, played over and over.
    File(FileConfig),
    /// A test picture, made here without any camera.
    Test(TestConfig),
}

impl SourceConfig {
    /// What it is called in a sentence or a line: nothing secret, and nothing that needs an
    /// explanation.
    pub fn words(&self) -> String {
        match self {
            Self::Demo => gettext("Demo camera"),
            Self::Rtsp(rtsp) => rtsp.address_in_use().to_string(),
            Self::Device(device) => device.path.display().to_string(),
            Self::File(file) => file.path.display().to_string(),
            Self::Test(_) => gettext("Test picture"),
        }
    }
}

/// How a camera is reached by RTSP; or one that a robot sends to a relay, whose address is a websocket's. There
/// the password is the relay's token, whoever the user is, and what belongs to RTSP alone is without effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtspConfig {
    /// Its address.
    pub address: SourceAddress,
    /// The user it knows, where it asks for one.
    pub user: Option<String>,
    /// Where that user's password is found; [`PasswordSource::None`] without a user,
    /// or where the user has an empty one.
    pub password: PasswordSource,
    /// The address of the same camera's smaller stream, with the same login.
    pub sub_address: Option<SourceAddress>,
    /// Which of the two addresses is in use.
    pub stream: StreamChoice,
    /// How media travels.
    pub transport: TransportChoice,
    /// The jitter buffer in milliseconds, within [`RtspConfig::LATENCY_MS`].
    pub latency_ms: u32,
    /// Whether packets later than the jitter buffer are dropped; kept, each of them adds to
    /// the delay of all that follow.
    pub drop_on_latency: bool,
    /// The certificate by which an `rtsps` camera is recognised; `None` takes the one that
    /// it shows first, and keeps it here.
    pub certificate: Option<Fingerprint>,
    /// How a robot's picture is received; nothing of it counts for a camera that speaks RTSP.
    #[serde(default)]
    pub reception: ReceptionConfig,
}

impl RtspConfig {
    /// The jitter buffer of a feed that names none: covers a wired or good wireless network.
    pub const DEFAULT_LATENCY_MS: u32 = 100;
    /// None at all for a camera on the same cable, up to five seconds for a satellite.
    pub const LATENCY_MS: RangeInclusive<u32> = 0..=5000;

    /// A camera that asks for no password, with the default settings.
    pub fn new(address: SourceAddress) -> Self {
        Self {
            address,
            user: None,
            password: PasswordSource::None,
            sub_address: None,
            stream: StreamChoice::default(),
            transport: TransportChoice::default(),
            latency_ms: Self::DEFAULT_LATENCY_MS,
            drop_on_latency: true,
            certificate: None,
            reception: ReceptionConfig::default(),
        }
    }

    /// The same camera asked by `user`, whose password is found in `password`.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>, password: PasswordSource) -> Self {
        self.user = Some(user.into());
        self.password = password;
        self
    }

    /// The address in use; the first one where there is no second.
    pub fn address_in_use(&self) -> &SourceAddress {
        match (self.stream, &self.sub_address) {
            (StreamChoice::Sub, Some(sub)) => sub,
            _ => &self.address,
        }
    }
}

/// By which ways a robot's picture comes from a relay's sender to here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceptionConfig {
    /// Certificates that vouch for the relay beside those that the system trusts, a PEM file.
    pub ca: Option<PathBuf>,
    /// STUN and TURN servers, where the sender cannot be reached directly.
    pub ice: IceServers,
    /// Go through a TURN server or not at all.
    pub relay_only: bool,
    /// The network interfaces to use; empty: all but loopback and those of containers and virtual machines.
    pub interfaces: Vec<InterfaceName>,
}

keyed_enum! {
    /// How media travels from an RTSP camera.
    TransportChoice {
        /// UDP first, TCP where nothing comes.
        #[default]
        Automatic = "auto",
        /// RTP over UDP only.
        Udp = "udp",
        /// RTP inside the RTSP connection only.
        Tcp = "tcp",
        /// RTP over UDP to a group that several receivers share.
        Multicast = "multicast",
    }
}

keyed_enum! {
    /// One of a camera's two streams.
    StreamChoice {
        /// The one of the feed's address.
        #[default]
        Main = "main",
        /// The smaller one of its second address.
        Sub = "sub",
    }
}

/// A camera on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceConfig {
    /// Any path that leads to it: `/dev/video0`, or one of `/dev/v4l/by-id`.
    pub path: PathBuf,
    /// The form in which it sends.
    pub format: DeviceFormat,
    /// The size it is asked for; `None` takes its largest up to 1920×1080.
    pub size: Option<Size>,
    /// Frames per second it is asked for, within [`DeviceConfig::FRAMERATE`]; `None` takes
    /// its fastest up to 30.
    pub framerate: Option<u32>,
}

impl DeviceConfig {
    /// What a camera may be asked for, in frames per second.
    pub const FRAMERATE: RangeInclusive<u32> = 1..=240;

    /// A device asked for what suits it best.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), format: DeviceFormat::default(), size: None, framerate: None }
    }
}

keyed_enum! {
    /// The form in which a device sends pictures.
    DeviceFormat {
        /// Whichever gives the most pictures of the size asked for; raw where equal.
        #[default]
        Automatic = "auto",
        /// Not compressed.
        Raw = "raw",
        /// Motion JPEG.
        Mjpeg = "mjpeg",
        /// H.264.
        H264 = "h264",
    }
}

/// A file, played over and over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileConfig {
    /// Its path from the root.
    pub path: PathBuf,
}

impl FileConfig {
    /// The file of an address `file:///PATH` (RFC 8089), where blanks and the like stand as %20;
    /// `None` for whatever else.
    pub fn from_address(address: &str) -> Option<Self> {
        // The URL crate takes `file:boat.mp4` for a file in the root.
        let url = Url::parse(address).ok().filter(|_| address.starts_with("file:///"))?;
        Some(Self { path: url.to_file_path().ok()? })
    }
}

/// A test picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestConfig {
    /// What it shows.
    pub pattern: TestPattern,
    /// Its size.
    pub size: Size,
    /// Frames per second, within [`DeviceConfig::FRAMERATE`].
    pub framerate: u32,
}

impl Default for TestConfig {
    fn default() -> Self {
        Self { pattern: TestPattern::default(), size: Size { width: 1280, height: 720 }, framerate: 30 }
    }
}

keyed_enum! {
    /// What a test picture shows.
    TestPattern {
        /// Colour bars.
        #[default]
        Bars = "bars",
        /// A ball on its way.
        Ball = "ball",
        /// Noise, which no encoder finds easy.
        Snow = "snow",
        /// A flash a second, with a beep where the audio is the camera's own: for lip sync.
        Flash = "flash",
    }
}
