//! One connection: requests, answers, and pictures between them (RFC 2326).

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpStream, UdpSocket,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};

use super::{
    Shared,
    player::{Parcel, Player, clip_of},
    sdp,
    vice::Vice,
};

/// How long an impatient camera waits for a word.
const PATIENCE: Duration = Duration::from_millis(1200);

/// What a client asks.
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What becomes of a request.
enum Answer {
    /// Status line, headers of its own, body.
    Reply(&'static str, Vec<String>, Vec<u8>),
    /// Not a word.
    Nothing,
}

/// How media reach the client.
struct Way {
    peer: IpAddr,
    /// Client's ports, or channels, of picture and sound: each for RTP and RTCP.
    picture: Option<Lane>,
    sound: Option<Lane>,
}

enum Lane {
    Udp { socket: UdpSocket, control: UdpSocket, ports: (u16, u16) },
    Tcp { channels: (u8, u8) },
}

struct Session {
    shared: Arc<Shared>,
    out: OwnedWriteHalf,
    way: Way,
    player: Option<Player>,
    /// Hang up once the present answer is out.
    leaving: bool,
}

/// Serves a connection until either side ends it.
pub async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let Ok(SocketAddr::V4(peer)) = stream.peer_addr() else { return };
    let _ = stream.set_nodelay(true);
    let (inward, out) = stream.into_split();
    let (sender, mut requests) = unbounded_channel();
    let reader = tokio::spawn(read(inward, sender));
    let way = Way { peer: (*peer.ip()).into(), picture: None, sound: None };
    let mut session = Session { shared, out, way, player: None, leaving: false };
    let _ = session.converse(&mut requests).await;
    reader.abort();
}

impl Session {
    async fn converse(&mut self, requests: &mut UnboundedReceiver<Request>) -> std::io::Result<()> {
        let patience = if self.shared.vice == Vice::ImpatientSession { PATIENCE } else { Duration::from_mins(1) };
        let mut heard = tokio::time::Instant::now();
        while !self.leaving {
            tokio::select! {
                request = requests.recv() => {
                    let Some(request) = request else { return Ok(()) };
                    heard = tokio::time::Instant::now();
                    self.hear(&request).await?;
                }
                parcels = play(&mut self.player) => match parcels {
                    Some(parcels) => self.send(parcels).await?,
                    None => return Ok(()),
                },
                () = tokio::time::sleep_until(heard + patience) => return Ok(()),
            }
        }
        Ok(())
    }

    async fn hear(&mut self, request: &Request) -> std::io::Result<()> {
        let Answer::Reply(status, headers, body) = self.answer(request).await? else { return Ok(()) };
        let sequence = request.header("CSeq").unwrap_or("0");
        let sequence = if self.shared.vice == Vice::WrongSequence { "4711" } else { sequence };
        let head = [format!("RTSP/1.0 {status}"), format!("CSeq: {sequence}")];
        let length = [format!("Content-Length: {}", body.len()), String::new(), String::new()];
        let lines = [&head[..], &headers, &length].concat();
        let mut bytes = [lines.join("\r\n").into_bytes(), body].concat();
        if self.shared.vice == Vice::HalfAnAnswer {
            bytes.truncate(bytes.len() / 2);
        }
        self.out.write_all(&bytes).await
    }

    async fn answer(&mut self, request: &Request) -> std::io::Result<Answer> {
        let ok = |headers: Vec<String>| Ok(Answer::Reply("200 OK", headers, Vec::new()));
        match self.shared.vice {
            Vice::NeverAnswers => return Ok(Answer::Nothing),
            Vice::RedirectLoop if request.method == "DESCRIBE" => {
                return Ok(Answer::Reply(
                    "302 Moved Temporarily",
                    vec![format!("Location: {}", request.url)],
                    Vec::new(),
                ));
            }
            Vice::UnauthorizedLoop if request.method != "OPTIONS" => {
                let nonce = self.shared.requests.fetch_add(1, Ordering::Relaxed);
                let challenge = format!("WWW-Authenticate: Digest realm=\"bad\", nonce=\"{nonce:08x}\"");
                return Ok(Answer::Reply("401 Unauthorized", vec![challenge], Vec::new()));
            }
            _ => {}
        }
        match request.method.as_str() {
            "OPTIONS" => ok(vec!["Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN".into()]),
            "DESCRIBE" => Ok(self.describe(&request.url)),
            "SETUP" => self.set_up(request).await,
            "PLAY" => Ok(self.play()),
            "TEARDOWN" => {
                self.leaving = true;
                ok(Vec::new())
            }
            _ => ok(self.session_header()),
        }
    }

    fn describe(&self, url: &str) -> Answer {
        let clip = clip_of(self.shared.vice, self.shared.played.load(Ordering::Relaxed), false);
        let headers = vec!["Content-Type: application/sdp".into(), format!("Content-Base: {url}/")];
        Answer::Reply("200 OK", headers, sdp::describe(self.shared.vice, clip))
    }

    async fn set_up(&mut self, request: &Request) -> std::io::Result<Answer> {
        let asked = request.header("Transport").unwrap_or_default();
        if self.shared.vice == Vice::SdpWrongControl {
            return Ok(Answer::Reply("404 Not Found", Vec::new(), Vec::new()));
        }
        let is_tcp = asked.contains("TCP");
        if self.shared.vice == Vice::RefusesUdp && !is_tcp {
            return Ok(Answer::Reply("461 Unsupported Transport", Vec::new(), Vec::new()));
        }
        let (lane, transport) = if is_tcp { tcp_lane(asked) } else { udp_lane(asked).await? };
        let is_sound = request.url.ends_with("track1");
        *(if is_sound { &mut self.way.sound } else { &mut self.way.picture }) = Some(lane);
        self.leaving = self.shared.vice == Vice::ClosesAfterSetup;
        let headers = [vec![format!("Transport: {transport}")], self.session_header()].concat();
        Ok(Answer::Reply("200 OK", headers, Vec::new()))
    }

    fn session_header(&self) -> Vec<String> {
        match self.shared.vice {
            Vice::NoSession => Vec::new(),
            Vice::ImpatientSession => vec!["Session: 12345678;timeout=1".into()],
            _ => vec!["Session: 12345678;timeout=60".into()],
        }
    }

    fn play(&mut self) -> Answer {
        if self.shared.vice == Vice::PlayRefused {
            return Answer::Reply("454 Session Not Found", Vec::new(), Vec::new());
        }
        if self.player.is_none() {
            let earlier = self.shared.played.fetch_add(1, Ordering::Relaxed);
            self.player = Some(Player::new(self.shared.clone(), earlier));
        }
        Answer::Reply("200 OK", self.session_header(), Vec::new())
    }

    async fn send(&mut self, parcels: Vec<Parcel>) -> std::io::Result<()> {
        for parcel in parcels {
            let (lane, is_control, bytes) = match &parcel {
                Parcel::Picture(bytes) => (&self.way.picture, false, bytes),
                Parcel::Control(bytes) => (&self.way.picture, true, bytes),
                Parcel::Sound(bytes) => (&self.way.sound, false, bytes),
            };
            match lane {
                Some(Lane::Udp { socket, control, ports }) => {
                    let (socket, port) = if is_control { (control, ports.1) } else { (socket, ports.0) };
                    // Nobody may listen any more, which is no matter of this socket's.
                    let _ = socket.send_to(bytes, (self.way.peer, port)).await;
                }
                Some(Lane::Tcp { channels }) => {
                    let channel = if is_control { channels.1 } else { channels.0 };
                    let length = (bytes.len() as u16).to_be_bytes();
                    let framed = [&[b'$', channel, length[0], length[1]], bytes.as_slice()].concat();
                    // A client that does not read any more must not hold this up for ever.
                    timeout(Duration::from_secs(5), self.out.write_all(&framed)).await??;
                }
                None => {}
            }
        }
        Ok(())
    }
}

/// The player's next parcels; never, where nothing plays.
async fn play(player: &mut Option<Player>) -> Option<Vec<Parcel>> {
    match player {
        Some(player) => player.next().await,
        None => std::future::pending().await,
    }
}

fn tcp_lane(asked: &str) -> (Lane, String) {
    let channels = pair(asked, "interleaved=").unwrap_or((0, 1));
    let channels = (channels.0 as u8, channels.1 as u8);
    (Lane::Tcp { channels }, format!("RTP/AVP/TCP;unicast;interleaved={}-{}", channels.0, channels.1))
}

async fn udp_lane(asked: &str) -> std::io::Result<(Lane, String)> {
    let ports = pair(asked, "client_port=").unwrap_or_default();
    let (socket, control) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    let (own, own_control) = (socket.local_addr()?.port(), control.local_addr()?.port());
    let transport = format!("RTP/AVP;unicast;client_port={}-{};server_port={own}-{own_control}", ports.0, ports.1);
    Ok((Lane::Udp { socket, control, ports }, transport))
}

/// The two numbers behind a word, as in `client_port=5000-5001`.
fn pair(text: &str, word: &str) -> Option<(u16, u16)> {
    let (_, rest) = text.split_once(word)?;
    let (first, rest) = rest.split_once('-')?;
    let second = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

/// Reads requests until the client leaves, and reads over the reports between them.
async fn read(inward: OwnedReadHalf, requests: UnboundedSender<Request>) {
    let mut inward = BufReader::new(inward);
    while let Ok(Some(request)) = read_one(&mut inward).await {
        if requests.send(request).is_err() {
            break;
        }
    }
}

async fn read_one(inward: &mut BufReader<OwnedReadHalf>) -> std::io::Result<Option<Request>> {
    while inward.fill_buf().await?.first() == Some(&b'$') {
        let mut head = [0; 4];
        inward.read_exact(&mut head).await?;
        let mut report = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
        inward.read_exact(&mut report).await?;
    }
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if inward.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let Some((first, rest)) = lines.split_first() else { return Ok(None) };
    let mut words = first.split(' ').map(str::to_owned);
    let (method, url) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let header = |line: &String| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    let headers: Vec<_> = rest.iter().filter_map(header).collect();
    let request = Request { method, url, headers };
    let length = request.header("Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0);
    inward.read_exact(&mut vec![0; length]).await?;
    Ok(Some(request))
}
