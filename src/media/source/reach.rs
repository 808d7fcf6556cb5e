//! Why a camera cannot be reached: asked only after an attempt failed without
//! saying, so that a camera that works never sees a second connection.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, lookup_host},
    time::timeout,
};

use super::transport::is_encrypted;
use crate::{
    config::SourceAddress,
    i18n::{gettext, gettext_f},
    media::{FaultKind, MediaFault},
};

/// How long each step may take. Short: the attempt before has waited already,
/// and the feed's next one waits for the answer. With the source's own patience, five
/// steps stay within the supervisor's.
const PATIENCE: Duration = Duration::from_millis(1100);

/// What every RTSP server answers, whatever streams it has (RFC 2326, section 10.1).
/// It names no address: nobody knows who listens there.
const QUESTION: &[u8] = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";

/// What stands between us and the camera, if it can be found out.
pub async fn diagnose(address: &SourceAddress) -> Option<MediaFault> {
    let (host, port) = (address.host(), address.port());
    let place = Place { host, port: &port.to_string() };
    let Ok(Ok(mut found)) = timeout(PATIENCE, lookup_host((host.trim_matches(['[', ']']), port))).await else {
        return Some(place.host_not_found());
    };
    let stream = match timeout(PATIENCE, TcpStream::connect(found.next()?)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => return Some(place.refused()),
        Ok(Err(_)) | Err(_) => return Some(place.unreachable()),
    };
    let encrypted = is_encrypted(address);
    let hello = client_hello(host);
    let questions = if encrypted { [&hello, QUESTION] } else { [QUESTION, &hello] };
    let first = ask(stream, questions[0]).await;
    match (encrypted, &first) {
        (true, Speech::Tls) | (false, Speech::Rtsp) => return None,
        (true, Speech::OtherTls) => return Some(place.unsafe_tls()),
        (false, Speech::OtherTls | Speech::Tls) => return Some(place.tls()),
        _ => {}
    }
    // It did not understand, or waits for more of what it takes for TLS: whether it does in the other language decides the advice.
    let again = timeout(PATIENCE, TcpStream::connect((host.trim_matches(['[', ']']), port))).await.ok()?.ok()?;
    Some(match (encrypted, ask(again, questions[1]).await) {
        (true, Speech::Rtsp) => place.no_tls(),
        (false, Speech::Tls | Speech::OtherTls) => place.tls(),
        (_, Speech::Nothing) => place.mute(),
        _ => place.other_protocol(),
    })
}

/// What somebody speaks, by the first bytes of the answer.
#[derive(Debug, Eq, PartialEq)]
enum Speech {
    Rtsp,
    /// TLS of a version that is safe.
    Tls,
    /// TLS, but not in a version or with ciphers that are safe.
    OtherTls,
    /// Something else, or goodbye.
    Other,
    /// It takes the question and keeps silent.
    Nothing,
}

impl Speech {
    /// As long as a TLS server's choice of version is in it (RFC 5246, sections 6.2.1 and 7.4).
    const LENGTH: usize = 11;

    fn of(reply: &[u8]) -> Self {
        match reply {
            [b'R', b'T', b'S', b'P', b'/', ..] => Self::Rtsp,
            // A handshake record with a server hello, whose version is 3.3 from TLS 1.2 on.
            [22, 3, _, _, _, 2, _, _, _, 3, 3, ..] => Self::Tls,
            // An older version, or the alert that there is none in common.
            [21 | 22, 3, ..] => Self::OtherTls,
            _ => Self::Other,
        }
    }
}

async fn ask(mut stream: TcpStream, question: &[u8]) -> Speech {
    let mut reply = Vec::new();
    let asked = async {
        stream.write_all(question).await?;
        stream.take(Speech::LENGTH as u64).read_to_end(&mut reply).await
    };
    match timeout(PATIENCE, asked).await {
        Err(_) if reply.is_empty() => Speech::Nothing,
        _ => Speech::of(&reply),
    }
}

/// How a TLS client begins. Nothing in it depends on certificates or is a secret, and
/// nothing follows it.
fn client_hello(host: &str) -> Vec<u8> {
    let mut hello = Vec::new();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let connection = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|config| config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
        .ok()
        .zip(rustls::pki_types::ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).ok())
        .and_then(|(config, name)| rustls::ClientConnection::new(Arc::new(config), name).ok());
    if let Some(mut connection) = connection {
        let _ = connection.write_tls(&mut hello);
    }
    hello
}

/// Where the camera should be, and what may be wrong there.
struct Place<'a> {
    host: &'a str,
    port: &'a str,
}

impl Place<'_> {
    fn names(&self) -> [(&str, &str); 2] {
        [("host", self.host), ("port", self.port)]
    }

    fn host_not_found(&self) -> MediaFault {
        MediaFault::new(
            FaultKind::HostNotFound,
            gettext_f("The host name “{host}” cannot be found.", &self.names()),
            gettext("Check its spelling and this computer's network, or use the camera's IP address."),
        )
    }

    fn refused(&self) -> MediaFault {
        MediaFault::new(
            FaultKind::Refused,
            gettext_f("Nothing listens at port {port} of {host}.", &self.names()),
            gettext("Check the port, and that the camera's RTSP service is switched on."),
        )
    }

    fn unreachable(&self) -> MediaFault {
        MediaFault::new(
            FaultKind::Unreachable,
            gettext_f("{host} does not answer at port {port}.", &self.names()),
            gettext("Check the camera's power and network, and that a firewall lets RTSP through."),
        )
    }

    fn other_protocol(&self) -> MediaFault {
        MediaFault::new(
            FaultKind::NotRtsp,
            gettext_f("What answers at port {port} of {host} does not speak RTSP.", &self.names()),
            gettext("Check the port: cameras usually serve RTSP at 554 or 8554."),
        )
    }

    fn tls(&self) -> MediaFault {
        MediaFault::new(
            FaultKind::Tls,
            gettext_f("What answers at port {port} of {host} speaks in encrypted form only.", &self.names()),
            gettext("Begin the address with rtsps:// instead of rtsp://, or use the port for RTSP without encryption."),
        )
    }

    fn no_tls(&self) -> MediaFault {
        MediaFault::new(
            FaultKind::NoTls,
            gettext_f("The camera at port {port} of {host} speaks RTSP without encryption.", &self.names()),
            gettext(
                "Switch RTSPS on in the camera's settings and use its port; or begin the address with rtsp:// if everybody between may see the picture.",
            ),
        )
    }

    fn unsafe_tls(&self) -> MediaFault {
        MediaFault::new(
            FaultKind::NoTls,
            gettext_f("What answers at port {port} of {host} knows no encryption that is still safe.", &self.names()),
            gettext("Update the camera's firmware: TLS 1.2 or newer is needed."),
        )
    }

    fn mute(&self) -> MediaFault {
        MediaFault::new(
            FaultKind::Unreachable,
            gettext_f("What listens at port {port} of {host} takes connections and says nothing.", &self.names()),
            gettext("Check the port, or restart the camera."),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_what_is_spoken() {
        let cases: [(&[u8], Speech); 8] = [
            (b"RTSP/1.0 200 OK", Speech::Rtsp),
            (b"HTTP/1.1 400", Speech::Other),
            (b"", Speech::Other),
            (&[22, 3, 3, 0, 90, 2, 0, 0, 86, 3, 3], Speech::Tls),
            (&[22, 3, 1, 0, 90, 2, 0, 0, 86, 3, 1], Speech::OtherTls),
            (&[21, 3, 1, 0, 2, 2, 70], Speech::OtherTls),
            (&[21, 3], Speech::OtherTls),
            (&[22], Speech::Other),
        ];
        for (reply, speech) in cases {
            assert_eq!(Speech::of(reply), speech, "{reply:?}");
        }
    }

    #[test]
    fn a_hello_is_one_that_a_server_would_take() {
        for host in ["bow.local", "192.0.2.7", "[::1]"] {
            // A handshake record with a client hello in it.
            assert!(matches!(client_hello(host)[..], [22, 3, 1, _, _, 1, ..]), "{host}");
        }
    }
}
