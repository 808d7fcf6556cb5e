//! What makes pictures of streams, and streams of pictures: a line for each codec.

use gst::prelude::*;

use super::{Finding, Section};
use crate::{
    i18n::{gettext, gettext_f},
    media::{
        self,
        availability::{self, Availability, Cache, Candidate, Trials, Verdict, Work},
    },
};

/// Codecs by the names that people and GStreamer give them.
const DECODED: &[(&str, &str)] = &[("H.264", "video/x-h264"), ("H.265", "video/x-h265"), ("Motion JPEG", "image/jpeg")];
const ENCODED: &[(&str, &str)] = &[
    ("H.264", "video/x-h264"),
    ("H.265", "video/x-h265"),
    ("VP8", "video/x-vp8"),
    ("VP9", "video/x-vp9"),
    ("AV1", "video/x-av1"),
];

/// Where codecs come from, for the next step.
const PACKAGES: &str =
    "gstreamer1.0-libav, gstreamer1.0-plugins-good, gstreamer1.0-plugins-bad, gstreamer1.0-plugins-ugly";

/// The installed ones, then those that failed when they were tried.
pub(super) async fn check(section: Section, work: Work) -> Vec<Finding> {
    if media::init().is_err() {
        return vec![section.not_checked(section.title(), gettext("Without GStreamer they cannot be looked for."))];
    }
    let mut findings = installed(section, work);
    findings.extend(tried(section, work).await);
    findings
}

fn installed(section: Section, work: Work) -> Vec<Finding> {
    let (codecs, kind, direction) = match work {
        Work::Decoding => (DECODED, gst::ElementFactoryType::DECODER, gst::PadDirection::Sink),
        Work::Encoding => (ENCODED, gst::ElementFactoryType::ENCODER, gst::PadDirection::Src),
    };
    codecs.iter().map(|(codec, caps)| line(section, codec, &elements(kind, direction, caps))).collect()
}

/// Tries each one that a feed may use, anew: a cache would tell of yesterday's driver.
async fn tried(section: Section, work: Work) -> Vec<Finding> {
    let candidates: Vec<_> =
        availability::every_candidate().into_iter().filter(|candidate| candidate.work() == work).collect();
    if candidates.is_empty() {
        return Vec::new();
    }
    let found = Availability::default();
    found.find(candidates.clone(), Cache::default(), &Trials::default()).await;
    let failures: Vec<_> = candidates
        .iter()
        .filter_map(|candidate| match found.verdict(candidate.as_ref())? {
            Verdict::Failed(failure) => Some(failed(section, candidate.as_ref(), &failure.to_string())),
            Verdict::Works | Verdict::NotInstalled => None,
        })
        .collect();
    let (all, well) = (candidates.len(), candidates.len() - failures.len());
    let counts = [("well", well.to_string()), ("all", all.to_string())];
    let counts = counts.each_ref().map(|(name, count)| (*name, count.as_str()));
    let sentence = gettext_f("{well} of {all} handled three frames.", &counts);
    std::iter::once(section.ok(gettext("Tried"), sentence)).chain(failures).collect()
}

/// Hardware that fails is a problem although software does its work.
fn failed(section: Section, candidate: &dyn Candidate, sentence: &str) -> Finding {
    let next = if candidate.device().is_hardware() {
        gettext("Update the device's driver, or see the section on graphics cards; until then Heliograph uses another.")
    } else {
        gettext("Install its package again; until then Heliograph uses another.")
    };
    section.problem(candidate.words(), sentence, next)
}

/// A codec that nothing serves matters only where it is the one that everybody uses.
fn line(section: Section, codec: &str, elements: &[String]) -> Finding {
    if !elements.is_empty() {
        return section.ok(codec, gettext_f("{names}.", &[("names", &elements.join(", "))]));
    }
    let sentence = gettext("Nothing is installed for it.");
    if codec == "H.264" {
        section.problem(
            codec,
            sentence,
            gettext_f(
                "Install the packages {packages}, or what your distribution calls them.",
                &[("packages", PACKAGES)],
            ),
        )
    } else {
        section.not_here(codec, sentence)
    }
}

/// The installed elements of a kind that take or give this codec, hardware named as such.
fn elements(kind: gst::ElementFactoryType, direction: gst::PadDirection, caps: &str) -> Vec<String> {
    let caps = gst::Caps::new_empty_simple(caps);
    let kind = kind | gst::ElementFactoryType::MEDIA_VIDEO | gst::ElementFactoryType::MEDIA_IMAGE;
    let factories = gst::ElementFactory::factories_with_type(kind, gst::Rank::NONE);
    let mut found: Vec<_> = factories
        .iter()
        .filter(|factory| match direction {
            gst::PadDirection::Sink => factory.can_sink_any_caps(&caps),
            _ => factory.can_src_any_caps(&caps),
        })
        // Bins that choose by themselves are no choice, and fakes are for tests of GStreamer.
        .filter(|factory| !factory.name().contains("bin") && !factory.name().starts_with("fake"))
        .map(|factory| {
            let hardware = factory.metadata("klass").is_some_and(|class| class.contains("Hardware"));
            let note = if hardware { gettext(" (hardware)") } else { String::new() };
            format!("{}{note}", factory.name())
        })
        .collect();
    found.sort();
    found
}
