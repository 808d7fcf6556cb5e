//! How a decoder on the processor shares its work among threads, and what that costs.
//!
//! Threads that take a frame each make a decoder quicker and late: every one of them
//! holds a frame. Threads that take slices of one frame add nothing, and help as far
//! as the camera cuts its frames into slices.
//!
//! FFmpeg's H.265 decoder (7.1) adds no frame with slice threads either; they have work
//! only in streams made for wavefront parallel processing, as x265 makes them and few
//! cameras do. In others they idle. The tests in `delay` print the times.

use std::num::NonZero;

/// The largest picture that is decoded without a frame of delay: 1920×1080, with the
/// rows that coding in blocks of 16 adds.
const LARGEST_WITHOUT_DELAY: u64 = 1920 * 1088;

/// More threads than this for one camera take the processor from the others.
const MOST_SLICE_THREADS: u32 = 4;

/// Frames in the works at once, above that size. Each beyond the first is a frame of delay.
const MOST_FRAME_THREADS: u32 = 3;

/// How a decoder uses threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threading {
    /// As it likes: hardware, and decoders that cannot be told.
    OfItsOwn,
    /// This many threads work on slices of the same frame; 1 is no threads at all.
    Slices(u32),
    /// This many frames are in the works at once.
    Frames(u32),
}

impl Threading {
    /// Frames of delay that this adds.
    pub const fn added_frames(self) -> u32 {
        match self {
            Self::OfItsOwn | Self::Slices(_) => 0,
            Self::Frames(threads) => threads.saturating_sub(1),
        }
    }

    /// What suits pictures of this size (pixels) in FFmpeg's decoders, on this machine.
    pub(super) fn for_picture(width: u32, height: u32) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get) as u32;
        Self::for_picture_on(cores, width, height)
    }

    fn for_picture_on(cores: u32, width: u32, height: u32) -> Self {
        let is_large = u64::from(width) * u64::from(height) > LARGEST_WITHOUT_DELAY;
        if is_large && cores > 1 {
            Self::Frames(cores.min(MOST_FRAME_THREADS))
        } else {
            Self::Slices(cores.min(MOST_SLICE_THREADS))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_above_1080p_are_decoded_late() {
        let threading = |cores, width, height| Threading::for_picture_on(cores, width, height);
        assert_eq!(threading(8, 1920, 1088), Threading::Slices(4));
        assert_eq!(threading(2, 640, 360), Threading::Slices(2));
        assert_eq!(threading(8, 2560, 1440), Threading::Frames(3));
        assert_eq!(threading(2, 3840, 2160), Threading::Frames(2));
        assert_eq!(threading(1, 3840, 2160), Threading::Slices(1));
        assert_eq!([Threading::Slices(4), Threading::Frames(3)].map(Threading::added_frames), [0, 2]);
    }
}
