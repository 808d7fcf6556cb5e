//! Which encoders and decoders work on this machine, found by trying.
//!
//! That an element is installed says little: a driver may be missing, too old, broken or
//! not for this user. So each [`Candidate`] handles three frames. Software is tried in
//! this process, all at once; hardware in a process of its own each ([`child`]), because
//! a driver's crash must not take the window along. What was found is kept until a
//! driver, a plugin or GStreamer changes ([`Cache`]).
//!
//! [`Availability`] can be asked at any time and never waits: before an element's trial
//! is over, it has no verdict.

mod cache;
pub mod child;
mod choice;
pub(in crate::media) mod drivers;
mod trial;
mod verdict;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Once, OnceLock, RwLock},
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::sync::{Semaphore, watch};

use super::{Decoder, Device, Encoder, InputCodec, MediaError};
pub use cache::Cache;
pub use choice::Automatic;
pub(super) use trial::decoding_trial;
pub use trial::encoding_trial;
pub use verdict::{Failure, FailureKind, Verdict, Work};

/// How long a trial may take. Software needs well under a second; hardware that wakes
/// up, or a driver that compiles its shaders, may need several.
pub const LIMIT: Duration = Duration::from_secs(5);

/// Processes that try hardware at a time. A card with three sessions would refuse a
/// fourth, and a small board would be too slow for all of them at once.
const HARDWARE_AT_ONCE: usize = 2;

/// Something that may work here or not.
pub trait Candidate: Send + Sync {
    /// The element's factory name.
    fn element(&self) -> &str;

    /// What it runs on.
    fn device(&self) -> &Device;

    /// What it is tried at.
    fn work(&self) -> Work;

    /// A pipeline that puts three frames through the element and ends.
    ///
    /// # Errors
    /// An element is missing or does not fit; the candidate is of no use then.
    fn trial(&self) -> Result<gst::Pipeline, MediaError>;

    /// Whether it is tried in a process of its own: a driver may crash, and some libraries
    /// write on the terminal.
    fn is_tried_apart(&self) -> bool {
        self.device().is_hardware()
    }

    /// Tells candidates apart, also those of one element.
    fn key(&self) -> String {
        self.element().to_owned()
    }

    /// What people read, such as “x264” or “NVENC on GPU 1”.
    fn words(&self) -> String {
        self.element().to_owned()
    }
}

/// Everything on this machine that a feed may use and that should be tried.
pub fn every_candidate() -> Vec<Arc<dyn Candidate>> {
    let decoders = InputCodec::ALL.iter().flat_map(|codec| Decoder::installed(*codec));
    let decoders = decoders.map(|decoder| Arc::new(decoder) as Arc<dyn Candidate>);
    let encoders = Encoder::installed().into_iter().map(|encoder| Arc::new(encoder) as Arc<dyn Candidate>);
    encoders.chain(decoders).collect()
}

/// How elements are tried.
#[derive(Clone, Debug)]
pub struct Trials {
    /// The program that is run with [`child::VERB`] and a candidate's key; `None` where
    /// this program does not know where it is.
    pub program: Option<PathBuf>,
    /// How long a trial may take.
    pub limit: Duration,
}

impl Default for Trials {
    fn default() -> Self {
        Self { program: child::own_program(), limit: LIMIT }
    }
}

/// The verdicts, shared by everybody who needs one.
#[derive(Clone, Debug)]
pub struct Availability {
    verdicts: Arc<RwLock<HashMap<String, Verdict>>>,
    changes: watch::Sender<u64>,
}

impl Default for Availability {
    fn default() -> Self {
        Self { verdicts: Arc::default(), changes: watch::Sender::new(0) }
    }
}

impl Availability {
    /// That of this machine, empty until somebody calls [`Availability::find`] on it.
    pub fn of_this_machine() -> &'static Self {
        static SHARED: OnceLock<Availability> = OnceLock::new();
        SHARED.get_or_init(Self::default)
    }

    /// Finds out what works on this machine, once, beside everything else.
    pub fn begin(runtime: &tokio::runtime::Handle) {
        static BEGUN: Once = Once::new();
        BEGUN.call_once(|| {
            runtime.spawn(async {
                Self::of_this_machine().find(every_candidate(), Cache::of_user(), &Trials::default()).await;
            });
        });
    }

    /// What is known of a candidate; `None` if its trial is not over.
    pub fn verdict(&self, candidate: &dyn Candidate) -> Option<Verdict> {
        self.verdicts.read().expect("no holder of this lock should panic").get(&candidate.key()).cloned()
    }

    /// Counts up with every verdict.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Notes that a candidate failed, or works, outside of a trial.
    pub fn note(&self, candidate: &dyn Candidate, verdict: Verdict) {
        self.enter(candidate.key(), verdict);
    }

    /// Finds the verdicts of these candidates: from the cache, else by trial. Needs a
    /// tokio runtime; dropping the future stops the trials of hardware.
    pub async fn find(&self, candidates: Vec<Arc<dyn Candidate>>, mut cache: Cache, trials: &Trials) {
        let turns = Semaphore::new(HARDWARE_AT_ONCE);
        let mut running = FuturesUnordered::new();
        let fingerprints: HashMap<String, String> = candidates
            .iter()
            .map(|tried| (tried.key(), drivers::fingerprint(tried.element(), tried.device())))
            .collect();
        for candidate in candidates {
            let key = candidate.key();
            match cache.get(&key, &fingerprints[&key]) {
                Some(verdict) => self.enter(key, verdict.clone()),
                None => running.push(trials.run(candidate, &turns)),
            }
        }
        if running.is_empty() {
            return;
        }
        while let Some((candidate, verdict)) = running.next().await {
            if is_lasting(&verdict) {
                let key = candidate.key();
                cache.put(key.clone(), fingerprints[&key].clone(), verdict.clone());
            }
            self.enter(candidate.key(), verdict);
        }
        if let Err(error) = cache.save() {
            tracing::warn!("What works on this machine cannot be kept, so it is tried at every start: {error}.");
        }
    }

    fn enter(&self, key: String, verdict: Verdict) {
        self.verdicts.write().expect("no holder of this lock should panic").insert(key, verdict);
        self.changes.send_modify(|count| *count += 1);
    }
}

/// Whether a verdict is kept. A crash is, because nobody wants to see it at every start.
/// Other failures are not: the machine may have been busy, another program may have had
/// the card's last session, or this user may by now be in the group that may use it.
fn is_lasting(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Works => true,
        Verdict::NotInstalled => false,
        Verdict::Failed(failure) => failure.kind == FailureKind::Crashed,
    }
}

impl Trials {
    /// Tries one candidate, where it can do no harm.
    async fn run(&self, candidate: Arc<dyn Candidate>, turns: &Semaphore) -> (Arc<dyn Candidate>, Verdict) {
        let verdict = match &self.program {
            Some(program) if candidate.is_tried_apart() => {
                let _turn = turns.acquire().await;
                child::run(program, candidate.as_ref(), self.limit).await
            }
            None if candidate.is_tried_apart() => {
                let reason = FailureKind::NotTried("the program does not find itself".into());
                Verdict::Failed(Failure { work: candidate.work(), kind: reason })
            }
            _ => {
                let (tried, limit) = (candidate.clone(), self.limit);
                let work = candidate.work();
                tokio::task::spawn_blocking(move || trial::run(tried.as_ref(), limit)).await.unwrap_or_else(|error| {
                    Verdict::Failed(Failure { work, kind: FailureKind::NotTried(error.to_string()) })
                })
            }
        };
        (candidate, verdict)
    }
}
