//! What an endpoint says to an offer: its answer, or why there is none.

use reqwest::{Response, StatusCode, header::CONTENT_TYPE, redirect::Policy};
use url::Url;

use crate::{
    connector::{
        client::{
            ConnectorFault, ConnectorFaultKind as Kind,
            http::{host, short_body},
        },
        hub::is_short_enough,
        sdp,
    },
    i18n::{gettext, gettext_f},
};

/// How often an endpoint may send us on.
const MAX_REDIRECTS: usize = 3;
pub(super) const SDP: &str = "application/sdp";

/// Which redirects are followed. Credentials do not go along to another origin: reqwest takes them off.
pub(super) fn redirects() -> Policy {
    Policy::custom(|to| if may_follow(to.status(), to.previous(), to.url()) { to.follow() } else { to.stop() })
}

/// Those that leave the request as it is, which are the only ones an endpoint may use (RFC 9725, section 4.5), and
/// lead from no encrypted place to a plain one.
fn may_follow(status: StatusCode, past: &[Url], next: &Url) -> bool {
    let keeps_request = [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT].contains(&status);
    let is_encrypted = |url: &Url| url.scheme() == "https";
    let stays_encrypted = is_encrypted(next) || !past.iter().any(is_encrypted);
    keeps_request && stays_encrypted && past.len() <= MAX_REDIRECTS
}

/// The answer in a response that says that there is one.
///
/// # Errors
/// It is none by which a connection can be made, or takes no picture.
pub(super) async fn answer(response: Response) -> Result<String, ConnectorFault> {
    let from = response.url().clone();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_sdp = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(SDP));
    let body = if is_sdp { short_body(response).await? } else { None };
    let text = body.and_then(|body| String::from_utf8(body).ok()).unwrap_or_default();
    if sdp::refuses_pictures(&text) {
        return Err(not_taken(&host(&from)));
    }
    if !is_short_enough(&text) {
        let sentence = gettext_f("{host} sends an answer that is too long to be read.", &[("host", &host(&from))]);
        return Err(ConnectorFault::new(Kind::Protocol, sentence, gettext("See what the server says about it.")));
    }
    if text.starts_with("v=") && sdp::can_connect(&text) { Ok(text) } else { Err(no_answer(&from)) }
}

fn no_answer(from: &Url) -> ConnectorFault {
    let sentence = gettext_f("{host} sends no answer that can be used.", &[("host", &host(from))]);
    ConnectorFault::new(Kind::Protocol, sentence, gettext("Check that the address is a WHIP endpoint's."))
}

fn not_taken(host: &str) -> ConnectorFault {
    let sentence = gettext_f("{host} does not take the offer.", &[("host", host)]);
    ConnectorFault::new(Kind::Settings, sentence, gettext("Try another codec."))
}

/// What the endpoint means by a response without an answer (RFC 9725, section 4).
pub(super) fn refused(endpoint: &Url, response: &Response) -> ConnectorFault {
    // It may have sent us on, to where the token does not go.
    let (from, status) = (response.url(), response.status());
    let is_elsewhere = from.origin() != endpoint.origin();
    let host = host(from);
    let values = [("host", host.as_str()), ("status", status.as_str())];
    let (kind, sentence, next) = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (
            Kind::Refused,
            gettext_f("{host} does not let us in.", &values),
            if is_elsewhere {
                gettext("The address redirects there, and the token does not go along: write that server's address.")
            } else {
                gettext("Check the token.")
            },
        ),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE => (
            Kind::Settings,
            gettext_f("{host} has no WHIP endpoint at this path.", &values),
            gettext("Check the path in the address."),
        ),
        StatusCode::CONFLICT => (
            Kind::Refused,
            gettext_f("Somebody else publishes at this endpoint of {host}.", &values),
            gettext("End that one, or take another address."),
        ),
        StatusCode::NOT_ACCEPTABLE | StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::UNPROCESSABLE_ENTITY => {
            return not_taken(&host);
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            (Kind::Protocol, gettext_f("{host} has no room for the feed now.", &values), String::new())
        }
        status if status.is_redirection() => (
            Kind::Settings,
            gettext_f("{host} redirects in a way that is not followed.", &values),
            gettext("Write the address that it redirects to, if you trust that one."),
        ),
        _ => (
            Kind::Protocol,
            // Translators: {status} is a number, such as 500.
            gettext_f("{host} answers {status} instead of taking the feed.", &values),
            gettext("See what the server says about it."),
        ),
    };
    ConnectorFault::new(kind, sentence, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_that_no_feed_is_told_is_refused_in_words() {
        let of = |fill: usize| {
            let sdp = "v=0\r\na=fingerprint:sha-256 00\r\nm=video 9 X 96\r\na=ice-ufrag:x\r\n";
            let body = format!("{sdp}s={}\r\n", "x".repeat(fill));
            answer(axum::http::Response::builder().header(CONTENT_TYPE, SDP).body(body).unwrap().into())
        };
        assert!(of(1000).await.is_ok());
        let fault = of(65 * 1024).await.unwrap_err();
        assert!(fault.to_string().contains("too long to be read"), "{fault}");
    }

    #[test]
    fn redirects_are_followed_that_keep_the_request_and_its_secrecy() {
        let [plain, encrypted] = ["http://a.ship/whip", "https://b.ship/whip"].map(|url| url.parse::<Url>().unwrap());
        let follow = |status, past: &[&Url], next| {
            let past: Vec<Url> = past.iter().copied().cloned().collect();
            may_follow(StatusCode::from_u16(status).unwrap(), &past, next)
        };
        assert!(follow(307, &[&plain], &encrypted) && follow(308, &[&plain], &plain));
        assert!(follow(307, &[&encrypted], &encrypted) && !follow(307, &[&encrypted], &plain));
        assert!(!follow(307, &[&encrypted, &encrypted], &plain));
        for status in [300, 301, 302, 303] {
            assert!(!follow(status, &[&plain], &plain), "{status} makes a GET of it");
        }
        assert!(follow(307, &[&plain; 3], &plain) && !follow(307, &[&plain; 4], &plain));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn whatever_an_endpoint_answers_is_an_answer_or_a_short_sentence() {
        const ANSWER: &str = "v=0\r\nm=video 9 X 96\r\na=ice-ufrag:x\r\na=fingerprint:sha-256 00\r\n";
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let shown = "http://a.ship/".parse().unwrap();
        crate::fuzz::texts(&[ANSWER], |text| {
            let response = |status| {
                let response = axum::http::Response::builder().status(status).header(CONTENT_TYPE, SDP);
                Response::from(response.body(text.to_owned()).unwrap())
            };
            // Any status, too.
            let status = 200 + u16::try_from(text.len() % 400).unwrap();
            let why = refused(&shown, &response(status)).to_string();
            assert!(why.len() < 300, "{why}");
            match runtime.block_on(answer(response(201))) {
                Ok(answer) => sdp::can_connect(&answer),
                Err(fault) => {
                    assert!(fault.to_string().len() < 300, "{fault}");
                    false
                }
            }
        });
    }
}
