//! How a viewer's connection came about, or why it does not: put into words.

use crate::{
    connector::SetUp,
    i18n::{gettext, gettext_f},
    stats::{Candidate, Flow, PairState, TriedPair, ViewerSample},
    ui::{model::Health, units},
};

/// Everything the window says about a viewer's connection.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ConnectionWords {
    /// As far as colour goes.
    pub health: Health,
    /// How it is, or why it is not.
    pub sentence: String,
    /// Each step, and how long it took.
    pub steps: Vec<(String, String)>,
    /// The ways that were tried: what they are, and what became of them; the one in use first.
    pub ways: Vec<WayWords>,
}

/// A way to a viewer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct WayWords {
    /// From where to where.
    pub ends: String,
    /// What kind of addresses, and what became of it.
    pub state: String,
    /// Whether it is in use.
    pub is_in_use: bool,
}

impl ConnectionWords {
    /// The words for a viewer; `at_connector`: how long the connection took by which it found the feed.
    pub fn new(viewer: &ViewerSample, at_connector: Option<&SetUp>) -> Self {
        let (health, sentence) = match (&viewer.ice_verdict, viewer.ice.flow) {
            (Some(verdict), _) => (Health::Failed, verdict.clone()),
            (None, Flow::Now) => (Health::Live, gettext("Connected.")),
            (None, Flow::Never) => (Health::Connecting, gettext("A way is looked for…")),
            (None, Flow::Before) => (Health::Trouble, gettext("The way that was in use does not answer just now.")),
        };
        Self {
            health,
            sentence,
            steps: steps(viewer, at_connector),
            ways: viewer.ice.pairs().iter().map(way).collect(),
        }
    }
}

fn steps(viewer: &ViewerSample, at_connector: Option<&SetUp>) -> Vec<(String, String)> {
    let there = at_connector.cloned().unwrap_or_default();
    let set_up = &viewer.set_up;
    let before = there.before.iter().map(|step| (step.name.to_string(), Some(step.seconds)));
    let connected = [
        // Translators: a step on the way to a service elsewhere.
        (gettext("Address of the service"), there.resolve),
        (gettext("Connection to the service"), there.connect),
        (gettext("Encryption to the service"), there.encrypt),
        // Translators: a step on the way to a service elsewhere: it lets us in.
        (gettext("Admission by the service"), there.authenticate),
        // Translators: a step on the way to a service elsewhere: it has taken the camera in.
        (gettext("Camera known to the service"), there.signalling),
    ];
    let session = [
        // Translators: a step on the way to a viewer.
        (gettext("Offer and answer"), set_up.signalling),
        // Translators: a step on the way to a viewer: ICE gathering.
        (gettext("Own addresses found"), set_up.ice_gathering),
        // Translators: a step on the way to a viewer: ICE.
        (gettext("Way found"), set_up.ice_connected),
        // Translators: a step on the way to a viewer: DTLS.
        (gettext("Encryption"), set_up.dtls),
        // Translators: a step on the way to a viewer: the first packet of a key frame was sent.
        (gettext("First picture sent"), set_up.first_frame),
    ];
    let took = |seconds: Option<f64>| seconds.map_or_else(|| units::NOT_KNOWN.to_owned(), units::delay);
    // What the service did not need is left out; what a viewer needs is shown to be missing.
    let connected = before.chain(connected).filter(|(_, seconds)| seconds.is_some());
    connected.chain(session).map(|(step, seconds)| (step, took(seconds))).collect()
}

fn way(pair: &TriedPair) -> WayWords {
    let state = match pair.state {
        PairState::InUse => gettext("In use"),
        PairState::Trying => gettext("Being tried"),
        PairState::NotNeeded => gettext("Not needed"),
        PairState::NoAnswer => gettext("No answer"),
    };
    let (near, far) = (kind(&pair.local), kind(&pair.remote));
    let values = [("state", &*state), ("near", &*near), ("far", &*far), ("protocol", &*pair.local.protocol)];
    WayWords {
        ends: format!("{} → {}", place(&pair.local), place(&pair.remote)),
        // Translators: {state} is such as "In use"; {near} and {far} are kinds of addresses, {protocol} is udp or tcp.
        state: gettext_f("{state}: {near} to {far}, {protocol}", &values),
        is_in_use: pair.state == PairState::InUse,
    }
}

fn place(candidate: &Candidate) -> String {
    let address = &candidate.address;
    if address.contains(':') {
        format!("[{address}]:{}", candidate.port)
    } else {
        format!("{address}:{}", candidate.port)
    }
}

fn kind(candidate: &Candidate) -> String {
    match candidate.candidate_type.as_str() {
        // Translators: a kind of address: the machine's own.
        "host" => gettext("own address"),
        // Translators: a kind of address: the one by which a router lets packets in.
        "srflx" | "prflx" => gettext("address beyond the router"),
        // Translators: a kind of address: that of a TURN server.
        "relay" => gettext("TURN server"),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connector::Step,
        stats::{CandidatePair, IceReport, IceState, SessionSetUp},
    };

    fn candidate(kind: &str, address: &str) -> Candidate {
        Candidate { candidate_type: kind.into(), address: address.into(), port: 5000, protocol: "udp".into() }
    }

    fn viewer() -> ViewerSample {
        let (local, remote) = (candidate("host", "192.168.1.2"), candidate("srflx", "203.0.113.9"));
        let relayed = candidate("relay", "2001:db8::5");
        ViewerSample {
            set_up: SessionSetUp { signalling: Some(0.012), ..SessionSetUp::default() },
            ice: IceReport {
                age: 60.0,
                state: IceState::Connected,
                has_answer: true,
                flow: Flow::Now,
                local: vec![local.clone(), relayed].into(),
                remote: vec![remote.clone(), candidate("host", "2001:db8::9")].into(),
                chosen: Some(CandidatePair { local: Some(local), remote: Some(remote) }),
                ..IceReport::default()
            },
            ..ViewerSample::default()
        }
    }

    #[test]
    fn a_connection_that_is_there_says_how_it_came_about() {
        let before = vec![Step { name: "OPTIONS".into(), seconds: 0.02 }];
        let there = SetUp { before, connect: Some(0.3), ..SetUp::default() };
        let words = ConnectionWords::new(&viewer(), Some(&there));
        assert_eq!((words.health, words.sentence.as_str()), (Health::Live, "Connected."));
        let steps: Vec<_> =
            words.steps.iter().map(|(step, took)| format!("{step} {}", took.replace('\u{a0}', " "))).collect();
        assert_eq!(steps[..3], ["OPTIONS 20 ms", "Connection to the service 300 ms", "Offer and answer 12 ms"]);
        assert_eq!(steps.last().unwrap(), "First picture sent —");
        let ways: Vec<_> = words.ways.iter().map(|way| (way.ends.as_str(), way.state.as_str())).collect();
        let expected = [
            ("192.168.1.2:5000 → 203.0.113.9:5000", "In use: own address to address beyond the router, udp"),
            ("[2001:db8::5]:5000 → [2001:db8::9]:5000", "Not needed: TURN server to own address, udp"),
        ];
        assert_eq!(ways, expected);
        assert!(words.ways[0].is_in_use);
    }

    #[test]
    fn one_that_is_not_says_why() {
        let mut viewer = viewer();
        viewer.ice.flow = Flow::Never;
        viewer.ice_verdict = Some("No answer.".to_owned());
        let words = ConnectionWords::new(&viewer, None);
        assert_eq!((words.health, words.sentence.as_str()), (Health::Failed, "No answer."));
    }
}
