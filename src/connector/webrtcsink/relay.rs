//! A signalling server for producers and consumers that are elsewhere, by the protocol of the crate
//! `gst-plugin-webrtc-signalling-protocol`.
//!
//! Where Heliograph runs behind carrier NAT, nobody reaches it. A relay on a host that everybody
//! reaches brings both together; the media find their own way, or go through a TURN server.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gst_plugin_webrtc_signalling_protocol::{
    EndSessionMessage, IncomingMessage, OutgoingMessage, Peer as Listed, PeerMessage, PeerStatus, StartSessionMessage,
};
use serde_json::Value;

use super::RESUME;
use crate::connector::{
    hub::{Refused, to_text},
    switchboard::{Outbox, Seat, Switchboard, random_id},
};

/// The most sockets at once.
const MAX_PEERS: usize = 256;
/// The most sessions of one consumer.
const MAX_SESSIONS_PER_PEER: usize = 16;
/// The longest message in bytes.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// Refused messages in a row after which a peer is dropped.
const MAX_REFUSED_IN_A_ROW: u32 = 20;

/// A relay without peers.
#[derive(Debug, Default)]
pub(super) struct Relay(Mutex<State>);

#[derive(Default)]
struct State {
    peers: HashMap<String, Peer>,
    sessions: HashMap<String, Session>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} peers, {} sessions", self.peers.len(), self.sessions.len())
    }
}

struct Peer {
    outbox: Outbox,
    status: PeerStatus,
    /// By which it is known again.
    resume: Option<String>,
    refused_in_a_row: u32,
}

/// Who is joined: the one that asked, and the one that was asked.
struct Session {
    asked_by: String,
    asked: String,
}

impl Session {
    fn other_than(&self, peer_id: &str) -> Option<&str> {
        match (self.asked_by == peer_id, self.asked == peer_id) {
            (true, _) => Some(&self.asked),
            (_, true) => Some(&self.asked_by),
            _ => None,
        }
    }
}

/// A peer's place: dropping it takes the peer away.
struct Place {
    relay: Arc<Relay>,
    id: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.relay.lock().remove(&self.id);
    }
}

impl Relay {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere must not end every connection: each change here is whole by itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Switchboard for Relay {
    fn join(self: Arc<Self>) -> Result<Seat, String> {
        let mut state = self.lock();
        if state.peers.len() >= MAX_PEERS {
            let details = format!("{MAX_PEERS} peers are connected, which is the most there can be. Try again later.");
            return Err(to_text(&OutgoingMessage::Error { details }));
        }
        let id = random_id();
        let (outbox, seat) = Seat::new(id.clone(), Place { relay: self.clone(), id: id.clone() });
        outbox.send(to_text(&OutgoingMessage::Welcome { peer_id: id.clone() }));
        state.peers.insert(id, Peer { outbox, status: PeerStatus::default(), resume: None, refused_in_a_row: 0 });
        drop(state);
        Ok(seat)
    }

    fn receive(&self, peer_id: &str, text: &str) -> bool {
        let mut state = self.lock();
        match parse(text).and_then(|message| state.carry_out(peer_id, message)) {
            Ok(()) => {
                if let Some(peer) = state.peers.get_mut(peer_id) {
                    peer.refused_in_a_row = 0;
                }
                true
            }
            Err(refused) => state.refuse(peer_id, &refused),
        }
    }

    fn refuse(&self, peer_id: &str, sentence: &str) -> bool {
        self.lock().refuse(peer_id, &Refused::new(sentence))
    }
}

/// A producer's secret, which is nobody else's business.
fn take_resume(status: &mut PeerStatus) -> Option<String> {
    match status.meta.as_mut()?.as_object_mut()?.remove(RESUME)? {
        Value::String(resume) if !resume.is_empty() => Some(resume),
        _ => None,
    }
}

fn parse(text: &str) -> Result<IncomingMessage, Refused> {
    if text.len() > MAX_MESSAGE_BYTES {
        return Err(Refused::new(format!("A message has at most {MAX_MESSAGE_BYTES} bytes.")));
    }
    serde_json::from_str(text).map_err(|_| Refused::new("This is no message of the signalling protocol."))
}

impl State {
    fn carry_out(&mut self, peer_id: &str, message: IncomingMessage) -> Result<(), Refused> {
        match message {
            IncomingMessage::NewPeer => Err(Refused::new("“newPeer” is internal to other servers; leave it out.")),
            IncomingMessage::SetPeerStatus(status) => {
                self.set_status(peer_id, status);
                Ok(())
            }
            IncomingMessage::List => {
                let producers = self.listed(PeerStatus::producing);
                self.send(peer_id, &OutgoingMessage::List { producers });
                Ok(())
            }
            IncomingMessage::ListConsumers => {
                let consumers = self.listed(PeerStatus::consuming);
                self.send(peer_id, &OutgoingMessage::ListConsumers { consumers });
                Ok(())
            }
            IncomingMessage::StartSession(wanted) => self.start_session(peer_id, wanted),
            IncomingMessage::EndSession(ended) => self.end_session(peer_id, &ended.session_id),
            IncomingMessage::Peer(message) => self.forward(peer_id, message),
        }
    }

    /// Who listens hears of it, the peer itself too: the npm client counts as connected only then.
    fn set_status(&mut self, peer_id: &str, mut status: PeerStatus) {
        let resume = take_resume(&mut status);
        let Some(peer) = self.peers.get_mut(peer_id) else { return };
        peer.status = status;
        if let Some(resume) = resume {
            peer.resume = Some(resume.clone());
            self.resume(peer_id, &resume);
        }
        self.tell_status(peer_id);
    }

    /// A producer is back whose former connection nobody has missed yet: its sessions are this one's.
    fn resume(&mut self, peer_id: &str, resume: &str) {
        let is_former = |(id, peer): (&String, &Peer)| {
            (id != peer_id && peer.resume.as_deref() == Some(resume)).then(|| id.clone())
        };
        let Some(former) = self.peers.iter().find_map(is_former) else { return };
        for session in self.sessions.values_mut().filter(|session| session.asked == former) {
            peer_id.clone_into(&mut session.asked);
        }
        self.remove(&former);
    }

    fn tell_status(&mut self, peer_id: &str) {
        let known = self.peers.get(peer_id);
        let status = PeerStatus {
            roles: known.map(|peer| peer.status.roles.clone()).unwrap_or_default(),
            meta: known.and_then(|peer| peer.status.meta.clone()),
            peer_id: Some(peer_id.to_owned()),
        };
        let told = OutgoingMessage::PeerStatusChanged(status);
        let listening = self.peers.iter().filter(|(_, peer)| peer.status.listening());
        let listening: Vec<String> = listening.map(|(id, _)| id.clone()).collect();
        for listener in listening {
            self.send(&listener, &told);
        }
    }

    fn listed(&self, has_role: impl Fn(&PeerStatus) -> bool) -> Vec<Listed> {
        let peers = self.peers.iter().filter(|(_, peer)| has_role(&peer.status));
        let mut listed: Vec<_> =
            peers.map(|(id, peer)| Listed { id: id.clone(), meta: peer.status.meta.clone() }).collect();
        listed.sort_by(|one, other| one.id.cmp(&other.id));
        listed
    }

    fn start_session(&mut self, peer_id: &str, wanted: StartSessionMessage) -> Result<(), Refused> {
        let asked = self.peers.get(&wanted.peer_id).map(|peer| &peer.status);
        if !asked.is_some_and(|status| status.producing() || status.consuming()) {
            return Err(Refused::new("Nobody here has this id. “list” tells who produces."));
        }
        if self.sessions.values().filter(|session| session.asked_by == peer_id).count() >= MAX_SESSIONS_PER_PEER {
            return Err(Refused::new(format!("A peer can ask for {MAX_SESSIONS_PER_PEER} sessions. End one first.")));
        }
        let session_id = random_id();
        let session = Session { asked_by: peer_id.to_owned(), asked: wanted.peer_id.clone() };
        self.sessions.insert(session_id.clone(), session);
        let started =
            OutgoingMessage::SessionStarted { peer_id: wanted.peer_id.clone(), session_id: session_id.clone() };
        self.send(peer_id, &started);
        let start = OutgoingMessage::StartSession { peer_id: peer_id.to_owned(), session_id, offer: wanted.offer };
        self.send(&wanted.peer_id, &start);
        Ok(())
    }

    fn end_session(&mut self, peer_id: &str, session_id: &str) -> Result<(), Refused> {
        // Both may end it at the same time: the second is told nothing.
        let Some(session) = self.sessions.get(session_id) else { return Ok(()) };
        let other = session.other_than(peer_id).ok_or_else(not_yours)?.to_owned();
        self.sessions.remove(session_id);
        self.send(&other, &OutgoingMessage::EndSession(EndSessionMessage { session_id: session_id.to_owned() }));
        Ok(())
    }

    fn forward(&mut self, peer_id: &str, message: PeerMessage) -> Result<(), Refused> {
        // What crosses the news of the end is not wrong.
        let Some(session) = self.sessions.get(&message.session_id) else { return Ok(()) };
        let other = session.other_than(peer_id).ok_or_else(not_yours)?.to_owned();
        self.send(&other, &OutgoingMessage::Peer(message));
        Ok(())
    }

    fn refuse(&mut self, peer_id: &str, refused: &Refused) -> bool {
        tracing::debug!(peer = peer_id, "{refused}");
        self.send(peer_id, &OutgoingMessage::Error { details: refused.to_string() });
        self.peers.get_mut(peer_id).is_some_and(|peer| {
            peer.refused_in_a_row += 1;
            peer.refused_in_a_row < MAX_REFUSED_IN_A_ROW
        })
    }

    /// Sends a peer a message. One that does not read its messages is dropped, its sessions too.
    fn send(&mut self, peer_id: &str, message: &OutgoingMessage) {
        let Some(peer) = self.peers.get(peer_id) else { return };
        if !peer.outbox.send(to_text(message)) {
            tracing::info!(peer = peer_id, "dropped a peer that does not read its messages");
            self.remove(peer_id);
        }
    }

    fn remove(&mut self, peer_id: &str) {
        if self.peers.remove(peer_id).is_none() {
            return;
        }
        let theirs: Vec<_> = self.sessions.extract_if(|_, session| session.other_than(peer_id).is_some()).collect();
        for (session_id, session) in theirs {
            let other = session.other_than(peer_id).unwrap_or_default().to_owned();
            self.send(&other, &OutgoingMessage::EndSession(EndSessionMessage { session_id }));
        }
        self.tell_status(peer_id);
    }
}

/// The same for another peer's session as for none: ids cannot be tried out.
fn not_yours() -> Refused {
    Refused::new("You have no such session.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Client {
        relay: Arc<Relay>,
        seat: Seat,
    }

    impl Client {
        fn join(relay: &Arc<Relay>) -> Self {
            let mut client = Self { relay: relay.clone(), seat: relay.clone().join().unwrap() };
            assert_eq!(client.next(), json!({ "type": "welcome", "peerId": client.seat.peer_id }));
            client
        }

        fn joined_as(relay: &Arc<Relay>, role: &str) -> Self {
            let mut client = Self::join(relay);
            client.say(&json!({ "type": "setPeerStatus", "roles": [role, "listener"], "meta": { "name": "Bow" } }));
            let told = client.next();
            assert_eq!((&told["type"], &told["peerId"]), (&json!("peerStatusChanged"), &json!(client.seat.peer_id)));
            client
        }

        fn say(&self, message: &Value) -> bool {
            self.relay.receive(&self.seat.peer_id, &message.to_string())
        }

        fn next(&mut self) -> Value {
            serde_json::from_str(&self.seat.outbox.try_recv().expect("a message should have come")).unwrap()
        }
    }

    #[test]
    fn a_producer_that_comes_back_before_it_is_missed_has_its_sessions() {
        let relay = Arc::new(Relay::default());
        let status = json!({ "type": "setPeerStatus", "roles": ["producer"], "meta": { "name": "Bow", RESUME: "x" } });
        let camera = Client::join(&relay);
        camera.say(&status);
        let mut viewer = Client::join(&relay);
        viewer.say(&json!({ "type": "startSession", "peerId": camera.seat.peer_id }));
        let session = viewer.next()["sessionId"].clone();
        viewer.say(&json!({ "type": "list" }));
        assert_eq!(viewer.next()["producers"][0]["meta"], json!({ "name": "Bow" }), "a secret is nobody's business");

        let mut again = Client::join(&relay);
        again.say(&status);
        viewer.say(&json!({ "type": "list" }));
        let listed = viewer.next();
        assert_eq!(listed["producers"], json!([{ "id": again.seat.peer_id, "meta": { "name": "Bow" } }]));
        let candidate = json!({ "candidate": "c", "sdpMLineIndex": 0 });
        viewer.say(&json!({ "type": "peer", "sessionId": session, "ice": candidate }));
        assert_eq!(again.next()["ice"], candidate);
        again.say(&json!({ "type": "endSession", "sessionId": session }));
        assert_eq!(viewer.next()["type"], "endSession");
    }

    #[test]
    fn a_consumer_finds_a_producer_and_both_talk_until_one_goes() {
        let relay = Arc::new(Relay::default());
        let mut camera = Client::joined_as(&relay, "producer");
        let mut viewer = Client::join(&relay);
        viewer.say(&json!({ "type": "list" }));
        let listed = viewer.next();
        assert_eq!(listed["producers"], json!([{ "id": camera.seat.peer_id, "meta": { "name": "Bow" } }]));

        viewer.say(&json!({ "type": "startSession", "peerId": camera.seat.peer_id }));
        let started = viewer.next();
        let session = started["sessionId"].clone();
        assert_eq!(started["type"], "sessionStarted");
        let asked = camera.next();
        assert_eq!((&asked["type"], &asked["sessionId"]), (&json!("startSession"), &session));
        assert_eq!(asked["peerId"], json!(viewer.seat.peer_id));

        let offer = json!({ "type": "peer", "sessionId": session, "sdp": { "type": "offer", "sdp": "v=0" } });
        camera.say(&offer);
        assert_eq!(viewer.next(), offer);
        let ice = json!({ "type": "peer", "sessionId": session, "ice": { "candidate": "c", "sdpMLineIndex": 0 } });
        viewer.say(&ice);
        assert_eq!(camera.next(), ice);

        drop(viewer);
        assert_eq!(camera.next(), json!({ "type": "endSession", "sessionId": session }));
    }

    #[test]
    fn another_peers_session_is_none_of_ones_business() {
        let relay = Arc::new(Relay::default());
        let mut camera = Client::joined_as(&relay, "producer");
        let mut viewer = Client::join(&relay);
        let mut stranger = Client::join(&relay);
        viewer.say(&json!({ "type": "startSession", "peerId": camera.seat.peer_id }));
        let session = viewer.next()["sessionId"].clone();
        camera.next();
        stranger.say(&json!({ "type": "peer", "sessionId": session, "sdp": { "type": "answer", "sdp": "v=0" } }));
        assert_eq!(stranger.next()["details"], "You have no such session.");
        stranger.say(&json!({ "type": "endSession", "sessionId": session }));
        assert_eq!(stranger.next()["details"], "You have no such session.");
        assert!(camera.seat.outbox.try_recv().is_err());
    }

    #[test]
    fn bad_messages_are_answered_with_a_sentence_and_too_many_end_the_socket() {
        let relay = Arc::new(Relay::default());
        let mut peer = Client::join(&relay);
        for bad in ["x", "{}", r#"{"type":"startSession","peerId":"nobody"}"#, r#"{"type":"newPeer"}"#] {
            assert!(relay.receive(&peer.seat.peer_id, bad));
            assert_eq!(peer.next()["type"], "error");
        }
        let stays = (0..MAX_REFUSED_IN_A_ROW).all(|_| relay.receive(&peer.seat.peer_id, "x"));
        assert!(!stays, "its socket is closed");
    }

    #[test]
    fn listeners_hear_of_producers_that_come_and_go() {
        let relay = Arc::new(Relay::default());
        let mut viewer = Client::joined_as(&relay, "listener");
        let camera = Client::joined_as(&relay, "producer");
        assert_eq!(viewer.next()["roles"], json!(["producer", "listener"]));
        drop(camera);
        assert_eq!(viewer.next()["roles"], json!([]));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    /// The ids of peers are not known before; those of no peer are among the good messages.
    #[test]
    fn whatever_peers_say_the_relay_goes_on_for_others() {
        crate::fuzz::conversations(
            &[
                r#"{"type":"setPeerStatus","roles":["producer","listener"],"meta":{"name":"Bow"}}"#,
                r#"{"type":"list"}"#,
                r#"{"type":"listConsumers"}"#,
                r#"{"type":"startSession","peerId":"CAMERA"}"#,
                r#"{"type":"startSession","peerId":"CAMERA","offer":"v=0"}"#,
                r#"{"type":"peer","sessionId":"1","sdp":{"type":"offer","sdp":"v=0"}}"#,
                r#"{"type":"endSession","sessionId":"1"}"#,
            ],
            2,
            |said| {
                let relay = Arc::new(Relay::default());
                let seats: Vec<_> = (0..2).map(|_| relay.clone().join().expect("there should be room")).collect();
                for (speaker, text) in said {
                    relay.receive(&seats[*speaker].peer_id, &text.replace("CAMERA", &seats[0].peer_id));
                }
                let mut other = relay.clone().join().expect("there should be room");
                other.outbox.try_recv().expect("a welcome should come");
                assert!(relay.receive(&other.peer_id, r#"{"type":"list"}"#));
                while other.outbox.try_recv().expect("a list should come").contains("peerStatusChanged") {}
            },
        );
    }
}
