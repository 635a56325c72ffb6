//! Times, sizes, frame rates and field orders as people write them.

use std::str::FromStr;

use crate::frame::Rational;
use crate::size::Size;

/// A point or span of time in seconds, 0 or more. Parses `12.5`, `MM:SS` and `HH:MM:SS.fraction`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Seconds(pub f64);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not a time; write seconds (12.5) or [HH:]MM:SS[.fraction]");
        let parts: Vec<&str> = text.split(':').collect();
        if parts.len() > 3 {
            return Err(wrong());
        }
        let mut total = 0.0;
        for (place, part) in parts.iter().enumerate() {
            let value: f64 = part.parse().map_err(|_| wrong())?;
            let is_last = place + 1 == parts.len();
            let in_range = place == 0 || value < 60.0;
            if !value.is_finite() || value < 0.0 || !in_range || (!is_last && value.fract() != 0.0) {
                return Err(wrong());
            }
            total = total * 60.0 + value;
        }
        Ok(Self(total))
    }
}

/// A requested frame size; `None` for one side keeps the aspect ratio. Parses `1280x720`, `1280x-1` and `-1x720`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeRequest {
    /// Width in pixels, 1 to 16384.
    pub width: Option<u32>,
    /// Height in pixels, 1 to 16384.
    pub height: Option<u32>,
}

impl SizeRequest {
    /// The size for a picture that has size `own`. A missing side follows its aspect ratio, and is at least 1.
    pub(crate) fn of(self, own: Size) -> Size {
        let Size { width, height } = own;
        let follow = |side: u32, own: u32, other: u32| {
            ((f64::from(side) * f64::from(own) / f64::from(other)).round() as u32).max(1)
        };
        match (self.width, self.height) {
            (Some(w), Some(h)) => Size::new(w, h),
            (Some(w), None) => Size::new(w, follow(w, height, width)),
            (None, Some(h)) => Size::new(follow(h, width, height), h),
            (None, None) => own,
        }
    }
}

impl FromStr for SizeRequest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "'{text}' is not a size; write WIDTHxHEIGHT, such as 1280x720 or 1280x-1, with sides from 1 to 16384"
            )
        };
        let (width, height) = text.split_once('x').ok_or_else(wrong)?;
        let side = |text: &str| match text {
            "-1" => Ok(None),
            _ => match text.parse() {
                Ok(side @ 1..=16384) => Ok(Some(side)),
                _ => Err(wrong()),
            },
        };
        let size = Self { width: side(width)?, height: side(height)? };
        if size.width.is_none() && size.height.is_none() { Err(wrong()) } else { Ok(size) }
    }
}

/// A constant frame rate in frames per second, 0.001 to 1000. Parses `24`, `29.97` and `30000/1001`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRate(pub Rational);

impl FrameRate {
    /// The frame rate of numbered pictures and raw frames if none is given: 25, as in FFmpeg.
    pub const PICTURES: Self = Self(Rational { num: 25, den: 1 });
}

impl FromStr for FrameRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not a frame rate; write 24, 29.97 or 30000/1001, from 0.001 to 1000");
        let rate = match text.split_once('/') {
            Some((num, den)) => {
                Rational { num: num.parse().map_err(|_| wrong())?, den: den.parse().map_err(|_| wrong())? }
            }
            None => rational(text.parse().map_err(|_| wrong())?),
        };
        let sensible = rate.num > 0 && rate.den > 0 && (0.001..=1000.0).contains(&rate.as_f64());
        if sensible { Ok(Self(rate)) } else { Err(wrong()) }
    }
}

/// Which pictures of an interlaced film to deinterlace. Parses `marked`, `top` and `bottom`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deinterlace {
    /// Those that the film marks as interlaced, in its own field order.
    Marked,
    /// All, for a film whose marks are missing or wrong; the top field is the earlier one.
    TopFirst,
    /// All; the bottom field is the earlier one.
    BottomFirst,
}

impl Deinterlace {
    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Marked => "marked",
            Self::TopFirst => "top",
            Self::BottomFirst => "bottom",
        }
    }
}

impl FromStr for Deinterlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = [Self::Marked, Self::TopFirst, Self::BottomFirst].into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| "no such field order; choose marked, top or bottom".into())
    }
}

/// `rate` as a fraction. 23.976, 29.97, 59.94 and the like mean the exact NTSC rates; others are rounded to a thousandth.
fn rational(rate: f64) -> Rational {
    for base in [24, 30, 48, 60, 120] {
        let ntsc = Rational { num: base * 1000, den: 1001 };
        if (ntsc.as_f64() - rate).abs() < 0.006 {
            return ntsc;
        }
    }
    if rate.fract() == 0.0 && rate < 1e6 {
        return Rational { num: rate as i32, den: 1 };
    }
    Rational { num: (rate * 1000.0).round() as i32, den: 1000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_clock_times() {
        for (text, seconds) in [("0", 0.0), ("12.5", 12.5), ("1:02", 62.0), ("01:00:00.5", 3600.5), ("90:00", 5400.0)] {
            assert_eq!(text.parse(), Ok(Seconds(seconds)), "{text}");
        }
        for text in ["", "-1", "1:60", "1:2:3:4", "x", "1.5:00", "inf", "NaN"] {
            assert!(text.parse::<Seconds>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_needs_at_least_one_side() {
        assert_eq!("640x360".parse::<SizeRequest>().unwrap().of(Size::new(1, 1)), Size::new(640, 360));
        assert_eq!("640x-1".parse::<SizeRequest>().unwrap().of(Size::new(1920, 1080)), Size::new(640, 360));
        assert_eq!("-1x90".parse::<SizeRequest>().unwrap().of(Size::new(1920, 1080)), Size::new(160, 90));
        for text in ["-1x-1", "640", "0x5", "5x0", "99999x1", "axb", "640x360x2"] {
            assert!(text.parse::<SizeRequest>().is_err(), "{text}");
        }
    }

    #[test]
    fn ntsc_rates_are_exact() {
        let rate = |text: &str| text.parse::<FrameRate>().map(|FrameRate(rate)| (rate.num, rate.den));
        assert_eq!(rate("29.97"), Ok((30000, 1001)));
        assert_eq!(rate("23.976"), Ok((24000, 1001)));
        assert_eq!(rate("30000/1001"), Ok((30000, 1001)));
        assert_eq!(rate("25"), Ok((25, 1)));
        assert_eq!(rate("12.5"), Ok((12500, 1000)));
        for text in ["0", "-5", "1/0", "x", "1e9", "0/1"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
