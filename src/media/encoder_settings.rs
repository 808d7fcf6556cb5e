//! Properties of an encoder that the operator set by name.
//!
//! Nothing here trusts a text: a property is set only where the encoder has it, may be
//! written, is a number, a switch or a choice, and takes the value. Texts are refused
//! altogether, for an encoder's texts are files, devices and options of a library.

use std::{collections::BTreeMap, ops::RangeInclusive, str::FromStr};

use gst::{
    glib::{self, ParamSpec, Value},
    prelude::*,
};

use crate::{
    config::encoder_settings,
    i18n::{gettext, gettext_f},
};

/// Sets the properties on an encoder that is not running yet. What cannot be set is left as
/// it is, and the rest is set all the same.
///
/// # Errors
///
/// A sentence for each property that was left as it is: what is wrong, and what is allowed.
pub fn apply(encoder: &gst::Element, settings: &BTreeMap<String, String>) -> Result<(), Vec<String>> {
    let mut refused = Vec::new();
    for (name, text) in settings {
        match check(encoder, name, text) {
            Ok(value) => encoder.set_property_from_value(name, &value),
            Err(sentence) => refused.push(sentence),
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}

/// The value that this text means for a property of this encoder.
///
/// # Errors
///
/// A sentence that says what is wrong with name or value, and what is allowed.
pub fn check(encoder: &gst::Element, name: &str, text: &str) -> Result<Value, String> {
    encoder_settings::check(name, text).map_err(|error| error.to_string())?;
    let element = encoder.factory().map(|factory| factory.name().to_string()).unwrap_or_default();
    let names = [("element", element.as_str()), ("property", name)];
    let Some(property) = encoder.find_property(name) else {
        return Err(gettext_f("{element} has no property {property}; leave it out", &names));
    };
    let flags = property.flags();
    if !flags.contains(glib::ParamFlags::WRITABLE) || flags.contains(glib::ParamFlags::CONSTRUCT_ONLY) {
        return Err(gettext_f("{property} of {element} cannot be set; leave it out", &names));
    }
    read(&property, text).map_err(|allowed| {
        // Translators: {allowed} is such as "a whole number from 0 to 16".
        gettext_f("{property} of {element} takes {allowed}", &[names[0], names[1], ("allowed", &allowed)])
    })
}

/// Reads the text as the property's type does, within its range; else says what it takes.
fn read(property: &ParamSpec, text: &str) -> Result<Value, String> {
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
        assert_eq!(apply(&x264, &settings(&pairs)), Ok(()));
        assert_eq!(x264.property::<u32>("threads"), 4);
        assert!(!x264.property::<bool>("cabac"));
        assert_eq!(text_of(&x264, "speed-preset"), "ultrafast");
        assert_eq!(text_of(&x264, "tune"), "Still image+Zero latency");
        assert_eq!(x264.property::<u32>("key-int-max"), 2560);
        assert!((x264.property::<f32>("ip-factor") - 1.5).abs() < f32::EPSILON);

        let vp8 = element("vp8enc");
        let pairs = [("deadline", "1"), ("cpu-used", "-16"), ("keyframe-mode", "disabled"), ("end-usage", "cbr")];
        assert_eq!(apply(&vp8, &settings(&pairs)), Ok(()));
        assert_eq!((vp8.property::<i64>("deadline"), vp8.property::<i32>("cpu-used")), (1, -16));
        assert_eq!(text_of(&vp8, "keyframe-mode"), "disabled");
    }

    #[test]
    fn what_cannot_be_set_is_said_and_the_rest_is_set() {
        let x264 = element("x264enc");
        let before = text_of(&x264, "speed-preset");
        let pairs = [("threads", "3"), ("speed-preset", "warp"), ("bframes", "2")];
        let sentences = apply(&x264, &settings(&pairs)).unwrap_err();
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
            let sentence = check(&element(factory), name, text).unwrap_err();
            assert!(sentence.starts_with(expected), "{factory} {name}={text}: {sentence}");
        }
    }
}
