//! The encoders a dialog offers for a codec, and what it says about them.

use crate::{
    config::{Codec, EncoderChoice},
    i18n::{gettext, gettext_f},
    media::{ENCODERS, choose_encoder},
};

/// What can be chosen for one codec.
#[derive(Debug)]
pub(super) struct EncoderList {
    /// The choices, "automatic" first.
    pub(super) choices: Vec<EncoderChoice>,
    /// Their names for people, in the same order.
    pub(super) labels: Vec<String>,
    /// What cannot be chosen, and why; empty where everything can.
    pub(super) remark: String,
}

impl EncoderList {
    /// The encoders of this machine for a codec. The present choice is among them even if it
    /// cannot be used: nobody's setting is changed behind their back.
    pub(super) fn new(codec: Codec, present: &EncoderChoice) -> Self {
        let of_codec = || ENCODERS.iter().filter(move |row| row.codec == codec);
        let mut list =
            Self { choices: vec![EncoderChoice::Automatic], labels: vec![automatic(codec)], remark: String::new() };
        for row in of_codec().filter(|row| row.is_installed()) {
            list.offer(EncoderChoice::Named(row.element.into()), row.element.into());
        }
        if !list.choices.contains(present) {
            list.offer(present.clone(), gettext_f("{encoder} (not available)", &[("encoder", present.key())]));
        }
        let missing: Vec<_> = of_codec().filter(|row| !row.is_installed()).map(|row| row.element).collect();
        if !missing.is_empty() {
            list.remark = gettext_f("Not installed: {encoders}", &[("encoders", &missing.join(", "))]);
        }
        list
    }

    /// Where a choice stands in the list.
    pub(super) fn position(&self, choice: &EncoderChoice) -> u32 {
        self.choices.iter().position(|other| other == choice).unwrap_or_default() as u32
    }

    fn offer(&mut self, choice: EncoderChoice, label: String) {
        self.choices.push(choice);
        self.labels.push(label);
    }
}

fn automatic(codec: Codec) -> String {
    match choose_encoder(codec, &EncoderChoice::Automatic) {
        Ok(row) => gettext_f("Automatic: {encoder}", &[("encoder", row.element)]),
        Err(_) => gettext("Automatic: none installed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn automatic_comes_first_and_the_present_choice_is_never_lost() {
        crate::media::init().unwrap();
        let gone = EncoderChoice::Named("goneenc".into());
        let list = EncoderList::new(Codec::Vp8, &gone);
        assert_eq!(list.choices[0], EncoderChoice::Automatic);
        assert_eq!(list.labels[list.position(&gone) as usize], "goneenc (not available)");
        assert!(list.labels[0].starts_with("Automatic: "));
    }
}
