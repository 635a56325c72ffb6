//! What a running show measures: the last seconds for those who watch, the whole for the summary.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::show::Show;
use crate::statistics::{Histogram, Percentiles};
use crate::sync::lock;

/// How far back the moving percentiles look.
const RECENT: Duration = Duration::from_secs(4);

/// Counts frames and times; shared by the threads of a show.
#[derive(Debug)]
pub struct Meter {
    start: Instant,
    /// A frame that is shown later than this after the one before is late.
    patience: Duration,
    dropped: AtomicU64,
    measured: Mutex<Measured>,
}

#[derive(Debug, Default)]
struct Measured {
    inference: Times,
    latency: Times,
    /// When the last frame was shown.
    shown: Option<Instant>,
    late: u64,
}

/// What a show came to.
#[derive(Clone, Copy, Debug)]
pub struct Total {
    /// Frames painted.
    pub frames: u64,
    /// Frames of the source for which there was no time.
    pub dropped: u64,
    /// Frames that were shown more than half a frame's time too late.
    pub late: u64,
    /// From the start to now.
    pub elapsed: Duration,
    /// Time to paint a frame.
    pub inference_ms: Percentiles,
    /// From the source to the display or, without one, to the outputs.
    pub latency_ms: Percentiles,
}

impl Meter {
    /// Begins to measure a show that is to have `fps` frames a second.
    pub fn new(fps: f64) -> Self {
        let patience = Duration::try_from_secs_f64(1.5 / fps).unwrap_or(RECENT);
        Self { start: Instant::now(), patience, dropped: AtomicU64::new(0), measured: Mutex::default() }
    }

    /// A frame of the source was left out, for a newer one had come.
    pub fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// A frame was painted in this time.
    pub fn painted(&self, inference: Duration) {
        lock(&self.measured).inference.add(inference);
    }

    /// A frame that came from the source at `captured` is shown now.
    pub fn shown(&self, captured: Instant) {
        let now = Instant::now();
        let mut measured = lock(&self.measured);
        measured.latency.add(now - captured);
        let before = measured.shown.replace(now);
        if before.is_some_and(|before| now - before > self.patience) {
            measured.late += 1;
        }
    }

    /// Passes the last seconds on to those who watch.
    pub fn publish(&self, show: &Show) {
        let dropped = self.dropped.load(Ordering::Relaxed);
        let mut measured = lock(&self.measured);
        let (inference_ms, latency_ms) = (measured.inference.recent(), measured.latency.recent());
        let (frames, fps) = (measured.inference.all.count(), measured.inference.rate());
        drop(measured);
        show.measure(|statistics| {
            (statistics.frames, statistics.dropped, statistics.fps) = (frames, dropped, fps);
            (statistics.inference_ms, statistics.latency_ms) = (inference_ms, latency_ms);
        });
    }

    /// Everything so far.
    pub fn total(&self) -> Total {
        let measured = lock(&self.measured);
        Total {
            frames: measured.inference.all.count(),
            dropped: self.dropped.load(Ordering::Relaxed),
            late: measured.late,
            elapsed: self.start.elapsed(),
            inference_ms: measured.inference.all.percentiles(),
            latency_ms: measured.latency.all.percentiles(),
        }
    }
}

/// Times since the start, and those of the last seconds by themselves.
#[derive(Debug, Default)]
struct Times {
    all: Histogram,
    last: VecDeque<(Instant, Duration)>,
}

impl Times {
    fn add(&mut self, time: Duration) {
        self.all.add(time);
        self.last.push_back((Instant::now(), time));
        self.forget();
    }

    fn forget(&mut self) {
        while self.last.front().is_some_and(|(when, _)| when.elapsed() > RECENT) {
            self.last.pop_front();
        }
    }

    fn recent(&mut self) -> Percentiles {
        self.forget();
        let mut histogram = Histogram::default();
        self.last.iter().for_each(|(_, time)| histogram.add(*time));
        histogram.percentiles()
    }

    /// Times a second, over the last seconds.
    fn rate(&self) -> f64 {
        match (self.last.front(), self.last.back()) {
            (Some((first, _)), Some((last, _))) if last > first => {
                // What has not come for a while lowers it.
                let span = (*last - *first).max(last.elapsed());
                (self.last.len() - 1) as f64 / span.as_secs_f64()
            }
            _ => 0.0,
        }
    }
}
