//! How urgent a feed's packets are.

use serde::{Deserialize, Serialize};

use crate::i18n::gettext_f;

/// How urgent a feed's packets are: `RTCPriorityType` of the W3C's WebRTC, by number in files and messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Priority {
    /// Behind everything else.
    VeryLow = 1,
    /// Like all other traffic.
    #[default]
    Low = 2,
    /// Before other traffic.
    Medium = 3,
    /// Before all others.
    High = 4,
}

/// The number is none of a priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct PriorityError(u8);

impl PriorityError {
    fn sentence(self) -> String {
        gettext_f(
            "{number} is no priority; it is 1 (very low), 2 (low), 3 (medium) or 4 (high)",
            &[("number", &self.0.to_string())],
        )
    }
}

impl TryFrom<u8> for Priority {
    type Error = PriorityError;

    fn try_from(number: u8) -> Result<Self, PriorityError> {
        [Self::VeryLow, Self::Low, Self::Medium, Self::High]
            .into_iter()
            .find(|priority| *priority as u8 == number)
            .ok_or(PriorityError(number))
    }
}

impl From<Priority> for u8 {
    fn from(priority: Priority) -> u8 {
        priority as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_is_a_number_from_one_to_four() {
        for number in 1..=4 {
            let priority: Priority = serde_json::from_value(number.into()).unwrap();
            assert_eq!(serde_json::to_value(priority).unwrap(), number);
        }
        for number in [0, 5, 255] {
            let error = Priority::try_from(number).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{number} is no priority; it is 1")), "{error}");
        }
    }
}
