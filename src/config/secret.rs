//! Passwords: what they are, where they are kept, how one is found for a connection.
//!
//! A feed names a [`PasswordSource`]; [`Secrets`] turns it into a [`Password`], again
//! at each connection attempt, so that a changed one is used without a restart.
//! The keyring is asked with a time limit, and where there is none a password
//! is kept for this run only, which [`Kept`] tells in a sentence to show.

mod error;
mod keyring;
mod password;
mod secrets;
mod session;
mod source;

use futures::future::BoxFuture;

pub use error::SecretError;
pub use keyring::{KEYRING_LIMIT, KeyringStore, PROMPT_LIMIT};
pub use password::Password;
pub use secrets::{Kept, Secrets};
pub use session::SessionStore;
pub use source::PasswordSource;

use super::FeedId;

/// A place that keeps one password per feed.
pub trait SecretStore: Send + Sync {
    /// The feed's password; `None` where none is kept.
    fn load<'a>(&'a self, id: &'a FeedId) -> BoxFuture<'a, Result<Option<Password>, SecretError>>;

    /// Keeps the feed's password in place of any former one.
    fn store<'a>(&'a self, id: &'a FeedId, password: &'a Password) -> BoxFuture<'a, Result<(), SecretError>>;

    /// Forgets the feed's password. That none is kept is no error.
    fn remove<'a>(&'a self, id: &'a FeedId) -> BoxFuture<'a, Result<(), SecretError>>;
}
