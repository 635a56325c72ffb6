//! Frames: RGB8 pixels with size, index and timestamp; and the limit on their size.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::size::Size;

/// A ratio of two integers, for time bases and frame rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rational {
    /// Numerator.
    pub num: i32,
    /// Denominator, above zero.
    pub den: i32,
}

impl Rational {
    /// The ratio as a number; 0 if the denominator is 0.
    pub fn as_f64(self) -> f64 {
        if self.den == 0 { 0.0 } else { f64::from(self.num) / f64::from(self.den) }
    }
}

/// The most pixels that a picture or frame may have. It is checked before memory is allocated, since a few damaged or
/// malicious bytes can claim any size. Parses from a number of megapixels, 0.001 to 1000.
///
/// ```
/// use impasto::MaxPixels;
///
/// let limit: MaxPixels = "0.5".parse()?;
/// assert_eq!(limit.pixels(), 500_000);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPixels {
    pixels: u64,
    /// It is nobody's choice: messages do not speak of a flag that raises it.
    fixed: bool,
}

impl MaxPixels {
    /// A limit that nobody can raise.
    pub(crate) const fn fixed(pixels: u64) -> Self {
        Self { pixels, fixed: true }
    }

    /// The highest limit that can be set: a gigapixel.
    const MOST: u64 = 1_000_000_000;

    /// The number of pixels.
    pub fn pixels(self) -> u64 {
        self.pixels
    }

    /// Checks a size before memory is allocated for it. `name` stands for the file in messages.
    ///
    /// # Errors
    /// `width` x `height` is more than this, or 0.
    pub(crate) fn check(self, name: &str, width: u32, height: u32) -> Result<()> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 {
            return Err(Error::failed(format!("{name} claims {width} x {height} pixels; get an undamaged copy")));
        }
        if pixels <= self.pixels {
            return Ok(());
        }
        let cure = match pixels.div_ceil(1_000_000) {
            _ if self.fixed => "scale it down first".to_owned(),
            needed if pixels <= Self::MOST => format!("scale it down first, or allow it with --max-pixels {needed}"),
            _ => format!("scale it down first, to {} megapixels at most", Self::MOST / 1_000_000),
        };
        Err(Error::failed(format!(
            "{name} claims {width} x {height} pixels, more than the limit of {self} megapixels; {cure}"
        )))
    }
}

impl Default for MaxPixels {
    /// 256 megapixels: more than today's largest cameras take (200) and than any video has.
    fn default() -> Self {
        Self { pixels: 256_000_000, fixed: false }
    }
}

impl FromStr for MaxPixels {
    type Err = String;

    /// Parses a number of megapixels, 0.001 to 1000.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            Ok(millions) if (0.001..=1000.0).contains(&millions) => {
                Ok(Self { pixels: (millions * 1e6) as u64, fixed: false })
            }
            _ => Err("must be from 0.001 to 1000 (megapixels)".to_owned()),
        }
    }
}

impl fmt::Display for MaxPixels {
    /// The number of megapixels.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.pixels as f64 / 1e6)
    }
}

/// Checks that `bytes` more can be allocated, and frees them again. Where a library allocates them, a failure would
/// abort the program. `what` says in messages what they are for.
///
/// # Errors
/// There is not enough memory.
pub fn room_for(what: &str, bytes: u64) -> Result<()> {
    let granted = usize::try_from(bytes).is_ok_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok());
    if granted {
        return Ok(());
    }
    let mib = bytes.div_ceil(1 << 20);
    Err(Error::failed(format!(
        "not enough memory for {what}: {mib} MiB more are needed; close other programs, raise the limit (ulimit -v), or scale it down"
    )))
}

/// One frame of a video or camera, or a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// sRGB, or the video's own R'G'B': 8 bits, packed `[height][width][3]`; `width * height * 3` bytes.
    pub pixels: Vec<u8>,
    /// Index in presentation order, from 0.
    pub index: u64,
    /// Presentation time in ticks of the source's time base.
    pub time: i64,
    /// How long the frame is shown, in the same ticks; 0 if the source does not say.
    pub duration: i64,
    /// Closed captions that come with the frame, as in ATSC A/53; empty without any.
    pub captions: Vec<u8>,
    /// The HDR picture behind the pixels, if the painting is to become HDR again.
    #[doc(hidden)]
    pub hdr: Option<Arc<HdrOriginal>>,
}

/// An HDR picture and what was shown of it to be painted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HdrOriginal {
    /// R'G'B' in the film's own curve and primaries, 16 bits, packed as [`Frame::pixels`].
    pub codes: Vec<u16>,
    /// The pixels of the frame before it was painted.
    pub seen: Vec<u8>,
    /// The brightness that the picture was graded for, in cd/m².
    pub peak: u32,
}

impl Frame {
    /// A black frame.
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height, pixels: vec![0; byte_len(width, height)], ..Self::default() }
    }

    /// Sets the size. The pixels keep no meaning: fill them. Allocates only if the buffer has to grow.
    pub fn resize(&mut self, width: u32, height: u32) {
        (self.width, self.height) = (width, height);
        self.pixels.resize(byte_len(width, height), 0);
    }

    /// Checks a frame that a caller filled.
    ///
    /// # Errors
    /// It has no pixels, or `pixels` is longer or shorter than its size needs.
    pub(crate) fn check(&self) -> Result<()> {
        let needed = u128::from(self.width) * u128::from(self.height) * 3;
        let found = self.pixels.len();
        if needed > 0 && found as u128 == needed {
            return Ok(());
        }
        let (width, height) = (self.width, self.height);
        Err(Error::usage(match needed {
            0 => format!("a frame of {width}x{height} has no pixels; give it a size"),
            _ => format!("a frame of {width}x{height} holds {found} bytes and needs {needed}: width x height x 3"),
        }))
    }

    /// The timestamp and the duration.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { time: self.time, duration: self.duration }
    }

    /// Copies index, timestamp, duration, captions and the HDR original from `other`, but not its pixels.
    pub(crate) fn stamp_from(&mut self, other: &Self) {
        self.captions.clone_from(&other.captions);
        self.hdr.clone_from(&other.hdr);
        (self.index, self.time, self.duration) = (other.index, other.time, other.duration);
    }

    /// The width and height.
    pub(crate) fn size(&self) -> Size {
        Size { width: self.width, height: self.height }
    }

    /// The pixels with their size.
    pub fn image(&self) -> Image<'_> {
        Image { width: self.width, height: self.height, pixels: &self.pixels }
    }
}

/// When and how long a frame is shown, in ticks of a time base.
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
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `width * height * 3` bytes.
    pub pixels: &'a [u8],
}

/// The number of bytes in an RGB8 picture.
pub fn byte_len(width: u32, height: u32) -> usize {
    width as usize * height as usize * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_above_the_limit_is_refused_and_the_flag_is_offered_where_it_helps() {
        let limit: MaxPixels = "2".parse().unwrap();
        assert!(limit.check("'x'", 2000, 1000).is_ok());
        let words = |width, height| limit.check("'x'", width, height).unwrap_err().to_string();
        assert!(words(2000, 1001).contains("allow it with --max-pixels 3"), "{}", words(2000, 1001));
        assert!(words(60_000, 60_000).contains("to 1000 megapixels at most"), "{}", words(60_000, 60_000));
        assert!(words(u32::MAX, u32::MAX).contains("at most"));
        assert!(words(0, 5).contains("0 x 5 pixels"));
        for text in ["", "0", "-1", "1001", "NaN", "x"] {
            assert!(text.parse::<MaxPixels>().is_err(), "{text}");
        }
        assert_eq!(MaxPixels::default().to_string().parse(), Ok(MaxPixels::default()));
    }

    #[test]
    fn a_frame_without_the_bytes_of_its_size_is_refused() {
        assert!(Frame::new(4, 3).check().is_ok());
        let words = |frame: Frame| frame.check().unwrap_err().to_string();
        assert!(words(Frame { width: 5, ..Frame::new(4, 3) }).contains("holds 36 bytes and needs 45"));
        assert!(words(Frame { height: u32::MAX, width: u32::MAX, ..Frame::default() }).contains("holds 0 bytes"));
        assert!(words(Frame::default()).contains("has no pixels"));
    }

    #[test]
    fn memory_that_cannot_be_allocated_is_an_error() {
        assert!(room_for("a test", 1 << 20).is_ok());
        let error = room_for("a test", 1 << 62).unwrap_err().to_string();
        assert!(error.contains("not enough memory for a test"), "{error}");
    }
}
