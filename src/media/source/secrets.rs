//! Whether a text that somebody else wrote gives a camera's secrets away.
//!
//! GStreamer is told the password and the whole address, and nobody promises
//! that its messages keep them. A text with a secret in it is not repeated at
//! all: with the secret cut out, a short one could still be guessed from the gaps.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::rtsp::RtspSource;

/// Whether the text holds the camera's password, or a part of its address that is not shown.
pub(super) fn holds_secret(text: &str, source: &RtspSource) -> bool {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    secrets(source).iter().any(|secret| text.contains(secret.as_str()) || decoded.contains(secret.as_str()))
}

/// Everything that must not be shown, in all the forms it is written in.
fn secrets(source: &RtspSource) -> Vec<String> {
    let password = source.credentials.as_ref().map(|credentials| credentials.password.expose());
    let mut secrets: Vec<String> = password
        .into_iter()
        .flat_map(|password| [password.to_owned(), utf8_percent_encode(password, NON_ALPHANUMERIC).to_string()])
        .collect();
    // What the address shows as “…” stands whole in this form only.
    let (whole, shown) = (source.address.as_str(), source.address.to_string());
    if whole != shown {
        secrets.extend(whole.split(['/', '?', '&']).filter(|part| part.contains('=')).map(str::to_owned));
        secrets.extend(whole.split_once('?').map(|(_, query)| query.to_owned()));
    }
    secrets.retain(|secret| !secret.is_empty());
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Credentials, Password, SourceAddress},
        media::source::Transport,
    };

    fn source(address: &str, password: Option<&str>) -> RtspSource {
        let (address, _) = SourceAddress::parse(address).unwrap();
        let credentials = password.map(|password| Credentials { user: "me".into(), password: Password::new(password) });
        RtspSource { credentials, ..RtspSource::new(address, Transport::Udp) }
    }

    #[test]
    fn a_password_is_found_in_every_form() {
        let source = source("rtsp://h/s", Some("p@ss w%rd/ä"));
        for text in ["p@ss w%rd/ä", "rtsp://me:p%40ss%20w%25rd%2F%C3%A4@h/s", "rtsp://me:p%40ss%20w%25rd/%c3%a4@h/s"] {
            assert!(holds_secret(text, &source), "{text}");
        }
        assert!(!holds_secret("Unauthorized (401)", &source));
    }

    #[test]
    fn what_an_address_hides_is_found() {
        let source = source("rtsp://h/user=me_password=planted/s?pw=planted2&x=1", None);
        for text in ["user=me_password=planted", "cannot open rtsp://h/s?pw=planted2"] {
            assert!(holds_secret(text, &source), "{text}");
        }
        assert!(!holds_secret("cannot open h", &source));
    }

    #[test]
    fn without_secrets_everything_may_be_shown() {
        assert!(!holds_secret("cannot open rtsp://h/s", &source("rtsp://h/s", None)));
        assert!(!holds_secret("cannot open rtsp://h/s", &source("rtsp://h/s", Some(""))));
    }
}
