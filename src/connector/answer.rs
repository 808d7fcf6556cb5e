//! A viewer's answer, made harmless for webrtcsink.
//!
//! webrtcsink turns the format parameters of an answer into caps by tables of H.264's profiles
//! and levels, for every codec, and panics at a value that is not there: AV1's `profile=0`, as
//! Chromium answers, ends the program. What is sent is encoded by then and the same for all
//! viewers, so these parameters choose nothing, and are taken out.

/// Parameters that webrtcsink looks up.
const LOOKED_UP: [&str; 3] = ["profile", "level", "profile-level-id"];

/// The answer (SDP, RFC 8866) without the parameters that webrtcsink may stumble over.
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
}
