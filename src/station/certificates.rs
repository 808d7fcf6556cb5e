//! Keeps the cameras' certificates in the settings file, where no window does it.

use std::path::{Path, PathBuf};

use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    task::block_in_place,
};

use crate::{
    config::{ConfigError, ConfigFile, FeedConfig, FeedId, Fingerprint, SourceConfig},
    connector::FORMS,
    engine::{Engine, EngineEvent, FeedEvent},
    i18n::{gettext, gettext_f},
};

/// Keeps what the engine tells until it is gone.
pub(super) async fn keep(engine: Engine, mut events: Receiver<EngineEvent>, path: PathBuf) {
    loop {
        match events.recv().await {
            Ok(EngineEvent::Feed { feed, event: FeedEvent::Certificate { fingerprint } }) => {
                let Some(now) = engine.feed(&feed) else { continue };
                let kept = block_in_place(|| write(&path, &now.config, fingerprint));
                log(&feed, fingerprint, kept);
            }
            // A certificate that was missed is told again after the next start.
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// Writes into the file as it is now: options of the command line are not in it and stay out.
fn write(path: &Path, feed: &FeedConfig, fingerprint: Option<Fingerprint>) -> Result<(), NotKept> {
    let mut file = ConfigFile::new(path, FORMS);
    let loaded = file.load()?;
    let mut config = loaded.config;
    let kept = config.feeds.iter_mut().find(|kept| kept.id == feed.id && same_camera(kept, feed));
    let Some(kept) = kept else { return Err(NotKept::NoSuchFeed(path.to_owned())) };
    // Saving takes passwords out of addresses, and here they would be kept nowhere else.
    if !loaded.passwords.is_empty() {
        return Err(NotKept::Passwords(path.to_owned()));
    }
    kept.know_by(fingerprint);
    Ok(file.save(&config)?)
}

fn same_camera(one: &FeedConfig, other: &FeedConfig) -> bool {
    match (&one.source, &other.source) {
        (SourceConfig::Rtsp(one), SourceConfig::Rtsp(other)) => one.address == other.address,
        _ => false,
    }
}

fn log(feed: &FeedId, fingerprint: Option<Fingerprint>, kept: Result<(), NotKept>) {
    let known = fingerprint.map_or_else(
        || gettext("The camera's certificate is forgotten."),
        |shown| gettext_f("The camera is known by the certificate {shown}.", &[("shown", &shown.to_string())]),
    );
    match kept {
        Ok(()) => tracing::info!(%feed, "{known}"),
        Err(why) => tracing::warn!(%feed, "{known} {why}"),
    }
}

/// Why a certificate counts for this run only.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.sentence())]
enum NotKept {
    /// The feed came from the command line.
    NoSuchFeed(PathBuf),
    /// The file holds passwords that a save would take out.
    Passwords(PathBuf),
    /// The file cannot be read or written.
    File(#[from] ConfigError),
}

impl NotKept {
    fn sentence(&self) -> String {
        match self {
            Self::NoSuchFeed(path) => gettext_f(
                "That is kept for this run only, because the feed is not in {file}; add it there with this certificate.",
                &[("file", &path.display().to_string())],
            ),
            Self::Passwords(path) => gettext_f(
                "That is kept for this run only, because saving would take the passwords out of the addresses in {file}; move them to password_file or password_env, or add the certificate yourself.",
                &[("file", &path.display().to_string())],
            ),
            Self::File(error) => {
                gettext_f("That is kept for this run only: {reason}", &[("reason", &error.to_string())])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> (tempfile::TempDir, PathBuf, Option<FeedConfig>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heliograph.toml");
        std::fs::write(&path, format!("version = 1\n{text}")).unwrap();
        let feed = ConfigFile::new(&path, FORMS).load().unwrap().config.feeds.into_iter().next();
        (folder, path, feed)
    }

    const BOW: &str = "# mine\n[[feeds]]\nname = \"Bow\"\naddress = \"rtsps://h/s\"\n";

    #[test]
    fn a_certificate_is_written_beside_what_the_operator_wrote() {
        let (_folder, path, feed) = settings(BOW);
        let pin = Fingerprint::of(b"bow");
        write(&path, &feed.unwrap(), Some(pin)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("# mine") && text.contains(&format!("certificate = \"{pin}\"")), "{text}");
        let feed = ConfigFile::new(&path, FORMS).load().unwrap().config.feeds.remove(0);
        write(&path, &feed, None).unwrap();
        assert!(!std::fs::read_to_string(&path).unwrap().contains("sha256"));
    }

    #[test]
    fn nothing_is_lost_where_a_certificate_cannot_be_kept() {
        let (_folder, path, feed) = settings(BOW);
        let mut other = feed.unwrap();
        other.id = FeedId::from_name("aft");
        assert!(write(&path, &other, None).unwrap_err().to_string().contains("is not in"));
        let text = "[[feeds]]\nname = \"Bow\"\naddress = \"rtsps://me:planted@h/s\"\n";
        let (_folder, path, feed) = settings(text);
        let error = write(&path, &feed.unwrap(), Some(Fingerprint::of(b"bow"))).unwrap_err().to_string();
        assert!(error.contains("passwords") && !error.contains("planted"), "{error}");
        assert!(std::fs::read_to_string(&path).unwrap().contains("me:planted@h"));
    }
}
