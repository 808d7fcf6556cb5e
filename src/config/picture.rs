//! What is done to a picture between camera and encoder.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{Size, keyed::keyed_enum};

/// What is done to a picture before it is encoded, in this order: deinterlace, crop, turn,
/// flip, scale. By default nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PictureConfig {
    /// Makes whole pictures of interlaced ones; a camera that says it sends whole ones is left alone.
    pub deinterlace: bool,
    /// What is cut off at the edges.
    pub crop: Crop,
    /// Clockwise.
    pub rotate: Rotation,
    /// Mirrored.
    pub flip: Flip,
    /// The size it is sent in; `None` is that of the camera.
    pub size: Option<Size>,
    /// Frames per second it is sent in at most, within [`PictureConfig::FRAMERATE`]; `None`
    /// is what the camera sends.
    pub framerate: Option<u32>,
    /// Black bars rather than a distorted picture, where size and camera have other shapes.
    pub letterbox: bool,
}

impl PictureConfig {
    /// What may be asked for, in frames per second.
    pub const FRAMERATE: RangeInclusive<u32> = 1..=240;

    /// The size in which a camera's picture of this size is sent.
    pub fn size_of(&self, camera: Size) -> Size {
        let Crop { left, top, right, bottom } = self.crop;
        let cropped = Size {
            width: camera.width.saturating_sub(left + right),
            height: camera.height.saturating_sub(top + bottom),
        };
        let turned = match self.rotate {
            Rotation::None | Rotation::Half => cropped,
            Rotation::Quarter | Rotation::ThreeQuarters => Size { width: cropped.height, height: cropped.width },
        };
        self.size.unwrap_or(turned)
    }
}

/// Pixels cut off at each edge of the camera's picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Crop {
    /// In pixels.
    pub left: u32,
    /// In pixels.
    pub top: u32,
    /// In pixels.
    pub right: u32,
    /// In pixels.
    pub bottom: u32,
}

impl Crop {
    /// What may be cut off an edge, in pixels.
    pub const EDGE: RangeInclusive<u32> = 0..=8192;
}

keyed_enum! {
    /// How far a picture is turned, clockwise.
    Rotation {
        /// As the camera sends it.
        #[default]
        None = "0",
        /// A quarter turn.
        Quarter = "90",
        /// Upside down.
        Half = "180",
        /// A quarter turn against the clock.
        ThreeQuarters = "270",
    }
}

keyed_enum! {
    /// How a picture is mirrored.
    Flip {
        /// As the camera sends it.
        #[default]
        None = "none",
        /// Left and right change places.
        Horizontal = "horizontal",
        /// Top and bottom change places.
        Vertical = "vertical",
    }
}
