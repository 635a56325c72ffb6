//! Resamples a video to a constant frame rate.

use crate::error::Result;
use crate::frame::{Frame, Rational};

/// Resamples to a constant rate. Each frame goes to the nearest tick of the new rate; if several meet there, the last one
/// is kept, and empty ticks repeat the frame before.
#[derive(Debug)]
pub struct ConstantRate {
    /// Frames per second.
    pub rate: Rational,
    time_base: Rational,
    /// The tick that is filled next; `None` before the first frame.
    pub place: Option<i64>,
    /// The frame that is currently shown and, once decoded, the next one.
    pub current: Frame,
    pub ahead: Option<Frame>,
    pub ended: bool,
}

impl ConstantRate {
    pub fn new(rate: Rational, time_base: Rational) -> Self {
        Self { rate, time_base, place: None, current: Frame::default(), ahead: None, ended: false }
    }

    fn place_of(&self, time: i64) -> i64 {
        (time as f64 * self.time_base.as_f64() * self.rate.as_f64()).round() as i64
    }

    pub fn next(&mut self, frame: &mut Frame, decode: &mut dyn FnMut(&mut Frame) -> Result<bool>) -> Result<bool> {
        let place = match self.place {
            Some(place) => place,
            None => {
                if !decode(&mut self.current)? {
                    return Ok(false);
                }
                self.place_of(self.current.time)
            }
        };
        let mut spare = Frame::default();
        loop {
            if self.ahead.is_none() && !self.ended {
                let mut next = std::mem::take(&mut spare);
                if decode(&mut next)? {
                    self.ahead = Some(next);
                } else {
                    self.ended = true;
                }
            }
            let Some(ahead) = &self.ahead else { break };
            if self.place_of(ahead.time) > place {
                break;
            }
            spare = std::mem::replace(&mut self.current, self.ahead.take().unwrap_or_default());
        }
        // The last frame is repeated for its duration; a film gives at least one frame.
        let is_over = self.place.is_some() && place >= self.place_of(self.current.time + self.current.duration);
        if self.ahead.is_none() && is_over {
            return Ok(false);
        }
        frame.clone_from(&self.current);
        (frame.time, frame.duration) = (place, 1);
        self.place = Some(place + 1);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The input frame that is shown at each tick of the new rate.
    fn shown(times: &[i64], rate: i32) -> Vec<(i64, u8)> {
        let mut rate = ConstantRate::new(Rational { num: rate, den: 1 }, Rational { num: 1, den: 100 });
        let mut left = times.iter().zip(0u8..);
        let mut decode = |frame: &mut Frame| {
            let Some((&time, value)) = left.next() else { return Ok(false) };
            *frame = Frame { width: 1, height: 1, pixels: vec![value; 3], time, duration: 10, ..Frame::default() };
            Ok(true)
        };
        let (mut frame, mut shown) = (Frame::default(), Vec::new());
        while rate.next(&mut frame, &mut decode).unwrap() {
            shown.push((frame.time, frame.pixels[0]));
        }
        shown
    }

    #[test]
    fn a_higher_rate_repeats_frames_and_a_lower_one_drops_them() {
        assert_eq!(shown(&[0, 10, 20], 10), [(0, 0), (1, 1), (2, 2)]);
        assert_eq!(shown(&[0, 10, 20], 20), [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 2)]);
        assert_eq!(shown(&[0, 10, 20, 30], 5), [(0, 0), (1, 2)]);
    }

    #[test]
    fn a_late_start_and_gaps_are_kept() {
        assert_eq!(shown(&[20, 30, 60], 10), [(2, 0), (3, 1), (4, 1), (5, 1), (6, 2)]);
        assert!(shown(&[], 10).is_empty());
    }
}
