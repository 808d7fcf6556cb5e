//! What a running feed is held to, and how that is changed.
//!
//! The settings file says what a feed starts with; a person or an agent changes it from there,
//! always by a [`SetpointChange`] that passed [`SetpointChange::check`].

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FeedConfig, PictureConfig, Priority, Size};
use crate::i18n::gettext_f;

/// What a feed is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Setpoint {
    /// The encoder's bitrate in kbit/s, within [`FeedConfig::BITRATE_KBPS`].
    pub bitrate_kbps: u32,
    /// The size of the picture; `None` is that of the camera.
    pub size: Option<Size>,
    /// Frames per second at most, within [`PictureConfig::FRAMERATE`]; `None` is what the camera
    /// sends.
    pub framerate: Option<u32>,
    /// Forward error correction added to what is sent, in percent of it, within
    /// [`Setpoint::FEC_PERCENT`].
    pub fec_percent: u32,
    /// How urgent its packets are to the network.
    pub priority: Priority,
}

impl Setpoint {
    /// What may be added to correct errors, in percent.
    pub const FEC_PERCENT: RangeInclusive<u32> = 0..=100;

    /// What a feed with these settings starts with.
    pub fn of(config: &FeedConfig) -> Self {
        Self {
            bitrate_kbps: config.bitrate_kbps,
            size: config.picture.size,
            framerate: config.picture.framerate,
            fec_percent: config.fec_percent,
            priority: config.priority,
        }
    }

    /// Makes these settings start with it.
    pub fn store(self, config: &mut FeedConfig) {
        config.bitrate_kbps = self.bitrate_kbps;
        config.picture.size = self.size;
        config.picture.framerate = self.framerate;
        config.fec_percent = self.fec_percent;
        config.priority = self.priority;
    }

    /// The same with a change that was checked.
    #[must_use]
    pub fn with(self, change: &SetpointChange) -> Self {
        Self {
            bitrate_kbps: change.bitrate_kbps.unwrap_or(self.bitrate_kbps),
            size: change.size.map_or(self.size, OrCamera::value),
            framerate: change.framerate.map_or(self.framerate, OrCamera::value),
            fec_percent: change.fec_percent.unwrap_or(self.fec_percent),
            priority: change.priority.unwrap_or(self.priority),
        }
    }

    /// What has to be changed in this one to make it the other.
    pub fn change_to(self, other: Self) -> SetpointChange {
        SetpointChange {
            bitrate_kbps: (other.bitrate_kbps != self.bitrate_kbps).then_some(other.bitrate_kbps),
            size: (other.size != self.size).then(|| other.size.into()),
            framerate: (other.framerate != self.framerate).then(|| other.framerate.into()),
            fec_percent: (other.fec_percent != self.fec_percent).then_some(other.fec_percent),
            priority: (other.priority != self.priority).then_some(other.priority),
        }
    }
}

/// A value, or what the camera sends: `"camera"` in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OrCamera<T> {
    /// As the camera sends it.
    Camera,
    /// This.
    #[serde(untagged)]
    Set(T),
}

impl<T> OrCamera<T> {
    /// `None` is as the camera sends it.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Camera => None,
            Self::Set(value) => Some(value),
        }
    }
}

impl<T> From<Option<T>> for OrCamera<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Camera, Self::Set)
    }
}

/// What is to be different from now on; what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SetpointChange {
    /// In kbit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitrate_kbps: Option<u32>,
    /// The size of the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<OrCamera<Size>>,
    /// Frames per second at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framerate: Option<OrCamera<u32>>,
    /// In percent of what is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fec_percent: Option<u32>,
    /// How urgent its packets are to the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}

impl SetpointChange {
    /// Another bitrate, in kbit/s.
    pub fn bitrate(kbps: u32) -> Self {
        Self { bitrate_kbps: Some(kbps), ..Self::default() }
    }

    /// Another size; `None` is that of the camera.
    pub fn size(size: Option<Size>) -> Self {
        Self { size: Some(size.into()), ..Self::default() }
    }

    /// Other frames per second; `None` is what the camera sends.
    pub fn framerate(framerate: Option<u32>) -> Self {
        Self { framerate: Some(framerate.into()), ..Self::default() }
    }

    /// Whether nothing is to be different.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// This change, and after it another.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        Self {
            bitrate_kbps: later.bitrate_kbps.or(self.bitrate_kbps),
            size: later.size.or(self.size),
            framerate: later.framerate.or(self.framerate),
            fec_percent: later.fec_percent.or(self.fec_percent),
            priority: later.priority.or(self.priority),
        }
    }

    /// Whether a feed can be held to this.
    ///
    /// # Errors
    /// The first value that is out of its range.
    pub fn check(&self) -> Result<(), SetpointError> {
        within(self.bitrate_kbps, &FeedConfig::BITRATE_KBPS).map_err(SetpointError::Bitrate)?;
        if let Some(OrCamera::Set(size)) = self.size {
            Size::new(size.width, size.height).map_err(|_| SetpointError::Size(size))?;
        }
        let framerate = self.framerate.and_then(OrCamera::value);
        within(framerate, &PictureConfig::FRAMERATE).map_err(SetpointError::Framerate)?;
        within(self.fec_percent, &Setpoint::FEC_PERCENT).map_err(SetpointError::Fec)
    }
}

/// The value comes back where it is out of the range.
fn within(value: Option<u32>, range: &RangeInclusive<u32>) -> Result<(), u32> {
    value.filter(|value| !range.contains(value)).map_or(Ok(()), Err)
}

/// A value to which no feed can be held. Nothing of the change was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum SetpointError {
    /// The bitrate in kbit/s.
    Bitrate(u32),
    /// The size.
    Size(Size),
    /// Frames per second.
    Framerate(u32),
    /// Forward error correction in percent.
    Fec(u32),
}

impl SetpointError {
    /// What was asked for, and what can be asked for instead.
    fn sentence(self) -> String {
        let (value, range) = match self {
            Self::Bitrate(kbps) => (kbps.to_string(), FeedConfig::BITRATE_KBPS),
            Self::Size(size) => (size.to_string(), Size::SIDE),
            Self::Framerate(framerate) => (framerate.to_string(), PictureConfig::FRAMERATE),
            Self::Fec(percent) => (percent.to_string(), Setpoint::FEC_PERCENT),
        };
        let (least, most) = (range.start().to_string(), range.end().to_string());
        let values = [("value", value.as_str()), ("least", &least), ("most", &most)];
        match self {
            Self::Bitrate(_) => gettext_f(
                "A bitrate of {value} kbit/s cannot be used. Choose one from {least} to {most} kbit/s.",
                &values,
            ),
            Self::Size(_) => gettext_f(
                "A size of {value} cannot be used. Choose an even width and an even height, each from {least} to {most} pixels.",
                &values,
            ),
            Self::Framerate(_) => gettext_f(
                "A rate of {value} frames per second cannot be used. Choose one from {least} to {most}.",
                &values,
            ),
            Self::Fec(_) => {
                gettext_f("Error correction of {value} % cannot be used. Choose from {least} to {most} %.", &values)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HD: Size = Size { width: 1280, height: 720 };

    fn start() -> Setpoint {
        Setpoint { bitrate_kbps: 2000, size: None, framerate: None, fec_percent: 0, priority: Priority::Low }
    }

    fn size(width: u32, height: u32) -> SetpointChange {
        SetpointChange::size(Some(Size { width, height }))
    }

    fn fec(percent: u32) -> SetpointChange {
        SetpointChange { fec_percent: Some(percent), ..SetpointChange::default() }
    }

    #[test]
    fn every_bound_is_allowed_and_nothing_beyond_it() {
        let allowed = [
            SetpointChange::default(),
            SetpointChange::bitrate(50),
            SetpointChange::bitrate(100_000),
            size(16, 16),
            size(8192, 8192),
            size(854, 480),
            SetpointChange::size(None),
            SetpointChange::framerate(Some(1)),
            SetpointChange::framerate(Some(240)),
            SetpointChange::framerate(None),
            fec(0),
            fec(100),
        ];
        for change in allowed {
            assert_eq!(change.check(), Ok(()), "{change:?}");
        }
        for kbps in [0, 49, 100_001, u32::MAX] {
            assert_eq!(SetpointChange::bitrate(kbps).check(), Err(SetpointError::Bitrate(kbps)));
        }
        for (width, height) in [(0, 0), (641, 360), (640, 361), (14, 360), (640, 8194), (u32::MAX, 2)] {
            assert_eq!(size(width, height).check(), Err(SetpointError::Size(Size { width, height })));
        }
        for framerate in [0, 241, u32::MAX] {
            let change = SetpointChange::framerate(Some(framerate));
            assert_eq!(change.check(), Err(SetpointError::Framerate(framerate)));
        }
        for percent in [101, u32::MAX] {
            assert_eq!(fec(percent).check(), Err(SetpointError::Fec(percent)));
        }
    }

    #[test]
    fn one_bad_value_refuses_the_whole_change() {
        let change = SetpointChange { framerate: Some(OrCamera::Set(0)), ..SetpointChange::bitrate(900) };
        assert_eq!(change.check(), Err(SetpointError::Framerate(0)));
    }

    #[test]
    fn a_refusal_names_the_value_and_what_is_allowed() {
        let sentences = [
            (SetpointError::Bitrate(0), "A bitrate of 0 kbit/s cannot be used. Choose one from 50 to 100000 kbit/s."),
            (
                SetpointError::Size(Size { width: 641, height: 360 }),
                "A size of 641x360 cannot be used. Choose an even width and an even height, each from 16 to 8192 pixels.",
            ),
            (
                SetpointError::Framerate(500),
                "A rate of 500 frames per second cannot be used. Choose one from 1 to 240.",
            ),
            (SetpointError::Fec(101), "Error correction of 101 % cannot be used. Choose from 0 to 100 %."),
        ];
        for (error, sentence) in sentences {
            assert_eq!(error.to_string(), sentence);
        }
    }

    #[test]
    fn a_change_leaves_alone_what_it_does_not_name() {
        let changed = start().with(&size(1280, 720)).with(&SetpointChange::framerate(Some(20)));
        assert_eq!(changed, Setpoint { size: Some(HD), framerate: Some(20), ..start() });
        let back = SetpointChange::size(None).then(SetpointChange::framerate(None));
        assert_eq!(changed.with(&back), start());
        assert!(start().with(&SetpointChange::default()) == start() && SetpointChange::default().is_empty());
    }

    #[test]
    fn the_later_of_two_changes_wins() {
        let both = SetpointChange::bitrate(900).then(fec(20)).then(SetpointChange::bitrate(700));
        assert_eq!(both, SetpointChange { fec_percent: Some(20), ..SetpointChange::bitrate(700) });
    }

    #[test]
    fn the_way_from_one_setpoint_to_another_is_found() {
        let other = Setpoint {
            bitrate_kbps: 700,
            size: Some(HD),
            framerate: Some(9),
            fec_percent: 5,
            priority: Priority::High,
        };
        assert_eq!(start().with(&start().change_to(other)), other);
        assert_eq!(other.with(&other.change_to(start())), start());
        assert!(other.change_to(other).is_empty());
    }

    #[test]
    fn a_change_crosses_serde_as_people_would_write_it() {
        let change: SetpointChange =
            serde_json::from_str(r#"{"size": "1280x720", "framerate": "camera", "priority": 4}"#).unwrap();
        let expected = SetpointChange {
            size: Some(OrCamera::Set(HD)),
            framerate: Some(OrCamera::Camera),
            priority: Some(Priority::High),
            ..SetpointChange::default()
        };
        assert_eq!(change, expected);
        let json = serde_json::to_string(&change).unwrap();
        assert_eq!(json, r#"{"size":"1280x720","framerate":"camera","priority":4}"#);
        assert!(serde_json::from_str::<SetpointChange>(r#"{"bitrate": 900}"#).is_err(), "an unknown key is told");
        let all = serde_json::to_string(&start()).unwrap();
        assert_eq!(serde_json::from_str::<Setpoint>(&all).unwrap(), start());
    }
}
