//! What is counted, for Prometheus.

use std::fmt;
use std::time::Instant;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// What is counted.
pub struct Metrics {
    registry: Registry,
    start: Instant,
    pictures: Histogram,
    waiting: Gauge,
    /// Frames of films that were painted.
    pub film_frames: Counter,
    jobs_done: Counter,
    jobs_ended: Counter,
    /// Frames of visitors' cameras.
    pub live_frames: Counter,
    /// Cameras that are painted now.
    pub cameras: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("impasto");
        let pictures = Histogram::new(exponential_buckets(0.02, 2.0, 12));
        let (waiting, live_frames, cameras) = (Gauge::default(), Counter::default(), Gauge::default());
        registry.register("picture_seconds", "Time to decode, paint and encode a picture", pictures.clone());
        registry.register("pictures_waiting", "Pictures that are painted or wait", waiting.clone());
        registry.register("live_frames", "Frames of visitors' cameras that were painted", live_frames.clone());
        registry.register("cameras", "Visitors' cameras that are painted now", cameras.clone());
        let (film_frames, jobs_done, jobs_ended) = (Counter::default(), Counter::default(), Counter::default());
        registry.register("film_frames", "Frames of films that were painted", film_frames.clone());
        registry.register("jobs_done", "Jobs that gave a result", jobs_done.clone());
        registry.register("jobs_ended", "Jobs that failed or were cancelled", jobs_ended.clone());
        Self {
            film_frames,
            jobs_done,
            jobs_ended,
            registry,
            start: Instant::now(),
            pictures,
            waiting,
            live_frames,
            cameras,
        }
    }
}

impl Metrics {
    /// Counts a picture that took so many seconds.
    pub fn picture(&self, seconds: f64) {
        self.pictures.observe(seconds);
    }

    /// Counts a job that has ended.
    pub fn job(&self, is_done: bool) {
        if is_done {
            self.jobs_done.inc()
        } else {
            self.jobs_ended.inc()
        };
    }

    /// All of it as text, with so many pictures that are painted or wait.
    ///
    /// # Errors
    /// None that is known.
    pub fn text(&self, pictures: usize) -> Result<String, fmt::Error> {
        self.waiting.set(i64::try_from(pictures).unwrap_or(i64::MAX));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}
