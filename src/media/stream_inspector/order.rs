//! Whether pictures come in the order in which they are shown.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Two pictures out of order that are no further apart than this, in pictures, are no accident: no
/// row of B-frames is longer. One may be: after a loss, the few bits of a picture's place are read
/// as a step back; and over the days that a stream runs, so may be one here and one there.
const CLOSE: u32 = 16;

/// So many pictures in order tell something: the longest usual row of B-frames is shorter.
const TELLING: u32 = 10;

/// Whether a stream has frames that refer to later ones. A decoder has to wait for those,
/// and WebRTC has no way to say in which order to show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BFrames {
    /// There are some.
    Yes,
    /// The stream's parameter sets or its kind rule them out.
    No,
    /// They are allowed, and none came.
    NotSeen,
    /// Too little came to tell.
    Unknown,
}

/// What a picture says of its place among the others.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Showing {
    /// Its kind was read, and would tell.
    pub(super) is_told: bool,
    /// It refers to two lists of pictures, one of which usually lies in the future.
    pub(super) is_b: bool,
    /// Places are counted from here anew.
    pub(super) resets: bool,
    /// Its place, and after how much that count begins again.
    pub(super) place: Option<(u32, u32)>,
}

/// Watches the order.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    /// Pictures that told their kind, their place or their time.
    told: u32,
    /// The newest picture out of order, by number.
    last_misplaced: Option<u32>,
    has_b_frames: bool,
    last_place: Option<u32>,
    last_shown: Option<Duration>,
}

impl Order {
    /// Takes note of a picture.
    pub(super) fn note(&mut self, showing: Showing, shown: Option<Duration>) {
        let steps_back = self.goes_back_in_place(showing);
        let shown_earlier = shown.zip(self.last_shown).is_some_and(|(shown, last)| shown < last);
        if showing.is_b || steps_back || shown_earlier {
            let last = self.last_misplaced.replace(self.told);
            self.has_b_frames |= last.is_some_and(|last| self.told - last <= CLOSE);
        }
        self.told += u32::from(showing.is_told || showing.place.is_some() || shown.is_some());
        self.last_shown = shown.or(self.last_shown);
    }

    /// The count has few bits: the shorter way round is the one that was taken.
    fn goes_back_in_place(&mut self, showing: Showing) -> bool {
        if showing.resets {
            self.last_place = Some(0);
            return false;
        }
        let Some((place, modulus)) = showing.place else { return false };
        let Some(last) = self.last_place.replace(place) else { return false };
        place.wrapping_sub(last) % modulus > modulus / 2
    }

    /// What can be said now, if this many pictures may have to wait for a later one.
    pub(super) fn verdict(&self, reorder: Option<u32>) -> BFrames {
        if reorder == Some(0) {
            BFrames::No
        } else if self.has_b_frames {
            BFrames::Yes
        } else if self.told >= TELLING {
            BFrames::NotSeen
        } else {
            BFrames::Unknown
        }
    }
}
