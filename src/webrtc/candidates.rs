//! Offers and answers that are complete: those who do not trickle carry candidates inside them. And such taken apart.

/// The offer or answer (SDP, RFC 8866) with these candidates in the media sections that they belong to, by their
/// index, and the word that there are no more (RFC 8840).
pub(crate) fn complete(sdp: &str, candidates: &[(u32, String)]) -> String {
    let mut section = None;
    let mut lines = Vec::new();
    for line in sdp.lines() {
        if line.starts_with("m=") {
            finish(&mut lines, section, candidates);
            section = Some(section.map_or(0, |section| section + 1));
        }
        lines.push(line.to_owned());
    }
    finish(&mut lines, section, candidates);
    lines.into_iter().map(|line| line + "\r\n").collect()
}

fn finish(lines: &mut Vec<String>, section: Option<u32>, candidates: &[(u32, String)]) {
    let Some(section) = section else { return };
    let own = candidates.iter().filter(|(line, _)| *line == section);
    let before = lines.len();
    lines.extend(own.map(|(_, candidate)| format!("a={}", candidate.trim_start_matches("a="))));
    if lines.len() > before {
        lines.push("a=end-of-candidates".to_owned());
    }
}

/// A description and its candidates, with their sections.
pub(crate) fn apart(sdp: &str) -> (String, Vec<(u32, String)>) {
    let (mut rest, mut candidates, mut sections) = (String::new(), Vec::new(), 0_u32);
    for line in sdp.lines() {
        sections += u32::from(line.starts_with("m="));
        if let Some(candidate) = line.strip_prefix("a=").filter(|line| line.starts_with("candidate:")) {
            candidates.push((sections.saturating_sub(1), candidate.to_owned()));
        } else if line != "a=end-of-candidates" {
            rest.push_str(line);
            rest.push_str("\r\n");
        }
    }
    (rest, candidates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_stand_in_their_own_section() {
        let offer = "v=0\r\ns=-\r\nm=video 9 X 96\r\na=mid:0\r\nm=audio 9 X 97\r\na=mid:1\r\n";
        let candidates = [(1, "candidate:2 audio".to_owned()), (0, "a=candidate:1 video".to_owned())];
        assert_eq!(
            complete(offer, &candidates),
            "v=0\r\ns=-\r\nm=video 9 X 96\r\na=mid:0\r\na=candidate:1 video\r\na=end-of-candidates\r\n\
             m=audio 9 X 97\r\na=mid:1\r\na=candidate:2 audio\r\na=end-of-candidates\r\n"
        );
        assert_eq!(complete("v=0\r\n", &candidates), "v=0\r\n");
        assert_eq!(complete("", &[]), "");
    }

    #[test]
    fn candidates_are_told_apart_from_the_description() {
        let sdp = "v=0\r\nm=video 9 X 96\r\na=mid:0\r\na=candidate:1 x\r\na=end-of-candidates\r\n";
        let (rest, candidates) = apart(sdp);
        assert_eq!(rest, "v=0\r\nm=video 9 X 96\r\na=mid:0\r\n");
        assert_eq!(candidates, [(0, "candidate:1 x".to_owned())]);
    }
}
