//! Publishes feeds at a WHIP endpoint (RFC 9725): media servers and services that pass a picture on.
//!
//! The endpoint is one viewer of the feed, for as long as the connector is on. The crate's own
//! signaller ends its element at any fault; this one says what happened and tries again.

mod links;
mod publisher;
mod resource;
mod response;

use std::sync::Arc;

use futures::FutureExt;

use super::{
    Connector, Kind, Needs, Viewers,
    client::Client,
    fields::{CA, TOKEN, address, codec},
    hub::{Hub, HubConnector},
};
use crate::{
    config::{Codec, ConnectorForm, ConnectorSettings},
    i18n::gettext,
};
use publisher::Publisher;

pub(super) static KIND: Kind = Kind {
    form: ConnectorForm {
        kind: "whip",
        name: || gettext("WHIP"),
        line: || gettext("Publishes a feed at a media server or service by the standard protocol for that"),
        icon: "network-transmit-symbolic",
        fields: &[address(&["https", "http"]), codec(&["h264", "vp8", "vp9", "av1", "h265"]), TOKEN, CA],
        names_servers: true,
    },
    open,
};

fn open(config: &ConnectorSettings) -> Option<Arc<dyn Connector>> {
    let at_hub = HubConnector::without_data(Hub::new());
    at_hub.set_transport(config.transport.clone());
    let codec: Codec = config.text("codec").unwrap_or("h264").parse().ok()?;
    let publisher = Arc::new(Publisher { endpoint: config.address("address")?, settings: config.clone() });
    Some(Arc::new(Client {
        feeds: config.feeds.clone(),
        // The server: who watches there, watches what it passes on.
        needs: Needs { viewers: Viewers::One, ..Needs::in_codec(codec) },
        at_hub,
        speak: Box::new(move |post| {
            let publisher = publisher.clone();
            async move { publisher.keep_published(post).await }.boxed()
        }),
    }))
}
