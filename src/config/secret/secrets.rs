//! How a password is found for a connection, and what happens without a keyring.

use std::fmt;

use super::{KeyringStore, Password, PasswordSource, SecretError, SecretStore, SessionStore};
use crate::config::{ConnectorId, FeedId, IceServers};
use crate::i18n::{gettext, gettext_f};

/// All the places where passwords are, asked in the right order.
pub struct Secrets {
    keyring: Box<dyn SecretStore>,
    session: SessionStore,
    /// What was fetched for those who cannot wait.
    fetched: SessionStore,
}

/// Where a password was put. `Display` is a sentence to show.
#[derive(Debug)]
#[must_use = "the user has to be told when a password is kept for this run only"]
pub enum Kept {
    /// In the keyring: it will be there next time.
    InKeyring,
    /// In memory, because of this.
    ThisRunOnly(SecretError),
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kept::InKeyring => f.write_str(&gettext("The password is kept in the keyring.")),
            Kept::ThisRunOnly(why) => {
                // Translators: {why} is one or two whole sentences.
                f.write_str(&gettext_f("The password is kept for this run only. {why}", &[("why", &why.to_string())]))
            }
        }
    }
}

impl Secrets {
    /// Secrets with this keyring.
    pub fn new(keyring: KeyringStore) -> Self {
        Self::with_store(keyring)
    }

    /// Secrets with another store in the keyring's place.
    pub fn with_store(store: impl SecretStore + 'static) -> Self {
        Self { keyring: Box::new(store), session: SessionStore::default(), fetched: SessionStore::default() }
    }

    /// The feed's password as it is now; to be asked again at each connection attempt.
    /// `None` where the feed has none.
    ///
    /// # Errors
    ///
    /// The variable or file cannot be used, or the keyring cannot be asked; the
    /// sentence names which and says what to do.
    pub async fn resolve(&self, id: &FeedId, source: &PasswordSource) -> Result<Option<Password>, SecretError> {
        match source {
            PasswordSource::Keyring => match self.session.get(id) {
                Some(password) => Ok(Some(password)),
                None => self.keyring.load(id).await,
            },
            elsewhere => elsewhere.read(),
        }
    }

    /// Asks for a password that [`Self::at_hand`] has from then on, as it is now.
    ///
    /// # Errors
    ///
    /// The keyring cannot be asked, or does not have it.
    pub async fn fetch(&self, id: &FeedId) -> Result<(), SecretError> {
        let password = self.resolve(id, &PasswordSource::Keyring).await?.ok_or(SecretError::NotInKeyring)?;
        self.fetched.set(id, &password);
        Ok(())
    }

    /// A password that was fetched, without waiting.
    pub fn at_hand(&self, id: &FeedId) -> Option<Password> {
        self.fetched.get(id)
    }

    /// The password of a connector's TURN servers, where the keyring keeps it, and it was fetched from there.
    pub fn ice_password(&self, connector: &ConnectorId, ice: &IceServers) -> Option<Password> {
        let is_kept = ice.password == PasswordSource::Keyring;
        is_kept.then(|| self.at_hand(&FeedId::of_connector(connector, IceServers::PASSWORD)))?
    }

    /// Keeps a password that the user entered: in the keyring, or, where that cannot be, for
    /// this run only. Show the user the second answer.
    pub async fn keep(&self, id: &FeedId, password: &Password) -> Kept {
        match self.keyring.store(id, password).await {
            Ok(()) => {
                self.session.forget(id);
                Kept::InKeyring
            }
            Err(why) => {
                self.session.set(id, password);
                Kept::ThisRunOnly(why)
            }
        }
    }

    /// Uses a password for this run and keeps it nowhere: one that stood in an address.
    pub fn keep_for_this_run(&self, id: &FeedId, password: &Password) {
        self.session.set(id, password);
    }

    /// Uses one feed's password of this run for another as well, where there is one.
    pub fn share_for_this_run(&self, id: &FeedId, other: &FeedId) {
        if let Some(password) = self.session.get(id) {
            self.session.set(other, &password);
        }
    }

    /// Forgets the password of a feed that is gone.
    ///
    /// # Errors
    ///
    /// The keyring cannot be asked; what it holds stays there.
    pub async fn remove(&self, id: &FeedId) -> Result<(), SecretError> {
        self.session.forget(id);
        self.fetched.forget(id);
        self.keyring.remove(id).await
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::{self, BoxFuture};

    use super::*;

    /// A keyring that is there but never opens.
    struct LockedStore;

    impl SecretStore for LockedStore {
        fn load<'a>(&'a self, _: &'a FeedId) -> BoxFuture<'a, Result<Option<Password>, SecretError>> {
            future::ready(Err(SecretError::Locked)).boxed()
        }
        fn store<'a>(&'a self, _: &'a FeedId, _: &'a Password) -> BoxFuture<'a, Result<(), SecretError>> {
            future::ready(Err(SecretError::Locked)).boxed()
        }
        fn remove<'a>(&'a self, _: &'a FeedId) -> BoxFuture<'a, Result<(), SecretError>> {
            future::ready(Err(SecretError::Locked)).boxed()
        }
    }

    #[tokio::test]
    async fn a_working_keyring_keeps_the_password() {
        let secrets = Secrets::with_store(SessionStore::default());
        let (id, password) = (FeedId::from_name("bow"), Password::new("planted"));
        assert_eq!(secrets.resolve(&id, &PasswordSource::Keyring).await.unwrap(), None);
        assert!(matches!(secrets.keep(&id, &password).await, Kept::InKeyring));
        assert_eq!(secrets.resolve(&id, &PasswordSource::Keyring).await.unwrap(), Some(password));
        assert_eq!(secrets.resolve(&id, &PasswordSource::None).await.unwrap(), None);
        secrets.remove(&id).await.unwrap();
        assert_eq!(secrets.resolve(&id, &PasswordSource::Keyring).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_was_fetched_is_at_hand_wherever_it_is_kept() {
        let secrets = Secrets::with_store(SessionStore::default());
        let (id, password) = (FeedId::from_name("bow"), Password::new("planted"));
        assert!(matches!(secrets.fetch(&id).await, Err(SecretError::NotInKeyring)));
        secrets.keep_for_this_run(&id, &password);
        secrets.fetch(&id).await.unwrap();
        assert!(matches!(secrets.keep(&id, &password).await, Kept::InKeyring));
        assert_eq!(secrets.at_hand(&id), Some(password));
        secrets.remove(&id).await.unwrap();
        assert_eq!(secrets.at_hand(&id), None);
    }

    #[tokio::test]
    async fn without_a_keyring_the_password_lasts_for_this_run_and_the_user_is_told() {
        let secrets = Secrets::with_store(LockedStore);
        let (id, password) = (FeedId::from_name("bow"), Password::new("planted"));
        assert!(matches!(secrets.resolve(&id, &PasswordSource::Keyring).await, Err(SecretError::Locked)));

        let kept = secrets.keep(&id, &password).await;
        assert!(kept.to_string().starts_with("The password is kept for this run only. The keyring"));
        assert!(!format!("{kept} {kept:?} {secrets:?}").contains("planted"));
        assert_eq!(secrets.resolve(&id, &PasswordSource::Keyring).await.unwrap(), Some(password));
    }

    #[tokio::test]
    async fn a_password_file_is_read_again_at_each_attempt() {
        let secrets = Secrets::with_store(LockedStore);
        let file = tempfile::NamedTempFile::new().unwrap();
        let source = PasswordSource::File(file.path().to_owned());
        for text in ["first", "second"] {
            std::fs::write(file.path(), text).unwrap();
            let found = secrets.resolve(&FeedId::from_name("bow"), &source).await.unwrap();
            assert_eq!(found, Some(Password::new(text)));
        }
    }
}
