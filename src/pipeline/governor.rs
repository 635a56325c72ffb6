//! Holds a frame rate by changing the size that the network sees.
//!
//! Three things tell what a frame will cost at each size:
//!
//! - [`Costs`], what the network was measured to take at some sizes, in this show or an earlier one, with the part that no
//!   smaller size saves;
//! - the load: how much longer frames take now than that, because of all else that the machine does;
//! - each change of the size while the load was steady: it shows what the new size costs beside the old one.
//!
//! So the governor goes straight to the largest size that leaves room, at once when frames take too long, and within a
//! second when there is room again. It does not shrink where that would gain nothing.

mod costs;

use std::time::Duration;

pub use costs::Costs;

/// Divisors of the sides of what the network sees, from the best picture to the fastest. Neighbours differ so little that a
/// change is hardly visible. With a network trained for a short side of 432 pixels, 1.2 is 640x360, and 1.5 is 512x288.
pub const REDUCTIONS: [f32; LEVELS] = [1.0, 1.1, 1.2, 1.35, 1.5, 1.7, 2.0, 2.5, 3.0];
const LEVELS: usize = 9;

/// The short side, in pixels, below which strokes fall apart.
pub const COARSEST: u32 = 180;

/// Fraction of a frame's time that painting may take before the size shrinks; the rest is for frames that take longer.
const FULL: f64 = 0.93;

/// A size is chosen if painting is expected to take at most this fraction of a frame's time.
const ROOM: f64 = 0.84;

/// Consecutive frames that must be too slow before the size shrinks.
const TOO_SLOW: u32 = 4;

/// Seconds for which there must be room before the size grows.
const ROOMY: f64 = 0.6;

/// Consecutive frames that must agree on the size to grow to: a load that is still falling would allow too little.
const STEADY: u32 = 8;

/// Weight of the newest frame in averages.
const NEWEST: f64 = 0.2;

/// A single slow frame counts for at most this many times the usual.
const OUTLIER: f64 = 2.0;

/// The first frames at a new size allocate and plan: they tell nothing.
const SETTLING: u32 = 2;

/// The frames after a change of the size from which its cost is learned, if the load was steady. Later, the load follows.
const LEARNING: u32 = 18;

/// The load is steady while frames take this much more or less than the last ones, relatively.
const EVEN: f64 = 0.15;

/// How far the cost of a size may lie off what the others tell. A larger difference is load, which passes.
const OWN: f64 = 1.33;

/// What is left per frame of what is known about other sizes than the one in use, so that nothing is held against them forever.
const FORGETTING: f64 = 0.998;

/// If no size leaves room, the largest is taken that costs at most this many times the smallest.
const IN_VAIN: f64 = 1.1;

/// Frames at a size before its cost is worth keeping.
const WORTH: u32 = 60;

/// Chooses the size for the next frame from what the last ones took.
#[derive(Clone, Debug)]
pub struct Governor {
    /// Seconds per frame; `None` leaves the size alone.
    period: Option<f64>,
    level: usize,
    costs: Costs,
    /// How many times the costs a frame takes; `None` before the first frame of a network that was never measured.
    load: Option<f64>,
    /// Frames that took about as long as those before.
    even: u32,
    /// Frames since the size changed.
    since: u32,
    /// The least and the most that the present size may turn out to cost, while that is learned.
    learning: Option<(f64, f64)>,
    slow: u32,
    roomy: u32,
    /// The size that the last frames would allow, and how many agreed.
    allowed: (usize, u32),
    measured: [(f64, u32); LEVELS],
}

impl Governor {
    /// Holds `fps` frames per second; with `None` the network always sees the frame at full size.
    pub fn new(fps: Option<f64>) -> Self {
        let period = fps.filter(|fps| *fps > 0.0).map(|fps| 1.0 / fps);
        Self {
            period,
            level: 0,
            costs: Costs::default(),
            load: None,
            even: 0,
            since: 0,
            learning: None,
            slow: 0,
            roomy: 0,
            allowed: (0, 0),
            measured: [(0.0, 0); LEVELS],
        }
    }

    /// The divisor for the sides of what the network sees, at least 1.
    pub fn reduction(&self) -> f32 {
        REDUCTIONS[self.level]
    }

    /// From now on, networks run that together have these costs. The size changes at once if they need less, and grows as
    /// usual if they leave room; the first networks begin at the right size.
    pub fn run(&mut self, costs: Costs) {
        let is_first = self.costs.is_empty() && self.load.is_none();
        // Both unknown: what was learned is the best guess.
        if costs.is_empty() {
            self.load = None;
        } else if self.costs.is_empty() {
            self.load = Some(1.0);
        }
        self.costs = costs;
        self.learning = None;
        self.measured = [(0.0, 0); LEVELS];
        self.fit(is_first);
    }

    /// Frames will take `factor` times as long from now on: strokes have another size.
    pub fn expect(&mut self, factor: f64) {
        if let Some(load) = &mut self.load {
            *load *= factor;
        }
        self.measured = [(0.0, 0); LEVELS];
        self.fit(false);
    }

    /// Records how long the last frame took, from being taken to being handed on.
    pub fn add(&mut self, took: Duration) {
        let Some(period) = self.period else { return };
        self.since += 1;
        if self.since <= SETTLING && self.load.is_some() {
            return;
        }
        let (took, level) = (took.as_secs_f64(), self.level);
        let expected = self.costs.at(level);
        let load = self.load.unwrap_or(took / expected);
        let now = (took / expected).min(OUTLIER * load);
        self.even = if (now / load - 1.0).abs() < EVEN { self.even + 1 } else { 0 };
        let newest = if self.learning.is_some() {
            NEWEST.max(1.0 / f64::from(self.since.saturating_sub(SETTLING).max(1)))
        } else {
            NEWEST
        };
        let next = load + newest * (now - load);
        self.load = Some(match self.learning {
            Some((least, most)) if self.since <= LEARNING => {
                let cost = (expected * next / load).clamp(least, most);
                self.costs.learn(level, cost);
                // What cannot be its own is load.
                next * expected / cost
            }
            Some(_) => {
                self.learning = None;
                self.costs.settle();
                next
            }
            None => next,
        });
        self.costs.forget(level, FORGETTING);
        let (average, count) = &mut self.measured[level];
        *count += 1;
        *average += (took - *average) / f64::from(*count).min(100.0);

        let best = self.best(period);
        let is_slow = self.cost(level) > FULL * period;
        self.slow = if is_slow { self.slow + 1 } else { 0 };
        self.roomy = if best < level { self.roomy + 1 } else { 0 };
        self.allowed = if self.allowed.0 == best { (best, self.allowed.1 + 1) } else { (best, 1) };
        let shrinks = self.slow >= TOO_SLOW && best > level;
        let grows = f64::from(self.roomy) * period >= ROOMY && self.allowed.1 >= STEADY;
        if shrinks || grows {
            self.set(best);
        }
    }

    /// What the network took at the sizes that were used for long enough, since it runs alone.
    pub fn measured(&self) -> Costs {
        let used = self.measured.iter().enumerate().filter(|(_, (_, count))| *count >= WORTH);
        used.fold(Costs::default(), |costs, (level, (seconds, _))| costs.with(REDUCTIONS[level], *seconds))
    }

    /// Seconds that a frame is expected to take at a level.
    fn cost(&self, level: usize) -> f64 {
        self.load.unwrap_or(0.0) * self.costs.at(level)
    }

    /// The largest size that leaves room; or, if there is none, that costs hardly more than the smallest.
    fn best(&self, period: f64) -> usize {
        let largest = |limit: f64| (0..LEVELS).find(|&level| self.cost(level) <= limit);
        let least = || (0..LEVELS).map(|level| self.cost(level)).fold(f64::INFINITY, f64::min);
        largest(ROOM * period).or_else(|| largest(IN_VAIN * least())).unwrap_or(LEVELS - 1)
    }

    /// Goes to the right size at once if the present one is too slow, or in any case if it `may_grow`.
    fn fit(&mut self, may_grow: bool) {
        let Some(period) = self.period else { return };
        if may_grow || self.cost(self.level) > FULL * period {
            self.set(self.best(period));
        }
    }

    fn set(&mut self, level: usize) {
        if level != self.level {
            let before = self.costs.at(self.level);
            self.costs.learn(self.level, before);
            let foreseen = self.costs.at(level);
            // No size costs more than a larger one. It grows only under a steady load.
            self.learning = if level < self.level {
                Some((before.min(foreseen), OWN * foreseen))
            } else {
                (self.even >= TOO_SLOW).then_some((foreseen / OWN, before.max(foreseen)))
            };
            (self.since, self.even) = (0, 0);
        }
        (self.level, self.slow, self.roomy) = (level, 0, 0);
    }
}

/// The area that the network sees at a level; 1 for all that it may see.
fn area(level: usize) -> f64 {
    f64::from(REDUCTIONS[level]).powi(-2)
}

#[cfg(test)]
mod tests;
