//! One attempt to reach a camera: find its password, start its pipeline, and
//! look into failures that do not explain themselves.

use std::sync::Arc;

use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::{AbortHandle, spawn_blocking},
};

use super::demo::SharedDemo;
use crate::{
    config::{Credentials, FeedConfig, FeedId, RtspConfig, Secrets, SourceAddress, SourceConfig},
    i18n::gettext,
    media::{
        FaultKind, FeedClock, Ingest, IngestEvent, MediaFault,
        source::{RtspSource, Transport, diagnose},
    },
};

/// Jitter buffer for the demo camera, which is on this machine.
const DEMO_LATENCY_MS: u32 = 100;

/// What becomes of an attempt.
pub(super) enum DialEvent {
    /// The pipeline runs, or could not be started.
    Started(Result<Ingest, MediaFault>),
    /// What the running pipeline tells.
    Ingest(IngestEvent),
}

/// Everything an attempt needs.
pub(super) struct Dial {
    pub(super) config: FeedConfig,
    pub(super) secrets: Arc<Secrets>,
    pub(super) demo: Arc<SharedDemo>,
    pub(super) transport: Transport,
    pub(super) clock: FeedClock,
    /// Hears what becomes of it.
    pub(super) tell: Arc<dyn Fn(DialEvent) + Send + Sync>,
}

impl Dial {
    /// Starts the attempt; aborting it before it told `Started` leaves nothing behind.
    pub(super) fn spawn(self) -> AbortHandle {
        tokio::spawn(async move {
            let tell = self.tell.clone();
            tell(DialEvent::Started(self.start().await));
        })
        .abort_handle()
    }

    async fn start(self) -> Result<Ingest, MediaFault> {
        let source = self.source().await?;
        let events = self.explained_events(source.address.clone());
        let clock = self.clock;
        match spawn_blocking(move || Ingest::start(&source, &clock, events)).await {
            Ok(started) => Ok(started?),
            // The program is ending: nobody waits for this any more.
            Err(_) => std::future::pending().await,
        }
    }

    async fn source(&self) -> Result<RtspSource, MediaFault> {
        let (address, credentials, latency_ms) = match &self.config.source {
            SourceConfig::Demo => (self.demo.address()?, None, DEMO_LATENCY_MS),
            SourceConfig::Rtsp(rtsp) => {
                let credentials = login(&self.config.id, rtsp, &self.secrets).await?;
                (rtsp.address.clone(), credentials, rtsp.latency_ms)
            }
        };
        Ok(RtspSource { address, credentials, latency_ms, transport: self.transport })
    }

    /// Where the ingest's events go; a failure without a clear reason is looked into first.
    fn explained_events(&self, address: SourceAddress) -> UnboundedSender<IngestEvent> {
        let (sender, mut receiver) = unbounded_channel();
        let tell = self.tell.clone();
        tokio::spawn(async move {
            while let Some(mut event) = receiver.recv().await {
                if let IngestEvent::Fault(fault) = &mut event
                    && fault.kind == FaultKind::Other
                    && let Some(reason) = diagnose(&address).await
                {
                    *fault = reason.with_detail(std::mem::take(&mut fault.detail));
                }
                tell(DialEvent::Ingest(event));
            }
        });
        sender
    }
}

/// User and password of a camera, from wherever the operator keeps the password.
async fn login(feed: &FeedId, rtsp: &RtspConfig, secrets: &Secrets) -> Result<Option<Credentials>, MediaFault> {
    let Some(user) = rtsp.user.clone() else { return Ok(None) };
    let password = secrets.resolve(feed, &rtsp.password).await.map_err(|error| {
        let message = gettext("The password for this camera could not be read.");
        MediaFault::new(FaultKind::Password, message, error.to_string())
    })?;
    Ok(Some(Credentials { user, password: password.unwrap_or_default() }))
}
