//! How long a painting takes: the cost of a step grows with the pixels of its scale.

use std::time::Duration;

use crate::network::vgg19::Extent;

/// Seconds of one processor core for one step and pixel, to guess by before the first step. Measured: 1.40 s a step at
/// 512x341 on two cores.
const COST: f64 = 2.0 * 1.4 / (512.0 * 341.0);

/// How far a painting is, and how long the rest takes at most.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// Pixels of each scale, coarsest first: the cost of its steps.
    costs: Vec<f64>,
    /// Steps at each scale, at most.
    iterations: usize,
    /// Scale and step that were done last; none before the first.
    place: Option<(usize, usize)>,
    /// Time and cost of the steps of this scale that tell how fast it is.
    measured: (Duration, f64),
    /// Seconds for a unit of cost.
    pace: f64,
}

impl Estimate {
    /// Nothing is done yet.
    pub fn new(scales: &[Extent], iterations: usize) -> Self {
        let costs = scales.iter().map(|extent| extent.pixels() as f64).collect();
        Self { costs, iterations, place: None, measured: (Duration::ZERO, 0.0), pace: 0.0 }
    }

    /// The time of all steps on a processor with `threads` cores, as far as it can be guessed before the first.
    pub fn beforehand(&self, threads: usize) -> Duration {
        Duration::from_secs_f64(self.total() * COST / threads.max(1) as f64)
    }

    /// Takes in a step (counted from 1) that took `time`.
    pub fn step(&mut self, scale: usize, iteration: usize, time: Duration) {
        let cost = self.costs.get(scale).copied().unwrap_or_default().max(1.0);
        // The first step at a scale also opens its graph, so it tells little about the others.
        if self.place.is_none_or(|(last, _)| last != scale) {
            self.measured = (Duration::ZERO, 0.0);
            if self.place.is_none() {
                self.pace = time.as_secs_f64() / cost;
            }
        } else {
            self.measured = (self.measured.0 + time, self.measured.1 + cost);
            self.pace = self.measured.0.as_secs_f64() / self.measured.1;
        }
        self.place = Some((scale, iteration));
    }

    /// The fraction of the work that is done; a scale that ended early counts in full.
    pub fn fraction(&self) -> f64 {
        1.0 - self.rest() / self.total().max(1.0)
    }

    /// How long the rest takes if no scale ends early.
    pub fn left(&self) -> Duration {
        Duration::from_secs_f64(self.rest() * self.pace)
    }

    fn total(&self) -> f64 {
        self.costs.iter().sum::<f64>() * self.iterations as f64
    }

    /// The cost of all steps that are still to be done.
    fn rest(&self) -> f64 {
        let Some((scale, iteration)) = self.place else { return self.total() };
        let steps = self.iterations.saturating_sub(iteration) as f64;
        let here = self.costs.get(scale).copied().unwrap_or_default() * steps;
        here + self.costs.iter().skip(scale + 1).sum::<f64>() * self.iterations as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two scales of 100 steps: one of 1000 pixels, one of 4000.
    fn estimate() -> Estimate {
        let extent = |width| Extent { width, height: 100 };
        Estimate::new(&[extent(10), extent(40)], 100)
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_step_counts_by_its_pixels() {
        let mut estimate = estimate();
        assert_eq!(estimate.fraction(), 0.0);
        (1..=100).for_each(|step| estimate.step(0, step, 10 * MS));
        assert!((estimate.fraction() - 0.2).abs() < 1e-9, "{}", estimate.fraction());
        assert!((estimate.left().as_secs_f64() - 4.0).abs() < 1e-6, "{:?}", estimate.left());
    }

    #[test]
    fn opening_a_graph_is_not_taken_for_the_pace_of_the_steps() {
        let mut estimate = estimate();
        estimate.step(0, 1, 1000 * MS);
        assert!(estimate.left() > 400_000 * MS, "the first step is all that is known: {:?}", estimate.left());
        estimate.step(0, 2, 10 * MS);
        assert!((estimate.left().as_secs_f64() - 4.98).abs() < 1e-6, "{:?}", estimate.left());
        estimate.step(1, 1, 2000 * MS);
        assert!((estimate.left().as_secs_f64() - 3.96).abs() < 1e-6, "{:?}", estimate.left());
    }

    #[test]
    fn a_scale_that_ends_early_shortens_the_rest_and_not_the_pace() {
        let mut estimate = estimate();
        (1..=50).for_each(|step| estimate.step(0, step, 10 * MS));
        estimate.step(1, 1, 40 * MS);
        assert!((estimate.fraction() - (1.0 - 99.0 * 4.0 / 500.0)).abs() < 1e-9, "{}", estimate.fraction());
        assert!((estimate.left().as_secs_f64() - 3.96).abs() < 1e-6, "{:?}", estimate.left());
    }

    #[test]
    fn more_cores_take_less_time() {
        let estimate = estimate();
        let ratio = estimate.beforehand(2).as_secs_f64() / estimate.beforehand(4).as_secs_f64();
        assert!((ratio - 2.0).abs() < 1e-3, "{ratio}");
        assert_eq!(estimate.beforehand(0), estimate.beforehand(1));
    }
}
