//! What is where, and the guard in front of it.

use std::sync::Arc;

use axum::Router;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, LOCATION, REFRESH, SET_COOKIE, UPGRADE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;

use super::access::{Access, Pass, without_token};
use super::{pages, socket, whep};
use crate::connector::{hub::Hub, switchboard::Switchboard};
use crate::stats::prometheus;

/// Answers what Prometheus is told, in the form of [`crate::stats::prometheus`].
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What requests need to be answered.
struct Shared {
    access: Arc<Access>,
    secure: bool,
    board: Arc<dyn Switchboard>,
    metrics: Option<Metrics>,
    stopping: watch::Receiver<bool>,
}

/// Everything that is served at the listener.
pub(super) fn router(
    access: Access,
    secure: bool,
    hub: Arc<Hub>,
    metrics: Metrics,
    stopping: watch::Receiver<bool>,
) -> Router {
    let access = Arc::new(access);
    let players = whep::router(Arc::clone(&access), secure, Arc::clone(&hub), stopping.clone());
    let shared = Shared { access, secure, board: hub, metrics: Some(metrics), stopping };
    let pages = Router::new()
        .route("/", get(page_or_socket))
        .route("/signalling", get(open_socket))
        .route("/feed/{id}", get(page))
        .route("/viewer/{file}", get(asset))
        .route("/metrics", get(figures));
    guarded(pages, shared).merge(players)
}

/// Everything that is served where others meet.
pub(super) fn relay(
    access: Access,
    secure: bool,
    board: Arc<dyn Switchboard>,
    stopping: watch::Receiver<bool>,
) -> Router {
    let shared = Shared { access: Arc::new(access), secure, board, metrics: None, stopping };
    guarded(Router::new().route("/", get(open_socket)), shared)
}

fn guarded(routes: Router<Arc<Shared>>, shared: Shared) -> Router {
    let shared = Arc::new(shared);
    routes
        .fallback(nothing_here)
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guard))
        // After the guard: what watches over containers shows no token, and learns nothing.
        .route("/healthz", get(async || "ok"))
        .with_state(shared)
}

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// The npm client opens its websocket at the root.
async fn page_or_socket(state: State<Arc<Shared>>, upgrade: Upgrade, headers: HeaderMap) -> Response {
    if wants_socket(&headers) { open_socket(state, upgrade).await } else { pages::index(&headers) }
}

async fn open_socket(State(shared): State<Arc<Shared>>, upgrade: Upgrade) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let (board, stopping) = (Arc::clone(&shared.board), shared.stopping.clone());
    upgrade
        .max_message_size(socket::MAX_FRAME_BYTES)
        .max_frame_size(socket::MAX_FRAME_BYTES)
        .on_upgrade(move |socket| socket::serve(socket, board, stopping))
}

async fn page(headers: HeaderMap) -> Response {
    pages::index(&headers)
}

async fn asset(Path(file): Path<String>, headers: HeaderMap) -> Response {
    pages::asset(&file, &headers)
}

async fn figures(State(shared): State<Arc<Shared>>) -> Response {
    let metrics = shared.metrics.as_ref().map(|metrics| metrics()).unwrap_or_default();
    ([(CONTENT_TYPE, prometheus::CONTENT_TYPE), (CACHE_CONTROL, "no-store")], metrics).into_response()
}

async fn nothing_here() -> Response {
    pages::not_found()
}

/// Lets a request pass or says why not.
async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let authority = request.headers().get(HOST).cloned();
    let mut response = match shared.access.judge(request.uri(), request.headers()) {
        Err(denied) => denied.into_response(),
        Ok(Pass::WithTokenInAddress) if is_page(&request) => shed_token(&shared.access, &request),
        Ok(_) => next.run(request).await,
    };
    let authority = authority.as_ref().and_then(|value| value.to_str().ok());
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        pages::harden(&mut response, authority.unwrap_or_default(), shared.secure);
    }
    response
}

/// Moves the token from a page's address into a cookie.
///
/// Browsers keep a `SameSite=Strict` cookie back on a redirect that began with
/// a click on another site's page. There, the page we answer with reloads
/// itself, which begins with us.
fn shed_token(access: &Access, request: &Request) -> Response {
    let target = without_token(request.uri());
    let site = request.headers().get("sec-fetch-site").map(HeaderValue::as_bytes);
    let from_elsewhere = matches!(site, Some(b"cross-site" | b"same-site"));
    let headers = [(SET_COOKIE, access.cookie().unwrap_or_default()), (CACHE_CONTROL, "no-store".to_owned())];
    if from_elsewhere {
        (headers, [(REFRESH, format!("0; url={target}"))], "Opening the viewer page…\n").into_response()
    } else {
        (StatusCode::SEE_OTHER, headers, [(LOCATION, target)]).into_response()
    }
}

fn is_page(request: &Request) -> bool {
    let path = request.uri().path();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    reads && (path == "/" || path.starts_with("/feed/")) && !wants_socket(request.headers())
}

fn wants_socket(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}
