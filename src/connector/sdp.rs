//! A viewer's offer or answer, read, and made harmless for webrtcsink.
//!
//! webrtcsink turns the format parameters of an answer into caps by tables of H.264's profiles
//! and levels, for every codec, and panics at a value that is not there: AV1's `profile=0`, as
//! Chromium answers, ends the program. What is sent is encoded by then and the same for all
//! viewers, so these parameters choose nothing, and are taken out.

use super::Codecs;
use crate::config::Codec;

/// Parameters that webrtcsink looks up.
const LOOKED_UP: [&str; 3] = ["profile", "level", "profile-level-id"];

/// In what an offer (SDP, RFC 8866) takes pictures.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Offered {
    /// The codecs.
    pub(super) codecs: Codecs,
    /// It takes H.264, but only with each NAL unit in a packet of its own, which has no room for a key frame.
    pub(super) wants_single_units: bool,
}

impl Offered {
    /// In what this offer takes pictures.
    pub(super) fn of(offer: &str) -> Self {
        let mut offered = Self::default();
        let mut single = false;
        for section in video_sections(offer) {
            for (format, name) in section.iter().filter_map(|line| encoding(line)) {
                match name.to_lowercase().parse::<Codec>() {
                    Ok(Codec::H264) if !takes_fragments(&section, format) => single = true,
                    Ok(codec) => drop(offered.codecs.insert(codec)),
                    Err(_) => {}
                }
            }
        }
        offered.wants_single_units = single && !offered.codecs.contains(&Codec::H264);
        offered
    }
}

/// The lines of each section for pictures.
fn video_sections(sdp: &str) -> Vec<Vec<&str>> {
    let mut sections: Vec<Vec<&str>> = Vec::new();
    let mut is_video = false;
    for line in sdp.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            is_video = media.starts_with("video ");
            sections.extend(is_video.then(Vec::new));
        }
        if let Some(section) = sections.last_mut().filter(|_| is_video) {
            section.push(line);
        }
    }
    sections
}

/// A format, and the codec that it stands for.
fn encoding(line: &str) -> Option<(&str, &str)> {
    let (format, encoding) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
    Some((format, encoding.split('/').next()?))
}

/// Whether H.264 may come in fragments (RFC 6184, section 6.3), as it is sent. Who names no mode means none by the
/// letter; those who leave it out take them nonetheless, GStreamer for one.
fn takes_fragments(section: &[&str], format: &str) -> bool {
    let parameters =
        |line: &&str| Some(line.strip_prefix("a=fmtp:")?.strip_prefix(format)?.strip_prefix(' ')?.to_ascii_lowercase());
    section.iter().filter_map(parameters).all(|parameters| {
        let mut modes = parameters.split(';').filter_map(|one| one.trim().strip_prefix("packetization-mode="));
        modes.all(|mode| mode.trim() == "1")
    })
}

/// Whether an offer or answer has what a connection needs: media, and the names by which the two sides know one
/// another in ICE and DTLS (RFC 8829, section 5.2.1).
pub(super) fn can_connect(sdp: &str) -> bool {
    ["m=", "a=ice-ufrag:", "a=fingerprint:"].iter().all(|needed| sdp.lines().any(|line| line.starts_with(needed)))
}

/// Whether an answer takes no picture: its section has port 0 (RFC 8829, section 5.3.1).
pub(super) fn refuses_pictures(answer: &str) -> bool {
    answer.lines().any(|line| line.starts_with("m=video 0 "))
}

/// The offer of somebody who is only sent to: it asks for pictures and sound in every section, whatever direction it
/// had, or had not. webrtcbin sends nothing to one that says it sends itself (RFC 8829, section 5.3.1).
pub(super) fn asking(offer: &str) -> String {
    let mut asking = String::new();
    let mut is_media = false;
    let close = |asking: &mut String, is_media: bool| asking.push_str(if is_media { "a=recvonly\r\n" } else { "" });
    for line in offer.lines().filter(|line| !is_direction(line)) {
        if let Some(media) = line.strip_prefix("m=") {
            close(&mut asking, is_media);
            is_media = media.starts_with("video ") || media.starts_with("audio ");
        }
        asking.push_str(line);
        asking.push_str("\r\n");
    }
    close(&mut asking, is_media);
    asking
}

/// The answer in which every section that sends says `sendrecv`.
pub(super) fn both_ways(answer: &str) -> String {
    let both = |line| match line {
        "a=sendonly" | "a=recvonly" => "a=sendrecv",
        line => line,
    };
    answer.lines().map(|line| both(line).to_owned() + "\r\n").collect()
}

fn is_direction(line: &str) -> bool {
    matches!(line, "a=sendrecv" | "a=sendonly" | "a=recvonly" | "a=inactive")
}

/// Whether an answer gives a picture: a section that is not refused, and sends (RFC 8829, section 5.3.1).
pub(super) fn sends_picture(answer: &str) -> bool {
    let mut sends = false;
    for line in answer.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            if sends {
                return true;
            }
            sends = media.strip_prefix("video ").is_some_and(|rest| !rest.starts_with("0 "));
        } else if matches!(line, "a=recvonly" | "a=inactive") {
            sends = false;
        }
    }
    sends
}

/// The offer or answer without the parameters that webrtcsink may stumble over.
pub(super) fn harmless(sdp: &str) -> String {
    sdp.lines().map(|line| harmless_line(line) + "\r\n").collect()
}

fn harmless_line(line: &str) -> String {
    let Some((format, parameters)) = line.strip_prefix("a=fmtp:").and_then(|fmtp| fmtp.split_once(' ')) else {
        return line.to_owned();
    };
    let is_kept = |parameter: &&str| {
        let name = parameter.split('=').next().unwrap_or_default();
        !LOOKED_UP.iter().any(|looked_up| looked_up.eq_ignore_ascii_case(name.trim()))
    };
    let kept: Vec<&str> = parameters.split(';').filter(is_kept).collect();
    format!("a=fmtp:{format} {}", kept.join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codecs_of_an_offer_are_those_of_its_pictures() {
        let offer = "v=0\r\nm=audio 9 X 97\r\na=rtpmap:97 H265/90000\r\nm=video 9 X 126 98 99\r\n\
            a=rtpmap:126 H264/90000\r\na=rtpmap:98 rtx/90000\r\na=rtpmap:99 AV1/90000\r\na=rtpmap:x\r\n";
        let codecs = Codecs::from([Codec::H264, Codec::Av1]);
        assert_eq!(Offered::of(offer), Offered { codecs, wants_single_units: false });
        assert_eq!(Offered::of(""), Offered::default());
    }

    #[test]
    fn h264_is_taken_where_one_of_its_forms_lets_frames_come_in_fragments() {
        let offer = "v=0\r\nm=video 9 X 96 97\r\na=rtpmap:96 H264/90000\r\na=rtpmap:97 VP8/90000\r\n";
        let of = |more: &str| Offered::of(&format!("{offer}{more}"));
        let both = || Offered { codecs: [Codec::H264, Codec::Vp8].into(), wants_single_units: false };
        let no_h264 = || Offered { codecs: [Codec::Vp8].into(), wants_single_units: true };
        assert_eq!(of("a=fmtp:96 packetization-mode=1\r\n"), both());
        assert_eq!(of("a=fmtp:96 profile-level-id=42e01f\r\n"), both(), "no word of it");
        assert_eq!(of("a=fmtp:96 profile-level-id=42e01f; Packetization-Mode=0\r\n"), no_h264());
        assert_eq!(of("a=fmtp:96 packetization-mode=2\r\n"), no_h264(), "interleaved");
        assert_eq!(of("a=fmtp:97 packetization-mode=0\r\n"), both(), "of another format");
        let two = "a=fmtp:96 packetization-mode=0\r\na=rtpmap:98 H264/90000\r\na=fmtp:98 packetization-mode=1\r\n";
        assert_eq!(of(two), both());
    }

    #[test]
    fn what_webrtcsink_looks_up_is_taken_out_and_nothing_else() {
        let answer = "v=0\r\na=fmtp:45 level-idx=5;profile=0;tier=0\r\na=fmtp:96 Profile-Level-Id=58e01f; packetization-mode=1\r\na=fmtp:97 apt=96\r\na=fmtp:98 profile=x\r\n";
        let harmless_one = "v=0\r\na=fmtp:45 level-idx=5;tier=0\r\na=fmtp:96  packetization-mode=1\r\na=fmtp:97 apt=96\r\na=fmtp:98 \r\n";
        assert_eq!(harmless(answer), harmless_one);
    }

    #[test]
    fn what_is_no_answer_stays_none() {
        assert_eq!(harmless(""), "");
        assert_eq!(harmless("a=fmtp:"), "a=fmtp:\r\n");
    }

    #[test]
    fn an_answer_without_a_picture_is_known_by_its_port() {
        let answer = "v=0\r\nm=audio 0 X 97\r\nm=video 9 X 96\r\n";
        assert!(!refuses_pictures(answer));
        assert!(refuses_pictures(&answer.replace("video 9", "video 0")));
    }

    #[test]
    fn what_names_no_keys_connects_nobody() {
        let answer = "v=0\r\na=fingerprint:sha-256 00\r\nm=video 9 X 96\r\na=ice-ufrag:x\r\n";
        assert!(can_connect(answer));
        for needed in ["a=fingerprint", "m=video", "a=ice-ufrag"] {
            assert!(!can_connect(&answer.replace(needed, "s=")), "{needed}");
        }
    }

    #[test]
    fn an_answer_gives_a_picture_where_a_section_sends_one() {
        let of =
            |video: &str| format!("v=0\r\nm=audio 9 X 97\r\na=inactive\r\n{video}m=audio 9 X 97\r\na=inactive\r\n");
        assert!(sends_picture(&of("m=video 9 X 96\r\na=sendonly\r\n")));
        assert!(sends_picture("m=video 9 X 96\r\n"));
        for none in ["", "m=video 0 X 96\r\na=sendonly\r\n", "m=video 9 X 96\r\na=inactive\r\n"] {
            assert!(!sends_picture(&of(none)), "{none}");
        }
    }

    #[test]
    fn who_offers_to_send_is_sent_to() {
        let offer = "v=0\r\na=sendrecv\r\nm=video 9 X 126\r\na=sendonly\r\na=mid:0\r\nm=audio 9 X 97\r\nm=application 9 X y\r\n";
        let asked = "v=0\r\nm=video 9 X 126\r\na=mid:0\r\na=recvonly\r\nm=audio 9 X 97\r\na=recvonly\r\nm=application 9 X y\r\n";
        assert_eq!(asking(offer), asked);
        let answer = "v=0\r\nm=video 9 X 126\r\na=sendonly\r\nm=audio 0 X 97\r\na=inactive\r\n";
        assert_eq!(both_ways(answer), answer.replace("sendonly", "sendrecv"));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn whatever_is_offered_or_answered_is_read_and_made_harmless() {
        const OFFER: &str = "v=0\r\nm=video 9 X 96\r\na=rtpmap:96 H264/90000\r\n\
            a=fmtp:96 profile-level-id=42e01f;packetization-mode=1\r\na=sendonly\r\na=ice-ufrag:x\r\n\
            a=fingerprint:sha-256 00\r\nm=audio 9 X 97\r\na=inactive\r\n";
        /// No message is longer.
        const LONGEST: usize = 64 * 1024;
        crate::fuzz::texts(&[OFFER], |text| {
            if text.len() > LONGEST {
                return false;
            }
            let once = harmless(text);
            assert_eq!(harmless(&once), once);
            assert!(!asking(text).lines().any(|line| line == "a=sendonly"));
            assert!(!both_ways(text).lines().any(|line| line == "a=sendonly"));
            let offered = Offered::of(text);
            assert!(!offered.wants_single_units || !offered.codecs.contains(&Codec::H264));
            can_connect(text) && sends_picture(text) && !refuses_pictures(text)
        });
    }
}
