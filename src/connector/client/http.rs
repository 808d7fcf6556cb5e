//! Requests to a service elsewhere: certificates always checked, faults in words.

use std::{
    error::Error,
    io,
    iter::successors,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    time::Duration,
};

use reqwest::{Certificate, Client, ClientBuilder, Response, redirect::Policy};
use tokio::net::lookup_host;
use url::Url;

use super::{ConnectorFault, ConnectorFaultKind as Kind};
use crate::{
    config::ConnectorSettings,
    i18n::{gettext, gettext_f},
};

/// How long TCP and TLS may take: after an outage TCP by itself would ask ever more rarely.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// No answer is longer, in bytes.
pub(in crate::connector) const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// A client that trusts whom the system trusts, and whom `ca` names.
///
/// # Errors
/// The certificate cannot be used.
pub(in crate::connector) fn client(
    settings: &ConnectorSettings,
    within: Duration,
    redirect: Policy,
) -> Result<Client, ConnectorFault> {
    let fault = |sentence| ConnectorFault::new(Kind::Settings, sentence, "");
    // Requests are rare, and a connection that is kept may be from an address that this machine had before.
    let mut client =
        Client::builder().connect_timeout(CONNECT_WITHIN).timeout(within).redirect(redirect).pool_max_idle_per_host(0);
    // Names of headers are the same in any case (RFC 9110, section 5.1); some servers know only `Authorization`.
    client = client.http1_title_case_headers();
    if let Some(path) = settings.file("ca") {
        let shown = path.display().to_string();
        let pem = std::fs::read(&path).ok();
        let certificates = pem.and_then(|pem| Certificate::from_pem_bundle(&pem).ok()).unwrap_or_default();
        if certificates.is_empty() {
            return Err(fault(gettext_f("The file {path} of `ca` holds no certificate.", &[("path", &shown)])));
        }
        client = certificates.into_iter().fold(client, ClientBuilder::add_root_certificate);
    }
    client.build().map_err(|error| fault(error.to_string()))
}

/// The address of this machine from which a host is reached now; nothing is sent to find it.
pub(in crate::connector) async fn own_address(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?.trim_matches(['[', ']']);
    let far = lookup_host((host, url.port_or_known_default()?)).await.ok()?.next()?;
    let unspecified: IpAddr = if far.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((unspecified, 0)).ok()?;
    socket.connect(far).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// What a response holds; `None` where that is longer than any answer.
///
/// # Errors
/// It does not come to its end.
pub(in crate::connector) async fn short_body(mut response: Response) -> Result<Option<Vec<u8>>, ConnectorFault> {
    let from = response.url().clone();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unanswered(&from, &error))? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            return Ok(None);
        }
    }
    Ok(Some(body))
}

/// The host for people; the path may hold a key.
pub(in crate::connector) fn host(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

/// Whether the host is there, and nobody listens.
pub(in crate::connector) fn is_refused(error: &reqwest::Error) -> bool {
    let mut reasons = chain(error).filter_map(<dyn Error>::downcast_ref::<io::Error>);
    reasons.any(|reason| reason.kind() == io::ErrorKind::ConnectionRefused)
}

/// What is behind an error, without the address, in which a key may stand.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    successors(Error::source(error), |&reason| reason.source())
}

/// Why a request has no answer.
pub(in crate::connector) fn unanswered(url: &Url, error: &reqwest::Error) -> ConnectorFault {
    let host = host(url);
    let host = [("host", host.as_str())];
    if error.is_timeout() && !error.is_connect() {
        let sentence = gettext_f("{host} was reached, and does not answer.", &host);
        return ConnectorFault::new(
            Kind::Unreachable,
            sentence,
            gettext("Check that the right program listens there."),
        );
    }
    if chain(error).any(|reason| reason.to_string().contains("certificate")) {
        let sentence = gettext_f("The certificate of {host} is not trusted.", &host);
        let next = gettext("If it is of your own authority, name that one's certificate with `ca`.");
        return ConnectorFault::new(Kind::Untrusted, sentence, next);
    }
    let sentence = gettext_f("There is no way to {host}.", &host);
    ConnectorFault::new(Kind::Unreachable, sentence, gettext("Check that it runs, its address, and the network."))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{
        io::{AsyncBufReadExt, BufReader},
        net::TcpListener,
    };

    use super::*;
    use crate::config::{ConnectorConfig, Secrets, SessionStore};

    fn settings() -> ConnectorSettings {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let config = ConnectorConfig::from_line("one=whip,address=http://a.ship", crate::connector::FORMS).unwrap();
        ConnectorSettings::new(config, Arc::new(Secrets::with_store(SessionStore::default())))
    }

    async fn sentence(scheme: &str) -> String {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("{scheme}://{}/", silent.local_addr().unwrap()).parse().unwrap();
        let client = client(&settings(), Duration::from_secs(10), Policy::none()).unwrap();
        let error = client.get(url.clone()).send().await.unwrap_err();
        unanswered(&url, &error).sentence
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_reached_is_told_from_who_does_not_answer() {
        assert!(sentence("http").await.ends_with("was reached, and does not answer."));
        assert!(sentence("https").await.starts_with("There is no way to"), "TLS never began");
    }

    #[tokio::test]
    async fn a_server_that_knows_only_capital_letters_is_understood() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = client(&settings(), Duration::from_secs(10), Policy::none()).unwrap();
        let request = client.get(format!("http://{}/", listener.local_addr().unwrap())).bearer_auth("x");
        let asked = tokio::spawn(request.send());
        let mut head = String::new();
        let mut stream = BufReader::new(listener.accept().await.unwrap().0);
        while !head.ends_with("\r\n\r\n") {
            stream.read_line(&mut head).await.unwrap();
        }
        assert!(head.contains("\r\nAuthorization: Bearer x\r\n"), "{head}");
        asked.abort();
    }
}
