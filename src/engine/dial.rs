//! One attempt to reach a camera: find its password, start its pipeline, and
//! look into failures that do not explain themselves.

use std::sync::Arc;

use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::{AbortHandle, spawn_blocking},
};
use url::Url;

use super::{demo::SharedDemo, reception::Meeting};
use crate::{
    config::{
        AudioSource, Credentials, FeedConfig, FeedId, IceServers, Password, PathChoice, RenditionRole, RtspConfig,
        SecretError, Secrets, SourceConfig, TransportChoice,
    },
    connector::bigfootbot::{OfferedFeed, Relayed},
    i18n::gettext,
    media::{
        FaultKind, FeedClock, Ingest, IngestEvent, IngestPlan, MediaFault, Memory,
        pass_through::Terms,
        source::{ReceivedSource, Route, RtspSource, Source, Transport, diagnose},
    },
    webrtc::{IceAddresses, Ways},
};

/// What becomes of an attempt.
pub(super) enum DialEvent {
    /// The pipeline runs, or could not be started.
    Started(Result<Ingest, MediaFault>),
    /// What the running pipeline tells.
    Ingest(IngestEvent),
    /// The sender at a relay has these feeds; the first is received.
    Offered(Vec<OfferedFeed>),
}

/// Everything an attempt needs.
pub(super) struct Dial {
    pub(super) config: FeedConfig,
    /// Which of the camera's streams is called.
    pub(super) role: RenditionRole,
    pub(super) secrets: Arc<Secrets>,
    pub(super) demo: Arc<SharedDemo>,
    pub(super) transport: Transport,
    /// Decoders that failed for this camera.
    pub(super) broken_decoders: Vec<String>,
    /// Where the encoder wants its pictures.
    pub(super) encoder_memory: Memory,
    pub(super) clock: FeedClock,
    /// Which feed of a sender at a relay was received before.
    pub(super) received: Option<String>,
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
        let events = self.explained_events(&source);
        let pass_through = terms(&self.config, self.role);
        let plan = IngestPlan {
            source,
            decoder: self.config.decoder,
            broken_decoders: self.broken_decoders,
            encoder_memory: self.encoder_memory,
            picture: self.config.picture,
            sound: self.config.audio.source == AudioSource::Camera,
            pass_through,
            role: self.role,
            elements: self.config.elements,
        };
        let clock = self.clock;
        match spawn_blocking(move || Ingest::start(plan, &clock, events)).await {
            Ok(started) => started,
            // The program is ending: nobody waits for this any more.
            Err(_) => std::future::pending().await,
        }
    }

    async fn source(&self) -> Result<Source, MediaFault> {
        Ok(match &self.config.source {
            SourceConfig::Demo => Source::Rtsp(RtspSource::new(self.demo.address()?, self.transport)),
            SourceConfig::Rtsp(rtsp) => match rtsp.address_in_use().relay() {
                Some(url) => Source::Received(self.received(rtsp, url).await?),
                None => Source::Rtsp(self.camera(rtsp).await?),
            },
            SourceConfig::Device(device) => Source::Device(device.clone()),
            SourceConfig::File(file) => Source::File(file.clone()),
            SourceConfig::Test(test) => Source::Test(test.clone()),
        })
    }

    async fn camera(&self, rtsp: &RtspConfig) -> Result<RtspSource, MediaFault> {
        let address = rtsp.address_in_use();
        Route::check(rtsp.transport, address)?;
        Ok(RtspSource {
            credentials: login(&self.config.id, rtsp, &self.secrets).await?,
            latency_ms: rtsp.latency_ms,
            drop_on_latency: rtsp.drop_on_latency,
            forced: rtsp.transport != TransportChoice::Automatic,
            certificate: rtsp.certificate,
            ..RtspSource::new(address.clone(), self.transport)
        })
    }

    async fn received(&self, rtsp: &RtspConfig, url: Url) -> Result<ReceivedSource, MediaFault> {
        let token = login(&self.config.id, rtsp, &self.secrets).await?.map(|login| login.password);
        let feed = rtsp.address_in_use().feed_at_relay().map(str::to_owned);
        let tell = self.tell.clone();
        let reception = &rtsp.reception;
        let password = turn_password(&self.config.id, &reception.ice, &self.secrets).await.map_err(|error| {
            let message = gettext("The password of the TURN servers could not be read.");
            MediaFault::new(FaultKind::Password, message, error.to_string())
        })?;
        let servers = IceAddresses::with_password(&reception.ice, &password);
        let ways = Ways { servers, relay_only: reception.relay_only, interfaces: reception.interfaces.clone() };
        let relay = Relayed { url, ca: reception.ca.clone(), token, feed, before: self.received.clone() };
        let meeting = Meeting::new(relay, move |feeds| {
            tell(DialEvent::Offered(feeds));
        });
        Ok(ReceivedSource { latency_ms: rtsp.latency_ms, ways, signalling: Arc::new(meeting) })
    }

    /// Where the ingest's events go; a failure without a clear reason is looked into first.
    fn explained_events(&self, source: &Source) -> UnboundedSender<IngestEvent> {
        let address = if let Source::Rtsp(rtsp) = source { Some(rtsp.address.clone()) } else { None };
        let (sender, mut receiver) = unbounded_channel();
        let tell = self.tell.clone();
        tokio::spawn(async move {
            while let Some(mut event) = receiver.recv().await {
                if let IngestEvent::Fault(fault) = &mut event
                    && fault.kind == FaultKind::Other
                    && let Some(address) = &address
                    && let Some(reason) = diagnose(address).await
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

/// The password of the TURN servers on the way to a received feed.
async fn turn_password(feed: &FeedId, ice: &IceServers, secrets: &Secrets) -> Result<Password, SecretError> {
    match ice.password() {
        // It may be there: only nobody asked yet.
        Err(SecretError::NotInKeyring) => {
            let found = secrets.resolve(&FeedId::of_reception(feed), &ice.password).await?;
            found.ok_or(SecretError::NotInKeyring)
        }
        found => found,
    }
}

/// What is asked of a camera's stream before viewers get it as it is; `None` where they never do.
fn terms(config: &FeedConfig, role: RenditionRole) -> Option<Terms> {
    let is_forced = config.path == PathChoice::PassThrough;
    // The second stream is called when somebody has too much already.
    let is_urgent = role == RenditionRole::Sub;
    let terms = Terms { is_forced, is_urgent, ..Terms::default() };
    (config.path != PathChoice::Transcode).then_some(terms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{PasswordSource, SessionStore};

    #[tokio::test]
    async fn the_password_of_turn_servers_is_found_under_the_feeds_name() {
        let secrets = Secrets::with_store(SessionStore::default());
        let feed = FeedId::from_name("bow");
        let mut ice = IceServers { servers: vec!["stun:h".parse().unwrap()], password: PasswordSource::Keyring };
        assert_eq!(turn_password(&feed, &ice, &secrets).await.unwrap(), Password::default(), "nobody needs one");
        ice.servers.push("turn:me@h".parse().unwrap());
        assert!(matches!(turn_password(&feed, &ice, &secrets).await, Err(SecretError::NotInKeyring)));
        let planted = Password::new("planted");
        let _ = secrets.keep(&FeedId::of_reception(&feed), &planted).await;
        assert_eq!(turn_password(&feed, &ice, &secrets).await.unwrap(), planted);
        ice.password = PasswordSource::None;
        assert_eq!(turn_password(&feed, &ice, &secrets).await.unwrap(), Password::default());
    }
}
