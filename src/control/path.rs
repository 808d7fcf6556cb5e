//! Whether a camera's stream goes to the viewers as it is, or is encoded anew.

use std::time::{Duration, Instant};

use super::limit::Limit;
use crate::config::{PathChoice, Setpoint, Size};

/// How long a camera may send more bits than are asked for: its bitrate comes and goes with what it sees.
const TOO_MUCH_FOR: Duration = Duration::from_secs(3);

/// Why a stream that viewers could take is encoded anew all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The operator wants it so.
    Choice,
    /// The camera has no stream that could be taken as it is, or it was not looked at for long enough.
    Stream,
    /// The viewers are sent another codec; the camera's stream is for those who do not take that.
    Codec,
    /// Something is done to the pictures.
    Picture,
    /// Another size is asked for than the camera's.
    Size,
    /// Fewer pictures a second are asked for than the camera sends.
    Framerate,
    /// Fewer bits are asked for than the camera sends.
    Bitrate,
}

impl Obstacle {
    /// Whether another stream of the same camera, with less in it, might have it not.
    pub fn asks_for_less(self) -> bool {
        matches!(self, Self::Size | Self::Framerate | Self::Bitrate)
    }
}

/// What a camera's stream is like.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StreamForm {
    /// `None` before its first picture.
    pub size: Option<Size>,
    /// In kbit/s; `None` while it is not known.
    pub kbps: Option<f64>,
    /// Frames a second; `None` while it is not known.
    pub framerate: Option<f64>,
}

/// Who asks for a bitrate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A person, or the settings: there is time to see whether the camera stays above it.
    Person,
    /// An agent: viewers' connections carry no more, and have not for a while.
    Agent,
}

/// What is known of camera and wishes.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// What the operator wants.
    pub choice: PathChoice,
    /// Viewers could take the stream as it is.
    pub is_suitable: bool,
    /// Nothing is done to the pictures: they are not turned, cropped or the like.
    pub is_same_picture: bool,
    /// What the camera sends.
    pub camera: StreamForm,
    /// What is asked for.
    pub asked: Setpoint,
    /// Who asks.
    pub asker: Asker,
}

/// Chooses the path, with hysteresis.
#[derive(Debug)]
pub struct PathChooser {
    too_much: Limit,
    too_fast: Limit,
}

impl Default for PathChooser {
    fn default() -> Self {
        // A camera's rate is what it is: nothing comes and goes that would have to be waited for.
        Self { too_much: Limit::new(TOO_MUCH_FOR), too_fast: Limit::new(Duration::ZERO) }
    }
}

impl PathChooser {
    /// What keeps the stream from going out as it is now; `None` where nothing does. Where the operator wants
    /// nothing but that, no wish does.
    pub fn obstacle(&mut self, is: Circumstances, now: Instant) -> Option<Obstacle> {
        if is.choice == PathChoice::PassThrough {
            return (!is.is_suitable).then_some(Obstacle::Stream);
        }
        lasting_obstacle(&is).or_else(|| self.too_fast(&is, now)).or_else(|| self.too_much(&is, now))
    }

    fn too_fast(&mut self, is: &Circumstances, now: Instant) -> Option<Obstacle> {
        let most = f64::from(is.asked.framerate?);
        let is_too_fast = self.too_fast.exceeds(is.camera.framerate, most, now).unwrap_or(true);
        is_too_fast.then_some(Obstacle::Framerate)
    }

    fn too_much(&mut self, is: &Circumstances, now: Instant) -> Option<Obstacle> {
        self.too_much.set_patience(if is.asker == Asker::Agent { Duration::ZERO } else { TOO_MUCH_FOR });
        let is_too_much = self.too_much.exceeds(is.camera.kbps, is.asked.bitrate_kbps.into(), now).unwrap_or(true);
        is_too_much.then_some(Obstacle::Bitrate)
    }
}

fn lasting_obstacle(is: &Circumstances) -> Option<Obstacle> {
    if is.choice == PathChoice::Transcode {
        Some(Obstacle::Choice)
    } else if !is.is_suitable {
        Some(Obstacle::Stream)
    } else if !is.is_same_picture {
        Some(Obstacle::Picture)
    } else if is.asked.size.is_some_and(|asked| is.camera.size != Some(asked)) {
        Some(Obstacle::Size)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Priority;

    const SIZE: Size = Size { width: 1280, height: 720 };
    const SMALL: Size = Size { width: 640, height: 360 };
    const FINE: Circumstances = Circumstances {
        choice: PathChoice::Automatic,
        is_suitable: true,
        is_same_picture: true,
        camera: StreamForm { size: Some(SIZE), kbps: Some(1500.0), framerate: Some(15.0) },
        asked: Setpoint { bitrate_kbps: 2000, size: None, framerate: None, fec_percent: 0, priority: Priority::Low },
        asker: Asker::Person,
    };

    fn sends(kbps: Option<f64>) -> Circumstances {
        Circumstances { camera: StreamForm { kbps, ..FINE.camera }, ..FINE }
    }

    #[test]
    fn what_viewers_can_take_goes_out_as_it_is() {
        let now = Instant::now();
        assert_eq!(PathChooser::default().obstacle(FINE, now), None);
        let because = |is| PathChooser::default().obstacle(is, now);
        assert_eq!(because(Circumstances { choice: PathChoice::Transcode, ..FINE }), Some(Obstacle::Choice));
        assert_eq!(because(Circumstances { is_suitable: false, ..FINE }), Some(Obstacle::Stream));
        assert_eq!(because(Circumstances { is_same_picture: false, ..FINE }), Some(Obstacle::Picture));
        let sized = |size| Circumstances { asked: Setpoint { size: Some(size), ..FINE.asked }, ..FINE };
        assert_eq!((because(sized(SIZE)), because(sized(SMALL))), (None, Some(Obstacle::Size)));
        assert_eq!(because(sends(Some(2200.0))), Some(Obstacle::Bitrate));
        assert_eq!(because(sends(None)), Some(Obstacle::Bitrate));
    }

    #[test]
    fn who_wants_nothing_but_the_cameras_stream_gets_no_other_for_a_wish() {
        let only = |is| {
            PathChooser::default().obstacle(Circumstances { choice: PathChoice::PassThrough, ..is }, Instant::now())
        };
        let asked = Setpoint { bitrate_kbps: 500, size: Some(SMALL), framerate: Some(5), ..FINE.asked };
        assert_eq!(only(Circumstances { asked, is_same_picture: false, ..FINE }), None);
        assert_eq!(only(Circumstances { is_suitable: false, ..FINE }), Some(Obstacle::Stream), "nobody would see it");
    }

    #[test]
    fn a_limit_that_the_camera_keeps_by_itself_changes_nothing() {
        let (mut chooser, mut now) = (PathChooser::default(), Instant::now());
        let mut after = |seconds, most, framerate| {
            now += Duration::from_secs(seconds);
            let asked = Setpoint { framerate: most, ..FINE.asked };
            chooser.obstacle(Circumstances { asked, camera: StreamForm { framerate, ..FINE.camera }, ..FINE }, now)
        };
        assert_eq!(after(0, Some(15), None), Some(Obstacle::Framerate), "it is not known yet");
        assert_eq!(after(1, Some(15), Some(15.1)), None);
        assert_eq!(after(1, Some(20), Some(14.9)), None);
        assert_eq!(after(1, Some(10), Some(15.0)), Some(Obstacle::Framerate), "and acts at once");
        assert_eq!(after(1, None, Some(15.0)), None);
        assert_eq!(after(1, Some(10), None), Some(Obstacle::Framerate), "a camera that is away sends no less");
        assert_eq!(after(1, Some(15), Some(15.0)), Some(Obstacle::Framerate));
        assert_eq!(after(10, Some(15), Some(15.0)), None, "it has been well for long enough");
    }

    #[test]
    fn what_an_agent_asks_for_is_done_at_once_and_undone_as_slowly() {
        let (mut chooser, now) = (PathChooser::default(), Instant::now());
        let agents = |bitrate_kbps| Circumstances {
            asker: Asker::Agent,
            asked: Setpoint { bitrate_kbps, ..FINE.asked },
            ..FINE
        };
        assert_eq!(chooser.obstacle(agents(2000), now), None);
        assert_eq!(chooser.obstacle(agents(800), now), Some(Obstacle::Bitrate));
        assert_eq!(chooser.obstacle(agents(2000), now + Duration::from_secs(1)), Some(Obstacle::Bitrate));
        assert_eq!(chooser.obstacle(agents(2000), now + Duration::from_secs(12)), None);
    }

    #[test]
    fn a_bitrate_that_comes_and_goes_changes_nothing() {
        let (mut chooser, mut now) = (PathChooser::default(), Instant::now());
        let mut spend = |seconds, kbps, asked_kbps| {
            let is = Circumstances { asked: Setpoint { bitrate_kbps: asked_kbps, ..FINE.asked }, ..sends(Some(kbps)) };
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
