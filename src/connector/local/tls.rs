//! The server's certificate: the operator's, or one made once.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

use crate::i18n::gettext_f;

/// Certificate and key that we made, in one file: both or neither are there.
const OWN_FILE: &str = "local-server.pem";

/// A certificate ready to serve with.
pub(super) struct Identity {
    /// For the listener.
    pub(super) config: Arc<ServerConfig>,
    /// SHA-256 of the certificate as `AA:BB:…`, as browsers show it.
    pub(super) fingerprint: String,
}

/// Why there is no certificate to serve with.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum TlsError {
    /// A file cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no certificate in a file.
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is no private key in a file.
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key cannot be used, or not together.
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        source: rustls::Error,
    },
    /// No certificate could be made.
    Make(#[from] rcgen::Error),
    /// The certificate that was made cannot be kept.
    Keep {
        /// The file, or the directory it should be in.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl TlsError {
    /// What happened, to what, and what to do.
    fn sentence(&self) -> String {
        match self {
            Self::Read { path, source } => gettext_f(
                // Translators: {reason} is what the system said.
                "{path} cannot be read: {reason}. Check the path and that Heliograph may read it.",
                &[("path", &path.display().to_string()), ("reason", &source.to_string())],
            ),
            Self::NoCertificate { path } => gettext_f(
                "{path} holds no certificate. It should be a PEM file with “BEGIN CERTIFICATE” in it.",
                &[("path", &path.display().to_string())],
            ),
            Self::NoKey { path } => gettext_f(
                "{path} holds no private key that can be read. It should be a PEM file with “BEGIN PRIVATE KEY” in it, without a passphrase.",
                &[("path", &path.display().to_string())],
            ),
            Self::Mismatch { certificate, key, source } => gettext_f(
                // Translators: {certificate} and {key} are paths; {reason} is in English.
                "the certificate in {certificate} cannot be used with the key in {key}: {reason}. Give the two files that were issued together.",
                &[
                    ("certificate", &certificate.display().to_string()),
                    ("key", &key.display().to_string()),
                    ("reason", &source.to_string()),
                ],
            ),
            Self::Make(reason) => gettext_f(
                // Translators: {reason} is in English.
                "a certificate for this machine cannot be made: {reason}. Give one of your own with --tls-cert and --tls-key.",
                &[("reason", &reason.to_string())],
            ),
            Self::Keep { path, source } => gettext_f(
                // Translators: {reason} is what the system said.
                "{path} cannot be written: {reason}. Make room, or let Heliograph write there.",
                &[("path", &path.display().to_string()), ("reason", &source.to_string())],
            ),
        }
    }
}

/// Takes the operator's certificate chain and key, both PEM files.
pub(super) fn from_files(certificate: &Path, key: &Path) -> Result<Identity, TlsError> {
    let chain = certificates(certificate, &read(certificate)?)?;
    let private_key = private_key(key, &read(key)?)?;
    identity(chain, private_key).map_err(|source| TlsError::Mismatch {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        source,
    })
}

/// Takes the certificate kept in `state_dir`; makes one for `names` if there is none.
///
/// One that is there is used whatever names are in it: viewers have been told
/// its fingerprint, and a machine's address changes more often than they ask.
pub(super) fn made_once(state_dir: &Path, names: Vec<String>) -> Result<Identity, TlsError> {
    let path = state_dir.join(OWN_FILE);
    if !path.exists() {
        keep(state_dir, &path, &make(names)?)?;
    }
    from_files(&path, &path)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(TlsError::NoCertificate { path: path.to_owned() }),
    }
}

fn private_key(path: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| TlsError::NoKey { path: path.to_owned() })
}

fn identity(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Identity, rustls::Error> {
    let fingerprint = fingerprint(&chain[0]);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    // No HTTP/2: websockets over it need what neither side of ours has.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { config: Arc::new(config), fingerprint })
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let bytes: Vec<String> = Sha256::digest(certificate).iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

/// A self-signed certificate and its key, as PEM.
fn make(names: Vec<String>) -> Result<String, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Heliograph");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Fixed dates, because a vehicle's clock may be years off when this is made.
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2099, 12, 31);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(certificate.pem() + &key.serialize_pem())
}

/// Writes the file whole, for its owner only. One that appeared meanwhile, made
/// by another Heliograph, is left as it is.
fn keep(state_dir: &Path, path: &Path, pem: &str) -> Result<(), TlsError> {
    let failed = |source| TlsError::Keep { path: path.to_owned(), source };
    std::fs::create_dir_all(state_dir).map_err(failed)?;
    // Temporary files are made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(state_dir).map_err(failed)?;
    file.write_all(pem.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error.error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names() -> Vec<String> {
        vec!["boat".to_owned(), "10.0.0.5".to_owned()]
    }

    #[test]
    fn a_certificate_is_made_once_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("new/state");
        let first = made_once(&state, names()).unwrap();
        let again = made_once(&state, Vec::new()).unwrap();
        assert_eq!(first.fingerprint, again.fingerprint);
        assert_eq!(first.fingerprint.len(), 32 * 3 - 1);
        let mode = std::fs::metadata(state.join(OWN_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(&state).unwrap().count(), 1);
    }

    #[test]
    fn errors_name_the_file_and_what_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let own = file("own.pem", &make(names()).unwrap());
        let other = file("other.pem", &make(names()).unwrap());
        let empty = file("empty.pem", "nothing");
        let missing = dir.path().join("missing.pem");
        let said =
            |certificate: &Path, key: &Path| from_files(certificate, key).err().expect("should fail").to_string();

        assert!(said(&missing, &own).contains("missing.pem cannot be read"));
        assert!(said(&empty, &own).contains("empty.pem holds no certificate"));
        assert!(said(&own, &empty).contains("empty.pem holds no private key"));
        let mismatch = said(&own, &other);
        assert!(mismatch.contains("own.pem") && mismatch.contains("other.pem"), "{mismatch}");
        assert!(from_files(&own, &own).is_ok());
    }

    #[test]
    fn a_damaged_certificate_of_ours_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(OWN_FILE), "damaged").unwrap();
        assert!(made_once(dir.path(), names()).is_err());
        assert_eq!(std::fs::read_to_string(dir.path().join(OWN_FILE)).unwrap(), "damaged");
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let blocked = dir.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        let error = made_once(&blocked.join("state"), names()).err().unwrap().to_string();
        assert!(error.contains("cannot be written"), "{error}");
    }
}
