//! One feed in a room: the steps to get there, and what becomes of it.
//!
//! ```text
//! create ─► attach ─► join ─► publish ─► answer ─► up
//!    ▲         ▲                                    │ hung up
//!    │         └────────────────────────────────────┤
//!    └─ none ─ claim ◄─── another connection ───────┘
//! ```

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use futures::{FutureExt, future::BoxFuture};
use serde_json::json;

use super::{
    faults::NO_SUCH_SESSION,
    messages::{Heard, Jsep, Pen, Place, Refusal, RoomEvent, parse},
    room::Room,
};
use crate::{
    config::{FeedId, Password},
    connector::{
        client::{ConnectorFault, ConnectorFaultKind as Kind, Dialect, Guests, Line, Said, Server, SetUp},
        hub::{Guest, GuestEvent, Hub},
        sdp::refuses_pictures,
    },
};

/// Sessions in which nothing is said end after a minute.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(25);
/// How long the server may take for what it is asked.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How soon the server tells what it receives where there is a way to it: it does many times a second.
const HEARD_WITHIN: Duration = Duration::from_millis(800);
/// A server that says that nothing comes in, and that we hear nothing of, has lost the way for media.
const DEAF_FOR: Duration = Duration::from_secs(3);
/// What was up for so long was good, and is begun anew at once; what was not has to wait its turn.
const GOOD_AFTER: Duration = Duration::from_secs(1);

/// What is said about a feed.
pub(super) struct Publisher {
    room: Room,
    hub: Arc<Hub>,
    feed: FeedId,
    name: String,
    pen: Pen,
    pin: Option<Password>,
    /// The server as a viewer, by the handle's number.
    guests: Guests,
    /// It outlives the connection, if the server lets us claim it.
    session: Option<u64>,
    handle: Option<u64>,
    stage: Stage,
    /// How many requests there were; the number of the last is its transaction.
    requests: u64,
    /// The request whose answer is due, and when it was made.
    awaited: Option<(String, Instant)>,
    kept_alive_at: Instant,
    /// Since when the server says that nothing comes in.
    deaf_since: Option<Instant>,
}

/// How far it has come.
#[derive(Debug)]
enum Stage {
    /// A session is being made.
    Create,
    /// That of another connection is being claimed.
    Claim,
    /// The plugin is being joined to the session.
    Attach,
    /// The feed is entering the room.
    Join,
    /// It is there; when there is a picture, an offer is made, at this time.
    Publish(Arc<OnceLock<Instant>>),
    /// The room has answered.
    Answered,
    /// Media flow. After a claim it is looked at then whether they still do.
    Up { good_from: Instant, look_at: Option<Instant> },
}

impl Publisher {
    pub(super) fn new(room: Room, hub: Arc<Hub>, feed: FeedId, name: String) -> Self {
        Self {
            room,
            hub,
            feed,
            name,
            pen: Pen::default(),
            pin: None,
            guests: Guests::default(),
            session: None,
            handle: None,
            stage: Stage::Create,
            requests: 0,
            awaited: None,
            kept_alive_at: Instant::now(),
            deaf_since: None,
        }
    }

    /// A name for a request whose answer nobody waits for.
    fn transaction(&mut self) -> String {
        self.requests += 1;
        self.requests.to_string()
    }

    /// A name for the request that takes us to this stage, of which the answer is due.
    fn step(&mut self, stage: Stage) -> String {
        let transaction = self.transaction();
        self.stage = stage;
        self.awaited = Some((transaction.clone(), Instant::now()));
        transaction
    }

    fn create(&mut self, line: &Line) {
        (self.session, self.handle) = (None, None);
        self.guests = Guests::default();
        let transaction = self.step(Stage::Create);
        line.say(self.pen.create(&transaction));
    }

    /// Begins anew in a session that there is.
    fn attach(&mut self, session: u64, line: &Line) {
        self.guests = Guests::default();
        self.deaf_since = None;
        if let Some(handle) = self.handle.take() {
            let transaction = self.transaction();
            line.say(self.pen.detach(&transaction, Place { session, handle }));
        }
        let transaction = self.step(Stage::Attach);
        line.say(self.pen.attach(&transaction, session));
    }

    fn join(&mut self, at: Place, line: &Line) {
        let mut body = json!({ "request": "join", "ptype": "publisher", "room": self.room.id, "display": self.name });
        for (key, secret) in [("pin", &self.pin), ("token", &self.pen.token)] {
            if let Some(secret) = secret {
                body[key] = secret.expose().into();
            }
        }
        let transaction = self.step(Stage::Join);
        line.say(self.pen.message(&transaction, at, &body, None));
    }

    /// The server watches; the offer comes when the feed has a picture, however long that takes.
    fn watch(&mut self, at: Place, line: &Line) -> Result<(), ConnectorFault> {
        let guest = Guest::watch(&self.hub, self.feed.as_str(), None, None)
            .map_err(|refused| ConnectorFault::new(Kind::Settings, refused.to_string(), ""))?;
        let offered = Arc::<OnceLock<Instant>>::default();
        self.stage = Stage::Publish(offered.clone());
        self.awaited = None;
        let body = json!({ "request": "publish", "videocodec": self.room.codec.key() });
        let pen = self.pen.clone();
        self.guests.admit(guest, &at.handle.to_string(), line, move |session, event| {
            let transaction = format!("publish-{session}");
            match event {
                GuestEvent::Offer(sdp) => {
                    let _ = offered.set(Instant::now());
                    Some(pen.message(&transaction, at, &body, Some(&sdp)))
                }
                GuestEvent::Candidate { candidate, line } => Some(pen.trickle(&transaction, at, &candidate, line)),
                // With the reply to this it is begun anew.
                GuestEvent::Ended => Some(pen.detach(&gone(at.handle), at)),
                // The room offers nothing.
                GuestEvent::Answer(_) => None,
            }
        });
        Ok(())
    }

    fn place(&self) -> Option<Place> {
        Some(Place { session: self.session?, handle: self.handle? })
    }

    fn is_ours(&self, sender: u64) -> bool {
        self.handle == Some(sender)
    }

    fn is_awaited(&self, transaction: &str) -> bool {
        self.awaited.as_ref().is_some_and(|(awaited, _)| awaited == transaction)
    }

    fn is_watched(&self) -> bool {
        self.handle.is_some_and(|handle| self.guests.has(&handle.to_string()))
    }

    fn tell(&mut self, said: Said) -> bool {
        self.handle.is_some_and(|handle| self.guests.hear(&handle.to_string(), said))
    }

    /// What was asked for is there.
    fn succeeded(&mut self, made: Option<u64>, line: &Line) {
        match (&self.stage, made, self.session) {
            (Stage::Create, Some(session), _) => {
                self.session = Some(session);
                self.take_leave_of(session, line);
                self.attach(session, line);
            }
            (Stage::Claim, _, Some(session)) => {
                self.take_leave_of(session, line);
                if self.is_watched() {
                    self.awaited = None;
                    let now = Instant::now();
                    self.stage = Stage::Up { good_from: now, look_at: Some(now + HEARD_WITHIN) };
                } else {
                    self.attach(session, line);
                }
            }
            (Stage::Attach, Some(handle), Some(session)) => {
                self.handle = Some(handle);
                self.join(Place { session, handle }, line);
            }
            _ => {}
        }
    }

    /// When the feed is taken away, it leaves the room at once, and not when the server misses us.
    fn take_leave_of(&mut self, session: u64, line: &Line) {
        let transaction = self.transaction();
        line.set_last_words(self.pen.destroy(&transaction, session));
    }

    fn failed(&mut self, transaction: Option<&str>, refusal: &Refusal, line: &Line) -> Result<(), ConnectorFault> {
        let is_awaited = transaction.is_none_or(|transaction| self.is_awaited(transaction));
        let is_offer = transaction.is_some_and(|transaction| transaction.starts_with("publish-"));
        match self.stage {
            // The server has forgotten it, or was started anew.
            Stage::Claim if is_awaited && refusal.code == NO_SUCH_SESSION => {
                self.create(line);
                Ok(())
            }
            _ if refusal.code == NO_SUCH_SESSION => {
                self.session = None;
                Err(self.room.hung_up(""))
            }
            Stage::Publish(_) if is_offer => Err(self.room.refused(refusal)),
            Stage::Create | Stage::Claim | Stage::Attach | Stage::Join if is_awaited => Err(self.room.refused(refusal)),
            // A candidate that it cannot use, and the like.
            _ => Ok(()),
        }
    }

    /// The plugin says something about our handle.
    fn happened(&mut self, event: &RoomEvent, jsep: Option<Jsep>, line: &Line) -> Result<(), ConnectorFault> {
        if let Some(code) = event.error_code {
            let reason = event.error.clone().unwrap_or_default();
            return Err(self.room.refused(&Refusal { code, reason }));
        }
        if event.videoroom == "destroyed" {
            return Err(self.room.is_gone());
        }
        if event.leaving.as_ref().is_some_and(|leaving| leaving == "ok") {
            return Err(if event.reason.is_some() { self.room.put_out() } else { self.room.hung_up("") });
        }
        match (&self.stage, self.place()) {
            (Stage::Join, Some(at)) if event.videoroom == "joined" => self.watch(at, line),
            (Stage::Publish(offered), _) if offered.get().is_some() => match jsep {
                Some(jsep) if jsep.kind == "answer" => self.answered(jsep.sdp),
                _ => Ok(()),
            },
            // An answer to nothing, or a second one.
            _ => Ok(()),
        }
    }

    fn answered(&mut self, sdp: String) -> Result<(), ConnectorFault> {
        if refuses_pictures(&sdp) {
            return Err(self.room.takes_another_codec());
        }
        self.stage = Stage::Answered;
        if self.tell(Said::Answer(sdp)) { Ok(()) } else { Err(self.room.hung_up("")) }
    }

    /// Nothing is received any more there: what was good is begun anew.
    fn ended(&mut self, reason: &str, line: &Line) -> Result<(), ConnectorFault> {
        match (&self.stage, self.session) {
            (Stage::Up { good_from, .. }, Some(session)) if Instant::now() >= *good_from => {
                tracing::info!(feed = %self.feed, "{} It is published anew.", self.room.hung_up(reason));
                self.attach(session, line);
                Ok(())
            }
            _ => Err(self.room.hung_up(reason)),
        }
    }

    /// Ends the session of a server that there is no way to any more, as far as media go.
    fn look_for_silence(&mut self) {
        if let Stage::Up { look_at, .. } = &mut self.stage
            && look_at.take_if(|at| Instant::now() >= *at).is_some()
        {
            self.guests.end_silent(HEARD_WITHIN);
        }
        if self.deaf_since.is_some_and(|since| since.elapsed() >= DEAF_FOR) {
            self.guests.end_silent(DEAF_FOR);
        }
    }

    /// Something that was due has not come.
    fn is_late(&self) -> bool {
        let late = |since: &Instant| since.elapsed() > ANSWER_WITHIN;
        match &self.stage {
            Stage::Publish(offered) => offered.get().is_some_and(late),
            _ => self.awaited.as_ref().is_some_and(|(_, since)| late(since)),
        }
    }
}

/// The name of the request that takes a handle away of which the feed wants nothing any more.
fn gone(handle: u64) -> String {
    format!("gone-{handle}")
}

impl Dialect for Publisher {
    fn prepare<'a>(&'a mut self, _: &'a mut Server, _: &'a mut SetUp) -> BoxFuture<'a, Result<(), ConnectorFault>> {
        async {
            let (api_secret, token) =
                (self.room.settings.secret("api_secret").await?, self.room.settings.secret("token").await?);
            self.pen = Pen { api_secret, token };
            self.pin = self.room.settings.secret("pin").await?;
            Ok(())
        }
        .boxed()
    }

    fn opened(&mut self, line: &Line) {
        self.kept_alive_at = Instant::now();
        if !matches!(self.stage, Stage::Claim | Stage::Answered | Stage::Up { .. }) {
            // Part of what was said about it is lost.
            self.guests = Guests::default();
        }
        match self.session {
            Some(session) => {
                let transaction = self.step(Stage::Claim);
                line.say(self.pen.claim(&transaction, session));
            }
            None => self.create(line),
        }
    }

    fn hear(&mut self, text: &str, line: &Line) -> Result<(), ConnectorFault> {
        let Some(heard) = parse(text) else {
            tracing::debug!(feed = %self.feed, "the Janus server says something that is no message");
            return Ok(());
        };
        match heard {
            Heard::Success { transaction, data } if self.is_awaited(&transaction) => {
                self.succeeded(data.map(|made| made.id), line);
                Ok(())
            }
            Heard::Success { transaction, .. } if self.handle.is_some_and(|handle| transaction == gone(handle)) => {
                self.handle = None;
                self.ended("", line)
            }
            Heard::Error { transaction, error } => self.failed(transaction.as_deref(), &error, line),
            Heard::Event { sender, plugindata, jsep, .. } if self.is_ours(sender) => {
                self.happened(&plugindata.data, jsep, line)
            }
            Heard::Trickle { sender, candidate } if self.is_ours(sender) => {
                if let Some(text) = candidate.text.filter(|text| !text.is_empty()) {
                    self.tell(Said::Candidate { candidate: text, line: candidate.line.unwrap_or_default() });
                }
                Ok(())
            }
            Heard::WebRtcUp { sender } if self.is_ours(sender) && matches!(self.stage, Stage::Answered) => {
                self.stage = Stage::Up { good_from: Instant::now() + GOOD_AFTER, look_at: None };
                Ok(())
            }
            Heard::HangUp { sender, reason } if self.is_ours(sender) => self.ended(&reason, line),
            Heard::Detached { sender } if self.is_ours(sender) => {
                self.handle = None;
                self.ended("", line)
            }
            Heard::Timeout { session_id } if self.session == Some(session_id) => {
                self.session = None;
                Err(self.room.hung_up(""))
            }
            // A quiet sound is no reason to look for another way.
            Heard::Media { sender, kind, receiving }
                if self.is_ours(sender) && kind.as_deref().is_none_or(|kind| kind == "video") =>
            {
                self.deaf_since = (!receiving).then(Instant::now);
                Ok(())
            }
            Heard::SlowLink { sender, uplink: true, lost } if self.is_ours(sender) => {
                tracing::info!(feed = %self.feed, lost, "The Janus server misses packets of the feed.");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Answered | Stage::Up { .. })
    }

    fn tick(&mut self, line: &Line) -> Result<(), ConnectorFault> {
        if self.is_late() {
            return Err(self.room.silent());
        }
        if let Some(session) = self.session
            && self.kept_alive_at.elapsed() >= KEEP_ALIVE_EVERY
        {
            self.kept_alive_at = Instant::now();
            let transaction = self.transaction();
            line.say(self.pen.keep_alive(&transaction, session));
        }
        self.look_for_silence();
        let is_published = matches!(self.stage, Stage::Publish(_) | Stage::Answered | Stage::Up { .. });
        if is_published && !self.is_watched() { self.ended("", line) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
