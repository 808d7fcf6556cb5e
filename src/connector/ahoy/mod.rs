//! The Ahoy Director: a service that shows feeds to people, and asks a feed to play when somebody looks.
//!
//! ```text
//! attach ─HTTP─► Director      control ◄─data channel─► Director      plays ─► hub ◄─► webrtcsink
//! ```
//!
//! A feed is attached by one request over HTTP, which carries the offer of a connection for messages.
//! Over that, the Director asks to play and to stop, any number of times, and makes the offers.

mod attach;
mod control;
mod director;
mod messages;
mod plays;

use std::sync::Arc;

use futures::FutureExt;

use super::{
    Connector, Kind, Needs,
    client::Client,
    fields::{CA, address, codec},
    hub::{Hub, HubConnector},
};
use crate::{
    config::{Codec, ConnectorForm, ConnectorSettings, Field, FieldKind},
    i18n::gettext,
};
use director::Director;

const API_KEY: Field = Field {
    key: "api_key",
    label: || gettext("API key"),
    kind: FieldKind::Secret { variable: "api_key_env", file: "api_key_file", keyring: "api_key_keyring" },
    is_required: false,
};

pub(super) static KIND: Kind = Kind {
    form: ConnectorForm {
        kind: "ahoy",
        name: || gettext("Ahoy Director"),
        line: || gettext("Attaches feeds to a Director, which plays them when somebody looks"),
        icon: "network-server-symbolic",
        fields: &[address(&["https", "http"]), codec(&["h264", "h265", "vp8", "vp9", "av1"]), API_KEY, CA],
        names_servers: false,
    },
    open,
};

fn open(config: &ConnectorSettings) -> Option<Arc<dyn Connector>> {
    let at_hub = HubConnector::without_data(Hub::new());
    at_hub.set_transport(config.transport.clone());
    let codec: Codec = config.text("codec").unwrap_or("h264").parse().ok()?;
    let director = Arc::new(Director { base: config.address("address")?, codec, settings: config.clone() });
    Some(Arc::new(Client {
        feeds: config.feeds.clone(),
        needs: Needs::in_codec(codec),
        at_hub,
        speak: Box::new(move |post| {
            let director = director.clone();
            async move { director.keep_attached(post).await }.boxed()
        }),
    }))
}
