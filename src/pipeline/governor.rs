//! Holds a frame rate by changing the size that the network sees.
//!
//! Three things tell what a frame will cost at each size:
//!
//! - [`Costs`], what the network was measured to take at some sizes, in this show or an earlier one;
//! - the load: how much longer frames take now than that, because of all else that the machine does;
//! - for each size that was used, how far it lies off what the others tell.
//!
//! So the governor goes straight to the largest size that leaves room, at once when frames take too long, and within a
//! second when there is room again.

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

/// The frames after a size grew from which its own cost is learned: the load was steady then. Later, the load follows.
const LEARNING: u32 = 18;

/// How far a size's own cost may lie off what the others tell. A larger difference is load, which passes.
const OWN: std::ops::RangeInclusive<f64> = 0.8..=1.25;

/// What is left per frame of a size's difference while another is used, so that nothing is held against it forever.
const FORGETTING: f64 = 0.998;

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
    /// The sizes' own factors.
    own: [f64; LEVELS],
    /// Frames since the size changed, and whether it grew.
    since: u32,
    grew: bool,
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
            own: [1.0; LEVELS],
            since: 0,
            grew: false,
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
        self.own = [1.0; LEVELS];
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
        let took = took.as_secs_f64();
        let expected = self.costs.at(self.level) * self.own[self.level];
        let mut load = self.load.unwrap_or(took / expected);
        let now = (took / expected).min(OUTLIER * load);
        if self.grew && self.since <= LEARNING {
            let own = &mut self.own[self.level];
            let learned = *own * (1.0 + NEWEST * (now / load - 1.0));
            *own = learned.clamp(*OWN.start(), *OWN.end());
            // What cannot be its own is load.
            load *= learned / *own;
        } else {
            load += NEWEST * (now - load);
        }
        self.load = Some(load);
        let level = self.level;
        for (_, own) in self.own.iter_mut().enumerate().filter(|(other, _)| *other != level) {
            *own = 1.0 + (*own - 1.0) * FORGETTING;
        }
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
        self.load.unwrap_or(0.0) * self.costs.at(level) * self.own[level]
    }

    /// The largest size that leaves room, or the smallest.
    fn best(&self, period: f64) -> usize {
        (0..LEVELS).find(|&level| self.cost(level) <= ROOM * period).unwrap_or(LEVELS - 1)
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
            (self.since, self.grew) = (0, level < self.level);
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
