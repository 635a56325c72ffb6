//! What networks take at each size.

use super::{LEVELS, REDUCTIONS, area};

/// The factor by which the costs of two sizes may differ from the ratio of their areas.
const ODD: f64 = 1.6;

/// Seconds per frame at some of the [`REDUCTIONS`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Costs([Option<f64>; LEVELS]);

impl Costs {
    /// With the cost at a reduction; one that is none of the [`REDUCTIONS`] is left out.
    #[must_use]
    pub fn with(mut self, reduction: f32, seconds: f64) -> Self {
        let level = REDUCTIONS.iter().position(|known| (known - reduction).abs() < 1e-3);
        if let Some(level) = level.filter(|_| seconds.is_finite() && seconds > 0.0) {
            self.0[level] = Some(seconds);
        }
        self
    }

    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// The reductions and their costs, as far as they are known.
    pub fn known(&self) -> impl Iterator<Item = (f32, f64)> {
        REDUCTIONS.into_iter().zip(self.0).filter_map(|(reduction, cost)| Some((reduction, cost?)))
    }

    /// These, and those of `others` where these are not known. Costs that differ by more than [`ODD`] from what these tell were
    /// measured on a machine that was busier or less busy: they are left out.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        let fits = |level: usize, seconds: &f64| {
            let expected = self.at(level);
            self.is_empty() || (expected / ODD..=expected * ODD).contains(seconds)
        };
        let other = |level: usize| others.0[level].filter(|seconds| fits(level, seconds));
        Self(std::array::from_fn(|level| self.0[level].or(other(level))))
    }

    /// The costs of two networks that run one after the other; nothing if one of them is not known.
    #[must_use]
    pub fn plus(&self, others: &Self) -> Self {
        if self.is_empty() || others.is_empty() {
            return Self::default();
        }
        Self(std::array::from_fn(|level| Some(self.at(level) + others.at(level))))
    }

    /// The cost at a level: from those known on both sides by its area, or in proportion to the nearest one. If nothing is
    /// known, the area itself.
    pub fn at(&self, level: usize) -> f64 {
        let before = (0..=level).rev().find_map(|level| Some((area(level), self.0[level]?)));
        let after = (level..LEVELS).find_map(|level| Some((area(level), self.0[level]?)));
        match (before, after) {
            (Some((large, dear)), Some((small, cheap))) if large > small => {
                cheap + (area(level) - small) / (large - small) * (dear - cheap)
            }
            (Some((known, seconds)), _) | (None, Some((known, seconds))) => seconds * area(level) / known,
            (None, None) => area(level),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_between_known_sizes_follow_the_area_and_beyond_them_are_in_proportion() {
        let costs = Costs::default().with(1.0, 0.040).with(2.0, 0.016).with(1.37, 9.0).with(3.0, f64::NAN);
        assert_eq!(costs.known().count(), 2);
        assert!((costs.at(0) - 0.040).abs() < 1e-9 && (costs.at(6) - 0.016).abs() < 1e-9);
        let between = costs.at(4);
        assert!((between - (0.016 + (1.0 / 2.25 - 0.25) / 0.75 * 0.024)).abs() < 1e-6, "{between}");
        assert!((costs.at(8) - 0.016 * 4.0 / 9.0).abs() < 1e-6);
        let alone = Costs::default().with(2.0, 0.010);
        assert!((alone.at(0) - 0.040).abs() < 1e-6);
        assert!((costs.plus(&alone).at(0) - 0.080).abs() < 1e-6);
        assert!(costs.plus(&Costs::default()).is_empty());
        assert!((alone.or(&costs).at(0) - 0.040).abs() < 1e-9 && (alone.or(&costs).at(6) - 0.010).abs() < 1e-9);
    }

    #[test]
    fn what_was_measured_under_another_load_is_forgotten() {
        let busy = Costs::default().with(1.0, 0.120).with(1.2, 0.030);
        let now = Costs::default().with(1.5, 0.018);
        assert_eq!(now.or(&busy).known().collect::<Vec<_>>(), [(1.2, 0.030), (1.5, 0.018)]);
        assert_eq!(Costs::default().or(&busy), busy);
    }
}
