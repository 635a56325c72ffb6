//! The size of the strokes, and with it the size at which a network sees a picture.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::size::Size;

/// Factors that a [`Scale`] may have.
pub const FACTORS: RangeInclusive<f32> = 0.05..=20.0;

/// Stroke size: a factor from 0.05 to 20, relative to the picture or in pixels.
///
/// ```
/// use impasto::Scale;
///
/// assert_eq!("2".parse(), Ok(Scale::Picture(2.0)));
/// assert_eq!("1px".parse(), Ok(Scale::Pixels(1.0)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// In proportion to the picture: at 1, the network sees it with the short side that it was trained for, so a picture has
    /// the same strokes at every resolution; 2 doubles them. A picture with a shorter side is seen as it is.
    Picture(f32),
    /// In pixels: at 1, the network sees every pixel of the picture; 2 doubles the strokes.
    Pixels(f32),
}

impl Default for Scale {
    fn default() -> Self {
        Self::Picture(1.0)
    }
}

impl Scale {
    /// The factor, of either kind.
    pub fn factor(self) -> f32 {
        match self {
            Self::Picture(factor) | Self::Pixels(factor) => factor,
        }
    }

    /// The same kind with another factor.
    #[must_use]
    pub fn with_factor(self, factor: f32) -> Self {
        match self {
            Self::Picture(_) => Self::Picture(factor),
            Self::Pixels(_) => Self::Pixels(factor),
        }
    }

    /// The size at which a network sees a picture of size `full`. `side` is the short side that it was trained for; without
    /// one, it sees the picture as it is. `reduction` divides the sides further.
    pub fn seen(self, full: Size, side: Option<u32>, reduction: f32) -> Size {
        let by = match (self, side) {
            (Self::Picture(factor), Some(side)) => {
                let short = full.width.min(full.height) as f32;
                (short / side.max(1) as f32).max(1.0) * factor
            }
            (Self::Picture(_), None) => 1.0,
            (Self::Pixels(factor), _) => factor,
        };
        let by = f64::from(by) * f64::from(reduction);
        let side = |pixels: u32| ((f64::from(pixels) / by).round() as u32).max(1);
        Size { width: side(full.width), height: side(full.height) }
    }
}

impl FromStr for Scale {
    /// The reason, as a clause.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, kind): (_, fn(f32) -> Self) = match text.strip_suffix("px") {
            Some(number) => (number, Self::Pixels),
            None => (text, Self::Picture),
        };
        let factor: f32 =
            number.parse().map_err(|_| "must be a factor such as 2, or 2px to count in pixels".to_owned())?;
        if FACTORS.contains(&factor) {
            return Ok(kind(factor));
        }
        Err(format!("must be from {} to {}", FACTORS.start(), FACTORS.end()))
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Picture(factor) => write!(out, "{factor}"),
            Self::Pixels(factor) => write!(out, "{factor}px"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_of_the_picture_and_of_its_pixels_parse_and_print_and_others_are_refused() {
        for (text, scale) in [("1", Scale::Picture(1.0)), ("0.5", Scale::Picture(0.5)), ("2px", Scale::Pixels(2.0))] {
            assert_eq!((text.parse(), scale.to_string().as_str()), (Ok(scale), text));
        }
        for (text, reason) in [
            ("0", "must be from 0.05 to 20"),
            ("21px", "must be from 0.05 to 20"),
            ("NaN", "must be from 0.05 to 20"),
            ("px", "such as 2, or 2px"),
            ("2 px", "such as 2, or 2px"),
            ("-1px", "must be from"),
            ("", "such as 2"),
        ] {
            let error = text.parse::<Scale>().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn every_resolution_is_seen_at_the_trained_side_and_a_smaller_one_as_it_is() {
        let seen = |width, height, scale: Scale| scale.seen(Size::new(width, height), Some(432), 1.0);
        let usual = Scale::default();
        for full in [(768, 432), (1280, 720), (1920, 1080), (3840, 2160)] {
            assert_eq!(seen(full.0, full.1, usual), Size::new(768, 432));
        }
        assert_eq!(seen(3000, 4000, usual), Size::new(432, 576));
        assert_eq!(seen(640, 360, usual), Size::new(640, 360));
        assert_eq!(seen(640, 360, Scale::Picture(0.5)), Size::new(1280, 720));
        assert_eq!(seen(3840, 2160, Scale::Picture(2.0)), Size::new(384, 216));
        assert_eq!(seen(3840, 2160, Scale::Pixels(2.0)), Size::new(1920, 1080));
        assert_eq!(seen(1, 1, Scale::Picture(20.0)), Size::new(1, 1));
        assert_eq!(usual.seen(Size::new(1920, 1080), Some(432), 1.5), Size::new(512, 288));
        assert_eq!(usual.seen(Size::new(1920, 1080), None, 1.0), Size::new(1920, 1080));
    }
}
