//! Connectors whose service runs elsewhere: what is the same for all of them.
//!
//! ```text
//! service elsewhere ◄─websocket─► keeper ◄─► dialect ─► guests ─► hub ◄─► webrtcsink
//! ```
//!
//! `dial` opens a connection and takes the time of each step, `keeper` keeps it, with back-off, and
//! `guests` are the viewers there, at a hub that this connector has for itself. What is said over the
//! connection, a [`Dialect`] knows: that is all a connector over a websocket has to bring. One that
//! speaks otherwise brings its own attempt, which `keeper` repeats.

mod dial;
mod fault;
mod guests;
pub(super) mod http;
mod keeper;
mod line;
mod state;

use std::sync::Arc;

use futures::{
    FutureExt,
    future::{BoxFuture, ready},
};
use tokio::task::JoinHandle;

pub use dial::{Papers, Server, SetUp, Step};
pub use fault::{ConnectorFault, ConnectorFaultKind};
pub use state::ConnectorState;

pub(super) use dial::Socket;
pub(super) use guests::{Guests, Said};
pub(super) use keeper::{Attempts, address_gone, keep, moved};
pub(super) use line::{Frame, Line};

use super::{
    Announcement, Connection, Connector, Door, Menu, Needs, TellState,
    hub::{Hub, HubConnector},
};
use crate::config::{Codec, FeedChoice, FeedId, TransportConfig};

/// What a protocol says over a connection about one feed. It outlives the connection, and so do its
/// guests: media need no signalling once they flow.
pub(in crate::connector) trait Dialect: Send + 'static {
    /// What has to be known before a connection is made, such as secrets as they are now. Some of it may be for
    /// the server's address. What takes its time is told with [`SetUp::time`].
    ///
    /// # Errors
    /// It cannot be had: no connection is made, and it is tried again later.
    fn prepare<'a>(
        &'a mut self,
        _server: &'a mut Server,
        _set_up: &'a mut SetUp,
    ) -> BoxFuture<'a, Result<(), ConnectorFault>> {
        ready(Ok(())).boxed()
    }

    /// This machine has another address than the last connection had.
    fn moved(&mut self) {}

    /// The connection is there.
    fn opened(&mut self, line: &Line);

    /// The service does not let us in by these papers; comes back with what is told of it.
    fn refused(&mut self, fault: ConnectorFault) -> ConnectorFault {
        fault
    }

    /// A text came.
    ///
    /// # Errors
    /// The connection is of no use: it is closed, and tried again later.
    fn hear(&mut self, text: &str, line: &Line) -> Result<(), ConnectorFault>;

    /// Bytes came.
    ///
    /// # Errors
    /// As [`Self::hear`].
    fn hear_bytes(&mut self, _bytes: &[u8], _line: &Line) -> Result<(), ConnectorFault> {
        Ok(())
    }

    /// Whether the service has taken the feed in.
    fn is_ready(&self) -> bool;

    /// What has to be said from time to time; looked at four times a second.
    ///
    /// # Errors
    /// As [`Self::hear`].
    fn tick(&mut self, _line: &Line) -> Result<(), ConnectorFault> {
        Ok(())
    }
}

/// A feed that a service elsewhere is to have.
pub(super) struct Post {
    /// Where it is watched.
    pub(super) hub: Arc<Hub>,
    /// Its id.
    pub(super) feed: FeedId,
    /// Its name for people.
    pub(super) name: String,
    /// Is told how it is there.
    pub(super) tell: TellState,
}

/// Speaks about a feed for as long as it is polled.
pub(super) type Speak = Box<dyn Fn(Post) -> BoxFuture<'static, ()> + Send + Sync>;

/// A connector to a service elsewhere.
pub(super) struct Client {
    pub(super) feeds: FeedChoice,
    pub(super) needs: Needs,
    pub(super) at_hub: HubConnector,
    pub(super) speak: Speak,
}

impl Connector for Client {
    fn open(&self, feed: Announcement<'_>) -> Box<dyn Connection> {
        let post = Post {
            hub: self.at_hub.hub().clone(),
            feed: feed.id.clone(),
            name: feed.name.to_owned(),
            tell: feed.tell.clone(),
        };
        let at_hub = self.at_hub.open(feed);
        let keeper = tokio::spawn((self.speak)(post));
        Box::new(ClientConnection { at_hub, keeper })
    }

    fn is_for(&self, feed: &FeedId) -> bool {
        self.feeds.includes(feed)
    }

    fn transport(&self) -> TransportConfig {
        self.at_hub.transport()
    }

    fn needs(&self) -> Needs {
        self.needs.clone()
    }
}

struct ClientConnection {
    at_hub: Box<dyn Connection>,
    keeper: JoinHandle<()>,
}

impl Drop for ClientConnection {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Connection for ClientConnection {
    fn set_menu(&self, menu: Menu) {
        self.at_hub.set_menu(menu);
    }

    fn door(&self, codec: Codec) -> Box<dyn Door> {
        self.at_hub.door(codec)
    }

    fn end_stragglers(&self, after: std::time::Duration) {
        self.at_hub.end_stragglers(after);
    }

    fn renew(&self, sessions: &[String]) {
        self.at_hub.renew(sessions);
    }

    fn show(&self, state: &str, sentence: &str) {
        self.at_hub.show(state, sentence);
    }

    fn heard(&self, session: &str) {
        self.at_hub.heard(session);
    }

    fn viewer_name(&self, session: &str) -> Option<String> {
        self.at_hub.viewer_name(session)
    }
}
