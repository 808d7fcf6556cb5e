//! Places elsewhere as the operator describes them, and how it is there: from texts to settings, from
//! states to words.
//!
//! Pure, so that the pages only show what is decided here.

mod connector;
mod media;
mod watched;
mod ways;
mod words;

use crate::i18n::{gettext, gettext_f};

pub use connector::{DescribedConnector, EnteredConnector};
pub use media::EnteredMedia;
pub use watched::{DescribedWatch, EnteredWatch};
pub use ways::EnteredWays;
pub use words::{PlaceWords, feed_at_words};

/// Why what stands in a field cannot stay.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Misfit {
    /// The field's key in the settings.
    pub field: &'static str,
    /// Whether the field is only still empty.
    pub is_empty: bool,
    /// What is wrong and what to do, as a sentence.
    pub sentence: String,
}

impl Misfit {
    /// Something that is wrong with this text; `error` is in lower case.
    fn new(field: &'static str, text: &str, error: &impl ToString) -> Self {
        let sentence = gettext_f("This cannot be used: {reason}.", &[("reason", &error.to_string())]);
        Self { field, is_empty: text.trim().is_empty(), sentence }
    }
}

/// What is right; what is not is kept.
fn note<T>(misfits: &mut Vec<Misfit>, result: Result<T, Misfit>) -> Option<T> {
    result.map_err(|misfit| misfits.push(misfit)).ok()
}

/// The words of a list, however people part them.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ']).filter(|word| !word.is_empty())
}

/// A text that may be left out.
fn optional(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// A file's path that may be left out; otherwise why it is none, in lower case.
pub(super) fn optional_path(text: &str) -> Result<Option<&str>, String> {
    match optional(text) {
        Some(path) if !path.starts_with('/') => Err(gettext("a path here starts with /")),
        path => Ok(path),
    }
}

/// What to do where only a TURN server may be used, and none is named.
pub(super) fn no_relay_words() -> String {
    gettext("No TURN server is named: name one, as turn:USER@HOST, or nobody is reached.")
}
