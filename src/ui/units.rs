//! Quantities in words: every number that the window shows is written here.
//!
//! A number and its unit never part at the end of a line. What is not known,
//! not finite or below nothing reads [`NOT_KNOWN`] rather than a wrong number.

use std::time::Duration;

use crate::i18n::{gettext, gettext_f, ngettext_f};

/// What stands in the place of a figure that nobody knows.
pub const NOT_KNOWN: &str = "—";

/// Lengths of time in seconds.
const MINUTE: u64 = 60;
const TWO_MINUTES: u64 = 2 * MINUTE;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const TWO_DAYS: u64 = 2 * DAY;

/// A bitrate given in kbit/s: "640 kbit/s", "2.0 Mbit/s".
pub fn bitrate(kbps: f64) -> String {
    let Some(kbps) = sensible(kbps) else { return NOT_KNOWN.into() };
    // Compared as it will be rounded: 999.7 is one megabit, not a thousand kilobits.
    if kbps.round() < 1e3 {
        with_unit(kbps, 0, &gettext("{number} kbit/s"))
    } else if kbps < 999_500.0 {
        with_unit(kbps / 1e3, decimals(kbps / 1e3), &gettext("{number} Mbit/s"))
    } else {
        with_unit(kbps / 1e6, decimals(kbps / 1e6), &gettext("{number} Gbit/s"))
    }
}

/// A delay given in seconds: "0.4 ms", "12 ms", "1.2 s".
pub fn delay(seconds: f64) -> String {
    let Some(seconds) = sensible(seconds) else { return NOT_KNOWN.into() };
    let milliseconds = seconds * 1e3;
    if milliseconds.round() >= 1e3 {
        with_unit(seconds, decimals(seconds), &gettext("{number} s"))
    } else {
        // Inside one building, a round trip takes less than a millisecond.
        let decimals = usize::from(milliseconds > 0.0 && milliseconds < 0.95);
        with_unit(milliseconds, decimals, &gettext("{number} ms"))
    }
}

/// A part in percent: "0 %", "0.4 %", "12 %".
pub fn percent(percent: f64) -> String {
    let Some(percent) = sensible(percent) else { return NOT_KNOWN.into() };
    with_unit(percent, usize::from(percent > 0.0 && percent < 9.95), &gettext("{number} %"))
}

/// Pictures a second: "30 fps".
pub fn framerate(fps: f64) -> String {
    let Some(fps) = sensible(fps) else { return NOT_KNOWN.into() };
    with_unit(fps, 0, &gettext("{number} fps"))
}

/// The size of a picture in pixels: "1280×720".
pub fn picture_size(width: u32, height: u32) -> String {
    if width == 0 || height == 0 {
        return NOT_KNOWN.into();
    }
    format!("{width}×{height}")
}

/// How many people watch: "No viewers", "1 viewer", "3 viewers".
pub fn viewers(count: usize) -> String {
    match u32::try_from(count).unwrap_or(u32::MAX) {
        0 => gettext("No viewers"),
        n => held_together(&ngettext_f("{n} viewer", "{n} viewers", n, &[])),
    }
}

/// The wait until the next attempt: "Retrying in 3 s", and "Retrying" at its end.
///
/// Rounded up, so that the last second is counted as one and not as none.
pub fn retrying_in(wait: Duration) -> String {
    if wait.is_zero() {
        return gettext("Retrying");
    }
    let seconds = wait.as_millis().div_ceil(1000);
    let wait = span(Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX)));
    // Translators: {time} is something like "3 s" or "2 min".
    gettext_f("Retrying in {time}", &[("time", &wait)])
}

/// How long ago something was: "just now", "12 s ago", "3 min ago".
pub fn ago(age: Duration) -> String {
    if age < Duration::from_secs(1) {
        return gettext("just now");
    }
    // Translators: {time} is something like "12 s" or "3 min".
    gettext_f("{time} ago", &[("time", &span(age))])
}

/// A length of time in its largest whole unit, the rest left out: "30 s", "5 min", "2 h", "3 d".
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (unit, sentence) = match seconds {
        // "90 s" says more than "1 min", and "24 h" more than "1 d".
        MINUTE | TWO_MINUTES..HOUR => (MINUTE, gettext("{number} min")),
        HOUR..TWO_DAYS => (HOUR, gettext("{number} h")),
        TWO_DAYS.. => (DAY, gettext("{number} d")),
        _ => (1, gettext("{number} s")),
    };
    with_unit((seconds / unit) as f64, 0, &sentence)
}

/// A number that something can be measured to be.
fn sensible(value: f64) -> Option<f64> {
    (value.is_finite() && value >= 0.0).then_some(value)
}

/// Digits after the point such that two or three digits are shown: "2.0", "12.5", "130".
fn decimals(value: f64) -> usize {
    usize::from(value < 99.95)
}

/// Puts the number into "{number} unit".
fn with_unit(number: f64, decimals: usize, sentence: &str) -> String {
    // Translators: the sign between whole and parts of a number, such as "2.5".
    let sign = gettext(".");
    let number = format!("{number:.decimals$}").replace('.', &sign);
    held_together(&sentence.replace("{number}", &number))
}

/// The text with no-break spaces, so that it stays on one line.
fn held_together(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with plain spaces, which can be told apart in this file.
    fn assert_reads(written: &str, expected: &str, given: impl std::fmt::Debug) {
        assert_eq!(written.replace('\u{a0}', " "), expected, "for {given:?}");
    }

    #[test]
    fn bitrates() {
        let cases = [
            (0.0, "0 kbit/s"),
            (0.4, "0 kbit/s"),
            (640.0, "640 kbit/s"),
            (999.4, "999 kbit/s"),
            (999.7, "1.0 Mbit/s"),
            (2_000.0, "2.0 Mbit/s"),
            (12_340.0, "12.3 Mbit/s"),
            (99_949.0, "99.9 Mbit/s"),
            (99_960.0, "100 Mbit/s"),
            (999_499.0, "999 Mbit/s"),
            (999_600.0, "1.0 Gbit/s"),
            (-1.0, "—"),
            (f64::NAN, "—"),
            (f64::INFINITY, "—"),
        ];
        for (kbps, words) in cases {
            assert_reads(&bitrate(kbps), words, kbps);
        }
    }

    #[test]
    fn delays() {
        let cases = [
            (0.0, "0 ms"),
            (0.000_42, "0.4 ms"),
            (0.000_96, "1 ms"),
            (0.012, "12 ms"),
            (0.999_4, "999 ms"),
            (0.999_6, "1.0 s"),
            (1.23, "1.2 s"),
            (130.0, "130 s"),
            (-0.001, "—"),
            (f64::NAN, "—"),
            (f64::NEG_INFINITY, "—"),
        ];
        for (seconds, words) in cases {
            assert_reads(&delay(seconds), words, seconds);
        }
    }

    #[test]
    fn picture_sizes() {
        let cases = [((1280, 720), "1280×720"), ((0, 720), "—"), ((1280, 0), "—")];
        for ((width, height), words) in cases {
            assert_reads(&picture_size(width, height), words, (width, height));
        }
    }

    #[test]
    fn viewer_counts() {
        for (count, words) in [(0, "No viewers"), (1, "1 viewer"), (3, "3 viewers"), (1_000, "1000 viewers")] {
            assert_reads(&viewers(count), words, count);
        }
    }

    #[test]
    fn countdowns() {
        let cases = [
            (0, "Retrying"),
            (1, "Retrying in 1 s"),
            (2_001, "Retrying in 3 s"),
            (3_000, "Retrying in 3 s"),
            (119_500, "Retrying in 2 min"),
        ];
        for (milliseconds, words) in cases {
            assert_reads(&retrying_in(Duration::from_millis(milliseconds)), words, milliseconds);
        }
    }

    #[test]
    fn ages() {
        let cases = [
            (0, "just now"),
            (999, "just now"),
            (1_000, "1 s ago"),
            (59_999, "59 s ago"),
            (60_000, "1 min ago"),
            (90_000, "90 s ago"),
            (185_000, "3 min ago"),
            (7_300_000, "2 h ago"),
            (259_200_000, "3 d ago"),
        ];
        for (milliseconds, words) in cases {
            assert_reads(&ago(Duration::from_millis(milliseconds)), words, milliseconds);
        }
    }

    #[test]
    fn a_number_and_its_unit_never_part() {
        let written = [
            bitrate(2_000.0),
            delay(0.012),
            percent(0.4),
            framerate(30.0),
            viewers(3),
            span(Duration::from_mins(5)),
            picture_size(1280, 720),
        ];
        for words in written {
            assert!(!words.contains(' '), "{words:?} can be broken");
        }
        assert_eq!(retrying_in(Duration::from_secs(3)), "Retrying in 3\u{a0}s");
    }
}
