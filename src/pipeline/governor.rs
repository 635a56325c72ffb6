//! Holds a frame rate by the size that the network sees: smaller when a frame takes too long, larger again when there is
//! room, and neither back and forth.

use std::time::Duration;

/// By how much the sides of the frame are divided, from the best picture to the fastest. Neighbours differ so little that a
/// change is hardly seen.
const REDUCTIONS: [f32; 9] = [1.0, 1.12, 1.25, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0];

/// Share of a frame's time that painting may take before the size falls: the rest is for the other threads' work.
const FULL: f64 = 0.88;

/// Share that painting would take at a larger size for it to be tried.
const ROOM: f64 = 0.72;

/// Frames in a row that must be too slow, or leave room, before the size changes; falling is urgent, rising is not.
const TOO_SLOW: u32 = 4;
const ROOMY: u32 = 90;

/// Share of the newest frame in the average cost.
const NEWEST: f64 = 0.15;

/// Chooses the size for the next frame from what the last ones took.
#[derive(Clone, Debug)]
pub struct Governor {
    /// Time for a frame; `None` leaves the size alone.
    period: Option<f64>,
    level: usize,
    /// Average time of a frame in seconds, by the area that the network saw (of 1 for the whole frame).
    cost: Option<f64>,
    slow: u32,
    roomy: u32,
}

impl Governor {
    /// Holds `fps` frames a second; with `None` the network always sees the whole frame.
    pub fn new(fps: Option<f64>) -> Self {
        let period = fps.filter(|fps| *fps > 0.0).map(|fps| 1.0 / fps);
        Self { period, level: 0, cost: None, slow: 0, roomy: 0 }
    }

    /// By how much the sides of the frame are to be divided, from 1 up.
    pub fn reduction(&self) -> f32 {
        REDUCTIONS[self.level]
    }

    /// Hears how long the last frame took, from being taken to being given to the outputs.
    pub fn add(&mut self, took: Duration) {
        let Some(period) = self.period else { return };
        let cost = took.as_secs_f64() / area(self.level);
        let average = self.cost.map_or(cost, |average| average + NEWEST * (cost - average));
        self.cost = Some(average);
        // A single slow frame (another program woke up) moves the average little, a series of them quickly.
        let is_slow = average * area(self.level) > FULL * period;
        let has_room = self.level > 0 && average * area(self.level - 1) < ROOM * period;
        self.slow = if is_slow { self.slow + 1 } else { 0 };
        self.roomy = if has_room { self.roomy + 1 } else { 0 };
        if self.slow >= TOO_SLOW && self.level + 1 < REDUCTIONS.len() {
            let fits = |level: &usize| average * area(*level) <= ROOM * period;
            let next = (self.level + 1..REDUCTIONS.len()).find(fits);
            self.set(next.unwrap_or(REDUCTIONS.len() - 1));
        } else if self.roomy >= ROOMY {
            // One step at a time: how the cost grows is an estimate.
            self.set(self.level - 1);
        }
    }

    /// Hears that a frame will cost `factor` times as much from now on: two networks instead of one.
    pub fn expect(&mut self, factor: f64) {
        if let Some(cost) = &mut self.cost {
            *cost *= factor;
        }
        if let (Some(period), Some(cost)) = (self.period, self.cost) {
            let fits = |level: &usize| cost * area(*level) <= FULL * period;
            let next = (self.level..REDUCTIONS.len()).find(fits);
            self.set(next.unwrap_or(REDUCTIONS.len() - 1));
        }
    }

    fn set(&mut self, level: usize) {
        (self.level, self.slow, self.roomy) = (level, 0, 0);
    }
}

/// What the network sees at a level, of 1 for the whole frame.
fn area(level: usize) -> f64 {
    f64::from(REDUCTIONS[level]).powi(-2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reductions over `frames` frames of which a whole one takes `seconds(frame)`.
    fn run(governor: &mut Governor, frames: usize, seconds: impl Fn(usize) -> f64) -> Vec<f32> {
        let mut seen = Vec::new();
        for frame in 0..frames {
            let took = seconds(frame) * area(governor.level);
            governor.add(Duration::from_secs_f64(took));
            seen.push(governor.reduction());
        }
        seen
    }

    fn changes(seen: &[f32]) -> usize {
        seen.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    #[test]
    fn a_network_that_is_too_slow_sees_less_within_half_a_second_and_then_fits() {
        let mut governor = Governor::new(Some(30.0));
        let seen = run(&mut governor, 600, |_| 0.060);
        assert!(seen[14] > 1.0);
        assert!(0.060 * area(governor.level) < 1.0 / 30.0);
        assert_eq!(changes(&seen[15..]), 0, "{seen:?}");
    }

    #[test]
    fn a_network_that_is_fast_enough_sees_the_whole_frame_also_with_a_slow_frame_now_and_then() {
        let seen = run(&mut Governor::new(Some(30.0)), 600, |frame| if frame % 50 == 20 { 0.060 } else { 0.020 });
        assert!(seen.iter().all(|&reduction| reduction == 1.0));
    }

    #[test]
    fn when_the_load_goes_the_size_comes_back_step_by_step() {
        let mut governor = Governor::new(Some(30.0));
        run(&mut governor, 100, |_| 0.080);
        let low = governor.level;
        let seen = run(&mut governor, 1200, |_| 0.015);
        assert_eq!(governor.reduction(), 1.0);
        assert_eq!(changes(&seen), low);
        // Three seconds a step at least.
        assert!(seen[80] > 1.0);
    }

    #[test]
    fn noise_around_the_limit_does_not_make_it_swing() {
        for base in [0.027, 0.029, 0.031, 0.034, 0.040] {
            let mut governor = Governor::new(Some(30.0));
            let noise = |frame: usize| base * (0.9 + 0.2 * ((frame * 7919 % 101) as f64 / 100.0));
            let seen = run(&mut governor, 3000, noise);
            assert!(changes(&seen[60..]) <= 2, "{base}: {} changes", changes(&seen[60..]));
        }
    }

    #[test]
    fn without_a_rate_the_size_stays() {
        assert!(run(&mut Governor::new(None), 100, |_| 0.5).iter().all(|&reduction| reduction == 1.0));
    }

    #[test]
    fn two_networks_in_place_of_one_are_foreseen() {
        let mut governor = Governor::new(Some(30.0));
        run(&mut governor, 50, |_| 0.018);
        assert_eq!(governor.reduction(), 1.0);
        governor.expect(2.0);
        assert!(0.036 * area(governor.level) < 1.0 / 30.0);
    }
}
