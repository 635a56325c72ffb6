//! Decoding times for packets that come from several encoders.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Gives packets their decoding times. Those of the segments will not do: each encoder counts back from its own first
/// frame, by the gaps between its own frames, and wide gaps lead into the segment before.
pub struct StorageClock {
    /// By how many places pictures are stored later than they are shown, at most.
    pub delay: usize,
    /// Ticks of a frame at the average rate.
    usual: i64,
    /// Times of stored frames that no packet has been given yet.
    waiting: BinaryHeap<Reverse<i64>>,
    stored: usize,
}

impl StorageClock {
    /// A clock for frames that last `usual` ticks at the average rate.
    pub fn new(usual: i64) -> Self {
        Self { delay: 0, usual, waiting: BinaryHeap::new(), stored: 0 }
    }

    /// The decoding time of the next packet in the file, which is shown at `time`: the time of the picture that is shown
    /// `delay` places before it. That picture is already stored; its time grows, and is never later than `time`.
    pub fn next(&mut self, time: i64) -> i64 {
        self.waiting.push(Reverse(time));
        self.stored += 1;
        if self.stored <= self.delay {
            // Nothing is shown before the first picture, which is stored first.
            let first = self.waiting.peek().map_or(time, |first| first.0);
            return first - (self.delay - self.stored + 1) as i64 * self.usual;
        }
        self.waiting.pop().map_or(time, |shown| shown.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoding_times(delay: usize, shown: &[i64]) -> Vec<i64> {
        let mut clock = StorageClock { delay, ..StorageClock::new(10) };
        shown.iter().map(|&time| clock.next(time)).collect()
    }

    #[test]
    fn decoding_times_grow_across_joints_with_b_frames_and_uneven_gaps() {
        // Two segments: the first dense, the second with wide gaps; in each a picture is stored two places early.
        let shown = [0, 30, 10, 20, 40, 140, 340, 240, 440];
        let times = decoding_times(2, &shown);
        assert_eq!(times, [-20, -10, 0, 10, 20, 30, 40, 140, 240]);
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(times.iter().zip(shown).all(|(&stored, shown)| stored <= shown));
    }

    #[test]
    fn without_b_frames_a_picture_is_decoded_when_it_is_shown() {
        assert_eq!(decoding_times(0, &[-5, 3, 900]), [-5, 3, 900]);
    }
}
