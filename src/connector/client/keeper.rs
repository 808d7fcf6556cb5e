//! Keeps a connection to a service elsewhere: lost, it is made again.

use std::{
    future::pending,
    io::ErrorKind,
    net::{IpAddr, UdpSocket},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{FutureExt, SinkExt, StreamExt};
use tokio::{
    runtime::Handle,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

use super::{
    ConnectorFault, ConnectorFaultKind as Kind, ConnectorState, Dialect, Frame, Line, Server, SetUp, dial::Socket,
};
use crate::{
    config::ConnectorId,
    connector::TellState,
    i18n::{gettext, gettext_f},
};

/// The longest wait at the beginning of an outage, and then in its first minute: whoever watches wants the
/// picture back with the network.
const QUICK_WAIT: Duration = Duration::from_millis(500);
const YOUNG_WAIT: Duration = Duration::from_secs(1);
const QUICK: Duration = Duration::from_millis(100);
const YOUNG: Duration = Duration::from_mins(1);
/// The longest first wait after that; each further one may be twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// No wait is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// After so long a connection counts as a good one, and waits begin anew.
const HEALTHY: Duration = Duration::from_mins(1);
/// How often it is looked at what is due. Whoever watches waits for it where a way for media is lost.
const TICK: Duration = Duration::from_millis(250);
const ADDRESS_LOOKED_AT_EVERY: Duration = Duration::from_millis(500);
const PING_EVERY: Duration = Duration::from_secs(5);
/// A service that is silent for this long is gone, whatever TCP thinks.
const SILENCE_LIMIT: Duration = Duration::from_secs(12);
/// How long the last words may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// Keeps a websocket and speaks over it, for as long as it is polled.
pub(in crate::connector) async fn keep(
    id: ConnectorId,
    server: Arc<Server>,
    mut dialect: impl Dialect,
    tell: TellState,
) {
    let line = Line::default();
    let mut attempts = Attempts::new(id, tell);
    loop {
        attempts.begin();
        let fault = attempt(&server, &mut dialect, &line, &mut attempts).await;
        line.disconnect();
        attempts.wait_after(fault).await;
    }
}

/// Attempts one after the other, with waits between them that grow while they fail.
pub(in crate::connector) struct Attempts {
    id: ConnectorId,
    tell: TellState,
    /// When the outage began.
    since: Option<Instant>,
    /// How often an attempt has failed since that was no longer young.
    failures: u32,
    /// When the service took the feed in: what waits for a picture before that says nothing of its health.
    ready: Option<Instant>,
}

impl Attempts {
    pub(in crate::connector) fn new(id: ConnectorId, tell: TellState) -> Self {
        Self { id, tell, since: None, failures: 0, ready: None }
    }

    /// Another attempt begins.
    pub(in crate::connector) fn begin(&mut self) {
        self.ready = None;
        (self.tell)(ConnectorState::Connecting);
    }

    /// The service has taken the feed in.
    pub(in crate::connector) fn succeed(&mut self, set_up: SetUp) {
        self.ready = Some(Instant::now());
        (self.tell)(ConnectorState::Ready { set_up });
    }

    /// It ended by this; comes back when the next is due.
    pub(in crate::connector) async fn wait_after(&mut self, fault: ConnectorFault) {
        if self.ready.is_some_and(|ready| ready.elapsed() > HEALTHY) {
            (self.since, self.failures) = (None, 0);
        }
        let age = self.since.get_or_insert_with(Instant::now).elapsed();
        let wait = wait_after(age, self.failures, fault.kind);
        self.failures += u32::from(age >= YOUNG);
        tracing::debug!(connector = %self.id, "{fault}");
        (self.tell)(ConnectorState::Backoff { fault, retry_in: wait.as_secs_f64() });
        sleep(wait).await;
    }
}

/// Anything between half and all of what is due: many that lost the same service do not come back at once.
fn wait_after(age: Duration, failures: u32, kind: Kind) -> Duration {
    let most = match kind {
        kind if kind.is_lasting() => LONGEST_WAIT,
        _ if age < QUICK => QUICK_WAIT,
        _ if age < YOUNG => YOUNG_WAIT,
        _ => FIRST_WAIT * 2_u32.saturating_pow(failures.min(10)),
    };
    most.min(LONGEST_WAIT).mul_f64(rand::random_range(0.5..=1.0))
}

/// One connection, from the first step to its end.
async fn attempt(server: &Server, dialect: &mut dyn Dialect, line: &Line, attempts: &mut Attempts) -> ConnectorFault {
    let mut server = server.clone();
    let mut set_up = SetUp::default();
    if let Err(fault) = dialect.prepare(&mut server, &mut set_up).await {
        return fault;
    }
    let (socket, own) = match server.dial(&mut set_up).await {
        Ok(dialled) => dialled,
        Err(fault) if fault.kind == Kind::Refused => return dialect.refused(fault),
        Err(fault) => return fault,
    };
    let mut open = Open { socket: Some(socket), line };
    let fault = tokio::select! {
        fault = talk(&mut open, dialect, attempts, set_up) => Some(fault.unwrap_or_else(|fault| fault)),
        () = address_gone(own) => None,
    };
    // The connection ends by itself, and the feed goes on.
    open.socket = None;
    fault.unwrap_or_else(|| {
        dialect.moved();
        moved()
    })
}

/// An open connection. Where nobody wants it any more, because the feed is taken away, the last words are said.
struct Open<'a> {
    socket: Option<Socket>,
    line: &'a Line,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let (Some(mut socket), Ok(runtime)) = (self.socket.take(), Handle::try_current()) else { return };
        let Some(words) = self.line.take_last_words() else { return };
        let mut goodbye = Box::pin(async move { hang_up(&mut socket, Some(words)).await });
        // At once, as far as that goes: the program may be about to end.
        if goodbye.as_mut().now_or_never().is_none() {
            runtime.spawn(timeout(FAREWELL, goodbye));
        }
    }
}

async fn hang_up(socket: &mut Socket, last_words: Option<Frame>) {
    if let Some(words) = last_words {
        let _ = socket.send(words.into()).await;
    }
    let _ = socket.close(None).await;
}

/// Comes back when this machine does not have the address any more: from there nothing is sent or heard, and
/// TCP would wait for it to return.
pub(in crate::connector) async fn address_gone(own: Option<IpAddr>) {
    let Some(own) = own else { return pending().await };
    loop {
        sleep(ADDRESS_LOOKED_AT_EVERY).await;
        // Only an address of this machine can be bound to.
        let bound = UdpSocket::bind((own, 0));
        if bound.is_err_and(|error| error.kind() == ErrorKind::AddrNotAvailable) {
            return;
        }
    }
}

/// Carries texts both ways until the connection ends.
async fn talk(
    open: &mut Open<'_>,
    dialect: &mut dyn Dialect,
    attempts: &mut Attempts,
    mut set_up: SetUp,
) -> Result<ConnectorFault, ConnectorFault> {
    let Open { socket: Some(socket), line } = open else { return Ok(lost()) };
    let opened = Instant::now();
    let mut outgoing = line.connect();
    dialect.opened(line);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut heard, mut pinged) = (Instant::now(), Instant::now());
    loop {
        if set_up.signalling.is_none() && dialect.is_ready() {
            set_up.signalling = Some(opened.elapsed().as_secs_f64());
            attempts.succeed(set_up.clone());
        }
        tokio::select! {
            message = socket.next() => {
                heard = Instant::now();
                match message {
                    Some(Ok(Message::Text(text))) => {
                        if let Err(fault) = dialect.hear(&text, line) {
                            let _ = timeout(FAREWELL, hang_up(socket, line.take_last_words())).await;
                            return Err(fault);
                        }
                    }
                    Some(Ok(Message::Binary(bytes))) => {
                        if let Err(fault) = dialect.hear_bytes(&bytes, line) {
                            let _ = timeout(FAREWELL, hang_up(socket, line.take_last_words())).await;
                            return Err(fault);
                        }
                    }
                    Some(Ok(Message::Close(close))) => return Ok(closed(close.map(|close| (close.code, close.reason.to_string())))),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Ok(lost()),
                }
            }
            words = outgoing.recv() => match words {
                Some(words) => socket.send(words.into()).await.map_err(|_| lost())?,
                None => return Ok(lost()),
            },
            _ = ticks.tick() => {
                if heard.elapsed() > SILENCE_LIMIT {
                    return Ok(lost());
                }
                if pinged.elapsed() >= PING_EVERY {
                    pinged = Instant::now();
                    socket.send(Message::Ping(Vec::new().into())).await.map_err(|_| lost())?;
                }
                if let Err(fault) = dialect.tick(line) {
                    let _ = timeout(FAREWELL, hang_up(socket, line.take_last_words())).await;
                    return Err(fault);
                }
            }
        }
    }
}

fn lost() -> ConnectorFault {
    ConnectorFault::new(Kind::Lost, gettext("The connection to the service was lost."), "")
}

/// Said of a connection whose own address is gone.
pub(in crate::connector) fn moved() -> ConnectorFault {
    ConnectorFault::new(Kind::Lost, gettext("This machine has another address now."), "")
}

fn closed(close: Option<(CloseCode, String)>) -> ConnectorFault {
    match close {
        Some((_, reason)) if !reason.is_empty() => {
            let reason: String = reason.chars().filter(|c| !c.is_control()).take(80).collect();
            // Translators: {reason} is what the service said.
            ConnectorFault::new(Kind::Lost, gettext_f("The service hung up: {reason}.", &[("reason", &reason)]), "")
        }
        _ => ConnectorFault::new(Kind::Lost, gettext("The service hung up."), ""),
    }
}

#[cfg(test)]
mod tests {
    use futures::future::BoxFuture;
    use tokio::io::{AsyncBufReadExt, BufReader};
    use url::Url;

    use super::*;
    use crate::{
        config::{ConnectorConfig, ConnectorSettings, Secrets, SessionStore},
        connector::{FORMS, client::Papers},
    };

    #[test]
    fn waits_grow_to_a_bound_and_no_two_are_the_same() {
        let waits: Vec<_> = (0..20).map(|failures| wait_after(YOUNG, failures, Kind::Lost)).collect();
        assert!(waits[0] <= FIRST_WAIT && waits[0] >= FIRST_WAIT / 2);
        assert!(waits.iter().all(|wait| *wait <= LONGEST_WAIT));
        assert!(waits[19] >= LONGEST_WAIT / 2);
        assert!(wait_after(Duration::ZERO, 0, Kind::Lost) <= QUICK_WAIT);
        let young = wait_after(Duration::from_secs(59), 0, Kind::Lost);
        assert!(young <= YOUNG_WAIT && young >= YOUNG_WAIT / 2, "an outage may be short");
        let refused = wait_after(Duration::ZERO, 0, Kind::Refused);
        assert!(refused >= LONGEST_WAIT / 2, "a wrong token does not mend itself");
        let many: std::collections::HashSet<_> = (0..20).map(|_| wait_after(YOUNG, 3, Kind::Lost)).collect();
        assert!(many.len() > 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_is_not_this_machines_is_noticed() {
        let other = "198.51.100.7".parse().ok();
        let soon = ADDRESS_LOOKED_AT_EVERY * 2;
        assert!(timeout(soon, address_gone(other)).await.is_ok());
        assert!(timeout(soon * 5, address_gone("127.0.0.1".parse().ok())).await.is_err());
    }

    /// Says nothing but goodbye.
    struct Polite;

    impl Dialect for Polite {
        fn opened(&mut self, line: &Line) {
            line.say("hello".to_owned());
            line.set_last_words("goodbye".to_owned());
        }

        fn hear(&mut self, _: &str, _: &Line) -> Result<(), ConnectorFault> {
            Ok(())
        }

        fn is_ready(&self) -> bool {
            true
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_never_ready_was_never_healthy() {
        let mut attempts = Attempts::new("one".parse().unwrap(), Arc::new(|_| ()));
        let long_ago = || Instant::now().checked_sub(HEALTHY * 2).unwrap();
        (attempts.since, attempts.failures) = (Some(long_ago()), 3);
        attempts.begin();
        attempts.wait_after(lost()).await;
        assert_eq!(attempts.failures, 4);
        attempts.begin();
        attempts.succeed(SetUp::default());
        attempts.ready = Some(long_ago());
        attempts.wait_after(lost()).await;
        assert_eq!(attempts.failures, 0);
    }

    #[tokio::test]
    async fn headers_of_the_settings_are_in_the_request() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let line = format!("one=webrtcsink,address=ws://{address},headers=X-Vessel: 7");
        let config = ConnectorConfig::from_line(&line, FORMS).unwrap();
        let secrets = Arc::new(Secrets::with_store(SessionStore::default()));
        let settings = ConnectorSettings::new(config, secrets);
        let url = settings.address("address").unwrap();
        let server = Arc::new(Server { url, ca: None, papers: Papers::Settings(settings), subprotocol: None });
        let keeper = tokio::spawn(keep("one".parse().unwrap(), server, Polite, Arc::new(|_| ())));
        let mut request = BufReader::new(listener.accept().await.unwrap().0);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(request.read_line(&mut head).await.unwrap(), 0, "{head}");
        }
        assert!(head.to_ascii_lowercase().contains("\r\nx-vessel: 7\r\n"), "{head}");
        keeper.abort();
    }

    /// Has to ask something twice before it knows where to go.
    struct Asking(Url);

    impl Dialect for Asking {
        fn prepare<'a>(
            &'a mut self,
            server: &'a mut Server,
            set_up: &'a mut SetUp,
        ) -> BoxFuture<'a, Result<(), ConnectorFault>> {
            async {
                set_up.time("describe", sleep(Duration::from_millis(30))).await;
                server.url = set_up.time("endpoint", async { self.0.clone() }).await;
                Ok(())
            }
            .boxed()
        }

        fn opened(&mut self, _: &Line) {}

        fn hear(&mut self, _: &str, _: &Line) -> Result<(), ConnectorFault> {
            Ok(())
        }

        fn is_ready(&self) -> bool {
            true
        }
    }

    #[tokio::test]
    async fn what_a_dialect_asks_before_the_connection_is_timed_by_its_name() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("ws://{}", listener.local_addr().unwrap()).parse().unwrap();
        let nowhere = "ws://127.0.0.1:9".parse().unwrap();
        let server = Arc::new(Server { url: nowhere, ca: None, papers: Papers::Token(None), subprotocol: None });
        let (told, mut states) = tokio::sync::mpsc::unbounded_channel();
        let tell: TellState = Arc::new(move |state| drop(told.send(state)));
        let keeper = tokio::spawn(keep("one".parse().unwrap(), server, Asking(url), tell));
        let stream = listener.accept().await.unwrap().0;
        let _socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let set_up = loop {
            match timeout(Duration::from_secs(10), states.recv()).await.unwrap().unwrap() {
                ConnectorState::Ready { set_up } => break set_up,
                ConnectorState::Connecting => {}
                ConnectorState::Backoff { fault, .. } => panic!("{fault}"),
            }
        };
        keeper.abort();
        let names: Vec<_> = set_up.before.iter().map(|step| step.name.as_ref()).collect();
        assert_eq!(names, ["describe", "endpoint"]);
        assert!(set_up.before[0].seconds >= 0.03, "{set_up:?}");
        assert!(set_up.words().starts_with("describe "), "{}", set_up.words());
        let json = serde_json::to_value(&set_up).unwrap();
        assert_eq!(json["before"][1]["name"], "endpoint");
        assert_eq!(serde_json::from_value::<SetUp>(json).unwrap(), set_up);
    }

    #[test]
    fn the_last_words_are_said_though_the_program_ends() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap()).parse().unwrap();
        let server = Arc::new(Server { url, ca: None, papers: Papers::Token(None), subprotocol: None });
        let (say, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut socket = tokio_tungstenite::tungstenite::accept(stream).unwrap();
            while let Ok(message) = socket.read() {
                let _ = say.send(message.to_string());
            }
        });
        let next = || heard.recv_timeout(Duration::from_secs(10)).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let keeper = runtime.spawn(keep("one".parse().unwrap(), server, Polite, Arc::new(|_| ())));
        assert_eq!(next(), "hello");
        keeper.abort();
        runtime.shutdown_timeout(Duration::from_millis(300));
        assert_eq!(next(), "goodbye");
    }
}
