//! Properties of an encoder, written in one line: `threads=4; cabac=false`.

use std::collections::BTreeMap;

use super::{Field, Problem};
use crate::{
    config::encoder_settings,
    i18n::{gettext, gettext_f},
};

/// Properties of an encoder as they were entered.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EnteredProperties {
    /// The line.
    pub line: String,
    /// What the line was made of: a value may hold what separates properties.
    kept: BTreeMap<String, String>,
}

impl EnteredProperties {
    /// As they stand in the field.
    pub(super) fn of(settings: &BTreeMap<String, String>) -> Self {
        Self { line: line_of(settings), kept: settings.clone() }
    }

    /// The same with what the field holds now.
    #[must_use]
    pub fn with_line(mut self, line: impl Into<String>) -> Self {
        self.line = line.into();
        self
    }

    pub(super) fn check(&self) -> Result<BTreeMap<String, String>, Problem> {
        if self.line == line_of(&self.kept) {
            return Ok(self.kept.clone());
        }
        let parts = self.line.split(';').map(str::trim).filter(|part| !part.is_empty());
        parts.map(property).collect()
    }
}

fn line_of(settings: &BTreeMap<String, String>) -> String {
    let parts: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    parts.join("; ")
}

fn property(part: &str) -> Result<(String, String), Problem> {
    let problem = |reason: String| {
        let sentence = gettext_f("These encoder properties cannot be used: {reason}.", &[("reason", &reason)]);
        Problem::new(Field::Properties, sentence)
    };
    let (name, value) = part.split_once('=').ok_or_else(|| {
        problem(gettext("write them as name=value, with ; between two, such as threads=4; cabac=false"))
    })?;
    let (name, value) = (name.trim(), value.trim());
    encoder_settings::check(name, value).map_err(|error| problem(error.to_string()))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_properties_and_back() {
        let read = |line: &str| EnteredProperties::default().with_line(line).check();
        let settings = read(" threads=4;cabac = false; ").unwrap();
        assert_eq!(line_of(&settings), "cabac=false; threads=4");
        assert_eq!(read("").unwrap(), BTreeMap::new());
        assert!(read("threads").unwrap_err().sentence.contains("name=value"));
        assert!(read("bframes=2").unwrap_err().sentence.contains("no B-frames"));
    }

    #[test]
    fn a_line_that_nobody_touched_stays_what_it_was() {
        let odd = BTreeMap::from([("stats".to_owned(), "a;b".to_owned())]);
        assert_eq!(EnteredProperties::of(&odd).check().unwrap(), odd);
    }
}
