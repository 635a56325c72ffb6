//! Answers in JSON.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The answer that holds `value`.
pub fn json(value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => {
            ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], bytes).into_response()
        }
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// An answer that says in a sentence why there is no better one.
pub fn refusal(status: StatusCode, sentence: &str) -> Response {
    let body = serde_json::json!({ "error": sentence }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
