//! A few questions to one server, in its own protocol (STUN, RFC 8489; TURN, RFC 8656).

use std::{
    io,
    time::{Duration, Instant},
};

use stun_types::{
    attribute::{AttributeType, ErrorCode, Nonce, RawAttribute, Realm, Username},
    message::{
        BINDING, IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageWrite, MessageWriteExt,
        MessageWriteVec, Method, StunWriteError,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket, lookup_host},
    time::timeout,
};

use super::IceFault;
use crate::config::{IceServer, IceServerKind, IceTransport, Password};

/// How long the name, the connection and each question may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// When a datagram is sent again, for it may be lost (RFC 8489, section 6.2.1).
const AGAIN_AFTER: Duration = Duration::from_millis(500);

const ALLOCATE: Method = Method::new(0x003);
const REFRESH: Method = Method::new(0x004);
const LIFETIME: AttributeType = AttributeType::new(0x000D);
const REQUESTED_TRANSPORT: AttributeType = AttributeType::new(0x0019);
/// UDP's protocol number, for what is relayed; then three bytes that are reserved.
const RELAY_UDP: [u8; 4] = [17, 0, 0, 0];

/// What a server that is well has shown.
#[derive(Debug)]
pub(super) struct Answer {
    /// The time to its first answer.
    pub(super) round_trip: Duration,
}

/// Asks how far it is and, where it should relay, whether it would; what it gave is given back.
pub(super) async fn ask(server: &IceServer, password: &Password) -> Result<Answer, IceFault> {
    let started = Instant::now();
    let mut line = Line::open(server).await?;
    if server.kind == IceServerKind::Turns {
        return Ok(Answer { round_trip: started.elapsed() });
    }
    let (reply, round_trip) = line.request(Message::builder_request(BINDING, MessageWriteVec::new()).finish()).await?;
    message(&reply)?;
    if let Some(user) = &server.user {
        allocate(&mut line, user, password).await?;
    }
    Ok(Answer { round_trip })
}

/// Asks for a relay, first without a login as the protocol wants it, and gives it back.
async fn allocate(line: &mut Line, user: &str, password: &Password) -> Result<(), IceFault> {
    let (reply, _) = line.request(relay_request(ALLOCATE, None)?).await?;
    let Some((realm, nonce)) = challenge(&message(&reply)?)? else { return Ok(()) };
    let login = Login { user, password, realm, nonce };
    let (reply, _) = line.request(relay_request(ALLOCATE, Some(&login))?).await?;
    match refusal(&message(&reply)?) {
        None => {
            // What it says to this does not matter: a relay that is not used ends by itself.
            let _ = line.request(relay_request(REFRESH, Some(&login))?).await;
            Ok(())
        }
        Some((401 | 441, _)) => Err(IceFault::WrongPassword),
        Some((code, reason)) => Err(IceFault::Refusal(code, reason)),
    }
}

/// Who asks, and what the server said that the login belongs to.
struct Login<'a> {
    user: &'a str,
    password: &'a Password,
    realm: String,
    nonce: String,
}

fn relay_request(method: Method, login: Option<&Login<'_>>) -> Result<Vec<u8>, IceFault> {
    // Nobody could send a name or challenge that does not fit.
    write_request(method, login).map_err(|_| IceFault::Strange)
}

fn write_request(method: Method, login: Option<&Login<'_>>) -> Result<Vec<u8>, StunWriteError> {
    let mut request = Message::builder_request(method, MessageWriteVec::new());
    if method == ALLOCATE {
        request.add_attribute(&RawAttribute::new(REQUESTED_TRANSPORT, &RELAY_UDP))?;
    } else {
        // A lifetime of no seconds ends it.
        request.add_attribute(&RawAttribute::new(LIFETIME, &[0; 4]))?;
    }
    if let Some(login) = login {
        request.add_attribute(&Username::new(login.user)?)?;
        request.add_attribute(&Realm::new(&login.realm)?)?;
        request.add_attribute(&Nonce::new(&login.nonce)?)?;
        let (user, password) = (login.user.to_owned(), login.password.expose().to_owned());
        let key = LongTermKeyCredentials::new(user, password, login.realm.clone());
        request.add_message_integrity(&key.into(), IntegrityAlgorithm::Sha1)?;
    }
    Ok(request.finish())
}

/// Realm and nonce, where the server wants a login; nothing where it lets everybody in.
fn challenge(reply: &Message<'_>) -> Result<Option<(String, String)>, IceFault> {
    match refusal(reply) {
        None => Ok(None),
        Some((401, _)) => {
            let realm = reply.attribute::<Realm>().map(|realm| realm.realm().to_owned());
            let nonce = reply.attribute::<Nonce>().map(|nonce| nonce.nonce().to_owned());
            realm.and_then(|realm| Ok(Some((realm, nonce?)))).map_err(|_| IceFault::Strange)
        }
        // Bad request, forbidden, or no such method: it speaks STUN only.
        Some((400 | 403 | 404, _)) => Err(IceFault::NoTurn),
        Some((code, reason)) => Err(IceFault::Refusal(code, reason)),
    }
}

fn refusal(reply: &Message<'_>) -> Option<(u16, String)> {
    if !reply.has_class(MessageClass::Error) {
        return None;
    }
    let error = reply.attribute::<ErrorCode>().ok();
    Some(error.map_or((0, String::new()), |error| (error.code(), error.reason().to_owned())))
}

fn message(reply: &[u8]) -> Result<Message<'_>, IceFault> {
    Message::from_bytes(reply).map_err(|_| IceFault::Strange)
}

/// A way to speak with a server.
enum Line {
    Datagrams(UdpSocket),
    Connection(TcpStream),
}

impl Line {
    async fn open(server: &IceServer) -> Result<Self, IceFault> {
        let found = timeout(PATIENCE, lookup_host((server.host.as_str(), server.port))).await;
        let Ok(Ok(mut addresses)) = found else { return Err(IceFault::UnknownHost) };
        let address = addresses.next().ok_or(IceFault::UnknownHost)?;
        if server.transport == IceTransport::Tcp {
            let connection = timeout(PATIENCE, TcpStream::connect(address)).await.map_err(|_| IceFault::Silent)??;
            return Ok(Self::Connection(connection));
        }
        let any = if address.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(address).await?;
        Ok(Self::Datagrams(socket))
    }

    /// The answer to a request, and how long it took since the request was last sent.
    async fn request(&mut self, request: Vec<u8>) -> Result<(Vec<u8>, Duration), IceFault> {
        let answer = async {
            match self {
                Self::Datagrams(socket) => ask_by_datagram(socket, &request).await,
                Self::Connection(connection) => ask_in_connection(connection, &request).await,
            }
        };
        timeout(PATIENCE, answer).await.map_err(|_| IceFault::Silent)?.map_err(IceFault::from)
    }
}

async fn ask_by_datagram(socket: &UdpSocket, request: &[u8]) -> io::Result<(Vec<u8>, Duration)> {
    let mut reply = vec![0; 1500];
    loop {
        let sent = Instant::now();
        socket.send(request).await?;
        if let Ok(received) = timeout(AGAIN_AFTER, answer_to(socket, request, &mut reply)).await {
            reply.truncate(received?);
            return Ok((reply, sent.elapsed()));
        }
    }
}

/// A late answer to an earlier question has another transaction: bytes 8 to 20 of the header.
/// What is no STUN at all is let through, to be named.
async fn answer_to(socket: &UdpSocket, request: &[u8], reply: &mut [u8]) -> io::Result<usize> {
    loop {
        let length = socket.recv(reply).await?;
        let other = Message::from_bytes(&reply[..length]).is_ok() && reply[8..20] != request[8..20];
        if !other {
            return Ok(length);
        }
    }
}

async fn ask_in_connection(connection: &mut TcpStream, request: &[u8]) -> io::Result<(Vec<u8>, Duration)> {
    let sent = Instant::now();
    connection.write_all(request).await?;
    // The header, 20 bytes, has the length of what follows in its second pair.
    let mut reply = vec![0; 20];
    connection.read_exact(&mut reply).await?;
    let more = usize::from(u16::from_be_bytes([reply[2], reply[3]]));
    // Anything but STUN begins with other bits: do not wait for what its length would be.
    if reply[0] & 0xC0 == 0 {
        reply.resize(20 + more, 0);
        connection.read_exact(&mut reply[20..]).await?;
    }
    Ok((reply, sent.elapsed()))
}
