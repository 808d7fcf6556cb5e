//! How urgent a feed's packets are to the network.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::i18n::gettext_f;

/// How urgent a feed's packets are to the network, in the four steps of WebRTC's
/// `RTCPriorityType` (W3C WebRTC 1.0, RFC 8835). In files and messages it is a number from 1 to 4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
pub enum Priority {
    /// 1: after everything else.
    VeryLow,
    /// 2: like most of what a network carries, and WebRTC's default.
    #[default]
    Low,
    /// 3: before what can wait.
    Medium,
    /// 4: before everything else.
    High,
}

/// The number is no priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct PriorityError(pub u8);

impl PriorityError {
    /// What is wrong, and what would be right.
    fn sentence(self) -> String {
        let known: Vec<String> =
            Priority::ALL.iter().map(|priority| format!("{} ({priority})", priority.number())).collect();
        gettext_f(
            // Translators: {known} is a list such as "1 (very-low), 2 (low)".
            "A priority of {number} cannot be used. Choose one of {known}.",
            &[("number", &self.0.to_string()), ("known", &known.join(", "))],
        )
    }
}

impl Priority {
    /// Every priority, the least urgent first.
    pub const ALL: [Self; 4] = [Self::VeryLow, Self::Low, Self::Medium, Self::High];

    /// 1 to 4.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The one of this number; `None` where there is none.
    pub fn of_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| u32::from(priority.number()) == number)
    }

    /// The name that WebRTC gives it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::VeryLow => "very-low",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl TryFrom<u8> for Priority {
    type Error = PriorityError;

    fn try_from(number: u8) -> Result<Self, PriorityError> {
        Self::of_number(number.into()).ok_or(PriorityError(number))
    }
}

impl From<Priority> for u8 {
    fn from(priority: Priority) -> u8 {
        priority.number()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_numbered_from_one_to_four() {
        for (number, priority) in (1..=4).zip(Priority::ALL) {
            assert_eq!(Priority::try_from(number), Ok(priority));
            assert_eq!(serde_json::to_value(priority).unwrap(), number);
            assert_eq!(serde_json::from_str::<Priority>(&number.to_string()).unwrap(), priority);
        }
        assert!(Priority::VeryLow < Priority::High);
    }

    #[test]
    fn another_number_is_refused_with_the_numbers_that_are_allowed() {
        for number in [0, 5, 255] {
            assert_eq!(Priority::try_from(number), Err(PriorityError(number)));
        }
        let sentence = serde_json::from_str::<Priority>("9").unwrap_err().to_string();
        assert_eq!(
            sentence,
            "A priority of 9 cannot be used. Choose one of 1 (very-low), 2 (low), 3 (medium), 4 (high)."
        );
    }
}
