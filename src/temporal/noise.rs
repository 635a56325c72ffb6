//! Estimates the noise of the camera from its frames.

use super::smooth_step;
use crate::kernel::change::CellChange;

/// Least mean absolute noise, in levels: what video compression adds to a still picture.
const LEAST: f32 = 1.2;
/// Most mean absolute noise, in levels (a standard deviation of 12.5). A higher estimate would hide small movements.
const MOST: f32 = 10.0;
/// The quantile of the cells' differences that is the estimate. It is below one half, so that the still cells decide
/// even if most of the picture moves.
const CALM_SHARE: f32 = 0.25;
/// A cell with less noise than this is clipped or a letterbox bar, and says nothing about the sensor.
const DEAD: f32 = 0.05;
/// Raises estimates from within a frame: correlated noise shows less there than over time.
const WITHIN: f32 = 1.3;

/// Brightness steps with a noise level each. Sensor noise grows with light, gamma reverses that, and clipping cuts it
/// off.
const STEPS: usize = 16;
/// A step gets its own estimate if it has more than this fraction of the cells.
const ENOUGH: f32 = 0.01;
/// The noise of a step is at most this multiple of the picture's.
const STEEPEST: f32 = 2.5;
/// Noise is alike in all cells of a step; movement is not. If the upper quartile is up to `EVEN` times the lower one,
/// the step shows noise. From `UNEVEN` times on, it shows movement.
const EVEN: f32 = 1.25;
const UNEVEN: f32 = 1.6;

/// The camera's noise at each brightness, tracked over time.
#[derive(Clone, Debug)]
pub struct NoiseLevels {
    /// Mean absolute noise in levels: 0.8 standard deviations for normal noise.
    levels: [f32; STEPS],
    /// No frame of this scene has been measured yet.
    fresh: bool,
    /// Histograms of differences and corners, for each step and for all cells.
    steps: [[Histogram; 2]; STEPS],
    all: [Histogram; 2],
}

impl Default for NoiseLevels {
    fn default() -> Self {
        Self { levels: [LEAST; STEPS], fresh: true, steps: Default::default(), all: Default::default() }
    }
}

impl NoiseLevels {
    /// Starts a new scene: the next frame sets the levels directly.
    pub fn reset(&mut self) {
        self.fresh = true;
    }

    /// Mean absolute noise, in levels, at a `brightness` of 0 to 255.
    pub fn at(&self, brightness: f32) -> f32 {
        self.levels[step(brightness)]
    }

    /// Updates the estimate from one frame. `differences` are the cells' differences from the history, corrected for
    /// the history's own noise.
    ///
    /// There are two estimates, and the smaller one counts. The first comes from how much the calmer cells differ from
    /// their history; it is too high where everything moves. The second comes from the finest detail in the plainer
    /// cells of the frame; it is too high where everything has detail.
    pub fn follow(&mut self, cells: &[CellChange], differences: &[f32]) {
        self.steps.iter_mut().chain([&mut self.all]).flatten().for_each(Histogram::clear);
        for (cell, &difference) in cells.iter().zip(differences) {
            if difference > DEAD || cell.corner > DEAD {
                for [in_time, within] in [&mut self.steps[step(cell.brightness)], &mut self.all] {
                    in_time.add(difference);
                    within.add(cell.corner / 2.0);
                }
            }
        }
        let [in_time, within] = &self.all;
        let picture = in_time.quantile(CALM_SHARE).min(WITHIN * within.quantile(CALM_SHARE)).clamp(LEAST, MOST);
        for (level, [in_time, within]) in self.levels.iter_mut().zip(&self.steps) {
            let mut seen = picture;
            if in_time.count as f32 > ENOUGH * cells.len() as f32 {
                let own = in_time.quantile(CALM_SHARE).min(WITHIN * within.quantile(CALM_SHARE));
                let own = own.clamp(picture, (STEEPEST * picture).min(MOST));
                let spread = in_time.quantile(0.75) / in_time.quantile(0.25);
                seen += (own - picture) * (1.0 - smooth_step(spread, EVEN, UNEVEN));
            }
            // Noise does not change from frame to frame. If it seems to rise, the cause is usually movement, so it
            // rises slowly.
            let pace = match (self.fresh, seen < *level) {
                (true, _) => 1.0,
                (false, true) => 0.3,
                (false, false) => 0.1,
            };
            *level += (seen - *level) * pace;
        }
        self.fresh = false;
    }
}

fn step(brightness: f32) -> usize {
    (brightness as usize * STEPS / 256).min(STEPS - 1)
}

/// Histogram buckets per level.
const FINENESS: f32 = 16.0;
const BUCKETS: usize = 512;

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

    /// The level that the fraction `share` of the values is below. Always above 0; almost 0 for an empty histogram.
    fn quantile(&self, share: f32) -> f32 {
        let rank = (self.count as f32 * share) as u32;
        let mut seen = 0;
        let place = self.buckets.iter().position(|&count| {
            seen += count;
            seen > rank
        });
        (place.unwrap_or(0) as f32 + 0.5) / FINENESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise levels after one frame of 1000 cells. `cell` maps an index to brightness, difference and corner.
    fn levels(cell: impl Fn(usize) -> (f32, f32, f32)) -> NoiseLevels {
        let cell = |place| {
            let (brightness, difference, corner) = cell(place);
            CellChange { brightness, difference, corner, ..CellChange::default() }
        };
        let cells: Vec<CellChange> = (0..1000).map(cell).collect();
        let differences: Vec<f32> = cells.iter().map(|cell| cell.difference).collect();
        let mut levels = NoiseLevels::default();
        levels.follow(&cells, &differences);
        levels
    }

    #[test]
    fn noise_is_estimated_for_each_brightness() {
        let found = levels(|place| if place % 2 == 0 { (20.0, 3.0, 6.0) } else { (200.0, 6.0, 12.0) });
        assert!((found.at(20.0) - 3.0).abs() < 0.1 && (found.at(200.0) - 6.0).abs() < 0.1, "{:?}", found.levels);
    }

    #[test]
    fn uneven_movement_is_not_noise_even_at_its_own_brightness() {
        let moving = |place: usize| (200.0, 2.0 + (place % 37) as f32, 40.0);
        let found = levels(|place| if place % 2 == 0 { (20.0, 3.0, 6.0) } else { moving(place) });
        assert!((found.at(200.0) - found.at(20.0)).abs() < 0.1, "{:?}", found.levels);
    }

    #[test]
    fn a_pan_over_plain_and_detailed_areas_is_not_noise() {
        let found = levels(|place| (100.0, 20.0, if place % 3 == 0 { 2.0 } else { 30.0 }));
        assert!(found.at(100.0) < 1.5, "{:?}", found.levels);
    }

    #[test]
    fn letterbox_bars_do_not_hide_the_noise() {
        let found = levels(|place| if place % 2 == 0 { (0.0, 0.0, 0.0) } else { (90.0, 4.0, 8.0) });
        assert!((found.at(90.0) - 4.0).abs() < 0.1, "{:?}", found.levels);
    }
}
