//! The way from a feed to a sender at a robot's relay: the media room receives, the connector speaks.

use std::{fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::{
    connector::{
        ConnectorFault, ConnectorFaultKind,
        bigfootbot::{Offered, OfferedFeed, Relayed, Reply, receive},
    },
    media::{
        FaultKind, MediaFault,
        source::{FromSender, Signalling, ToSender},
    },
};

/// Where a sender is met.
pub(super) struct Meeting {
    relay: Relayed,
    tell: Arc<dyn Fn(Vec<OfferedFeed>) + Send + Sync>,
}

impl Meeting {
    /// `tell` hears which feeds there are.
    pub(super) fn new(relay: Relayed, tell: impl Fn(Vec<OfferedFeed>) + Send + Sync + 'static) -> Self {
        Self { relay, tell: Arc::new(tell) }
    }
}

impl fmt::Debug for Meeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Meeting").field(&self.relay).finish()
    }
}

impl Signalling for Meeting {
    fn meet(
        &self,
        said: UnboundedSender<FromSender>,
        mut replies: UnboundedReceiver<ToSender>,
    ) -> BoxFuture<'static, Result<(), MediaFault>> {
        let (relay, tell) = (self.relay.clone(), self.tell.clone());
        async move {
            let (offered, mut from) = unbounded_channel();
            let (to, reply) = unbounded_channel();
            let mut meeting = std::pin::pin!(receive(relay, offered, reply));
            loop {
                tokio::select! {
                    met = &mut meeting => return met.map_err(in_words_of_media),
                    Some(offered) = from.recv() => match offered {
                        Offered::Offer(sdp) => drop(said.send(FromSender::Offer(sdp))),
                        Offered::Candidate { candidate, line } => {
                            let _ = said.send(FromSender::Candidate { candidate, line });
                        }
                        Offered::Here => drop(said.send(FromSender::Here)),
                        Offered::Feeds(feeds) => tell(feeds),
                    },
                    reply = replies.recv() => match reply {
                        Some(reply) => drop(to.send(outward(reply))),
                        None => return Ok(()),
                    },
                }
            }
        }
        .boxed()
    }
}

fn outward(reply: ToSender) -> Reply {
    match reply {
        ToSender::Answer(sdp) => Reply::Answer(sdp),
        ToSender::Candidate { candidate, line } => Reply::Candidate { candidate, line },
        ToSender::Missed => Reply::Missed,
        ToSender::GiveUp => Reply::GiveUp,
    }
}

fn in_words_of_media(fault: ConnectorFault) -> MediaFault {
    let kind = match fault.kind {
        ConnectorFaultKind::NoSuchHost => FaultKind::HostNotFound,
        ConnectorFaultKind::Unreachable => FaultKind::Unreachable,
        ConnectorFaultKind::Untrusted => FaultKind::Certificate,
        ConnectorFaultKind::Refused | ConnectorFaultKind::Settings => FaultKind::Unauthorized,
        ConnectorFaultKind::Protocol => FaultKind::Rejected,
        ConnectorFaultKind::Lost => FaultKind::Closed,
    };
    MediaFault::new(kind, fault.sentence, fault.next_step)
}
