//! What a trial found.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::i18n::{gettext, gettext_f};

/// What an element is tried at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Encoding three frames.
    Encoding,
    /// Decoding three frames.
    Decoding,
}

/// Whether an element works on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Three frames came out.
    Works,
    /// There is no such element.
    NotInstalled,
    /// It is there and does not work; `Display` of the failure is a sentence.
    Failed(Failure),
}

impl Verdict {
    /// Whether it can be used.
    pub const fn works(&self) -> bool {
        matches!(self, Self::Works)
    }
}

/// What went wrong in a trial. It is kept as it is and told in words only when
/// somebody reads it, so that the language may change in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was tried.
    pub work: Work,
    /// What happened.
    pub kind: FailureKind,
}

/// The ways in which a trial fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The process that tried it was ended by a signal.
    Crashed,
    /// No answer in this time.
    Hung(Duration),
    /// The element said why not.
    Refused(String),
    /// It ended well, but with fewer frames than three.
    Incomplete(u32),
    /// The trial itself could not be made.
    NotTried(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())
    }
}

impl Failure {
    fn sentence(&self) -> String {
        match &self.kind {
            FailureKind::Crashed => self.crash(),
            FailureKind::Hung(limit) => self.silence(*limit),
            FailureKind::Refused(reason) => self.refusal(reason.trim_end_matches('.')),
            FailureKind::Incomplete(frames) => {
                gettext_f("Of three frames only {frames} came out.", &[("frames", &frames.to_string())])
            }
            FailureKind::NotTried(reason) => {
                gettext_f("It could not be tried: {reason}.", &[("reason", reason.trim_end_matches('.'))])
            }
        }
    }

    fn crash(&self) -> String {
        match self.work {
            Work::Encoding => gettext("The driver crashed while encoding three frames."),
            Work::Decoding => gettext("The driver crashed while decoding three frames."),
        }
    }

    fn silence(&self, limit: Duration) -> String {
        let seconds = format!("{:.1}", limit.as_secs_f64());
        let seconds = [("seconds", seconds.trim_end_matches(".0"))];
        match self.work {
            Work::Encoding => gettext_f("Three frames were not encoded within {seconds} s.", &seconds),
            Work::Decoding => gettext_f("Three frames were not decoded within {seconds} s.", &seconds),
        }
    }

    fn refusal(&self, reason: &str) -> String {
        match self.work {
            Work::Encoding => gettext_f("Three frames could not be encoded: {reason}.", &[("reason", reason)]),
            Work::Decoding => gettext_f("Three frames could not be decoded: {reason}.", &[("reason", reason)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_is_a_sentence_and_survives_the_cache() {
        let kinds = [
            FailureKind::Crashed,
            FailureKind::Hung(Duration::from_secs(5)),
            FailureKind::Refused("Device is busy.".into()),
            FailureKind::Incomplete(1),
            FailureKind::NotTried("Too many open files".into()),
        ];
        for kind in kinds {
            for work in [Work::Encoding, Work::Decoding] {
                let verdict = Verdict::Failed(Failure { work, kind: kind.clone() });
                let json = serde_json::to_string(&verdict).unwrap();
                assert_eq!(serde_json::from_str::<Verdict>(&json).unwrap(), verdict);
                let Verdict::Failed(failure) = verdict else { unreachable!() };
                let told = failure.to_string();
                assert!(told.ends_with('.') && !told.ends_with("..") && !told.contains('{'), "{told}");
            }
        }
        let hung = Failure { work: Work::Encoding, kind: FailureKind::Hung(Duration::from_millis(1500)) };
        assert_eq!(hung.to_string(), "Three frames were not encoded within 1.5 s.");
    }
}
