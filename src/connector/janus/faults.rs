//! What a Janus server means by its error numbers, for people.

use super::{messages::Refusal, room::Room};
use crate::{
    connector::{
        client::{ConnectorFault, ConnectorFaultKind as Kind},
        hub::short,
    },
    i18n::{gettext, gettext_f},
};

/// A session is not known, or not any more: `JANUS_ERROR_SESSION_NOT_FOUND` of Janus's `apierror.h`.
pub(super) const NO_SUCH_SESSION: u32 = 458;

impl Room {
    /// Why the server refuses something: numbers of its core, and of the plugin (`janus_videoroom.c`).
    pub(super) fn refused(&self, refusal: &Refusal) -> ConnectorFault {
        let (room, code, reason) = (self.id.to_string(), refusal.code.to_string(), short(&refusal.reason));
        let values = [("host", self.host.as_str()), ("room", &room), ("code", &code), ("reason", &reason)];
        let (kind, sentence, next) = match refusal.code {
            403 | 405 | 470 => (
                Kind::Refused,
                gettext_f("{host} does not let us in.", &values),
                gettext("Check the API secret and the token."),
            ),
            433 => (
                Kind::Refused,
                gettext_f("The room {room} at {host} does not let us in.", &values),
                gettext("Check its PIN and the token."),
            ),
            426 => (
                Kind::Settings,
                gettext_f("There is no room {room} at {host}.", &values),
                gettext("Check the room; a word that looks like a number is written in quotes."),
            ),
            430 => (
                Kind::Settings,
                gettext_f("{host} does not take the room {room}: {reason}.", &values),
                gettext("Where rooms have words for names, write a number in quotes."),
            ),
            432 => (
                Kind::Refused,
                gettext_f("The room {room} at {host} is full.", &values),
                gettext("Let it take more publishers, or end one."),
            ),
            437 | 465 => (
                Kind::Settings,
                gettext_f("The room {room} at {host} does not take the offer.", &values),
                gettext("Try another codec."),
            ),
            460 | 461 => (
                Kind::Settings,
                gettext_f("{host} has no video rooms.", &values),
                gettext("Switch its VideoRoom plugin on."),
            ),
            472 => (Kind::Lost, gettext_f("{host} takes nobody in at the moment.", &values), String::new()),
            _ => (
                Kind::Protocol,
                // Translators: {reason} is what the server said, in English; {code} is its number.
                gettext_f("{host} says: {reason} ({code}).", &values),
                gettext("See what the server's log says about it."),
            ),
        };
        ConnectorFault::new(kind, sentence, next)
    }

    /// The room takes the offer, and not the picture in it.
    pub(super) fn takes_another_codec(&self) -> ConnectorFault {
        let values = [("host", self.host.as_str()), ("room", &self.id.to_string()), ("codec", self.codec.key())];
        let sentence = gettext_f("The room {room} at {host} takes no {codec}.", &values);
        ConnectorFault::new(Kind::Settings, sentence, gettext("Try another codec, or have the room take this one."))
    }

    /// The server has not said in time what is due.
    pub(super) fn silent(&self) -> ConnectorFault {
        let sentence = gettext_f("{host} takes messages, and does not answer them.", &[("host", &self.host)]);
        ConnectorFault::new(Kind::Protocol, sentence, gettext("Check that the address is a Janus server's."))
    }

    /// Media flow no more; `reason` is the server's, if it said one.
    pub(super) fn hung_up(&self, reason: &str) -> ConnectorFault {
        let values = [("host", self.host.as_str()), ("reason", &short(reason))];
        let sentence = match reason {
            "" => gettext_f("{host} receives the feed no more.", &values),
            // Translators: {reason} is what the server said, in English.
            _ => gettext_f("{host} receives the feed no more: {reason}.", &values),
        };
        ConnectorFault::new(Kind::Lost, sentence, "")
    }

    pub(super) fn put_out(&self) -> ConnectorFault {
        let values = [("host", self.host.as_str()), ("room", &self.id.to_string())];
        let sentence = gettext_f("Somebody put the feed out of the room {room} at {host}.", &values);
        ConnectorFault::new(Kind::Refused, sentence, "")
    }

    pub(super) fn is_gone(&self) -> ConnectorFault {
        let values = [("host", self.host.as_str()), ("room", &self.id.to_string())];
        ConnectorFault::new(Kind::Lost, gettext_f("The room {room} at {host} was closed.", &values), "")
    }
}
