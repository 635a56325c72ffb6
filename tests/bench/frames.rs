//! Frames to measure with: textured and moving, with a little noise, and the same in every version of the program.

// Each benchmark uses its share of these.
#![allow(dead_code, reason = "each test uses its share of it")]

use std::fmt;

use impasto::Frame;

/// Columns and rows.
#[derive(Clone, Copy)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

pub const SMALL: Size = Size { width: 640, height: 360 };
pub const LARGE: Size = Size { width: 1280, height: 720 };
pub const FULL_HD: Size = Size { width: 1920, height: 1080 };
pub const BOTH: [Size; 2] = [SMALL, LARGE];

impl Size {
    pub fn half(self) -> Self {
        Self { width: self.width / 2, height: self.height / 2 }
    }

    pub fn pixels(self) -> usize {
        self.width as usize * self.height as usize
    }
}

impl fmt::Display for Size {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}x{}", self.width, self.height)
    }
}

/// Frame `index` of a scene: a disc crosses a still, textured ground, and a camera adds noise of a few levels.
pub fn scene(size: Size, index: u64) -> Frame {
    let mut frame = Frame::new(size.width, size.height);
    frame.index = index;
    frame.time = index.cast_signed();
    frame.duration = 1;
    let (width, height) = (i64::from(size.width), i64::from(size.height));
    let (center_x, center_y, radius) = (index.cast_signed() * 6 % width, height / 2, height / 6);
    let mut noise = Noise(index + 1);
    for (y, row) in (0..).zip(frame.pixels.chunks_exact_mut(size.width as usize * 3)) {
        for (x, pixel) in (0..).zip(row.chunks_exact_mut(3)) {
            let inside = (x - center_x).pow(2) + (y - center_y).pow(2) < radius.pow(2);
            let weave = (x * y / 37 + x * 3 + y * 5) % 48;
            let color = if inside { [230, 190, 60] } else { [x * 200 / width, y * 200 / height, 120] };
            for (byte, level) in pixel.iter_mut().zip(color) {
                *byte = (level + weave + noise.next()).clamp(0, 255) as u8;
            }
        }
    }
    frame
}

/// Levels from -3 to 4, by a xorshift generator (Marsaglia 2003).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 61).cast_signed() - 3
    }
}
