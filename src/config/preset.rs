//! Named setpoints: size, frames per second and bitrate that suit each other.
//!
//! The names and figures are those of `GstWebRTCApp` 1.6, whose users know them.

use serde::Serialize;

use super::{OrCamera, Setpoint, SetpointChange, Size};
use crate::i18n::gettext_f;

/// Size, frames per second and bitrate that suit each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Preset {
    /// What it is called, such as `HD`.
    pub name: &'static str,
    /// The size of the picture.
    pub size: Size,
    /// Frames per second at most.
    pub framerate: u32,
    /// In kbit/s.
    pub bitrate_kbps: u32,
}

/// There is no such preset: what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum PresetError {
    /// A name.
    Name(String),
    /// A place in the list.
    Index(usize),
}

impl PresetError {
    /// What is wrong, and what would be right.
    fn sentence(&self) -> String {
        let names: Vec<&str> = Preset::ALL.iter().map(|preset| preset.name).collect();
        let names = names.join(", ");
        match self {
            Self::Name(name) => {
                let name: String = name.chars().take(40).flat_map(char::escape_debug).collect();
                gettext_f(
                    // Translators: {names} is a list such as LD, SD, HD.
                    "There is no preset “{name}”. Choose one of {names}.",
                    &[("name", &name), ("names", &names)],
                )
            }
            Self::Index(index) => gettext_f(
                // Translators: presets are counted from 0; {names} is a list such as LD, SD, HD.
                "There is no preset number {index}. Choose one from 0 to {last}: {names}.",
                &[("index", &index.to_string()), ("last", &(Preset::ALL.len() - 1).to_string()), ("names", &names)],
            ),
        }
    }
}

impl Preset {
    /// Every preset, the smallest first; agents know them by their place here.
    pub const ALL: [Self; 5] = [
        Self::new("LD", 640, 360, 15, 400),
        Self::new("SD", 854, 480, 20, 1000),
        Self::new("HD", 1280, 720, 20, 2500),
        Self::new("FHD", 1920, 1080, 20, 4000),
        Self::new("UHD", 3840, 2160, 30, 6000),
    ];

    const fn new(name: &'static str, width: u32, height: u32, framerate: u32, bitrate_kbps: u32) -> Self {
        Self { name, size: Size { width, height }, framerate, bitrate_kbps }
    }

    /// The preset of this name, in upper or lower case.
    ///
    /// # Errors
    /// None is called so.
    pub fn named(name: &str) -> Result<&'static Self, PresetError> {
        let found = Self::all().iter().find(|preset| preset.name.eq_ignore_ascii_case(name));
        found.ok_or_else(|| PresetError::Name(name.to_owned()))
    }

    /// The preset in this place, from 0.
    ///
    /// # Errors
    /// There are fewer.
    pub fn at(index: usize) -> Result<&'static Self, PresetError> {
        Self::all().get(index).ok_or(PresetError::Index(index))
    }

    /// The largest preset that needs no more than this, in kbit/s; `None` below the smallest.
    pub fn within(kbps: u32) -> Option<&'static Self> {
        Self::all().iter().rev().find(|preset| preset.bitrate_kbps <= kbps)
    }

    /// The preset that a feed is held to, if it is one.
    pub fn of(setpoint: &Setpoint) -> Option<&'static Self> {
        Self::all().iter().find(|preset| setpoint.with(&preset.change()) == *setpoint)
    }

    /// What holds a feed to it.
    pub fn change(&self) -> SetpointChange {
        SetpointChange {
            bitrate_kbps: Some(self.bitrate_kbps),
            size: Some(OrCamera::Set(self.size)),
            framerate: Some(OrCamera::Set(self.framerate)),
            ..SetpointChange::default()
        }
    }

    fn all() -> &'static [Self] {
        const { &Self::ALL }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Priority;

    #[test]
    fn every_preset_is_found_by_its_name_and_its_place_and_can_be_used() {
        for (index, preset) in Preset::ALL.iter().enumerate() {
            assert_eq!(Preset::named(preset.name), Ok(preset));
            assert_eq!(Preset::named(&preset.name.to_lowercase()), Ok(preset));
            assert_eq!(Preset::at(index), Ok(preset));
            assert_eq!(preset.change().check(), Ok(()));
        }
        let sd = Preset::named("sd").unwrap();
        assert_eq!((sd.size.to_string().as_str(), sd.framerate, sd.bitrate_kbps), ("854x480", 20, 1000));
    }

    #[test]
    fn another_name_or_place_is_refused_with_the_names_there_are() {
        for name in ["", "8K", "HD ", "é"] {
            assert_eq!(Preset::named(name), Err(PresetError::Name(name.into())));
        }
        let sentence = Preset::named("8K").unwrap_err().to_string();
        assert_eq!(sentence, "There is no preset “8K”. Choose one of LD, SD, HD, FHD, UHD.");
        let sentence = Preset::at(5).unwrap_err().to_string();
        assert_eq!(sentence, "There is no preset number 5. Choose one from 0 to 4: LD, SD, HD, FHD, UHD.");
        assert!(Preset::named(&"x\n".repeat(1000)).unwrap_err().to_string().len() < 200);
    }

    #[test]
    fn a_bitrate_has_the_largest_preset_that_fits() {
        let name = |kbps| Preset::within(kbps).map(|preset| preset.name);
        assert_eq!((name(0), name(399), name(400), name(999)), (None, None, Some("LD"), Some("LD")));
        assert_eq!((name(1000), name(3999), name(4000)), (Some("SD"), Some("HD"), Some("FHD")));
        assert_eq!((name(6000), name(u32::MAX)), (Some("UHD"), Some("UHD")));
    }

    #[test]
    fn a_setpoint_is_a_preset_when_all_three_values_are() {
        let other =
            Setpoint { bitrate_kbps: 999, size: None, framerate: None, fec_percent: 20, priority: Priority::High };
        assert_eq!(Preset::of(&other), None);
        for preset in &Preset::ALL {
            let held = other.with(&preset.change());
            assert_eq!(Preset::of(&held), Some(preset));
            assert_eq!(Preset::of(&Setpoint { framerate: Some(1), ..held }), None);
        }
    }
}
