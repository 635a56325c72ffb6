//! How the service is: for people and load balancers, and for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::house::House;
use crate::web::answer::{Refusal, json};

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: &'static str,
    /// Version of impasto.
    pub version: &'static str,
    /// The device that paints; null until the first picture.
    pub device: Option<String>,
    /// What can paint here, with vendor and name as far as they are known: `webgpu (Intel Iris Xe Graphics)`.
    pub devices: Vec<String>,
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
        devices: house.devices().await,
        pictures: house.gate.pictures(),
        seconds: house.metrics.seconds(),
    })
}

/// What is counted, for Prometheus.
pub async fn metrics(State(house): State<Arc<House>>) -> Response {
    match house.metrics.text(house.gate.pictures()) {
        Ok(text) => {
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
