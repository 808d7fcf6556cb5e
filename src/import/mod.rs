//! Pipelines that people bring along, read into feeds.
//!
//! A `gst-launch` text is read with a grammar of our own and never run: a text that builds
//! pipelines is a text that opens files and sockets. What has a counterpart in a feed's settings
//! is carried over, and every word that has none is listed with the reason.
//!
//! ```text
//! text ► python ► lex ► parse ► map ► FeedConfig and leftovers
//!        the string   words and  nodes and
//!        in a program links      their links
//! ```
//!
//! This room may use `config` and `media`. It opens nothing but the settings file.

mod command;
mod lex;
mod map;
mod parse;
mod python;
mod words;

use std::fmt;

pub(crate) use command::run;

use crate::{
    config::{FeedConfig, SourceConfig},
    i18n::{gettext, gettext_f},
};

/// No pipeline is longer than this many bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// A pipeline as a feed.
#[derive(Debug)]
pub struct Import {
    /// The feed. Its id and name are made from its source; a password is not in it.
    pub feed: FeedConfig,
    /// Whether the text held a password, which was not carried over.
    pub held_password: bool,
    /// What was not carried over, in the order of the text.
    pub leftovers: Vec<Leftover>,
}

/// A word that was not carried over. Neither part shows what may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// The word, behind the element that it belongs to: `x264enc bframes=2`.
    pub word: String,
    /// Why, in a sentence.
    pub why: String,
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.word, self.why)
    }
}

/// Why a text is no pipeline that could be a feed. None of these repeats the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum ImportError {
    /// There is nothing in it.
    Empty,
    /// It is longer than [`MAX_BYTES`].
    TooLong,
    /// A quote or bracket is not closed.
    Unclosed {
        /// What was opened.
        mark: char,
        /// The line where it stands, from 1.
        line: usize,
    },
    /// A property stands where an element is expected.
    NoElement {
        /// The line where it stands, from 1.
        line: usize,
    },
    /// Nothing in it gives a picture that a feed could have.
    NoSource,
    /// It has a source, which cannot be used for the reason in this sentence.
    BadSource(String),
}

impl ImportError {
    /// What is wrong, and what to do.
    fn sentence(&self) -> String {
        match self {
            Self::Empty => {
                gettext("There is no pipeline in this text. Give it in quotes, or - to read it from standard input.")
            }
            Self::TooLong => {
                let limit = (MAX_BYTES / 1024).to_string();
                gettext_f("The text is longer than {limit} KiB, which no pipeline is.", &[("limit", &limit)])
            }
            Self::Unclosed { mark, line } => gettext_f(
                // Translators: {mark} is a quotation mark or a bracket.
                "In line {line}, {mark} is opened and never closed. Close it and import again.",
                &[("line", &line.to_string()), ("mark", &mark.to_string())],
            ),
            Self::NoElement { line } => gettext_f(
                "In line {line}, a property stands where an element belongs. Write the element's name before its properties.",
                &[("line", &line.to_string())],
            ),
            Self::BadSource(why) => {
                // Translators: {why} is a whole sentence.
                gettext_f("The source of this pipeline cannot be a feed's. {why}", &[("why", why)])
            }
            Self::NoSource => gettext(
                "No source of this pipeline can be a feed's. It has to start with rtspsrc, v4l2src, filesrc, videotestsrc or uridecodebin, and name an address, a device or a file.",
            ),
        }
    }
}

/// Reads a `gst-launch` text, or a Python string that holds one. Nothing of it is run.
///
/// # Errors
///
/// The text cannot be read, or has no source that a feed can have.
pub fn import(text: &str) -> Result<Import, ImportError> {
    if text.len() > MAX_BYTES {
        return Err(ImportError::TooLong);
    }
    let text = python::unwrap(text)?;
    let tokens = lex::lex(&text)?;
    let pipeline = parse::parse(tokens)?;
    if pipeline.nodes.is_empty() {
        return Err(ImportError::Empty);
    }
    map::map(&pipeline)
}

/// A name for a feed that has none yet.
fn usual_name(source: &SourceConfig) -> String {
    match source {
        SourceConfig::Rtsp(rtsp) => {
            let host: String = rtsp.address.host().chars().take(FeedConfig::MAX_NAME_LENGTH / 2).collect();
            gettext_f("Camera {host}", &[("host", &host)])
        }
        _ => gettext("Imported feed"),
    }
}
