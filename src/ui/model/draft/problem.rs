//! What cannot stay as it was entered.

use crate::{
    config::{AddressError, IceServerError, InterfaceNameError, NameError, SizeError},
    i18n::{gettext, gettext_f},
    ui::model::elsewhere::no_relay_words,
};

/// A field of the dialog that can hold something wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum Field {
    /// The feed's name.
    Name,
    /// The camera's address.
    Address,
    /// Its second address.
    SubAddress,
    /// The user.
    User,
    /// The camera on this computer.
    Device,
    /// The file.
    File,
    /// The size of the test picture.
    TestSize,
    /// The size that viewers get.
    PictureSize,
    /// Properties of the elements.
    Properties,
    /// The file with certificates that vouch for a relay.
    Ca,
    /// STUN and TURN servers on the way from a robot.
    IceServers,
    /// The network interfaces for it.
    Interfaces,
}

/// Why what was entered is no feed yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// Where.
    pub field: Field,
    /// Whether the field is only still empty: nobody is told off for that.
    pub is_empty: bool,
    /// What is wrong and what to do, as a sentence.
    pub sentence: String,
}

impl Problem {
    /// Something that is wrong with what stands in a field.
    pub(super) fn new(field: Field, sentence: String) -> Self {
        Self { field, is_empty: false, sentence }
    }

    pub(super) fn name(error: NameError, name: &str) -> Self {
        let sentence = gettext_f("This name cannot be used: {reason}.", &[("reason", &error.to_string())]);
        Self { is_empty: name.is_empty(), ..Self::new(Field::Name, sentence) }
    }

    pub(super) fn address(field: Field, error: &AddressError, text: &str) -> Self {
        let reason = error.to_string();
        let reason = [("reason", reason.as_str())];
        let sentence = match field {
            Field::SubAddress => gettext_f("The second address cannot be used: {reason}.", &reason),
            _ => gettext_f("This address cannot be used: {reason}.", &reason),
        };
        Self { is_empty: text.is_empty(), ..Self::new(field, sentence) }
    }

    pub(super) fn no_user() -> Self {
        Self::new(Field::User, gettext("Enter the user to whom this password belongs."))
    }

    pub(super) fn no_device() -> Self {
        Self { is_empty: true, ..Self::new(Field::Device, gettext("Choose a camera of this computer.")) }
    }

    pub(super) fn no_file() -> Self {
        Self { is_empty: true, ..Self::new(Field::File, gettext("Choose a file to play.")) }
    }

    pub(super) fn ca(reason: &str) -> Self {
        let sentence = gettext_f("The certificate authority cannot be used: {reason}.", &[("reason", reason)]);
        Self::new(Field::Ca, sentence)
    }

    pub(super) fn ice_servers(error: IceServerError) -> Self {
        let reason = error.to_string();
        let sentence = gettext_f("The STUN and TURN servers cannot be used: {reason}.", &[("reason", &reason)]);
        Self::new(Field::IceServers, sentence)
    }

    pub(super) fn no_relay() -> Self {
        Self::new(Field::IceServers, no_relay_words())
    }

    pub(super) fn interfaces(error: InterfaceNameError) -> Self {
        let reason = error.to_string();
        let sentence = gettext_f("The network interfaces cannot be used: {reason}.", &[("reason", &reason)]);
        Self::new(Field::Interfaces, sentence)
    }

    /// A size that is none; `error` says what one is.
    pub(super) fn size(field: Field, error: SizeError) -> Self {
        let sentence = gettext_f("This size cannot be used: {reason}.", &[("reason", &error.to_string())]);
        Self::new(field, sentence)
    }
}

/// All that is wrong, gathered field by field.
#[derive(Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    /// What is right; a problem is kept.
    pub(super) fn note<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.0.push(problem)).ok()
    }

    pub(super) fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}
