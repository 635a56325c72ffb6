//! Reads what is left of a request that was refused before its end. Otherwise the connection would be reset while the client still
//! sends, and the refusal would be lost on its way.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Error;
use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use crate::sync::lock;

/// How long, and how many bytes: a client that sends more is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);
const MOST: usize = 256 << 20;

/// The body of a request, which outlives whoever reads it first.
#[derive(Clone)]
struct Rest(Arc<Mutex<BodyDataStream>>);

impl Stream for Rest {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        lock(&self.0).poll_next_unpin(cx)
    }
}

impl Rest {
    async fn discard(&mut self) {
        let mut read = 0;
        while let Some(Ok(bytes)) = self.next().await
            && read < MOST
        {
            read += bytes.len();
        }
    }
}

/// Answers as `next` does; of a refused request it reads the rest first.
pub async fn read_rest(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let mut rest = Rest(Arc::new(Mutex::new(body.into_data_stream())));
    let answer = next.run(Request::from_parts(head, Body::from_stream(rest.clone()))).await;
    if answer.status().is_client_error() {
        // Who sends too slowly may lose the answer.
        let _ = tokio::time::timeout(PATIENCE, rest.discard()).await;
    }
    answer
}
