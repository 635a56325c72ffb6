//! What a running show measures: the last few seconds for its viewers, everything for the summary.

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
    /// A frame that is shown longer than this after the previous one is late.
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

/// Totals of a show.
#[derive(Clone, Copy, Debug)]
pub struct Total {
    /// Frames painted.
    pub frames: u64,
    /// Frames of the source that were never painted: lost or replaced inside the source, undecodable, or replaced by a newer one
    /// while the network was busy.
    pub dropped: u64,
    /// Frames shown more than half a frame's time too late.
    pub late: u64,
    /// From the start to now.
    pub elapsed: Duration,
    /// Time to paint a frame.
    pub inference_ms: Percentiles,
    /// From a frame's arrival at the source to the display or, without a window, to the outputs.
    pub latency_ms: Percentiles,
}

impl Meter {
    /// Starts measuring a show meant to run at `fps` frames per second.
    pub fn new(fps: f64) -> Self {
        let patience = Duration::try_from_secs_f64(1.5 / fps).unwrap_or(RECENT);
        Self { start: Instant::now(), patience, dropped: AtomicU64::new(0), measured: Mutex::default() }
    }

    /// Counts `frames` of the source that will not be painted.
    pub fn dropped(&self, frames: u64) {
        self.dropped.fetch_add(frames, Ordering::Relaxed);
    }

    /// A frame was painted in this time.
    pub fn painted(&self, inference: Duration) {
        lock(&self.measured).inference.add(inference);
    }

    /// A frame that arrived at the source at `arrived` is shown now.
    pub fn shown(&self, arrived: Instant) {
        let now = Instant::now();
        let mut measured = lock(&self.measured);
        measured.latency.add(now.saturating_duration_since(arrived));
        let before = measured.shown.replace(now);
        if before.is_some_and(|before| now - before > self.patience) {
            measured.late += 1;
        }
    }

    /// A frozen picture is shown again: it has no latency, and the next frame is not late because of it.
    pub fn held(&self) {
        lock(&self.measured).shown = Some(Instant::now());
    }

    /// Passes the last few seconds on to the viewers.
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

/// Times since the start, and separately those of the last few seconds.
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

    /// Times per second, over the last few seconds.
    fn rate(&self) -> f64 {
        match (self.last.front(), self.last.back()) {
            (Some((first, _)), Some((last, _))) if last > first => {
                // A pause since the last one lowers the rate.
                let span = (*last - *first).max(last.elapsed());
                (self.last.len() - 1) as f64 / span.as_secs_f64()
            }
            _ => 0.0,
        }
    }
}
