//! What is to be done to the picture, as it was entered.

use super::{Field, Problem};
use crate::config::{Crop, Flip, PictureConfig, Rotation};

/// What is to be done to the picture.
#[derive(Clone, Debug, Default)]
pub struct EnteredPicture {
    /// Makes whole pictures of interlaced ones.
    pub deinterlace: bool,
    /// What is cut off.
    pub crop: Crop,
    /// Clockwise.
    pub rotate: Rotation,
    /// Mirrored.
    pub flip: Flip,
    /// The size, such as `1280x720`; empty for the camera's own.
    pub size: String,
    /// Frames per second at most; 0 for what the camera sends.
    pub framerate: u32,
    /// Black bars rather than a distorted picture.
    pub letterbox: bool,
}

impl EnteredPicture {
    /// As it stands in the fields.
    pub(super) fn of(config: &PictureConfig) -> Self {
        let PictureConfig { deinterlace, crop, rotate, flip, size, framerate, letterbox } = *config;
        let size = size.map(|size| size.to_string()).unwrap_or_default();
        Self { deinterlace, crop, rotate, flip, size, framerate: framerate.unwrap_or_default(), letterbox }
    }

    pub(super) fn check(&self) -> Result<PictureConfig, Problem> {
        let size = match self.size.trim() {
            "" => None,
            text => Some(text.parse().map_err(|error| Problem::size(Field::PictureSize, error))?),
        };
        Ok(PictureConfig {
            deinterlace: self.deinterlace,
            crop: self.crop,
            rotate: self.rotate,
            flip: self.flip,
            size,
            framerate: (self.framerate > 0).then_some(self.framerate),
            letterbox: self.letterbox,
        })
    }
}
