//! A `LiveKit` server with one room, strict about what it is told; what it is sent, Chromium decodes.
//!
//! Written from the protocol's `livekit_rtc.proto` and its documentation of tokens.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::hmac;
use axum::{
    Router,
    extract::{Query, State, WebSocketUpgrade, ws},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use prost::{Message, Oneof};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    runtime::Handle,
    sync::{
        mpsc::{UnboundedSender, unbounded_channel},
        watch,
    },
    task::JoinHandle,
};

use super::{answerer::Answerer, free_port, turn::Turn};

/// What lets somebody in.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    pub key: &'static str,
    pub secret: &'static str,
    pub room: &'static str,
}

/// The server, at all addresses. It ends with this value.
pub struct LiveKit {
    pub port: u16,
    runtime: Handle,
    shared: Arc<Shared>,
    server: Option<JoinHandle<()>>,
}

struct Shared {
    keys: Keys,
    /// What publishers are told to go through.
    turn: Option<IceServer>,
    page: Answerer,
    room: Mutex<Room>,
    /// Connections end when this changes.
    ended: watch::Sender<u64>,
}

#[derive(Default)]
struct Room {
    sessions: Vec<String>,
    identities: Vec<String>,
    joined: usize,
    publishings: usize,
    left: usize,
    candidates: Vec<String>,
    wrong: Vec<String>,
}

#[derive(Deserialize)]
struct Join {
    protocol: u32,
    auto_subscribe: u8,
    reconnect: Option<u8>,
    sid: Option<String>,
}

impl LiveKit {
    pub fn start(runtime: &Handle, keys: Keys) -> Self {
        Self::start_naming(runtime, keys, None)
    }

    /// Names a TURN server, or none.
    pub fn start_naming(runtime: &Handle, keys: Keys, turn: Option<&Turn>) -> Self {
        let (page, ended) = (Answerer::start(), watch::Sender::new(0));
        let turn = turn.map(|turn| IceServer {
            urls: vec![format!("turn:{}?transport=udp", turn.place)],
            username: Turn::USER.to_owned(),
            credential: Turn::PASSWORD.to_owned(),
        });
        let shared = Arc::new(Shared { keys, turn, page, room: Mutex::default(), ended });
        let mut server = Self { port: free_port(), runtime: runtime.clone(), shared, server: None };
        server.revive();
        server
    }

    /// Is there again, and knows nothing of what was.
    pub fn revive(&mut self) {
        let listener = self.runtime.block_on(TcpListener::bind((Ipv4Addr::UNSPECIFIED, self.port))).unwrap();
        let routes = Router::new().route("/rtc", get(upgrade)).with_state(self.shared.clone());
        self.server = Some(self.runtime.spawn(async move { axum::serve(listener, routes).await.unwrap() }));
    }

    /// Ends as a program does that is killed.
    pub fn die(&mut self) {
        self.server.take().unwrap().abort();
        self.drop_connections();
        self.shared.room().sessions.clear();
        self.shared.page.hang_up();
    }

    /// Whoever is connected is so no more; their sessions are kept.
    pub fn drop_connections(&self) {
        self.shared.ended.send_modify(|times| *times += 1);
    }

    /// Pictures that were decoded of the newest publishing.
    pub fn decoded(&self) -> u64 {
        self.shared.page.decoded()
    }

    /// Samples of sound that were decoded of the newest publishing.
    pub fn heard(&self) -> u64 {
        self.shared.page.heard()
    }

    /// How many publishings were answered so far.
    pub fn publishings(&self) -> usize {
        self.shared.room().publishings
    }

    /// Who came into the room.
    pub fn identities(&self) -> Vec<String> {
        self.shared.room().identities.clone()
    }

    /// How many said goodbye.
    pub fn left(&self) -> usize {
        self.shared.room().left
    }

    /// By which ways publishers said that they can be reached.
    pub fn candidates(&self) -> Vec<String> {
        self.shared.room().candidates.clone()
    }

    /// What it was told that a server would not have understood.
    pub fn wrong(&self) -> Vec<String> {
        self.shared.room().wrong.clone()
    }
}

impl Drop for LiveKit {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.die();
        }
    }
}

async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Query(join): Query<Join>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let Some(identity) = bearer.and_then(|token| shared.let_in(token)) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    if join.protocol < 13 || join.auto_subscribe != 0 {
        shared.room().wrong.push(format!("protocol {}", join.protocol));
    }
    upgrade.on_upgrade(async move |socket| shared.serve(socket, identity, join).await)
}

impl Shared {
    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap()
    }

    /// RFC 7515 and RFC 7519; the identity of whoever may publish, and nothing else.
    fn let_in(&self, token: &str) -> Option<String> {
        let (signed, signature) = token.rsplit_once('.')?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.keys.secret.as_bytes());
        hmac::verify(&key, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
        let claims: Value = serde_json::from_slice(&claims).ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let is_now = claims["nbf"].as_u64()? <= now && now < claims["exp"].as_u64()?;
        let video = &claims["video"];
        let may = video["roomJoin"] == true && video["canPublish"] == true && video["canSubscribe"] == false;
        let is_ours = claims["iss"] == self.keys.key && video["room"] == self.keys.room;
        (is_now && may && is_ours).then(|| claims["sub"].as_str().map(str::to_owned))?
    }

    async fn serve(self: Arc<Self>, mut socket: ws::WebSocket, identity: String, join: Join) {
        let (say, mut said) = unbounded_channel::<Vec<u8>>();
        let mut ended = self.ended.subscribe();
        self.welcome(&identity, &join, &say);
        let mut tracks = Vec::new();
        loop {
            tokio::select! {
                _ = ended.changed() => return,
                Some(bytes) = said.recv() => {
                    if socket.send(ws::Message::Binary(bytes.into())).await.is_err() {
                        return;
                    }
                }
                message = socket.recv() => match message {
                    Some(Ok(ws::Message::Binary(bytes))) => {
                        if let Err(what) = self.hear(&bytes, &mut tracks, &say) {
                            self.room().wrong.push(what);
                        }
                    }
                    Some(Ok(ws::Message::Text(text))) => self.room().wrong.push(text.to_string()),
                    Some(Ok(ws::Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => {}
                },
            }
        }
    }

    fn welcome(&self, identity: &str, join: &Join, say: &UnboundedSender<Vec<u8>>) {
        let mut room = self.room();
        let mut response = Signal::default();
        match &join.sid {
            Some(sid) if join.reconnect == Some(1) && room.sessions.contains(sid) => {
                response.reconnect = Some(Empty {});
            }
            Some(_) => response.leave = Some(Leave { reason: 6, action: 2 }),
            None => {
                room.joined += 1;
                let sid = format!("PA_{}", room.joined);
                room.sessions.push(sid.clone());
                room.identities.push(identity.to_owned());
                let participant = Some(Participant { sid, identity: identity.to_owned() });
                let ice_servers = self.turn.clone().into_iter().collect();
                response.join = Some(Joined { participant, ice_servers, ping_interval: 5 });
            }
        }
        let _ = say.send(response.encode_to_vec());
    }

    fn hear(
        self: &Arc<Self>,
        bytes: &[u8],
        tracks: &mut Vec<AddTrack>,
        say: &UnboundedSender<Vec<u8>>,
    ) -> Result<(), String> {
        let request = SignalRequest::decode(bytes).map_err(|error| error.to_string())?.request;
        match request.ok_or("a message that is not known here")? {
            // A camera's picture, or a microphone's sound.
            Request::AddTrack(new) if matches!((new.kind, new.source), (1, 1) | (0, 2)) && !new.cid.is_empty() => {
                let sid = format!("TR_{}", tracks.len());
                let published = Some(Published { cid: new.cid.clone(), track: Some(Track { sid }) });
                tracks.push(new);
                let _ = say.send(Signal { published, ..Signal::default() }.encode_to_vec());
                Ok(())
            }
            Request::Offer(offer) => {
                let is_one = offer.kind == "offer" && offer.sdp.contains("m=video") && offer.sdp.contains("a=sendonly");
                // What was not told of before is not taken.
                let is_known = |section: &str| {
                    let kind = i32::from(!section.starts_with("audio "));
                    tracks.iter().any(|track| track.kind == kind && section.contains(&format!(" {}", track.cid)))
                };
                if !is_one || !offer.sdp.split("\nm=").skip(1).all(is_known) {
                    return Err(offer.sdp);
                }
                let (shared, say) = (self.clone(), say.clone());
                tokio::task::spawn_blocking(move || {
                    let sdp = shared.page.answer(&offer.sdp);
                    shared.room().publishings += 1;
                    let answer = Some(Description { kind: "answer".to_owned(), sdp });
                    let _ = say.send(Signal { answer, ..Signal::default() }.encode_to_vec());
                });
                Ok(())
            }
            Request::Trickle(trickle) if trickle.target == 0 => {
                let init: Value = serde_json::from_str(&trickle.init).map_err(|_| trickle.init.clone())?;
                let text = init["candidate"].as_str().ok_or("a candidate without text")?.to_owned();
                let line = init["sdpMLineIndex"].as_u64().ok_or("a candidate without a line")?;
                // Those that come before the answer are in the page's hands when they have come by themselves.
                let shared = self.clone();
                self.room().candidates.extend((!text.is_empty()).then(|| text.clone()));
                if self.room().publishings > 0 && !text.is_empty() {
                    tokio::task::spawn_blocking(move || shared.page.candidate(line as u32, &text));
                }
                Ok(())
            }
            Request::Leave(leave) if leave.reason == 1 => {
                self.room().left += 1;
                Ok(())
            }
            Request::SyncState(_) | Request::PingTime(_) | Request::Ping(_) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }
}

#[derive(Clone, PartialEq, Message)]
struct SignalRequest {
    #[prost(oneof = "Request", tags = "1, 3, 4, 8, 12, 14, 16")]
    request: Option<Request>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Request {
    #[prost(message, tag = "1")]
    Offer(Description),
    #[prost(message, tag = "3")]
    Trickle(Trickle),
    #[prost(message, tag = "4")]
    AddTrack(AddTrack),
    #[prost(message, tag = "8")]
    Leave(Leave),
    #[prost(message, tag = "12")]
    SyncState(Empty),
    #[prost(int64, tag = "14")]
    PingTime(i64),
    #[prost(message, tag = "16")]
    Ping(Empty),
}

/// `SignalResponse`: one of these at a time.
#[derive(Clone, PartialEq, Message)]
struct Signal {
    #[prost(message, optional, tag = "1")]
    join: Option<Joined>,
    #[prost(message, optional, tag = "2")]
    answer: Option<Description>,
    #[prost(message, optional, tag = "6")]
    published: Option<Published>,
    #[prost(message, optional, tag = "8")]
    leave: Option<Leave>,
    #[prost(message, optional, tag = "19")]
    reconnect: Option<Empty>,
}

#[derive(Clone, PartialEq, Message)]
struct Empty {}

#[derive(Clone, PartialEq, Message)]
struct Description {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "2")]
    sdp: String,
}

#[derive(Clone, PartialEq, Message)]
struct Trickle {
    #[prost(string, tag = "1")]
    init: String,
    #[prost(int32, tag = "2")]
    target: i32,
}

#[derive(Clone, PartialEq, Message)]
struct AddTrack {
    #[prost(string, tag = "1")]
    cid: String,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(int32, tag = "8")]
    source: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Leave {
    #[prost(int32, tag = "2")]
    reason: i32,
    #[prost(int32, tag = "3")]
    action: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Joined {
    #[prost(message, optional, tag = "2")]
    participant: Option<Participant>,
    #[prost(message, repeated, tag = "5")]
    ice_servers: Vec<IceServer>,
    #[prost(int32, tag = "11")]
    ping_interval: i32,
}

#[derive(Clone, PartialEq, Message)]
struct IceServer {
    #[prost(string, repeated, tag = "1")]
    urls: Vec<String>,
    #[prost(string, tag = "2")]
    username: String,
    #[prost(string, tag = "3")]
    credential: String,
}

#[derive(Clone, PartialEq, Message)]
struct Participant {
    #[prost(string, tag = "1")]
    sid: String,
    #[prost(string, tag = "2")]
    identity: String,
}

#[derive(Clone, PartialEq, Message)]
struct Published {
    #[prost(string, tag = "1")]
    cid: String,
    #[prost(message, optional, tag = "2")]
    track: Option<Track>,
}

#[derive(Clone, PartialEq, Message)]
struct Track {
    #[prost(string, tag = "1")]
    sid: String,
}
