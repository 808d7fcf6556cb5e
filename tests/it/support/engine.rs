//! An engine with one feed, and what it tells of it.

use std::{sync::Arc, time::Duration};

use heliograph::{
    config::{FeedConfig, FeedId, Fingerprint, KeyringStore, PasswordSource, RtspConfig, Secrets, SourceConfig},
    engine::{Engine, EngineEvent, FeedCommand, FeedEvent, FeedState},
    media::{self, MediaFault, Picture},
};
use tokio::{
    runtime::Runtime,
    sync::broadcast::Receiver,
    time::{Instant, timeout_at},
};

/// One feed of an RTSP camera, without viewers; ended with this value.
pub struct OneFeed {
    runtime: Runtime,
    engine: Engine,
    events: Receiver<EngineEvent>,
    feed: FeedId,
}

impl OneFeed {
    /// The password of every login.
    pub const PASSWORD: &str = "right";

    /// Starts the feed.
    pub fn start(source: RtspConfig) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        media::init().unwrap();
        let runtime = Runtime::new().unwrap();
        let secrets = Secrets::new(KeyringStore::without_prompts());
        let feed = FeedId::from_name("bow");
        secrets.keep_for_this_run(&feed, &heliograph::config::Password::new(Self::PASSWORD));
        let engine = Engine::new(runtime.handle().clone(), Arc::new(secrets));
        let events = engine.subscribe();
        let mut config = FeedConfig::new(feed.clone(), "Bow", SourceConfig::Rtsp(source));
        config.keep_warm = true;
        engine.add(config).unwrap();
        Self { runtime, engine, events, feed }
    }

    /// A camera at this address, with the login.
    pub fn camera(address: &str) -> RtspConfig {
        RtspConfig::new(address.parse().unwrap()).with_user("me", PasswordSource::Keyring)
    }

    pub fn command(&self, command: FeedCommand) {
        self.engine.command(&self.feed, command).unwrap();
    }

    /// The feed's settings now.
    pub fn source(&self) -> RtspConfig {
        match self.engine.feed(&self.feed).unwrap().config.source {
            SourceConfig::Rtsp(rtsp) => rtsp,
            other => panic!("{other:?} is no camera on the network"),
        }
    }

    /// Waits for the first event that `pick` takes.
    pub fn wait<T>(&mut self, what: &str, limit: Duration, pick: impl Fn(&FeedEvent) -> Option<T>) -> T {
        let end = Instant::now() + limit;
        let (events, mut last) = (&mut self.events, None);
        self.runtime.block_on(async {
            loop {
                match timeout_at(end, events.recv()).await {
                    Ok(Ok(EngineEvent::Feed { event, .. })) => {
                        if let Some(picked) = pick(&event) {
                            return picked;
                        }
                        if let FeedEvent::State(state) = event {
                            last = Some(state.sentence());
                        }
                    }
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => panic!("{error}"),
                    Err(late) => panic!("waited {limit:?} in vain for {what} ({late}); the last word was: {last:?}"),
                }
            }
        })
    }

    pub fn wait_live(&mut self) -> Picture {
        self.wait("a picture", Duration::from_secs(20), |event| match event {
            FeedEvent::State(FeedState::Live { picture }) => Some(picture.clone()),
            _ => None,
        })
    }

    /// Waits for a live picture of this width; the names of the states until then.
    pub fn wait_for_size(&mut self, width: u32) -> Vec<&'static str> {
        let mut names = Vec::new();
        loop {
            let state = self.wait("a picture of another size", Duration::from_secs(20), |event| match event {
                FeedEvent::State(state) => Some(state.clone()),
                _ => None,
            });
            names.push(state.name());
            if matches!(state, FeedState::Live { picture } if picture.width == width) {
                return names;
            }
        }
    }

    /// The next trouble after which the feed waits.
    pub fn wait_fault(&mut self) -> MediaFault {
        self.wait("a fault", Duration::from_secs(20), |event| match event {
            FeedEvent::State(FeedState::Failed { fault, .. } | FeedState::Backoff { fault, .. }) => Some(fault.clone()),
            _ => None,
        })
    }

    /// The next word on the camera's certificate.
    pub fn wait_certificate(&mut self) -> Option<Fingerprint> {
        self.wait("a certificate", Duration::from_secs(20), |event| match event {
            FeedEvent::Certificate { fingerprint } => Some(*fingerprint),
            _ => None,
        })
    }
}

impl Drop for OneFeed {
    fn drop(&mut self) {
        self.runtime.block_on(self.engine.shutdown());
    }
}
