//! Properties of a feed's elements that the operator set by name.
//!
//! Nothing here trusts a text: a property is set only where the element has it, may be written,
//! and takes the value. It is a number, a switch, a choice, or, of elements that are not a
//! library's own, a text; whatever holds an object, caps or a structure is refused.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    slice::from_ref,
    str::FromStr,
};

use gst::{
    glib::{self, ParamSpec, Value},
    prelude::*,
};

use crate::{
    config::{ElementRole, element_settings, nearest},
    i18n::{gettext, gettext_f},
};

/// Sets the properties on elements of one role that are not running yet: each on those that have
/// it and take the value. What cannot be set is left as it is, and the rest is set all the same.
///
/// # Errors
///
/// A sentence for each property that was set on none: what is wrong, and what is allowed.
pub fn apply(
    role: ElementRole,
    elements: &[gst::Element],
    settings: &BTreeMap<String, String>,
) -> Result<(), Vec<String>> {
    let mut refused = Vec::new();
    for (name, text) in settings {
        match takers(role, elements, name, text) {
            Ok(takers) => takers.iter().for_each(|(element, value)| element.set_property_from_value(name, value)),
            Err(sentence) => refused.push(sentence),
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}

/// Sets a property on those elements of one role that have it and take the value, while they run.
///
/// # Errors
///
/// A sentence that says why it was set on none, and what to do: it is as in [`apply`], or the
/// property only changes while its element does not run.
pub fn apply_live(role: ElementRole, elements: &[gst::Element], name: &str, text: &str) -> Result<(), String> {
    let takers = takers(role, elements, name, text)?;
    if let Some((fixed, _)) = takers.iter().find(|(element, _)| !changes_now(element, name)) {
        return Err(not_now(fixed, name));
    }
    for (element, value) in takers {
        element.set_property_from_value(name, &value);
        // Some elements only log that it is too late, and keep what they have.
        if !holds(element, name, &value) {
            return Err(not_now(element, name));
        }
    }
    Ok(())
}

/// The elements that have the property and take the value, and what the text means for each.
fn takers<'e>(
    role: ElementRole,
    elements: &'e [gst::Element],
    name: &str,
    text: &str,
) -> Result<Vec<(&'e gst::Element, Value)>, String> {
    element_settings::check(role, name, text).map_err(|error| error.to_string())?;
    let mut having: Vec<_> = elements.iter().filter(|element| element.has_property(name)).collect();
    if having.is_empty() && elements.len() > 1 {
        return Err(no_such(elements, name));
    }
    if having.is_empty() {
        having.extend(elements);
    }
    let (mut takers, mut refused) = (Vec::new(), None);
    for element in having {
        match check(role, element, name, text) {
            Ok(value) => takers.push((element, value)),
            Err(sentence) => refused = refused.or(Some(sentence)),
        }
    }
    match refused {
        Some(sentence) if takers.is_empty() => Err(sentence),
        _ => Ok(takers),
    }
}

/// The value that this text means for a property of this element.
///
/// # Errors
///
/// A sentence that says what is wrong with name or value, and what is allowed.
pub fn check(role: ElementRole, element: &gst::Element, name: &str, text: &str) -> Result<Value, String> {
    element_settings::check(role, name, text).map_err(|error| error.to_string())?;
    let Some(property) = element.find_property(name) else {
        return Err(no_such(from_ref(element), name));
    };
    let kind = kind(element);
    let names = [("element", kind.as_str()), ("property", name)];
    let flags = property.flags();
    if !flags.contains(glib::ParamFlags::WRITABLE) {
        return Err(gettext_f("{property} of {element} can only be read; leave it out", &names));
    }
    if flags.contains(glib::ParamFlags::CONSTRUCT_ONLY) {
        return Err(gettext_f("{property} of {element} is fixed once it is made; leave it out", &names));
    }
    read(&property, text, takes_texts(role)).map_err(|allowed| {
        // Translators: {allowed} is such as "a whole number from 0 to 16".
        gettext_f("{property} of {element} takes {allowed}", &[names[0], names[1], ("allowed", &allowed)])
    })
}

/// What an element is, such as `x264enc`.
fn kind(element: &gst::Element) -> String {
    element.factory().map(|factory| factory.name().to_string()).unwrap_or_default()
}

/// Codecs are libraries, whose texts are files, devices and options of their own.
fn takes_texts(role: ElementRole) -> bool {
    !matches!(role, ElementRole::Decoder | ElementRole::Encoder)
}

/// No element has the property; perhaps another is meant.
fn no_such(elements: &[gst::Element], name: &str) -> String {
    let kinds: BTreeSet<String> = elements.iter().map(kind).collect();
    let kinds = kinds.into_iter().collect::<Vec<_>>().join(", ");
    let properties: Vec<_> = elements.iter().flat_map(|element| element.list_properties().to_vec()).collect();
    let known: Vec<&str> = properties.iter().map(ParamSpec::name).collect();
    unknown(&kinds, name, &known)
}

/// The sentence for a property that no element of these kinds has; `known` are those they have.
pub(super) fn unknown(kinds: &str, name: &str, known: &[&str]) -> String {
    let names = [("element", kinds), ("property", name)];
    match nearest(name, known) {
        Some(meant) => gettext_f(
            "{element} has no property {property}; perhaps it is {meant}",
            &[names[0], names[1], ("meant", meant)],
        ),
        None => gettext_f("{element} has no property {property}; leave it out", &names),
    }
}

/// Whether the property may be written in the state in which its element is.
fn changes_now(element: &gst::Element, name: &str) -> bool {
    let Some(property) = element.find_property(name) else { return false };
    let flags = property.flags();
    let most = if flags.contains(gst::PARAM_FLAG_MUTABLE_PLAYING) {
        gst::State::Playing
    } else if flags.contains(gst::PARAM_FLAG_MUTABLE_PAUSED) {
        gst::State::Paused
    } else if flags.contains(gst::PARAM_FLAG_MUTABLE_READY) {
        gst::State::Ready
    } else {
        gst::State::Playing
    };
    element.current_state() <= most
}

/// Whether the property has this value now; what cannot be read is believed.
fn holds(element: &gst::Element, name: &str, value: &Value) -> bool {
    let is_readable =
        element.find_property(name).is_some_and(|found| found.flags().contains(glib::ParamFlags::READABLE));
    !is_readable || element.property_value(name).compare(value) == Some(std::cmp::Ordering::Equal)
}

fn not_now(element: &gst::Element, name: &str) -> String {
    gettext_f(
        "{property} of {element} does not change while it runs; write it into the feed's settings, stop the feed and start it again",
        &[("element", &kind(element)), ("property", name)],
    )
}

/// Reads the text as the property's type does, within its range; else says what it takes.
fn read(property: &ParamSpec, text: &str, may_be_text: bool) -> Result<Value, String> {
    macro_rules! number {
        ($($spec:ty),+) => {
            $(if let Some(spec) = property.downcast_ref::<$spec>() {
                return within(text, &(spec.minimum()..=spec.maximum()));
            })+
        };
    }
    number!(
        glib::ParamSpecInt,
        glib::ParamSpecUInt,
        glib::ParamSpecInt64,
        glib::ParamSpecUInt64,
        glib::ParamSpecLong,
        glib::ParamSpecULong,
        glib::ParamSpecFloat,
        glib::ParamSpecDouble
    );
    let kind = property.value_type();
    if kind == glib::Type::BOOL {
        return flag(text);
    }
    if kind == glib::Type::STRING && may_be_text {
        return Ok(text.to_value());
    }
    if let Some(class) = glib::EnumClass::with_type(kind) {
        return choice(&class, text);
    }
    if let Some(class) = glib::FlagsClass::with_type(kind) {
        return choices(&class, text);
    }
    Err(gettext("a kind of value that no setting has; leave it out"))
}

fn within<T>(text: &str, range: &RangeInclusive<T>) -> Result<Value, String>
where
    T: FromStr + PartialOrd + ToString + ToValue,
{
    match text.parse::<T>() {
        Ok(number) if range.contains(&number) => Ok(number.to_value()),
        _ => {
            let range = [("least", &*range.start().to_string()), ("most", &*range.end().to_string())];
            // Translators: this stands behind "takes".
            Err(gettext_f("a number from {least} to {most}", &range))
        }
    }
}

/// What GStreamer takes for a switch.
fn flag(text: &str) -> Result<Value, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true.to_value()),
        "false" | "no" | "0" => Ok(false.to_value()),
        // Translators: this stands behind "takes"; both words are written so.
        _ => Err(gettext("true or false")),
    }
}

fn choice(class: &glib::EnumClass, text: &str) -> Result<Value, String> {
    let chosen = class.values().iter().find(|value| value.nick() == text || value.value().to_string() == text);
    let value = chosen.and_then(|chosen| class.to_value(chosen.value()));
    value.ok_or_else(|| one_of(class.values().iter().map(glib::EnumValue::nick)))
}

/// Several words with a + between them, as GStreamer writes them.
fn choices(class: &glib::FlagsClass, text: &str) -> Result<Value, String> {
    let all = text.split('+').map(str::trim).try_fold(class.builder(), |builder, word| {
        class.value_by_nick(word).is_some().then(|| builder.set_by_nick(word))
    });
    let value = all.and_then(glib::FlagsBuilder::build);
    value.ok_or_else(|| one_of(class.values().iter().map(glib::FlagsValue::nick)))
}

fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words = words.collect::<Vec<_>>().join(", ");
    // Translators: this stands behind "takes"; {words} is a list such as none, fast, slow.
    gettext_f("one of {words}", &[("words", &words)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(factory: &str) -> gst::Element {
        gst::init().unwrap();
        gst::ElementFactory::make(factory).build().unwrap()
    }

    fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn text_of(element: &gst::Element, property: &str) -> String {
        element.property_value(property).serialize().unwrap().to_string()
    }

    #[test]
    fn every_kind_of_property_is_set() {
        let x264 = element("x264enc");
        let pairs = [
            ("threads", "4"),
            ("cabac", "false"),
            ("speed-preset", "ultrafast"),
            ("tune", "stillimage+zerolatency"),
            ("key_int_max", "2560"),
            ("ip-factor", "1.5"),
            ("bframes", "0"),
        ];
        assert_eq!(apply(ElementRole::Encoder, from_ref(&x264), &settings(&pairs)), Ok(()));
        assert_eq!(x264.property::<u32>("threads"), 4);
        assert!(!x264.property::<bool>("cabac"));
        assert_eq!(text_of(&x264, "speed-preset"), "ultrafast");
        assert_eq!(text_of(&x264, "tune"), "Still image+Zero latency");
        assert_eq!(x264.property::<u32>("key-int-max"), 2560);
        assert!((x264.property::<f32>("ip-factor") - 1.5).abs() < f32::EPSILON);

        let vp8 = element("vp8enc");
        let pairs = [("deadline", "1"), ("cpu-used", "-16"), ("keyframe-mode", "disabled"), ("end-usage", "cbr")];
        assert_eq!(apply(ElementRole::Encoder, from_ref(&vp8), &settings(&pairs)), Ok(()));
        assert_eq!((vp8.property::<i64>("deadline"), vp8.property::<i32>("cpu-used")), (1, -16));
        assert_eq!(text_of(&vp8, "keyframe-mode"), "disabled");
    }

    #[test]
    fn what_cannot_be_set_is_said_and_the_rest_is_set() {
        let x264 = element("x264enc");
        let before = text_of(&x264, "speed-preset");
        let pairs = [("threads", "3"), ("speed-preset", "warp"), ("bframes", "2")];
        let sentences = apply(ElementRole::Encoder, from_ref(&x264), &settings(&pairs)).unwrap_err();
        assert_eq!(sentences.len(), 2, "{sentences:?}");
        assert!(sentences[0].starts_with("bframes would make pictures wait"), "{sentences:?}");
        assert!(sentences[1].starts_with("speed-preset of x264enc takes one of None, ultrafast,"), "{sentences:?}");
        assert_eq!((x264.property::<u32>("threads"), x264.property::<u32>("bframes")), (3, 0));
        assert_eq!(text_of(&x264, "speed-preset"), before);
    }

    #[test]
    fn each_refusal_says_what_is_allowed() {
        for (factory, name, text, expected) in [
            ("x264enc", "warp", "1", "x264enc has no property warp; leave it out"),
            ("x264enc", "thread", "1", "x264enc has no property thread; perhaps it is threads"),
            ("x264enc", "vbv-buf-capacity", "99999", "vbv-buf-capacity of x264enc takes a number from 0 to 10000"),
            ("x264enc", "threads", "many", "threads of x264enc takes a number from 0 to"),
            ("x264enc", "cabac", "maybe", "cabac of x264enc takes true or false"),
            ("x264enc", "tune", "zerolatency+", "tune of x264enc takes one of"),
            ("x264enc", "stats_file", "/x", "stats_file could name files"),
            ("x264enc", "multipass-cache-file", "/tmp/x", "multipass-cache-file could name files"),
            ("x264enc", "option-string", "bframes=3", "option-string could name files"),
            ("x264enc", "bitrate", "1", "write `bitrate_kbps` instead"),
            ("vp8enc", "lag-in-frames", "5", "lag-in-frames would make pictures wait"),
            ("vp8enc", "cpu-used", "17", "cpu-used of vp8enc takes a number from -16 to 16"),
            ("vp8enc", "temporal-scalability-target-bitrate", "1", "temporal-scalability-target-bitrate of vp8enc"),
        ] {
            let sentence = check(ElementRole::Encoder, &element(factory), name, text).unwrap_err();
            assert!(sentence.starts_with(expected), "{factory} {name}={text}: {sentence}");
        }
    }

    #[test]
    fn texts_are_for_elements_that_are_no_library() {
        let source = element("rtspsrc");
        let pairs =
            [("multicast-iface", "eth0"), ("user-agent", "Bridge/2"), ("do-rtcp", "no"), ("nat-method", "none")];
        assert_eq!(apply(ElementRole::Source, from_ref(&source), &settings(&pairs)), Ok(()));
        assert_eq!(source.property::<String>("multicast-iface"), "eth0");
        assert_eq!(source.property::<String>("user-agent"), "Bridge/2");
        assert!(!source.property::<bool>("do-rtcp"));
        assert_eq!(text_of(&source, "nat-method"), "none");
        let sentence = check(ElementRole::Decoder, &source, "user-agent", "x").unwrap_err();
        assert_eq!(sentence, "user-agent of rtspsrc takes a kind of value that no setting has; leave it out");
    }

    #[test]
    fn objects_structures_and_what_is_fixed_are_refused() {
        for (role, factory, name, expected) in [
            (ElementRole::Source, "rtspsrc", "sdes", "sdes of rtspsrc takes a kind of value that no setting has"),
            (
                ElementRole::Transport,
                "rtprtxsend",
                "payload-type-map",
                "payload-type-map of rtprtxsend takes a kind of",
            ),
            (ElementRole::Converter, "capsfilter", "caps", "caps of capsfilter takes a kind of value that no setting"),
            (ElementRole::Transport, "rtprtxsend", "num-rtx-packets", "num-rtx-packets of rtprtxsend can only be read"),
            (ElementRole::Source, "v4l2src", "flags", "flags of v4l2src can only be read; leave it out"),
            (
                ElementRole::Converter,
                "queue",
                "max-size-buffer",
                "queue has no property max-size-buffer; perhaps it is max-size-buffers",
            ),
        ] {
            let sentence = check(role, &element(factory), name, "1").unwrap_err();
            assert!(sentence.starts_with(expected), "{factory} {name}: {sentence}");
        }
    }

    #[test]
    fn a_property_goes_to_the_elements_of_its_role_that_have_it() {
        let chain = [element("deinterlace"), element("videoconvert"), element("videoscale")];
        let pairs = [("n-threads", "2"), ("method", "lanczos"), ("tff", "tff"), ("warp", "1"), ("dither", "9")];
        let sentences = apply(ElementRole::Converter, &chain, &settings(&pairs)).unwrap_err();
        assert_eq!(sentences.len(), 2, "{sentences:?}");
        assert!(sentences[0].starts_with("dither of videoconvert takes one of"), "{sentences:?}");
        let none = "deinterlace, videoconvert, videoscale has no property warp; leave it out";
        assert_eq!(sentences[1], none);
        for threaded in &chain[1..] {
            assert_eq!(threaded.property::<u32>("n-threads"), 2);
        }
        // Only the one that has such a method takes it.
        assert_eq!(text_of(&chain[2], "method"), "lanczos");
        assert_eq!(text_of(&chain[0], "method"), text_of(&element("deinterlace"), "method"));
    }

    #[test]
    fn a_running_element_changes_what_it_can_and_says_what_it_cannot() {
        let chain = [element("videotestsrc"), element("x264enc"), element("fakesink")];
        let pipeline = gst::Pipeline::new();
        chain[1].set_property_from_str("tune", "zerolatency");
        pipeline.add_many(&chain).unwrap();
        gst::Element::link_many(&chain).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let (state, ..) = pipeline.state(gst::ClockTime::from_seconds(10));
        state.unwrap();
        let encoder = &chain[1..2];
        let threads = encoder[0].property::<u32>("threads");
        assert_eq!(apply_live(ElementRole::Encoder, encoder, "vbv-buf-capacity", "400"), Ok(()));
        let refused = apply_live(ElementRole::Encoder, encoder, "threads", "3").unwrap_err();
        let wrong = apply_live(ElementRole::Encoder, encoder, "vbv-buf-capacity", "40000").unwrap_err();
        let seen = (encoder[0].property::<u32>("vbv-buf-capacity"), encoder[0].property::<u32>("threads"));
        pipeline.set_state(gst::State::Null).unwrap();
        assert_eq!(seen, (400, threads));
        assert!(refused.starts_with("threads of x264enc does not change while it runs; write it into"), "{refused}");
        assert!(wrong.starts_with("vbv-buf-capacity of x264enc takes a number from 0 to"), "{wrong}");
    }
}
