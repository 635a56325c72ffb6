//! Finds where each part of a frame was in the frame before.
//!
//! The motion is found once for a frame, on a small grey copy, from coarse to fine: each cell of 4x4 pixels is compared with
//! where the last estimate says that it was, and the differences correct the estimate. Cells without texture take the motion of
//! neighbours that look like them (Horn and Schunck 1981, with weights that stop at edges of brightness and of motion).
//!
//! It remembers nothing but the frame before, so it finds the same motion wherever a job resumes.

mod level;

use crate::frame::Image;
use crate::kernel::luma::{self, Samples};

use level::Level;

/// The longer side of the grey copy, in pixels.
const LONGEST: usize = 160;
/// Levels are added while the shorter side has at least this many pixels.
const SHORTEST: usize = 16;

/// A frame shows another scene if this fraction of its contrast is left after the motion...
const CUT: f32 = 0.55;
/// ... and that is at least this many levels of 255.
const CUT_LEVELS: f32 = 5.0;

/// The motion of a frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Motion {
    /// Cells across and down the picture.
    pub columns: usize,
    /// See `columns`.
    pub rows: usize,
    /// Row by row: where the cell was in the frame before, relative to where it is, in cells.
    pub vectors: Vec<[f32; 2]>,
    /// The frame shows another scene: the vectors mean nothing.
    pub cut: bool,
}

/// Finds the motion from each frame to the next.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// Levels of the newest frame and of the one before, from fine to coarse.
    now: Vec<Level>,
    before: Vec<Level>,
    /// Samples of the same frames.
    samples: [Samples; 2],
    motion: Motion,
    estimate: level::Estimate,
}

impl Flow {
    /// The motion from the frame that was given last to `image`. The first frame is a cut, and so is one of another size.
    pub fn find(&mut self, image: Image<'_>) -> &Motion {
        std::mem::swap(&mut self.now, &mut self.before);
        self.samples.swap(0, 1);
        self.load(image);
        let Some(finest) = self.now.first() else { return &self.motion };
        (self.motion.columns, self.motion.rows) = finest.grid();
        self.motion.vectors.clear();
        self.motion.vectors.resize(self.motion.columns * self.motion.rows, [0.0; 2]);
        self.motion.cut = true;
        let alike = self.before.len() == self.now.len() && self.before.first().map(Level::size) == Some(finest.size());
        if alike {
            let [samples, old] = &self.samples;
            self.estimate.begin(self.now.len());
            luma::stillness(samples, old, finest.size().0, level::CELL, self.estimate.stillness());
            self.estimate.spread_stillness(&self.now);
            for (place, (now, before)) in self.now.iter().zip(&self.before).enumerate().rev() {
                self.estimate.refine(place, now, before);
            }
            let left = self.estimate.difference;
            let contrast = (finest.contrast() + self.before[0].contrast()) / 2.0;
            self.motion.cut = left > CUT * contrast && left > CUT_LEVELS;
            if !self.motion.cut {
                let cell = 1.0 / level::CELL as f32;
                for (vector, found) in self.motion.vectors.iter_mut().zip(&self.estimate.vectors) {
                    *vector = found.map(|pixels| pixels * cell);
                }
            }
        }
        &self.motion
    }

    /// Forgets the last frame: the next one starts a scene.
    pub fn forget(&mut self) {
        self.now.clear();
    }

    fn load(&mut self, image: Image<'_>) {
        let (width, height) = (image.width as usize, image.height as usize);
        if width == 0 || height == 0 {
            return self.now.clear();
        }
        let scale = (LONGEST as f32 / width.max(height) as f32).min(1.0);
        // Complete cells, where the frame is large enough.
        let side = |pixels: usize| {
            let cells = (pixels as f32 * scale / level::CELL as f32).round() as usize;
            (cells * level::CELL).clamp(level::CELL.min(pixels), pixels)
        };
        let (mut columns, mut rows) = (side(width), side(height));
        let mut count = 0;
        loop {
            if self.now.len() == count {
                self.now.push(Level::default());
            }
            let (finer, level) = self.now.split_at_mut(count);
            match finer.last() {
                None => {
                    let samples = &mut self.samples[0];
                    level[0].load(columns, rows, |pixels| luma::shrink(image, columns, rows, samples, pixels));
                }
                Some(finer) => level[0].load(columns, rows, |pixels| finer.halve(columns, rows, pixels)),
            }
            count += 1;
            if columns.min(rows) / 2 < SHORTEST {
                break;
            }
            (columns, rows) = (columns / 2, rows / 2);
        }
        self.now.truncate(count);
    }
}

#[cfg(test)]
pub(super) mod tests;
