//! One table of the settings file, read key by key. Whatever is wrong is noted with
//! its line, and reading goes on: the operator sees all faults at once.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::str::FromStr;

use toml_edit::{Item, TableLike};

use super::Remark;
use crate::config::nearest;
use crate::i18n::{gettext, gettext_f};

/// The line in which the byte at `offset` stands, from 1.
pub(super) fn line_at(text: &[u8], offset: usize) -> usize {
    text[..offset.min(text.len())].split(|byte| *byte == b'\n').count()
}

/// What has been found wrong so far.
pub(super) struct Notes<'a> {
    text: &'a str,
    remarks: RefCell<Vec<Remark>>,
}

impl<'a> Notes<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, remarks: RefCell::default() }
    }

    /// The line of a place in the file, from 1.
    pub(super) fn line(&self, span: Option<Range<usize>>) -> usize {
        line_at(self.text.as_bytes(), span.map_or(0, |span| span.start))
    }

    pub(super) fn add(&self, line: usize, text: String) {
        self.remarks.borrow_mut().push(Remark { line, text });
    }

    /// All of them, in the order of the file.
    pub(super) fn into_remarks(self) -> Vec<Remark> {
        let mut remarks = self.remarks.into_inner();
        remarks.sort_by_key(|remark| remark.line);
        remarks
    }
}

/// One table: its keys, and where to note what is wrong with them.
pub(super) struct Fields<'a> {
    pub(super) table: &'a dyn TableLike,
    pub(super) line: usize,
    pub(super) notes: &'a Notes<'a>,
}

impl<'a> Fields<'a> {
    /// Notes every key that is not among `known`, with the one that was probably meant.
    pub(super) fn refuse_others(&self, known: &[&str]) {
        for (key, _) in self.table.iter().filter(|(key, _)| !known.contains(key)) {
            let line = self.line_of(key);
            let hint = hint_for(key, known);
            // A key in quotes can be anything, even a password on the wrong side of the =.
            let bare = key.len() <= 40 && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
            let text = if bare {
                // Translators: {hint} is what to do, such as "did you mean `address`?".
                gettext_f("`{key}` is not known here; {hint}", &[("key", key), ("hint", &hint)])
            } else {
                gettext_f("this key is not known here; {hint}", &[("hint", &hint)])
            };
            self.notes.add(line, text);
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    pub(super) fn line_of(&self, key: &str) -> usize {
        let span = self.table.key(key).and_then(toml_edit::Key::span);
        if span.is_some() { self.notes.line(span) } else { self.line }
    }

    /// Notes what is wrong with a key, in words that need no value.
    pub(super) fn refuse(&self, key: &str, why: impl Display) {
        // Translators: {why} says in lower case what is wrong and what to do.
        let text = gettext_f("`{key}` cannot be used: {why}", &[("key", key), ("why", &why.to_string())]);
        self.notes.add(self.line_of(key), text);
    }

    /// A text whose value may be shown in an error.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        // Translators: this stands behind "it must be".
        self.typed(key, Item::as_str, &gettext("a text in quotes"))
    }

    /// A text read as `T`, whose error says what is allowed.
    pub(super) fn parsed<T>(&self, key: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        let text = self.text(key)?;
        text.parse().map_err(|error| self.wrong_text(key, text, &error)).ok()
    }

    /// A text read as `T`, which may be a secret: whatever stands there is not shown.
    pub(super) fn secret<T>(&self, key: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        match self.table.get(key)?.as_str().map(str::parse) {
            Some(Ok(value)) => return Some(value),
            Some(Err(error)) => self.refuse(key, error),
            None => self.refuse(key, gettext("it must be a text in quotes")),
        }
        None
    }

    /// A text that `check` accepts.
    pub(super) fn checked<E: Display>(&self, key: &str, check: impl Fn(&str) -> Result<(), E>) -> Option<String> {
        let text = self.text(key)?;
        check(text).map_err(|error| self.wrong_text(key, text, &error)).ok()?;
        Some(text.to_owned())
    }

    /// A whole number within `range`.
    pub(super) fn number(&self, key: &str, range: &RangeInclusive<u32>) -> Option<u32> {
        let allowed = gettext_f(
            // Translators: this stands behind "it must be".
            "a whole number from {least} to {most}",
            &[("least", &range.start().to_string()), ("most", &range.end().to_string())],
        );
        let in_range =
            |item: &Item| item.as_integer().and_then(|n| u32::try_from(n).ok()).filter(|n| range.contains(n));
        self.typed(key, in_range, &allowed)
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        // Translators: this stands behind "it must be"; both words are written so in the file.
        self.typed(key, Item::as_bool, &gettext("true or false"))
    }

    /// A list of texts, each accepted by `check`.
    pub(super) fn texts<E: Display>(&self, key: &str, check: impl Fn(&str) -> Result<(), E>) -> Option<Vec<String>> {
        let all_texts = |item: &'a Item| -> Option<Vec<String>> {
            item.as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect()
        };
        // Translators: this stands behind "it must be".
        let texts = self.typed(key, all_texts, &gettext("a list of texts, such as [\"a\", \"b\"]"))?;
        for text in &texts {
            check(text).map_err(|error| self.wrong_text(key, text, &error)).ok()?;
        }
        Some(texts)
    }

    /// A file's path from the root: the program may be started in any folder.
    pub(super) fn path(&self, key: &str) -> Option<PathBuf> {
        let absolute = |text: &str| {
            // No file's name has a control character on purpose, and NUL none can have.
            let plain = text.starts_with('/') && !text.chars().any(char::is_control);
            if plain { Ok(()) } else { Err(gettext("a path here starts with /")) }
        };
        self.checked(key, absolute).map(PathBuf::from)
    }

    /// The value as `get` reads it; a value of another kind is noted.
    pub(super) fn typed<T>(&self, key: &str, get: impl FnOnce(&'a Item) -> Option<T>, allowed: &str) -> Option<T> {
        let item = self.table.get(key)?;
        let value = get(item);
        if value.is_none() {
            let text = gettext_f(
                // Translators: {found} is such as "8443" or "a list of something else",
                // {allowed} such as "a text in quotes".
                "`{key}` is {found}; it must be {allowed}",
                &[("key", key), ("found", &found(item)), ("allowed", allowed)],
            );
            self.notes.add(self.line_of(key), text);
        }
        value
    }

    fn wrong_text(&self, key: &str, text: &str, error: &impl Display) {
        let remark = gettext_f(
            // Translators: {found} is a text in quotes or "an address",
            // {error} says in lower case what is allowed.
            "`{key}` is {found}; {error}",
            &[("key", key), ("found", &shown_text(text)), ("error", &error.to_string())],
        );
        self.notes.add(self.line_of(key), remark);
    }
}

/// A value for an error. Texts of the wrong kind are not shown: nobody knows what they are.
fn found(item: &Item) -> String {
    match item.type_name() {
        "integer" => item.as_integer().map_or_else(String::new, |number| number.to_string()),
        "boolean" => item.as_bool().map_or_else(String::new, |flag| flag.to_string()),
        // Translators: this and the following say what stands in the settings file, behind "`name` is".
        "string" => gettext("a text"),
        "float" => gettext("a number with a fraction"),
        "datetime" => gettext("a date or time"),
        "array" => gettext("a list of something else"),
        _ => gettext("a table"),
    }
}

/// A text for an error: one short line, and nothing that looks like an address with a password.
fn shown_text(text: &str) -> String {
    if text.contains("://") || text.contains('@') {
        return gettext("an address");
    }
    let short: String = text.chars().take(40).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("\"{}{more}\"", short.escape_debug())
}

/// What to do about an unknown key.
fn hint_for(key: &str, known: &[&str]) -> String {
    let another_name = match key {
        "url" | "uri" | "location" => "address",
        "username" | "login" => "user",
        "bitrate" => "bitrate_kbps",
        "latency" => "latency_ms",
        "protocols" | "protocol" => "transport",
        "fps" => "framerate",
        "resolution" => "size",
        "rotation" => "rotate",
        _ => "",
    };
    let meant = if known.contains(&another_name) { Some(another_name) } else { nearest(key, known) };
    match meant {
        Some(meant) => gettext_f("did you mean `{key}`?", &[("key", meant)]),
        None => gettext_f("known are {keys}", &[("keys", &known.join(", "))]),
    }
}
