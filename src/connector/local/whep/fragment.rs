//! What of an offer and of later fragments concerns ICE: who it is, and where else it can be reached.

/// The most media sections of an offer; a player asks for a picture and a sound.
const MAX_SECTIONS: usize = 16;

/// A player's offer (SDP, RFC 8866).
pub(super) struct Offer {
    pub(super) sdp: String,
    /// The name of each media section, in their order; empty where one has none.
    mids: Vec<String>,
    ufrag: Option<String>,
}

/// A part of a description that names candidates (RFC 8840, section 4.4).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fragment {
    ufrag: Option<String>,
    /// Each candidate with the name of its media section, where one was said.
    candidates: Vec<(Option<String>, String)>,
}

impl Offer {
    /// Reads what can be an offer; `None` for anything else.
    pub(super) fn read(sdp: &str) -> Option<Self> {
        let lines: Option<Vec<_>> = sdp.lines().map(field).collect();
        let lines = lines.filter(|lines| lines.first() == Some(&('v', "0")))?;
        let (mut mids, mut ufrag) = (Vec::new(), None);
        for (kind, value) in lines {
            if kind == 'm' {
                mids.push(String::new());
            } else if let Some(name) = attribute(kind, value, "mid:") {
                mids.last_mut()?.push_str(name);
            } else if let Some(name) = attribute(kind, value, "ice-ufrag:") {
                ufrag.get_or_insert_with(|| name.to_owned());
            }
        }
        (1..=MAX_SECTIONS).contains(&mids.len()).then(|| Self { sdp: sdp.to_owned(), mids, ufrag })
    }

    /// Whether a fragment begins ICE anew, under another name (RFC 8839, section 4.4.1.1.1).
    pub(super) fn is_left_by(&self, fragment: &Fragment) -> bool {
        fragment.ufrag.is_some() && fragment.ufrag != self.ufrag
    }

    /// A fragment's candidates, each with the index of its media section. Those of no section of the
    /// offer are left out.
    pub(super) fn place(&self, fragment: Fragment) -> Vec<(u32, String)> {
        let index = |mid: Option<String>| match mid {
            None => Some(0),
            Some(mid) => self.mids.iter().position(|own| *own == mid),
        };
        let placed = fragment.candidates.into_iter().filter_map(|(mid, candidate)| Some((index(mid)?, candidate)));
        placed.filter_map(|(index, candidate)| Some((u32::try_from(index).ok()?, candidate))).collect()
    }
}

impl Fragment {
    /// Reads a fragment; `None` where a line is none of a description's.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut fragment = Self::default();
        let mut mid = None;
        for line in text.lines() {
            let (kind, value) = field(line)?;
            if kind == 'm' {
                mid = None;
            } else if let Some(name) = attribute(kind, value, "mid:") {
                mid = Some(name.to_owned());
            } else if let Some(name) = attribute(kind, value, "ice-ufrag:") {
                fragment.ufrag.get_or_insert_with(|| name.to_owned());
            } else if attribute(kind, value, "candidate:").is_some() {
                fragment.candidates.push((mid.clone(), value.to_owned()));
            }
        }
        Some(fragment)
    }
}

/// A line of a description: one letter and what it says. Nothing in it can end it early.
fn field(line: &str) -> Option<(char, &str)> {
    let (kind, value) = line.split_once('=')?;
    let is_letter = kind.len() == 1 && kind.bytes().all(|letter| letter.is_ascii_lowercase());
    let is_plain = !value.chars().any(char::is_control);
    (is_letter && is_plain).then(|| (kind.chars().next().unwrap_or('a'), value))
}

/// What follows the name of an attribute.
fn attribute<'l>(kind: char, value: &'l str, name: &str) -> Option<&'l str> {
    value.strip_prefix(name).filter(|_| kind == 'a').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
        a=mid:sound\r\na=ice-ufrag:EsAw\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:picture\r\na=ice-ufrag:EsAw\r\n";

    #[test]
    fn an_offer_is_told_from_what_is_none() {
        assert!(Offer::read(OFFER).is_some());
        assert!(Offer::read(&OFFER.replace("\r\n", "\n")).is_some());
        let without_media = "v=0\r\ns=-\r\nt=0 0\r\n";
        let many = format!("{without_media}{}", "m=video 9 X 96\r\n".repeat(MAX_SECTIONS + 1));
        let noise = OFFER.replace("s=-", "s=\u{1}");
        for text in ["", "v=0", "hello", "{\"type\":\"offer\"}", "m=video 9 X 96\r\n", without_media, &many, &noise] {
            assert!(Offer::read(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_fragments_candidates_find_their_section() {
        let offer = Offer::read(OFFER).unwrap();
        let text = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=video 9 RTP/AVP 0\r\na=mid:picture\r\n\
            a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\nm=audio 9 RTP/AVP 0\r\n\
            a=candidate:2 1 udp 1 192.0.2.1 9 typ host\r\na=mid:other\r\na=candidate:3 1 udp 1 192.0.2.1 9 typ host\r\n";
        let fragment = Fragment::read(text).unwrap();
        assert!(!offer.is_left_by(&fragment));
        let placed = offer.place(fragment);
        let of = |index: u32, foundation: u32| (index, format!("candidate:{foundation} 1 udp 1 192.0.2.1 9 typ host"));
        assert_eq!(placed, [of(1, 1), of(0, 2)]);
    }

    #[test]
    fn another_name_begins_ice_anew() {
        let offer = Offer::read(OFFER).unwrap();
        let is_left = |text: &str| offer.is_left_by(&Fragment::read(text).unwrap());
        assert!(is_left("a=ice-ufrag:Other\r\n"));
        assert!(!is_left("a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"));
    }

    #[test]
    fn what_is_no_fragment_is_refused() {
        assert_eq!(Fragment::read(""), Some(Fragment::default()));
        for text in ["{}", "candidate:1", "a=candidate:1\u{0}\r\n", "aa=x\r\n", "a=mid:0\r\n\r\na=mid:1\r\n"] {
            assert_eq!(Fragment::read(text), None, "{text:?}");
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    const OFFER: &str = "v=0\r\ns=-\r\nm=audio 9 X 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\nm=video 0 X 96\r\na=mid:1\r\n";
    const FRAGMENT: &str = "a=ice-ufrag:EsAw\r\na=ice-pwd:x\r\nm=audio 9 X 111\r\na=mid:0\r\n\
            a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n";

    #[test]
    fn whatever_a_player_sends_names_only_sections_that_there_are() {
        let at_hand = Offer::read(OFFER).unwrap();
        crate::fuzz::texts(&[OFFER, FRAGMENT], |text| {
            let read = Offer::read(text);
            assert!(read.as_ref().is_none_or(|offer| (1..=MAX_SECTIONS).contains(&offer.mids.len())));
            let Some(fragment) = Fragment::read(text) else { return read.is_some() };
            for (index, candidate) in at_hand.place(fragment) {
                assert!(index < 2 && candidate.starts_with("candidate:"), "{index} {candidate}");
                assert!(!candidate.contains(['\r', '\n']), "{candidate}");
            }
            true
        });
    }
}
