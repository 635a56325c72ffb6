//! The picture that travels: RGB8 pixels with their size, place and time; and how large it may be.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::size::Size;

/// A ratio of two integers, as containers give time bases and frame rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rational {
    /// Numerator.
    pub num: i32,
    /// Denominator, above zero.
    pub den: i32,
}

impl Rational {
    /// The ratio as a number; 0 where the denominator is 0.
    pub fn as_f64(self) -> f64 {
        if self.den == 0 { 0.0 } else { f64::from(self.num) / f64::from(self.den) }
    }
}

/// The most pixels that a file's picture may claim: a few damaged or evil bytes can ask for all memory that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPixels(u64);

impl MaxPixels {
    /// Beyond this nothing is read: a gigapixel.
    const MOST: u64 = 1_000_000_000;

    /// The number of pixels.
    pub fn pixels(self) -> u64 {
        self.0
    }

    /// Refuses a size before memory is taken for it; `name` is what messages call the file.
    ///
    /// # Errors
    /// `width` x `height` is more than this, or nothing at all.
    pub fn check(self, name: &str, width: u32, height: u32) -> Result<()> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 {
            return Err(Error::failed(format!("{name} says that a side is 0 pixels long; get an undamaged copy")));
        }
        if pixels <= self.0 {
            return Ok(());
        }
        let cure = match pixels.div_ceil(1_000_000) {
            needed if pixels <= Self::MOST => format!("scale it down first, or allow it by --max-pixels {needed}"),
            _ => format!("scale it down first, to {} megapixels at most", Self::MOST / 1_000_000),
        };
        Err(Error::failed(format!(
            "{name} claims {width} x {height} pixels, and {self} megapixels are allowed; {cure}"
        )))
    }
}

impl Default for MaxPixels {
    /// More than the largest cameras of the day take (200 million), and than any video has.
    fn default() -> Self {
        Self(256_000_000)
    }
}

impl FromStr for MaxPixels {
    type Err = String;

    /// Parses millions of pixels.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            Ok(millions) if (0.001..=1000.0).contains(&millions) => Ok(Self((millions * 1e6) as u64)),
            _ => Err("must be from 0.001 to 1000 (megapixels)".to_owned()),
        }
    }
}

impl fmt::Display for MaxPixels {
    /// Millions of pixels.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0 as f64 / 1e6)
    }
}

/// Finds out whether `bytes` more can be had, without keeping them: what is denied here would end the program by a signal
/// where a library asks for it. `what` is what messages say they are for.
///
/// # Errors
/// They cannot.
pub fn room_for(what: &str, bytes: u64) -> Result<()> {
    let granted = usize::try_from(bytes).is_ok_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok());
    if granted {
        return Ok(());
    }
    let mib = bytes.div_ceil(1 << 20);
    Err(Error::failed(format!(
        "there is not enough memory for {what}: {mib} MiB more are needed; close other programs, raise a limit (ulimit -v), or make it smaller"
    )))
}

/// One frame of a picture, clip or camera.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// sRGB (or the clip's own R'G'B'), 8 bits, packed `[height][width][3]`; `len == width * height * 3`.
    pub pixels: Vec<u8>,
    /// Place in presentation order, from 0.
    pub index: u64,
    /// Presentation time in ticks of the source's time base.
    pub time: i64,
    /// How long the frame is shown, in the same ticks; 0 where the source does not say.
    pub duration: i64,
}

impl Frame {
    /// A black frame.
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height, pixels: vec![0; byte_len(width, height)], ..Self::default() }
    }

    /// Gives the frame a size; pixels keep no meaning. Grows the buffer at most once per size.
    pub fn resize(&mut self, width: u32, height: u32) {
        (self.width, self.height) = (width, height);
        self.pixels.resize(byte_len(width, height), 0);
    }

    /// When the frame is shown, by its own timestamp.
    pub fn stamp(&self) -> Stamp {
        Stamp { time: self.time, duration: self.duration }
    }

    /// Takes place and time from `other`, not its pixels.
    pub fn stamp_from(&mut self, other: &Self) {
        (self.index, self.time, self.duration) = (other.index, other.time, other.duration);
    }

    /// Its size.
    pub fn size(&self) -> Size {
        Size { width: self.width, height: self.height }
    }

    /// The pixels with their size.
    pub fn image(&self) -> Image<'_> {
        Image { width: self.width, height: self.height, pixels: &self.pixels }
    }
}

/// When a picture is shown, in ticks of a time base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// See [`Frame::time`].
    pub time: i64,
    /// See [`Frame::duration`].
    pub duration: i64,
}

/// A borrowed RGB8 picture, packed `[height][width][3]`.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width * height * 3` bytes.
    pub pixels: &'a [u8],
}

/// Bytes of an RGB8 picture.
pub fn byte_len(width: u32, height: u32) -> usize {
    width as usize * height as usize * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_held_to_the_limit_and_the_cure_is_the_flag_while_it_helps() {
        let limit: MaxPixels = "2".parse().unwrap();
        assert!(limit.check("'x'", 2000, 1000).is_ok());
        let words = |width, height| limit.check("'x'", width, height).unwrap_err().to_string();
        assert!(words(2000, 1001).contains("allow it by --max-pixels 3"), "{}", words(2000, 1001));
        assert!(words(60_000, 60_000).contains("to 1000 megapixels at most"), "{}", words(60_000, 60_000));
        assert!(words(u32::MAX, u32::MAX).contains("at most"));
        assert!(words(0, 5).contains("0 pixels"));
        for text in ["", "0", "-1", "1001", "NaN", "x"] {
            assert!(text.parse::<MaxPixels>().is_err(), "{text}");
        }
        assert_eq!(MaxPixels::default().to_string().parse(), Ok(MaxPixels::default()));
    }

    #[test]
    fn memory_that_cannot_be_had_is_refused() {
        assert!(room_for("a test", 1 << 20).is_ok());
        let error = room_for("a test", 1 << 62).unwrap_err().to_string();
        assert!(error.contains("not enough memory for a test"), "{error}");
    }
}
