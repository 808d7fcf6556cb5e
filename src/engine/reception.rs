//! The way from a feed to a sender at a robot's relay: the media room receives, the connector speaks.

use futures::{FutureExt, future::BoxFuture};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use url::Url;

use crate::{
    config::Password,
    connector::{
        ConnectorFault, ConnectorFaultKind,
        bigfootbot::{Offered, Relayed, Reply, receive},
    },
    media::{
        FaultKind, MediaFault,
        source::{FromSender, Signalling, ToSender},
    },
};

/// Where a sender is met.
#[derive(Debug)]
pub(super) struct Meeting(Relayed);

impl Meeting {
    pub(super) fn new(url: Url, token: Option<Password>) -> Self {
        Self(Relayed { url, token })
    }
}

impl Signalling for Meeting {
    fn meet(
        &self,
        said: UnboundedSender<FromSender>,
        mut replies: UnboundedReceiver<ToSender>,
    ) -> BoxFuture<'static, Result<(), MediaFault>> {
        let relay = self.0.clone();
        async move {
            let (offered, mut from) = unbounded_channel();
            let (to, reply) = unbounded_channel();
            let mut meeting = std::pin::pin!(receive(relay, offered, reply));
            loop {
                tokio::select! {
                    met = &mut meeting => return met.map_err(in_words_of_media),
                    Some(offered) = from.recv() => drop(said.send(inward(offered))),
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

fn inward(offered: Offered) -> FromSender {
    match offered {
        Offered::Offer(sdp) => FromSender::Offer(sdp),
        Offered::Candidate { candidate, line } => FromSender::Candidate { candidate, line },
        Offered::Here => FromSender::Here,
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
