//! The one listener: viewer page, websockets, `/metrics` and `/healthz`.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::access::Access;
use super::host::{self, Host};
use super::routes::{self, Metrics};
use super::settings::{LocalSettings, Serves, Tls};
use super::tls::{self, Identity, TlsError};
use crate::connector::{hub::Hub, switchboard::Switchboard};
use crate::i18n::gettext_f;
use crate::stats::prometheus;

/// How long a client may take to say what it wants.
const HEADER_TIME: Duration = Duration::from_secs(10);

/// How long requests may go on while the server stops.
const GRACE: Duration = Duration::from_millis(300);

/// How long websockets may take to say goodbye after that.
const FAREWELL: Duration = Duration::from_millis(600);

/// Serves viewers until it is stopped or dropped.
pub struct LocalServer {
    address: SocketAddr,
    fingerprint: Option<String>,
    handle: axum_server::Handle<SocketAddr>,
    task: JoinHandle<io::Result<()>>,
    /// True: the websockets end. They are not the listener's any more once upgraded.
    stop: watch::Sender<bool>,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum ServerError {
    /// Something listens there already.
    PortInUse(SocketAddr),
    /// The system keeps the port for others.
    NoPermission(SocketAddr),
    /// The address belongs to no interface of this machine.
    AddressNotHere(SocketAddr),
    /// Listening fails in some other way.
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Beyond loopback a token is required.
    TokenMissing(SocketAddr),
    /// An entry of `allowed_hosts` is no host.
    AllowedHost(String),
    /// An entry of `allowed_origins` is no origin.
    AllowedOrigin(String),
    /// There is no certificate to serve with.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl ServerError {
    /// Whether it may pass by itself: the other program may end.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::PortInUse(_))
    }

    /// What happened, to what, and what to do.
    fn sentence(&self) -> String {
        match self {
            Self::PortInUse(address) => gettext_f(
                "port {port} at {host} is in use by another program. Stop that program, or choose another port with --listen or the setting “listen”.",
                &[("port", &address.port().to_string()), ("host", &address.ip().to_string())],
            ),
            Self::NoPermission(address) => gettext_f(
                "this user may not listen on port {port}. Choose a port from 1024 up with --listen or the setting “listen”.",
                &[("port", &address.port().to_string())],
            ),
            Self::AddressNotHere(address) => gettext_f(
                "this machine has no address {host}. Choose one that it has, or 0.0.0.0 for all of them, with --listen or the setting “listen”.",
                &[("host", &address.ip().to_string())],
            ),
            Self::Listen { address, source } => gettext_f(
                // Translators: {address} is an IP address and a port, {reason} what the system said.
                "cannot listen at {address}: {reason}. Choose another address with --listen or the setting “listen”.",
                &[("address", &address.to_string()), ("reason", &source.to_string())],
            ),
            Self::TokenMissing(address) => gettext_f(
                "listening at {address} lets others on the network in, and that takes a token. Choose one with --token or the setting “token”, or listen at 127.0.0.1.",
                &[("address", &address.to_string())],
            ),
            Self::AllowedHost(entry) => gettext_f(
                "“{entry}” in “allowed_hosts” is no host. Write a name such as cams.example, or an IP address.",
                &[("entry", entry)],
            ),
            Self::AllowedOrigin(entry) => gettext_f(
                "“{entry}” in “allowed_origins” is no origin. Write scheme and host, such as https://wall.example, and the port if it is not the usual one.",
                &[("entry", entry)],
            ),
            Self::Tls(error) => error.to_string(),
        }
    }
}

impl LocalServer {
    /// Listens and serves. Must be called within a tokio runtime, which then does the work.
    ///
    /// # Errors
    ///
    /// The settings do not allow it, the certificate cannot be had, or nothing can
    /// listen at the address. The error's text says which, and what to do.
    pub async fn start(settings: LocalSettings, hub: Arc<Hub>) -> Result<Self, ServerError> {
        let none: Metrics = Arc::new(|| prometheus::metrics(Vec::new()));
        Self::start_with_metrics(settings, hub, none).await
    }

    /// The same, with what Prometheus is told at `/metrics`, to whom the rules for pages apply.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub async fn start_with_metrics(
        settings: LocalSettings,
        hub: Arc<Hub>,
        metrics: Metrics,
    ) -> Result<Self, ServerError> {
        Self::start_with(settings, |access, secure, stopping| routes::router(access, secure, hub, metrics, stopping))
            .await
    }

    /// A relay: websockets at `/` that are joined to this switchboard, and no page.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub(crate) async fn start_relay(settings: LocalSettings, board: Arc<dyn Switchboard>) -> Result<Self, ServerError> {
        Self::start_with(settings, |access, secure, stopping| routes::relay(access, secure, board, stopping)).await
    }

    async fn start_with(
        settings: LocalSettings,
        routes: impl FnOnce(Access, bool, watch::Receiver<bool>) -> Router,
    ) -> Result<Self, ServerError> {
        check(&settings)?;
        let identity = identity(&settings)?;
        let listener = listen(settings.listen).await?;
        let address = local_address(&listener, settings.listen)?;

        let (stop, stopping) = watch::channel(false);
        let access = Access::new(&settings, address, identity.is_some());
        let app = routes(access, identity.is_some(), stopping);
        let handle = axum_server::Handle::new();
        let fingerprint = identity.as_ref().map(|identity| identity.fingerprint.clone());
        let task = spawn(listener, &handle, identity, app);
        Ok(Self { address, fingerprint, handle, task, stop })
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The viewer page's address, to open on another machine where that is possible.
    /// The token is not in it.
    pub fn url(&self) -> String {
        let scheme = if self.fingerprint.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/", host::usable_authority(self.address))
    }

    /// SHA-256 of the certificate as `AA:BB:…`; none without TLS.
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }

    /// Ends every connection and frees the port, within a second.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        self.handle.graceful_shutdown(Some(GRACE));
        // The grace itself and a little, so that only a stuck task is left behind.
        let _ = timeout(GRACE + Duration::from_millis(50), &mut self.task).await;
        let _ = timeout(FAREWELL, self.stop.closed()).await;
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.handle.shutdown();
    }
}

fn check(settings: &LocalSettings) -> Result<(), ServerError> {
    let is_open = settings.serves == (Serves::Everybody { without_token: true });
    if settings.token.is_none() && !is_open && !is_loopback(settings.listen) {
        return Err(ServerError::TokenMissing(settings.listen));
    }
    let bad_host = settings.allowed_hosts.iter().find(|host| Host::from_authority(host).is_none());
    if let Some(host) = bad_host {
        return Err(ServerError::AllowedHost(host.clone()));
    }
    let is_origin = |origin: &str| origin == "null" || origin.contains("://");
    match settings.allowed_origins.iter().find(|origin| !is_origin(origin)) {
        Some(origin) => Err(ServerError::AllowedOrigin(origin.clone())),
        None => Ok(()),
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn identity(settings: &LocalSettings) -> Result<Option<Identity>, TlsError> {
    match &settings.tls {
        Tls::Files { certificate, key } => tls::from_files(certificate, key).map(Some),
        Tls::Automatic { state_dir } if !is_loopback(settings.listen) => {
            own_identity(state_dir, settings.listen).map(Some)
        }
        Tls::Automatic { .. } | Tls::Off => Ok(None),
    }
}

/// A certificate of our own, for the names under which viewers may ask for us.
fn own_identity(state_dir: &Path, listen: SocketAddr) -> Result<Identity, TlsError> {
    let mut names = vec!["localhost".to_owned()];
    if let Some(name) = host::machine_name() {
        names.extend([format!("{name}.local"), name]);
    }
    let listen = Some(listen.ip()).filter(|address| !address.is_unspecified());
    names.extend(listen.or_else(host::outward_address).map(|address| address.to_string()));
    tls::made_once(state_dir, names)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ServerError::PortInUse(address),
        io::ErrorKind::PermissionDenied => ServerError::NoPermission(address),
        io::ErrorKind::AddrNotAvailable => ServerError::AddressNotHere(address),
        _ => ServerError::Listen { address, source },
    })
}

fn local_address(listener: &TcpListener, asked: SocketAddr) -> Result<SocketAddr, ServerError> {
    listener.local_addr().map_err(|source| ServerError::Listen { address: asked, source })
}

fn spawn(
    listener: TcpListener,
    handle: &axum_server::Handle<SocketAddr>,
    identity: Option<Identity>,
    app: Router,
) -> JoinHandle<io::Result<()>> {
    let mut server = axum_server::Server::from_listener(listener).handle(handle.clone());
    limit_header_time(server.http_builder());
    let app = app.into_make_service();
    match identity {
        Some(identity) => {
            let acceptor = RustlsAcceptor::new(RustlsConfig::from_config(identity.config));
            tokio::spawn(server.acceptor(acceptor).serve(app))
        }
        None => tokio::spawn(server.serve(app)),
    }
}

/// Without a timer hyper waits for a request's headers as long as the client likes.
fn limit_header_time(http: &mut Builder<TokioExecutor>) {
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
}
