//! Answers in JSON; refusals as `application/problem+json` (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Error;

/// The answer that holds `value`.
pub fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => {
            ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], bytes).into_response()
        }
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// An answer that says in a sentence why there is no better one.
pub fn refusal(status: StatusCode, sentence: &str) -> Response {
    Refusal::new(status, sentence).into_response()
}

/// Why a request is not served, with the sentence that the command line would print.
#[derive(Clone, Debug)]
pub struct Refusal {
    status: StatusCode,
    sentence: String,
    /// Seconds after which it may be served.
    retry: Option<u32>,
}

impl Refusal {
    /// A refusal with this sentence.
    pub fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into(), retry: None }
    }

    /// The request is wrong.
    pub fn bad(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }

    /// The server has too much to do.
    pub fn busy(sentence: impl Into<String>, seconds: u32) -> Self {
        Self { retry: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, sentence) }
    }

    /// The sentence.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<Error> for Refusal {
    /// What a client asked for wrongly is its own fault; the rest is not.
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::Usage(_) => StatusCode::BAD_REQUEST,
            Error::Interrupted(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

/// A problem, as RFC 9457 describes it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status in words.
    pub title: String,
    /// The status code.
    pub status: u16,
    /// What is wrong and how to fix it, as the command line says it.
    pub detail: String,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { status, sentence, retry } = self;
        let title = status.canonical_reason().unwrap_or_default().to_owned();
        let problem = Problem { kind: "about:blank", title, status: status.as_u16(), detail: sentence };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut answer = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(seconds) = retry {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}
