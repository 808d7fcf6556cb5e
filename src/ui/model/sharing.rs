//! Words for who decides over a feed, and for what it gets of the bitrate that there is for all.

use crate::{
    config::{AgentKind, BudgetKind, ShareState},
    control::{ControlState, CrewState, FeedShare},
    i18n::{gettext, gettext_f},
    ui::units,
};

/// Who decides, in one line; the agent's own words, where one decides.
pub(super) fn deciding(agent: Option<&CrewState>) -> String {
    let Some(agent) = agent else { return String::new() };
    if agent.is_overtaken || (agent.chosen == AgentKind::Manual && agent.reason.is_empty()) {
        return String::new();
    }
    if agent.chosen != agent.acting && agent.phase != crate::control::Phase::Passive {
        return gettext("Looks on before it decides");
    }
    agent.reason.clone()
}

/// What a feed gets, or why it gets nothing.
pub fn share_words(share: Option<&FeedShare>, control: &ControlState) -> String {
    let Some(share) = share else { return gettext("Not started") };
    match share.state {
        ShareState::Off => gettext("Nobody watches"),
        ShareState::Manual => gettext("You have taken over"),
        ShareState::Independent if control.config.budget == BudgetKind::Off => gettext("Nothing is shared out"),
        ShareState::Independent => gettext("Decides for itself"),
        ShareState::Allocated => {
            let kbps = share.share_kbps.zip(control.shared_kbps);
            kbps.map_or_else(
                || gettext("Waits for its agent"),
                |(kbps, all)| {
                    let (kbps, all) = (units::bitrate(kbps.into()), units::bitrate(all.into()));
                    // Translators: both are bitrates, such as 1.2 Mbit/s of 6.0 Mbit/s.
                    gettext_f("{bitrate} of {all}", &[("bitrate", &kbps), ("all", &all)])
                },
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ControlConfig;

    #[test]
    fn a_share_is_said_with_what_there_is_and_its_lack_with_the_reason() {
        let fixed = ControlConfig { budget: BudgetKind::Fixed, ..ControlConfig::default() };
        let control = ControlState { config: fixed, shared_kbps: Some(6000), ..ControlState::default() };
        let words = |state, share_kbps| {
            let share = FeedShare {
                feed: "bow".parse().unwrap(),
                state,
                importance: 3.0.try_into().unwrap(),
                has_attention: false,
                attention: Vec::new(),
                asks_kbps: None,
                is_silent: false,
                share_kbps,
            };
            share_words(Some(&share), &control)
        };
        let said = words(ShareState::Allocated, Some(1200));
        assert!(said.contains("1.2") && said.contains("6.0"), "{said}");
        let others = [ShareState::Allocated, ShareState::Off, ShareState::Manual, ShareState::Independent];
        let others: std::collections::BTreeSet<String> = others.map(|state| words(state, None)).into();
        assert_eq!(others.len(), 4, "{others:?}");
    }
}
