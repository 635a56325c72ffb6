//! A stabiliser that hands over to a fresh one at fixed frames.
//!
//! From such a frame on, the output depends only on frames from [`WARM_UP`] before it. A job that resumes there gets
//! the same pictures.

use super::Stabilizer;
use crate::frame::Frame;

/// Frames that a fresh stabiliser sees before it takes over. The longest average spans 16 frames. After twice as many,
/// older frames weigh so little that the handover changes the picture less than the next frame does.
pub const WARM_UP: u64 = 32;

/// Frames before a segment from which on all is known that its pictures depend on: grain moves along for [`WARM_UP`] frames before
/// it takes over, and it takes over before the stabiliser that remembers its strokes begins.
pub const LEAD: u64 = 2 * WARM_UP;

/// Stabilisers that take turns.
pub struct Relay {
    fresh: Stabilizer,
    every: u64,
    running: Stabilizer,
    /// Warms up on the current frames before it takes over.
    next: Option<Stabilizer>,
    /// The output of `next` during its warm-up, which is never shown.
    unseen: Frame,
}

impl Relay {
    /// Hands over from `stabilizer` to a fresh copy of it at each frame whose [`Frame::index`] is a multiple of
    /// `every`, which is raised to at least [`WARM_UP`].
    pub fn new(stabilizer: Stabilizer, every: u64) -> Self {
        let (fresh, unseen) = (stabilizer.clone(), Frame::default());
        Self { fresh, every: every.max(WARM_UP), running: stabilizer, next: None, unseen }
    }

    /// See [`Stabilizer::stabilize`].
    pub fn stabilize(&mut self, input: &Frame, styled: &mut Frame) {
        let place = input.index % self.every;
        if place == 0
            && let Some(next) = self.next.take()
        {
            self.running = next;
        }
        if place >= self.every - WARM_UP {
            let next = self.next.get_or_insert_with(|| self.fresh.clone());
            self.unseen.clone_from(styled);
            next.stabilize(input, &mut self.unseen);
        }
        self.running.stabilize(input, styled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grey frame with noise that depends on `index`.
    fn noisy(index: u64) -> Frame {
        let mut frame = Frame { index, ..Frame::new(32, 16) };
        let mut state = index.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        for byte in &mut frame.pixels {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = 120 + (state % 9) as u8;
        }
        frame
    }

    fn shown(from: u64, to: u64) -> Vec<Frame> {
        let mut relay = Relay::new(Stabilizer::new(1.0), 50);
        let steady = |index| {
            let mut styled = noisy(index);
            relay.stabilize(&noisy(index), &mut styled);
            styled
        };
        (from..to).map(steady).collect()
    }

    #[test]
    fn a_job_that_starts_a_warm_up_before_a_handover_shows_the_same_frames_from_there() {
        let all = shown(0, 200);
        for handover in [50u64, 100, 150] {
            let resumed = shown(handover - WARM_UP, 200);
            assert!(resumed[WARM_UP as usize..] == all[handover as usize..], "from {handover}");
            assert!(resumed[0] != all[(handover - WARM_UP) as usize], "warm-up frames differ");
        }
    }

    #[test]
    fn a_handover_changes_a_still_scene_hardly_more_than_the_remaining_noise() {
        let all = shown(0, 300);
        let change = |at: usize| {
            let pair = all[at - 1].pixels.iter().zip(&all[at].pixels);
            pair.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / all[at].pixels.len() as f64
        };
        let usual = (30..300).filter(|at| at % 50 != 0).map(change).sum::<f64>() / 265.0;
        let handover = (50..300).step_by(50).map(change).sum::<f64>() / 5.0;
        assert!(handover < usual * 1.5, "{handover} at a handover, {usual} elsewhere");
    }
}
