//! What a peer may ask for, and what it is told instead.

use gst_plugin_webrtc_signalling_protocol::{IncomingMessage, OutgoingMessage, Peer as Listed, PeerStatus};

use super::messages::{self, Extension, Refused, Request, to_text};
use super::{Hub, State};
use crate::config::{Codec, FeedConfig};
use crate::connector::Codecs;

impl Hub {
    /// Takes one text message of a peer. False: close the socket, too many were refused.
    pub(crate) fn receive(&self, peer_id: &str, text: &str) -> bool {
        let request = messages::parse(text);
        let mut state = self.lock();
        match request.and_then(|request| state.answer(peer_id, request, self.clock.now_ms())) {
            Ok(()) => {
                state.forgive(peer_id);
                true
            }
            Err(refused) => state.refuse(peer_id, refused),
        }
    }
}

impl State {
    fn answer(&mut self, peer_id: &str, request: Request, now_ms: f64) -> Result<(), Refused> {
        match request {
            Request::Time { client } => self.tell_time(peer_id, client, now_ms),
            Request::Common(message) => self.answer_common(peer_id, message),
        }
    }

    fn answer_common(&mut self, peer_id: &str, message: IncomingMessage) -> Result<(), Refused> {
        match message {
            IncomingMessage::SetPeerStatus(status) => self.set_status(peer_id, &status),
            IncomingMessage::List => {
                let producers = self.producers();
                self.send(peer_id, &OutgoingMessage::List { producers });
                Ok(())
            }
            IncomingMessage::ListConsumers => {
                // Nobody waits here to be sent a stream; the npm client asks at every start.
                self.send(peer_id, &OutgoingMessage::ListConsumers { consumers: Vec::new() });
                Ok(())
            }
            IncomingMessage::StartSession(wanted) => self.start_session(peer_id, wanted),
            IncomingMessage::EndSession(ended) => self.end_own_session(peer_id, &ended.session_id),
            IncomingMessage::Peer(message) => self.forward(peer_id, message),
            IncomingMessage::NewPeer => Err(Refused::new("“newPeer” is internal to other servers; leave it out.")),
        }
    }

    fn set_status(&mut self, peer_id: &str, status: &PeerStatus) -> Result<(), Refused> {
        if status.producing() {
            return Err(Refused::new("Only Heliograph's own feeds produce here. Add the camera as a feed instead."));
        }
        if status.consuming() {
            return Err(Refused::new("No feed starts sessions by itself here. Ask for one with “startSession”."));
        }
        let Some(peer) = self.peers.get_mut(peer_id) else {
            return Ok(());
        };
        peer.listening = status.listening();
        peer.extended = announces_our_page(status);
        peer.reports = peer.extended || announces_reports(status);
        peer.name = name_in(status);
        peer.palate.takes = codecs_in(status);
        let extended = peer.extended;
        // GStreamer's own client says who it is right after it has asked for a session.
        for session_id in self.sessions_where(|session| session.peer_id == peer_id) {
            let feed = self.sessions.get(&session_id).map(|session| session.feed);
            self.review(&session_id);
            if let Some(feed) = feed {
                self.tell_demand(feed);
            }
        }
        if status.listening() {
            // The npm client counts as connected only when it hears of itself.
            let echo = PeerStatus { roles: status.roles.clone(), meta: None, peer_id: Some(peer_id.to_owned()) };
            self.send(peer_id, &OutgoingMessage::PeerStatusChanged(echo));
        }
        if extended {
            self.send_text(peer_id, self.feeds_text());
        }
        Ok(())
    }

    fn tell_time(&mut self, peer_id: &str, client: f64, server: f64) -> Result<(), Refused> {
        if !self.peers.get(peer_id).is_some_and(|peer| peer.extended) {
            return Err(Refused::new("“heliographTime” is for peers that announced “meta.heliograph” = 1."));
        }
        self.send_text(peer_id, to_text(&Extension::Time { client, server }));
        Ok(())
    }

    fn producers(&self) -> Vec<Listed> {
        self.feeds.iter().map(|feed| Listed { id: feed.id.clone(), meta: Some(feed.meta()) }).collect()
    }
}

fn announces_our_page(status: &PeerStatus) -> bool {
    let version = status.meta.as_ref().and_then(|meta| meta.get("heliograph"));
    version.and_then(serde_json::Value::as_u64) == Some(1)
}

/// Others than our page may report as it does: `meta.reports`.
fn announces_reports(status: &PeerStatus) -> bool {
    let reports = status.meta.as_ref().and_then(|meta| meta.get("reports"));
    reports.and_then(serde_json::Value::as_bool) == Some(true)
}

/// What a peer says it can take: `meta.codecs`, a list of names as in SDP, H.264 with the profiles
/// as well (RFC 6184's `profile-level-id`): `["H264/42e01f", "VP8"]`. A codec that Heliograph does
/// not know is nothing to it.
fn codecs_in(status: &PeerStatus) -> Option<Codecs> {
    let said = status.meta.as_ref()?.get("codecs")?.as_array()?;
    Some(said.iter().filter_map(|codec| takes(codec.as_str()?)).collect())
}

/// H.264 is announced as Constrained Baseline: who decodes none of the baseline profiles would
/// not take the offer.
fn takes(said: &str) -> Option<Codec> {
    let (name, profile) = said.split_once('/').map_or((said, None), |(name, profile)| (name, Some(profile)));
    let codec: Codec = name.to_ascii_lowercase().parse().ok()?;
    let is_baseline = |profile: &str| profile.get(..2).is_some_and(|idc| idc == "42");
    (codec != Codec::H264 || profile.is_none_or(is_baseline)).then_some(codec)
}

/// What a peer calls itself, where that can be a name.
fn name_in(status: &PeerStatus) -> Option<String> {
    let name = status.meta.as_ref()?.get("name")?.as_str()?;
    FeedConfig::check_name(name).is_ok().then(|| name.to_owned())
}
