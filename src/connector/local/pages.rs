//! The viewer page and its files, built into the program.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// A file that is served as it is.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    body: &'static [u8],
}

macro_rules! asset {
    ($name:literal, $content_type:literal) => {
        Asset {
            name: $name,
            content_type: $content_type,
            body: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/resources/viewer/", $name)),
        }
    };
}

/// The page itself: the wall of all feeds, and one feed's page.
const INDEX: Asset = asset!("index.html", "text/html; charset=utf-8");

const ASSETS: [Asset; 10] = [
    asset!("channels.js", "text/javascript; charset=utf-8"),
    asset!("icon.svg", "image/svg+xml"),
    asset!("codecs.js", "text/javascript; charset=utf-8"),
    asset!("main.js", "text/javascript; charset=utf-8"),
    asset!("picture-age.js", "text/javascript; charset=utf-8"),
    asset!("picture-delay.js", "text/javascript; charset=utf-8"),
    asset!("session.js", "text/javascript; charset=utf-8"),
    asset!("signalling.js", "text/javascript; charset=utf-8"),
    asset!("tile.js", "text/javascript; charset=utf-8"),
    asset!("viewer.css", "text/css; charset=utf-8"),
];

/// The viewer page.
pub(super) fn index(request: &HeaderMap) -> Response {
    INDEX.answer(request)
}

/// One of the page's files.
pub(super) fn asset(name: &str, request: &HeaderMap) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => asset.answer(request),
        None => not_found(),
    }
}

/// The answer for everything that is not here.
pub(super) fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "There is nothing at this address. All feeds are at “/”.\n").into_response()
}

impl Asset {
    /// The file, or word that the browser's copy is still the right one. Browsers
    /// ask each time: after an update no page runs with old scripts.
    fn answer(&self, request: &HeaderMap) -> Response {
        let tag = self.tag();
        let known = request.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let headers = [(CACHE_CONTROL, "no-cache"), (ETAG, tag.as_str())];
        if known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag)) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        (headers, [(CONTENT_TYPE, self.content_type)], Body::from(self.body)).into_response()
    }

    fn tag(&self) -> String {
        let hash: [u8; 32] = Sha256::digest(self.body).into();
        let start = hash.first_chunk().map_or(0, |start| u64::from_be_bytes(*start));
        format!("\"{start:016x}\"")
    }
}

/// Adds what every answer carries: the page may load and reach only us, and
/// tells nobody where it is.
///
/// `authority` is the checked `Host` of the request; naming it lets the
/// websocket through in browsers for which `'self'` means HTTP only.
pub(super) fn harden(response: &mut Response, authority: &str, secure: bool) {
    let scheme = if secure { "wss" } else { "ws" };
    let policy = format!(
        "default-src 'self'; connect-src 'self' {scheme}://{authority}; object-src 'none'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}
