//! Timestamps that always grow.

use ffmpeg_next::frame;

use crate::frame::Rational;

/// Gives every frame a time later than the one before.
#[derive(Debug)]
pub struct Clock {
    /// Frames before this time are dropped.
    pub first: Option<i64>,
    /// No frame has proven yet that the seek landed early enough.
    pub seeking: bool,
    /// Time and duration of the previous frame, in ticks of the stream.
    pub last: Option<(i64, i64)>,
    /// Duration of a frame at the average rate, for frames without one, in ticks.
    usual: i64,
    /// When the file begins, for first frames without a time, in ticks.
    start: i64,
}

impl Clock {
    /// For a stream of this `rate` in a file that begins at `start`.
    pub fn new(time_base: Rational, rate: Rational, start: i64) -> Self {
        let usual = (1.0 / (rate.as_f64() * time_base.as_f64())).round();
        let usual = if usual.is_finite() { (usual as i64).max(1) } else { 1 };
        Self { first: None, seeking: false, last: None, usual, start }
    }

    /// Starts again after a seek to `first`.
    pub fn restart(&mut self, first: i64) {
        *self = Self { first: Some(first), seeking: true, last: None, ..*self };
    }

    /// When the last frame ends, in ticks of the stream; 0 if there was none.
    pub fn reached(&self) -> i64 {
        self.last.map_or(0, |(last, duration)| last + duration)
    }

    /// Notes the time of `picture`; false if it lies before the start.
    pub fn stamp(&mut self, picture: &frame::Video) -> bool {
        let duration = match picture.packet().duration {
            known if known > 0 => known,
            _ => self.usual,
        };
        let after_last = self.last.map(|(last, duration)| last + duration);
        let time = match (picture.timestamp().or(picture.pts()), self.last) {
            (Some(time), None) => time,
            (Some(time), Some((last, _))) if time > last => time,
            // Two frames at one time, or a time before the last: this frame follows the previous one.
            (Some(_) | None, _) => after_last.unwrap_or(self.start),
        };
        self.last = Some((time, duration));
        let wanted = self.first.is_none_or(|first| time >= first);
        // A frame before the start, or exactly at it, proves that none was skipped.
        self.seeking &= wanted && self.first != Some(time);
        wanted
    }
}
