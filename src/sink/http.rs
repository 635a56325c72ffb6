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

mod answer;
pub mod guard;

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::stream;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use serde::Deserialize;
use tokio::sync::{oneshot, watch};

use self::answer::{json, refusal};
use super::Sink;
use crate::error::{Error, Result, cause};
use crate::frame::{Frame, Stamp};
use crate::picture::{Format, Picture, write};
use crate::show::{Patch, Show};
use crate::sync::{lock, threads};
use guard::{Guard, Limited};

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

/// How long the end waits for responses in progress.
const LAST_WORDS: Duration = Duration::from_millis(500);

const PAGE: &str = include_str!("http/page.html");
const BOUNDARY: &str = "impasto-frame";

/// Serves the frames that it takes.
pub struct HttpSink {
    shared: Arc<Shared>,
    /// Dropping it ends the server.
    open: Option<watch::Sender<()>>,
    server: Option<JoinHandle<()>>,
    address: String,
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
        let failed = |error: io::Error| cannot_listen(listen, &error);
        let listener = TcpListener::bind(listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let listen = listener.local_addr().map_err(failed)?;
        let token = match token {
            None if !listen.ip().is_loopback() => Some(guard::random_token()?),
            token => token,
        };
        let query = token.as_ref().map_or(String::new(), |token| format!("?token={token}"));
        let address = format!("http://{}/{query}", reachable(listen));
        let (jpeg, streams) = (watch::Sender::new(Bytes::new()), AtomicUsize::new(0));
        let shared = Arc::new(Shared { show, jpeg, streams, snapshots: Mutex::default() });
        let guard = Arc::new(Guard { listen, token });
        let routes = Router::new()
            .route("/", get(|| async { Html(PAGE) }))
            .route("/stream.mjpeg", get(mjpeg))
            .route("/snapshot.jpg", get(|State(shared)| snapshot(shared, Format::Jpeg)))
            .route("/snapshot.png", get(|State(shared)| snapshot(shared, Format::Png)))
            .route("/api/state", get(|State(shared): State<Arc<Shared>>| async move { json(&shared.show.state()) }))
            .route("/api/settings", post(settings))
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .layer(axum::middleware::from_fn_with_state(guard, guard::check))
            .with_state(Arc::clone(&shared));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (open, mut closed) = watch::channel(());
        let listener = {
            let _inside = runtime.enter();
            Limited::new(tokio::net::TcpListener::from_std(listener).map_err(failed)?)
        };
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    // It never ends by itself.
                    _ = axum::serve(listener, routes).into_future() => {}
                    _ = closed.changed() => {}
                }
            });
            runtime.shutdown_timeout(LAST_WORDS);
        };
        let server = threads::spawn("http", serve)?;
        Ok(Self { shared, open: Some(open), server: Some(server), address })
    }

    /// The address to open in a browser.
    pub fn address(&self) -> &str {
        &self.address
    }

    fn close(&mut self) {
        self.open = None;
        if let Some(server) = self.server.take() {
            // A panic in one request does not reach here; after one in the server itself there is nothing left to do.
            let _ = server.join();
        }
    }
}

impl Sink for HttpSink {
    fn put_at(&mut self, frame: &Frame, _stamp: Stamp) -> Result<()> {
        for waiting in std::mem::take(&mut *lock(&self.shared.snapshots)) {
            // The client may have gone.
            let _ = waiting.send(frame.clone());
        }
        if self.shared.jpeg.receiver_count() > 0 {
            self.shared.jpeg.send_replace(jpeg(frame)?);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.close();
        Ok(())
    }
}

impl Drop for HttpSink {
    fn drop(&mut self) {
        self.close();
    }
}

fn cannot_listen(listen: SocketAddr, error: &io::Error) -> Error {
    let port = listen.port();
    Error::failed(match error.kind() {
        io::ErrorKind::AddrInUse => {
            let other = if port == u16::MAX { port - 1 } else { port + 1 };
            format!(
                "port {port} is taken by another program; choose another: --serve {}",
                SocketAddr::new(listen.ip(), other)
            )
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("{} is not an address of this machine; use 127.0.0.1, or 0.0.0.0 for all of them", listen.ip())
        }
        io::ErrorKind::PermissionDenied => {
            format!(
                "port {port} is reserved for the system; choose one from 1024 up: --serve {}",
                SocketAddr::new(listen.ip(), 8080)
            )
        }
        _ => format!("cannot serve at {listen}: {}; choose another address or port with --serve", cause(error)),
    })
}

fn jpeg(frame: &Frame) -> Result<Bytes> {
    let failed = |reason: &dyn std::fmt::Display| {
        Error::failed(format!("cannot send the picture as JPEG: {reason}; choose a smaller --resolution"))
    };
    let (width, height) = (u16::try_from(frame.width), u16::try_from(frame.height));
    let (Ok(width), Ok(height)) = (width, height) else {
        return Err(failed(&"its sides are limited to 65535 pixels"));
    };
    let mut bytes = Vec::with_capacity(frame.pixels.len() / 8);
    let mut encoder = Encoder::new(&mut bytes, STREAM_QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(&frame.pixels, width, height, ColorType::Rgb).map_err(|error| failed(&error))?;
    Ok(bytes.into())
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
            Some(fps) if (0.1..=240.0).contains(&fps) => Ok(Duration::from_secs_f64(1.0 / fps)),
            Some(fps) => Err(Error::usage(format!("fps {fps} is not from 0.1 to 240"))),
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
    let kind = if format == Format::Png { "image/png" } else { "image/jpeg" };
    match write::encode(&Picture::new(frame), format, SNAPSHOT_QUALITY) {
        Ok(encoded) => {
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], encoded.bytes).into_response()
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

/// The address to open: for a server on all addresses, this machine's own in its network.
fn reachable(listen: SocketAddr) -> SocketAddr {
    if !listen.ip().is_unspecified() {
        return listen;
    }
    // Nothing is sent: connecting a datagram socket only asks the system which of its addresses leads out.
    let (own, out) = if listen.is_ipv4() { ("0.0.0.0:0", "192.0.2.1:9") } else { ("[::]:0", "[2001:db8::1]:9") };
    let found = UdpSocket::bind(own).and_then(|socket| {
        socket.connect(out)?;
        socket.local_addr()
    });
    found.map_or(listen, |found| SocketAddr::new(found.ip(), listen.port()))
}
