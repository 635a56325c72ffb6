//! Holds a frame rate by changing the size that the network sees: smaller when a frame takes too long, larger again when there is
//! time to spare, without oscillating.

use std::time::Duration;

/// Divisors of the frame's sides, from the best picture to the fastest. Neighbours differ so little that a change is hardly visible.
const REDUCTIONS: [f32; 9] = [1.0, 1.12, 1.25, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0];

/// Fraction of a frame's time that painting may take before the size shrinks; the rest is left to other threads.
const FULL: f64 = 0.88;

/// A larger size is tried if painting would take at most this fraction of a frame's time.
const ROOM: f64 = 0.72;

/// Consecutive frames that must be too slow, or leave room, before the size changes; shrinking is urgent, growing is not.
const TOO_SLOW: u32 = 4;
const ROOMY: u32 = 90;

/// Weight of the newest frame in the average cost.
const NEWEST: f64 = 0.15;

/// Chooses the size for the next frame from what the last ones took.
#[derive(Clone, Debug)]
pub struct Governor {
    /// Seconds per frame; `None` leaves the size alone.
    period: Option<f64>,
    level: usize,
    /// Average seconds per frame, divided by the area that the network saw (1 for the whole frame).
    cost: Option<f64>,
    slow: u32,
    roomy: u32,
}

impl Governor {
    /// Holds `fps` frames per second; with `None` the network always sees the frame at full size.
    pub fn new(fps: Option<f64>) -> Self {
        let period = fps.filter(|fps| *fps > 0.0).map(|fps| 1.0 / fps);
        Self { period, level: 0, cost: None, slow: 0, roomy: 0 }
    }

    /// The divisor for the frame's sides, at least 1.
    pub fn reduction(&self) -> f32 {
        REDUCTIONS[self.level]
    }

    /// Records how long the last frame took, from being taken to being handed to the outputs.
    pub fn add(&mut self, took: Duration) {
        let Some(period) = self.period else { return };
        let cost = took.as_secs_f64() / area(self.level);
        let average = self.cost.map_or(cost, |average| average + NEWEST * (cost - average));
        self.cost = Some(average);
        // One slow frame (another program woke up) moves the average little; a series moves it quickly.
        let is_slow = average * area(self.level) > FULL * period;
        let has_room = self.level > 0 && average * area(self.level - 1) < ROOM * period;
        self.slow = if is_slow { self.slow + 1 } else { 0 };
        self.roomy = if has_room { self.roomy + 1 } else { 0 };
        if self.slow >= TOO_SLOW && self.level + 1 < REDUCTIONS.len() {
            let fits = |level: &usize| average * area(*level) <= ROOM * period;
            let next = (self.level + 1..REDUCTIONS.len()).find(fits);
            self.set(next.unwrap_or(REDUCTIONS.len() - 1));
        } else if self.roomy >= ROOMY {
            // One step at a time, because the larger size's cost is only an estimate.
            self.set(self.level - 1);
        }
    }

    /// Frames will cost `factor` times as much from now on: two networks instead of one.
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

/// The area that the network sees at a level; 1 for the whole frame.
fn area(level: usize) -> f64 {
    f64::from(REDUCTIONS[level]).powi(-2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reductions over `frames` frames that take `seconds(frame)` at full size.
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
