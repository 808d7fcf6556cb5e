//! The page of the stand-in: its gallery, with a button for each feed.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_SECURITY_POLICY, HOST},
        uri::Authority,
    },
    middleware::{Next, from_fn},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;

use super::{FeedView, Shared};

const PAGE: &str = include_str!("page.html");
const POLICY: &str = "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'";

/// What a button asks for. Other pages cannot: a browser asks before it sends JSON elsewhere.
#[derive(Deserialize)]
struct Wish {
    feed: String,
    #[serde(default)]
    number: Option<u64>,
}

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(async || ([(CONTENT_SECURITY_POLICY, POLICY)], Html(PAGE))))
        .route("/lab/feeds", get(feeds))
        .route("/lab/play", post(play))
        .route("/lab/stop", post(stop))
        .route_layer(from_fn(refuse_other_names))
}

/// A page of somebody else's whose name leads here after a while (DNS rebinding) would be let in like our own.
async fn refuse_other_names(request: Request, next: Next) -> Response {
    if is_called_by_address(request.headers()) {
        return next.run(request).await;
    }
    (StatusCode::MISDIRECTED_REQUEST, "Open this page by its address, such as 127.0.0.1.").into_response()
}

fn is_called_by_address(headers: &HeaderMap) -> bool {
    let authority = headers.get(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    authority.is_some_and(|authority| {
        let host = authority.host().trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
    })
}

async fn feeds(State(shared): State<Arc<Shared>>) -> Json<Vec<FeedView>> {
    Json(shared.views())
}

async fn play(State(shared): State<Arc<Shared>>, Json(wish): Json<Wish>) -> Response {
    match shared.play(&wish.feed, None) {
        Ok(number) => Json(number).into_response(),
        Err(why) => (StatusCode::CONFLICT, why).into_response(),
    }
}

async fn stop(State(shared): State<Arc<Shared>>, Json(wish): Json<Wish>) -> StatusCode {
    if let Some(number) = wish.number {
        shared.end_play(&wish.feed, number);
    }
    StatusCode::NO_CONTENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_leads_to_the_page() {
        let is_let_in = |host: &str| is_called_by_address(&HeaderMap::from_iter([(HOST, host.parse().unwrap())]));
        for own in ["127.0.0.1:8700", "10.0.0.7", "[::1]:8700", "LocalHost:8700"] {
            assert!(is_let_in(own), "{own}");
        }
        for other in ["evil.example:8700", "127.0.0.1.evil.example", "", "localhost.evil.example"] {
            assert!(!is_let_in(other), "{other}");
        }
        assert!(!is_called_by_address(&HeaderMap::new()));
    }
}
