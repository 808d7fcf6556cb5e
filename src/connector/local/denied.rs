//! What somebody is told who may not pass.

use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::{IntoResponse, Response};

use super::access::Denied;

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let text = format!("{self}\n");
        match self {
            Self::Host(_) | Self::Origin(_) => (StatusCode::FORBIDDEN, text).into_response(),
            Self::NoToken | Self::WrongToken => {
                (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], text).into_response()
            }
        }
    }
}
