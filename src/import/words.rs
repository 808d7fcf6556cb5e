//! Words of a pipeline as they may be shown, and reasons that come up again and again.

use std::ops::RangeInclusive;

use crate::i18n::{gettext, gettext_f};

/// The longest part of a text that is repeated.
const SHOWN: usize = 60;

/// A property as it may be shown: no password, and nothing that looks like an address.
pub(super) fn shown_property(name: &str, value: &str) -> String {
    let secret = ["pw", "passw", "passphrase", "secret", "token", "key", "user", "auth", "cookie", "header"];
    let name_tells = secret.iter().any(|word| name.to_ascii_lowercase().contains(word))
        && !name.contains("key-int")
        && !name.contains("keyframe");
    if name_tells || may_be_address(value) { format!("{name}=…") } else { format!("{name}={}", short(value)) }
}

/// A word that is no property.
pub(super) fn shown(word: &str) -> String {
    if may_be_address(word) || word.contains('=') && !word.contains('/') { "…".into() } else { short(word) }
}

fn may_be_address(text: &str) -> bool {
    text.contains("://") || text.contains('@')
}

fn short(text: &str) -> String {
    let short: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    if text.chars().count() > SHOWN { short + "…" } else { short }
}

/// Work that Heliograph does in any pipeline.
pub(super) fn own_work() -> String {
    gettext("Heliograph does this work by itself and has no setting for it.")
}

/// A property of an element that has a counterpart, without one itself.
pub(super) fn no_setting() -> String {
    gettext("Heliograph has no setting for this.")
}

/// Something of which a feed has one.
pub(super) fn only_one() -> String {
    gettext("A feed has one of these, and an earlier one was carried over.")
}

/// A number that cannot be used.
pub(super) fn allowed(range: &RangeInclusive<u32>) -> String {
    let range = [("least", &*range.start().to_string()), ("most", &*range.end().to_string())];
    gettext_f("A whole number from {least} to {most} is needed.", &range)
}

/// A value that Heliograph does not know.
pub(super) fn unknown_value() -> String {
    gettext("This value has no counterpart.")
}
