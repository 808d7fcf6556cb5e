//! A peer of our own, which speaks with another one: for messages, or to see a picture.
//!
//! Feeds' sessions are not of this kind: webrtcsink makes theirs.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use gst::prelude::*;
use gst_sdp::SDPMessage;
use gst_webrtc::{
    WebRTCDataChannel, WebRTCICEConnectionState as Ice, WebRTCICEGatheringState,
    WebRTCPeerConnectionState as Connection, WebRTCRTPTransceiver, WebRTCRTPTransceiverDirection, WebRTCSDPType,
    WebRTCSessionDescription,
};
use tokio::{
    sync::{oneshot, watch},
    time::{sleep, timeout},
};

use super::{Ways, complete, keep_sctp};

/// How long webrtcbin may take for a description of its own.
const DESCRIBE_WITHIN: Duration = Duration::from_secs(5);
/// Candidates of slow STUN and TURN servers are not waited for any longer.
const GATHER_WITHIN: Duration = Duration::from_secs(2);
/// ICE may find its way back for so long.
const AWAY_FOR: Duration = Duration::from_secs(10);

/// Why a peer cannot be used; in English, for a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PeerFault {
    /// An element is missing or does not start.
    #[error("GStreamer makes no WebRTC peer: its webrtc, nice, dtls or sctp plugin is missing")]
    Plugin,
    /// The other side's description cannot be used.
    #[error("the other side's SDP cannot be used")]
    Sdp,
    /// webrtcbin made no description.
    #[error("no SDP was made")]
    Silent,
}

/// How a peer is connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Way {
    #[default]
    Fine,
    Away,
    Gone,
}

/// A webrtcbin in a pipeline of its own. Dropping it ends both, on another thread.
pub(crate) struct Peer {
    pipeline: gst::Pipeline,
    bin: gst::Element,
    way: watch::Receiver<Way>,
    gathered: watch::Receiver<bool>,
    candidates: Arc<Mutex<Vec<(u32, String)>>>,
}

impl Peer {
    /// Starts a peer; `set_up` may look at it before anything happens. It takes some milliseconds.
    pub(crate) fn start(ways: &Ways, set_up: impl FnOnce(&gst::Element)) -> Result<Self, PeerFault> {
        keep_sctp();
        let bin = gst::ElementFactory::make("webrtcbin").build().map_err(|_| PeerFault::Plugin)?;
        bin.set_property_from_str("bundle-policy", "max-bundle");
        ways.tell(&bin);
        let (tell, way) = watch::channel(Way::Fine);
        let tell = Arc::new(tell);
        watch_way(&bin, &tell);
        let candidates = Arc::<Mutex<Vec<_>>>::default();
        let gathered = watch_gathering(&bin, &candidates);
        set_up(&bin);
        let pipeline = gst::Pipeline::new();
        pipeline.add(&bin).map_err(|_| PeerFault::Plugin)?;
        // Nobody reads the bus, on which messages would pile up.
        let bus = pipeline.bus().expect("a pipeline should have a bus");
        bus.set_sync_handler(move |_, message| {
            if let gst::MessageView::Error(error) = message.view() {
                tracing::debug!("A WebRTC peer failed: {}", error.error());
                tell.send_replace(Way::Gone);
            }
            gst::BusSyncReply::Drop
        });
        let peer = Self { pipeline, bin, way, gathered, candidates };
        peer.pipeline.set_state(gst::State::Playing).map_err(|_| PeerFault::Plugin)?;
        Ok(peer)
    }

    /// Opens a data channel, ordered and reliable; to be asked for before the offer.
    pub(crate) fn open_channel(&self, label: &str) -> Result<WebRTCDataChannel, PeerFault> {
        let options = gst::Structure::builder("options").field("ordered", true).build();
        let channel = self.bin.emit_by_name::<Option<WebRTCDataChannel>>("create-data-channel", &[&label, &options]);
        channel.ok_or(PeerFault::Plugin)
    }

    /// Asks for media of these caps; to be asked for before the offer.
    pub(crate) fn receive(&self, caps: &gst::Caps) -> Result<(), PeerFault> {
        let direction = WebRTCRTPTransceiverDirection::Recvonly;
        let transceiver = self.bin.emit_by_name::<Option<WebRTCRTPTransceiver>>("add-transceiver", &[&direction, caps]);
        transceiver.map(|transceiver| transceiver.set_property("do-nack", true)).ok_or(PeerFault::Plugin)
    }

    /// Makes an offer, with all candidates in it.
    pub(crate) async fn offer(&self) -> Result<String, PeerFault> {
        let offer = self.describe("create-offer", "offer").await?;
        self.finish(&offer).await
    }

    /// Answers an offer; all candidates are in the answer.
    pub(crate) async fn answer(&self, offer: &str) -> Result<String, PeerFault> {
        self.hear(WebRTCSDPType::Offer, offer).await?;
        let answer = self.describe("create-answer", "answer").await?;
        self.finish(&answer).await
    }

    /// Takes the other side's answer.
    pub(crate) async fn accept(&self, answer: &str) -> Result<(), PeerFault> {
        self.hear(WebRTCSDPType::Answer, answer).await
    }

    /// Comes back when the other side is gone, or there has been no way to it for a while.
    pub(crate) async fn lost(&self) {
        let mut way = self.way.clone();
        loop {
            let now = *way.borrow_and_update();
            match now {
                Way::Gone => return,
                Way::Fine if way.changed().await.is_err() => return,
                Way::Fine => {}
                Way::Away => tokio::select! {
                    changed = way.changed() => if changed.is_err() { return },
                    () = sleep(AWAY_FOR) => return,
                },
            }
        }
    }

    async fn describe(&self, signal: &str, field: &'static str) -> Result<WebRTCSessionDescription, PeerFault> {
        let (tell, told) = oneshot::channel();
        let promise = gst::Promise::with_change_func(move |reply| {
            let made = reply.ok().flatten().and_then(|reply| reply.get::<WebRTCSessionDescription>(field).ok());
            let _ = tell.send(made);
        });
        self.bin.emit_by_name::<()>(signal, &[&None::<gst::Structure>, &promise]);
        timeout(DESCRIBE_WITHIN, told).await.ok().and_then(Result::ok).flatten().ok_or(PeerFault::Silent)
    }

    async fn hear(&self, kind: WebRTCSDPType, sdp: &str) -> Result<(), PeerFault> {
        let sdp = SDPMessage::parse_buffer(sdp.as_bytes()).ok().filter(|sdp| sdp.medias_len() > 0);
        let description = WebRTCSessionDescription::new(kind, sdp.ok_or(PeerFault::Sdp)?);
        self.set("set-remote-description", &description).await
    }

    /// The description with our candidates.
    async fn finish(&self, description: &WebRTCSessionDescription) -> Result<String, PeerFault> {
        self.set("set-local-description", description).await?;
        let mut gathered = self.gathered.clone();
        // Those that are there are better than none.
        let _ = timeout(GATHER_WITHIN, gathered.wait_for(|gathered| *gathered)).await;
        let candidates = self.candidates.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sdp = description.sdp().as_text().map_err(|_| PeerFault::Silent)?;
        Ok(complete(&sdp, &candidates))
    }

    async fn set(&self, signal: &str, description: &WebRTCSessionDescription) -> Result<(), PeerFault> {
        let (tell, told) = oneshot::channel();
        let promise = gst::Promise::with_change_func(move |reply| {
            let is_set = reply.is_ok_and(|reply| reply.is_none_or(|reply| !reply.has_field("error")));
            let _ = tell.send(is_set);
        });
        self.bin.emit_by_name::<()>(signal, &[description, &promise]);
        match timeout(DESCRIBE_WITHIN, told).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(PeerFault::Sdp),
            _ => Err(PeerFault::Silent),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It says goodbye and waits for its threads, which whoever drops it need not.
        self.pipeline.call_async(|pipeline| {
            let _ = pipeline.set_state(gst::State::Null);
        });
    }
}

fn watch_way(bin: &gst::Element, tell: &Arc<watch::Sender<Way>>) {
    let told = tell.clone();
    bin.connect_notify(Some("ice-connection-state"), move |bin, _| {
        let way = match bin.property::<Ice>("ice-connection-state") {
            Ice::Failed | Ice::Closed => Way::Gone,
            Ice::Disconnected => Way::Away,
            _ => Way::Fine,
        };
        change(&told, way);
    });
    let told = tell.clone();
    bin.connect_notify(Some("connection-state"), move |bin, _| {
        let state = bin.property::<Connection>("connection-state");
        if matches!(state, Connection::Failed | Connection::Closed) {
            change(&told, Way::Gone);
        }
    });
}

/// Who is gone does not come back.
fn change(told: &watch::Sender<Way>, way: Way) {
    told.send_if_modified(|now| {
        let changes = *now != way && *now != Way::Gone;
        if changes {
            *now = way;
        }
        changes
    });
}

fn watch_gathering(bin: &gst::Element, candidates: &Arc<Mutex<Vec<(u32, String)>>>) -> watch::Receiver<bool> {
    let kept = candidates.clone();
    bin.connect("on-ice-candidate", false, move |args| {
        let (line, candidate) = (args[1].get::<u32>().ok()?, args[2].get::<String>().ok()?);
        if !candidate.is_empty() {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push((line, candidate));
        }
        None
    });
    let (tell, gathered) = watch::channel(false);
    bin.connect_notify(Some("ice-gathering-state"), move |bin, _| {
        let state = bin.property::<WebRTCICEGatheringState>("ice-gathering-state");
        tell.send_replace(state == WebRTCICEGatheringState::Complete);
    });
    gathered
}
