//! A test picture that moves: what a camera would give, without one.

use super::{Source, SourceFormat};
use crate::error::Result;
use crate::frame::{Frame, Rational};

/// Colour gradients drifting behind a moving disc, the same for the same index on every machine.
#[derive(Debug)]
pub struct SyntheticSource {
    format: SourceFormat,
    next: u64,
}

impl SyntheticSource {
    /// Endless frames of `width` x `height` at `frame_rate`, 30 a second unless given.
    pub fn at(width: u32, height: u32, frame_rate: Option<Rational>) -> Self {
        let mut source = Self::new(width, height, None);
        if let Some(rate) = frame_rate {
            source.format.frame_rate = rate;
            source.format.time_base = Rational { num: rate.den, den: rate.num };
        }
        source
    }

    /// `frames` frames (endless if `None`) of `width` x `height` at 30 a second.
    pub fn new(width: u32, height: u32, frames: Option<u64>) -> Self {
        let frame_rate = Rational { num: 30, den: 1 };
        let time_base = Rational { num: 1, den: 30 };
        Self { format: SourceFormat { width, height, frame_rate, time_base, frames }, next: 0 }
    }
}

impl Source for SyntheticSource {
    fn format(&self) -> SourceFormat {
        self.format
    }

    fn next(&mut self, frame: &mut Frame) -> Result<bool> {
        if self.format.frames.is_some_and(|frames| self.next >= frames) {
            return Ok(false);
        }
        frame.resize(self.format.width, self.format.height);
        frame.index = self.next;
        frame.time = self.next.cast_signed();
        frame.duration = 1;
        draw(frame, self.next);
        self.next += 1;
        Ok(true)
    }
}

fn draw(frame: &mut Frame, index: u64) {
    let (width, height) = (i64::from(frame.width), i64::from(frame.height));
    let phase = (index % 120).cast_signed();
    let (center_x, center_y) = (width * phase / 120, height / 2);
    let radius = (width.min(height) / 6).max(1);
    for (y, row) in (0..).zip(frame.pixels.chunks_exact_mut(frame.width as usize * 3)) {
        for (x, pixel) in (0..).zip(row.chunks_exact_mut(3)) {
            let (dx, dy) = (x - center_x, y - center_y);
            let inside = dx * dx + dy * dy < radius * radius;
            let drift = (x * 255 / width + phase * 2) % 256;
            let color = if inside { [250, 210, 60] } else { [drift, y * 255 / height, 255 - drift] };
            pixel.copy_from_slice(&color.map(|channel| channel as u8));
        }
    }
}
