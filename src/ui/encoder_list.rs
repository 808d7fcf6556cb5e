//! The encoders and decoders that a dialog offers, and what it says about them.

use crate::{
    config::{Codec, ElementChoice},
    i18n::{gettext, gettext_f},
    media::{
        Decoder, Encoder, InputCodec,
        availability::{Availability, Candidate, Verdict},
    },
};

/// What can be chosen, and why the rest cannot.
#[derive(Debug, Default)]
pub(super) struct ElementList {
    /// The choices with their names for people, "automatic" first.
    pub(super) options: Vec<(ElementChoice, String)>,
    /// What does not work, or is not there, a sentence each; empty where everything is.
    pub(super) remarks: Vec<String>,
}

impl ElementList {
    /// The encoders of this machine for a codec, as far as they are known to work now. The
    /// present choice is among them even if it cannot be used: nobody's setting is changed
    /// behind their back.
    pub(super) fn encoders(codec: Codec, present: &ElementChoice, found: &Availability) -> Self {
        let installed: Vec<_> = Encoder::installed().into_iter().filter(|encoder| encoder.codec() == codec).collect();
        let automatic = match found.choose(&installed) {
            Some(automatic) => automatic.words,
            None => gettext("Automatic: none works here"),
        };
        let mut list = Self::default();
        list.offer(ElementChoice::Automatic, automatic);
        for encoder in &installed {
            list.offer_candidate(encoder, &encoder.label(), found);
        }
        list.keep(present);
        let missing: Vec<&str> = Encoder::rows()
            .iter()
            .filter(|row| row.codec == codec && installed.iter().all(|encoder| encoder.row() != *row))
            .map(|row| row.element)
            .collect();
        if !missing.is_empty() {
            list.remarks.push(gettext_f("Not on this computer: {elements}.", &[("elements", &missing.join(", "))]));
        }
        list
    }

    /// The decoders of this machine for whatever a camera may send.
    pub(super) fn decoders(present: &ElementChoice, found: &Availability) -> Self {
        let mut list = Self::default();
        list.offer(ElementChoice::Automatic, gettext("Automatic: the best one for what the camera sends"));
        for codec in InputCodec::ALL {
            for decoder in Decoder::installed(*codec) {
                let label = gettext_f(
                    "{decoder} for {codec}",
                    &[("decoder", decoder.element()), ("codec", &codec.to_string())],
                );
                list.offer_candidate(&decoder, &label, found);
            }
        }
        list.keep(present);
        list
    }

    fn offer_candidate(&mut self, candidate: &impl Candidate, label: &str, found: &Availability) {
        let choice = ElementChoice::Named(candidate.element().into());
        if self.offers(&choice) {
            return;
        }
        let label = match found.verdict(candidate) {
            Some(Verdict::Failed(failure)) => {
                let words = [("element", label), ("reason", &failure.to_string())];
                self.remarks.push(gettext_f("{element} does not work: {reason}", &words));
                gettext_f("{element} (does not work)", &[("element", label)])
            }
            Some(Verdict::NotInstalled) => return,
            Some(Verdict::Works) | None => label.to_owned(),
        };
        self.offer(choice, label);
    }

    fn keep(&mut self, present: &ElementChoice) {
        if !self.offers(present) {
            self.offer(present.clone(), gettext_f("{element} (not available)", &[("element", present.key())]));
        }
    }

    fn offers(&self, choice: &ElementChoice) -> bool {
        self.options.iter().any(|(offered, _)| offered == choice)
    }

    fn offer(&mut self, choice: ElementChoice, label: String) {
        self.options.push((choice, label));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::availability::{Failure, FailureKind, Work};

    #[test]
    fn automatic_comes_first_and_the_present_choice_is_never_lost() {
        crate::media::init().unwrap();
        let gone = ElementChoice::Named("goneenc".into());
        let list = ElementList::encoders(Codec::Vp8, &gone, &Availability::default());
        assert_eq!(list.options[0].0, ElementChoice::Automatic);
        assert!(list.options[0].1.starts_with("Automatic: "));
        assert_eq!(list.options.last().unwrap(), &(gone, "goneenc (not available)".to_owned()));
        let decoders = ElementList::decoders(&ElementChoice::Automatic, &Availability::default());
        assert!(decoders.options.len() > 1, "{decoders:?}");
    }

    #[test]
    fn what_does_not_work_is_told_with_its_reason() {
        crate::media::init().unwrap();
        let found = Availability::default();
        let broken = Encoder::installed().into_iter().find(|encoder| encoder.codec() == Codec::Vp8).unwrap();
        found.note(&broken, Verdict::Failed(Failure { work: Work::Encoding, kind: FailureKind::Crashed }));
        let list = ElementList::encoders(Codec::Vp8, &ElementChoice::Automatic, &found);
        assert!(list.options.iter().any(|(_, label)| label.ends_with("(does not work)")), "{list:?}");
        assert!(list.remarks[0].contains("The driver crashed"), "{list:?}");
    }
}
