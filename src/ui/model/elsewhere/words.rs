//! How it is at a place elsewhere, put into words.

use std::time::Duration;

use crate::{
    config::ConnectorConfig,
    connector::{ConnectorState, SetUp},
    i18n::{gettext, gettext_f, ngettext_f},
    mqtt::LinkState,
    ui::{model::Health, units},
};

/// A step that took fewer seconds would be shown as none.
const WORTH_A_WORD: f64 = 0.000_05;

/// Everything the window says about how it is at a place.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PlaceWords {
    /// As far as colour goes.
    pub health: Health,
    /// The same in a sentence or two.
    pub sentence: String,
}

impl PlaceWords {
    /// How it is at a connector: by feed, its name, its state, and since when.
    pub fn connector(config: &ConnectorConfig, feeds: &[(String, ConnectorState, Duration)]) -> Self {
        if !config.enabled {
            return Self::new(Health::Off, gettext("Off"));
        }
        let ready = feeds.iter().filter(|(_, state, _)| matches!(state, ConnectorState::Ready { .. })).count();
        let failed = feeds.iter().find_map(|(name, state, since)| match state {
            ConnectorState::Backoff { fault, .. } => Some((name, fault, state, *since)),
            _ => None,
        });
        if let Some((name, fault, state, since)) = failed {
            let health = if fault.kind.is_lasting() { Health::Failed } else { Health::Trouble };
            let mut sentence = feed_at_words(state, since);
            if feeds.len() > 1 && feeds.iter().any(|(_, state, _)| !is_same_fault(state, fault)) {
                // Translators: {feed} is a feed's name, {notice} a sentence about it.
                sentence = gettext_f("{feed}: {notice}", &[("feed", name), ("notice", &sentence)]);
            }
            return Self::new(health, sentence);
        }
        if feeds.is_empty() {
            return Self::new(Health::Off, gettext("No camera that goes there is streaming"));
        }
        if ready < feeds.len() {
            return Self::new(Health::Connecting, gettext("Connecting…"));
        }
        let count = ready.to_string();
        let cameras = ngettext_f("Connected, {n} camera", "Connected, {n} cameras", ready as u32, &[("n", &count)]);
        Self::new(Health::Live, cameras)
    }

    /// How it is at a broker, for so long already; `None` before anything is known.
    pub fn broker(state: Option<&(LinkState, Duration)>) -> Self {
        match state {
            None | Some((LinkState::Connecting, _)) => Self::new(Health::Connecting, gettext("Connecting…")),
            Some((LinkState::Up, _)) => Self::new(Health::Live, gettext("Connected")),
            Some((LinkState::Down { fault, retry_in }, since)) => {
                let sentence = with_wait(&fault.sentence, retry_in.saturating_sub(*since));
                Self::new(Health::Trouble, sentence)
            }
        }
    }

    fn new(health: Health, sentence: String) -> Self {
        Self { health, sentence }
    }
}

/// How a feed is at a connector, in a sentence; with how long it took, where it is there.
pub fn feed_at_words(state: &ConnectorState, since: Duration) -> String {
    match state {
        ConnectorState::Connecting => gettext("Connecting…"),
        ConnectorState::Ready { set_up } => {
            let steps = set_up_words(set_up);
            if steps.is_empty() {
                return gettext("Connected");
            }
            // Translators: {steps} is a list such as "connection 12 ms, signalling 3 ms".
            gettext_f("Connected: {steps}", &[("steps", &steps)])
        }
        ConnectorState::Backoff { fault, retry_in } => {
            let wait = Duration::try_from_secs_f64(*retry_in).unwrap_or_default().saturating_sub(since);
            with_wait(&fault.to_string(), wait)
        }
    }
}

/// How long the steps of a connection took, in a line.
fn set_up_words(set_up: &SetUp) -> String {
    let steps = [
        // Translators: a step of making a connection, before how long it took: the name's address.
        (gettext("address"), set_up.resolve),
        // Translators: a step of making a connection, before how long it took.
        (gettext("connection"), set_up.connect),
        // Translators: a step of making a connection, before how long it took.
        (gettext("encryption"), set_up.encrypt),
        // Translators: a step of making a connection, before how long it took: being let in.
        (gettext("admission"), set_up.authenticate),
        // Translators: a step of making a connection, before how long it took.
        (gettext("signalling"), set_up.signalling),
    ];
    // An address that need not be looked up takes no time, and is not worth a word.
    let took = |took: Option<f64>| took.filter(|took| *took >= WORTH_A_WORD);
    let before = set_up.before.iter().map(|step| (step.name.to_string(), Some(step.seconds)));
    let words = before.chain(steps).filter_map(|(name, step)| Some(format!("{name} {}", units::delay(took(step)?))));
    words.collect::<Vec<_>>().join(", ")
}

fn is_same_fault(state: &ConnectorState, fault: &crate::connector::ConnectorFault) -> bool {
    matches!(state, ConnectorState::Backoff { fault: other, .. } if other == fault)
}

fn with_wait(sentence: &str, wait: Duration) -> String {
    // Translators: {fault} is one or two whole sentences, {retrying} is such as "Retrying in 8 s".
    gettext_f("{fault} {retrying}.", &[("fault", sentence), ("retrying", &units::retrying_in(wait))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connector::{ConnectorFault, ConnectorFaultKind, FORMS, Step},
        mqtt::{LinkFault, LinkFaultKind},
    };

    fn config() -> ConnectorConfig {
        ConnectorConfig::from_line("one=whip,address=https://h/", FORMS).unwrap()
    }

    fn backoff(kind: ConnectorFaultKind, sentence: &str) -> ConnectorState {
        let fault = ConnectorFault { kind, sentence: sentence.to_owned(), next_step: "Do this.".to_owned() };
        ConnectorState::Backoff { fault, retry_in: 8.0 }
    }

    fn said(feeds: &[(&str, ConnectorState)]) -> (Health, String) {
        let feeds: Vec<_> =
            feeds.iter().map(|(name, state)| ((*name).to_owned(), state.clone(), Duration::from_secs(3))).collect();
        let words = PlaceWords::connector(&config(), &feeds);
        (words.health, words.sentence.replace('\u{a0}', " "))
    }

    #[test]
    fn a_connector_is_as_its_feeds_are_there() {
        let set_up =
            SetUp { resolve: Some(0.000_01), connect: Some(0.012), signalling: Some(0.003), ..SetUp::default() };
        let ready = || ConnectorState::Ready { set_up: set_up.clone() };
        let gone = || backoff(ConnectorFaultKind::Lost, "Gone.");
        let refused = || backoff(ConnectorFaultKind::Refused, "No.");
        assert_eq!(said(&[]), (Health::Off, "No camera that goes there is streaming".to_owned()));
        assert_eq!(said(&[("Bow", ConnectorState::Connecting), ("Aft", ready())]).0, Health::Connecting);
        assert_eq!(said(&[("Bow", ready()), ("Aft", ready())]), (Health::Live, "Connected, 2 cameras".to_owned()));
        let trouble = |text: &str| (Health::Trouble, text.to_owned());
        assert_eq!(said(&[("Bow", gone())]), trouble("Gone. Do this. Retrying in 5 s."));
        assert_eq!(said(&[("Bow", ready()), ("Aft", gone())]), trouble("Aft: Gone. Do this. Retrying in 5 s."));
        assert_eq!(said(&[("Bow", gone()), ("Aft", gone())]), trouble("Gone. Do this. Retrying in 5 s."));
        assert_eq!(said(&[("Bow", refused())]).0, Health::Failed, "somebody has to change something");
        let words = feed_at_words(&ready(), Duration::ZERO).replace('\u{a0}', " ");
        assert_eq!(words, "Connected: connection 12 ms, signalling 3 ms");
        let mut asked = set_up.clone();
        asked.before = vec![Step { name: "OPTIONS".into(), seconds: 0.02 }];
        let words = feed_at_words(&ConnectorState::Ready { set_up: asked }, Duration::ZERO).replace('\u{a0}', " ");
        assert_eq!(words, "Connected: OPTIONS 20 ms, connection 12 ms, signalling 3 ms");
        let at_once = ConnectorState::Ready { set_up: SetUp::default() };
        assert_eq!(feed_at_words(&at_once, Duration::ZERO), "Connected");
        let off = ConnectorConfig { enabled: false, ..config() };
        assert_eq!(PlaceWords::connector(&off, &[]).sentence, "Off");
    }

    #[test]
    fn a_broker_is_as_the_way_to_it_is() {
        assert_eq!(PlaceWords::broker(None).health, Health::Connecting);
        assert_eq!(PlaceWords::broker(Some(&(LinkState::Up, Duration::ZERO))).health, Health::Live);
        let fault = LinkFault::new(LinkFaultKind::Settings, "Nobody is there.".to_owned());
        let down = LinkState::Down { fault, retry_in: Duration::from_secs(4) };
        let words = PlaceWords::broker(Some(&(down, Duration::from_secs(1))));
        assert_eq!(words.sentence.replace('\u{a0}', " "), "Nobody is there. Retrying in 3 s.");
        assert_eq!(words.health, Health::Trouble);
    }
}
