//! Passwords for this run only.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::{self, BoxFuture};

use super::{Password, SecretError, SecretStore};
use crate::config::FeedId;

/// Keeps passwords in memory until the program ends.
#[derive(Debug, Default)]
pub struct SessionStore {
    passwords: Mutex<HashMap<FeedId, Password>>,
}

impl SessionStore {
    /// The feed's password, without waiting.
    pub fn get(&self, id: &FeedId) -> Option<Password> {
        self.passwords().get(id).cloned()
    }

    /// Keeps the feed's password, without waiting.
    pub fn set(&self, id: &FeedId, password: &Password) {
        self.passwords().insert(id.clone(), password.clone());
    }

    /// Forgets the feed's password, without waiting.
    pub fn forget(&self, id: &FeedId) {
        self.passwords().remove(id);
    }

    /// A map of passwords is whole after every step, so a panic elsewhere does not spoil it.
    fn passwords(&self) -> MutexGuard<'_, HashMap<FeedId, Password>> {
        self.passwords.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecretStore for SessionStore {
    fn load<'a>(&'a self, id: &'a FeedId) -> BoxFuture<'a, Result<Option<Password>, SecretError>> {
        future::ready(Ok(self.get(id))).boxed()
    }

    fn store<'a>(&'a self, id: &'a FeedId, password: &'a Password) -> BoxFuture<'a, Result<(), SecretError>> {
        self.set(id, password);
        future::ready(Ok(())).boxed()
    }

    fn remove<'a>(&'a self, id: &'a FeedId) -> BoxFuture<'a, Result<(), SecretError>> {
        self.forget(id);
        future::ready(Ok(())).boxed()
    }
}
