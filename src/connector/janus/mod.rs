//! Publishes feeds in a room of a Janus server: its `VideoRoom` plugin, over a websocket.
//!
//! ```text
//! keeper ◄─► publisher ◄─► guest ─► hub ◄─► webrtcsink
//! ```
//!
//! The room is one viewer of each feed, and passes the picture on to those who are in it. The crate's own
//! signaller ends its element at any fault, keeps nothing when the websocket goes, and wants a webrtcsink of
//! its own; this one says what happened, claims its session again, and shares the media path of all
//! connectors.

mod faults;
mod messages;
mod publisher;
mod room;

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
use messages::RoomId;
use publisher::Publisher;
use room::Room;

const ROOM: Field =
    Field { key: "room", label: || gettext("Room, a number or a word"), kind: FieldKind::Text, is_required: true };
const PIN: Field = Field {
    key: "pin",
    label: || gettext("PIN of the room"),
    kind: FieldKind::Secret { variable: "pin_env", file: "pin_file", keyring: "pin_keyring" },
    is_required: false,
};
const API_SECRET: Field = Field {
    key: "api_secret",
    label: || gettext("API secret of the server"),
    kind: FieldKind::Secret { variable: "api_secret_env", file: "api_secret_file", keyring: "api_secret_keyring" },
    is_required: false,
};

pub(super) static KIND: Kind = Kind {
    form: ConnectorForm {
        kind: "janus",
        name: || gettext("Janus room"),
        line: || gettext("Publishes feeds in a room of a Janus server, for everybody there"),
        icon: "system-users-symbolic",
        fields: &[
            address(&["wss", "ws"]),
            ROOM,
            codec(&["h264", "vp8", "vp9", "av1", "h265"]),
            PIN,
            TOKEN,
            API_SECRET,
            CA,
        ],
        names_servers: false,
    },
    open,
};

fn open(config: &ConnectorSettings) -> Option<Arc<dyn Connector>> {
    let at_hub = HubConnector::without_data(Hub::new());
    at_hub.set_transport(config.transport.clone());
    let url = config.address("address")?;
    let codec: Codec = config.text("codec").unwrap_or("h264").parse().ok()?;
    // The token stands in messages, and in no header.
    let (papers, subprotocol) = (Papers::Token(None), Some("janus-protocol"));
    let server = Arc::new(Server { url, ca: config.file("ca"), papers, subprotocol });
    let room = Room { id: RoomId::read(config.text("room")?), codec, host: server.host(), settings: config.clone() };
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
