//! By what an `rtsps` camera is recognised: the certificate that it showed first.
//!
//! Cameras make their certificates themselves, so no authority can vouch for them. As with
//! SSH, the first certificate of a camera is accepted and kept, and from then on this one
//! and no other. Nothing else counts: neither its dates nor its names say more than that
//! it is the same, and one that a public authority vouches for is kept like any other.
//!
//! GIO asks only about certificates that it finds fault with. So that it asks about every
//! one, it is given no authorities at all; with that, all TLS of GIO in this program trusts
//! nobody by default. (Heliograph's own TLS is rustls and does not notice.)

use std::{
    error::Error,
    fs::File,
    io::Write,
    os::fd::AsRawFd,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use gio::prelude::*;

use crate::{
    config::{Fingerprint, SourceAddress},
    i18n::{gettext, gettext_f},
    media::{FaultKind, MediaFault},
};

/// What one attempt knows of the camera's certificate.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// The only certificate that counts; empty until the first is seen, where none was kept.
    pinned: OnceLock<Fingerprint>,
    /// The camera has shown it.
    shown: AtomicBool,
    /// Another one was shown in its place.
    refused: OnceLock<Fingerprint>,
}

impl Trust {
    pub(super) fn new(pinned: Option<Fingerprint>) -> Self {
        Self { pinned: pinned.map_or_else(OnceLock::new, OnceLock::from), ..Self::default() }
    }

    /// Whether the camera has shown its certificate, and never another one.
    pub(super) fn is_earned(&self) -> bool {
        self.shown.load(Ordering::Relaxed) && self.refused.get().is_none()
    }

    /// Whether this certificate is accepted; `first` hears of one that is new.
    pub(super) fn accepts(&self, certificate: Fingerprint, first: impl FnOnce(Fingerprint)) -> bool {
        let is_first = self.pinned.set(certificate).is_ok();
        let accepted = self.pinned.get() == Some(&certificate);
        if accepted {
            self.shown.store(true, Ordering::Relaxed);
        } else {
            let _ = self.refused.set(certificate);
        }
        if is_first {
            first(certificate);
        }
        accepted
    }

    /// The fault, if another certificate was shown.
    pub(super) fn fault(&self, address: &SourceAddress) -> Option<MediaFault> {
        let (expected, seen) = (self.pinned.get()?.to_string(), self.refused.get()?.to_string());
        let camera = address.to_string();
        Some(MediaFault::new(
            FaultKind::Certificate,
            gettext_f(
                // Translators: {seen} and {expected} are long, such as sha256:0123…
                "The camera at {camera} shows the certificate {seen} and not the one it is known by, {expected}.",
                &[("camera", &camera), ("seen", &seen), ("expected", &expected)],
            ),
            gettext(
                "If you changed the camera's certificate, remove “certificate” from the feed's settings; if not, somebody may be in between, so find that out first.",
            ),
        ))
    }
}

/// Has every certificate that `rtspsrc` meets looked at by `accepts`, before anything is sent.
pub(super) fn watch_certificates(
    element: &gst::Element,
    accepts: impl Fn(Fingerprint) -> bool + Send + Sync + 'static,
) {
    trust_no_authority();
    element.connect("accept-certificate", false, move |args| {
        let connection = args[1].get::<gio::TlsConnection>().expect("accept-certificate should carry a connection");
        forget_session(&connection);
        let shown = args[2].get::<gio::TlsCertificate>().ok().and_then(|certificate| certificate.certificate());
        let accepted = shown.is_some_and(|der| accepts(Fingerprint::of(&der)));
        Some(accepted.to_value())
    });
}

/// A resumed session shows no certificate, so none is kept for resuming.
/// Only glib-networking has this setting, and only it resumes.
fn forget_session(connection: &gio::TlsConnection) {
    const SETTING: &str = "session-resumption-enabled";
    if connection.has_property(SETTING) {
        connection.set_property(SETTING, false);
    }
}

/// Leaves GIO without authorities; see the top of this file.
fn trust_no_authority() {
    /// The list, which is read again for every connection.
    static NOBODY: OnceLock<Option<File>> = OnceLock::new();
    NOBODY.get_or_init(|| match nobody() {
        Ok((list, file)) => {
            gio::TlsBackend::default().set_default_database(Some(&list));
            Some(file)
        }
        // Then GIO does not ask about some certificates, and a camera with one of those
        // gets no request: its trust is not earned.
        Err(error) => {
            tracing::warn!("Some rtsps cameras cannot be reached: {error}. Install glib-networking.");
            None
        }
    });
}

/// A list of authorities in which nobody is, in a file without a name. The list may not be
/// empty, so there is one in it whose key is thrown away here.
fn nobody() -> Result<(gio::TlsFileDatabase, File), Box<dyn Error>> {
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&rcgen::KeyPair::generate()?)?;
    let mut file = tempfile::tempfile()?;
    file.write_all(certificate.pem().as_bytes())?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok((gio::TlsFileDatabase::new(path)?, file))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn gio_is_left_without_authorities_and_asks_about_every_certificate() {
        trust_no_authority();
        let database = gio::TlsBackend::default().default_database();
        assert!(database.is::<gio::TlsFileDatabase>(), "the system's authorities are still in: {database:?}");
    }

    #[test]
    fn the_first_certificate_is_told_and_kept() {
        let (bow, aft) = (Fingerprint::of(b"bow"), Fingerprint::of(b"aft"));
        let (trust, told) = (Trust::new(None), Cell::new(0));
        assert!(!trust.is_earned());
        assert!(trust.accepts(bow, |seen| told.set(told.get() + usize::from(seen == bow))));
        assert!(trust.accepts(bow, |_| told.set(99)));
        assert!(trust.is_earned() && told.get() == 1);
        assert!(!trust.accepts(aft, |_| told.set(99)));
        assert!(!trust.is_earned(), "a second connection to somebody else spoils it");
    }

    #[test]
    fn another_certificate_than_the_kept_one_is_refused_and_named() {
        let (bow, aft) = (Fingerprint::of(b"bow"), Fingerprint::of(b"aft"));
        let trust = Trust::new(Some(bow));
        let address = "rtsps://bow.local/s".parse().unwrap();
        assert_eq!(trust.fault(&address), None);
        assert!(!trust.accepts(aft, |_| panic!("not the first")));
        let fault = trust.fault(&address).unwrap();
        assert_eq!(fault.kind, FaultKind::Certificate);
        assert!(fault.message.contains(&bow.to_string()) && fault.message.contains(&aft.to_string()), "{fault}");
    }
}
