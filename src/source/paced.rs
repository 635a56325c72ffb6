//! A source that has all its frames at once, made to deliver them when they are due, as a camera would.

use std::thread;
use std::time::{Duration, Instant};

use super::{Source, SourceFormat};
use crate::error::Result;
use crate::frame::Frame;

/// Waits before each frame until its time has come.
pub struct PacedSource<S> {
    inner: S,
    /// When the first frame came, and its time.
    start: Option<(Instant, i64)>,
}

impl<S: Source> PacedSource<S> {
    /// Delivers the frames of `inner` by their own times.
    pub fn new(inner: S) -> Self {
        Self { inner, start: None }
    }
}

impl<S: Source> Source for PacedSource<S> {
    fn format(&self) -> SourceFormat {
        self.inner.format()
    }

    fn next(&mut self, frame: &mut Frame) -> Result<bool> {
        if !self.inner.next(frame)? {
            return Ok(false);
        }
        let (start, first) = *self.start.get_or_insert_with(|| (Instant::now(), frame.time));
        let seconds = (frame.time - first) as f64 * self.inner.format().time_base.as_f64();
        let due = start + Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default();
        thread::sleep(due.saturating_duration_since(Instant::now()));
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::synthetic::SyntheticSource;

    #[test]
    fn frames_never_come_before_they_are_due() {
        let mut source = PacedSource::new(SyntheticSource::new(8, 8, Some(5)));
        let (mut frame, mut start) = (Frame::default(), None);
        while source.next(&mut frame).unwrap() {
            let start = *start.get_or_insert_with(Instant::now);
            // The first is due at once; 30 frames a second.
            let due = Duration::from_secs_f64(frame.index as f64 / 30.0);
            assert!(start.elapsed() + Duration::from_millis(1) >= due);
        }
        assert_eq!(frame.index, 4);
    }
}
