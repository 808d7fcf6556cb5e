//! A look at what a feed would show, before it is one.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::Desk;
use crate::{
    config::{Credentials, FeedConfig, FeedId, Password, RtspConfig, SecretError, Secrets, SourceConfig},
    i18n::gettext,
    media::{
        FaultKind, MediaFault,
        probe::{ProbeLimits, ProbeReport, ProbeTarget, RtspTarget, probe},
    },
    ui::model::Draft,
};

impl Desk {
    /// Looks at the source of a draft, logging in with the password that was entered, or with
    /// the one that is kept for the feed that is being edited. `None` where there is nothing to
    /// look at: a test picture is made here. Dropping the future hangs up.
    pub fn look(
        &self,
        draft: Draft,
        edited: Option<&FeedConfig>,
    ) -> impl Future<Output = Option<Result<ProbeReport, MediaFault>>> + 'static {
        let (config, passwords) = match edited {
            Some(old) => draft.change(old),
            None => draft.into_config(FeedId::from_name("")),
        };
        let entered = passwords.into_iter().find(|(name, _)| *name == config.id).map(|(_, password)| password);
        let secrets = self.parts().station.secrets.clone();
        // Ends what it runs when it is dropped.
        let mut work = JoinSet::new();
        work.spawn_on(look(config, entered, secrets), &self.parts().runtime);
        async move { work.join_next().await?.ok()? }
    }
}

async fn look(
    config: FeedConfig,
    entered: Option<Password>,
    secrets: Arc<Secrets>,
) -> Option<Result<ProbeReport, MediaFault>> {
    let target = match &config.source {
        SourceConfig::Test(_) => return None,
        SourceConfig::Demo => ProbeTarget::Demo,
        SourceConfig::Device(device) => ProbeTarget::Device(device.path.clone()),
        SourceConfig::File(file) => ProbeTarget::File(file.path.clone()),
        // A robot's sender is met by one receiver at a time: the feed itself.
        SourceConfig::Rtsp(rtsp) if rtsp.address_in_use().relay().is_some() => return None,
        SourceConfig::Rtsp(rtsp) => match login(&config.id, rtsp, entered, &secrets).await {
            Ok(credentials) => ProbeTarget::Rtsp(RtspTarget {
                credentials,
                latency_ms: rtsp.latency_ms,
                transport: rtsp.transport,
                certificate: rtsp.certificate,
                ..RtspTarget::new(rtsp.address_in_use().clone())
            }),
            Err(fault) => return Some(Err(fault)),
        },
    };
    Some(probe(target, ProbeLimits::default()).await)
}

async fn login(
    feed: &FeedId,
    rtsp: &RtspConfig,
    entered: Option<Password>,
    secrets: &Secrets,
) -> Result<Option<Credentials>, MediaFault> {
    let Some(user) = rtsp.user.clone() else { return Ok(None) };
    let password = match entered {
        Some(password) => password,
        None => secrets.resolve(feed, &rtsp.password).await.map_err(|error| unreadable(&error))?.unwrap_or_default(),
    };
    Ok(Some(Credentials { user, password }))
}

fn unreadable(error: &SecretError) -> MediaFault {
    MediaFault::new(FaultKind::Password, gettext("The password for this camera could not be read."), error.to_string())
}
