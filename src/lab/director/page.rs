//! The page of the stand-in: its gallery, with a button for each feed.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_SECURITY_POLICY},
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
