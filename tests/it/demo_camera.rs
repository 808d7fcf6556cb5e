//! The demo camera is a camera: what it writes into its pictures comes out of the decoder.

use std::{sync::mpsc, time::Duration};

use gst::prelude::*;
use heliograph::{
    config::SourceAddress,
    media::{
        self, FaultKind, FeedClock, Ingest, IngestEvent, MediaFault,
        source::{DemoCamera, DemoSettings, RtspSource, Transport, frame_mark::FrameMark},
    },
};
use tokio::time::timeout;

/// The frame marks that an ingest decodes, as they come.
fn marks(ingest: &Ingest) -> mpsc::Receiver<FrameMark> {
    let (sender, receiver) = mpsc::channel();
    let pad = ingest.frames().appsink().static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let video = gst_video::VideoInfo::from_caps(&pad.current_caps().unwrap()).unwrap();
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(info.buffer().unwrap(), &video).unwrap();
        let luma = frame.plane_data(0).unwrap();
        if let Some(mark) = FrameMark::read(luma, video.width() as usize, video.stride()[0] as usize) {
            let _ = sender.send(mark);
        }
        gst::PadProbeReturn::Ok
    });
    receiver
}

fn source(camera: &DemoCamera, transport: Transport) -> RtspSource {
    let (address, _) = SourceAddress::parse(&camera.url()).unwrap();
    RtspSource { latency_ms: 200, ..RtspSource::new(address, transport) }
}

#[tokio::test]
async fn frames_arrive_in_order_over_both_transports() {
    media::init().unwrap();
    let camera = DemoCamera::start(DemoSettings::default()).unwrap();
    for transport in [Transport::Udp, Transport::Tcp] {
        let (events, mut told) = tokio::sync::mpsc::unbounded_channel();
        let ingest = Ingest::start(&source(&camera, transport), &FeedClock::new(), events).unwrap();
        let marks = marks(&ingest);
        let seen: Vec<_> = (0..45).map(|_| marks.recv_timeout(Duration::from_secs(10)).expect("a picture")).collect();
        for pair in seen.windows(2) {
            let step = pair[1].counter - pair[0].counter;
            // UDP may lose packets on a busy machine; it must never repeat or reorder pictures.
            assert!(if transport == Transport::Tcp { step == 1 } else { step >= 1 }, "{transport:?}: {pair:?}");
        }
        let picture = std::iter::from_fn(|| told.try_recv().ok()).find_map(|event| match event {
            IngestEvent::Picture(picture) => Some(picture),
            _ => None,
        });
        let picture = picture.expect("the first picture should be told");
        assert_eq!((picture.width, picture.height, picture.codec.as_str()), (1280, 720, "H.264"));
    }
}

/// As feeds come that try UDP first.
#[tokio::test]
async fn who_comes_while_the_last_one_is_leaving_gets_a_picture() {
    media::init().unwrap();
    let settings = DemoSettings { transport: Some(Transport::Tcp), width: 320, height: 180, ..DemoSettings::default() };
    let camera = DemoCamera::start(settings).unwrap();
    for _ in 0..10 {
        let fault = outcome_of(&camera, Transport::Udp).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::NoTransport, "{fault}");
        outcome_of(&camera, Transport::Tcp).await.unwrap();
    }
}

/// What one attempt came to, which is then broken off.
async fn outcome_of(camera: &DemoCamera, transport: Transport) -> Result<(), MediaFault> {
    let (events, mut told) = tokio::sync::mpsc::unbounded_channel();
    let _ingest = Ingest::start(&source(camera, transport), &FeedClock::new(), events).unwrap();
    timeout(Duration::from_secs(10), async {
        loop {
            match told.recv().await.expect("an attempt should come to something") {
                IngestEvent::Picture(_) => return Ok(()),
                IngestEvent::Fault(fault) => return Err(fault),
                _ => {}
            }
        }
    })
    .await
    .expect("an attempt should come to something in time")
}
