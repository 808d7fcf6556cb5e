//! Who looks at a play: a peer that makes the offer, and decodes what it is sent.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use gst::prelude::*;

use crate::webrtc::{Peer, PeerFault, Ways, apart};

/// What the Director's offers have, as far as is known; that of the extension is another one than
/// webrtcsink would take by itself.
const PAYLOAD: i32 = 126;
const EXTENSION: u32 = 5;
const TWCC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// A viewer. It ends with this value.
pub(super) struct Viewer {
    peer: Peer,
    frames: Arc<AtomicU64>,
}

impl Viewer {
    /// A viewer that takes this codec. It takes some milliseconds.
    pub(super) fn start(codec: &str) -> Result<Self, PeerFault> {
        let frames = Arc::new(AtomicU64::new(0));
        let counted = frames.clone();
        let peer = Peer::start(&Ways::default(), |bin| decode_what_comes(bin, &counted))?;
        let mut caps = gst::Structure::builder("application/x-rtp")
            .field("media", "video")
            .field("encoding-name", codec)
            .field("payload", PAYLOAD)
            .field("clock-rate", 90_000)
            .field("rtcp-fb-nack", true)
            .field("rtcp-fb-nack-pli", true)
            .field("rtcp-fb-transport-cc", true)
            .field(format!("extmap-{EXTENSION}"), TWCC);
        if codec == "H264" {
            caps = caps
                .field("packetization-mode", "1")
                .field("profile-level-id", "42c01f")
                .field("level-asymmetry-allowed", "1");
        }
        peer.receive(&gst::Caps::from_iter([caps.build()]))?;
        Ok(Self { peer, frames })
    }

    /// Pictures that were decoded.
    pub(super) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// The offer as a Director makes it: in both directions, candidates beside it.
    pub(super) async fn offer(&self) -> Result<(String, Vec<(u32, String)>), PeerFault> {
        let (sdp, candidates) = apart(&self.peer.offer().await?);
        Ok((sdp.replace("a=recvonly", "a=sendrecv"), candidates))
    }

    /// Whether an answer keeps to the offer.
    pub(super) fn check(answer: &str) -> Result<(), String> {
        let has = |line: &str| answer.lines().any(|other| other.starts_with(line));
        let wanted = [
            ("a=sendrecv".to_owned(), "it does not send"),
            ("a=candidate:".to_owned(), "it has no candidates"),
            (format!("a=rtpmap:{PAYLOAD} "), "it has another payload type than the offer"),
            (format!("a=extmap:{EXTENSION} {TWCC}"), "its TWCC extension has another id than the offer's"),
        ];
        match wanted.iter().find(|(line, _)| !has(line)) {
            Some((_, why)) => Err(format!("{why}.")),
            None => Ok(()),
        }
    }

    /// Takes the answer, which says that it also receives: webrtcbin would not send to it anyway.
    pub(super) async fn accept(&self, answer: &str) -> Result<(), PeerFault> {
        self.peer.accept(&answer.replace("a=sendrecv", "a=sendonly")).await
    }
}

fn decode_what_comes(bin: &gst::Element, frames: &Arc<AtomicU64>) {
    // Packets in order do not wait for it; with less, those of a slow feed count as lost before they come.
    bin.set_property("latency", 1000_u32);
    let frames = frames.clone();
    bin.connect_pad_added(move |bin, pad| {
        if pad.direction() == gst::PadDirection::Src && decode(bin, pad, &frames).is_none() {
            tracing::error!("The stand-in cannot decode what it is sent.");
        }
    });
}

fn decode(bin: &gst::Element, pad: &gst::Pad, frames: &Arc<AtomicU64>) -> Option<()> {
    let pipeline = bin.parent().and_downcast::<gst::Pipeline>()?;
    let decoder = gst::ElementFactory::make("decodebin").build().ok()?;
    pipeline.add(&decoder).ok()?;
    let frames = frames.clone();
    decoder.connect_pad_added(move |decoder, pad| {
        let _ = count(decoder, pad, &frames);
    });
    decoder.sync_state_with_parent().ok()?;
    pad.link(&decoder.static_pad("sink")?).ok()?;
    Some(())
}

fn count(decoder: &gst::Element, pad: &gst::Pad, frames: &Arc<AtomicU64>) -> Option<()> {
    let pipeline = decoder.parent().and_downcast::<gst::Pipeline>()?;
    let sink = gst::ElementFactory::make("fakesink").property("sync", false).property("async", false).build().ok()?;
    pipeline.add(&sink).ok()?;
    sink.sync_state_with_parent().ok()?;
    let end = sink.static_pad("sink")?;
    let frames = frames.clone();
    end.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        frames.fetch_add(1, Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
    pad.link(&end).ok()?;
    Some(())
}
