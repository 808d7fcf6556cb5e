//! Receiver and sender of the Bigfootbot robot, as its own programs behave: strict about what they hear.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::{SinkExt, StreamExt};
use gst::prelude::*;
use gst_sdp::SDPMessage;
use gst_webrtc::{WebRTCSDPType, WebRTCSessionDescription};
use serde_json::{Value, json};
use tokio::{net::TcpStream, runtime::Handle, sync::mpsc::UnboundedSender, task::JoinHandle};
use tokio_tungstenite::{client_async, tungstenite::Message};

use super::wait_for;

/// A receiver at a relay, which decodes what it is sent. It ends with this value.
pub struct Receiver {
    pipeline: gst::Pipeline,
    frames: Arc<AtomicU32>,
    /// What it heard that its own program would have died of.
    deadly: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Receiver {
    /// Says `HELLO` at the relay at this loopback port, and waits for an offer.
    pub fn start(runtime: &Handle, port: u16) -> Self {
        let pipeline = gst::Pipeline::new();
        let peer = gst::ElementFactory::make("webrtcbin")
            .property_from_str("bundle-policy", "max-bundle")
            .property("latency", 0_u32)
            .build()
            .unwrap();
        pipeline.add(&peer).unwrap();
        let frames = Arc::new(AtomicU32::new(0));
        decode_what_comes(&peer, &frames);
        let (say, mut said) = tokio::sync::mpsc::unbounded_channel::<Value>();
        tell_candidates(&peer, &say);
        let deadly = Arc::<Mutex<Vec<_>>>::default();
        let session = Session { peer, say, has_begun: AtomicBool::new(false) };
        let (noted, started) = (deadly.clone(), pipeline.clone());
        let task = runtime.spawn(async move {
            let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let (mut socket, _) = client_async(format!("ws://127.0.0.1:{port}"), stream).await.unwrap();
            socket.send(Message::text(r#"{"status": "HELLO"}"#)).await.unwrap();
            loop {
                tokio::select! {
                    message = socket.next() => match message {
                        Some(Ok(Message::Text(text))) => {
                            if let Err(what) = session.hear(&text, &started) {
                                noted.lock().unwrap().push(what);
                            }
                        }
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => break,
                    },
                    Some(text) = said.recv() => socket.send(Message::text(text.to_string())).await.unwrap(),
                }
            }
            // The relay is gone; what was agreed on goes on.
            std::future::pending::<()>().await;
        });
        Self { pipeline, frames, deadly, task }
    }

    /// Waits until it has decoded this many more pictures.
    pub fn wait_frames(&self, more: u32, limit: Duration) {
        let wanted = self.frames.load(Ordering::Relaxed) + more;
        wait_for(&format!("{more} pictures at the robot's receiver"), limit, || {
            assert_eq!(*self.deadly.lock().unwrap(), Vec::<String>::new(), "its own program would have died of it");
            (self.frames.load(Ordering::Relaxed) >= wanted).then_some(())
        });
    }

    /// Leaves the relay; what was agreed on there goes on.
    pub fn hang_up(&self) {
        self.task.abort();
    }

    pub fn frames(&self) -> u32 {
        self.frames.load(Ordering::Relaxed)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

struct Session {
    peer: gst::Element,
    say: UnboundedSender<Value>,
    has_begun: AtomicBool,
}

impl Session {
    fn hear(&self, text: &str, pipeline: &gst::Pipeline) -> Result<(), String> {
        let message: Value = serde_json::from_str(text).map_err(|_| text.to_owned())?;
        let fields = message.as_object().filter(|fields| fields.len() == 1).ok_or_else(|| text.to_owned())?;
        if message == json!({ "status": "OK" }) {
            self.has_begun.store(true, Ordering::Relaxed);
            pipeline.set_state(gst::State::Playing).unwrap();
            return Ok(());
        }
        if !self.has_begun.load(Ordering::Relaxed) {
            return Err(format!("before OK: {text}"));
        }
        if let Some(sdp) = fields.get("sdp").filter(|sdp| sdp["type"] == "offer") {
            self.answer(sdp["sdp"].as_str().ok_or("an offer without SDP")?);
            return Ok(());
        }
        if let Some(ice) = fields.get("ice") {
            let line = ice["sdpMLineIndex"].as_u64().ok_or("a candidate without a line")?;
            let candidate = ice["candidate"].as_str().ok_or("a candidate without text")?;
            self.peer.emit_by_name::<()>("add-ice-candidate", &[&(line as u32), &candidate]);
            return Ok(());
        }
        Err(text.to_owned())
    }

    fn answer(&self, offer: &str) {
        let sdp = SDPMessage::parse_buffer(offer.as_bytes()).unwrap();
        let offer = WebRTCSessionDescription::new(WebRTCSDPType::Offer, sdp);
        self.peer.emit_by_name::<()>("set-remote-description", &[&offer, &None::<gst::Promise>]);
        let (peer, say) = (self.peer.clone(), self.say.clone());
        let promise = gst::Promise::with_change_func(move |reply| {
            let answer = reply.unwrap().unwrap().get::<WebRTCSessionDescription>("answer").unwrap();
            peer.emit_by_name::<()>("set-local-description", &[&answer, &None::<gst::Promise>]);
            let sdp = answer.sdp().as_text().unwrap();
            let _ = say.send(json!({ "sdp": { "type": "answer", "sdp": sdp } }));
        });
        self.peer.emit_by_name::<()>("create-answer", &[&None::<gst::Structure>, &promise]);
    }
}

fn tell_candidates(peer: &gst::Element, say: &UnboundedSender<Value>) {
    let say = say.clone();
    peer.connect("on-ice-candidate", false, move |args| {
        let (line, candidate) = (args[1].get::<u32>().unwrap(), args[2].get::<String>().unwrap());
        let _ = say.send(json!({ "ice": { "candidate": candidate, "sdpMLineIndex": line } }));
        None
    });
}

fn decode_what_comes(peer: &gst::Element, frames: &Arc<AtomicU32>) {
    let frames = frames.clone();
    peer.connect_pad_added(move |peer, pad| {
        if pad.direction() != gst::PadDirection::Src {
            return;
        }
        let pipeline = peer.parent().and_downcast::<gst::Pipeline>().unwrap();
        let decoder = gst::ElementFactory::make("decodebin").build().unwrap();
        pipeline.add(&decoder).unwrap();
        let frames = frames.clone();
        decoder.connect_pad_added(move |decoder, pad| count(decoder, pad, &frames));
        decoder.sync_state_with_parent().unwrap();
        pad.link(&decoder.static_pad("sink").unwrap()).unwrap();
    });
}

fn count(decoder: &gst::Element, pad: &gst::Pad, frames: &Arc<AtomicU32>) {
    let pipeline = decoder.parent().and_downcast::<gst::Pipeline>().unwrap();
    let sink = gst::ElementFactory::make("fakesink").property("sync", false).build().unwrap();
    pipeline.add(&sink).unwrap();
    sink.sync_state_with_parent().unwrap();
    let end = sink.static_pad("sink").unwrap();
    let frames = frames.clone();
    end.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        frames.fetch_add(1, Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
    pad.link(&end).unwrap();
}

/// The robot's sender at a relay: it waits for a `HELLO`, and offers one small H.264 picture. It ends with this value.
pub struct Sender {
    deadly: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Sender {
    /// Waits at the relay at this loopback port.
    pub fn start(runtime: &Handle, port: u16) -> Self {
        let deadly = Arc::<Mutex<Vec<_>>>::default();
        let noted = deadly.clone();
        let task = runtime.spawn(async move {
            let (say, mut said) = tokio::sync::mpsc::unbounded_channel::<Value>();
            let mut camera = None;
            let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let (mut socket, _) = client_async(format!("ws://127.0.0.1:{port}"), stream).await.unwrap();
            loop {
                tokio::select! {
                    message = socket.next() => match message {
                        Some(Ok(Message::Text(text))) => {
                            if let Err(what) = hear_receiver(&text, &mut camera, &say) {
                                noted.lock().unwrap().push(what);
                            }
                        }
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => break,
                    },
                    Some(text) = said.recv() => socket.send(Message::text(text.to_string())).await.unwrap(),
                }
            }
            std::future::pending::<()>().await;
        });
        Self { deadly, task }
    }

    /// What it heard that its own program would have died of.
    pub fn deadly(&self) -> Vec<String> {
        self.deadly.lock().unwrap().clone()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The sender's pipeline, which ends with this value.
struct Camera {
    pipeline: gst::Pipeline,
    peer: gst::Element,
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

fn hear_receiver(text: &str, camera: &mut Option<Camera>, say: &UnboundedSender<Value>) -> Result<(), String> {
    let message: Value = serde_json::from_str(text).map_err(|_| text.to_owned())?;
    let fields = message.as_object().filter(|fields| fields.len() == 1).ok_or_else(|| text.to_owned())?;
    if message == json!({ "status": "HELLO" }) {
        if camera.is_some() {
            return Err("a second HELLO, which opens the camera twice".to_owned());
        }
        say.send(json!({ "status": "OK" })).unwrap();
        *camera = Some(Camera::start(say));
        return Ok(());
    }
    let peer = camera.as_ref().map(|camera| &camera.peer).ok_or_else(|| format!("before HELLO: {text}"))?;
    if let Some(sdp) = fields.get("sdp").filter(|sdp| sdp["type"] == "answer") {
        let sdp = SDPMessage::parse_buffer(sdp["sdp"].as_str().ok_or("an answer without SDP")?.as_bytes()).unwrap();
        let answer = WebRTCSessionDescription::new(WebRTCSDPType::Answer, sdp);
        peer.emit_by_name::<()>("set-remote-description", &[&answer, &None::<gst::Promise>]);
        return Ok(());
    }
    let ice = fields.get("ice").ok_or_else(|| text.to_owned())?;
    let line = ice["sdpMLineIndex"].as_u64().ok_or("a candidate without a line")?;
    let candidate = ice["candidate"].as_str().ok_or("a candidate without text")?;
    peer.emit_by_name::<()>("add-ice-candidate", &[&(line as u32), &candidate]);
    Ok(())
}

impl Camera {
    fn start(say: &UnboundedSender<Value>) -> Self {
        let pipeline = gst::parse::launch(
            "webrtcbin name=peer bundle-policy=max-bundle videotestsrc is-live=true pattern=ball \
             ! video/x-raw,width=320,height=240,framerate=15/1 ! queue max-size-buffers=2 leaky=downstream \
             ! x264enc tune=zerolatency speed-preset=ultrafast bitrate=1000 key-int-max=30 ! h264parse \
             ! rtph264pay config-interval=1 pt=96 ! peer.",
        );
        let pipeline = pipeline.unwrap().downcast::<gst::Pipeline>().unwrap();
        let peer = pipeline.by_name("peer").unwrap();
        tell_candidates(&peer, say);
        let told = say.clone();
        peer.connect("on-negotiation-needed", false, move |args| {
            let peer = args[0].get::<gst::Element>().unwrap();
            let (told, offering) = (told.clone(), peer.clone());
            let promise = gst::Promise::with_change_func(move |reply| {
                let offer = reply.unwrap().unwrap().get::<WebRTCSessionDescription>("offer").unwrap();
                offering.emit_by_name::<()>("set-local-description", &[&offer, &None::<gst::Promise>]);
                let sdp = offer.sdp().as_text().unwrap();
                let _ = told.send(json!({ "sdp": { "type": "offer", "sdp": sdp } }));
            });
            peer.emit_by_name::<()>("create-offer", &[&None::<gst::Structure>, &promise]);
            None
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        Self { pipeline, peer }
    }
}
