//! What “automatic” comes to, and why.

use super::{Availability, Candidate, Verdict, Work};
use crate::i18n::{gettext, gettext_f};

/// An automatic choice with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Automatic<T> {
    /// What was picked.
    pub picked: T,
    /// What was picked and why, such as “Automatic: x264, no hardware encoder found”.
    pub words: String,
}

impl Availability {
    /// The best of these candidates, which come in order of preference: the first that
    /// works. Where nothing is known to work yet, software that was not tried; a
    /// driver that was not tried could take the feed along.
    pub fn choose<'a, T: Candidate>(&self, candidates: &'a [T]) -> Option<Automatic<&'a T>> {
        self.choose_but(candidates, |_| false)
    }

    /// The best after `failed` gave up: as [`Self::choose`], without that one.
    pub fn next_best<'a, T: Candidate>(&self, candidates: &'a [T], failed: &T) -> Option<Automatic<&'a T>> {
        let failed = failed.key();
        self.choose_but(candidates, |candidate| candidate.key() == failed)
    }

    fn choose_but<'a, T: Candidate>(
        &self,
        candidates: &'a [T],
        is_out: impl Fn(&T) -> bool,
    ) -> Option<Automatic<&'a T>> {
        let mut in_question = candidates.iter().filter(|candidate| !is_out(candidate));
        let mut untried = in_question
            .clone()
            .filter(|candidate| !candidate.device().is_hardware() && self.verdict(*candidate).is_none());
        let works = |candidate: &&T| self.verdict(*candidate).is_some_and(|verdict| verdict.works());
        let picked = in_question.find(works).or_else(|| untried.next())?;
        Some(Automatic { picked, words: self.reason(candidates, picked) })
    }

    /// Why it is no better one: hardware was not found, is not tried yet, or does not work.
    fn reason<T: Candidate>(&self, candidates: &[T], picked: &T) -> String {
        let name = picked.words();
        if picked.device().is_hardware() {
            return gettext_f("Automatic: {name}", &[("name", &name)]);
        }
        let hardware = candidates.iter().filter(|candidate| candidate.device().is_hardware());
        let verdicts: Vec<_> = hardware.map(|candidate| (candidate.words(), self.verdict(candidate))).collect();
        let failed = verdicts.iter().find_map(|(words, verdict)| match verdict {
            Some(Verdict::Failed(failure)) => Some((words, failure.to_string())),
            _ => None,
        });
        match failed {
            // Translators: “Automatic: x264, because nvh264enc does not work: The driver crashed while encoding three frames.”
            Some((other, reason)) => gettext_f(
                "Automatic: {name}, because {other} does not work: {reason}",
                &[("name", &name), ("other", other), ("reason", &reason)],
            ),
            None if verdicts.iter().any(|(_, verdict)| verdict.is_none()) => {
                gettext_f("Automatic: {name}, while the hardware is being tried", &[("name", &name)])
            }
            None if verdicts.iter().any(|(_, verdict)| *verdict == Some(Verdict::Works)) => {
                gettext_f("Automatic: {name}", &[("name", &name)])
            }
            None => [gettext_f("Automatic: {name}", &[("name", &name)]), nothing_found(picked.work())].join(", "),
        }
    }
}

fn nothing_found(work: Work) -> String {
    match work {
        // Translators: stands behind “Automatic: x264, ”.
        Work::Encoding => gettext("no hardware encoder found"),
        // Translators: stands behind “Automatic: avdec_h264, ”.
        Work::Decoding => gettext("no hardware decoder found"),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Failure, FailureKind},
        *,
    };
    use crate::media::{Device, MediaError};

    struct Element(&'static str, Device);

    impl Candidate for Element {
        fn element(&self) -> &str {
            self.0
        }

        fn device(&self) -> &Device {
            &self.1
        }

        fn work(&self) -> Work {
            Work::Encoding
        }

        fn trial(&self) -> Result<gst::Pipeline, MediaError> {
            unreachable!("a choice tries nothing")
        }
    }

    fn picked(availability: &Availability, elements: &[Element]) -> (&'static str, String) {
        let automatic = availability.choose(elements).unwrap();
        (automatic.picked.0, automatic.words)
    }

    #[test]
    fn the_best_that_works_is_picked_and_the_reason_given() {
        let elements = [
            Element("nvh264enc", Device::Nvidia { gpu: 0 }),
            Element("x264enc", Device::Software),
            Element("openh264enc", Device::Software),
        ];
        let found = Availability::default();
        assert_eq!(found.choose(&elements[..1]).map(|automatic| automatic.words), None);
        assert_eq!(
            picked(&found, &elements),
            ("x264enc", "Automatic: x264enc, while the hardware is being tried".into())
        );
        assert_eq!(picked(&found, &elements[1..]), ("x264enc", "Automatic: x264enc, no hardware encoder found".into()));
        found.note(&elements[0], Verdict::Works);
        assert_eq!(picked(&found, &elements), ("nvh264enc", "Automatic: nvh264enc".into()));
        let next = found.next_best(&elements, &elements[0]).unwrap();
        assert_eq!((next.picked.0, next.words.as_str()), ("x264enc", "Automatic: x264enc"));

        found.note(&elements[0], Verdict::Failed(Failure { work: Work::Encoding, kind: FailureKind::Crashed }));
        let (name, words) = picked(&found, &elements);
        assert_eq!(name, "x264enc");
        assert!(words.ends_with("nvh264enc does not work: The driver crashed while encoding three frames."), "{words}");
        found.note(&elements[1], Verdict::NotInstalled);
        found.note(&elements[2], Verdict::Works);
        assert_eq!(picked(&found, &elements).0, "openh264enc");
    }
}
