//! Feeds for players that speak WHEP (draft-ietf-wish-whep): one request with an offer, one answer.
//!
//! ```text
//! player ──POST /whep/FEED──────────► here ─► players ─► hub      the answer, candidates inside
//!    └─────PATCH, DELETE /whep/FEED/SESSION ─────┘                further candidates, goodbye
//! ```
//!
//! Players come from pages of any origin that the viewer page may be used from, and from programs. They
//! show the token as a bearer or as `?token=`. What a session is called cannot be guessed, so that its
//! address is all that is needed to end it: players that were given an address with a token in it have
//! nothing to show later.
//!
//! A viewer is told no ICE servers, as the page is not: it is reached by those that this side uses, whose
//! passwords are nobody else's.

mod fragment;
mod players;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, HOST, IF_MATCH, LOCATION,
    ORIGIN, RETRY_AFTER, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;
use tokio::time::timeout;
use url::form_urlencoded;

use super::access::Access;
use super::pages;
use crate::config::FeedConfig;
use crate::connector::hub::{Answered, Guest, Hub, short};
use crate::connector::sdp::asking;
use crate::webrtc::IceAddresses;
use fragment::{Fragment, Offer};
use players::{MAX_PLAYERS, NotTaken, Players};

/// A player has its answer by then, or is told to come again. People wait three seconds.
const ANSWER_WITHIN: Duration = Duration::from_millis(2500);

/// When a player that found no picture should come again, in seconds.
const COME_AGAIN: &str = "2";

/// How long a body may take to come.
const BODY_WITHIN: Duration = Duration::from_secs(5);

/// The longest offer or fragment, in bytes; browsers' offers have a quarter of it.
const MAX_BODY_BYTES: usize = 32 * 1024;

/// What a player is called that does not say who it is.
const UNNAMED: &str = "WHEP player";

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// What requests need to be answered.
struct Whep {
    access: Arc<Access>,
    secure: bool,
    hub: Arc<Hub>,
    players: Arc<Players>,
}

/// Everything below `/whep`.
pub(super) fn router(access: Arc<Access>, secure: bool, hub: Arc<Hub>, stopping: watch::Receiver<bool>) -> Router {
    let whep = Arc::new(Whep { access, secure, hub, players: Players::new(stopping) });
    Router::new()
        .route("/whep/{feed}", get(nothing).post(begin).options(offers_are_taken))
        .route("/whep/{feed}/{session}", get(session).patch(trickle).delete(end).options(fragments_are_taken))
        .layer(middleware::from_fn_with_state(Arc::clone(&whep), admit))
        .with_state(whep)
}

/// Why a request is not done, for whoever looks at the player.
struct Refusal {
    status: StatusCode,
    sentence: String,
    may_come_again: bool,
}

impl Refusal {
    fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into(), may_come_again: false }
    }

    fn for_now(sentence: impl Into<String>) -> Self {
        Self { may_come_again: true, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, sentence) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, format!("{}\n", self.sentence)).into_response();
        if self.may_come_again {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(COME_AGAIN));
        }
        response
    }
}

/// Lets a request pass or says why not, and lets the page that it comes from read the answer.
async fn admit(State(whep): State<Arc<Whep>>, request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let place = whep.access.judge_place(&headers);
    let is_from_known_page = place.is_ok();
    // A browser asks with OPTIONS, before it shows anything, whether it may. A session's name is proof enough.
    let needs_token = *request.method() != Method::OPTIONS && !is_session(request.uri());
    let verdict = if needs_token { whep.access.judge_player(request.uri(), &headers) } else { place };
    let mut response = match verdict {
        Ok(()) => next.run(request).await,
        Err(denied) => denied.into_response(),
    };
    if is_from_known_page {
        share(&mut response, headers.get(ORIGIN));
    }
    let authority = headers.get(HOST).and_then(|value| value.to_str().ok());
    pages::harden(&mut response, authority.unwrap_or_default(), whep.secure);
    response
}

fn is_session(uri: &Uri) -> bool {
    uri.path().split('/').filter(|part| !part.is_empty()).count() > 2
}

/// Lets a page of this origin read the answer (Fetch, section 3.3). Never with cookies: those are for our own.
fn share(response: &mut Response, origin: Option<&HeaderValue>) {
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let Some(origin) = origin else { return };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PATCH, DELETE, OPTIONS"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, If-Match"),
        (ACCESS_CONTROL_EXPOSE_HEADERS, "Accept-Patch, Accept-Post, ETag, Location, Retry-After"),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// An endpoint has no form of its own (section 4.1).
async fn nothing(State(whep): State<Arc<Whep>>, Path(feed): Path<String>) -> Result<StatusCode, Refusal> {
    whep.check_feed(&feed)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn session(
    State(whep): State<Arc<Whep>>,
    Path((feed, session)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    if whep.players.has(&feed, &session) { Ok(StatusCode::NO_CONTENT) } else { Err(no_session()) }
}

async fn offers_are_taken() -> Response {
    [("accept-post", SDP)].into_response()
}

async fn fragments_are_taken() -> Response {
    [("accept-patch", FRAGMENT)].into_response()
}

/// Takes an offer and gives the answer (section 4.2).
async fn begin(
    State(whep): State<Arc<Whep>>,
    Path(feed): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    whep.check_feed(&feed)?;
    expect(&headers, SDP)?;
    let offer = text_of(body).await?;
    let offer = Offer::read(&offer).ok_or_else(|| {
        Refusal::new(StatusCode::BAD_REQUEST, "The body is no offer: SDP with a media section for a picture is.")
    })?;
    if let Some(sentence) = whep.hub.unable(&feed, &offer.sdp) {
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, sentence));
    }
    let place = whep.players.place().ok_or_else(|| {
        Refusal::for_now(format!("{MAX_PLAYERS} players are here, which is the most there can be. Try again later."))
    })?;
    let (name, asked, servers) = (name_in(&uri), asking(&offer.sdp), IceAddresses::default());
    let asked = Guest::ask(&whep.hub, &feed, Some(&name), &asked, &servers, ANSWER_WITHIN).await;
    let (guest, answer) = match asked.map_err(|refused| Refusal::for_now(refused.to_string()))? {
        Answered::Shown(guest, answer) => (guest, answer),
        Answered::NotYet(guest) => {
            whep.players.keep_awake(guest, place);
            // The sentence of the feed's state is that for people.
            let why = whep.hub.feed_status(&feed).map(|status| status.text).unwrap_or_default();
            return Err(Refusal::for_now(format!("There is no picture now. {why}").trim()));
        }
        Answered::Never => {
            let sentence = "The offer cannot be answered with a picture.";
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, sentence));
        }
    };
    let ticket = whep.players.seat(&feed, offer, guest, place);
    let location = format!("/whep/{feed}/{}", ticket.id);
    let headers = [(LOCATION, location), (ETAG, ticket.tag), (CONTENT_TYPE, SDP.to_owned())];
    Ok((StatusCode::CREATED, headers, [("accept-patch", FRAGMENT)], answer).into_response())
}

/// Takes further candidates (section 4.3.1). ICE cannot be begun anew in a session: a new one is to be had as soon.
async fn trickle(
    State(whep): State<Arc<Whep>>,
    Path((feed, session)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    if !whep.players.has(&feed, &session) {
        return Err(no_session());
    }
    expect(&headers, FRAGMENT)?;
    let tag = headers.get(IF_MATCH).ok_or_else(|| {
        let sentence = "“If-Match” is missing: give it the “ETag” of the answer.";
        Refusal::new(StatusCode::PRECONDITION_REQUIRED, sentence)
    })?;
    let tag = tag.to_str().unwrap_or_default().trim();
    let fragment = text_of(body).await?;
    let fragment = Fragment::read(&fragment)
        .ok_or_else(|| Refusal::new(StatusCode::BAD_REQUEST, "The body is no fragment of SDP with ICE candidates."))?;
    let taken = whep.players.trickle(&feed, &session, Some(tag).filter(|tag| *tag != "*"), fragment);
    taken.map(|()| StatusCode::NO_CONTENT).map_err(|not_taken| match not_taken {
        NotTaken::NoSession => no_session(),
        NotTaken::OtherTag => {
            Refusal::new(StatusCode::PRECONDITION_FAILED, "“If-Match” is not the “ETag” of this session's answer.")
        }
        NotTaken::Restart => {
            let sentence = "ICE is not begun anew in a session here. End it, and begin another.";
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, sentence)
        }
        NotTaken::Busy => Refusal::for_now("The session is too busy for this. Try again in a moment."),
    })
}

/// Ends a session (section 4.2.2).
async fn end(
    State(whep): State<Arc<Whep>>,
    Path((feed, session)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    if whep.players.end(&feed, &session) { Ok(StatusCode::OK) } else { Err(no_session()) }
}

impl Whep {
    fn check_feed(&self, feed: &str) -> Result<(), Refusal> {
        let sentence = || format!("There is no feed “{}” here. All feeds are at “/”.", short(feed));
        self.hub.feed_status(feed).map(|_| ()).ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, sentence()))
    }
}

fn no_session() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "There is no such session; it may have ended. Begin another.")
}

/// A body has to be what it is sent here for.
fn expect(headers: &HeaderMap, wanted: &str) -> Result<(), Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_wanted = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted));
    let sentence = || format!("Only “{wanted}” is taken here, and the body is “{}”.", short(kind));
    is_wanted.then_some(()).ok_or_else(|| Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence()))
}

async fn text_of(body: Body) -> Result<String, Refusal> {
    let too_long = format!("The body is longer than {MAX_BODY_BYTES} bytes, and no more are read.");
    match timeout(BODY_WITHIN, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(bytes)) => String::from_utf8(bytes.into())
            .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "The body is no text in UTF-8.")),
        Ok(Err(_)) => Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, too_long)),
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "The body did not come in time.")),
    }
}

/// What a player calls itself: `?name=`, as for the viewer page.
fn name_in(uri: &Uri) -> String {
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let name = query.into_owned().find(|(key, _)| key == "name").map(|(_, name)| name);
    name.filter(|name| FeedConfig::check_name(name).is_ok()).unwrap_or_else(|| UNNAMED.to_owned())
}
