//! Messages that nobody should send, for the tests called `fuzz`: good ones with random changes.
//!
//! A target says which messages are good, and what must hold of whatever comes. It is run for
//! `HELIOGRAPH_FUZZ_SECONDS` (half a second where that is not set), and what breaks it is made as small as it can
//! be before it is shown.

use std::time::{Duration, Instant};

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, TestRunner},
};

const USUAL: Duration = Duration::from_millis(500);
/// Messages from one look at the clock to the next.
const AT_ONCE: u32 = 200;
/// Bytes of the longest message. Who reads something has a limit of its own, none of them beyond this one: changes
/// that repeat changes would make hundreds of megabytes, which nothing in the program is handed.
const LONGEST: usize = 1024 * 1024;
/// What is put into messages: what ends or begins something, and numbers at the edges of types.
const PIECES: &[&str] = &[
    "",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "null",
    "true",
    "-1",
    "0.5",
    "1e309",
    "4294967296",
    "18446744073709551616",
    "\\u0000",
    "\\ud800",
    "\u{0}",
    "\u{feff}",
    "é",
    "\r\n",
    "=",
    "\"\"",
    "{}",
    "[[]]",
    "%00",
    "//",
    "@",
];

/// A change of a message, at a place that is found whatever its length.
#[derive(Clone, Debug)]
enum Change {
    Overwrite(Index, u8),
    Insert(Index, &'static str),
    Repeat(Index, Index, u8),
    Delete(Index, Index),
    Swap(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Overwrite(at, byte)),
        (any::<Index>(), select(PIECES)).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<Index>(), any::<Index>(), 1..=200_u8).prop_map(|(from, to, times)| Change::Repeat(from, to, times)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Delete(from, to)),
        (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Change::Swap(one, other)),
    ]
}

impl Change {
    fn apply(&self, message: &mut Vec<u8>) {
        let length = message.len() + 1;
        let span = |one: &Index, other: &Index| {
            let (one, other) = (one.index(length), other.index(length));
            one.min(other)..one.max(other)
        };
        match self {
            Self::Insert(at, piece) => {
                let at = at.index(length);
                message.splice(at..at, piece.bytes());
            }
            Self::Repeat(from, to, times) => {
                let span = span(from, to);
                let again = message[span.clone()].repeat(usize::from(*times));
                message.splice(span.end..span.end, again);
            }
            Self::Delete(from, to) => drop(message.drain(span(from, to))),
            Self::Overwrite(..) | Self::Swap(..) if message.is_empty() => {}
            Self::Overwrite(at, byte) => *at.get_mut(message) = *byte,
            Self::Swap(one, other) => message.swap(one.index(length - 1), other.index(length - 1)),
        }
    }
}

/// One of the good messages after up to six changes.
fn message(good: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    (select(good), vec(change(), 0..6)).prop_map(|(good, changes)| {
        let mut message = good.as_bytes().to_vec();
        for change in &changes {
            change.apply(&mut message);
            message.truncate(LONGEST);
        }
        message
    })
}

/// Has `holds` look at one message after another; it says whether that was one. The good ones have to be:
/// changes of what is refused anyway would get no further.
pub(crate) fn bytes(good: &'static [&'static str], holds: impl Fn(&[u8]) -> bool) {
    for message in good {
        assert!(holds(message.as_bytes()), "this should be a good message: {message}");
    }
    run(&message(good), |message| {
        holds(&message);
    });
}

/// The same with texts: bytes that are no UTF-8 do not get as far.
pub(crate) fn texts(good: &'static [&'static str], holds: impl Fn(&str) -> bool) {
    bytes(good, |message| holds(&String::from_utf8_lossy(message)));
}

/// Has `holds` look at conversations: messages one behind the other, each of one of some speakers.
pub(crate) fn conversations(good: &'static [&'static str], speakers: usize, holds: impl Fn(&[(usize, String)])) {
    let text = message(good).prop_map(|message| String::from_utf8_lossy(&message).into_owned());
    run(&vec((0..speakers, text), 1..12), |said| holds(&said));
}

fn run<S: Strategy>(strategy: &S, holds: impl Fn(S::Value)) {
    let time = std::env::var("HELIOGRAPH_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let end = Instant::now() + time.map_or(USUAL, Duration::from_secs);
    // A panic is shown below, with the message that led to it.
    let config = Config { cases: AT_ONCE, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    while Instant::now() < end {
        let result = runner.run(strategy, |value| {
            holds(value);
            Ok(())
        });
        if let Err(error) = result {
            panic!("{error}");
        }
    }
}
