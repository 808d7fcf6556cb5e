//! What many kinds of connectors ask for in the same way.

use crate::{
    config::{Field, FieldKind},
    i18n::gettext,
};

/// What the service wants to see of us, as a bearer (RFC 6750).
pub(super) const TOKEN: Field = Field {
    key: "token",
    label: || gettext("Token"),
    kind: FieldKind::Secret { variable: "token_env", file: "token_file", keyring: "token_keyring" },
    is_required: false,
};

/// Certificates that vouch for the service beside those that the system trusts.
pub(super) const CA: Field =
    Field { key: "ca", label: || gettext("Certificate authority"), kind: FieldKind::File, is_required: false };

/// Where the service is.
pub(super) const fn address(schemes: &'static [&'static str]) -> Field {
    usual_address(schemes, "")
}

/// The same, where most are at one like this.
pub(super) const fn usual_address(schemes: &'static [&'static str], usual: &'static str) -> Field {
    let kind = FieldKind::Address { schemes, usual };
    Field { key: "address", label: || gettext("Address"), kind, is_required: true }
}

/// In which codec, by its word; the first is what is sent where nothing is said.
pub(super) const fn codec(words: &'static [&'static str]) -> Field {
    Field { key: "codec", label: || gettext("Codec"), kind: FieldKind::Choice { words }, is_required: false }
}
