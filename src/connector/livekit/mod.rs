//! Publishes feeds in a room of a `LiveKit` server, over a websocket.
//!
//! ```text
//! keeper ◄─► publisher ◄─► guest ─► hub ◄─► webrtcsink
//! ```
//!
//! Each feed is a participant of its own, since each has its own media path; the server is its viewer, and passes
//! the picture on to the room. The crate's own signaller ends its element at any fault, resumes nothing when the
//! websocket goes, and wants a webrtcsink of its own; this one says what happened, resumes its session, and shares
//! the media path of all connectors.

mod faults;
mod messages;
mod publisher;
mod room;
mod token;

use std::sync::Arc;

use futures::FutureExt;

use super::{
    Connector, Kind, Needs, Viewers,
    client::{Client, Papers, Server, keep},
    fields::{CA, TOKEN, address, codec},
    hub::{Hub, HubConnector},
};
use crate::{
    config::{Codec, ConnectorForm, ConnectorSettings, Field, FieldKind},
    i18n::gettext,
};
use publisher::Publisher;
use room::Room;

const ROOM: Field = Field {
    key: "room",
    label: || gettext("Room, unless the token names it"),
    kind: FieldKind::Text,
    is_required: false,
};
const API_KEY: Field =
    Field { key: "api_key", label: || gettext("API key"), kind: FieldKind::Text, is_required: false };
const API_SECRET: Field = Field {
    key: "api_secret",
    label: || gettext("Secret of the API key"),
    kind: FieldKind::Secret { variable: "api_secret_env", file: "api_secret_file", keyring: "api_secret_keyring" },
    is_required: false,
};

pub(super) static KIND: Kind = Kind {
    form: ConnectorForm {
        kind: "livekit",
        name: || gettext("LiveKit room"),
        line: || gettext("Publishes feeds in a room of a LiveKit server, each as a participant"),
        icon: "system-users-symbolic",
        fields: &[
            address(&["wss", "ws"]),
            ROOM,
            codec(&["h264", "vp8", "vp9", "av1", "h265"]),
            API_KEY,
            API_SECRET,
            TOKEN,
            CA,
        ],
        names_servers: true,
    },
    open,
};

fn open(config: &ConnectorSettings) -> Option<Arc<dyn Connector>> {
    let at_hub = HubConnector::without_data(Hub::new());
    at_hub.set_transport(config.transport.clone());
    let url = config.address("address")?;
    let codec: Codec = config.text("codec").unwrap_or("h264").parse().ok()?;
    // Address and token are completed before each connection.
    let server = Arc::new(Server { url, ca: config.file("ca"), papers: Papers::Token(None), subprotocol: None });
    let room = Room { codec, host: server.host(), settings: config.clone() };
    let id = config.id.clone();
    Some(Arc::new(Client {
        feeds: config.feeds.clone(),
        // The server: who watches there, watches what it passes on.
        needs: Needs { viewers: Viewers::One, ..Needs::in_codec(codec) },
        at_hub,
        speak: Box::new(move |post| {
            let publisher = Publisher::new(room.clone(), post.hub, post.feed, post.name);
            keep(id.clone(), server.clone(), publisher, post.tell).boxed()
        }),
    }))
}
