//! The size of a picture.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::i18n::gettext;

/// Width and height of a picture in pixels, both even: 4:2:0 has a colour per two by two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Size {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// The text is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", size_rule())]
pub struct SizeError;

fn size_rule() -> String {
    gettext("a size is two even numbers from 16 to 8192, such as 1280x720")
}

impl Size {
    /// What width and height may be, in pixels: below, encoders refuse; above, browsers do.
    pub const SIDE: RangeInclusive<u32> = 16..=8192;

    /// A size that encoders and browsers take.
    ///
    /// # Errors
    /// A side is odd or outside [`Self::SIDE`].
    pub fn new(width: u32, height: u32) -> Result<Self, SizeError> {
        let fits = |side: u32| Self::SIDE.contains(&side) && side.is_multiple_of(2);
        if fits(width) && fits(height) { Ok(Self { width, height }) } else { Err(SizeError) }
    }

    /// This size, or a smaller one of the same shape with at most so many lines.
    #[must_use]
    pub fn within(self, lines: u32) -> Self {
        if self.height <= lines {
            return self;
        }
        let even = |side: u32| (side & !1).clamp(*Self::SIDE.start(), *Self::SIDE.end());
        let width = u64::from(self.width) * u64::from(lines) / u64::from(self.height);
        Self { width: even(u32::try_from(width).unwrap_or(u32::MAX)), height: even(lines) }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let (width, height) = text.split_once(['x', '×']).ok_or(SizeError)?;
        let side = |text: &str| text.parse().map_err(|_| SizeError);
        Self::new(side(width)?, side(height)?)
    }
}

impl TryFrom<String> for Size {
    type Error = SizeError;

    fn try_from(text: String) -> Result<Self, SizeError> {
        text.parse()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> String {
        size.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_even_and_bounded() {
        assert_eq!("640x360".parse(), Ok(Size { width: 640, height: 360 }));
        assert_eq!("1280×720".parse(), Size::new(1280, 720));
        for bad in ["", "640", "640x", "641x360", "0x0", "-2x2", "99998x2", "640x360x2", "+640x360 "] {
            assert_eq!(bad.parse::<Size>(), Err(SizeError), "{bad}");
        }
    }
}
