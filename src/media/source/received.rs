//! A sender that offers a session, as a robot's does: we answer, and take what it sends.
//!
//! How it is met is not known here: whoever makes such a source brings a [`Signalling`].

use std::{sync::Arc, time::Duration};

use gst::{glib, prelude::*};
use gst_video::UpstreamForceKeyUnitEvent;
use gst_webrtc::{WebRTCPeerConnectionState as State, WebRTCSDPType, WebRTCSessionDescription};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::AbortHandle,
    time::{MissedTickBehavior, interval},
};

use super::{
    Opened,
    received_packets::{LOOKED_AT_EVERY, Packets, Way},
    signalling::{FromSender, Signalling, ToSender},
};
use crate::{
    i18n::{gettext, gettext_f},
    media::{FaultKind, IngestEvent, MediaError, MediaFault, element::make, ingest::stream_kind::ended},
    webrtc::Ways,
};

/// One attempt at one sender.
#[derive(Clone, Debug)]
pub struct ReceivedSource {
    /// Jitter buffer in milliseconds.
    pub latency_ms: u32,
    /// By which ways it may be reached.
    pub(crate) ways: Ways,
    /// How the sender is met.
    pub signalling: Arc<dyn Signalling>,
}

/// How often it is looked whether the element takes offers; it does a moment after its pipeline was started.
const READY_LOOKED_AT_EVERY: Duration = Duration::from_millis(5);

/// Ends the conversation with the source that it is about.
struct Conversation(AbortHandle);

impl Drop for Conversation {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Builds the receiving element, and begins to look for the sender. Must be called within a tokio runtime.
pub(super) fn open(source: &ReceivedSource, events: &UnboundedSender<IngestEvent>) -> Result<Opened, MediaError> {
    let element = make("webrtcbin")?;
    element.set_property_from_str("bundle-policy", "max-bundle");
    element.set_property("latency", source.latency_ms);
    let (say, replies) = unbounded_channel();
    tell_candidates(&element, say.clone());
    ask_for_what_is_lost(&element);
    ask_for_a_first_picture(&element);
    tell_of_its_end(&element, events.clone());
    let packets = Packets::of(&element);
    let peer = Peer { element: element.downgrade(), ways: source.ways.clone(), say, events: events.clone() };
    let conversation =
        Conversation(tokio::spawn(converse(peer, source.signalling.clone(), replies, packets)).abort_handle());
    let explain = move |error: &gst::message::Error| {
        // Errors can come for as long as the source is there, and so long is there something to talk about.
        let Conversation(_) = &conversation;
        failed(error.error().message())
    };
    Ok(Opened { element, explain: Box::new(explain) })
}

/// Our end of a session.
#[derive(Clone)]
struct Peer {
    element: glib::WeakRef<gst::Element>,
    ways: Ways,
    say: UnboundedSender<ToSender>,
    events: UnboundedSender<IngestEvent>,
}

async fn converse(
    peer: Peer,
    signalling: Arc<dyn Signalling>,
    replies: UnboundedReceiver<ToSender>,
    packets: Arc<Packets>,
) {
    let (said, mut from) = unbounded_channel();
    let mut meeting = signalling.meet(said, replies);
    let mut way = Way::new(packets);
    let mut looks = interval(LOOKED_AT_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            met = &mut meeting => {
                if let Err(fault) = met {
                    peer.tell(IngestEvent::Fault(fault));
                }
                return;
            }
            Some(said) = from.recv() => match said {
                FromSender::Offer(sdp) => peer.take(&sdp).await,
                FromSender::Candidate { candidate, line } => peer.add(&candidate, line),
                FromSender::Here => way.sender_is_here(),
            },
            _ = looks.tick() => if let Some(word) = way.look() {
                let _ = peer.say.send(word);
            },
        }
    }
}

impl Peer {
    fn tell(&self, event: IngestEvent) {
        let _ = self.events.send(event);
    }

    /// Takes an offer, and answers it.
    async fn take(&self, offer: &str) {
        let Some(offer) = described(offer) else {
            return self.tell(IngestEvent::Fault(unusable(&gettext("it describes no picture"))));
        };
        self.tell(IngestEvent::Answered);
        let Some(element) = self.element.upgrade() else { return };
        while element.current_state() < gst::State::Paused {
            tokio::time::sleep(READY_LOOKED_AT_EVERY).await;
        }
        let peer = self.clone();
        let taken = gst::Promise::with_change_func(move |reply| match error_of(reply) {
            Some(reason) => peer.tell(IngestEvent::Fault(unusable(&reason))),
            None => peer.answer(),
        });
        // Not before: the sender may have been waited for, and this machine have got its network back meanwhile.
        self.ways.tell(&element);
        element.emit_by_name::<()>("set-remote-description", &[&offer, &taken]);
    }

    fn answer(&self) {
        let Some(element) = self.element.upgrade() else { return };
        let peer = self.clone();
        let made = gst::Promise::with_change_func(move |reply| {
            let reason = error_of(reply);
            let answer = reply.ok().flatten().and_then(|made| made.get::<WebRTCSessionDescription>("answer").ok());
            match answer.zip(peer.element.upgrade()) {
                Some((answer, element)) => peer.give(&element, &answer),
                None => peer.tell(IngestEvent::Fault(unusable(&reason.unwrap_or_default()))),
            }
        });
        element.emit_by_name::<()>("create-answer", &[&None::<gst::Structure>, &made]);
    }

    fn give(&self, element: &gst::Element, answer: &WebRTCSessionDescription) {
        element.emit_by_name::<()>("set-local-description", &[answer, &None::<gst::Promise>]);
        if let Ok(sdp) = answer.sdp().as_text() {
            let _ = self.say.send(ToSender::Answer(sdp));
        }
    }

    fn add(&self, candidate: &str, line: u32) {
        if let Some(element) = self.element.upgrade() {
            element.emit_by_name::<()>("add-ice-candidate", &[&line, &candidate]);
        }
    }
}

/// An offer of at least one picture.
fn described(offer: &str) -> Option<WebRTCSessionDescription> {
    // The parser takes a text without a version for a whole description.
    let sdp = offer.starts_with("v=0").then(|| gst_sdp::SDPMessage::parse_buffer(offer.as_bytes()).ok())??;
    let has_video = sdp.medias().any(|media| media.media() == Some("video"));
    has_video.then(|| WebRTCSessionDescription::new(WebRTCSDPType::Offer, sdp))
}

fn error_of(reply: Result<Option<&gst::StructureRef>, gst::PromiseError>) -> Option<String> {
    match reply {
        Ok(reply) => Some(reply?.get::<glib::Error>("error").ok()?.message().to_owned()),
        Err(error) => Some(format!("{error:?}")),
    }
}

fn tell_candidates(element: &gst::Element, say: UnboundedSender<ToSender>) {
    element.connect("on-ice-candidate", false, move |args| {
        let line = args[1].get::<u32>().expect("on-ice-candidate should carry a media section");
        let candidate = args[2].get::<String>().expect("on-ice-candidate should carry a candidate");
        let _ = say.send(ToSender::Candidate { candidate, line });
        None
    });
}

/// Lost packets are asked for again, where the sender offers that.
fn ask_for_what_is_lost(element: &gst::Element) {
    element.connect("on-new-transceiver", false, |args| {
        let transceiver = args[1].get::<glib::Object>().expect("on-new-transceiver should carry a transceiver");
        transceiver.set_property("do-nack", true);
        None
    });
}

/// Whatever the sender made for others, it makes a key frame for us: once its first packet is here, it is known
/// that ours reach it, too.
fn ask_for_a_first_picture(element: &gst::Element) {
    element.connect_pad_added(|_, pad| {
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, |pad, _| {
            pad.send_event(UpstreamForceKeyUnitEvent::builder().all_headers(true).build());
            gst::PadProbeReturn::Remove
        });
    });
}

fn tell_of_its_end(element: &gst::Element, events: UnboundedSender<IngestEvent>) {
    element.connect_notify(Some("connection-state"), move |element, _| {
        let fault = match element.property::<State>("connection-state") {
            State::Failed => MediaFault::new(
                FaultKind::Unreachable,
                gettext("The sender was met, and there is no way for its picture to here."),
                gettext(
                    "Check that UDP packets pass between the two networks, or name a TURN server with ice_servers.",
                ),
            ),
            State::Closed => ended(),
            _ => return,
        };
        let _ = events.send(IngestEvent::Fault(fault));
    });
}

fn unusable(reason: &str) -> MediaFault {
    MediaFault::new(
        FaultKind::Rejected,
        // Translators: {reason} may be in English.
        gettext_f("The sender's offer cannot be used: {reason}.", &[("reason", reason.trim_end_matches('.'))]),
        gettext("Restart the sender; Heliograph goes on trying."),
    )
}

fn failed(reason: &str) -> MediaFault {
    MediaFault::new(
        FaultKind::Other,
        gettext_f("The sender's stream failed: {reason}", &[("reason", reason)]),
        gettext("Heliograph connects again by itself."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_without_a_picture_is_none() {
        gst::init().unwrap();
        let head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
        let with = |line: &str| described(&format!("{head}{line}"));
        assert!(with("m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\n").is_some());
        assert!(with("").is_none() && with("m=audio 9 UDP/TLS/RTP/SAVPF 96\r\n").is_none());
        assert!(described("").is_none() && described("m=video").is_none() && described("\u{0}").is_none());
    }
}
