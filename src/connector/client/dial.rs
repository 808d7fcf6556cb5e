//! The way to a service elsewhere: a websocket, opened step by step.

use std::{
    borrow::Cow,
    io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error as WebSocketError,
        client::IntoClientRequest,
        http::{
            HeaderName, HeaderValue, StatusCode,
            header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL},
        },
        protocol::WebSocketConfig,
    },
};
use url::Url;

use super::{ConnectorFault, ConnectorFaultKind as Kind};
use crate::{
    config::{ConnectorSettings, Password},
    i18n::{gettext, gettext_f},
    stats::steps_in_words,
};

/// How long one address of the service may take to answer; the next is tried then. No way round the world
/// takes as long, and TCP by itself asks a silent one ever more rarely.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// How long each further step may take.
const STEP_WITHIN: Duration = Duration::from_secs(6);
/// The longest message that is read.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// A websocket, encrypted or not.
pub(in crate::connector) type Socket = WebSocketStream<Box<dyn Stream>>;

/// What a websocket runs over.
pub(in crate::connector) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Where a service is, and how it is spoken to.
#[derive(Clone, Debug)]
pub struct Server {
    /// `ws://` or `wss://`.
    pub url: Url,
    /// Certificates that vouch for it beside those that the system trusts, a PEM file.
    pub ca: Option<PathBuf>,
    /// What it wants to see of us.
    pub papers: Papers,
    /// What is spoken over the websocket (RFC 6455, section 1.9), where it wants to be told.
    pub subprotocol: Option<&'static str>,
}

/// What a service wants to see of us.
#[derive(Clone, Debug)]
pub enum Papers {
    /// The token and headers of these settings, as they are at each attempt.
    Settings(ConnectorSettings),
    /// This token, if any.
    Token(Option<Password>),
    /// This one, which was signed by a key of the settings.
    Signed(Password),
}

impl Papers {
    async fn token(&self) -> Result<Option<Password>, ConnectorFault> {
        match self {
            Self::Settings(of) => Ok(of.secret("token").await?),
            Self::Token(token) => Ok(token.clone()),
            Self::Signed(token) => Ok(Some(token.clone())),
        }
    }

    fn headers(&self) -> Option<&str> {
        match self {
            Self::Settings(of) => of.text("headers"),
            Self::Token(_) | Self::Signed(_) => None,
        }
    }

    /// What to do where they are not accepted.
    fn next_step(&self) -> String {
        match self {
            Self::Settings(_) | Self::Token(_) => gettext("Check the token."),
            Self::Signed(_) => gettext("Check the API key and its secret, and this machine's clock."),
        }
    }
}

/// How long the steps of a connection took, in seconds; `None` where there was no such step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SetUp {
    /// What had to be asked of the service before, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Step>,
    /// Finding the address of the name.
    pub resolve: Option<f64>,
    /// TCP.
    pub connect: Option<f64>,
    /// TLS.
    pub encrypt: Option<f64>,
    /// The websocket, and whatever the service wants to see of us for it.
    pub authenticate: Option<f64>,
    /// Until the service had taken the feed in.
    pub signalling: Option<f64>,
}

/// A step that only some services have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// What the service's protocol calls it; nobody translates that.
    pub name: Cow<'static, str>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

impl SetUp {
    /// The steps that there were, in a line: `resolve 1 ms, connect 12 ms`.
    pub fn words(&self) -> String {
        let before = self.before.iter().map(|step| (step.name.as_ref(), Some(step.seconds)));
        let known = [
            ("resolve", self.resolve),
            ("connect", self.connect),
            ("encrypt", self.encrypt),
            ("authenticate", self.authenticate),
            ("signalling", self.signalling),
        ];
        steps_in_words(&before.chain(known).collect::<Vec<_>>())
    }

    /// Takes the time of a step that comes before the connection, whatever comes of it. One that is taken
    /// again counts as it was the last time.
    pub(in crate::connector) async fn time<T>(&mut self, name: &'static str, step: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let result = step.await;
        self.before.retain(|step| step.name != name);
        self.before.push(Step { name: name.into(), seconds: began.elapsed().as_secs_f64() });
        result
    }
}

impl Server {
    /// The host for people; nothing else of the address, which may hold a token.
    pub(in crate::connector) fn host(&self) -> String {
        let port = self.url.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", self.url.host_str().unwrap_or_default())
    }

    /// Opens a connection; with it comes the address that this machine has in it.
    pub(in crate::connector) async fn dial(
        &self,
        set_up: &mut SetUp,
    ) -> Result<(Socket, Option<IpAddr>), ConnectorFault> {
        let addresses = self.step(&mut set_up.resolve, self.resolve()).await?;
        let stream = self.step(&mut set_up.connect, self.connect(&addresses)).await?;
        let own = stream.local_addr().ok().map(|own| own.ip());
        let stream: Box<dyn Stream> = if self.url.scheme() == "wss" {
            self.step(&mut set_up.encrypt, self.encrypt(stream)).await?
        } else {
            Box::new(stream)
        };
        Ok((self.step(&mut set_up.authenticate, self.open(stream)).await?, own))
    }

    async fn step<T>(
        &self,
        took: &mut Option<f64>,
        step: impl Future<Output = Result<T, ConnectorFault>>,
    ) -> Result<T, ConnectorFault> {
        let began = Instant::now();
        let result = timeout(STEP_WITHIN, step).await.unwrap_or_else(|_| Err(self.silent()))?;
        *took = Some(began.elapsed().as_secs_f64());
        Ok(result)
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, ConnectorFault> {
        let port = self.url.port_or_known_default().unwrap_or_default();
        // An IPv6 address stands in brackets in a URL.
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let found = lookup_host((host.as_str(), port)).await.map(Iterator::collect::<Vec<_>>);
        found.ok().filter(|addresses| !addresses.is_empty()).ok_or_else(|| {
            ConnectorFault::new(
                Kind::NoSuchHost,
                gettext_f("No address is known for “{host}”.", &[("host", &host)]),
                gettext("Check the name, and that this machine has a network."),
            )
        })
    }

    async fn connect(&self, addresses: &[SocketAddr]) -> Result<TcpStream, ConnectorFault> {
        let mut last = io::Error::from(io::ErrorKind::TimedOut);
        for address in addresses {
            match timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = error,
                Err(_) => {}
            }
        }
        Err(self.unreachable(&last))
    }

    async fn encrypt(&self, stream: TcpStream) -> Result<Box<dyn Stream>, ConnectorFault> {
        let config = ClientConfig::builder().with_root_certificates(self.roots()?).with_no_client_auth();
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|_| self.untrusted("its name cannot be in a certificate"))?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        stream.map(|stream| Box::new(stream) as Box<dyn Stream>).map_err(|error| self.untrusted(&error.to_string()))
    }

    /// The system's certificates, and those that the operator named.
    fn roots(&self) -> Result<RootCertStore, ConnectorFault> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = &self.ca {
            roots.add_parsable_certificates(read_certificates(path)?);
        }
        Ok(roots)
    }

    async fn open(&self, stream: Box<dyn Stream>) -> Result<Socket, ConnectorFault> {
        let mut request = self.url.as_str().into_client_request().map_err(|error| self.not_a_websocket(&error))?;
        if let Some(token) = self.papers.token().await? {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| {
                ConnectorFault::settings(gettext("The token holds characters that no header can have."))
            })?;
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        if let Some(text) = self.papers.headers() {
            let headers = headers(text).ok_or_else(|| {
                ConnectorFault::settings(gettext("The headers cannot be used; write “NAME: VALUE; NAME: VALUE”."))
            })?;
            request.headers_mut().extend(headers.into_iter().map(|(name, value)| (Some(name), value)));
        }
        if let Some(subprotocol) = self.subprotocol {
            request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(socket),
            Err(error) => Err(self.not_a_websocket(&error)),
        }
    }

    fn unreachable(&self, error: &io::Error) -> ConnectorFault {
        let host = self.host();
        let host = [("host", host.as_str())];
        let sentence = match error.kind() {
            io::ErrorKind::ConnectionRefused => gettext_f("Nothing listens at {host}.", &host),
            io::ErrorKind::TimedOut => gettext_f("{host} does not answer.", &host),
            _ => gettext_f("There is no way to {host}.", &host),
        };
        ConnectorFault::new(Kind::Unreachable, sentence, gettext("Check that it runs, its address, and the network."))
    }

    fn silent(&self) -> ConnectorFault {
        let sentence = gettext_f("{host} was reached, and does not answer.", &[("host", &self.host())]);
        ConnectorFault::new(Kind::Unreachable, sentence, gettext("Check that the right program listens there."))
    }

    fn untrusted(&self, reason: &str) -> ConnectorFault {
        let sentence = gettext_f(
            // Translators: {reason} is in English.
            "The certificate of {host} is not trusted: {reason}.",
            &[("host", &self.host()), ("reason", reason)],
        );
        let next = gettext("If it is of your own authority, name that one's certificate with `ca`.");
        ConnectorFault::new(Kind::Untrusted, sentence, next)
    }

    fn not_a_websocket(&self, error: &WebSocketError) -> ConnectorFault {
        let host = self.host();
        let answer = match error {
            WebSocketError::Http(response) => Some(response.status()),
            _ => None,
        };
        match answer {
            Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => ConnectorFault::new(
                Kind::Refused,
                gettext_f("{host} does not let us in.", &[("host", &host)]),
                self.papers.next_step(),
            ),
            Some(status) => ConnectorFault::new(
                Kind::Protocol,
                gettext_f(
                    // Translators: {status} is a number, such as 404.
                    "{host} answers {status} where a websocket should be.",
                    &[("host", &host), ("status", status.as_str())],
                ),
                gettext("Check the path in the address."),
            ),
            None => ConnectorFault::new(
                Kind::Protocol,
                gettext_f("{host} does not speak as a websocket does.", &[("host", &host)]),
                gettext("Check the port, and whether it is ws:// or wss://."),
            ),
        }
    }
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectorFault> {
    let shown = path.display().to_string();
    let pem = std::fs::read(path).map_err(|error| {
        ConnectorFault::settings(gettext_f(
            // Translators: {reason} is what the system said.
            "The file {path} of `ca` cannot be read: {reason}.",
            &[("path", &shown), ("reason", &error.to_string())],
        ))
    })?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem).flatten().collect();
    if certificates.is_empty() {
        return Err(ConnectorFault::settings(gettext_f(
            "The file {path} of `ca` holds no certificate.",
            &[("path", &shown)],
        )));
    }
    Ok(certificates)
}

/// Headers in one line, as `NAME: VALUE; NAME: VALUE`; `None` where they are written otherwise.
fn headers(text: &str) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let header = |part: &str| {
        let (name, value) = part.split_once(':')?;
        Some((name.trim().parse().ok()?, value.trim().parse().ok()?))
    };
    text.split(';').map(header).collect()
}
