//! A viewer elsewhere: it comes to the hub by way of a connector that speaks its protocol.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use gst_plugin_webrtc_signalling_protocol::{
    IncomingMessage, OutgoingMessage, PeerMessage, PeerMessageInner, PeerRole, PeerStatus, SdpMessage,
    StartSessionMessage,
};
use serde_json::json;
use tokio::time::timeout_at;

use super::{Hub, Refused, to_text};
use crate::{
    config::Codec,
    connector::{sdp::sends_picture, switchboard::Seat},
    webrtc::{IceAddresses, complete},
};

/// Candidates are complete when none came for so long; those of slow servers are not waited for.
const QUIET: Duration = Duration::from_millis(100);
const GATHER_WITHIN: Duration = Duration::from_millis(400);
/// Without any candidate there is no use in an answer.
const FIRST_WITHIN: Duration = Duration::from_millis(2500);

/// How often an offer is tried that is answered without a picture. For each, webrtcsink makes out with a pipeline of
/// its own which format it can send in, and leaves the picture out where that fails. It was seen to fail by
/// chance; of 240 offers of a form that can be sent, it did with none. ("Received buffer without a new-segment", it
/// warns of in those that succeed, too.)
const TRIES: usize = 6;

/// One who watches a feed from elsewhere. Dropping it ends its session.
pub(crate) struct Guest {
    hub: Arc<Hub>,
    seat: Seat,
    session: String,
}

/// Keeps a guest at its hub, beside whoever speaks for it. Dropping it takes the guest away at once.
pub(crate) struct Stay {
    hub: Arc<Hub>,
    peer_id: String,
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.hub.lock().drop_peer(&self.peer_id);
    }
}

/// What became of a guest's offer.
pub(crate) enum Answered {
    /// It is shown the picture, by this answer (SDP).
    Shown(Guest, String),
    /// There was no answer in time; the guest waits for one, which keeps the feed awake.
    NotYet(Guest),
    /// No answer gives a picture.
    Never,
}

/// What a guest hears of the feed it watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GuestEvent {
    /// The feed's offer (SDP); it comes once.
    Offer(String),
    /// The feed's answer (SDP) to the guest's offer; it comes once.
    Answer(String),
    /// An ICE candidate of the feed, for the media section with this index.
    Candidate { candidate: String, line: u32 },
    /// The feed ended the session, or there is another codec for this guest: it may come again.
    Ended,
}

impl Guest {
    /// Asks to watch a feed. `name` is what the guest calls itself, `takes` the codecs that it can
    /// decode; `None` where that is not known before its answer.
    ///
    /// # Errors
    /// There is no such feed, nothing of it that the guest can decode, or no room.
    pub(crate) fn watch(
        hub: &Arc<Hub>,
        feed: &str,
        name: Option<&str>,
        takes: Option<&[Codec]>,
    ) -> Result<Self, Refused> {
        Self::join(hub, feed, name, takes, None, IceAddresses::default())
    }

    /// Asks to watch a feed by way of these STUN and TURN servers, beside the operator's.
    ///
    /// # Errors
    /// There is no such feed, or no room.
    pub(crate) fn watch_through(hub: &Arc<Hub>, feed: &str, servers: IceAddresses) -> Result<Self, Refused> {
        Self::join(hub, feed, None, None, None, servers)
    }

    /// Asks to watch a feed by an offer (SDP) of the guest's own, with its candidates inside: the feed answers,
    /// by way of these STUN and TURN servers beside the operator's.
    ///
    /// # Errors
    /// There is no such feed, nothing of it in a codec of the offer, or no room.
    pub(crate) fn begin(
        hub: &Arc<Hub>,
        feed: &str,
        name: Option<&str>,
        offer: String,
        servers: IceAddresses,
    ) -> Result<Self, Refused> {
        Self::join(hub, feed, name, None, Some(offer), servers)
    }

    fn join(
        hub: &Arc<Hub>,
        feed: &str,
        name: Option<&str>,
        takes: Option<&[Codec]>,
        offer: Option<String>,
        servers: IceAddresses,
    ) -> Result<Self, Refused> {
        let seat = hub.connect()?;
        hub.set_servers(&seat.peer_id, servers);
        let takes = takes.map(|takes| takes.iter().map(ToString::to_string).collect::<Vec<_>>());
        let meta = json!({ "name": name, "codecs": takes });
        let status = PeerStatus { roles: vec![PeerRole::Listener], meta: Some(meta), peer_id: None };
        let mut guest = Self { hub: hub.clone(), seat, session: String::new() };
        guest.say(&IncomingMessage::SetPeerStatus(status));
        guest.say(&IncomingMessage::StartSession(StartSessionMessage { peer_id: feed.to_owned(), offer }));
        while let Ok(text) = guest.seat.outbox.try_recv() {
            match serde_json::from_str(&text) {
                Ok(OutgoingMessage::SessionStarted { session_id, .. }) => {
                    guest.session = session_id;
                    return Ok(guest);
                }
                Ok(OutgoingMessage::Error { details }) => return Err(Refused::new(details)),
                _ => {}
            }
        }
        Err(Refused::new(format!("The feed “{feed}” cannot be watched now.")))
    }

    /// By which another can end it.
    pub(crate) fn stay(&self) -> Stay {
        Stay { hub: self.hub.clone(), peer_id: self.seat.peer_id.clone() }
    }

    /// Waits for what comes next; `None` where nothing more will.
    pub(crate) async fn next(&mut self) -> Option<GuestEvent> {
        loop {
            let text = self.seat.outbox.recv().await?;
            match serde_json::from_str(&text) {
                Ok(OutgoingMessage::Peer(message)) if message.session_id == self.session => {
                    return Some(match message.peer_message {
                        PeerMessageInner::Sdp(SdpMessage::Offer { sdp }) => GuestEvent::Offer(sdp),
                        PeerMessageInner::Sdp(SdpMessage::Answer { sdp }) => GuestEvent::Answer(sdp),
                        PeerMessageInner::Ice { candidate, sdp_m_line_index: line } => {
                            GuestEvent::Candidate { candidate, line }
                        }
                    });
                }
                Ok(OutgoingMessage::EndSession(ended)) if ended.session_id == self.session => {
                    return Some(GuestEvent::Ended);
                }
                _ => {}
            }
        }
    }

    /// Asks to be shown a feed by an offer, as [`Self::begin`] does, and waits for an answer that gives a picture.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub(crate) async fn ask(
        hub: &Arc<Hub>,
        feed: &str,
        name: Option<&str>,
        offer: &str,
        servers: &IceAddresses,
        within: Duration,
    ) -> Result<Answered, Refused> {
        let end = Instant::now() + within;
        for _ in 0..TRIES {
            let mut guest = Self::begin(hub, feed, name, offer.to_owned(), servers.clone())?;
            match timeout_at(end.into(), guest.whole_answer()).await {
                Ok(Some(answer)) if sends_picture(&answer) => return Ok(Answered::Shown(guest, answer)),
                Ok(Some(_)) => tracing::debug!(feed, "an offer is answered without a picture"),
                Ok(None) => break,
                Err(_) => return Ok(Answered::NotYet(guest)),
            }
        }
        Ok(Answered::Never)
    }

    /// Waits for the feed's answer to the guest's offer, and puts its candidates inside; `None` where there is none.
    pub(crate) async fn whole_answer(&mut self) -> Option<String> {
        let answer = loop {
            match self.next().await? {
                GuestEvent::Answer(answer) => break answer,
                GuestEvent::Offer(_) | GuestEvent::Candidate { .. } => {}
                GuestEvent::Ended => return None,
            }
        };
        let mut candidates = Vec::new();
        let end = Instant::now() + GATHER_WITHIN;
        loop {
            let until = if candidates.is_empty() { end + FIRST_WITHIN } else { end.min(Instant::now() + QUIET) };
            match timeout_at(until.into(), self.next()).await {
                Ok(Some(GuestEvent::Candidate { candidate, line })) if !candidate.is_empty() => {
                    candidates.push((line, candidate));
                }
                Ok(Some(GuestEvent::Ended) | None) => return None,
                Ok(Some(_)) => {}
                Err(_) => return Some(complete(&answer, &candidates)),
            }
        }
    }

    /// For how long it has not told what it received, though something was sent; `None` where it never has.
    pub(crate) fn silence(&self) -> Option<Duration> {
        self.hub.silence(&self.session)
    }

    /// Gives the feed the guest's answer. One that is no answer ends the session.
    pub(crate) fn answer(&self, sdp: String) {
        self.tell(PeerMessageInner::Sdp(SdpMessage::Answer { sdp }));
    }

    /// Gives the feed one of the guest's ICE candidates.
    pub(crate) fn candidate(&self, candidate: String, line: u32) {
        self.tell(PeerMessageInner::Ice { candidate, sdp_m_line_index: line });
    }

    fn tell(&self, peer_message: PeerMessageInner) {
        self.say(&IncomingMessage::Peer(PeerMessage { session_id: self.session.clone(), peer_message }));
    }

    fn say(&self, message: &IncomingMessage) {
        self.hub.receive(&self.seat.peer_id, &to_text(message));
    }
}
