//! A channel's Unix socket, for programs of this machine: a robot's steering, for example.
//!
//! A program connects and reads what viewers send, as [`Frame`]s, and writes what they are to get.
//! Several may, each for itself. One that does not read in time misses the oldest messages.

use std::{
    env, fs,
    io::{self, ErrorKind},
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{
        Semaphore,
        broadcast::{self, error::RecvError},
    },
    task::JoinHandle,
    time::timeout,
};

use super::{DataMessage, Exchange, Frame};
use crate::{
    config::{ChannelLabel, DataChannelConfig, Delivery, FeedId},
    i18n::gettext_f,
};

/// The most programs at one socket.
const MOST_PROGRAMS: usize = 8;
/// How long a program may leave a message unread on a channel that loses nothing.
const UNREAD_FOR: Duration = Duration::from_secs(5);
/// Pause after a connection that could not be taken, such as for want of file descriptors.
const AFTER_A_FAULT: Duration = Duration::from_millis(200);

/// The socket cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct SocketError {
    place: PathBuf,
    /// `None` where another program has it.
    reason: Option<io::Error>,
}

impl SocketError {
    fn sentence(&self) -> String {
        let place = self.place.display().to_string();
        match &self.reason {
            None => gettext_f(
                "The socket {place} belongs to another program that runs. End that one, or set another path as socket.",
                &[("place", &place)],
            ),
            Some(reason) => gettext_f(
                "The socket {place} cannot be made: {reason}. Set another path as socket.",
                &[("place", &place), ("reason", &reason.to_string())],
            ),
        }
    }
}

/// `$XDG_RUNTIME_DIR/heliograph/FEED/LABEL.sock`; without that variable, below `/run/user/UID`.
pub fn usual_place(feed: &FeedId, label: &ChannelLabel) -> PathBuf {
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let runtime = runtime.unwrap_or_else(|| format!("/run/user/{}", rustix::process::getuid().as_raw()).into());
    runtime.join("heliograph").join(feed.as_str()).join(format!("{label}.sock"))
}

/// A socket that programs can connect to. Dropping it ends their connections and removes the file.
#[derive(Debug)]
pub struct Socket {
    place: PathBuf,
    task: JoinHandle<()>,
}

impl Socket {
    /// Makes the socket, which only this user may use. To be called within a runtime.
    ///
    /// # Errors
    /// Another program has it, or the file cannot be made.
    pub fn open(exchange: &Arc<Exchange>, channel: &DataChannelConfig, place: PathBuf) -> Result<Self, SocketError> {
        let listener = match listen(&place) {
            Ok(listener) => listener,
            Err(error) if error.kind() == ErrorKind::AddrInUse => return Err(SocketError { place, reason: None }),
            Err(error) => return Err(SocketError { place, reason: Some(error) }),
        };
        let task = tokio::spawn(accept(listener, exchange.clone(), channel.clone()));
        Ok(Self { place, task })
    }

    /// Where it is.
    pub fn place(&self) -> &Path {
        &self.place
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
        let _ = fs::remove_file(&self.place);
    }
}

/// Listens at a file that nobody else can open, not even for a moment: it is made in a folder of
/// our own, and moved to its place when it has its rights.
fn listen(place: &Path) -> io::Result<UnixListener> {
    refuse_others(place)?;
    let folder = place.parent().ok_or(ErrorKind::InvalidInput)?;
    make_folder(folder)?;
    let nest = tempfile::Builder::new().prefix(".heliograph-").tempdir_in(folder)?;
    let first = nest.path().join("s");
    let listener = UnixListener::bind(&first)?;
    fs::set_permissions(&first, fs::Permissions::from_mode(0o600))?;
    fs::rename(&first, place)?;
    Ok(listener)
}

/// A socket that nobody listens at is left over from a program that was killed. Anything else stays.
fn refuse_others(place: &Path) -> io::Result<()> {
    match fs::symlink_metadata(place) {
        Ok(found) if !found.file_type().is_socket() => Err(ErrorKind::AlreadyExists.into()),
        Ok(_) if std::os::unix::net::UnixStream::connect(place).is_ok() => Err(ErrorKind::AddrInUse.into()),
        _ => Ok(()),
    }
}

/// As the XDG rules want it: what is made belongs to this user alone.
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

async fn accept(listener: UnixListener, exchange: Arc<Exchange>, channel: DataChannelConfig) {
    let places = Arc::new(Semaphore::new(MOST_PROGRAMS));
    // Ends the programs' connections with the socket.
    let mut programs = tokio::task::JoinSet::new();
    loop {
        while programs.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(AFTER_A_FAULT).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            tracing::warn!(channel = %channel.label, "There are {MOST_PROGRAMS} programs at the socket; one more is refused.");
            continue;
        };
        let (exchange, channel) = (exchange.clone(), channel.clone());
        programs.spawn(async move {
            serve(stream, &exchange, &channel).await;
            drop(place);
        });
    }
}

/// Carries messages both ways until the program goes, or writes what is none.
async fn serve(stream: UnixStream, exchange: &Exchange, channel: &DataChannelConfig) {
    let received = exchange.subscribe();
    let (from_program, to_program) = stream.into_split();
    tokio::select! {
        () = read(from_program, exchange, channel) => {}
        () = write(to_program, received, channel) => {}
    }
}

async fn read(mut stream: OwnedReadHalf, exchange: &Exchange, channel: &DataChannelConfig) {
    let mut head = [0; Frame::HEAD];
    while stream.read_exact(&mut head).await.is_ok() {
        let frame = match Frame::length(head, channel.max_bytes) {
            Ok(length) => {
                let mut body = vec![0; length];
                if stream.read_exact(&mut body).await.is_err() {
                    return;
                }
                Frame::read(&body)
            }
            Err(error) => Err(error),
        };
        let sent = match frame {
            Ok(Frame { session, payload }) => exchange.send(channel.label.as_str(), session.as_deref(), &payload),
            Err(error) => {
                tracing::warn!(channel = %channel.label, "A program at the socket is sent away: {error}.");
                return;
            }
        };
        // A viewer may have gone a moment ago: that is no fault of the program.
        if let Err(error) = sent {
            tracing::debug!(channel = %channel.label, "A program's message is left out: {error}");
        }
    }
}

async fn write(
    mut stream: OwnedWriteHalf,
    mut received: broadcast::Receiver<DataMessage>,
    channel: &DataChannelConfig,
) {
    let patience = match channel.delivery {
        Delivery::Reliable | Delivery::Retransmits(_) => UNREAD_FOR,
        Delivery::LifetimeMs(ms) => Duration::from_millis(ms.into()),
    };
    loop {
        let message = match received.recv().await {
            Ok(message) if message.channel == channel.label => message,
            Ok(_) | Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        let bytes = Frame { session: Some(message.session), payload: message.payload }.write();
        let begun = Instant::now();
        // Half a message cannot be left out: a program that has not read it by then is sent away.
        match timeout(UNREAD_FOR, stream.write_all(&bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                tracing::warn!(channel = %channel.label, "A program at the socket does not read, and is sent away.");
                return;
            }
        }
        if begun.elapsed() > patience {
            // What came meanwhile is too old.
            received = received.resubscribe();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        os::unix::net::UnixStream as Program,
        sync::Mutex,
    };

    use tempfile::TempDir;

    use super::*;
    use crate::{
        channels::{Line, Payload},
        config::Senders,
    };

    /// A viewer who keeps what it is sent.
    #[derive(Default)]
    struct Screen(Mutex<Vec<Payload>>);

    impl Line for Screen {
        fn waiting(&self) -> u64 {
            0
        }

        fn would_leave(&self, _: usize, _: Duration) -> bool {
            true
        }

        fn send(&self, payload: &Payload) -> bool {
            self.0.lock().unwrap().push(payload.clone());
            true
        }
    }

    fn channel() -> DataChannelConfig {
        DataChannelConfig { senders: Senders::All, ..DataChannelConfig::new("steer".parse().unwrap()) }
    }

    fn exchange() -> Arc<Exchange> {
        Exchange::new(FeedId::from_name("bow"), vec![channel()], broadcast::channel(8).0)
    }

    /// Asks again until it is so.
    async fn until(mut is_so: impl FnMut() -> bool) {
        let wait = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(5), wait).await.expect("it should have become so");
    }

    #[tokio::test]
    async fn messages_pass_both_ways_and_the_file_is_this_users_alone_and_goes() {
        let (folder, exchange) = (TempDir::new().unwrap(), exchange());
        let screen = Arc::<Screen>::default();
        exchange.join("7", None);
        exchange.open("7", &channel(), screen.clone());
        let place = folder.path().join("a/steer.sock");
        let socket = Socket::open(&exchange, &channel(), place.clone()).unwrap();
        assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(folder.path().join("a")).unwrap().permissions().mode() & 0o777, 0o700);

        let mut program = Program::connect(&place).unwrap();
        program.write_all(b"\x00\x00\x00\x04\x00\x00hi\x00\x00\x00\x05\x01\x017\x01\x02").unwrap();
        until(|| screen.0.lock().unwrap().len() == 2).await;
        assert_eq!(*screen.0.lock().unwrap(), [Payload::Text("hi".into()), Payload::Binary(vec![1, 2])]);

        exchange.receive("7", &channel(), Payload::Text("left".into()));
        let reading = tokio::task::spawn_blocking(move || {
            let mut bytes = [0; 11];
            program.read_exact(&mut bytes).unwrap();
            (bytes, program)
        });
        let (bytes, mut program) = reading.await.unwrap();
        assert_eq!(&bytes, b"\x00\x00\x00\x07\x00\x017left");

        drop(socket);
        assert!(!place.exists());
        let ended = tokio::task::spawn_blocking(move || program.read(&mut [0]).unwrap());
        assert_eq!(ended.await.unwrap(), 0, "the program hears that it is over");
    }

    #[tokio::test]
    async fn nonsense_ends_only_who_wrote_it() {
        let (folder, exchange) = (TempDir::new().unwrap(), exchange());
        let place = folder.path().join("steer.sock");
        let _socket = Socket::open(&exchange, &channel(), place.clone()).unwrap();
        let (mut bad, good) = (Program::connect(&place).unwrap(), Program::connect(&place).unwrap());
        bad.write_all(&[255; 64]).unwrap();
        let ended = tokio::task::spawn_blocking(move || bad.read(&mut [0]).unwrap_or(0));
        assert_eq!(ended.await.unwrap(), 0);
        good.set_nonblocking(true).unwrap();
        assert_eq!((&good).read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    #[tokio::test]
    async fn a_socket_in_use_is_left_alone_and_one_that_was_left_over_is_taken() {
        let (folder, exchange) = (TempDir::new().unwrap(), exchange());
        let place = folder.path().join("steer.sock");
        let first = Socket::open(&exchange, &channel(), place.clone()).unwrap();
        let error = Socket::open(&exchange, &channel(), place.clone()).unwrap_err().to_string();
        assert!(error.contains("another program") && place.exists(), "{error}");
        drop(first);
        drop(std::os::unix::net::UnixListener::bind(&place).unwrap());
        assert!(Socket::open(&exchange, &channel(), place.clone()).is_ok());
        fs::write(&place, "precious").unwrap();
        let error = Socket::open(&exchange, &channel(), place.clone()).unwrap_err().to_string();
        assert!(error.contains("cannot be made"), "{error}");
        assert_eq!(fs::read_to_string(&place).unwrap(), "precious");
    }
}
