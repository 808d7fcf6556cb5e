//! How media travels from an RTSP camera, and in which order the ways are tried.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    config::{SourceAddress, SourceConfig, TransportChoice},
    i18n::{gettext, gettext_f},
    media::{FaultKind, MediaFault},
};

/// Longer is no connection to an RTSP camera waited for.
const COMES_BACK_WITHIN: Duration = Duration::from_secs(3);
/// As long as WebRTC's other ends are: a link that was down for a moment is no reason to begin anew. A
/// sender that has gone may say so earlier.
const ICE_COMES_BACK_WITHIN: Duration = Duration::from_secs(10);

/// How media travels from the camera.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// RTP over UDP: no head-of-line blocking, but firewalls may eat it.
    Udp,
    /// RTP inside the RTSP connection.
    Tcp,
    /// RTP over UDP to a group, which costs the camera the same for any number of receivers.
    Multicast,
}

impl Transport {
    /// RTSP's word for it (RFC 2326, section 12.39).
    pub(super) fn lower(self) -> gst_rtsp::RTSPLowerTrans {
        match self {
            Self::Udp => gst_rtsp::RTSPLowerTrans::UDP,
            Self::Tcp => gst_rtsp::RTSPLowerTrans::TCP,
            Self::Multicast => gst_rtsp::RTSPLowerTrans::UDP_MCAST,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Multicast => "multicast",
        })
    }
}

/// The transports a feed may use.
///
/// To an `rtsps` address only one leads: inside the RTSP connection, where the media is as
/// encrypted as the requests. `rtspsrc` would ask for UDP there too, and get it in clear:
/// hardly a camera offers SRTP, and RTSP does not say so when it does not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Route {
    /// One or two, the first of them first.
    order: &'static [Transport],
    /// The operator wants no other.
    forced: bool,
    /// Media come by ICE.
    finds_its_way: bool,
}

impl Route {
    /// The ways to a camera at this address.
    pub fn new(choice: TransportChoice, address: &SourceAddress) -> Self {
        let order: &[Transport] = match choice {
            // From a relay's sender media come by ICE, which finds its own way.
            _ if address.relay().is_some() => {
                return Self { order: &[Transport::Udp], forced: false, finds_its_way: true };
            }
            TransportChoice::Automatic if is_encrypted(address) => &[Transport::Tcp],
            TransportChoice::Automatic => &[Transport::Udp, Transport::Tcp],
            TransportChoice::Udp => &[Transport::Udp],
            TransportChoice::Tcp => &[Transport::Tcp],
            TransportChoice::Multicast => &[Transport::Multicast],
        };
        Self { order, forced: choice != TransportChoice::Automatic, finds_its_way: false }
    }

    /// The ways to a feed's source; sources that are no RTSP cameras do not ask.
    pub fn of(source: &SourceConfig) -> Self {
        match source {
            SourceConfig::Rtsp(rtsp) => Self::new(rtsp.transport, rtsp.address_in_use()),
            _ => Self { order: &[Transport::Udp, Transport::Tcp], forced: false, finds_its_way: false },
        }
    }

    /// What is tried first.
    pub fn first(self) -> Transport {
        self.order[0]
    }

    /// What to try when `transport` brought nothing.
    pub fn other(self, transport: Transport) -> Option<Transport> {
        self.order.iter().copied().find(|other| *other != transport)
    }

    /// Whether `transport` is one of them.
    pub fn allows(self, transport: Transport) -> bool {
        self.order.contains(&transport)
    }

    /// How long the connection may come back by itself once nothing comes any more.
    pub fn comes_back_within(self) -> Duration {
        if self.finds_its_way { ICE_COMES_BACK_WITHIN } else { COMES_BACK_WITHIN }
    }

    /// What is wrong when the camera is connected, and nothing comes.
    pub fn silent_fault(self) -> MediaFault {
        let message = if self.forced {
            gettext_f(
                // Translators: {transport} is UDP, TCP or multicast.
                "The camera is connected but sends no picture over {transport}, the only way this feed may use.",
                &[("transport", &self.first().to_string())],
            )
        } else {
            gettext("The camera is connected but sends no picture.")
        };
        MediaFault::new(FaultKind::Silent, message, self.silent_hint())
    }

    fn silent_hint(self) -> String {
        match (self.forced, self.first()) {
            (true, Transport::Udp) => gettext(
                "Set the feed's transport to automatic or TCP, or let the camera's UDP packets through every firewall.",
            ),
            (true, Transport::Multicast) => gettext(
                "Set the feed's transport to automatic, or have the network's switches and firewalls let multicast through.",
            ),
            (_, Transport::Tcp) => gettext("Check the camera, and restart it if it stays so."),
            (false, _) => gettext("Check the camera; a firewall may block its UDP packets."),
        }
    }

    /// What is wrong when the camera does not offer `transport`.
    pub(super) fn refused_fault(transport: Transport, address: &SourceAddress, forced: bool) -> MediaFault {
        let camera = address.to_string();
        let message = match transport {
            Transport::Multicast => gettext_f("The camera at {camera} offers no multicast.", &[("camera", &camera)]),
            _ => gettext_f(
                "The camera at {camera} does not send over {transport}.",
                &[("camera", &camera), ("transport", &transport.to_string())],
            ),
        };
        MediaFault::new(FaultKind::NoTransport, message, refused_hint(transport, is_encrypted(address), forced))
    }

    /// Whether the operator's wish can be met at this address.
    ///
    /// # Errors
    /// The media would travel in clear where the address promises encryption.
    pub(crate) fn check(choice: TransportChoice, address: &SourceAddress) -> Result<(), MediaFault> {
        let transport = Self::new(choice, address).first();
        if !is_encrypted(address) || transport == Transport::Tcp {
            return Ok(());
        }
        let (camera, transport) = (address.to_string(), transport.to_string());
        Err(MediaFault::new(
            FaultKind::Contradiction,
            gettext_f(
                "The picture from {camera} would travel in clear over {transport}, while rtsps promises encryption.",
                &[("camera", &camera), ("transport", &transport)],
            ),
            gettext(
                "Set the feed's transport to automatic or TCP, or write the address with rtsp:// if everybody between may see the picture.",
            ),
        ))
    }
}

fn refused_hint(transport: Transport, encrypted: bool, forced: bool) -> String {
    match (transport, forced) {
        (Transport::Tcp, _) if encrypted => gettext(
            "With rtsps the picture travels inside the encrypted connection; allow RTP over RTSP (TCP) in the camera's settings.",
        ),
        (Transport::Multicast, _) => {
            gettext("Switch multicast on in the camera's settings, or set the feed's transport to automatic.")
        }
        (Transport::Udp, true) => gettext("This feed may use nothing but UDP; set its transport to automatic or TCP."),
        (Transport::Tcp, true) => gettext("This feed may use nothing but TCP; set its transport to automatic or UDP."),
        (_, false) => gettext(
            "Heliograph tries UDP and TCP in turn; allow one of them in the camera's settings, and UDP in every firewall between. For a camera that sends to a group only, set the feed's transport to multicast.",
        ),
    }
}

/// Whether the address promises that nobody in between can listen.
pub(super) fn is_encrypted(address: &SourceAddress) -> bool {
    address.as_str().starts_with("rtsps:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SourceAddress {
        text.parse().unwrap()
    }

    #[test]
    fn only_automatic_tries_a_second_way() {
        let camera = address("rtsp://bow.local/s");
        for choice in TransportChoice::ALL {
            let route = Route::new(*choice, &camera);
            let has_other = route.other(route.first()).is_some();
            assert_eq!(has_other, *choice == TransportChoice::Automatic, "{choice}");
        }
    }

    #[test]
    fn media_never_leaves_the_encrypted_connection() {
        let camera = address("rtsps://bow.local/s");
        for choice in TransportChoice::ALL {
            let route = Route::new(*choice, &camera);
            let refused = Route::check(*choice, &camera).is_err();
            assert!(refused || route.order == [Transport::Tcp], "{choice}");
            assert!(Route::check(*choice, &address("rtsp://bow.local/s")).is_ok());
        }
        let fault = Route::check(TransportChoice::Udp, &camera).unwrap_err();
        assert!(fault.message.contains("in clear over UDP"), "{fault}");
    }

    #[test]
    fn a_forced_way_is_named_with_what_to_try() {
        let camera = address("rtsp://bow.local/s");
        let silent = |choice| Route::new(choice, &camera).silent_fault().to_string();
        assert!(silent(TransportChoice::Udp).contains("over UDP, the only way this feed may use. Set the feed's"));
        assert!(silent(TransportChoice::Multicast).contains("over multicast, the only way"));
        assert!(!silent(TransportChoice::Automatic).contains("only way"));
        let refused = Route::refused_fault(Transport::Multicast, &camera, true).to_string();
        assert!(refused.starts_with("The camera at rtsp://bow.local/s offers no multicast. Switch"), "{refused}");
    }
}
