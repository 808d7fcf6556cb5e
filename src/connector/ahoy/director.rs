//! A feed at a Director: attached, and attached again after any loss.

use std::time::{Duration, Instant};

use tokio::time::timeout;
use url::Url;

use super::{
    attach::Attach,
    control::{Control, ControlEvent},
    messages::envelope,
    plays::Plays,
};
use crate::{
    config::{Codec, ConnectorSettings},
    connector::client::{
        Attempts, ConnectorFault, ConnectorFaultKind as Kind, Frame, Line, Post, SetUp, address_gone,
        http::own_address, moved,
    },
    i18n::gettext,
    webrtc::{PeerFault, Ways},
};

/// How long the way to the Director may take from its answer until the channel is open.
const OPEN_WITHIN: Duration = Duration::from_secs(15);

/// A Director, and how it lets us in.
pub(super) struct Director {
    pub(super) base: Url,
    pub(super) codec: Codec,
    pub(super) settings: ConnectorSettings,
}

impl Director {
    /// Attaches a feed, and again whenever that has ended, for as long as it is polled. Who watches
    /// meanwhile is not touched: media take a way of their own.
    pub(super) async fn keep_attached(&self, post: Post) {
        let mut attempts = Attempts::new(self.settings.id.clone(), post.tell.clone());
        let line = Line::default();
        let mut plays = Plays::new(&post, line.clone());
        loop {
            attempts.begin();
            let own = own_address(&self.base).await;
            let fault = tokio::select! {
                fault = self.attempt(&post, &mut attempts, &mut plays, &line) => fault.unwrap_or_else(|fault| fault),
                () = address_gone(own) => moved(),
            };
            line.disconnect();
            plays.disarm();
            attempts.wait_after(fault).await;
        }
    }

    async fn attempt(
        &self,
        post: &Post,
        attempts: &mut Attempts,
        plays: &mut Plays,
        line: &Line,
    ) -> Result<ConnectorFault, ConnectorFault> {
        let key = self.settings.secret("api_key").await?;
        let key = key.ok_or_else(|| {
            let next = gettext("Name an environment variable or a file with api_key_env or api_key_file.");
            ConnectorFault::new(Kind::Settings, gettext("The Director wants an API key, and there is none."), next)
        })?;
        let transport = &self.settings.transport;
        let ways = match self.settings.ice_password() {
            Some(password) => Ways::with_password(transport, &password),
            None => Ways::of(transport)?,
        };
        let mut control = Control::start(ways).await.map_err(no_peer)?;
        let offer = control.peer.offer().await.map_err(no_peer)?;
        let asked = Instant::now();
        let attach =
            Attach { base: &self.base, settings: &self.settings, key: &key, feed: &post.feed, codec: self.codec };
        let answer = attach.send(&offer).await?;
        let authenticate = Some(asked.elapsed().as_secs_f64());
        let answered = Instant::now();
        control.peer.accept(&answer).await.map_err(|_| bad_answer())?;
        match timeout(OPEN_WITHIN, control.next()).await {
            Ok(ControlEvent::Opened) => {}
            Ok(_) => return Err(lost()),
            Err(_) => return Err(no_way()),
        }
        let signalling = Some(answered.elapsed().as_secs_f64());
        attempts.succeed(SetUp { authenticate, signalling, ..SetUp::default() });
        let mut replies = line.connect();
        loop {
            tokio::select! {
                event = control.next() => match event {
                    ControlEvent::Opened => {}
                    ControlEvent::Said(text) => plays.hear(&text),
                    ControlEvent::Closed => return Ok(lost()),
                },
                reply = replies.recv() => {
                    let is_said = reply.and_then(Frame::into_text).is_some_and(|reply| control.say(&envelope(&reply, &key)));
                    if !is_said {
                        return Ok(lost());
                    }
                }
            }
        }
    }
}

fn lost() -> ConnectorFault {
    ConnectorFault::new(Kind::Lost, gettext("The connection to the Director was lost."), "")
}

fn bad_answer() -> ConnectorFault {
    ConnectorFault::new(Kind::Protocol, gettext("The Director's answer cannot be used."), "")
}

fn no_way() -> ConnectorFault {
    ConnectorFault::new(
        Kind::Unreachable,
        gettext("The Director took the feed in, and no way to it was found for messages."),
        gettext("Name a STUN or TURN server with ice_servers, or see that UDP gets through."),
    )
}

fn no_peer(fault: PeerFault) -> ConnectorFault {
    tracing::debug!("no connection for messages: {fault}");
    ConnectorFault::new(
        Kind::Settings,
        gettext("GStreamer cannot make a connection for messages."),
        gettext("Run `heliograph doctor` to see what is missing."),
    )
}
