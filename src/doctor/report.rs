//! What a check has to say.

use serde::{Deserialize, Serialize};

use crate::i18n::gettext;

/// One line: what was looked at, and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it belongs to.
    pub section: Section,
    /// What was looked at, such as `/dev/video0`.
    pub subject: String,
    /// How it is.
    pub verdict: Verdict,
    /// The same in a sentence. Never holds a secret.
    pub sentence: String,
    /// What to do; every problem has it.
    pub next_step: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Well.
    Ok,
    /// It needs doing.
    Problem,
    /// This machine has none, which is no fault.
    NotHere,
    /// It could not be found out, or nobody asked for it.
    NotChecked,
}

/// What findings are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    /// The settings file.
    Settings,
    /// The program, GStreamer and their plugins.
    Program,
    /// What makes pictures of the cameras' streams.
    Decoders,
    /// What makes streams of pictures.
    Encoders,
    /// Graphics cards.
    Graphics,
    /// Cameras of this machine.
    Cameras,
    /// Where sound comes from.
    Sound,
    /// Where passwords are kept.
    Keyring,
    /// Where viewers connect.
    Ports,
    /// What helps viewers to find a way here.
    Ice,
    /// Where the program keeps its files.
    Folders,
    /// The time of day.
    Clock,
}

impl Section {
    /// Its heading.
    pub fn title(self) -> String {
        match self {
            Self::Settings => gettext("Settings"),
            Self::Program => gettext("Program"),
            Self::Decoders => gettext("Decoders"),
            Self::Encoders => gettext("Encoders"),
            Self::Graphics => gettext("Graphics cards"),
            Self::Cameras => gettext("Cameras of this machine"),
            Self::Sound => gettext("Sound inputs"),
            Self::Keyring => gettext("Keyring"),
            Self::Ports => gettext("Port for viewers"),
            Self::Ice => gettext("STUN and TURN servers"),
            Self::Folders => gettext("Folders"),
            Self::Clock => gettext("Clock"),
        }
    }

    /// All is well with the subject.
    pub(super) fn ok(self, subject: impl Into<String>, sentence: impl Into<String>) -> Finding {
        self.finding(Verdict::Ok, subject, sentence, None)
    }

    /// Something needs doing, and this is what.
    pub(super) fn problem(
        self,
        subject: impl Into<String>,
        sentence: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Finding {
        self.finding(Verdict::Problem, subject, sentence, Some(next_step.into()))
    }

    /// This machine has no such thing.
    pub(super) fn not_here(self, subject: impl Into<String>, sentence: impl Into<String>) -> Finding {
        self.finding(Verdict::NotHere, subject, sentence, None)
    }

    /// It could not be found out.
    pub(super) fn not_checked(self, subject: impl Into<String>, sentence: impl Into<String>) -> Finding {
        self.finding(Verdict::NotChecked, subject, sentence, None)
    }

    fn finding(
        self,
        verdict: Verdict,
        subject: impl Into<String>,
        sentence: impl Into<String>,
        next_step: Option<String>,
    ) -> Finding {
        Finding { section: self, subject: subject.into(), verdict, sentence: sentence.into(), next_step }
    }
}

impl Verdict {
    /// The word in front of a line.
    pub fn word(self) -> String {
        match self {
            // Translators: a verdict in front of a line, as short as can be.
            Self::Ok => gettext("ok"),
            // Translators: a verdict in front of a line, as short as can be.
            Self::Problem => gettext("problem"),
            // Translators: a verdict in front of a line, as short as can be: this machine has none.
            Self::NotHere => gettext("none"),
            // Translators: a verdict in front of a line, as short as can be: it could not be found out.
            Self::NotChecked => gettext("unknown"),
        }
    }
}
