//! Properties of a feed's elements that are set while it runs.

use super::{super::FeedEvent, Worker};
use crate::{
    config::{ElementRole, element_settings},
    i18n::gettext_f,
    media::Ingest,
};

/// The roles of the elements between a camera and its pictures.
const CAMERAS: [ElementRole; 3] = [ElementRole::Source, ElementRole::Depayloader, ElementRole::Decoder];

impl Worker {
    /// Sets a property wherever such elements run, and for what is built later; or says why not.
    pub(super) fn set_element(&mut self, role: ElementRole, name: &str, value: &str) {
        let checked = element_settings::check(role, name, value).map_err(|error| error.to_string());
        match checked.and_then(|()| self.set_live(role, name, value)) {
            Ok(()) => {
                self.config.set_element(role, name, value);
                (self.around.tell)(FeedEvent::Element { role, name: name.to_owned(), value: value.to_owned() });
            }
            Err(reason) => self.tell_not_set(name, &reason),
        }
    }

    fn tell_not_set(&self, name: &str, reason: &str) {
        self.notice(gettext_f(
            // Translators: {property} is such as threads, {reason} says in lower case why not and what to do.
            "The property {property} was not set: {reason}.",
            &[("property", name), ("reason", reason)],
        ));
    }

    fn set_live(&self, role: ElementRole, name: &str, value: &str) -> Result<(), String> {
        match role {
            ElementRole::Source | ElementRole::Depayloader | ElementRole::Decoder => {
                taken_by_any(self.ingest.iter().map(|ingest| ingest.set_property(role, name, value)))
            }
            ElementRole::Converter | ElementRole::Encoder => {
                let encodings = self.encodings.values();
                taken_by_any(encodings.map(|encoding| encoding.rendition.set_property(role, name, value)))
            }
            ElementRole::Payloader | ElementRole::Transport => {
                taken_by_any(self.served().map(|served| served.outlet.set_property(role, name, value)))
            }
        }
    }

    /// Sets what was asked for while this connection was being made.
    pub(super) fn catch_up(&self, ingest: &Ingest) {
        for role in CAMERAS {
            let has = ingest.properties(role);
            for (name, value) in self.config.settings_of(role) {
                if has.get(&name) != Some(&value)
                    && let Err(reason) = ingest.set_property(role, &name, &value)
                {
                    self.tell_not_set(&name, &reason);
                }
            }
        }
    }

    /// Tells which of the operator's properties were left out: once, however often elements are made.
    pub(super) fn tell_refused(&mut self, sentences: &[String]) {
        for sentence in sentences {
            if self.refused.insert(sentence.clone()) {
                self.notice(sentence.clone());
            }
        }
    }
}

/// All are asked, and one is enough: an encoder for another codec has other properties. Where there is none,
/// the next will see.
fn taken_by_any(answers: impl Iterator<Item = Result<(), String>>) -> Result<(), String> {
    let (taken, refused): (Vec<_>, Vec<_>) = answers.partition(Result::is_ok);
    if taken.is_empty() { refused.into_iter().next().unwrap_or(Ok(())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::taken_by_any;

    #[test]
    fn a_property_is_set_where_there_is_one() {
        let refused = || Err("vp8enc has no property speed-preset".to_owned());
        assert_eq!(taken_by_any([Ok(()), refused()].into_iter()), Ok(()));
        assert_eq!(taken_by_any([refused(), Ok(())].into_iter()), Ok(()));
        assert_eq!(taken_by_any([refused(), Err("another".to_owned())].into_iter()), refused());
        assert_eq!(taken_by_any(std::iter::empty()), Ok(()));
    }
}
