//! The ways to a viewer that the program finds with a server: the same search, by the same
//! element, as for a viewer.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use gst::prelude::*;
use gst_webrtc::{WebRTCICE, prelude::*};
use tokio::{sync::Notify, time::timeout};

use crate::{
    config::{IceServer, IceServerKind, Password},
    i18n::gettext_f,
    media,
    webrtc::ice,
};

/// The longest that a search may take; without an answer to one question libnice ends sooner.
const LIMIT: Duration = Duration::from_secs(5);

/// How many ways of each type were found (RFC 8445, section 5.1.1).
#[derive(Clone, Debug, Default)]
pub(super) struct Candidates {
    pub(super) host: u32,
    pub(super) reflexive: u32,
    pub(super) relay: u32,
}

impl Candidates {
    fn count(&mut self, candidate: &str) {
        let mut words = candidate.split_whitespace().skip_while(|word| *word != "typ").skip(1);
        match words.next() {
            Some("host") => self.host += 1,
            Some("srflx") => self.reflexive += 1,
            Some("relay") => self.relay += 1,
            _ => {}
        }
    }

    pub(super) fn words(&self) -> String {
        let (host, reflexive, relay) = (self.host.to_string(), self.reflexive.to_string(), self.relay.to_string());
        // Translators: {host}, {reflexive} and {relay} count ICE candidates of these types.
        gettext_f(
            "Candidates: {host} host, {reflexive} server-reflexive, {relay} relay.",
            &[("host", &host), ("reflexive", &reflexive), ("relay", &relay)],
        )
    }
}

/// Searches with this server only; nothing where the search did not end, or cannot begin.
pub(super) async fn gather(server: &IceServer, password: &Password) -> Option<Candidates> {
    media::init().ok()?;
    let found = Arc::new(Mutex::new(Candidates::default()));
    let ended = Arc::new(Notify::new());
    let search = Search::start(server, password, &found, &ended)?;
    let in_time = timeout(LIMIT, ended.notified()).await.is_ok();
    // Ending a pipeline waits for its threads.
    let _ = tokio::task::spawn_blocking(move || drop(search)).await;
    let found = found.lock().unwrap_or_else(PoisonError::into_inner).clone();
    in_time.then_some(found)
}

/// A peer that makes an offer to nobody. Dropping it ends it.
struct Search(gst::Pipeline);

impl Search {
    fn start(
        server: &IceServer,
        password: &Password,
        found: &Arc<Mutex<Candidates>>,
        ended: &Arc<Notify>,
    ) -> Option<Self> {
        let peer = gst::ElementFactory::make("webrtcbin").build().ok()?;
        let search = Self(gst::Pipeline::new());
        search.0.add(&peer).ok()?;
        name_server(&peer, server, password);
        let found = Arc::clone(found);
        peer.connect("on-ice-candidate", false, move |values| {
            let candidate = values[2].get::<String>().unwrap_or_default();
            found.lock().unwrap_or_else(PoisonError::into_inner).count(&candidate);
            None
        });
        let ended = Arc::clone(ended);
        peer.connect_notify(Some("ice-gathering-state"), move |peer, _| {
            let state = peer.property::<gst_webrtc::WebRTCICEGatheringState>("ice-gathering-state");
            if state == gst_webrtc::WebRTCICEGatheringState::Complete {
                ended.notify_one();
            }
        });
        search.0.set_state(gst::State::Playing).ok()?;
        // Something to offer: a channel needs neither encoder nor camera.
        let none = None::<gst::Structure>;
        let _channel = peer.emit_by_name::<Option<gst::glib::Object>>("create-data-channel", &[&"doctor", &none])?;
        offer(&peer);
        Some(search)
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        let _ = self.0.set_state(gst::State::Null);
    }
}

/// Setting the offer starts the search.
fn offer(peer: &gst::Element) {
    let weak = peer.downgrade();
    let made = gst::Promise::with_change_func(move |reply| {
        let offer = reply.ok().flatten().and_then(|reply| reply.value("offer").ok()?.get().ok());
        let (Some(peer), Some(offer)) = (weak.upgrade(), offer) else { return };
        let offer: gst_webrtc::WebRTCSessionDescription = offer;
        peer.emit_by_name::<()>("set-local-description", &[&offer, &None::<gst::Promise>]);
    });
    peer.emit_by_name::<()>("create-offer", &[&None::<gst::Structure>, &made]);
}

/// webrtcbin takes a server as an address of its own form, with the password in it.
fn name_server(peer: &gst::Element, server: &IceServer, password: &Password) {
    let property = if server.kind == IceServerKind::Stun { "stun-server" } else { "turn-server" };
    peer.set_property(property, ice::address(server, password));
    let agent = peer.property::<WebRTCICE>("ice-agent");
    ice::ask_no_router(&agent);
    // What leaves by another interface does not reach a server on loopback.
    if server.host.parse::<IpAddr>().is_ok_and(|host| host.is_loopback()) {
        agent.emit_add_local_ip_address(&server.host);
    }
}
