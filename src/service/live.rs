//! A visitor's camera: frames come over a WebSocket, and go back painted. Only the newest frame counts.
//!
//! A message of bytes is a number of four bytes, which comes back with the painting, and a JPEG. A message of text sets how to
//! paint: a JSON object with `style`, `strength`, `scale` and `keep_colors`. What is wrong is told as `{"detail": "..."}`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future::OptionFuture;
use serde_json::{Value, json};

use super::house::House;
use super::room::{Class, Urgent};
use super::wishes::{Purpose, Wishes};
use crate::error::Result;
use crate::frame::MaxPixels;
use crate::picture::read;
use crate::studio::PaintSettings;
use crate::studio::easel::{Easel, Scene};
use crate::web::answer::{Problem, Refusal};
use crate::web::guard::{Client, Working};
use crate::web::jpeg;

/// Cameras that are painted at a time.
const CAMERAS: i64 = 4;
/// The largest message, in bytes, and the largest frame.
const MESSAGE: usize = 4 << 20;
const PIXELS: MaxPixels = MaxPixels::fixed(2_100_000);
/// A camera without a frame for so long is let go, so that films are painted again.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same while one of its frames is painted, on whatever machine.
const PAINTING: Duration = Duration::from_secs(120);
const QUALITY: u8 = 85;
/// Bytes of the number before a frame.
const NUMBER: usize = 4;

/// Have a camera painted.
///
/// A WebSocket. Send each frame as a binary message: a number of four bytes of your choice, then a JPEG of up to 2.1 megapixels. The
/// painting comes back as the same number and a JPEG. If frames come faster than they are painted, only the newest one is.
/// Send text to say how to paint: a JSON object with `style`, `strength`, `scale`, `keep_colors`.
#[utoipa::path(
    get, path = "/live", tag = "pictures",
    responses(
        (status = 101, description = "The WebSocket is open"),
        (status = 400, description = "It is no WebSocket", body = Problem, content_type = "application/problem+json"),
        (status = 426, description = "It is no WebSocket", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many cameras are painted already", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn live(
    State(house): State<Arc<House>>,
    ConnectInfo(client): ConnectInfo<Client>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|error| Refusal::new(error.status(), error.body_text()))?;
    let camera = Camera::begin(&house, &client)?;
    let upgrade = upgrade.max_message_size(MESSAGE).max_frame_size(MESSAGE);
    Ok(upgrade.on_upgrade(move |socket| async move { camera.run(socket).await }))
}

/// A camera that is painted, until it is dropped.
struct Camera {
    house: Arc<House>,
    _urgent: Urgent,
    /// The connection has a patience of its own here.
    _working: Working,
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.house.metrics.cameras.dec();
    }
}

impl Camera {
    fn begin(house: &Arc<House>, client: &Client) -> Result<Self, Refusal> {
        if house.metrics.cameras.inc() >= CAMERAS {
            house.metrics.cameras.dec();
            let words =
                format!("{CAMERAS} cameras are painted already, which is the limit; try again when one has gone");
            return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, words));
        }
        Ok(Self { house: Arc::clone(house), _urgent: house.room.urgent(), _working: client.working() })
    }

    async fn run(self, mut socket: WebSocket) {
        let mut settings = PaintSettings::default();
        let mut scene = Some(Box::<Scene>::default());
        let mut newest: Option<Bytes> = None;
        let mut painting = Box::pin(OptionFuture::from(None));
        loop {
            // While a frame is painted, the scene is away, and the client may wait for it.
            let patience = if scene.is_none() { PAINTING } else { PATIENCE };
            tokio::select! {
                message = tokio::time::timeout(patience, socket.recv()) => match message {
                    Ok(Some(Ok(Message::Binary(bytes)))) if bytes.len() > NUMBER => newest = Some(bytes),
                    Ok(Some(Ok(Message::Text(text)))) => match self.settings(&text) {
                        Ok(chosen) => settings = chosen,
                        Err(words) => if say(&mut socket, &words).await.is_err() { return },
                    },
                    Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => return,
                    Ok(Some(Ok(_))) => {}
                },
                Some(done) = &mut painting, if scene.is_none() => {
                    let done: Result<(Box<Scene>, Result<Bytes>)> = done;
                    let sent = match done {
                        Ok((used, Ok(bytes))) => {
                            scene = Some(used);
                            self.house.metrics.live_frames.inc();
                            send(&mut socket, Message::Binary(bytes)).await
                        }
                        Ok((used, Err(error))) => {
                            scene = Some(used);
                            say(&mut socket, &error.to_string()).await
                        }
                        Err(_) => return,
                    };
                    if sent.is_err() {
                        return;
                    }
                }
            }
            if scene.is_some()
                && let Some(bytes) = newest.take()
                && let Some(used) = scene.take()
            {
                let (house, settings) = (Arc::clone(&self.house), settings.clone());
                let work = async move {
                    house.room.paint(Class::Live, move |easel| Ok(paint(easel, &settings, used, &bytes))).await
                };
                painting = Box::pin(OptionFuture::from(Some(work)));
            }
        }
    }

    /// How a client wants to be painted.
    fn settings(&self, text: &str) -> Result<PaintSettings, String> {
        let fields: serde_json::Map<String, Value> =
            serde_json::from_str(text).map_err(|error| format!("these settings are not valid: {error}"))?;
        let mut wishes = Wishes::default();
        for (name, value) in &fields {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let is_known = wishes.set(name, &text).map_err(|error| error.to_string())?;
            if !is_known {
                return Err(format!("no setting is called '{name}'"));
            }
        }
        wishes.check_fields(Purpose::Camera).map_err(|error| error.to_string())?;
        let settings = wishes.settings(&[]).map_err(|error| error.to_string())?;
        self.house.check(&settings).map_err(|refusal| refusal.sentence().to_owned())?;
        Ok(settings)
    }
}

async fn say(socket: &mut WebSocket, words: &str) -> Result<(), ()> {
    send(socket, Message::Text(json!({ "detail": words }).to_string().into())).await
}

/// Sends a message, unless the client has gone or takes nothing.
async fn send(socket: &mut WebSocket, message: Message) -> Result<(), ()> {
    match tokio::time::timeout(PATIENCE, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(()),
    }
}

/// Paints a message; gives the answer to it, and the scene back.
fn paint(
    easel: &mut Easel,
    settings: &PaintSettings,
    mut scene: Box<Scene>,
    message: &[u8],
) -> (Box<Scene>, Result<Bytes>) {
    let (number, frame) = message.split_at(NUMBER);
    let painted = (|| {
        let mut frame = read::decode(frame, "the camera's frame", PIXELS)?.frame;
        let painting = easel.paint_next(settings, &mut scene, &mut frame)?;
        let encoded = jpeg::encode(&painting, QUALITY)?;
        let mut answer = BytesMut::with_capacity(NUMBER + encoded.len());
        answer.put_slice(number);
        answer.put_slice(&encoded);
        Ok(answer.freeze())
    })();
    (scene, painted)
}
