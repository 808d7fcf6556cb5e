//! What an endpoint made for us: it is deleted when it is not needed any more.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use url::Url;

use crate::config::Password;

/// How long the goodbye may take.
const DELETE_WITHIN: Duration = Duration::from_secs(2);

/// A session at an endpoint (RFC 9725, section 4.3). Dropping it deletes it there.
pub(super) struct Resource(Option<Inner>);

struct Inner {
    client: Client,
    url: Url,
    token: Option<Password>,
}

impl Resource {
    pub(super) fn new(client: Client, url: Url, token: Option<Password>) -> Self {
        Self(Some(Inner { client, url, token }))
    }

    /// Deletes it, and waits for that.
    pub(super) async fn delete(mut self) {
        if let Some(inner) = self.0.take() {
            inner.delete().await;
        }
    }
}

impl Inner {
    async fn delete(self) {
        let request = authorized(self.client.delete(self.url), self.token.as_ref()).timeout(DELETE_WITHIN);
        if request.send().await.is_err() {
            tracing::debug!("The media server was not told that a feed is published no more.");
        }
    }
}

impl Drop for Resource {
    fn drop(&mut self) {
        // The task that published may have been ended, and goes no further than this.
        if let (Some(inner), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(inner.delete());
        }
    }
}

/// A bearer (RFC 6750) where there is a token.
pub(super) fn authorized(request: RequestBuilder, token: Option<&Password>) -> RequestBuilder {
    match token {
        Some(token) => request.bearer_auth(token.expose()),
        None => request,
    }
}
