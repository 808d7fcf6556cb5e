//! One feed in a room: the steps to get there, and what becomes of it.
//!
//! ```text
//! join ─► add tracks ─► offer ─► answer
//!  ▲                               │ only the websocket was lost
//!  └──────── not known ◄─ resume ──┘
//! ```

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures::{FutureExt, future::BoxFuture};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    messages::{
        AUDIO, AddTrack, CAMERA, CLIENT_INITIATED, CandidateInit, Description, Join, Leave, MICROPHONE, PUBLISHER,
        Ping, RECONNECT, RESUME, Request, Response, SyncState, TrackPublished, parse, tracks_in, trickle, write,
    },
    room::Room,
    token::Grant,
};
use crate::{
    config::{FeedId, Password},
    connector::{
        client::{ConnectorFault, ConnectorFaultKind as Kind, Dialect, Guests, Line, Papers, Said, Server, SetUp},
        hub::{Guest, GuestEvent, Hub},
        sdp::refuses_pictures,
    },
    i18n::gettext,
    webrtc::IceAddresses,
};

/// The version of the protocol that is spoken: with reasons and actions when a session ends.
const PROTOCOL: u32 = 15;
/// How long the server may take for what it is asked.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// A room that says nothing of the sound for so long after it has taken the picture takes none: an operator's token
/// may be for cameras only.
const SOUND_WITHIN: Duration = Duration::from_secs(2);
/// How soon the server tells what it receives where there is a way to it: it does many times a second.
const HEARD_WITHIN: Duration = Duration::from_millis(800);
/// A session in which nothing was said for so long is no more at the server, and its way for media neither.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15);
/// How often the server is pinged where it does not say.
const PING_EVERY: Duration = Duration::from_secs(5);
/// No server names more STUN and TURN servers.
const MOST_SERVERS: usize = 16;

/// What is said about a feed.
pub(super) struct Publisher {
    room: Room,
    hub: Arc<Hub>,
    feed: FeedId,
    name: String,
    /// The server as a viewer, by the feed's id.
    guests: Guests,
    /// Our session, by the server's name for it: it outlives the connection.
    session: Option<String>,
    /// What the room knows of the feed: its picture, and its sound where it has some.
    tracks: Vec<TrackPublished>,
    stage: Stage,
    /// When the stage was reached.
    since: Instant,
    heard_at: Instant,
    pinged_at: Instant,
    ping_every: Duration,
    /// By which to come back to the session: the operator's own may have expired.
    refreshed: Option<Password>,
    /// When to look whether a session that was resumed has a way for media.
    look_at: Option<Instant>,
}

/// How far it has come.
enum Stage {
    /// The feed is entering the room.
    Join,
    /// It was there before, and comes back.
    Resume,
    /// It is there; when there is a picture, it is asked whether its tracks may be offered.
    AddTrack(Arc<Mutex<Option<Waiting>>>),
    /// It is offered.
    Offer,
    /// The server has answered.
    Answered,
}

/// An offer that waits until its tracks are known there.
struct Waiting {
    sdp: String,
    /// Those that are not.
    unknown: Vec<AddTrack>,
    since: Instant,
}

impl Waiting {
    fn has_picture(&self) -> bool {
        self.unknown.iter().all(|track| track.kind == AUDIO)
    }
}

impl Publisher {
    pub(super) fn new(room: Room, hub: Arc<Hub>, feed: FeedId, name: String) -> Self {
        let now = Instant::now();
        Self {
            room,
            hub,
            feed,
            name,
            guests: Guests::default(),
            session: None,
            tracks: Vec::new(),
            stage: Stage::Join,
            since: now,
            heard_at: now,
            pinged_at: now,
            ping_every: PING_EVERY,
            refreshed: None,
            look_at: None,
        }
    }

    fn reach(&mut self, stage: Stage) {
        self.stage = stage;
        self.since = Instant::now();
    }

    /// The next connection begins from the beginning.
    fn forget(&mut self) {
        (self.session, self.look_at) = (None, None);
        self.tracks.clear();
        (self.guests, self.refreshed) = (Guests::default(), None);
        self.reach(Stage::Join);
    }

    async fn papers(&self) -> Result<Papers, ConnectorFault> {
        let (key, secret) = (self.room.settings.text("api_key"), self.room.settings.secret("api_secret").await?);
        if let (Some(key), Some(secret)) = (key, secret) {
            let room =
                self.room.settings.text("room").ok_or_else(|| ConnectorFault::settings(gettext("Name the room.")))?;
            let grant = Grant { key, room, identity: self.feed.as_str(), name: &self.name };
            return Ok(Papers::Signed(grant.signed(&secret)));
        }
        let token = match &self.refreshed {
            Some(refreshed) => Some(refreshed.clone()),
            None => self.room.settings.secret("token").await?,
        };
        match token {
            Some(token) => Ok(Papers::Token(Some(token))),
            None => Err(ConnectorFault::settings(gettext("Name an API key and its secret, or a token."))),
        }
    }

    fn address(&self, server: &mut Server) {
        let path = format!("{}/rtc", server.url.path().trim_end_matches('/'));
        server.url.set_path(&path);
        let mut query = server.url.query_pairs_mut();
        query.append_pair("protocol", &PROTOCOL.to_string());
        query.append_pair("auto_subscribe", "0");
        if let Some(session) = &self.session {
            query.append_pair("reconnect", "1").append_pair("sid", session);
        }
    }

    fn joined(&mut self, join: Join, line: &Line) -> Result<(), ConnectorFault> {
        if join.subscriber_primary {
            return Err(self.room.would_be_sent_to());
        }
        let participant = join.participant.unwrap_or_default();
        if participant.permission.as_ref().is_some_and(|may| !may.can_publish) {
            return Err(self.room.may_not_publish());
        }
        self.session = Some(participant.sid).filter(|sid| !sid.is_empty());
        let seconds = u64::try_from(join.ping_interval).unwrap_or_default();
        self.ping_every = if seconds > 0 { Duration::from_secs(seconds) } else { PING_EVERY };
        line.set_last_words(write(Request::Leave(Leave { reason: CLIENT_INITIATED, ..Leave::default() })));
        // The operator's own come before the service's.
        let has_own = !self.room.settings.transport.ice.servers.is_empty();
        let servers = if has_own { IceAddresses::default() } else { addresses(&join.ice_servers) };
        self.watch(servers, line)
    }

    /// The server watches; the offer comes when the feed has a picture, however long that takes.
    fn watch(&mut self, servers: IceAddresses, line: &Line) -> Result<(), ConnectorFault> {
        let guest = Guest::watch_through(&self.hub, self.feed.as_str(), servers)
            .map_err(|refused| ConnectorFault::settings(refused.to_string()))?;
        let waiting = Arc::<Mutex<Option<Waiting>>>::default();
        self.reach(Stage::AddTrack(waiting.clone()));
        self.tracks.clear();
        let (name, say) = (self.name.clone(), line.clone());
        self.guests.admit(guest, self.feed.as_str(), line, move |feed, event| match event {
            GuestEvent::Offer(sdp) => {
                let mut tracks: Vec<AddTrack> =
                    tracks_in(&sdp).map(|(kind, cid)| add_track(kind, cid.unwrap_or(feed), &name)).collect();
                // What is refused once the picture was taken is the sound.
                tracks.sort_by_key(|track| track.kind == AUDIO);
                let unknown = tracks.clone();
                *waiting.lock().expect("no holder of this lock should panic") =
                    Some(Waiting { sdp, unknown, since: Instant::now() });
                for track in tracks {
                    say.say(write(Request::AddTrack(track)));
                }
                None
            }
            GuestEvent::Candidate { candidate, line } => Some(write(trickle(candidate, line))),
            // Nobody offers us anything here; and what has ended is looked at with the next tick.
            GuestEvent::Answer(_) | GuestEvent::Ended => None,
        });
        Ok(())
    }

    fn published(&mut self, track: TrackPublished, line: &Line) {
        let Stage::AddTrack(waiting) = &self.stage else { return };
        if let Some(Waiting { unknown, .. }) = waiting.lock().expect("no holder of this lock should panic").as_mut() {
            unknown.retain(|known| known.cid != track.cid);
            self.tracks.push(track);
        }
        self.offer_if(line, |waiting| waiting.unknown.is_empty());
    }

    /// Makes the offer that waits if this is so; answers whether it was.
    fn offer_if(&mut self, line: &Line, may: impl Fn(&Waiting) -> bool) -> bool {
        let Stage::AddTrack(waiting) = &self.stage else { return false };
        let ready = waiting.lock().expect("no holder of this lock should panic").take_if(|waiting| may(waiting));
        let Some(Waiting { sdp, unknown, .. }) = ready else { return false };
        if !unknown.is_empty() {
            tracing::info!(feed = %self.feed, "The LiveKit room takes the picture, and no sound.");
        }
        self.reach(Stage::Offer);
        line.say(write(Request::Offer(Description { kind: "offer".to_owned(), sdp })));
        true
    }

    fn answered(&mut self, sdp: String) -> Result<(), ConnectorFault> {
        // An answer to nothing, or a second one.
        if !matches!(self.stage, Stage::Offer) {
            return Ok(());
        }
        if refuses_pictures(&sdp) {
            return Err(self.room.takes_another_codec());
        }
        self.reach(Stage::Answered);
        if self.guests.hear(self.feed.as_str(), Said::Answer(sdp)) { Ok(()) } else { Err(self.ended()) }
    }

    fn resumed(&mut self, line: &Line) -> Result<(), ConnectorFault> {
        if !matches!(self.stage, Stage::Resume) {
            return Ok(());
        }
        if !self.guests.has(self.feed.as_str()) {
            return Err(self.ended());
        }
        let tracks = self.tracks.clone();
        line.say(write(Request::SyncState(SyncState { tracks })));
        line.set_last_words(write(Request::Leave(Leave { reason: CLIENT_INITIATED, ..Leave::default() })));
        self.reach(Stage::Answered);
        self.look_at = Some(Instant::now() + HEARD_WITHIN);
        Ok(())
    }

    fn left(&mut self, leave: &Leave) -> ConnectorFault {
        let may_resume = leave.action == RESUME;
        // It comes back at once, whatever the reason was.
        let comes_back = may_resume || leave.action == RECONNECT || leave.can_reconnect;
        if !may_resume {
            self.forget();
        }
        let fault = self.room.left(leave.reason);
        if comes_back { ConnectorFault { kind: Kind::Lost, ..fault } } else { fault }
    }

    /// Nothing is received any more there: another connection begins from the beginning.
    fn ended(&mut self) -> ConnectorFault {
        self.forget();
        self.room.lost()
    }

    fn is_late(&self) -> bool {
        let late = |since: Instant| since.elapsed() > ANSWER_WITHIN;
        match &self.stage {
            Stage::Join | Stage::Resume | Stage::Offer => late(self.since),
            Stage::AddTrack(waiting) => {
                let waiting = waiting.lock().expect("no holder of this lock should panic");
                waiting.as_ref().is_some_and(|waiting| late(waiting.since))
            }
            Stage::Answered => false,
        }
    }

    fn ping(&mut self, line: &Line) {
        self.pinged_at = Instant::now();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let timestamp = i64::try_from(now.as_millis()).unwrap_or_default();
        line.say(write(Request::PingTime(timestamp)));
        line.say(write(Request::Ping(Ping { timestamp })));
    }
}

impl Dialect for Publisher {
    fn prepare<'a>(
        &'a mut self,
        server: &'a mut Server,
        _: &'a mut SetUp,
    ) -> BoxFuture<'a, Result<(), ConnectorFault>> {
        async {
            let is_known = matches!(self.stage, Stage::Answered | Stage::Resume);
            if !is_known || self.heard_at.elapsed() > FORGOTTEN_AFTER || !self.guests.has(self.feed.as_str()) {
                self.forget();
            }
            server.papers = self.papers().await?;
            self.address(server);
            Ok(())
        }
        .boxed()
    }

    /// The token by which to come back may have expired; the operator's own is there still.
    fn refused(&mut self, fault: ConnectorFault) -> ConnectorFault {
        let was_refreshed = self.refreshed.is_some();
        self.forget();
        if was_refreshed { ConnectorFault { kind: Kind::Lost, ..fault } } else { fault }
    }

    /// Media do not find another way in a session that there is.
    fn moved(&mut self) {
        self.forget();
    }

    fn opened(&mut self, _: &Line) {
        self.pinged_at = Instant::now();
        self.reach(if self.session.is_some() { Stage::Resume } else { Stage::Join });
    }

    fn hear(&mut self, _: &str, _: &Line) -> Result<(), ConnectorFault> {
        // All that the server says is bytes.
        Ok(())
    }

    fn hear_bytes(&mut self, bytes: &[u8], line: &Line) -> Result<(), ConnectorFault> {
        self.heard_at = Instant::now();
        match parse(bytes) {
            Some(Response::Join(join)) if matches!(self.stage, Stage::Join | Stage::Resume) => {
                self.guests = Guests::default();
                self.joined(join, line)
            }
            Some(Response::Reconnect(_)) => self.resumed(line),
            Some(Response::TrackPublished(track)) => {
                self.published(track, line);
                Ok(())
            }
            Some(Response::Answer(answer)) => self.answered(answer.sdp),
            Some(Response::Trickle(said)) if said.target == PUBLISHER => {
                let init = serde_json::from_str::<CandidateInit>(&said.candidate).ok();
                if let Some(CandidateInit { candidate, line }) = init.filter(|init| !init.candidate.is_empty()) {
                    let line = line.unwrap_or_default();
                    self.guests.hear(self.feed.as_str(), Said::Candidate { candidate, line });
                }
                Ok(())
            }
            Some(Response::Leave(leave)) => Err(self.left(&leave)),
            Some(Response::RefreshToken(token)) => {
                self.refreshed = Some(Password::new(token));
                Ok(())
            }
            Some(Response::Request(response)) if response.reason != 0 && matches!(self.stage, Stage::AddTrack(_)) => {
                if self.offer_if(line, Waiting::has_picture) {
                    Ok(())
                } else {
                    Err(self.room.refused(&response))
                }
            }
            Some(Response::TrackUnpublished(gone)) => {
                let mut own = self.tracks.iter().filter_map(|track| track.track.as_ref());
                if own.any(|own| own.sid == gone.sid) { Err(self.ended()) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Answered)
    }

    fn tick(&mut self, line: &Line) -> Result<(), ConnectorFault> {
        if self.is_late() {
            let fault = self.room.silent();
            self.forget();
            return Err(fault);
        }
        self.offer_if(line, |waiting| waiting.has_picture() && waiting.since.elapsed() > SOUND_WITHIN);
        if self.pinged_at.elapsed() >= self.ping_every && !matches!(self.stage, Stage::Join | Stage::Resume) {
            self.ping(line);
        }
        if self.look_at.take_if(|at| Instant::now() >= *at).is_some() {
            self.guests.end_silent(HEARD_WITHIN);
        }
        let is_published = matches!(self.stage, Stage::AddTrack(_) | Stage::Offer | Stage::Answered);
        if is_published && !self.guests.has(self.feed.as_str()) { Err(self.ended()) } else { Ok(()) }
    }
}

/// What the room is told of a track before it is offered: one of which it was not told is not passed on.
fn add_track(kind: i32, cid: &str, name: &str) -> AddTrack {
    let source = if kind == AUDIO { MICROPHONE } else { CAMERA };
    AddTrack { cid: cid.to_owned(), name: name.to_owned(), kind, source }
}

/// The STUN and TURN servers of a service, as far as they can be used.
fn addresses(servers: &[super::messages::Server]) -> IceAddresses {
    let mut addresses = IceAddresses::default();
    for server in servers.iter().take(MOST_SERVERS) {
        for url in server.urls.iter().take(MOST_SERVERS) {
            let with_user = url.split_once(':').filter(|(kind, _)| kind.starts_with("turn")).map(|(kind, place)| {
                format!("{kind}:{}@{place}", utf8_percent_encode(&server.username, NON_ALPHANUMERIC))
            });
            if let Ok(address) = with_user.as_deref().unwrap_or(url).parse() {
                addresses.add(&address, &Password::new(server.credential.as_str()));
            }
        }
    }
    addresses
}

#[cfg(test)]
mod tests;
