//! The safest agent: changes nothing.

use super::{Agent, Decision, Observation};
use crate::{config::AgentKind, i18n::gettext};

/// Holds what a person set, or what is in force when it takes over from another agent: that was
/// right a moment ago.
#[derive(Debug, Default)]
pub struct Manual;

impl Agent for Manual {
    fn name(&self) -> &'static str {
        AgentKind::Manual.key()
    }

    fn decide(&mut self, _: &Observation<'_>) -> Option<Decision> {
        Some(Decision::stay(gettext("Holds what was set")))
    }
}
