//! What can be wrong with a STUN or TURN server.

use std::io;

use crate::{
    config::IceServer,
    i18n::{gettext, gettext_f},
};

/// Why a server is of no use.
#[derive(Debug)]
pub(super) enum IceFault {
    /// Its name does not resolve.
    UnknownHost,
    /// Nothing listens at its port.
    Refused,
    /// Nothing comes back.
    Silent,
    /// The system does not let us speak with it.
    Unreachable(io::Error),
    /// What came back is not STUN (RFC 8489).
    Strange,
    /// It does not know the user, or not with this password.
    WrongPassword,
    /// It speaks STUN but passes no media on.
    NoTurn,
    /// It refuses for a reason of its own: its code (RFC 8656, section 19) and words.
    Refusal(u16, String),
}

impl From<io::Error> for IceFault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::Silent,
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Self::Strange,
            _ => Self::Unreachable(error),
        }
    }
}

impl IceFault {
    /// What happened, and what to do.
    pub(super) fn sentences(&self, server: &IceServer) -> (String, String) {
        let (place, transport) = (server.place(), server.transport.key().to_uppercase());
        let names = [("host", server.host.as_str()), ("place", &place), ("transport", &transport)];
        match self {
            Self::UnknownHost => (
                gettext_f("The host name “{host}” cannot be found.", &names),
                gettext("Correct the name, or this machine's name server."),
            ),
            Self::Refused => (
                gettext_f("Nothing listens at {place} over {transport}.", &names),
                gettext("Correct the port or the transport, or start the server."),
            ),
            Self::Silent => (
                gettext_f("Nothing comes back from {place} over {transport}.", &names),
                gettext("Check the address, and let this port through every firewall between."),
            ),
            Self::Unreachable(reason) => (
                gettext_f(
                    "{place} cannot be reached: {reason}.",
                    &[("place", &place), ("reason", &reason.to_string())],
                ),
                gettext("Check this machine's network and the address."),
            ),
            Self::Strange => (
                gettext_f("Something answers at {place}, but it is no STUN server.", &names),
                gettext("Correct the port: STUN and TURN usually have 3478."),
            ),
            Self::WrongPassword => (
                gettext("It does not let the user in: user or password is wrong, or the login has expired."),
                gettext("Correct them; the password is in the place named by ice_password_env or --ice-password-env."),
            ),
            Self::NoTurn => (
                gettext("It answers STUN, but it passes no media on."),
                gettext("Name it as stun:, or let its owner allow TURN."),
            ),
            Self::Refusal(code, reason) => (
                gettext_f("It refuses: {reason} ({code}).", &[("reason", reason), ("code", &code.to_string())]),
                gettext("Ask the server's owner; its log says more."),
            ),
        }
    }
}
