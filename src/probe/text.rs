//! A report as lines for people.

use std::fmt::Write as _;

use crate::{
    i18n::{gettext, gettext_f},
    media::probe::{Announced, BFrames, Connection, DeviceMode, KeyFrames, Packets, ProbeReport, Video},
};

/// The whole report.
pub(super) fn of(report: &ProbeReport) -> String {
    let mut lines = vec![(gettext("Source"), report.source.clone())];
    if let Some(connection) = &report.connection {
        lines.extend(of_connection(connection));
    }
    lines.extend(report.streams.iter().map(|stream| (gettext("Announced"), of_stream(stream))));
    if let Some(video) = &report.video {
        lines.extend(of_video(video));
    }
    lines.extend(report.formats.iter().map(|mode| (gettext("Format"), of_mode(mode))));
    lines.extend(report.interrupted.iter().map(|words| (gettext("Ended early"), words.clone())));
    lines.extend(report.advice.iter().map(|sentence| (gettext("Advice"), sentence.clone())));
    aligned(&lines)
}

/// A label that repeats the one above is left out.
fn aligned(lines: &[(String, String)]) -> String {
    let width = lines.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    let mut above = "";
    for (label, words) in lines {
        let shown = if label == above { "" } else { label };
        let _ = writeln!(text, "{shown:width$}  {words}");
        above = label;
    }
    text
}

fn of_connection(connection: &Connection) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    lines.extend(connection.server.iter().map(|server| (gettext("Server"), server.clone())));
    let login = connection.login.as_ref().map(|kinds| match kinds.as_slice() {
        [] => gettext("not asked for"),
        kinds => kinds.join(", "),
    });
    lines.extend(login.map(|login| (gettext("Login"), login)));
    lines.extend(connection.certificate.iter().map(|shown| (gettext("Certificate"), shown.to_string())));
    lines.extend(connection.failed.iter().map(|words| (gettext("Tried in vain"), words.clone())));
    lines.push((gettext("Transport"), connection.transport.to_string()));
    lines.push((gettext("Delays"), of_delays(connection)));
    lines.extend(connection.packets.as_ref().map(|packets| (gettext("Packets"), of_packets(packets))));
    lines
}

/// What took how long; what was not measured is left out.
fn of_delays(connection: &Connection) -> String {
    let steps = [
        (gettext("connected {ms} ms"), connection.connect_ms),
        (gettext("answered {ms} ms"), connection.answer_ms),
        (gettext("described {ms} ms"), connection.description_ms),
        (gettext("first packet {ms} ms"), connection.first_packet_ms),
        (gettext("first picture {ms} ms"), connection.first_picture_ms),
    ];
    let told = steps.iter().filter_map(|(words, time)| Some(words.replace("{ms}", &number((*time)?))));
    told.collect::<Vec<_>>().join(", ")
}

fn of_packets(packets: &Packets) -> String {
    gettext_f(
        "{received} received, {lost} lost, {late} late, jitter {jitter} ms",
        &[
            ("received", &packets.received.to_string()),
            ("lost", &packets.lost.to_string()),
            ("late", &packets.late.to_string()),
            ("jitter", &number(packets.jitter_ms)),
        ],
    )
}

fn of_stream(stream: &Announced) -> String {
    let rate = stream.sample_rate.map(|rate| format!("{rate} Hz"));
    let channels = stream.channels.map(|count| gettext_f("{count} ch", &[("count", &count.to_string())]));
    let frames = stream.framerate.map(per_second);
    let more = [rate, channels, frames].into_iter().flatten();
    let words: Vec<_> = [stream.codec.clone()].into_iter().chain(more).collect();
    format!("{}: {}", stream.media, words.join(", "))
}

fn of_video(video: &Video) -> Vec<(String, String)> {
    let level = video.level.as_ref().map(|level| gettext_f("level {level}", &[("level", level)]));
    let chroma = video
        .chroma
        .map(|chroma| format!("{chroma} {}", gettext_f("{bits} bits", &[("bits", &video.bit_depth.to_string())])));
    let scan = if video.interlaced { gettext("may be interlaced") } else { gettext("progressive") };
    let form = [Some(video.codec.clone()), video.profile.clone(), level, chroma, Some(scan)];
    let mut picture = vec![format!("{}×{}", video.width, video.height)];
    picture.extend(video.framerate.map(per_second));
    let announced = video.announced_framerate.map(|rate| gettext_f("announced {rate}", &[("rate", &number(rate))]));
    picture.extend(announced);
    picture.extend(video.bitrate_kbps.map(|rate| format!("{rate:.0} kbit/s")));
    vec![
        (gettext("Video"), form.into_iter().flatten().collect::<Vec<_>>().join(", ")),
        (gettext("Picture"), picture.join(", ")),
        (gettext("Key frames"), of_key_frames(&video.key_frames, video.seconds)),
        (gettext("B-frames"), of_b_frames(video)),
    ]
}

fn of_key_frames(keys: &KeyFrames, seconds: f64) -> String {
    let seconds_looked = number(seconds);
    match (keys.distance_frames, keys.distance_seconds) {
        (Some(frames), Some(distance)) => gettext_f(
            "every {frames} frames, {seconds} s",
            &[("frames", &frames.to_string()), ("seconds", &number(distance))],
        ),
        (Some(frames), None) => gettext_f("every {frames} frames", &[("frames", &frames.to_string())]),
        (None, _) if keys.seen == 0 => gettext_f("none seen in {seconds} s", &[("seconds", &seconds_looked)]),
        (None, _) => gettext_f("only one seen in {seconds} s", &[("seconds", &seconds_looked)]),
    }
}

fn of_b_frames(video: &Video) -> String {
    match video.b_frames {
        BFrames::Yes => gettext("yes"),
        BFrames::No => gettext("no"),
        BFrames::NotSeen => gettext_f("none seen in {seconds} s", &[("seconds", &number(video.seconds))]),
        BFrames::Unknown => gettext("cannot be told"),
    }
}

fn of_mode(mode: &DeviceMode) -> String {
    let rates: Vec<_> = mode.framerates.iter().map(|rate| number(*rate)).collect();
    let rates = if rates.is_empty() { String::new() } else { format!(", {} fps", rates.join("/")) };
    format!("{} {}×{}{rates}", mode.format, mode.width, mode.height)
}

fn per_second(rate: f64) -> String {
    gettext_f("{rate} fps", &[("rate", &number(rate))])
}

/// With one decimal where it says something: `25`, `29.97`.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_they_need_to_be() {
        let shown = [25.0, 29.97, 0.0, 3.5, 1000.0, 12.345].map(number);
        assert_eq!(shown, ["25", "29.97", "0", "3.5", "1000", "12.35"]);
    }

    #[test]
    fn labels_are_aligned_and_not_repeated() {
        let line = |label: &str, words: &str| (label.to_owned(), words.to_owned());
        let text = aligned(&[line("A", "1"), line("Long", "2"), line("Long", "3")]);
        assert_eq!(text, "A     1\nLong  2\n      3\n");
    }
}
