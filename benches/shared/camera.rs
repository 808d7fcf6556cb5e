//! A camera that costs next to nothing: an RTSP server that repeats an encoded stream.

use std::{
    thread,
    time::{Duration, Instant},
};

use gst::prelude::*;
use gst_rtsp_server::prelude::*;

use super::{Fault, child::Kept};
use crate::support::{free_port, hard_content::HardContent, wait_for};

/// Frames in a second.
pub(crate) const FRAMERATE: u32 = 30;
const WIDTH: u16 = 1280;
const HEIGHT: u16 = 720;
/// Frames from one key frame to the next: a second.
const KEY_FRAME_DISTANCE: u32 = FRAMERATE;
/// Different pictures. Behind the last of them a frame is left out: by that gap in time the camera's
/// frames and Heliograph's can be told to be the same.
const PICTURES: usize = 60;
const KBPS: u32 = 2000;
const PATIENCE: Duration = Duration::from_secs(30);

/// The camera in a process of its own.
pub(crate) struct Camera {
    _process: Kept,
    port: u16,
}

impl Camera {
    pub(crate) fn start() -> Result<Self, Fault> {
        let port = free_port();
        let process = Kept::myself(&["camera", &port.to_string()])?;
        // It listens once it has encoded its pictures.
        wait_for("the camera", PATIENCE, || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Ok(Self { _process: process, port })
    }

    /// By this its packets are known on the wire, where other cameras' may be.
    pub(crate) fn ssrc(&self) -> u32 {
        ssrc(self.port)
    }

    pub(crate) fn url(&self) -> String {
        format!("rtsp://127.0.0.1:{}/hard", self.port)
    }
}

fn ssrc(port: u16) -> u32 {
    0x4845_0000 | u32::from(port)
}

/// Is the camera, until the process is ended.
pub(crate) fn run(port: &str) -> Result<(), Fault> {
    let ssrc = ssrc(port.parse()?);
    let reel = reel()?;
    let server = gst_rtsp_server::RTSPServer::new();
    server.set_address("127.0.0.1");
    server.set_service(port);
    let factory = gst_rtsp_server::RTSPMediaFactory::new();
    factory.set_launch(&format!(
        "( appsrc name=reel is-live=true format=time ! h264parse config-interval=-1 \
         ! rtph264pay name=pay0 pt=96 ssrc={ssrc} aggregate-mode=zero-latency )"
    ));
    factory.set_shared(true);
    factory.connect_media_configure(move |_, media| {
        let source = media.element().downcast::<gst::Bin>().ok().and_then(|bin| bin.by_name("reel"));
        if let Some(source) = source.and_downcast::<gst_app::AppSrc>() {
            let reel = reel.clone();
            thread::spawn(move || play(&source, &reel));
        }
    });
    server.mount_points().ok_or("no mount points")?.add_factory("/hard", factory);
    let _source = server.attach(None)?;
    gst::glib::MainLoop::new(None, false).run();
    Ok(())
}

/// Hands out the frames at their pace, over and over, until nobody watches.
fn play(source: &gst_app::AppSrc, reel: &[gst::Sample]) {
    source.set_caps(reel[0].caps_owned().as_ref());
    let began = wait_for("the camera's clock", PATIENCE, || {
        (source.current_state() == gst::State::Playing).then(|| source.current_running_time())?
    });
    let start = Instant::now();
    let slots = reel.len() as u64 + 1;
    for slot in 0_u64.. {
        let Some(frame) = reel.get((slot % slots) as usize).and_then(|frame| frame.buffer_owned()) else { continue };
        let due = Duration::from_nanos(1_000_000_000 * slot / u64::from(FRAMERATE));
        thread::sleep(due.saturating_sub(start.elapsed()));
        let mut frame = frame.copy();
        let fields = frame.make_mut();
        fields.set_pts(began + gst::ClockTime::from_nseconds(due.as_nanos() as u64));
        fields.set_dts(None);
        if source.push_buffer(frame).is_err() {
            return;
        }
    }
}

/// The pictures, encoded as cameras do.
fn reel() -> Result<Vec<gst::Sample>, Fault> {
    let encoder = gst::ElementFactory::make("x264enc")
        .property_from_str("tune", "zerolatency")
        .property_from_str("speed-preset", "superfast")
        .property("key-int-max", KEY_FRAME_DISTANCE)
        .property("option-string", "scenecut=0")
        .property("bitrate", KBPS)
        .property("vbv-buf-capacity", 200_u32)
        .build()?;
    let form: gst::Caps =
        "video/x-h264, profile=constrained-baseline, stream-format=byte-stream, alignment=au".parse()?;
    let filter = gst::ElementFactory::make("capsfilter").property("caps", form).build()?;
    let source = gst_app::AppSrc::builder().caps(&raw_caps()).format(gst::Format::Time).build();
    let sink = gst_app::AppSink::builder().sync(false).build();
    let pipeline = gst::Pipeline::new();
    let chain = [source.upcast_ref(), &encoder, &filter, sink.upcast_ref()];
    pipeline.add_many(chain)?;
    gst::Element::link_many(chain)?;
    pipeline.set_state(gst::State::Playing)?;
    let content = HardContent::new(WIDTH.into(), HEIGHT.into());
    for number in 0..PICTURES {
        let mut frame = gst::Buffer::from_mut_slice(content.picture(number));
        frame.make_mut().set_pts(gst::ClockTime::SECOND * number as u64 / u64::from(FRAMERATE));
        source.push_buffer(frame)?;
    }
    source.end_of_stream()?;
    let samples: Vec<_> = std::iter::from_fn(|| sink.pull_sample().ok()).collect();
    pipeline.set_state(gst::State::Null)?;
    if samples.len() == PICTURES { Ok(samples) } else { Err("the camera's pictures cannot be encoded".into()) }
}

fn raw_caps() -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", i32::from(WIDTH))
        .field("height", i32::from(HEIGHT))
        .field("framerate", gst::Fraction::new(FRAMERATE.cast_signed(), 1))
        .build()
}
