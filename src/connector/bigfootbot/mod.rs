//! The video system of the Bigfootbot robot: a relay, a sender at the robot, a receiver on the shore.
//!
//! Heliograph is each of the three, beside the robot's own programs: this connector is the sender, and a
//! feed whose address is a relay's has the receiver. Where both ends are Heliograph, one connection of the sender
//! is for all its feeds, and each receiver has sessions of its own.

mod messages;
mod receiver;
mod relay;
mod sender;
mod shared;

use std::sync::Arc;

use futures::FutureExt;

use super::{
    Connector, Kind, Needs,
    client::{Client, Papers, Server, keep},
    fields::{CA, TOKEN, codec, usual_address},
    hub::{Hub, HubConnector},
    local::{LocalServer, LocalSettings, ServerError},
};
use crate::{
    config::{Codec, ConnectorForm, ConnectorSettings},
    i18n::gettext,
};
pub use messages::OfferedFeed;
pub use receiver::{Offered, Relayed, Reply, receive};
use relay::Relay;
use sender::Sender;
use shared::Shared;

/// Starts a relay of the robot, where others meet.
///
/// # Errors
/// As [`LocalServer::start`].
pub async fn serve_relay(settings: LocalSettings) -> Result<LocalServer, ServerError> {
    LocalServer::start_relay(settings, Arc::new(Relay::default())).await
}

pub(super) static KIND: Kind = Kind {
    form: ConnectorForm {
        kind: "bigfootbot",
        name: || gettext("Bigfootbot relay"),
        line: || gettext("Sends feeds to whoever watches at a relay of the Bigfootbot robot"),
        icon: "network-workgroup-symbolic",
        // The robot's relay is beside its sender, at this port.
        fields: &[usual_address(&["ws", "wss"], "ws://127.0.0.1:8765"), codec(&["h264", "vp8"]), TOKEN, CA],
        names_servers: false,
    },
    open,
};

fn open(config: &ConnectorSettings) -> Option<Arc<dyn Connector>> {
    let at_hub = HubConnector::without_data(Hub::new());
    at_hub.set_transport(config.transport.clone());
    let url = config.address("address")?;
    let codec: Codec = config.text("codec").unwrap_or("h264").parse().ok()?;
    let papers = Papers::Settings(config.clone());
    let server = Arc::new(Server { url, ca: config.file("ca"), papers, subprotocol: None });
    let (id, hub) = (config.id.clone(), at_hub.hub().clone());
    let shared = Shared::new(move |tell| keep(id.clone(), server.clone(), Sender::new(hub.clone()), tell).boxed());
    Some(Arc::new(Client {
        feeds: config.feeds.clone(),
        needs: Needs::in_codec(codec),
        at_hub,
        speak: Box::new(move |post| shared.clone().keep(post).boxed()),
    }))
}
