//! How noisy the camera is, judged from what it shows.

use crate::kernel::change::CellChange;

/// Mean absolute noise that is taken for granted, in levels: what video compression does to a still picture.
const LEAST: f32 = 1.2;
/// More than this is no noise (a standard deviation of 12.5 levels): small movements would hide behind it.
const MOST: f32 = 10.0;
/// The share of cells that are calmer than the estimate. Below a half, so that a picture that mostly moves is judged by
/// what does not.
const CALM_SHARE: f32 = 0.25;
/// A cell that shows less than this is clipped or a letterbox bar, and says nothing about the sensor.
const DEAD: f32 = 0.05;
/// Histogram buckets a level.
const FINENESS: f32 = 16.0;
const BUCKETS: usize = 512;

/// The camera's noise, followed over time.
#[derive(Clone, Debug)]
pub struct NoiseLevel {
    /// Mean absolute noise in levels; of normal noise, 0.8 standard deviations.
    level: f32,
    /// Nothing has been seen yet, or the scene is new.
    fresh: bool,
    differences: Histogram,
    corners: Histogram,
}

impl Default for NoiseLevel {
    fn default() -> Self {
        Self { level: LEAST, fresh: true, differences: Histogram::default(), corners: Histogram::default() }
    }
}

impl NoiseLevel {
    /// Forgets the scene.
    pub fn reset(&mut self) {
        self.fresh = true;
    }

    /// Takes what the cells show and gives the noise, in levels. `differences` are those of a frame and a perfectly
    /// known scene.
    ///
    /// Two judgements, of which the smaller counts: in time, how much the calmer cells differ from their history (too
    /// much where everything moves), and within the frame, the finest detail of the plainer cells (too much where
    /// everything has detail).
    pub fn follow(&mut self, cells: &[CellChange], differences: &[f32]) -> f32 {
        self.differences.clear();
        self.corners.clear();
        for (cell, &difference) in cells.iter().zip(differences) {
            if difference > DEAD || cell.corner > DEAD {
                self.differences.add(difference);
                self.corners.add(cell.corner / 2.0);
            }
        }
        // Correlated noise shows less within a frame than in time.
        let within = 1.3 * self.corners.quantile(CALM_SHARE);
        let seen = self.differences.quantile(CALM_SHARE).min(within).clamp(LEAST, MOST);
        // Noise does not change from frame to frame; what seems to make it rise is movement more often than not.
        let pace = match (self.fresh, seen < self.level) {
            (true, _) => 1.0,
            (false, true) => 0.3,
            (false, false) => 0.1,
        };
        self.level += (seen - self.level) * pace;
        self.fresh = false;
        self.level
    }
}

#[derive(Clone, Debug)]
struct Histogram {
    buckets: Vec<u32>,
    count: u32,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0 }
    }
}

impl Histogram {
    fn clear(&mut self) {
        self.buckets.fill(0);
        self.count = 0;
    }

    fn add(&mut self, levels: f32) {
        self.buckets[((levels * FINENESS) as usize).min(BUCKETS - 1)] += 1;
        self.count += 1;
    }

    /// The level that `share` of those counted are below; 0 if none were.
    fn quantile(&self, share: f32) -> f32 {
        let rank = (self.count as f32 * share) as u32;
        let mut seen = 0;
        let place = self.buckets.iter().position(|&count| {
            seen += count;
            seen > rank
        });
        place.map_or(0.0, |bucket| (bucket as f32 + 0.5) / FINENESS)
    }
}
