//! Which ways to a viewer were tried, and why none was found.
//!
//! What either side has named is known, and which pair is in use; how the checks of each pair go, the ICE
//! agent tells nobody. So the pairs are put together here, by what fits together (RFC 8445, section 6.1.2.2).

use std::{net::IpAddr, sync::Arc};

use super::{Candidate, CandidatePair};
use crate::i18n::{gettext, gettext_f};

/// Where a session is on its way to a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IceState {
    /// Nothing is tried yet.
    #[default]
    New,
    /// Pairs are tried.
    Checking,
    /// A way was found.
    Connected,
    /// What was in use answers no more; it is looked for another.
    Disconnected,
    /// There is no way.
    Failed,
}

/// Whether media can flow: over a way that was found, encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// They never could.
    #[default]
    Never,
    /// They can.
    Now,
    /// They could.
    Before,
}

/// Whose word it is that there is a TURN server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TurnNamed {
    /// Nobody named one.
    #[default]
    Not,
    /// The operator did, for all sessions.
    Here,
    /// The service did that the session goes to.
    There,
}

/// What may be used for finding a way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IceMeans {
    /// Who named a TURN server.
    pub turn: TurnNamed,
    /// Whether nothing but a TURN server may be used.
    pub relay_only: bool,
}

/// All that is known of the ways to a viewer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IceReport {
    /// Seconds since the session began.
    pub age: f64,
    /// How far it is.
    pub state: IceState,
    /// What may be used.
    pub means: IceMeans,
    /// Whether the far side has answered.
    pub has_answer: bool,
    /// Whether media can flow.
    pub flow: Flow,
    /// What this side has named; each sample of a viewer has the same list, and none of its own.
    pub local: Arc<Vec<Candidate>>,
    /// What the far side has named, likewise.
    pub remote: Arc<Vec<Candidate>>,
    /// What is in use.
    pub chosen: Option<CandidatePair>,
}

/// A local and a remote candidate that fit together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriedPair {
    /// This end.
    pub local: Candidate,
    /// The viewer's.
    pub remote: Candidate,
    /// What became of it.
    pub state: PairState,
}

/// What became of a pair, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PairState {
    /// It is in use.
    InUse,
    /// It is tried, or waits for that.
    Trying,
    /// Another one was found.
    NotNeeded,
    /// Nobody answered on it.
    NoAnswer,
}

impl Candidate {
    /// What a line of a session description names (RFC 8839, section 5.1), with or without `a=` before it;
    /// `None` for anything else, and for a component of its own for RTCP.
    pub fn from_line(line: &str) -> Option<Self> {
        let line = line.trim();
        let rest = line.strip_prefix("a=").unwrap_or(line).strip_prefix("candidate:")?;
        let words: Vec<&str> = rest.split_ascii_whitespace().collect();
        let [_, component, protocol, _, address, port, "typ", kind, ..] = words[..] else { return None };
        (component == "1").then_some(())?;
        Some(Self {
            candidate_type: kind.to_owned(),
            address: address.to_owned(),
            port: port.parse().ok()?,
            protocol: protocol.to_ascii_lowercase(),
        })
    }

    /// Its address; `None` where a name hides that (draft-ietf-mmusic-mdns-ice-candidates).
    fn ip(&self) -> Option<IpAddr> {
        self.address.parse().ok()
    }

    fn is_relay(&self) -> bool {
        self.candidate_type == "relay"
    }
}

impl IceReport {
    /// A session that is not connected after so many seconds is told why. The ICE agent gives up a second later.
    pub const VERDICT_AFTER: f64 = 6.0;

    /// The pairs that fit together, what is in use first.
    pub fn pairs(&self) -> Vec<TriedPair> {
        let mut pairs: Vec<TriedPair> = self
            .local
            .iter()
            .flat_map(|local| self.remote.iter().map(move |remote| (local, remote)))
            .filter(|(local, remote)| fit(local, remote))
            .map(|(local, remote)| TriedPair {
                local: local.clone(),
                remote: remote.clone(),
                state: self.state_of(local, remote),
            })
            .collect();
        // A way from where the far side has not said to be (`prflx`) is in no list.
        if let Some(CandidatePair { local: Some(local), remote: Some(remote) }) = &self.chosen
            && pairs.iter().all(|pair| pair.state != PairState::InUse)
        {
            pairs.push(TriedPair { local: local.clone(), remote: remote.clone(), state: PairState::InUse });
        }
        pairs.sort_by_key(|pair| pair.state);
        pairs
    }

    fn state_of(&self, local: &Candidate, remote: &Candidate) -> PairState {
        let is = |one: &Candidate, end: Option<&Candidate>| {
            end.is_some_and(|end| (&one.address, one.port) == (&end.address, end.port))
        };
        let chosen = self.chosen.as_ref();
        let is_chosen =
            chosen.is_some_and(|chosen| is(local, chosen.local.as_ref()) && is(remote, chosen.remote.as_ref()));
        match self.state {
            _ if is_chosen => PairState::InUse,
            IceState::Connected => PairState::NotNeeded,
            IceState::Failed => PairState::NoAnswer,
            _ if self.age >= Self::VERDICT_AFTER => PairState::NoAnswer,
            _ => PairState::Trying,
        }
    }

    /// Why the session is not connected, in a sentence or two with what to do; `None` while it is, and while
    /// that may still come.
    pub fn verdict(&self) -> Option<String> {
        if self.flow == Flow::Now || self.state != IceState::Failed && self.age < Self::VERDICT_AFTER {
            return None;
        }
        if self.flow == Flow::Before {
            // What is lost for a moment comes back by itself.
            return (self.state == IceState::Failed)
                .then(|| gettext("The way to this viewer answers no more: its network is gone, or it has left."));
        }
        Some(self.why_not())
    }

    fn why_not(&self) -> String {
        if self.state == IceState::Connected {
            return gettext(
                "A way was found, and encryption (DTLS) does not come about over it: something lets small packets through only, or the far side has stopped.",
            );
        }
        if !self.has_answer {
            return gettext(
                "The far side has not answered the offer. Check that it runs, and that the signalling reaches it.",
            );
        }
        self.why_none_of_ours().or_else(|| self.why_none_of_theirs()).unwrap_or_else(|| self.why_no_pair())
    }

    fn why_none_of_ours(&self) -> Option<String> {
        let has_relay = self.local.iter().any(Candidate::is_relay);
        if self.means.relay_only && !has_relay {
            return Some(match self.means.turn {
                TurnNamed::Not => {
                    gettext("Only a TURN server may be used, and none is named. Name one in ice_servers.")
                }
                TurnNamed::Here => gettext(
                    "Only a TURN server may be used, and it gave no address: it cannot be reached, or it refused the user or the password. `heliograph doctor` says which.",
                ),
                TurnNamed::There => gettext(
                    "Only a TURN server may be used, and the one that the service named gave no address: it cannot be reached, or it refused the user or the password that came with it.",
                ),
            });
        }
        self.local.is_empty().then(|| {
            gettext(
                "This computer has found no address to offer: no network is up, or none of the interfaces that are named.",
            )
        })
    }

    fn why_none_of_theirs(&self) -> Option<String> {
        if self.remote.is_empty() {
            return Some(gettext(
                "The far side has named no address: its network is down, or its candidates were lost on the way.",
            ));
        }
        if self.remote.iter().all(|candidate| candidate.ip().is_none()) {
            return Some(gettext_f(
                "The far side hides its addresses behind names that only its own network knows. {next}",
                &[("next", &self.next_server())],
            ));
        }
        if self.pairs().is_empty() {
            return Some(gettext(
                "The two sides have no kind of address in common, such as IPv4 and UDP. A TURN server that has both helps.",
            ));
        }
        let is_far = |candidate: &Candidate| candidate.ip().is_some_and(|ip| is_private(ip) && !self.is_near(ip));
        let has_relay = self.local.iter().any(Candidate::is_relay);
        (self.remote.iter().all(|candidate| candidate.ip().is_none() || is_far(candidate)) && !has_relay).then(|| {
            gettext_f(
                "The far side offered only private addresses of another network. {next}",
                &[("next", &self.next_server())],
            )
        })
    }

    /// Whether one of our own addresses is in the same network, as far as can be told.
    fn is_near(&self, far: IpAddr) -> bool {
        let is_same = |near: IpAddr| match (near, far) {
            (IpAddr::V4(near), IpAddr::V4(far)) => near.octets()[..3] == far.octets()[..3],
            (IpAddr::V6(near), IpAddr::V6(far)) => near.segments()[..4] == far.segments()[..4],
            _ => false,
        };
        far.is_loopback() || self.local.iter().filter_map(Candidate::ip).any(is_same)
    }

    /// What to do where addresses do not reach.
    fn next_server(&self) -> String {
        let has_relay = self.local.iter().any(Candidate::is_relay);
        match self.means.turn {
            TurnNamed::Not => gettext("No TURN server is set: name one in ice_servers."),
            _ if has_relay => gettext("The TURN server is set, and did not reach it either."),
            TurnNamed::Here => gettext(
                "The TURN server gave no address: it cannot be reached, or it refused the user or the password. `heliograph doctor` says which.",
            ),
            TurnNamed::There => gettext(
                "The TURN server that the service named gave no address: it cannot be reached, or it refused the user or the password that came with it.",
            ),
        }
    }

    fn why_no_pair(&self) -> String {
        let pairs = self.pairs().len().to_string();
        let has_relay = self.local.iter().chain(self.remote.iter()).any(Candidate::is_relay);
        let next = if has_relay {
            gettext("Even the way over a TURN server was of no use: check what it may reach.")
        } else {
            self.next_server()
        };
        // Translators: {pairs} is a number; {next} a sentence about what to do.
        gettext_f(
            "No answer on any pair of addresses ({pairs} tried): UDP seems to be blocked by a firewall. {next}",
            &[("pairs", &pairs), ("next", &next)],
        )
    }
}

/// Whether packets can go from one to the other at all.
fn fit(local: &Candidate, remote: &Candidate) -> bool {
    let is_alike = match (local.ip(), remote.ip()) {
        (Some(local), Some(remote)) => local.is_ipv4() == remote.is_ipv4(),
        // A name may be of either kind.
        _ => true,
    };
    is_alike && local.protocol == remote.protocol
}

/// Whether an address means nothing beyond its own network (RFC 1918, RFC 3927, RFC 4193, RFC 6598).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let is_carriers = first == 100 && (64..128).contains(&second);
            v4.is_private() || v4.is_link_local() || v4.is_loopback() || is_carriers
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(kind: &str, address: &str) -> Candidate {
        Candidate { candidate_type: kind.into(), address: address.into(), port: 5000, protocol: "udp".into() }
    }

    /// A session that has tried for long enough.
    fn report(local: &[(&str, &str)], remote: &[(&str, &str)]) -> IceReport {
        let of =
            |list: &[(&str, &str)]| Arc::new(list.iter().map(|(kind, address)| candidate(kind, address)).collect());
        IceReport {
            age: IceReport::VERDICT_AFTER,
            state: IceState::Checking,
            has_answer: true,
            local: of(local),
            remote: of(remote),
            ..IceReport::default()
        }
    }

    fn assert_says(report: &IceReport, words: &[&str]) {
        let said = report.verdict().unwrap_or_default();
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }

    #[test]
    fn candidates_are_read_as_descriptions_name_them() {
        let read = Candidate::from_line;
        let host = read("candidate:1 1 UDP 2015363327 192.0.2.7 40000 typ host").unwrap();
        assert_eq!((host.candidate_type.as_str(), host.port, host.protocol.as_str()), ("host", 40000, "udp"));
        let relay = read("a=candidate:5 1 udp 5 2001:db8::1 9 typ relay raddr 192.0.2.7 rport 1\r\n").unwrap();
        assert_eq!((relay.candidate_type.as_str(), relay.address.as_str()), ("relay", "2001:db8::1"));
        for bad in [
            "",
            "a=mid:0",
            "candidate:1 2 UDP 1 192.0.2.7 4 typ host",
            "candidate:1 1 UDP 1 192.0.2.7 x typ host",
            "candidate:1 1 UDP 1 192.0.2.7",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn nothing_is_said_of_who_is_connected_or_may_still_be() {
        let mut session = report(&[("host", "192.168.1.2")], &[("host", "10.0.0.7")]);
        session.age = 5.9;
        assert_eq!(session.verdict(), None);
        assert!(session.pairs().iter().all(|pair| pair.state == PairState::Trying));
        session.state = IceState::Failed;
        assert!(session.verdict().is_some(), "what has failed need not be waited for");
        (session.flow, session.age) = (Flow::Now, 60.0);
        assert_eq!(session.verdict(), None);
        (session.flow, session.state) = (Flow::Before, IceState::Disconnected);
        assert_eq!(session.verdict(), None, "a lost way is looked for again");
        session.state = IceState::Failed;
        assert_says(&session, &["answers no more"]);
    }

    #[test]
    fn private_addresses_of_another_network_need_a_server() {
        let mut session = report(&[("host", "192.168.1.2")], &[("host", "10.0.0.7"), ("host", "fd00::7")]);
        assert_says(&session, &["only private addresses", "No TURN server is set"]);
        session.means.turn = TurnNamed::Here;
        assert_says(&session, &["only private addresses", "refused the user or the password", "heliograph doctor"]);
        session.means.turn = TurnNamed::There;
        assert_says(&session, &["only private addresses", "that the service named gave no address"]);
        Arc::make_mut(&mut session.local).push(candidate("relay", "203.0.113.5"));
        assert_says(&session, &["No answer on any pair", "Even the way over a TURN server"]);
        // In one network, they are no excuse.
        let near = report(&[("host", "192.168.1.2")], &[("host", "192.168.1.9")]);
        assert_says(&near, &["No answer on any pair of addresses (1 tried)", "UDP seems to be blocked"]);
    }

    #[test]
    fn a_public_address_without_an_answer_is_a_firewalls_doing() {
        let session = report(&[("host", "192.168.1.2"), ("srflx", "198.51.100.2")], &[("srflx", "203.0.113.9")]);
        assert_says(&session, &["(2 tried)", "UDP seems to be blocked", "No TURN server is set"]);
        assert!(session.pairs().iter().all(|pair| pair.state == PairState::NoAnswer));
    }

    #[test]
    fn who_may_use_a_relay_only_needs_one_that_answers() {
        let mut session = report(&[], &[("host", "203.0.113.9")]);
        session.means = IceMeans { relay_only: true, turn: TurnNamed::Here };
        assert_says(&session, &["Only a TURN server may be used, and it gave no address", "heliograph doctor"]);
        session.means.turn = TurnNamed::There;
        assert_says(&session, &["Only a TURN server may be used, and the one that the service named gave no address"]);
        session.means.turn = TurnNamed::Not;
        assert_says(&session, &["Only a TURN server may be used, and none is named"]);
    }

    #[test]
    fn what_one_side_did_not_name_is_said() {
        assert_says(&report(&[], &[("host", "203.0.113.9")]), &["This computer has found no address"]);
        assert_says(&report(&[("host", "192.168.1.2")], &[]), &["The far side has named no address"]);
        assert_says(&report(&[("host", "192.168.1.2")], &[("host", "2001:db8::1")]), &["no kind of address in common"]);
        let hidden = report(&[("host", "192.168.1.2")], &[("host", "0b1a.local")]);
        assert_says(&hidden, &["hides its addresses", "No TURN server is set"]);
        let silent = IceReport { has_answer: false, ..report(&[("host", "192.168.1.2")], &[]) };
        assert_says(&silent, &["has not answered the offer"]);
        let deaf = IceReport { state: IceState::Connected, ..silent };
        assert_says(&deaf, &["encryption (DTLS)"]);
    }

    #[test]
    fn the_pair_in_use_is_first_even_where_nobody_named_it() {
        let mut session = report(&[("host", "192.168.1.2"), ("host", "2001:db8::2")], &[("host", "192.168.1.9")]);
        session.state = IceState::Connected;
        let prflx = candidate("prflx", "192.168.1.77");
        session.chosen = Some(CandidatePair { local: Some(session.local[0].clone()), remote: Some(prflx.clone()) });
        let pairs = session.pairs();
        assert_eq!(pairs.iter().map(|pair| pair.state).collect::<Vec<_>>(), [PairState::InUse, PairState::NotNeeded]);
        assert_eq!(pairs[0].remote, prflx);
        session.chosen.as_mut().unwrap().remote = Some(session.remote[0].clone());
        assert_eq!(session.pairs().len(), 1, "what was named is told once");
    }
}
