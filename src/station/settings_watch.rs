//! Looks at the settings file now and then: what can change while feeds run need not wait for a start.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use crate::{
    config::{ConfigFile, Loaded},
    connector::FORMS,
};

/// Often enough for somebody who has just saved it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// By what another file is recognised: editors write the old one or put another in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    number: u64,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self { modified: metadata.modified().ok(), bytes: metadata.len(), number: metadata.ino() })
    }
}

/// Hands over what the file says whenever it has changed, until `take` says that this is enough. What
/// cannot be used is told; what held before goes on.
pub async fn watch(path: PathBuf, mut take: impl FnMut(Loaded) -> bool) {
    let mut seen = Stamp::of(&path);
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let now = Stamp::of(&path);
        if now == seen || now.is_none() {
            continue;
        }
        seen = now;
        let file = path.clone();
        match spawn_blocking(move || ConfigFile::new(file, FORMS).load()).await {
            Ok(Ok(loaded)) => {
                if !take(loaded) {
                    return;
                }
            }
            Ok(Err(error)) => tracing::warn!("{error} What held before goes on."),
            Err(_) => return,
        }
    }
}
