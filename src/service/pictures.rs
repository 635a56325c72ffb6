//! A picture in, a picture out, in one request.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, Multipart, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

use super::form::{Form, Target};
use super::house::House;
use super::room::Class;
use super::wishes::{Purpose, WishesForm};
use crate::error::{Error, Result};
use crate::frame::MaxPixels;
use crate::picture::{Format, Picture, read, write};
use crate::studio::PaintSettings;
use crate::sync::threads::panicked;
use crate::web::answer::{Problem, Refusal};
use crate::web::guard::Client;
use crate::whole::Scratch;

/// The form of a request.
#[derive(Deserialize, ToSchema)]
#[allow(dead_code, reason = "it describes the form to clients")]
pub struct PictureForm {
    /// The picture: JPEG, PNG, WebP, TIFF, BMP, HEIC, AVIF or JPEG XL.
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
    #[serde(flatten)]
    wishes: WishesForm,
    /// `jpeg`, `png`, `webp` or `tiff`. Default: that of the picture, if it is one of these.
    format: Option<String>,
    /// JPEG quality, 1 to 100.
    quality: Option<u8>,
}

/// Paint a picture.
///
/// The answer is the painting, of the same size and, unless `format` says otherwise, in the same format.
#[utoipa::path(
    post, path = "/pictures", tag = "pictures",
    request_body(content = PictureForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The painting", content(
            (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"), (Vec<u8> = "image/tiff"))),
        (status = 400, description = "It is no picture, or a field is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "It is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "It is no form", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many of your pictures are waiting", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn paint(
    State(house): State<Arc<House>>,
    ConnectInfo(client): ConnectInfo<Client>,
    headers: axum::http::HeaderMap,
    multipart: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Result<Response, Refusal> {
    let multipart = multipart.map_err(|error| Refusal::new(error.status(), error.body_text()))?;
    let scratch = Scratch::new().map_err(|error| Error::writing(&std::env::temp_dir(), &error))?;
    let _bytes = house.reserve(&headers, &client).await?;
    let most = house.limits.picture_bytes();
    let form = Form::read(multipart, "image", Target::Memory(most), scratch.path(), most).await?;
    if let Some((name, _)) = form.others.first() {
        return Err(Refusal::bad(format!("no field is called '{name}'; the API's description lists them")));
    }
    let name = form.name.ok_or_else(|| Refusal::bad("the picture is missing: send it as the file field 'image'"))?;
    form.wishes.check_fields(Purpose::Picture)?;
    let settings = form.wishes.settings(&form.styles)?;
    house.check(&settings)?;
    form.wishes.encoding(None)?;
    let wishes = form.wishes.clone();
    let painted = paint_bytes(&house, &client, form.bytes, name, settings, move |own| wishes.encoding(own)).await?;
    let mut answer =
        ([(header::CONTENT_TYPE, painted.format.media_type()), (header::CACHE_CONTROL, "no-store")], painted.bytes)
            .into_response();
    // For the network panel of browsers, and for those who measure.
    let timing = format!("queue;dur={:.0}, paint;dur={:.0}", painted.waited * 1e3, painted.seconds * 1e3);
    if let Ok(timing) = HeaderValue::from_str(&timing) {
        answer.headers_mut().insert("server-timing", timing);
    }
    Ok(answer)
}

/// A painting, encoded.
pub struct PaintedBytes {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its format.
    pub format: Format,
    /// Seconds until it was its turn.
    pub waited: f64,
    /// Seconds for decoding, painting and encoding.
    pub seconds: f64,
}

/// Paints the picture in `bytes`; `encoding` chooses the format and the quality, by the picture's own format.
///
/// # Errors
/// It is no picture, or is damaged or too large; or it cannot be painted or encoded.
pub async fn paint_bytes(
    house: &Arc<House>,
    client: &Client,
    bytes: bytes::Bytes,
    name: String,
    settings: PaintSettings,
    encoding: impl FnOnce(Option<Format>) -> Result<(Format, u8)> + Send + 'static,
) -> Result<PaintedBytes, Refusal> {
    let _working = client.working();
    let arrived = Instant::now();
    let _pass = house.gate.enter(client.address).await?;
    let _urgent = house.room.urgent();
    let begun = Instant::now();
    let most = house.studio.machine().max_pixels;
    let picture = decode(bytes, name, most).await?;
    let picture = house.room.paint(Class::Picture, move |easel| easel.paint_picture(&settings, picture)).await?;
    let encode = move || {
        let (format, quality) = encoding(picture.format)?;
        write::encode(&picture, format, quality).map(|encoded| (encoded.bytes, format))
    };
    let (bytes, format) = guarded("encode", encode).await?;
    let (waited, seconds) = ((begun - arrived).as_secs_f64(), begun.elapsed().as_secs_f64());
    house.metrics.picture(seconds);
    Ok(PaintedBytes { bytes, format, waited, seconds })
}

/// Decodes what a client sent; a picture that cannot be read is the client's fault.
async fn decode(bytes: bytes::Bytes, name: String, most: MaxPixels) -> Result<Picture, Refusal> {
    let decode = move || read::decode(&bytes, &format!("'{name}'"), most);
    guarded("decode", decode).await.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))
}

/// Does `work` on a thread for what takes long; a panic in it is a failure of this request only.
pub async fn guarded<T: Send + 'static>(
    thread: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|_| Err(panicked(thread)))
}
