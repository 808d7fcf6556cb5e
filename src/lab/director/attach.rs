//! The request over HTTP by which a feed is attached.

use std::sync::{Arc, atomic::Ordering};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::{Shared, control::Attached};
use crate::webrtc::apart;

/// As at a Director.
pub(super) const PATH: &str = "/api/v2/feed/attach/";
const CODECS: [&str; 5] = ["H264", "H265", "VP8", "VP9", "AV1"];

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/api/v2/feed/attach/{*name}", post(attach))
}

/// What a connector sends; nothing more and nothing less.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    sdp: String,
    candidates: String,
    capabilities: Capabilities,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Capabilities {
    video: Video,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Video {
    codecs: Vec<String>,
}

async fn attach(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    shared.requests.fetch_add(1, Ordering::Relaxed);
    let key = headers.get("x-api-key").map(HeaderValue::as_bytes).unwrap_or_default();
    if !bool::from(key.ct_eq(shared.key.expose().as_bytes())) {
        tracing::info!("Somebody who has another API key wants to attach “{name}”.");
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let refuse = |why: String| {
        shared.complain(format!("The attach of “{name}” is refused: {why}"));
        (StatusCode::BAD_REQUEST, why).into_response()
    };
    let body = match check(&name, &headers, &body) {
        Ok(body) => body,
        Err(why) => return refuse(why),
    };
    let codec = body.capabilities.video.codecs[0].clone();
    match Attached::answer(&shared, &name, codec, &body.sdp).await {
        Ok(answer) => {
            let (sdp, candidates) = apart(&answer);
            let candidates: Vec<Value> =
                candidates.into_iter().map(|(_, candidate)| json!({ "candidate": candidate })).collect();
            tracing::info!("“{name}” is attached.");
            Json(json!({ "sdp": sdp, "candidates": candidates })).into_response()
        }
        Err(fault) => refuse(format!("{fault}.")),
    }
}

fn check(name: &str, headers: &HeaderMap, body: &[u8]) -> Result<Body, String> {
    for header in ["accept", "content-type"] {
        if headers.get(header).is_none_or(|value| value != "application/json") {
            return Err(format!("The header “{header}” is not application/json."));
        }
    }
    let body: Body =
        serde_json::from_slice(body).map_err(|error| format!("The body is not as it should be: {error}."))?;
    let codecs = &body.capabilities.video.codecs;
    if !body.candidates.is_empty() {
        return Err("“candidates” is not an empty string.".to_owned());
    }
    if codecs.is_empty() || !codecs.iter().all(|codec| CODECS.contains(&codec.as_str())) {
        return Err(format!("“codecs” are not among {}.", CODECS.join(", ")));
    }
    if body.name != name {
        return Err("“name” is not that of the address.".to_owned());
    }
    let has = |line: &str| body.sdp.lines().any(|other| other.starts_with(line));
    if !has("m=application ") || has("m=video") || !has("a=candidate:") {
        return Err("The offer is not one of data channels, with candidates in it.".to_owned());
    }
    Ok(body)
}
