//! A show in the browser: a page with the picture and the controls, the picture alone as MJPEG, and an API.
//!
//! | route | gives |
//! | --- | --- |
//! | `GET /` | the page |
//! | `GET /stream.mjpeg` | the picture, as `multipart/x-mixed-replace`; with `?fps=N`, at most N frames per second |
//! | `GET /snapshot.jpg`, `/snapshot.png` | the next frame |
//! | `GET /api/state` | the state of the show as JSON |
//! | `POST /api/settings` | takes a [`Patch`] as JSON, returns the new state |
//!
//! One thread serves everybody. A client never slows the show: each reads the newest frame when it is ready for one and skips
//! those in between. Frames are encoded only while somebody watches, and copied only for a snapshot.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::{oneshot, watch};

use super::Sink;
use crate::error::{Result, within};
use crate::frame::{Frame, Stamp};
use crate::picture::{Format, Picture, write};
use crate::show::{Patch, Show};
use crate::sync::lock;
use crate::web::answer::{json, refusal};
use crate::web::server::{Place, Server};
use crate::web::{Asset, LOOK, jpeg};

/// JPEG quality of the stream and of snapshots.
const STREAM_QUALITY: u8 = 80;
const SNAPSHOT_QUALITY: u8 = 92;

/// Simultaneous streams; and the largest request body in bytes.
const STREAMS: usize = 8;
const BODY_LIMIT: usize = 64 << 10;

/// The frame rate at which FFmpeg plays MJPEG over HTTP, which has no timestamps. Sent 30 frames per second, OBS's media source
/// would fall behind by a second every six.
const FFMPEG_RATE: f64 = 25.0;

/// How long a snapshot waits for a frame.
const NEXT_FRAME: Duration = Duration::from_secs(2);

const PAGE: Asset = Asset::html(include_str!("http/page.html"));
const STYLE: Asset = Asset::css(include_str!("http/page.css"));
const SCRIPT: Asset = Asset::script(include_str!("http/page.js"));
const BOUNDARY: &str = "impasto-frame";

/// Serves the frames that it takes.
pub struct HttpSink {
    shared: Arc<Shared>,
    server: Server,
}

/// What responses are made from.
struct Shared {
    show: Arc<Show>,
    /// Each frame as JPEG, while somebody watches.
    jpeg: watch::Sender<Bytes>,
    streams: AtomicUsize,
    /// Requests that wait for a copy of the next frame.
    snapshots: Mutex<Vec<oneshot::Sender<Frame>>>,
}

impl HttpSink {
    /// Serves at `listen`, to everyone who knows `token`. An address that other machines can reach gets a random token if none is
    /// given.
    ///
    /// # Errors
    /// The port is taken, or the address does not belong to this machine.
    pub fn open(listen: SocketAddr, token: Option<String>, show: Arc<Show>) -> Result<Self> {
        let place = Place::take(listen, token, "--serve")?;
        let (jpeg, streams) = (watch::Sender::new(Bytes::new()), AtomicUsize::new(0));
        let shared = Arc::new(Shared { show, jpeg, streams, snapshots: Mutex::default() });
        let routes = Router::new()
            .route("/", get(|| async { PAGE }))
            .route("/look.css", get(|| async { LOOK }))
            .route("/page.css", get(|| async { STYLE }))
            .route("/page.js", get(|| async { SCRIPT }))
            .route("/stream.mjpeg", get(mjpeg))
            .route("/snapshot.jpg", get(|State(shared)| snapshot(shared, Format::Jpeg)))
            .route("/snapshot.png", get(|State(shared)| snapshot(shared, Format::Png)))
            .route("/api/state", get(|State(shared): State<Arc<Shared>>| async move { json(&shared.show.state()) }))
            .route("/api/settings", post(settings))
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(Arc::clone(&shared));
        Ok(Self { shared, server: place.serve(routes)? })
    }

    /// The address to open in a browser.
    pub fn address(&self) -> &str {
        self.server.address()
    }
}

impl Sink for HttpSink {
    fn put_at(&mut self, frame: &Frame, _stamp: Stamp) -> Result<()> {
        for waiting in std::mem::take(&mut *lock(&self.shared.snapshots)) {
            // The client may have gone.
            let _ = waiting.send(frame.clone());
        }
        if self.shared.jpeg.receiver_count() > 0 {
            self.shared.jpeg.send_replace(jpeg::encode(frame, STREAM_QUALITY)?);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.server.close();
        Ok(())
    }
}

/// A viewer; counted while the stream lasts.
struct Watching {
    shared: Arc<Shared>,
    frames: watch::Receiver<Bytes>,
    /// The shortest time between two frames.
    interval: Duration,
    /// When the next frame may be sent.
    due: Instant,
}

/// The query of a stream's address.
#[derive(Deserialize)]
struct Asked {
    /// At most this many frames per second.
    fps: Option<f64>,
}

impl Asked {
    /// The shortest time between two frames; by default, what the client can play.
    fn interval(&self, headers: &HeaderMap) -> Result<Duration> {
        let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        match self.fps {
            Some(fps) => within("fps", fps, &(0.1..=240.0)).map(|()| Duration::from_secs_f64(1.0 / fps)),
            None if agent.starts_with("Lavf/") => Ok(Duration::from_secs_f64(1.0 / FFMPEG_RATE)),
            None => Ok(Duration::ZERO),
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.shared.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn mjpeg(State(shared): State<Arc<Shared>>, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let interval = match asked.interval(&headers) {
        Ok(interval) => interval,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    if shared.streams.fetch_add(1, Ordering::Relaxed) >= STREAMS {
        shared.streams.fetch_sub(1, Ordering::Relaxed);
        let words = format!("{STREAMS} viewers are connected, which is the limit; close one of them");
        return refusal(StatusCode::SERVICE_UNAVAILABLE, &words);
    }
    // Even a show that stands still keeps handing out its frame, so the first one comes soon.
    let frames = shared.jpeg.subscribe();
    let watching = Watching { shared, frames, interval, due: Instant::now() };
    let parts = stream::unfold(watching, |mut watching| async {
        tokio::time::sleep_until(watching.due.into()).await;
        watching.frames.changed().await.ok()?;
        let jpeg = watching.frames.borrow_and_update().clone();
        // Counted from when it was due, not from when it came, so that the rate does not drop to a fraction of the show's.
        watching.due = (watching.due + watching.interval).max(Instant::now());
        let head = format!("--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", jpeg.len());
        let part = [head.as_bytes(), &jpeg, b"\r\n"].concat();
        Some((Ok::<_, Infallible>(Bytes::from(part)), watching))
    });
    let kind = format!("multipart/x-mixed-replace; boundary={BOUNDARY}");
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store".into())], Body::from_stream(parts))
        .into_response()
}

async fn snapshot(shared: Arc<Shared>, format: Format) -> Response {
    let (give, taken) = oneshot::channel();
    lock(&shared.snapshots).push(give);
    let Ok(Ok(frame)) = tokio::time::timeout(NEXT_FRAME, taken).await else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "there is no frame yet; try again in a moment");
    };
    match write::encode(&Picture::new(frame), format, SNAPSHOT_QUALITY) {
        Ok(encoded) => {
            ([(header::CONTENT_TYPE, format.media_type()), (header::CACHE_CONTROL, "no-store")], encoded.bytes)
                .into_response()
        }
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

async fn settings(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match Patch::from_json(&body).and_then(|patch| shared.show.apply(&patch)) {
        Ok(()) => json(&shared.show.state()),
        Err(error) => refusal(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}
