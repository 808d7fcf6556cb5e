//! How bitrate is shared out among the feeds.

use std::{fmt, ops::RangeInclusive, str::FromStr, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyed::keyed_enum;
use crate::i18n::gettext;

keyed_enum! {
    /// What there is to share out among the feeds.
    BudgetKind {
        /// Nothing: each feed decides for itself.
        #[default]
        Off = "off",
        /// A fixed bitrate for all together.
        Fixed = "fixed",
        /// What their agents ask for together: the network gives as much, and importance says to whom.
        Estimates = "estimates",
    }
}

keyed_enum! {
    /// Where a feed stands when bitrate is shared out.
    ShareState {
        /// Its bitrate is its share.
        Allocated = "allocated",
        /// Its agent decides for itself.
        #[default]
        Independent = "independent",
        /// A person has taken over.
        Manual = "manual",
        /// It sends nothing, so it needs nothing.
        Off = "off",
    }
}

keyed_enum! {
    /// Why somebody looks at a feed more than at others.
    Attention {
        /// Its picture is shown large.
        #[default]
        Enlarged = "enlarged",
        /// It is the one among many that is being looked at, or steered by.
        Focused = "focused",
        /// Somebody wants it good whatever is looked at.
        Pinned = "pinned",
        /// One of its `pinned_viewers` has it large in a browser. The feed looks for that itself, all the time:
        /// what anybody else says of it does not last.
        Viewed = "viewed",
    }
}

/// The settings of `[control]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ControlConfig {
    /// What there is to share out.
    pub budget: BudgetKind,
    /// How much that is where it is fixed, in kbit/s, within [`Self::BUDGET_KBPS`].
    pub budget_kbps: u32,
    /// What an agent asked for counts for so many seconds, within [`Self::AGGREGATION_TIMEOUT`]; a feed
    /// whose agent is silent for longer does not hold up the others.
    pub aggregation_timeout: u32,
}

impl ControlConfig {
    /// What [`Self::budget_kbps`] may be.
    pub const BUDGET_KBPS: RangeInclusive<u32> = 50..=1_000_000;
    /// The budget where none is named, in kbit/s.
    pub const DEFAULT_BUDGET_KBPS: u32 = 10_000;
    /// What [`Self::aggregation_timeout`] may be.
    pub const AGGREGATION_TIMEOUT: RangeInclusive<u32> = 1..=60;
    /// As long as `GstWebRTCApp` waits, in seconds.
    pub const DEFAULT_AGGREGATION_TIMEOUT: u32 = 5;

    /// How long what an agent asked for counts.
    pub fn asks_count_for(&self) -> Duration {
        Duration::from_secs(self.aggregation_timeout.into())
    }

    /// Whether these are values that there can be.
    ///
    /// # Errors
    /// A sentence that says what would be right.
    pub fn check(&self) -> Result<(), ControlError> {
        if !Self::BUDGET_KBPS.contains(&self.budget_kbps) {
            return Err(ControlError::Budget);
        }
        if !Self::AGGREGATION_TIMEOUT.contains(&self.aggregation_timeout) {
            return Err(ControlError::Timeout);
        }
        Ok(())
    }
}

impl Default for ControlConfig {
    fn default() -> Self {
        Self {
            budget: BudgetKind::default(),
            budget_kbps: Self::DEFAULT_BUDGET_KBPS,
            aggregation_timeout: Self::DEFAULT_AGGREGATION_TIMEOUT,
        }
    }
}

/// Values of [`ControlConfig`] that there cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum ControlError {
    /// The budget.
    Budget,
    /// The timeout.
    Timeout,
}

impl ControlError {
    fn sentence(self) -> String {
        match self {
            Self::Budget => gettext("A budget is a bitrate from 50 to 1000000 kbit/s."),
            Self::Timeout => gettext("What an agent asks for counts for 1 to 60 seconds."),
        }
    }
}

/// How a feed takes part when bitrate is shared out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ShareConfig {
    /// How important it is beside the others.
    pub importance: Importance,
    /// And while somebody looks at it more than at others; `None` is the same.
    pub focus_importance: Option<Importance>,
    /// Whether its agent decides for itself.
    pub is_independent: bool,
}

/// How important a feed is beside the others: only the ratios count. From 0 to 1000, to the thousandth.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(with = "f64")]
pub struct Importance {
    thousandths: u32,
}

impl Importance {
    /// The highest.
    pub const MOST: f64 = 1000.0;

    /// The number.
    pub fn value(self) -> f64 {
        f64::from(self.thousandths) / 1000.0
    }
}

impl Default for Importance {
    /// One, as for every feed.
    fn default() -> Self {
        Self { thousandths: 1000 }
    }
}

impl TryFrom<f64> for Importance {
    type Error = ImportanceError;

    fn try_from(value: f64) -> Result<Self, ImportanceError> {
        if (0.0..=Self::MOST).contains(&value) {
            Ok(Self { thousandths: (value * 1000.0).round() as u32 })
        } else {
            Err(ImportanceError)
        }
    }
}

impl From<Importance> for f64 {
    fn from(importance: Importance) -> Self {
        importance.value()
    }
}

impl FromStr for Importance {
    type Err = ImportanceError;

    fn from_str(text: &str) -> Result<Self, ImportanceError> {
        text.parse::<f64>().map_err(|_| ImportanceError)?.try_into()
    }
}

impl fmt::Display for Importance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

impl fmt::Debug for Importance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// No feed is that important, nor less than not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct ImportanceError;

impl ImportanceError {
    #[expect(clippy::unused_self, reason = "the words of every error stand in such a function")]
    fn sentence(self) -> String {
        gettext("an importance is a number from 0 to 1000, such as 3 or 0.5")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_importance_is_a_number_that_is_kept_to_the_thousandth() {
        for (number, text) in [(0.0, "0"), (0.7, "0.7"), (3.0, "3"), (1000.0, "1000"), (0.3333, "0.333")] {
            let importance = Importance::try_from(number).unwrap();
            assert_eq!((importance.to_string().as_str(), text.parse()), (text, Ok(importance)));
        }
        assert_eq!(serde_json::to_string(&ShareConfig::default().importance).unwrap(), "1.0");
        assert_eq!(serde_json::from_str("3").ok(), "3".parse::<Importance>().ok());
        for number in [-0.1, 1000.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Importance::try_from(number), Err(ImportanceError));
        }
        let refusal = serde_json::from_str::<Importance>("-1").unwrap_err().to_string();
        assert!(refusal.contains("from 0 to 1000"), "{refusal}");
    }

    #[test]
    fn a_budget_has_bounds() {
        let with = |budget_kbps, aggregation_timeout| {
            ControlConfig { budget_kbps, aggregation_timeout, ..ControlConfig::default() }.check()
        };
        assert_eq!((with(50, 1), with(1_000_000, 60)), (Ok(()), Ok(())));
        assert_eq!((with(49, 5), with(6000, 61)), (Err(ControlError::Budget), Err(ControlError::Timeout)));
    }
}
