//! Whether a camera's stream goes to the viewers as it is, or is encoded anew.

use std::time::{Duration, Instant};

use crate::config::PathChoice;

/// A camera sends more than is asked for at this many times the bitrate…
const TOO_MUCH: f64 = 1.2;
/// …and no longer at this: a camera's bitrate comes and goes with what it sees.
const LITTLE_ENOUGH: f64 = 1.05;
/// How long either has to be so.
const TOO_MUCH_FOR: Duration = Duration::from_secs(3);
const LITTLE_ENOUGH_FOR: Duration = Duration::from_secs(10);

/// Why a stream that viewers could take is encoded anew all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The operator wants it so.
    Choice,
    /// The camera has no stream that could be taken as it is, or it was not looked at for long enough.
    Stream,
    /// The viewers are sent another codec.
    Codec,
    /// Something is done to the pictures.
    Picture,
    /// Fewer bits are asked for than the camera sends.
    Bitrate,
}

/// What is known of camera and wishes.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// What the operator wants.
    pub choice: PathChoice,
    /// Viewers could take the stream as it is.
    pub is_suitable: bool,
    /// It is of the codec that the viewers are sent.
    pub is_same_codec: bool,
    /// Pictures go out as they come: not turned, cropped, scaled or thinned out.
    pub is_same_picture: bool,
    /// What the camera sends, in kbit/s; `None` while it is not known.
    pub camera_kbps: Option<f64>,
    /// What is asked for, in kbit/s.
    pub asked_kbps: u32,
}

/// Chooses the path, with hysteresis.
#[derive(Debug, Default)]
pub struct PathChooser {
    /// Whether the camera sends more than is asked for; `None` before that was looked at.
    sends_too_much: Option<bool>,
    /// Since when it seems to be otherwise.
    otherwise_since: Option<Instant>,
}

impl PathChooser {
    /// What keeps the stream from going out as it is now; `None` where nothing does.
    pub fn obstacle(&mut self, is: Circumstances, now: Instant) -> Option<Obstacle> {
        lasting_obstacle(&is).or_else(|| {
            let is_too_much = is.choice != PathChoice::PassThrough && self.sends_too_much(&is, now);
            is_too_much.then_some(Obstacle::Bitrate)
        })
    }

    fn sends_too_much(&mut self, is: &Circumstances, now: Instant) -> bool {
        let Some(kbps) = is.camera_kbps else { return self.sends_too_much.unwrap_or(true) };
        let (factor, patience) = match self.sends_too_much {
            None => (LITTLE_ENOUGH, Duration::ZERO),
            Some(true) => (LITTLE_ENOUGH, LITTLE_ENOUGH_FOR),
            Some(false) => (TOO_MUCH, TOO_MUCH_FOR),
        };
        let seems = kbps > factor * f64::from(is.asked_kbps);
        if self.sends_too_much == Some(seems) {
            self.otherwise_since = None;
            return seems;
        }
        let since = *self.otherwise_since.get_or_insert(now);
        if now.duration_since(since) < patience {
            return !seems;
        }
        (self.sends_too_much, self.otherwise_since) = (Some(seems), None);
        seems
    }
}

fn lasting_obstacle(is: &Circumstances) -> Option<Obstacle> {
    if is.choice == PathChoice::Transcode {
        Some(Obstacle::Choice)
    } else if !is.is_suitable {
        Some(Obstacle::Stream)
    } else if !is.is_same_codec {
        Some(Obstacle::Codec)
    } else if !is.is_same_picture {
        Some(Obstacle::Picture)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: Circumstances = Circumstances {
        choice: PathChoice::Automatic,
        is_suitable: true,
        is_same_codec: true,
        is_same_picture: true,
        camera_kbps: Some(1500.0),
        asked_kbps: 2000,
    };

    #[test]
    fn what_viewers_can_take_goes_out_as_it_is() {
        let now = Instant::now();
        assert_eq!(PathChooser::default().obstacle(FINE, now), None);
        let because = |is| PathChooser::default().obstacle(is, now);
        assert_eq!(because(Circumstances { choice: PathChoice::Transcode, ..FINE }), Some(Obstacle::Choice));
        assert_eq!(because(Circumstances { is_suitable: false, ..FINE }), Some(Obstacle::Stream));
        assert_eq!(because(Circumstances { is_same_codec: false, ..FINE }), Some(Obstacle::Codec));
        assert_eq!(because(Circumstances { is_same_picture: false, ..FINE }), Some(Obstacle::Picture));
        assert_eq!(because(Circumstances { camera_kbps: Some(2200.0), ..FINE }), Some(Obstacle::Bitrate));
        assert_eq!(because(Circumstances { camera_kbps: None, ..FINE }), Some(Obstacle::Bitrate));
        let forced = Circumstances { choice: PathChoice::PassThrough, camera_kbps: Some(9000.0), ..FINE };
        assert_eq!(because(forced), None);
    }

    #[test]
    fn a_bitrate_that_comes_and_goes_changes_nothing() {
        let (mut chooser, mut now) = (PathChooser::default(), Instant::now());
        let mut spend = |seconds, kbps, asked_kbps| {
            let is = Circumstances { camera_kbps: Some(kbps), asked_kbps, ..FINE };
            let mut seen = None;
            for _ in 0..seconds {
                now += Duration::from_secs(1);
                seen = chooser.obstacle(is, now);
            }
            seen
        };
        assert_eq!(spend(1, 1500.0, 2000), None);
        assert_eq!(spend(60, 2300.0, 2000), None, "a little too much");
        assert_eq!(spend(3, 3000.0, 2000), None, "for a moment");
        assert_eq!(spend(2, 1500.0, 2000), None);
        assert_eq!(spend(5, 1500.0, 800), Some(Obstacle::Bitrate), "less is asked for");
        assert_eq!(spend(9, 1500.0, 2000), Some(Obstacle::Bitrate));
        assert_eq!(spend(3, 1500.0, 2000), None, "the need has ended");
    }
}
