//! Requests to a service elsewhere: certificates always checked, faults in words.

use std::{error::Error, time::Duration};

use reqwest::{Certificate, Client, ClientBuilder, redirect::Policy};
use url::Url;

use super::{ConnectorFault, ConnectorFaultKind as Kind};
use crate::{
    config::ConnectorSettings,
    i18n::{gettext, gettext_f},
};

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
    let mut client = Client::builder().timeout(within).redirect(redirect);
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

/// The host for people; the path may hold a key.
pub(in crate::connector) fn host(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

/// Why a request has no answer.
pub(in crate::connector) fn unanswered(url: &Url, error: &reqwest::Error) -> ConnectorFault {
    let host = host(url);
    let host = [("host", host.as_str())];
    if error.is_timeout() {
        let sentence = gettext_f("{host} was reached, and does not answer.", &host);
        return ConnectorFault::new(
            Kind::Unreachable,
            sentence,
            gettext("Check that the right program listens there."),
        );
    }
    // The whole chain, without the address, in which a key may stand.
    let mut reasons = Vec::new();
    let mut source = Error::source(error);
    while let Some(reason) = source {
        reasons.push(reason.to_string());
        source = reason.source();
    }
    if reasons.iter().any(|reason| reason.contains("certificate")) {
        let sentence = gettext_f("The certificate of {host} is not trusted.", &host);
        let next = gettext("If it is of your own authority, name that one's certificate with `ca`.");
        return ConnectorFault::new(Kind::Untrusted, sentence, next);
    }
    let sentence = gettext_f("There is no way to {host}.", &host);
    ConnectorFault::new(Kind::Unreachable, sentence, gettext("Check that it runs, its address, and the network."))
}
