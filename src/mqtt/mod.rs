//! Messages over MQTT: a broker inside this program or a connection to one elsewhere, the topics,
//! and the form of what is said.
//!
//! * [`Broker`] is the embedded broker, which lets in by [`crate::config::MqttRole`].
//! * [`Link`] keeps a connection to a broker, whichever it is, and what has to be there again when
//!   the broker was away: subscriptions, last will, retained messages.
//! * [`Topics`] are the names, [`Inbox`] what every request has to pass before it is obeyed.
//! * [`gstwebrtcapp`] translates to and from the messages of GstWebRTCApp.
//!
//! This room knows requests and reports as texts, not what they mean: `station::remote` maps them to the
//! engine's commands and events. It may use `config` and `stats`.

mod access;
mod broker;
mod dial;
mod fault;
pub mod gstwebrtcapp;
mod inbox;
mod link;
mod outbox;
mod topics;

pub use broker::{Broker, BrokerError};
pub use dial::Dial;
pub use fault::{LinkFault, LinkFaultKind};
pub use inbox::{Inbox, LARGEST_REQUEST, Refusal, RefusalKind, Request, Verdict};
pub use link::{Dialer, Incoming, Link, LinkState, Session};
pub use outbox::{Outbox, Outgoing};
pub use topics::{FeedTopic, Target, Topics, may_reply_to};
