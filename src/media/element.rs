//! Making and joining elements, with errors that say what is missing.

use gst::prelude::*;

use super::MediaError;

/// An element builder that names the missing plugin when the element is not installed.
pub(super) fn make(factory: &'static str) -> Result<gst::Element, MediaError> {
    gst::ElementFactory::make(factory).build().map_err(|_| MediaError::MissingElement { factory: factory.into() })
}

/// Makes sure that elements are installed which others make by themselves.
pub(super) fn require(factories: &[&str]) -> Result<(), MediaError> {
    match factories.iter().find(|factory| gst::ElementFactory::find(factory).is_none()) {
        Some(missing) => Err(MediaError::MissingElement { factory: (*missing).into() }),
        None => Ok(()),
    }
}

/// Adds the elements to the bin and links them in order.
pub(super) fn add_and_link(bin: &impl IsA<gst::Bin>, elements: &[&gst::Element]) -> Result<(), MediaError> {
    bin.add_many(elements.iter().copied())?;
    gst::Element::link_many(elements.iter().copied())?;
    Ok(())
}

/// A capsfilter that keeps to `caps`.
pub(super) fn caps_filter(caps: &gst::Caps) -> Result<gst::Element, MediaError> {
    let filter = make("capsfilter")?;
    filter.set_property("caps", caps);
    Ok(filter)
}

/// An `appsink` for a `StreamProducer`: it holds nothing back and keeps nothing.
///
/// Nothing waits for the clock on the way through Heliograph: pictures are as
/// young as they can be, and the viewer's jitter buffer does the smoothing.
pub(super) fn producer_sink(name: &str) -> gst_app::AppSink {
    gst_app::AppSink::builder().name(name).sync(false).async_(false).enable_last_sample(false).build()
}

/// Offers what arrives at `sink` to the other pipelines of the feed.
pub(super) fn producer(sink: &gst_app::AppSink) -> gst_utils::StreamProducer {
    let producer = gst_utils::StreamProducer::with(sink, gst_utils::streamproducer::ProducerSettings { sync: false });
    // The end of a camera's stream must not end the viewers' streams, which is
    // what forwarding EOS, the default, would do.
    producer.set_forward_events([]);
    producer
}

/// A bounded consumer: at most `frames` wait, for at most `time`; older ones are dropped.
pub(super) fn consumer_settings(frames: u64, time: gst::ClockTime) -> gst_utils::streamproducer::ConsumerSettings {
    gst_utils::streamproducer::ConsumerSettings { max_buffer: frames, max_time: time, ..Default::default() }
}

/// Hears of the pipeline's errors, on whichever thread they happen. All other messages are dropped.
pub(super) fn watch_errors(pipeline: &gst::Pipeline, tell: impl Fn(&gst::message::Error) + Send + Sync + 'static) {
    let bus = pipeline.bus().expect("a pipeline should have a bus");
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::Error(error) = message.view() {
            tell(error);
        }
        gst::BusSyncReply::Drop
    });
}

/// Ends a pipeline for good; whatever it still has to say is not heard.
pub(super) fn end(pipeline: &gst::Pipeline) {
    if let Some(bus) = pipeline.bus() {
        bus.unset_sync_handler();
    }
    let _ = pipeline.set_state(gst::State::Null);
}

/// What brings a decoder's pictures into the processor's memory, where this machine has decoders
/// that keep theirs elsewhere. Pictures that are there already pass through untouched.
pub(super) fn off_the_card() -> Result<Vec<gst::Element>, MediaError> {
    let installed = |factory: &&'static str| gst::ElementFactory::find(factory).is_some();
    ["cudadownload", "vapostproc", "nvvidconv"].into_iter().filter(installed).map(make).collect()
}
