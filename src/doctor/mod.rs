//! Whether everything is in place: what `heliograph doctor` and the window's Troubleshooting
//! page say.
//!
//! Each check is one file and answers with [`Finding`]s: a line that is well, or a problem with
//! the next step. All checks run at once, each with its own time limit; none changes anything.
//!
//! No check speaks with a server that nobody named: the only ones asked are the STUN and TURN
//! servers of the settings and of the command line. Cameras on the network are not asked
//! either; that is what a feed, and its test, are for.
//!
//! Like the window, this room stands on top: it may use every room but `ui` and `serve`.

mod cameras;
mod clock;
mod codecs;
mod folders;
mod graphics;
mod ice;
mod keyring;
mod ports;
mod program;
mod report;
mod settings;
mod sound;
mod text;
mod verb;

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures::{
    FutureExt, Stream, StreamExt,
    future::BoxFuture,
    stream::{self, FuturesOrdered},
};
use tokio::time::timeout;

pub use report::{Finding, Section, Verdict};
pub use text::{summary, text};
pub(crate) use verb::run as run_verb;

use crate::{
    config::{Config, IceServers},
    i18n::gettext,
    media::availability::Work,
};

/// The longest that reading the settings may take: they may lie on a network share.
const SETTINGS_LIMIT: Duration = Duration::from_secs(2);

/// What to look at.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    /// The settings file; the default one where there is none.
    pub settings: Option<PathBuf>,
    /// STUN and TURN servers in place of those of the settings.
    pub ice: Option<IceServers>,
}

/// Everything that there is to say, in the order of the sections, each as soon as it is known.
/// Takes at most 15 seconds. Needs a tokio runtime.
pub fn run(questions: Questions) -> impl Stream<Item = Finding> {
    stream::once(async move {
        let (findings, config) = settings(questions.settings).await;
        let ice = questions.ice.unwrap_or_else(|| config.server.transport.ice.clone());
        let config = Arc::new(config);
        stream::iter(findings).chain(checks(&config, ice).flat_map(stream::iter))
    })
    .flatten()
}

/// The settings come first: other checks look at what they name.
async fn settings(path: Option<PathBuf>) -> (Vec<Finding>, Config) {
    let read = tokio::task::spawn_blocking(|| settings::check(path));
    match timeout(SETTINGS_LIMIT, read).await {
        Ok(Ok((finding, config))) => (finding, config),
        _ => (vec![unanswered(Section::Settings)], Config::default()),
    }
}

/// All other checks, at work at once, heard in the order in which they are read.
fn checks(config: &Arc<Config>, ice: IceServers) -> FuturesOrdered<BoxFuture<'static, Vec<Finding>>> {
    let with = |check: fn(&Config) -> Vec<Finding>| {
        let config = Arc::clone(config);
        move || check(&config)
    };
    let keyring = {
        let config = Arc::clone(config);
        async move { keyring::check(&config).await }
    };
    [
        // GStreamer looks at all plugins anew after an installation, which takes some seconds.
        thread(Section::Program, 12, program::check),
        limited(Section::Decoders, 13, codecs::check(Section::Decoders, Work::Decoding)),
        limited(Section::Encoders, 13, codecs::check(Section::Encoders, Work::Encoding)),
        thread(Section::Graphics, 3, graphics::check),
        thread(Section::Cameras, 14, cameras::check),
        thread(Section::Sound, 14, sound::check),
        limited(Section::Keyring, 5, keyring),
        thread(Section::Ports, 3, with(ports::check)),
        limited(Section::Ice, 14, ice::check(ice)),
        thread(Section::Folders, 3, folders::check),
        thread(Section::Clock, 2, clock::check),
    ]
    .into_iter()
    .collect()
}

/// A check that waits for the system, in a thread; nobody waits for the thread beyond the limit (s).
fn thread(
    section: Section,
    limit: u64,
    check: impl FnOnce() -> Vec<Finding> + Send + 'static,
) -> BoxFuture<'static, Vec<Finding>> {
    let check = async { tokio::task::spawn_blocking(check).await.unwrap_or_else(|_| Vec::new()) };
    limited(section, limit, check)
}

/// A check with a limit in seconds, begun at once and not when its turn to be heard comes.
fn limited(
    section: Section,
    limit: u64,
    check: impl Future<Output = Vec<Finding>> + Send + 'static,
) -> BoxFuture<'static, Vec<Finding>> {
    let check = timeout(Duration::from_secs(limit), check);
    let check = tokio::spawn(async move { check.await.ok().filter(|findings| !findings.is_empty()) });
    async move { check.await.ok().flatten().unwrap_or_else(|| vec![unanswered(section)]) }.boxed()
}

/// A check that failed or did not end.
fn unanswered(section: Section) -> Finding {
    let sentence = gettext("The system did not answer in time.");
    let next = gettext("Run this again; if it stays, report it with the program's log.");
    section.problem(section.title(), sentence, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_check_that_never_ends_is_a_problem_of_its_own() {
        let findings = limited(Section::Keyring, 5, std::future::pending()).await;
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].section, findings[0].verdict), (Section::Keyring, Verdict::Problem));
        assert!(findings[0].next_step.is_some());
    }
}
