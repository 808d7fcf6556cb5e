//! One pipeline that looks at one source, from its start to its end.

use std::time::Duration;

use gst::prelude::*;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::spawn_blocking,
    time::{Instant, timeout_at},
};

use super::{announced::streams, look::Look, patience::Awaited};
use crate::media::{
    FeedClock, IngestEvent, MediaError, MediaFault,
    element::end,
    ingest::stream_kind::ended,
    source::{Explain, Opened, Source},
};

/// A pipeline that looks. Dropping it ends it.
pub(super) struct Attempt {
    pipeline: gst::Pipeline,
    pub(super) look: Look,
    steps: UnboundedReceiver<IngestEvent>,
}

impl Drop for Attempt {
    fn drop(&mut self) {
        end(&self.pipeline);
    }
}

impl Attempt {
    /// Starts to look, off the threads of the runtime: elements may wait for hardware.
    pub(super) async fn start(source: Source) -> Result<Self, MediaFault> {
        match spawn_blocking(move || Self::open(&source)).await {
            Ok(started) => started,
            // The program is ending: nobody waits for this any more.
            Err(_) => std::future::pending().await,
        }
    }

    fn open(source: &Source) -> Result<Self, MediaFault> {
        let (sender, steps) = unbounded_channel();
        let (look, clock) = (Look::new(), FeedClock::new());
        let Opened { element, explain } = source.open(&clock, None, &sender)?;
        let attempt = Self { pipeline: gst::Pipeline::with_name("probe"), look, steps };
        clock.apply(&attempt.pipeline);
        attempt.assemble(source, &element, &sender, explain)?;
        Ok(attempt)
    }

    fn assemble(
        &self,
        source: &Source,
        element: &gst::Element,
        sender: &UnboundedSender<IngestEvent>,
        explain: Explain,
    ) -> Result<(), MediaError> {
        if matches!(source, Source::Rtsp(_)) {
            watch_description(element, &self.look);
            watch_jitter(element, &self.look);
        }
        self.pipeline.add(element)?;
        watch_bus(&self.pipeline, sender.clone(), explain);
        for pad in element.src_pads() {
            self.look.take(&self.pipeline, &pad, sender);
        }
        let (pipeline, look, sender) = (self.pipeline.downgrade(), self.look.clone(), sender.clone());
        element.connect_pad_added(move |_, pad| {
            if let Some(pipeline) = pipeline.upgrade() {
                look.take(&pipeline, pad, &sender);
            }
        });
        self.pipeline.set_state(gst::State::Playing)?;
        Ok(())
    }

    /// Waits for the first picture; `silent` is what is wrong when not even a packet comes.
    pub(super) async fn first_picture(&mut self, silent: &MediaFault) -> Result<(), MediaFault> {
        let mut awaited = Awaited::Description;
        let mut deadline = Instant::now() + awaited.patience();
        loop {
            let step = timeout_at(deadline, self.steps.recv()).await.map_err(|_| awaited.fault(silent))?;
            awaited = match step {
                Some(IngestEvent::Picture(_)) => return Ok(()),
                Some(IngestEvent::Fault(fault)) => return Err(fault),
                Some(IngestEvent::Answered) => Awaited::Packet,
                Some(IngestEvent::Packet) => Awaited::Picture,
                Some(IngestEvent::Certificate(certificate)) => {
                    self.look.seen().certificate = Some(certificate);
                    continue;
                }
                Some(
                    IngestEvent::DecoderFailed(_)
                    | IngestEvent::Refused(_)
                    | IngestEvent::Stream(_)
                    | IngestEvent::Judged(_),
                ) => continue,
                None => return Err(awaited.fault(silent)),
            };
            deadline = Instant::now() + awaited.patience();
        }
    }

    /// Looks on for this long; a fault ends it early.
    pub(super) async fn look_on(&mut self, time: Duration) -> Option<MediaFault> {
        let deadline = Instant::now() + time;
        loop {
            match timeout_at(deadline, self.steps.recv()).await {
                Ok(Some(IngestEvent::Fault(fault))) => return Some(fault),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return None,
            }
        }
    }
}

/// Turns the pipeline's errors and its end into steps.
fn watch_bus(pipeline: &gst::Pipeline, sender: UnboundedSender<IngestEvent>, explain: Explain) {
    let bus = pipeline.bus().expect("a pipeline should have a bus");
    bus.set_sync_handler(move |_, message| {
        let fault = match message.view() {
            gst::MessageView::Error(error) => Some(explain(error)),
            gst::MessageView::Eos(_) => Some(ended()),
            _ => None,
        };
        if let Some(fault) = fault {
            let _ = sender.send(IngestEvent::Fault(fault));
        }
        gst::BusSyncReply::Drop
    });
}

/// Notes what a camera announces.
fn watch_description(element: &gst::Element, look: &Look) {
    let look = look.clone();
    element.connect("on-sdp", false, move |args| {
        let description = args[1].get::<gst_sdp::SDPMessage>().expect("on-sdp should carry a description");
        look.seen().note_description(streams(&description));
        None
    });
}

/// Notes where a camera's packets are counted.
fn watch_jitter(element: &gst::Element, look: &Look) {
    let look = look.clone();
    element.connect("new-manager", false, move |args| {
        let manager = args[1].get::<gst::Element>().expect("new-manager should carry the manager");
        let look = look.clone();
        manager.connect("new-jitterbuffer", false, move |args| {
            let buffer = args[1].get::<gst::Element>().expect("new-jitterbuffer should carry the buffer");
            look.seen().note_jitter_buffer(&buffer);
            None
        });
        None
    });
}
