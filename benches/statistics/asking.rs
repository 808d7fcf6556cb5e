//! What it costs a webrtcbin to count: a webrtcsink with nothing around it, asked ever more often.

use std::{
    net::TcpStream,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use gst::{glib, prelude::*};

use crate::{
    shared::{Fault, child::Kept, process, taker::Taker},
    support::{free_port, wait_for},
};

/// Sessions that are asked.
const SESSIONS: usize = 4;
/// Times a second that each is asked, beside webrtcsink's own ten.
const OFTEN: u32 = 100;
/// How long webrtcsink may take to find out about its stream: who asks before is never heard.
const DISCOVERY: Duration = Duration::from_secs(4);

/// Cores that asking one session once a second takes.
pub(crate) fn cost(length: Duration) -> Result<f64, Fault> {
    let (seldom, often) = (cores(0, length)?, cores(OFTEN, length)?);
    Ok((often - seldom) / (SESSIONS as f64 * f64::from(OFTEN)))
}

fn cores(per_second: u32, length: Duration) -> Result<f64, Fault> {
    let port = free_port();
    let sink = Kept::myself(&["asked", &port.to_string(), &per_second.to_string()])?;
    wait_for("webrtcsink", Duration::from_secs(20), || TcpStream::connect(("127.0.0.1", port)).ok());
    thread::sleep(DISCOVERY);
    let takers = (0..SESSIONS).map(|_| Taker::start(&format!("ws://127.0.0.1:{port}"), None));
    let takers = takers.collect::<Result<Vec<_>, _>>()?;
    takers.iter().try_for_each(Taker::wait_first)?;
    thread::sleep(Duration::from_secs(2));
    let [cores] = process::cores([sink.id()], length);
    Ok(cores)
}

/// Is the webrtcsink, until the process is ended.
pub(crate) fn run(port: u16, per_second: u32) -> Result<(), Fault> {
    let source = gst::ElementFactory::make("videotestsrc").property("is-live", true).build()?;
    let form: gst::Caps = "video/x-raw,format=I420,width=160,height=120,framerate=5/1".parse()?;
    let filter = gst::ElementFactory::make("capsfilter").property("caps", form).build()?;
    let encoder = gst::ElementFactory::make("x264enc")
        .property_from_str("tune", "zerolatency")
        .property("key-int-max", 5_u32)
        .property("bitrate", 100_u32)
        .build()?;
    let form: gst::Caps = "video/x-h264, profile=constrained-baseline".parse()?;
    let profile = gst::ElementFactory::make("capsfilter").property("caps", form).build()?;
    let parser = gst::ElementFactory::make("h264parse").build()?;
    let sink = gst::ElementFactory::make("webrtcsink").build()?;
    sink.set_property("stun-server", None::<String>);
    sink.set_property_from_str("congestion-control", "gcc");
    sink.set_property("video-caps", gst::Caps::new_empty_simple("video/x-h264"));
    sink.set_property("run-signalling-server", true);
    sink.set_property("signalling-server-host", "127.0.0.1");
    sink.set_property("signalling-server-port", u32::from(port));
    sink.property::<glib::Object>("signaller").set_property("uri", format!("ws://127.0.0.1:{port}"));
    let peers = Arc::<Mutex<Vec<gst::Element>>>::default();
    sink.connect("consumer-added", false, {
        let peers = peers.clone();
        move |args| {
            peers.lock().ok()?.push(args.get(2)?.get().ok()?);
            None
        }
    });
    let pipeline = gst::Pipeline::new();
    let chain = [&source, &filter, &encoder, &profile, &parser, &sink];
    pipeline.add_many(chain)?;
    gst::Element::link_many(chain)?;
    pipeline.set_state(gst::State::Playing)?;
    loop {
        let peers: Vec<_> = peers.lock().map(|peers| peers.clone()).unwrap_or_default();
        for peer in peers.iter().filter(|_| per_second > 0) {
            let promise = gst::Promise::with_change_func(|_| ());
            peer.emit_by_name::<()>("get-stats", &[&None::<gst::Pad>, &promise]);
        }
        thread::sleep(Duration::from_secs(1) / per_second.max(1));
    }
}
