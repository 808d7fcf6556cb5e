//! What a look at a camera found, as rows for people.

use crate::{
    i18n::{gettext, gettext_f},
    media::probe::{Announced, BFrames, Connection, KeyFrames, ProbeReport, Video},
};

/// A line of what was found: what it is about, and the words.
pub(super) type Fact = (String, String);

/// What the camera sends, what matters most first.
pub(super) fn of(report: &ProbeReport) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(video) = &report.video {
        facts.push((gettext("Sends"), form(video)));
        facts.push((gettext("Picture"), picture(video)));
        facts.push((gettext("Key frames"), key_frames(&video.key_frames, video.seconds)));
        facts.push((gettext("B-frames"), b_frames(video)));
    }
    facts.push((gettext("Audio"), audio(&report.streams)));
    facts.extend(report.connection.iter().flat_map(connection));
    facts.extend(report.interrupted.iter().map(|words| (gettext("Ended early"), words.clone())));
    facts
}

/// What Heliograph would do with it.
pub(super) fn advice(report: &ProbeReport) -> String {
    report.advice.join(" ")
}

fn form(video: &Video) -> String {
    let level = video.level.as_ref().map(|level| gettext_f("level {level}", &[("level", level)]));
    let form = [Some(video.codec.clone()), video.profile.clone(), level];
    form.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn picture(video: &Video) -> String {
    let rate = video.framerate.or(video.announced_framerate);
    let rate = rate.map(|rate| gettext_f("{rate} fps", &[("rate", &number(rate))]));
    let bitrate = video.bitrate_kbps.map(|kbps| gettext_f("{kbps} kbit/s", &[("kbps", &format!("{kbps:.0}"))]));
    let size = format!("{}×{}", video.width, video.height);
    [Some(size), rate, bitrate].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn key_frames(keys: &KeyFrames, seconds: f64) -> String {
    match (keys.distance_frames, keys.distance_seconds) {
        (Some(frames), Some(distance)) => gettext_f(
            "Every {frames} frames, {seconds} s",
            &[("frames", &frames.to_string()), ("seconds", &number(distance))],
        ),
        (Some(frames), None) => gettext_f("Every {frames} frames", &[("frames", &frames.to_string())]),
        (None, _) if keys.seen == 0 => gettext_f("None seen in {seconds} s", &[("seconds", &number(seconds))]),
        (None, _) => gettext_f("Only one seen in {seconds} s", &[("seconds", &number(seconds))]),
    }
}

fn b_frames(video: &Video) -> String {
    match video.b_frames {
        BFrames::Yes => gettext("Yes, which delay the picture; turn them off in the camera"),
        BFrames::No => gettext("None"),
        BFrames::NotSeen => gettext_f("None seen in {seconds} s", &[("seconds", &number(video.seconds))]),
        BFrames::Unknown => gettext("Too little came to tell"),
    }
}

fn audio(streams: &[Announced]) -> String {
    let sounds: Vec<String> = streams.iter().filter(|stream| stream.media == "audio").map(sound).collect();
    if sounds.is_empty() { gettext("None") } else { sounds.join("; ") }
}

fn sound(stream: &Announced) -> String {
    match stream.sample_rate {
        Some(rate) => gettext_f("{codec}, {rate} Hz", &[("codec", &stream.codec), ("rate", &rate.to_string())]),
        None => stream.codec.clone(),
    }
}

fn connection(connection: &Connection) -> Vec<Fact> {
    let mut facts: Vec<Fact> =
        connection.failed.iter().map(|words| (gettext("Tried in vain"), words.clone())).collect();
    facts.push((gettext("Transport"), connection.transport.to_string()));
    let time = connection.first_picture_ms.map(|ms| gettext_f("After {ms} ms", &[("ms", &format!("{ms:.0}"))]));
    facts.extend(time.map(|time| (gettext("First picture"), time)));
    facts
}

/// With as many decimals as say something: `25`, `29.97`.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::probe::{Chroma, VERSION};

    #[test]
    fn a_report_is_told_with_what_matters_first() {
        let video = Video {
            codec: "H.264".into(),
            profile: Some("Main".into()),
            level: Some("4".into()),
            width: 1920,
            height: 1080,
            framerate: Some(29.97),
            announced_framerate: None,
            bitrate_kbps: Some(4000.4),
            key_frames: KeyFrames { seen: 4, distance_frames: Some(25), distance_seconds: Some(1.0) },
            b_frames: BFrames::No,
            interlaced: false,
            chroma: Some(Chroma::Yuv420),
            bit_depth: 8,
            frames: 100,
            seconds: 4.0,
            decoder: None,
        };
        let sound =
            Announced { media: "audio".into(), codec: "AAC".into(), sample_rate: Some(48_000), ..Announced::default() };
        let report = ProbeReport {
            version: VERSION,
            source: String::new(),
            connection: None,
            streams: vec![sound],
            video: Some(video),
            formats: Vec::new(),
            pass_through_candidate: true,
            advice: vec!["One.".into(), "Two.".into()],
            interrupted: None,
        };
        let words: Vec<String> = of(&report).into_iter().map(|(_, words)| words).collect();
        let expected = [
            "H.264, Main, level 4",
            "1920×1080, 29.97 fps, 4000 kbit/s",
            "Every 25 frames, 1 s",
            "None",
            "AAC, 48000 Hz",
        ];
        assert_eq!(words, expected);
        assert_eq!(advice(&report), "One. Two.");
    }
}
