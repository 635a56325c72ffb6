//! Plays a source that could deliver all its frames at once at its own frame rate, as a camera would.

use std::time::{Duration, Instant};

use super::{Source, SourceFormat};
use crate::error::Result;
use crate::frame::Frame;
use crate::media::pixels::ColorTags;
use crate::sync::Stop;
use crate::warning::Warning;

/// Delivers each frame when it is due.
pub struct PacedSource<S> {
    inner: S,
    /// When the first frame was delivered, and its timestamp.
    start: Option<(Instant, i64)>,
    /// When the last frame was due.
    due: Option<Instant>,
    /// When the last frame ends.
    end: Option<Instant>,
    stop: Stop,
}

impl<S: Source> PacedSource<S> {
    /// Delivers the frames of `inner` at their own timestamps, until `stop` is requested.
    pub fn new(inner: S, stop: Stop) -> Self {
        Self { inner, start: None, due: None, end: None, stop }
    }
}

impl<S: Source> Source for PacedSource<S> {
    fn format(&self) -> SourceFormat {
        self.inner.format()
    }

    fn next(&mut self, frame: &mut Frame) -> Result<bool> {
        if !self.inner.next(frame)? {
            // The last frame is shown as long as it lasts, also before a film starts again.
            if let Some(end) = self.end {
                self.stop.sleep_until(end);
            }
            return Ok(false);
        }
        let (start, first) = *self.start.get_or_insert_with(|| (Instant::now(), frame.time));
        let SourceFormat { time_base, frame_rate, .. } = self.inner.format();
        let span = |seconds: f64| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default();
        let due = start + span((frame.time - first) as f64 * time_base.as_f64());
        let lasts = match frame.duration {
            known @ 1.. => known as f64 * time_base.as_f64(),
            _ => 1.0 / frame_rate.as_f64().max(1.0),
        };
        (self.due, self.end) = (Some(due), Some(due + span(lasts)));
        Ok(self.stop.sleep_until(due))
    }

    /// When the frame was due, so that a source that cannot keep up counts as latency.
    fn arrived(&self) -> Option<Instant> {
        self.due
    }

    fn dropped(&self) -> u64 {
        self.inner.dropped()
    }

    fn color(&self) -> ColorTags {
        self.inner.color()
    }

    fn warnings(&self) -> Vec<Warning> {
        self.inner.warnings()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::source::synthetic::SyntheticSource;

    #[test]
    fn frames_never_come_before_they_are_due() {
        let mut source = PacedSource::new(SyntheticSource::new(8, 8, Some(5)), Stop::default());
        let (mut frame, mut start) = (Frame::default(), None);
        while source.next(&mut frame).unwrap() {
            let start = *start.get_or_insert_with(Instant::now);
            // The first is due at once, then 30 per second.
            let due = Duration::from_secs_f64(frame.index as f64 / 30.0);
            assert!(start.elapsed() + Duration::from_millis(1) >= due);
        }
        assert_eq!(frame.index, 4);
    }

    #[test]
    fn the_last_frame_is_shown_as_long_as_it_lasts() {
        let mut source = PacedSource::new(SyntheticSource::new(8, 8, Some(2)), Stop::default());
        let (mut frame, start) = (Frame::default(), Instant::now());
        while source.next(&mut frame).unwrap() {}
        assert!(start.elapsed() >= Duration::from_millis(66));
    }

    /// Two frames with an hour between them.
    struct Gap(SyntheticSource);

    impl Source for Gap {
        fn format(&self) -> SourceFormat {
            self.0.format()
        }

        fn next(&mut self, frame: &mut Frame) -> Result<bool> {
            let more = self.0.next(frame)?;
            frame.time *= 30 * 3600;
            Ok(more)
        }
    }

    #[test]
    fn a_show_that_is_told_to_end_waits_for_no_frame() {
        let stop = Stop::default();
        let mut source = PacedSource::new(Gap(SyntheticSource::new(8, 8, Some(2))), stop.clone());
        let mut frame = Frame::default();
        assert!(source.next(&mut frame).unwrap());
        let start = Instant::now();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            stop.request();
        });
        assert!(!source.next(&mut frame).unwrap());
        assert!(start.elapsed() < Duration::from_millis(600), "{:?}", start.elapsed());
    }

    /// Needs a tenth of a second per frame, three times what its frame rate allows.
    struct Slow(SyntheticSource);

    impl Source for Slow {
        fn format(&self) -> SourceFormat {
            self.0.format()
        }

        fn next(&mut self, frame: &mut Frame) -> Result<bool> {
            thread::sleep(Duration::from_millis(100));
            self.0.next(frame)
        }
    }

    #[test]
    fn a_frame_counts_from_when_it_was_due_and_not_from_when_a_slow_decoder_had_it() {
        let mut source = PacedSource::new(Slow(SyntheticSource::new(8, 8, Some(4))), Stop::default());
        let mut frame = Frame::default();
        let mut arrivals = Vec::new();
        while source.next(&mut frame).unwrap() {
            arrivals.push((source.arrived().unwrap(), Instant::now()));
        }
        let first = arrivals[0].0;
        for (index, (arrived, delivered)) in arrivals.into_iter().enumerate() {
            let due = Duration::from_secs_f64(index as f64 / 30.0);
            assert!((arrived - first).abs_diff(due) < Duration::from_millis(1));
            // The fourth frame is there after 0.3 s, and was due after 0.1 s.
            assert!(delivered - first >= Duration::from_millis(100) * index as u32);
        }
    }
}
