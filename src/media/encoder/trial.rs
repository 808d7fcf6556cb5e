//! How an encoder is tried: three frames of a test picture.

use super::Encoder;
use crate::config::PictureConfig;
use crate::media::{
    Device, MediaError, Memory,
    adapt::{self, Ends},
    availability::{Candidate, Work, encoding_trial},
};

/// What is asked of an encoder that is tried, in kbit/s and frames per second.
const BITRATE_KBPS: u32 = 500;
const FRAMERATE: u32 = 30;

impl Candidate for Encoder {
    fn element(&self) -> &str {
        self.element()
    }

    fn device(&self) -> &Device {
        self.device()
    }

    fn work(&self) -> Work {
        Work::Encoding
    }

    fn trial(&self) -> Result<gst::Pipeline, MediaError> {
        let ends = Ends { from: Memory::System, to: self.nearest_memory(Memory::System), formats: self.raw_formats() };
        let mut chain = adapt::build(&adapt::plan(&PictureConfig::default(), &ends))?.elements;
        chain.push(self.build(BITRATE_KBPS, FRAMERATE)?);
        encoding_trial(&chain)
    }

    fn is_tried_apart(&self) -> bool {
        self.device().is_hardware() || self.row().is_loud()
    }

    fn words(&self) -> String {
        self.label()
    }
}
