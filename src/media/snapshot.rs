//! One picture of a camera, as a file.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use gst::prelude::*;
use gst_utils::{ConsumptionLink, StreamProducer};

use super::{
    FeedClock, MediaError,
    element::{add_and_link, consumer_settings, end, make, off_the_card},
    recorder::{Kept, create, file_name},
};
use crate::i18n::{gettext, gettext_f};

/// Good enough to read a number plate in, in JPEG's own measure.
const QUALITY: i32 = 92;
/// How long a picture may take: a camera's next key frame may be that far away.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(12);

/// Writes the next decoded picture of this feed into a file in this folder, and answers where. Waits
/// for it, for at most 12 s.
///
/// # Errors
/// A sentence that says why there is none.
pub fn take_snapshot(feed: &str, folder: &Path, frames: &StreamProducer, clock: &FeedClock) -> Result<PathBuf, String> {
    let pictures = Pictures::start(frames, clock).map_err(|error| error.to_string())?;
    let sample = pictures.sink.try_pull_sample(PATIENCE).ok_or_else(|| gettext("No picture came to be saved."))?;
    let age = capture(&sample).map(|at| clock.running_time().saturating_sub(at)).unwrap_or_default();
    let captured = SystemTime::now() - std::time::Duration::from(age);
    let unix_ms = captured.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let name = file_name(feed, Kept::Snapshot, i64::try_from(unix_ms).unwrap_or_default());
    let data = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
    let data = data.ok_or_else(|| gettext("No picture came to be saved."))?;
    let written = create(folder, &name).and_then(|(mut file, path)| {
        let result = file.write_all(&data).and_then(|()| file.sync_data());
        // Half a picture is none.
        result.inspect_err(|_| drop(std::fs::remove_file(&path))).map(|()| path)
    });
    written.map_err(|error| {
        let (folder, reason) = (folder.display().to_string(), error.to_string());
        gettext_f("The picture cannot be saved in {folder}: {reason}.", &[("folder", &folder), ("reason", &reason)])
    })
}

fn capture(sample: &gst::Sample) -> Option<gst::ClockTime> {
    sample.segment()?.downcast_ref::<gst::ClockTime>()?.to_running_time(sample.buffer()?.pts()?)
}

/// A pipeline that makes JPEG of decoded pictures, for as long as it is held.
struct Pictures {
    pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
    input: ConsumptionLink,
}

impl Pictures {
    fn start(frames: &StreamProducer, clock: &FeedClock) -> Result<Self, MediaError> {
        let pipeline = gst::Pipeline::with_name("snapshot");
        clock.apply(&pipeline);
        let source = gst_app::AppSrc::builder().build();
        // One is enough; what comes behind it is left out.
        let sink = gst_app::AppSink::builder().sync(false).async_(false).max_buffers(1).drop(true).build();
        let encoder = make("jpegenc")?;
        encoder.set_property("quality", QUALITY);
        let mut chain = vec![source.clone().upcast()];
        chain.extend(off_the_card()?);
        chain.extend([make("videoconvert")?, encoder, sink.clone().upcast()]);
        add_and_link(&pipeline, &chain.iter().collect::<Vec<_>>())?;
        let settings = consumer_settings(2, gst::ClockTime::SECOND);
        StreamProducer::configure_consumer_with(&source, settings.clone());
        let input = ConsumptionLink::disconnected_with(source, settings);
        pipeline.set_state(gst::State::Playing)?;
        let mut pictures = Self { pipeline, sink, input };
        pictures.input.change_producer(frames, false).expect("a snapshot should be of one camera");
        Ok(pictures)
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        self.input.disconnect();
        end(&self.pipeline);
    }
}
