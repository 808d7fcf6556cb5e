//! A Janus server with one video room, strict about what it is told; what it is sent, Chromium decodes.
//!
//! Written from the documentation of its API and of its `VideoRoom` plugin.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    extract::{State, WebSocketUpgrade, ws},
    response::Response,
    routing::get,
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    runtime::Handle,
    sync::{
        mpsc::{UnboundedSender, unbounded_channel},
        watch,
    },
    task::JoinHandle,
};

use super::{answerer::Answerer, free_port};

/// What the server asks for.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub room: u64,
    pub pin: &'static str,
    pub api_secret: &'static str,
    /// Whether a session is kept for somebody who comes back, as `reclaim_session_timeout` has it.
    pub reclaims: bool,
}

const WRONG: &str = "Not understood";

/// The server, at all addresses. It ends with this value.
pub struct Janus {
    pub port: u16,
    runtime: Handle,
    shared: Arc<Shared>,
    server: Option<JoinHandle<()>>,
}

struct Shared {
    rules: Rules,
    page: Answerer,
    state: Mutex<Room>,
    /// Connections end when this changes.
    ended: watch::Sender<u64>,
}

#[derive(Default)]
struct Room {
    /// The last id that was given away.
    last: u64,
    sessions: HashMap<u64, Session>,
    publishings: usize,
    displays: Vec<String>,
    destroyed: usize,
    /// What a Janus server would not have understood.
    wrong: Vec<String>,
}

struct Session {
    say: UnboundedSender<Value>,
    handles: HashMap<u64, Publisher>,
}

#[derive(Default)]
struct Publisher {
    has_joined: bool,
    has_offered: bool,
}

impl Janus {
    pub fn start(runtime: &Handle, rules: Rules) -> Self {
        let shared =
            Arc::new(Shared { rules, page: Answerer::start(), state: Mutex::default(), ended: watch::Sender::new(0) });
        let mut janus = Self { port: free_port(), runtime: runtime.clone(), shared, server: None };
        janus.revive();
        janus
    }

    /// Is there again, and knows nothing of what was.
    pub fn revive(&mut self) {
        let listener = self.runtime.block_on(TcpListener::bind((Ipv4Addr::UNSPECIFIED, self.port))).unwrap();
        let routes = Router::new().route("/", get(upgrade)).with_state(self.shared.clone());
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

    /// How many sessions were ended by whoever had them.
    pub fn destroyed(&self) -> usize {
        self.shared.room().destroyed
    }

    /// What those called themselves who have joined.
    pub fn displays(&self) -> Vec<String> {
        self.shared.room().displays.clone()
    }

    /// Ends all that is published, as where ICE has failed.
    pub fn hang_up(&self) {
        self.shared.page.hang_up();
        for (id, session) in &mut self.shared.room().sessions {
            for (handle, publisher) in &mut session.handles {
                publisher.has_offered = false;
                let hangup = json!({ "janus": "hangup", "session_id": id, "sender": handle, "reason": "ICE failed" });
                let _ = session.say.send(hangup);
            }
        }
    }

    /// What it was told that a Janus server would not have understood.
    pub fn wrong(&self) -> Vec<String> {
        self.shared.room().wrong.clone()
    }
}

impl Drop for Janus {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.die();
        }
    }
}

async fn upgrade(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols(["janus-protocol"]).on_upgrade(async move |socket| {
        if socket.protocol().is_none() {
            shared.room().wrong.push("no subprotocol".to_owned());
            return;
        }
        shared.serve(socket).await;
    })
}

impl Shared {
    fn room(&self) -> MutexGuard<'_, Room> {
        self.state.lock().unwrap()
    }

    async fn serve(self: Arc<Self>, mut socket: ws::WebSocket) {
        let (say, mut said) = unbounded_channel::<Value>();
        let mut ended = self.ended.subscribe();
        loop {
            tokio::select! {
                _ = ended.changed() => return,
                Some(text) = said.recv() => {
                    if socket.send(ws::Message::Text(text.to_string().into())).await.is_err() {
                        break;
                    }
                }
                message = socket.recv() => match message {
                    Some(Ok(ws::Message::Text(text))) => {
                        let reply = self.hear(&text, &say).unwrap_or_else(|refused| refused.reply(&text, &self));
                        let _ = say.send(reply);
                    }
                    Some(Ok(ws::Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => {}
                },
            }
        }
        if !self.rules.reclaims {
            self.room().sessions.retain(|_, session| !session.say.same_channel(&say));
        }
    }

    fn hear(self: &Arc<Self>, text: &str, say: &UnboundedSender<Value>) -> Result<Value, Refused> {
        let message: Value = serde_json::from_str(text).map_err(|_| Refused::wrong(454))?;
        let request = message["janus"].as_str().ok_or(Refused::wrong(456))?;
        let transaction = message["transaction"].as_str().ok_or(Refused::wrong(456))?;
        if message["apisecret"] != self.rules.api_secret {
            return Err(Refused::new(403, "Unauthorized request (wrong or missing secret/token)"));
        }
        let mut room = self.room();
        room.last += 1;
        let new = room.last;
        if request == "create" {
            room.sessions.insert(new, Session { say: say.clone(), handles: HashMap::new() });
            return Ok(json!({ "janus": "success", "transaction": transaction, "data": { "id": new } }));
        }
        let id = message["session_id"].as_u64().ok_or(Refused::wrong(456))?;
        let session = room.sessions.get_mut(&id).ok_or(Refused::new(458, "No such session"))?;
        let reply = |what| json!({ "janus": what, "session_id": id, "transaction": transaction });
        match request {
            "keepalive" => Ok(reply("ack")),
            "claim" => {
                session.say = say.clone();
                Ok(reply("success"))
            }
            "destroy" => {
                room.sessions.remove(&id);
                room.destroyed += 1;
                Ok(reply("success"))
            }
            "attach" if message["plugin"] == "janus.plugin.videoroom" => {
                session.handles.insert(new, Publisher::default());
                let mut success = reply("success");
                success["data"] = json!({ "id": new });
                Ok(success)
            }
            "detach" | "trickle" | "message" => {
                let at = (id, message["handle_id"].as_u64().ok_or(Refused::wrong(456))?);
                self.hear_publisher(&mut room, at, &message, say)
            }
            _ => Err(Refused::wrong(453)),
        }
    }

    /// A message to a handle of a session.
    fn hear_publisher(
        self: &Arc<Self>,
        room: &mut Room,
        (id, handle): (u64, u64),
        message: &Value,
        say: &UnboundedSender<Value>,
    ) -> Result<Value, Refused> {
        let session = room.sessions.get_mut(&id).unwrap();
        let publisher = session.handles.get_mut(&handle).ok_or(Refused::new(459, "No such handle"))?;
        let transaction = &message["transaction"];
        let reply = |what| json!({ "janus": what, "session_id": id, "transaction": transaction });
        let event = |data: &Value| {
            json!({ "janus": "event", "session_id": id, "sender": handle, "transaction": transaction,
                "plugindata": { "plugin": "janus.plugin.videoroom", "data": data } })
        };
        let request = message["body"]["request"].as_str().unwrap_or_default();
        match (message["janus"].as_str().unwrap(), request) {
            ("detach", "") => {
                session.handles.remove(&handle);
                Ok(reply("success"))
            }
            ("trickle", "") if message["candidate"]["completed"] == true => Ok(reply("ack")),
            ("trickle", "") => {
                let (text, line) = (&message["candidate"]["candidate"], &message["candidate"]["sdpMLineIndex"]);
                let line = line.as_u64().ok_or(Refused::wrong(467))?;
                if !publisher.has_offered {
                    return Err(Refused::new(466, "No stream for the candidate"));
                }
                let text = text.as_str().ok_or(Refused::wrong(467))?.to_owned();
                let shared = self.clone();
                tokio::task::spawn_blocking(move || shared.page.candidate(line as u32, &text));
                Ok(reply("ack"))
            }
            ("message", "join") if !publisher.has_joined => {
                let _ = say.send(reply("ack"));
                let refusal = self.refuse(&message["body"]);
                publisher.has_joined = refusal.is_none();
                room.displays.extend(message["body"]["display"].as_str().map(str::to_owned));
                Ok(event(&refusal.unwrap_or_else(|| {
                    json!({ "videoroom": "joined", "room": self.rules.room, "description": "Bridge", "id": 7,
                        "private_id": 8, "publishers": [] })
                })))
            }
            ("message", "publish") if publisher.has_joined => {
                let offer = message["jsep"]["sdp"].as_str().unwrap_or_default().to_owned();
                let is_offer = message["jsep"]["type"] == "offer" && message["body"]["videocodec"] == "h264";
                if !(is_offer && offer.contains("m=video") && offer.contains("a=sendonly")) {
                    return Err(Refused::wrong(465));
                }
                publisher.has_offered = true;
                let up = json!({ "janus": "webrtcup", "session_id": id, "sender": handle });
                let mut event = event(&json!({ "videoroom": "event", "room": self.rules.room, "configured": "ok" }));
                let (shared, say) = (self.clone(), say.clone());
                tokio::task::spawn_blocking(move || {
                    event["jsep"] = json!({ "type": "answer", "sdp": shared.page.answer(&offer) });
                    shared.room().publishings += 1;
                    let _ = say.send(event);
                    shared.page.wait_connected();
                    let _ = say.send(up);
                });
                Ok(reply("ack"))
            }
            _ => Err(Refused::wrong(453)),
        }
    }

    /// Why somebody does not get in.
    fn refuse(&self, join: &Value) -> Option<Value> {
        let refuse = |code: u32, error: &str| Some(json!({ "videoroom": "event", "error_code": code, "error": error }));
        if join["ptype"] != "publisher" {
            return refuse(430, "Invalid element (ptype)");
        }
        if !join["room"].is_u64() {
            return refuse(430, "Invalid element type (room should be a positive integer)");
        }
        if join["room"] != self.rules.room {
            return refuse(426, "No such room");
        }
        if join["pin"] != self.rules.pin {
            return refuse(433, "Unauthorized (wrong pin)");
        }
        None
    }
}

struct Refused {
    code: u32,
    reason: &'static str,
}

impl Refused {
    fn new(code: u32, reason: &'static str) -> Self {
        Self { code, reason }
    }

    /// A message that no client should send.
    fn wrong(code: u32) -> Self {
        Self::new(code, WRONG)
    }

    fn reply(&self, to: &str, shared: &Shared) -> Value {
        if self.reason == WRONG {
            shared.room().wrong.push(to.to_owned());
        }
        let transaction = serde_json::from_str::<Value>(to).ok().map(|message| message["transaction"].clone());
        json!({ "janus": "error", "transaction": transaction, "error": { "code": self.code, "reason": self.reason } })
    }
}
