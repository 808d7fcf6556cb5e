//! Which size and rate suit a bitrate.

use std::time::{Duration, Instant};

use crate::config::{Preset, Setpoint, SetpointChange, Size};

/// How far beyond the border to the next preset a bitrate has to be.
const DOWN: f64 = 0.90;
const UP: f64 = 1.15;
/// And for how long.
const DOWN_AFTER: Duration = Duration::from_millis(700);
const UP_AFTER: Duration = Duration::from_secs(3);
/// Up to this many lines pictures are also made fewer: of so small ones motion suffers least.
const FEW_LINES: u32 = 480;

/// Follows the bitrate from preset to preset, with hysteresis. A preset bounds the picture and
/// never enlarges it; above the picture's own size there is nothing to choose.
#[derive(Debug, Default)]
pub(super) struct PictureSteps {
    /// Which of [`Preset::ALL`]; `None` before the first.
    step: Option<usize>,
    /// Since when another is asked for, and which.
    asked: Option<(usize, Instant)>,
}

impl PictureSteps {
    /// Size and rate for this bitrate; `own` is what a person would have it show, `camera` what there is.
    pub(super) fn change(&mut self, kbps: f64, own: &Setpoint, camera: Option<Size>, now: Instant) -> SetpointChange {
        let step = self.step(kbps, now);
        let Some(picture) = own.size.or(camera) else { return SetpointChange::default() };
        let preset = &Preset::ALL[step];
        let size =
            if picture.height > preset.size.height { Some(picture.within(preset.size.height)) } else { own.size };
        let is_few = preset.size.height <= FEW_LINES && picture.height > preset.size.height;
        let framerate = if is_few {
            Some(own.framerate.map_or(preset.framerate, |own| own.min(preset.framerate)))
        } else {
            own.framerate
        };
        SetpointChange::size(size).then(SetpointChange::framerate(framerate))
    }

    /// Nothing is too little for the picture: as a person would have it.
    pub(super) fn own(&mut self, own: &Setpoint) -> SetpointChange {
        *self = Self::default();
        SetpointChange::size(own.size).then(SetpointChange::framerate(own.framerate))
    }

    fn step(&mut self, kbps: f64, now: Instant) -> usize {
        let Some(step) = self.step else { return *self.step.insert(nearest(kbps)) };
        let is_below = step > 0 && kbps < DOWN * border(step - 1);
        let is_above = step + 1 < Preset::ALL.len() && kbps > UP * border(step);
        if !is_below && !is_above {
            self.asked = None;
            return step;
        }
        let (next, patience) = if is_below { (step - 1, DOWN_AFTER) } else { (step + 1, UP_AFTER) };
        let since = match self.asked {
            Some((asked, since)) if asked == next => since,
            _ => self.asked.insert((next, now)).1,
        };
        if now.duration_since(since) < patience {
            return step;
        }
        self.asked = None;
        // All the way: each size costs the viewers a key frame.
        *self.step.insert(nearest(kbps))
    }
}

/// The bitrate in the middle between a preset and the next, by ratio.
fn border(step: usize) -> f64 {
    let kbps = |step: usize| f64::from(Preset::ALL[step].bitrate_kbps);
    (kbps(step) * kbps(step + 1)).sqrt()
}

fn nearest(kbps: f64) -> usize {
    (0..Preset::ALL.len() - 1).take_while(|step| kbps > border(*step)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{OrCamera, Priority};

    const HD: Option<Size> = Some(Size { width: 1280, height: 720 });
    const OWN: Setpoint =
        Setpoint { bitrate_kbps: 2000, size: None, framerate: None, fec_percent: 0, priority: Priority::Low };

    struct Bench(PictureSteps, Instant);

    impl Bench {
        fn new() -> Self {
            Self(PictureSteps::default(), Instant::now())
        }

        /// What this bitrate leads to after so many seconds: lines, and frames per second.
        fn spend(&mut self, seconds: f64, kbps: f64) -> (Option<u32>, Option<u32>) {
            let mut change = self.0.change(kbps, &OWN, HD, self.1);
            for _ in 0..(seconds * 10.0) as u32 {
                self.1 += Duration::from_millis(100);
                change = self.0.change(kbps, &OWN, HD, self.1);
            }
            (change.size.and_then(OrCamera::value).map(|size| size.height), change.framerate.and_then(OrCamera::value))
        }
    }

    #[test]
    fn the_picture_follows_the_bitrate_down_and_up() {
        let mut bench = Bench::new();
        assert_eq!(bench.spend(0.0, 4000.0), (None, None), "the camera's own is small enough");
        assert_eq!(bench.spend(2.0, 1000.0), (Some(480), Some(20)));
        assert_eq!(bench.spend(2.0, 300.0), (Some(360), Some(15)));
        assert_eq!(bench.spend(2.0, 4000.0), (Some(360), Some(15)), "up takes longer");
        assert_eq!(bench.spend(2.0, 4000.0), (None, None));
    }

    #[test]
    fn a_bitrate_on_the_border_changes_nothing() {
        let mut bench = Bench::new();
        bench.spend(0.0, 1600.0);
        for _ in 0..20 {
            assert_eq!(bench.spend(5.0, 1500.0), (None, None));
            assert_eq!(bench.spend(0.5, 1000.0), (None, None), "for a moment only");
            assert_eq!(bench.spend(5.0, 1700.0), (None, None));
        }
        assert_eq!(bench.spend(1.0, 1300.0), (Some(480), Some(20)));
        assert_eq!(bench.spend(60.0, 1700.0), (Some(480), Some(20)));
    }

    #[test]
    fn what_a_person_made_small_is_never_enlarged() {
        let own = Setpoint { size: Some(Size { width: 320, height: 180 }), framerate: Some(10), ..OWN };
        let change = PictureSteps::default().change(8000.0, &own, HD, Instant::now());
        assert_eq!(own.with(&change), own);
        let change = PictureSteps::default().change(300.0, &own, HD, Instant::now());
        assert_eq!(own.with(&change), own);
    }
}
