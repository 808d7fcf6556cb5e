//! What stands between us and a broker, in sentences.

use mqtt5::{MqttError, protocol::v5::reason_codes::ReasonCode};

use crate::i18n::{gettext, gettext_f};

/// Why there is no connection to a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkFault {
    /// The kind.
    pub kind: LinkFaultKind,
    /// What happened, and what to do; nothing secret is in it.
    pub sentence: String,
}

/// What kind of trouble it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkFaultKind {
    /// The broker does not let us in: trying again soon is pointless.
    Refused,
    /// Another program calls itself as we do.
    TakenOver,
    /// The broker cannot be reached, or has gone.
    Away,
    /// Something has to be corrected here first.
    Settings,
}

impl LinkFault {
    /// A fault with its sentence.
    pub fn new(kind: LinkFaultKind, sentence: String) -> Self {
        Self { kind, sentence }
    }

    /// The broker says nothing any more.
    pub(super) fn silent() -> Self {
        let sentence = gettext("The MQTT broker does not answer. Check that it runs, and the network to it.");
        Self::new(LinkFaultKind::Away, sentence)
    }

    /// Why connecting to this broker failed.
    pub(super) fn connecting(address: &str, error: &MqttError) -> Self {
        let reason = reason(error);
        let about = [("address", address), ("reason", reason.as_str())];
        match error {
            MqttError::ConnectionRefused(ReasonCode::BadUsernameOrPassword | ReasonCode::NotAuthorized)
            | MqttError::AuthenticationFailed
            | MqttError::NotAuthorized => Self::new(
                LinkFaultKind::Refused,
                gettext_f(
                    "The MQTT broker at {address} refuses our user name or password. Correct them in [mqtt] of the settings file.",
                    &about,
                ),
            ),
            MqttError::SubscriptionDenied(_) | MqttError::SubscriptionFailed(_) => Self::new(
                LinkFaultKind::Refused,
                gettext_f(
                    "The MQTT broker at {address} does not let us hear requests. Give our user there the rights that heliograph.acl has for it.",
                    &about,
                ),
            ),
            MqttError::ConnectionRefused(_) => Self::new(
                LinkFaultKind::Refused,
                gettext_f(
                    // Translators: {reason} is in English.
                    "The MQTT broker at {address} does not let us in: {reason}. See its log, and [mqtt] of the settings file.",
                    &about,
                ),
            ),
            error if error.to_string().contains("TLS") => Self::new(
                LinkFaultKind::Settings,
                gettext_f(
                    // Translators: {reason} is in English.
                    "There is no encrypted connection to the MQTT broker at {address}: {reason}. Compare its certificate with “ca” in [mqtt] of the settings file.",
                    &about,
                ),
            ),
            _ => Self::new(
                LinkFaultKind::Away,
                gettext_f(
                    // Translators: {reason} is in English.
                    "The MQTT broker at {address} cannot be reached: {reason}. Check that it runs, and “broker” in [mqtt] of the settings file.",
                    &about,
                ),
            ),
        }
    }
}

/// The innermost words, which are the plain ones.
fn reason(error: &MqttError) -> String {
    let text = error.to_string();
    text.rsplit("failed: ").next().unwrap_or(&text).trim_start_matches("Connection error: ").to_owned()
}
