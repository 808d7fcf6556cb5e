//! Passwords in the Secret Service: the keyrings of GNOME, KDE and others.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use oo7::dbus::{Collection, Error, Item, Service, ServiceError};
use tokio::time::timeout;

use super::{Password, SecretError, SecretStore};
use crate::config::FeedId;

/// How long the keyring may take to answer a request that asks the user nothing.
pub const KEYRING_LIMIT: Duration = Duration::from_secs(3);

/// How long the user may take to answer the keyring's question.
pub const PROMPT_LIMIT: Duration = Duration::from_mins(1);

/// What marks our entries, in the form that libsecret's tools use.
const SCHEMA: &str = "org.heliograph.Heliograph.Camera";

/// Keeps passwords in the Secret Service of the user's session.
///
/// Each request makes its own connection to the session bus: requests are rare, and a
/// keyring that was restarted is found again. To be used on a tokio runtime.
#[derive(Debug)]
pub struct KeyringStore {
    /// Whether the keyring may ask the user something. Ends with the first question
    /// that was dismissed: a feed that reconnects must not ask again and again.
    may_prompt: AtomicBool,
}

impl KeyringStore {
    /// For a program with a window: a locked keyring asks the user to unlock it.
    pub fn with_prompts() -> Self {
        Self { may_prompt: AtomicBool::new(true) }
    }

    /// For a program without one: a locked keyring is an error, nobody is asked.
    pub fn without_prompts() -> Self {
        Self { may_prompt: AtomicBool::new(false) }
    }

    async fn open(&self) -> Result<Collection, SecretError> {
        let collection = within_limit(async {
            let service = Service::new().await.map_err(unavailable)?;
            service.with_alias(Service::DEFAULT_COLLECTION).await.map_err(from_oo7)
        });
        match collection.await? {
            Some(collection) => self.unlocked(collection).await,
            None => self.new_collection().await,
        }
    }

    async fn unlocked(&self, collection: Collection) -> Result<Collection, SecretError> {
        if within_limit(collection.is_locked().map(or_oo7)).await? {
            self.ask_user(collection.unlock(None)).await?;
        }
        Ok(collection)
    }

    /// A fresh session may have no default keyring yet; making one asks for its password.
    async fn new_collection(&self) -> Result<Collection, SecretError> {
        let made = async { Service::new().await?.default_collection().await };
        self.ask_user(made).await
    }

    /// Lets the keyring ask the user, where it may.
    async fn ask_user<T>(&self, question: impl Future<Output = Result<T, Error>>) -> Result<T, SecretError> {
        if !self.may_prompt.load(Ordering::Relaxed) {
            return Err(SecretError::Locked);
        }
        let answer = timeout(PROMPT_LIMIT, question).await;
        if !matches!(answer, Ok(Ok(_))) {
            self.may_prompt.store(false, Ordering::Relaxed);
        }
        answer.map_err(|_| SecretError::TimedOut)?.map_err(from_oo7)
    }
}

impl SecretStore for KeyringStore {
    fn load<'a>(&'a self, id: &'a FeedId) -> BoxFuture<'a, Result<Option<Password>, SecretError>> {
        async move {
            let collection = self.open().await?;
            within_limit(async {
                match items(&collection, id).await?.first() {
                    Some(item) => read(item).await.map(Some),
                    None => Ok(None),
                }
            })
            .await
        }
        .boxed()
    }

    fn store<'a>(&'a self, id: &'a FeedId, password: &'a Password) -> BoxFuture<'a, Result<(), SecretError>> {
        async move {
            let collection = self.open().await?;
            let label = label(id);
            let secret = oo7::Secret::text(password.expose());
            let attributes = attributes(id);
            let stored = collection.create_item(&label, &attributes, secret, true, None);
            within_limit(stored.map(or_oo7)).await.map(drop)
        }
        .boxed()
    }

    fn remove<'a>(&'a self, id: &'a FeedId) -> BoxFuture<'a, Result<(), SecretError>> {
        async move {
            let collection = self.open().await?;
            within_limit(async {
                for item in items(&collection, id).await? {
                    item.delete(None).await.map_err(from_oo7)?;
                }
                Ok(())
            })
            .await
        }
        .boxed()
    }
}

/// What people see in their password manager. Names with dots are of no camera, and say what they are of.
fn label(id: &FeedId) -> String {
    if id.as_str().contains('.') { format!("Heliograph {id}") } else { format!("Heliograph camera {id}") }
}

fn attributes(id: &FeedId) -> [(&'static str, &str); 2] {
    [("xdg:schema", SCHEMA), ("feed", id.as_str())]
}

async fn items(collection: &Collection, id: &FeedId) -> Result<Vec<Item>, SecretError> {
    collection.search_items(&attributes(id)).await.map_err(from_oo7)
}

async fn read(item: &Item) -> Result<Password, SecretError> {
    let secret = item.secret().await.map_err(from_oo7)?;
    let text = std::str::from_utf8(secret.as_bytes()).map_err(|_| SecretError::KeyringNotText)?;
    Ok(Password::new(text))
}

/// A service that hangs must not hang a feed.
async fn within_limit<T>(request: impl Future<Output = Result<T, SecretError>>) -> Result<T, SecretError> {
    timeout(KEYRING_LIMIT, request).await.unwrap_or(Err(SecretError::TimedOut))
}

fn or_oo7<T>(result: Result<T, Error>) -> Result<T, SecretError> {
    result.map_err(from_oo7)
}

fn from_oo7(error: Error) -> SecretError {
    match error {
        Error::Dismissed => SecretError::Dismissed,
        Error::Service(ServiceError::IsLocked(_)) => SecretError::Locked,
        other => SecretError::Keyring(Box::new(other)),
    }
}

/// No session bus, or nobody on it who keeps secrets.
fn unavailable(error: Error) -> SecretError {
    SecretError::Unavailable(Box::new(error))
}

#[cfg(test)]
mod tests {
    use std::future;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_never_answered_ends_at_the_limit() {
        let started = Instant::now();
        let answer = within_limit(future::pending::<Result<(), SecretError>>()).await;
        assert!(matches!(answer, Err(SecretError::TimedOut)));
        assert_eq!(started.elapsed(), KEYRING_LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_window_nobody_is_asked() {
        let question = async { panic!("nobody should be asked") };
        let answer: Result<(), _> = KeyringStore::without_prompts().ask_user(question).await;
        assert!(matches!(answer, Err(SecretError::Locked)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dismissed_question_is_the_last_one() {
        let keyring = KeyringStore::with_prompts();
        let answer: Result<(), _> = keyring.ask_user(async { Err(Error::Dismissed) }).await;
        assert!(matches!(answer, Err(SecretError::Dismissed)));
        let answer: Result<(), _> = keyring.ask_user(async { Ok(()) }).await;
        assert!(matches!(answer, Err(SecretError::Locked)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_nobody_answers_ends() {
        let keyring = KeyringStore::with_prompts();
        let answer = keyring.ask_user(future::pending::<Result<(), Error>>()).await;
        assert!(matches!(answer, Err(SecretError::TimedOut)));
    }
}
