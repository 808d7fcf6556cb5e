//! Properties of a feed's elements, written in one line: the encoder's by their names, those of
//! others behind their role: `threads=4; source.do-rtcp=false`.

use super::{Field, Problem};
use crate::{
    config::{ElementRole, ElementSettings, element_settings},
    i18n::{gettext, gettext_f},
};

/// Properties of elements as they were entered.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EnteredProperties {
    /// The line.
    pub line: String,
    /// What the line was made of: a value may hold what separates properties.
    kept: ElementSettings,
}

impl EnteredProperties {
    /// As they stand in the field.
    pub(super) fn of(elements: &ElementSettings) -> Self {
        Self { line: line_of(elements), kept: elements.clone() }
    }

    /// The same with what the field holds now.
    #[must_use]
    pub fn with_line(mut self, line: impl Into<String>) -> Self {
        self.line = line.into();
        self
    }

    pub(super) fn check(&self) -> Result<ElementSettings, Problem> {
        if self.line == line_of(&self.kept) {
            return Ok(self.kept.clone());
        }
        let mut elements = ElementSettings::new();
        for part in self.line.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (role, name, value) = property(part)?;
            elements.entry(role).or_default().insert(name, value);
        }
        Ok(elements)
    }
}

/// The encoder's come first.
fn line_of(elements: &ElementSettings) -> String {
    let (encoders, others): (Vec<_>, Vec<_>) = elements.iter().partition(|(role, _)| **role == ElementRole::Encoder);
    let parts = encoders.into_iter().chain(others).flat_map(|(role, settings)| {
        let role = if *role == ElementRole::Encoder { String::new() } else { format!("{role}.") };
        settings.iter().map(move |(name, value)| format!("{role}{name}={value}"))
    });
    parts.collect::<Vec<_>>().join("; ")
}

fn property(part: &str) -> Result<(ElementRole, String, String), Problem> {
    let problem = |reason: String| {
        let sentence = gettext_f("These element properties cannot be used: {reason}.", &[("reason", &reason)]);
        Problem::new(Field::Properties, sentence)
    };
    let (name, value) = part.split_once('=').ok_or_else(|| {
        problem(gettext("write them as name=value, with ; between two, such as threads=4; source.do-rtcp=false"))
    })?;
    let (role, name) = match name.split_once('.') {
        Some((role, name)) => (role.trim().parse(), name),
        None => (Ok(ElementRole::Encoder), name),
    };
    let role = role.map_err(|error| {
        // Translators: {error} is such as: it is one of "source", "encoder".
        problem(gettext_f("before the . stands what the element does; {error}", &[("error", &error.to_string())]))
    })?;
    let (name, value) = (name.trim(), value.trim());
    element_settings::check(role, name, value).map_err(|error| problem(error.to_string()))?;
    Ok((role, name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_line_becomes_properties_and_back() {
        let read = |line: &str| EnteredProperties::default().with_line(line).check();
        let settings = read(" threads=4;cabac = false; ").unwrap();
        assert_eq!(line_of(&settings), "cabac=false; threads=4");
        assert_eq!(read("").unwrap(), ElementSettings::new());
        let settings = read("source.do-rtcp=no; threads=4; payloader . config-interval = 1").unwrap();
        assert_eq!(settings.len(), 3);
        assert_eq!(line_of(&settings), "threads=4; source.do-rtcp=no; payloader.config-interval=1");
        assert!(read("source.latency=1").unwrap_err().sentence.contains("write `latency_ms` instead"));
        assert!(read("camera.do-rtcp=no").unwrap_err().sentence.contains("it is one of \"source\""));
        assert!(read("threads").unwrap_err().sentence.contains("name=value"));
        assert!(read("bframes=2").unwrap_err().sentence.contains("no B-frames"));
    }

    #[test]
    fn a_line_that_nobody_touched_stays_what_it_was() {
        let odd = BTreeMap::from([("stats".to_owned(), "a;b".to_owned())]);
        let odd = ElementSettings::from([(ElementRole::Converter, odd)]);
        assert_eq!(EnteredProperties::of(&odd).check().unwrap(), odd);
    }
}
