//! The picture that travels: RGB8 pixels with their size, place and time.

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

    /// Takes place and time from `other`, not its pixels.
    pub fn stamp_from(&mut self, other: &Self) {
        (self.index, self.time, self.duration) = (other.index, other.time, other.duration);
    }

    /// The pixels with their size.
    pub fn image(&self) -> Image<'_> {
        Image { width: self.width, height: self.height, pixels: &self.pixels }
    }
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
