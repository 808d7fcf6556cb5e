//! Feeds at a signalling server that runs elsewhere, by the protocol of webrtcsink.
//!
//! Heliograph is a producer there, once for each feed, and whoever finds it there is a guest at the
//! connector's hub. A vehicle behind carrier NAT is watched so: both sides go out to a server on the
//! shore, such as `heliograph relay --protocol webrtcsink`.

mod producer;
mod relay;

use std::sync::Arc;

use futures::FutureExt;

use super::{
    Connector, Kind, Needs,
    client::{Client, Papers, Server, keep},
    fields::{CA, TOKEN, address},
    hub::{Hub, HubConnector},
    local::{LocalServer, LocalSettings, ServerError},
};
use crate::{
    config::{ConnectorForm, ConnectorSettings, Field, FieldKind},
    i18n::gettext,
};
use producer::Producer;
use relay::Relay;

/// In what a producer of ours says of itself stands under this name a secret, by which our relay knows it
/// again when it comes back on another connection. To other servers it is a word like any other.
const RESUME: &str = "heliographResume";

/// Starts a signalling server, where others meet.
///
/// # Errors
/// As [`LocalServer::start`].
pub async fn serve_relay(settings: LocalSettings) -> Result<LocalServer, ServerError> {
    LocalServer::start_relay(settings, Arc::new(Relay::default())).await
}

pub(super) static KIND: Kind = Kind {
    form: ConnectorForm {
        kind: "webrtcsink",
        name: || gettext("Signalling server"),
        line: || {
            gettext("Browsers and programs that speak webrtcsink's protocol meet your feeds at a server elsewhere")
        },
        icon: "network-server-symbolic",
        fields: &[
            address(&["wss", "ws"]),
            TOKEN,
            Field {
                key: "headers",
                label: || gettext("HTTP headers, such as X-Vessel: 7"),
                kind: FieldKind::Text,
                is_required: false,
            },
            CA,
        ],
        names_servers: false,
    },
    open,
};

fn open(config: &ConnectorSettings) -> Option<Arc<dyn Connector>> {
    let at_hub = HubConnector::new(Hub::new());
    at_hub.set_transport(config.transport.clone());
    let url = config.address("address")?;
    let papers = Papers::Settings(config.clone());
    let server = Arc::new(Server { url, ca: config.file("ca"), papers, subprotocol: None });
    let id = config.id.clone();
    Some(Arc::new(Client {
        feeds: config.feeds.clone(),
        needs: Needs::default(),
        at_hub,
        speak: Box::new(move |post| {
            keep(id.clone(), server.clone(), Producer::new(post.hub, &post.feed, &post.name), post.tell).boxed()
        }),
    }))
}
