//! Why a `LiveKit` server does not have the feed, for people.

use super::{messages::RequestResponse, room::Room};
use crate::{
    connector::{
        client::{ConnectorFault, ConnectorFaultKind as Kind},
        hub::short,
    },
    i18n::{gettext, gettext_f},
};

impl Room {
    /// The server ends the session: `DisconnectReason` of `livekit_models.proto`.
    pub(super) fn left(&self, reason: i32) -> ConnectorFault {
        let host = [("host", self.host.as_str())];
        let (kind, sentence, next) = match reason {
            2 => (
                Kind::Refused,
                gettext_f("Somebody else came into the room at {host} under the feed's name.", &host),
                gettext("See that no other Heliograph publishes a feed of this id there."),
            ),
            3 | 8 => (Kind::Lost, gettext_f("{host} is being shut down.", &host), String::new()),
            4 => (Kind::Refused, gettext_f("Somebody put the feed out of the room at {host}.", &host), String::new()),
            5 | 10 => (Kind::Lost, gettext_f("The room at {host} was closed.", &host), String::new()),
            7 | 14 | 15 => (
                Kind::Lost,
                gettext_f("{host} receives nothing of the feed.", &host),
                gettext("Check that UDP gets through, or that a TURN server is named."),
            ),
            _ => (Kind::Lost, gettext_f("{host} ended the session.", &host), String::new()),
        };
        ConnectorFault::new(kind, sentence, next)
    }

    /// Media flow no more.
    pub(super) fn lost(&self) -> ConnectorFault {
        let sentence = gettext_f("{host} receives the feed no more.", &[("host", &self.host)]);
        ConnectorFault::new(Kind::Lost, sentence, "")
    }

    /// The server has not said in time what is due.
    pub(super) fn silent(&self) -> ConnectorFault {
        let sentence = gettext_f("{host} takes messages, and does not answer them.", &[("host", &self.host)]);
        ConnectorFault::new(Kind::Protocol, sentence, gettext("Check that the address is a LiveKit server's."))
    }

    pub(super) fn takes_another_codec(&self) -> ConnectorFault {
        let values = [("host", self.host.as_str()), ("codec", self.codec.key())];
        let sentence = gettext_f("The room at {host} takes no {codec}.", &values);
        ConnectorFault::new(Kind::Settings, sentence, gettext("Try another codec, or have the room take this one."))
    }

    pub(super) fn may_not_publish(&self) -> ConnectorFault {
        let sentence = gettext_f("The token does not let the feed publish at {host}.", &[("host", &self.host)]);
        ConnectorFault::new(Kind::Refused, sentence, gettext("Make one with canPublish."))
    }

    pub(super) fn would_be_sent_to(&self) -> ConnectorFault {
        let sentence = gettext_f("The token has {host} send us the others' pictures.", &[("host", &self.host)]);
        let next = gettext("Make one with canSubscribe: false; or name the API key and its secret.");
        ConnectorFault::new(Kind::Settings, sentence, next)
    }

    pub(super) fn refused(&self, response: &RequestResponse) -> ConnectorFault {
        let values = [("host", self.host.as_str()), ("reason", &short(&response.message))];
        // Translators: {reason} is what the server said, in English.
        let sentence = gettext_f("{host} does not take the feed's track: {reason}.", &values);
        ConnectorFault::new(Kind::Refused, sentence, gettext("See what the server's log says about it."))
    }
}
