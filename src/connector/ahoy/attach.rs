//! The one request over HTTP, which makes a feed known at a Director.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{
    Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue},
    redirect::{Attempt, Policy},
};
use serde_json::json;
use url::Url;

use super::messages::Attached;
use crate::{
    config::{Codec, ConnectorSettings, FeedId, Password},
    connector::client::{
        ConnectorFault, ConnectorFaultKind as Kind,
        http::{client, host, short_body, unanswered},
    },
    i18n::{gettext, gettext_f},
    webrtc::complete,
};

/// How long the Director may take for its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How often it may send us on.
const MAX_REDIRECTS: usize = 3;
const JSON: &str = "application/json";
/// What of a feed's name is written as it is; a slash is, too.
const WRITTEN_AS_IT_IS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// What a Director is told of a feed.
pub(super) struct Attach<'a> {
    pub(super) base: &'a Url,
    pub(super) settings: &'a ConnectorSettings,
    pub(super) key: &'a Password,
    pub(super) feed: &'a FeedId,
    pub(super) codec: Codec,
}

impl Attach<'_> {
    /// Hands the offer over; comes back with the answer.
    pub(super) async fn send(&self, offer: &str) -> Result<String, ConnectorFault> {
        // The key stands in a header of the Director's own, which would go along to anywhere.
        let client = client(self.settings, ANSWER_WITHIN, Policy::custom(within_one_origin))?;
        let mut key = HeaderValue::from_str(self.key.expose())
            .map_err(|_| ConnectorFault::settings(gettext("The API key holds characters that no header can have.")))?;
        key.set_sensitive(true);
        let body = json!({
            "sdp": offer,
            // A string, and empty: candidates are in the SDP.
            "candidates": "",
            "capabilities": { "video": { "codecs": [self.codec.key().to_uppercase()] } },
            "name": self.feed.as_str(),
        });
        let request = client
            .post(self.address()?)
            .header(ACCEPT, JSON)
            .header("x-api-key", key)
            .header(CONTENT_TYPE, JSON)
            .body(body.to_string());
        let response = request.send().await.map_err(|error| unanswered(self.base, &error))?;
        if !response.status().is_success() {
            return Err(self.refused(response.status()));
        }
        self.answer(response).await
    }

    /// The feed's name behind the address, as it is written there.
    fn address(&self) -> Result<Url, ConnectorFault> {
        let base = self.base.as_str();
        let slash = if base.ends_with('/') { "" } else { "/" };
        let name = utf8_percent_encode(self.feed.as_str(), WRITTEN_AS_IT_IS);
        format!("{base}{slash}{name}").parse().map_err(|_| self.no_answer())
    }

    async fn answer(&self, response: Response) -> Result<String, ConnectorFault> {
        let body = short_body(response).await?.ok_or_else(|| self.no_answer())?;
        let attached: Attached = serde_json::from_slice(&body).map_err(|_| self.no_answer())?;
        // They belong to the last section, which is the only one.
        let sections = attached.sdp.lines().filter(|line| line.starts_with("m=")).count();
        let Some(last) = sections.checked_sub(1) else { return Err(self.no_answer()) };
        let candidates: Vec<_> = attached.candidates().map(|text| (last as u32, text.to_owned())).collect();
        Ok(complete(&attached.sdp, &candidates))
    }

    fn no_answer(&self) -> ConnectorFault {
        let sentence = gettext_f("{host} sends no answer of a Director.", &[("host", &host(self.base))]);
        let next = gettext(
            "Check that the address is the Director's for attaching feeds, such as https://HOST/api/v2/feed/attach/.",
        );
        ConnectorFault::new(Kind::Protocol, sentence, next)
    }

    fn refused(&self, status: StatusCode) -> ConnectorFault {
        let host = host(self.base);
        let values = [("host", host.as_str()), ("status", status.as_str())];
        let (kind, sentence, next) = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                (Kind::Refused, gettext_f("{host} does not let us in.", &values), gettext("Check the API key."))
            }
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE => (
                Kind::Settings,
                gettext_f("{host} attaches no feeds at this path.", &values),
                gettext("Check the path in the address."),
            ),
            status if status.is_redirection() => (
                Kind::Settings,
                gettext_f("{host} redirects in a way that is not followed.", &values),
                gettext("If that is the Director, too, write its address."),
            ),
            _ => (
                Kind::Protocol,
                // Translators: {status} is a number, such as 500.
                gettext_f("{host} answers {status} instead of attaching the feed.", &values),
                gettext("See what the Director says about it."),
            ),
        };
        ConnectorFault::new(kind, sentence, next)
    }
}

/// The others would make a GET of it (RFC 9110, section 15.4).
fn within_one_origin(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let keeps_request = [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT].contains(&attempt.status());
    let is_same = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
    if keeps_request && is_same && attempt.previous().len() <= MAX_REDIRECTS {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{
        Router,
        http::{HeaderMap, StatusCode, header::LOCATION},
        routing::{get, post},
    };
    use tokio::{net::TcpListener, sync::mpsc::unbounded_channel};

    use super::*;
    use crate::{
        config::{ConnectorConfig, Secrets, SessionStore},
        connector::client::http::MAX_ANSWER_BYTES,
    };

    const ANSWER: &str = r#"{"sdp":"v=0\r\nm=application 9 X y\r\n","candidates":[{"candidate":"candidate:1 x"}]}"#;

    async fn serve(routes: Router) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        format!("http://{address}")
    }

    async fn attach(base: &str) -> Result<String, ConnectorFault> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let config = ConnectorConfig::from_line(&format!("one=ahoy,address={base}"), crate::connector::FORMS).unwrap();
        let settings = ConnectorSettings::new(config, Arc::new(Secrets::with_store(SessionStore::default())));
        let (key, feed) = (Password::new("planted"), FeedId::from_name("bow"));
        let base = settings.address("address").unwrap();
        Attach { base: &base, settings: &settings, key: &key, feed: &feed, codec: Codec::H264 }.send("v=0").await
    }

    #[tokio::test]
    async fn the_key_goes_to_no_other_server() {
        let (tell, mut told) = unbounded_channel();
        let take = post(move |headers: HeaderMap| async move {
            let _ = tell.send(headers.contains_key("x-api-key"));
            ANSWER
        });
        let other = serve(Router::new().route("/feed/bow", take.clone())).await;
        let elsewhere = format!("{other}/feed/bow");
        let director = serve(
            Router::new()
                .route("/feed/bow", take)
                .route("/feed/bow", get(async || ANSWER))
                .route("/near/bow", post(async || (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, "/feed/bow")])))
                .route("/far/bow", post(async move || (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, elsewhere)])))
                .route("/moved/bow", post(async || (StatusCode::FOUND, [(LOCATION, "/feed/bow")]))),
        )
        .await;
        let answer = attach(&format!("{director}/near/")).await.unwrap();
        assert!(answer.ends_with("a=candidate:1 x\r\na=end-of-candidates\r\n"), "{answer}");
        assert_eq!(told.recv().await, Some(true));
        for path in ["far", "moved"] {
            let fault = attach(&format!("{director}/{path}")).await.unwrap_err();
            assert!(fault.to_string().contains("redirects in a way that is not followed"), "{path}: {fault}");
        }
        assert!(told.try_recv().is_err(), "the other server was asked");
    }

    #[tokio::test]
    async fn what_is_no_answer_of_a_director_is_said_in_words() {
        let answer = |body: &'static str| async move { body };
        let routes = Router::new()
            .route("/page/bow", post(move || answer("<html>")))
            .route("/empty/bow", post(move || answer(r#"{"sdp":"","candidates":[]}"#)))
            .route("/endless/bow", post(async || "x".repeat(MAX_ANSWER_BYTES + 1)))
            .route("/busy/bow", post(async || StatusCode::SERVICE_UNAVAILABLE));
        let director = serve(routes).await;
        for path in ["page", "empty", "endless"] {
            let fault = attach(&format!("{director}/{path}/")).await.unwrap_err();
            assert!(fault.to_string().contains("sends no answer of a Director"), "{path}: {fault}");
        }
        let fault = attach(&format!("{director}/busy/")).await.unwrap_err();
        assert!(fault.to_string().contains("answers 503 instead of attaching"), "{fault}");
    }
}
