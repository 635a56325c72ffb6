//! How the service is: for people and load balancers, and for Prometheus.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use serde::Serialize;
use utoipa::ToSchema;

use super::House;
use crate::web::answer::{Refusal, json};

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
}

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: &'static str,
    /// Version of impasto.
    pub version: &'static str,
    /// The device that paints; null until the first picture.
    pub device: Option<String>,
    /// Pictures that are painted or wait.
    pub pictures: usize,
    /// Seconds since the start.
    pub seconds: f64,
}

/// Say how the service is.
#[utoipa::path(get, path = "/health", tag = "service", responses((status = 200, body = Health)))]
pub async fn health(State(house): State<Arc<House>>) -> Response {
    json(&Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        device: house.studio.chosen_device().map(|(device, _)| device.to_string()),
        pictures: house.gate.pictures(),
        seconds: house.metrics.start.elapsed().as_secs_f64(),
    })
}

/// What is counted, for Prometheus.
pub async fn metrics(State(house): State<Arc<House>>) -> Response {
    house.metrics.waiting.set(i64::try_from(house.gate.pictures()).unwrap_or(i64::MAX));
    let mut text = String::new();
    match encode(&mut text, &house.metrics.registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// The answer to a request that made the program panic.
pub fn panicked() -> Response {
    let words = "internal error: the request made impasto panic; please report it";
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, words).into_response()
}
