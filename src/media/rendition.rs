//! One encoded form of a feed: adapt, encode, parse. Made once, for any number of viewers.

use gst::prelude::*;
use gst_utils::StreamProducer;

use super::{
    FeedClock, MediaError,
    element::{add_and_link, caps_filter, consumer_settings, end, make, producer, producer_sink, watch_errors},
    encoder::EncoderRow,
};
use crate::config::Codec;

/// Raw frames that may wait for the encoder; an encoder that is slower than
/// the camera skips frames instead of falling behind.
const WAITING_FRAMES: u64 = 3;
const WAITING_TIME: gst::ClockTime = gst::ClockTime::from_mseconds(200);

/// The level announced to viewers: 3840×2160 at 30 fps.
///
/// webrtcsink refuses a level above the one it started with, so it starts with
/// that of the largest picture a feed may come to. The parameter sets in the
/// stream carry the real one.
const LARGEST_H264_LEVEL: &str = "5.1";

/// A running encoder. Dropping it stops it.
#[derive(Debug)]
pub struct Rendition {
    pipeline: gst::Pipeline,
    input: gst_utils::ConsumptionLink,
    output: StreamProducer,
    encoder: gst::Element,
    row: &'static EncoderRow,
}

impl std::fmt::Debug for EncoderRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.element)
    }
}

impl Rendition {
    /// Builds and starts an encoder, with no camera at its input yet. Should it
    /// fail later, `failed` hears why; the rendition is of no use then.
    ///
    /// # Errors
    /// An element is missing or the pipeline does not start.
    pub fn start(
        row: &'static EncoderRow,
        bitrate_kbps: u32,
        clock: &FeedClock,
        failed: impl Fn(String) + Send + Sync + 'static,
    ) -> Result<Self, MediaError> {
        let pipeline = gst::Pipeline::with_name("rendition");
        clock.apply(&pipeline);

        let input = gst_app::AppSrc::builder().name("raw").build();
        let encoder = row.build(bitrate_kbps)?;
        let sink = producer_sink("encoded");
        let mut chain = vec![input.clone().upcast::<gst::Element>()];
        chain.extend(adapt()?);
        chain.push(encoder.clone());
        chain.push(caps_filter(&row.output_caps())?);
        chain.extend(row.build_parser()?);
        chain.push(sink.clone().upcast());
        add_and_link(&pipeline, &chain.iter().collect::<Vec<_>>())?;
        keep_caps_steady(&sink, row.codec);
        watch_errors(&pipeline, move |error| {
            failed(format!("{} stopped: {}", row.element, error.error()));
        });

        let rendition = Self {
            input: gst_utils::ConsumptionLink::disconnected_with(
                input,
                consumer_settings(WAITING_FRAMES, WAITING_TIME),
            ),
            output: producer(&sink),
            pipeline,
            encoder,
            row,
        };
        rendition.pipeline.set_state(gst::State::Playing)?;
        Ok(rendition)
    }

    /// Feeds the encoder from this camera from now on.
    pub fn connect(&mut self, raw: &StreamProducer) {
        self.input.change_producer(raw, false).expect("a rendition should consume one camera at a time");
    }

    /// The encoded stream.
    pub fn output(&self) -> &StreamProducer {
        &self.output
    }

    /// Applies a bitrate in kbit/s, live.
    pub fn set_bitrate(&self, kbps: u32) {
        self.row.set_bitrate(&self.encoder, kbps);
    }

    /// The element that encodes, such as `x264enc`.
    pub fn encoder_name(&self) -> &'static str {
        self.row.element
    }
}

impl Drop for Rendition {
    fn drop(&mut self) {
        self.input.disconnect();
        end(&self.pipeline);
    }
}

/// Makes the camera's frames into what the encoder is to encode.
fn adapt() -> Result<Vec<gst::Element>, MediaError> {
    let convert = make("videoconvert")?;
    let scale = make("videoscale")?;
    // 4:2:0, or encoders follow a camera into profiles no browser decodes.
    let size =
        caps_filter(&gst::Caps::builder("video/x-raw").field("format", gst::List::new(["I420", "NV12"])).build())?;
    size.set_property("name", "setpoint");
    Ok(vec![convert, scale, size])
}

/// Keeps every caps field that webrtcsink compares the same for good: one that
/// changes is “Renegotiation is not supported”, and ends all sessions.
fn keep_caps_steady(sink: &gst_app::AppSink, codec: Codec) {
    let pad = sink.static_pad("sink").expect("an appsink should have a sink pad");
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(event) = info.event()
            && let gst::EventView::Caps(caps) = event.view()
        {
            let steady =
                gst::event::Caps::builder(&steady_caps(caps.caps_owned(), codec)).seqnum(event.seqnum()).build();
            info.data = Some(gst::PadProbeData::Event(steady));
        }
        gst::PadProbeReturn::Ok
    });
}

fn steady_caps(mut caps: gst::Caps, codec: Codec) -> gst::Caps {
    for fields in caps.make_mut().iter_mut() {
        // VP8 and VP9 repeat the size in here; the payloader does not need it.
        fields.remove_field("streamheader");
        if codec == Codec::H264 {
            fields.set("profile", "constrained-baseline");
            fields.set("level", LARGEST_H264_LEVEL);
        }
    }
    caps
}
