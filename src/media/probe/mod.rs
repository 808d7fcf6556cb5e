//! What a source sends, found out by trying: for `heliograph probe` and for whoever adds a feed.
//!
//! ```text
//! camera    one transport after the other;      device    what it offers
//!           greeting: who answers, and how
//!           it asks for a login
//!    └──────────────────┬──────────────────────────┘
//! attempt   a pipeline from the source to its first picture, and some seconds more
//! look      every access unit goes past a `StreamInspector`
//!    └─► report, with advice
//! ```

mod advice;
mod announced;
mod attempt;
mod camera;
mod device;
mod greeting;
mod look;
mod patience;
mod report;

use std::{fmt, path::PathBuf, time::Duration};

use tokio::task::spawn_blocking;

pub use self::{
    announced::Announced,
    report::{Connection, DeviceMode, Packets, ProbeReport, VERSION, Video},
};
use self::{attempt::Attempt, look::Seen};
pub use super::stream_inspector::{BFrames, Chroma, KeyFrames};
use super::{
    FaultKind, MediaFault,
    source::{DemoCamera, DemoSettings, RtspSource, Source, Transport},
};
use crate::{
    config::{Credentials, FileConfig, Fingerprint, RtspConfig, SourceAddress, TransportChoice},
    i18n::{gettext, gettext_f},
};

/// What is looked at.
#[derive(Clone, Debug)]
pub enum ProbeTarget {
    /// A camera on the network.
    Rtsp(RtspTarget),
    /// A camera on this machine, by a path that leads to it.
    Device(PathBuf),
    /// A file.
    File(PathBuf),
    /// The camera inside the program.
    Demo,
}

/// A camera on the network.
#[derive(Clone, Debug)]
pub struct RtspTarget {
    /// Its address.
    pub address: SourceAddress,
    /// How to log in, if at all.
    pub credentials: Option<Credentials>,
    /// Jitter buffer in milliseconds.
    pub latency_ms: u32,
    /// How media travels.
    pub transport: TransportChoice,
    /// The only certificate an `rtsps` camera may show; `None` accepts what it shows.
    pub certificate: Option<Fingerprint>,
}

impl RtspTarget {
    /// A camera that asks for no password, with the default settings.
    pub fn new(address: SourceAddress) -> Self {
        let (latency_ms, transport) = (RtspConfig::DEFAULT_LATENCY_MS, TransportChoice::default());
        Self { address, credentials: None, latency_ms, transport, certificate: None }
    }

    fn source(&self, transport: Transport) -> RtspSource {
        RtspSource {
            credentials: self.credentials.clone(),
            latency_ms: self.latency_ms,
            forced: self.transport != TransportChoice::Automatic,
            certificate: self.certificate,
            ..RtspSource::new(self.address.clone(), transport)
        }
    }
}

/// The target for people, without its secrets.
impl fmt::Display for ProbeTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rtsp(target) => target.address.fmt(f),
            Self::Device(path) | Self::File(path) => path.display().fmt(f),
            Self::Demo => f.write_str("demo:"),
        }
    }
}

/// How much is looked at.
#[derive(Clone, Copy, Debug)]
pub struct ProbeLimits {
    /// How long the stream is watched after its first picture.
    pub look: Duration,
}

impl Default for ProbeLimits {
    /// Long enough for two of the usual key frames, short enough to wait for.
    fn default() -> Self {
        Self { look: Duration::from_secs(4) }
    }
}

/// Looks at a source. Dropping the future hangs up at once.
///
/// # Errors
/// Whatever keeps a feed from this source's picture, in the same words.
pub async fn probe(target: ProbeTarget, limits: ProbeLimits) -> Result<ProbeReport, MediaFault> {
    match target {
        ProbeTarget::Rtsp(target) => camera::look(target, limits).await,
        ProbeTarget::Device(path) => device::look(path, limits).await,
        ProbeTarget::File(path) => look_at_file(path, limits).await,
        ProbeTarget::Demo => look_at_demo(limits).await,
    }
}

/// What is on this machine was opened, and sends nothing.
fn nothing_came(source: &str) -> MediaFault {
    MediaFault::new(
        FaultKind::Silent,
        gettext_f("No picture comes from {source}.", &[("source", source)]),
        gettext("Check it with another program, and try again."),
    )
}

/// A file is played at its own pace, as it would be for a feed.
async fn look_at_file(path: PathBuf, limits: ProbeLimits) -> Result<ProbeReport, MediaFault> {
    let source = path.display().to_string();
    let mut attempt = Attempt::start(Source::File(FileConfig { path })).await?;
    attempt.first_picture(&nothing_came(&source)).await?;
    let interrupted = attempt.look_on(limits.look).await;
    let report = ProbeReport::seen(source, None, &attempt.look.seen(), interrupted);
    Ok(report)
}

/// The demo camera is a camera as any other; its port means nothing to anybody.
async fn look_at_demo(limits: ProbeLimits) -> Result<ProbeReport, MediaFault> {
    let started = spawn_blocking(|| DemoCamera::start(DemoSettings::default())).await;
    let camera = match started {
        Ok(camera) => camera?,
        // The program is ending: nobody waits for this any more.
        Err(_) => std::future::pending().await,
    };
    let (address, _) = SourceAddress::parse(&camera.url()).expect("the demo camera's address should be valid");
    let report = camera::look(RtspTarget::new(address), limits).await?;
    Ok(ProbeReport { source: ProbeTarget::Demo.to_string(), ..report })
}

impl ProbeReport {
    /// The report of a stream that was looked into.
    fn seen(source: String, connection: Option<Connection>, seen: &Seen, interrupted: Option<MediaFault>) -> Self {
        let video = seen.video();
        Self {
            version: VERSION,
            source,
            connection,
            streams: seen.streams.clone(),
            pass_through_candidate: video.as_ref().is_some_and(advice::is_candidate),
            advice: video.as_ref().map(advice::of_video).unwrap_or_default(),
            video,
            formats: Vec::new(),
            interrupted: interrupted.map(|fault| fault.to_string()),
        }
    }
}
