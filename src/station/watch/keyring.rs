//! A broker that asks for a password which the keyring has.

use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};
use tokio::sync::mpsc::Sender;

use crate::{
    config::{FeedId, PasswordSource, SecretError, Secrets},
    mqtt::{Dial, Dialer, Incoming, LinkFault, LinkFaultKind, Session},
};

/// Asks the keyring anew at each attempt: it may have been locked, or the password changed.
pub(super) struct KeyringDial {
    pub(super) dial: Dial,
    pub(super) secrets: Arc<Secrets>,
}

impl Dialer for KeyringDial {
    fn dial(&self, incoming: Sender<Incoming>) -> BoxFuture<'_, Result<Box<dyn Session>, LinkFault>> {
        async move {
            let name = FeedId::of_watched(&self.dial.broker);
            let found = self.secrets.resolve(&name, &PasswordSource::Keyring).await;
            let password = found.and_then(|password| password.ok_or(SecretError::NotInKeyring));
            let fault = |error: SecretError| LinkFault::new(LinkFaultKind::Settings, error.to_string());
            let dial = Dial { password: Some(password.map_err(fault)?), ..self.dial.clone() };
            dial.dial(incoming).await
        }
        .boxed()
    }
}
