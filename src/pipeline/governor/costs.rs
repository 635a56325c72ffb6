//! What networks take at each size.
//!
//! A frame costs a fixed part, whatever its size, and a part in proportion to the area: threads have to be woken, and what
//! else a show does holds up the networks. Both parts are fitted to what was measured. If only one size is known, or sizes
//! that hardly differ, a usual share decides between them.

use super::{LEVELS, REDUCTIONS, area};

/// The factor by which the costs of two sizes may differ from what the fit tells.
const ODD: f64 = 1.6;

/// The usual share of the fixed part in the cost of the largest size.
const USUAL: f64 = 0.1;

/// The largest share that is believed.
const LARGEST: f64 = 0.97;

/// How firmly the usual share is held against what was measured: relative errors count with their squares.
const FIRM: f64 = 0.04;

/// Seconds per frame at some of the [`REDUCTIONS`].
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    known: [Option<Known>; LEVELS],
    /// The usual share of the fixed part.
    share: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Known {
    seconds: f64,
    /// Above 0 and up to 1.
    weight: f64,
}

/// Seconds for a frame of any size, and for its area.
#[derive(Clone, Copy, Debug)]
struct Parts {
    fixed: f64,
    per_area: f64,
}

impl Parts {
    fn at(self, level: usize) -> f64 {
        self.fixed + self.per_area * area(level)
    }

    fn share(self) -> f64 {
        self.fixed / (self.fixed + self.per_area)
    }
}

impl Default for Costs {
    fn default() -> Self {
        Self { known: [None; LEVELS], share: USUAL }
    }
}

impl Costs {
    /// With the cost at a reduction; one that is none of the [`REDUCTIONS`] is left out.
    #[must_use]
    pub fn with(mut self, reduction: f32, seconds: f64) -> Self {
        let level = REDUCTIONS.iter().position(|known| (known - reduction).abs() < 1e-3);
        if let Some(level) = level.filter(|_| seconds.is_finite() && seconds > 0.0) {
            self.learn(level, seconds);
        }
        self
    }

    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        self.known.iter().all(Option::is_none)
    }

    /// The reductions and their costs, as far as they are known.
    pub fn known(&self) -> impl Iterator<Item = (f32, f64)> {
        REDUCTIONS.into_iter().zip(self.known).filter_map(|(reduction, known)| Some((reduction, known?.seconds)))
    }

    /// These, and those of `others` where these are not known. Costs that differ by more than [`ODD`] from what these tell were
    /// measured on a machine that was busier or less busy: they are left out.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        let fits = |level: usize, known: &Known| {
            let expected = self.at(level);
            self.is_empty() || (expected / ODD..=expected * ODD).contains(&known.seconds)
        };
        let other = |level: usize| others.known[level].filter(|known| fits(level, known));
        Self { known: std::array::from_fn(|level| self.known[level].or(other(level))), share: self.share }
    }

    /// The costs of two networks that run one after the other; nothing if one of them is not known.
    #[must_use]
    pub fn plus(&self, others: &Self) -> Self {
        if self.is_empty() || others.is_empty() {
            return Self::default();
        }
        let sum = |level| Known { seconds: self.at(level) + others.at(level), weight: 1.0 };
        Self { known: std::array::from_fn(|level| Some(sum(level))), ..Self::default() }
    }

    /// The cost at a level, known or fitted. If nothing is known, the largest size costs 1.
    pub fn at(&self, level: usize) -> f64 {
        let fitted = self.fit().at(level);
        self.known[level].map_or(fitted, |Known { seconds, weight }| fitted + weight * (seconds - fitted))
    }

    /// The cost at a level becomes known.
    pub fn learn(&mut self, level: usize, seconds: f64) {
        self.known[level] = Some(Known { seconds, weight: 1.0 });
    }

    /// The usual share of the fixed part moves halfway to what is known.
    pub fn settle(&mut self) {
        self.share = (self.share + self.fit().share()) / 2.0;
    }

    /// Leaves `fraction` of the weight of what is known at other levels than this one.
    pub fn forget(&mut self, except: usize, fraction: f64) {
        for (_, known) in self.known.iter_mut().enumerate().filter(|(level, _)| *level != except) {
            if let Some(Known { weight, .. }) = known {
                *weight *= fraction;
            }
        }
    }

    /// The parts that come nearest to what is known, by least squares.
    fn fit(&self) -> Parts {
        let usual = Parts { fixed: self.share, per_area: 1.0 - self.share };
        let points = || (0..LEVELS).filter_map(|level| Some((area(level), usual.at(level), self.known[level]?)));
        let weights: f64 = points().map(|(.., known)| known.weight).sum();
        if weights == 0.0 {
            return usual;
        }
        // What the largest size costs if the share is the usual one.
        let largest = points().map(|(_, usual, known)| known.weight * known.seconds / usual).sum::<f64>() / weights;
        // Each row asks: across * fixed + down * per_area = value.
        let held = FIRM.sqrt() / largest;
        let mut sums = [held * (1.0 - self.share), -held * self.share, 0.0];
        let mut square = [sums[0] * sums[0], sums[0] * sums[1], sums[1] * sums[1], 0.0, 0.0];
        for (area, _, Known { seconds, weight }) in points() {
            let root = weight.sqrt();
            sums = [root / seconds, root * area / seconds, root];
            let [across, down, value] = sums;
            let terms = [across * across, across * down, down * down, across * value, down * value];
            square.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        }
        let [aa, ab, bb, av, bv] = square;
        let determinant = aa * bb - ab * ab;
        let (fixed, per_area) = ((av * bb - bv * ab) / determinant, (bv * aa - av * ab) / determinant);
        let share = fixed / (fixed + per_area);
        if determinant > 0.0 && fixed >= 0.0 && per_area >= 0.0 && share <= LARGEST {
            return Parts { fixed, per_area };
        }
        // The nearest share that can be; then only the sum is open.
        let share = if fixed < 0.0 { 0.0 } else { LARGEST };
        let unit = Parts { fixed: share, per_area: 1.0 - share };
        let (mut above, mut below) = (0.0, 0.0);
        for level in 0..LEVELS {
            if let Some(Known { seconds, weight }) = self.known[level] {
                let ratio = unit.at(level) / seconds;
                above += weight * ratio;
                below += weight * ratio * ratio;
            }
        }
        let sum = above / below;
        Parts { fixed: share * sum, per_area: (1.0 - share) * sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Costs of a fixed part and a part for the area, known at some reductions.
    fn costs(fixed: f64, per_area: f64, reductions: &[f32]) -> Costs {
        let cost = |reduction: f32| fixed + per_area / f64::from(reduction * reduction);
        reductions.iter().fold(Costs::default(), |costs, &reduction| costs.with(reduction, cost(reduction)))
    }

    #[test]
    fn known_costs_are_given_back_and_others_follow_the_usual_share() {
        let costs = Costs::default().with(2.0, 0.010).with(1.37, 9.0).with(3.0, f64::NAN);
        assert_eq!(costs.known().collect::<Vec<_>>(), [(2.0, 0.010)]);
        assert!((costs.at(6) - 0.010).abs() < 1e-9);
        let largest = 0.010 / (USUAL + (1.0 - USUAL) / 4.0);
        assert!((costs.at(0) - largest).abs() < 1e-6 && costs.at(8) > 0.010 * 4.0 / 9.0);
        let sum = costs.plus(&Costs::default().with(1.0, 0.030));
        assert!((sum.at(0) - largest - 0.030).abs() < 1e-6);
        assert!(costs.plus(&Costs::default()).is_empty());
    }

    #[test]
    fn a_fixed_part_is_found_from_two_sizes_that_differ_and_not_believed_from_two_that_hardly_do() {
        for fixed in [0.0, 0.004, 0.012, 0.025] {
            let known = costs(fixed, 0.020, &[1.2, 3.0]);
            let error = known.at(0) / (fixed + 0.020) - 1.0;
            assert!(error.abs() < 0.06, "{fixed}: {error}");
        }
        // Noise of a twentieth on neighbours must not turn round what is expected of all the other sizes.
        let noisy = Costs::default().with(1.0, 0.030 * 0.95).with(1.1, 0.030 * 0.855 * 1.05);
        let usual = Costs::default().with(1.0, 0.030);
        assert!((noisy.at(8) / usual.at(8) - 1.0).abs() < 0.9, "{} {}", noisy.at(8), usual.at(8));
    }

    #[test]
    fn whatever_was_measured_a_smaller_size_is_expected_to_cost_less_and_none_to_be_free() {
        let strange = [
            Costs::default().with(1.0, 0.010).with(3.0, 0.040),
            Costs::default().with(1.0, 0.040).with(3.0, 0.0001),
            Costs::default().with(1.0, 0.030).with(1.1, 0.010).with(1.2, 0.050),
            Costs::default().with(2.0, 1e-9).with(2.5, 1e9),
        ];
        for costs in strange {
            let fitted: Vec<f64> = (0..LEVELS).map(|level| costs.fit().at(level)).collect();
            assert!(fitted.is_sorted_by(|large, small| large > small) && fitted[8] > 0.0, "{costs:?}: {fitted:?}");
        }
    }

    #[test]
    fn what_is_forgotten_gives_way_to_what_is_used() {
        let mut known = costs(0.0, 0.040, &[1.0]);
        known.learn(6, 0.030);
        (0..10_000).for_each(|_| known.forget(6, 0.998));
        let alone = Costs::default().with(2.0, 0.030);
        assert!((known.at(0) / alone.at(0) - 1.0).abs() < 0.01, "{} {}", known.at(0), alone.at(0));
    }

    #[test]
    fn what_was_measured_under_another_load_is_left_out() {
        let busy = Costs::default().with(1.0, 0.120).with(1.2, 0.030);
        let now = Costs::default().with(1.5, 0.018);
        assert_eq!(now.or(&busy).known().collect::<Vec<_>>(), [(1.2, 0.030), (1.5, 0.018)]);
        assert_eq!(Costs::default().or(&busy).known().collect::<Vec<_>>(), busy.known().collect::<Vec<_>>());
    }
}
