//! The styles, with a thumbnail of each that the network itself painted.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::house::House;
use super::room::Class;
use crate::error::Result;
use crate::frame::MaxPixels;
use crate::network::{vgg19, web};
use crate::picture::{Format, read, write};
use crate::studio::{PaintSettings, Style};
use crate::style::expression::Expression;
use crate::sync::lock;
use crate::web::answer::{Problem, Refusal, json};
use crate::web::guard::Client;

/// The picture that thumbnails show: scikit-image's chelsea, by Stefan van der Walt (CC0).
pub const SAMPLE: &[u8] = include_bytes!("sample.jpg");
const QUALITY: u8 = 85;

/// What there is to choose from.
#[derive(Debug, Serialize, ToSchema)]
pub struct StyleList {
    /// The styles; the first is the default.
    pub styles: Vec<StyleEntry>,
    /// Whether any picture can be the style of pictures and films.
    pub style_image: bool,
    /// Whether `paint` jobs, by optimisation, can run.
    pub paint: bool,
    /// Whether the page can paint cameras in the browser itself.
    pub browser: bool,
}

/// A style.
#[derive(Debug, Serialize, ToSchema)]
pub struct StyleEntry {
    /// Its name.
    pub name: String,
    /// The painting that it was trained on.
    pub title: Option<String>,
    /// The network that paints it.
    pub network: String,
    /// The network's licence.
    pub license: String,
    /// It leaves the picture unpainted: for blends.
    pub unstyled: bool,
    /// Address of a picture that it painted.
    pub thumbnail: String,
}

/// List the styles.
#[utoipa::path(get, path = "/styles", tag = "styles", responses((status = 200, body = StyleList)))]
pub async fn list(State(house): State<Arc<House>>) -> Response {
    let entry = |style: crate::studio::StyleInfo| StyleEntry {
        thumbnail: format!("/api/v1/styles/{}/thumbnail.jpg", style.name),
        name: style.name,
        title: style.title,
        network: style.network,
        license: style.license,
        unstyled: style.unstyled,
    };
    let styles = house.studio.styles().into_iter().map(entry).collect();
    json(&StyleList {
        styles,
        style_image: house.studio.paints_like_pictures(),
        paint: vgg19::is_installed(),
        browser: web::is_installed(),
    })
}

/// See a picture that a style painted.
#[utoipa::path(
    get, path = "/styles/{name}/thumbnail.jpg", tag = "styles",
    params(("name" = String, Path, description = "The style")),
    responses(
        (status = 200, description = "A cat, 400x300 pixels", body = Vec<u8>, content_type = "image/jpeg"),
        (status = 404, description = "There is no such style", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn thumbnail(
    State(house): State<Arc<House>>,
    ConnectInfo(client): ConnectInfo<Client>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let known = house.studio.catalog().find(&name);
    known.map_err(|error| Refusal::new(StatusCode::NOT_FOUND, error.to_string()))?;
    let _working = client.working();
    let made = lock(&house.thumbnails).get(&name).cloned();
    let bytes = match made {
        Some(bytes) => bytes,
        None => {
            let painted = paint(&house, &name).await?;
            lock(&house.thumbnails).insert(name, painted.clone());
            painted
        }
    };
    let headers = [(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "private, max-age=3600")];
    Ok((headers, bytes).into_response())
}

async fn paint(house: &Arc<House>, name: &str) -> Result<Bytes> {
    let settings = PaintSettings { style: Style::Named(Expression::single(name)), ..PaintSettings::default() };
    house
        .room
        .paint(Class::Thumbnail, move |easel| {
            let sample = read::decode(SAMPLE, "the sample", MaxPixels::default())?;
            let painting = easel.paint_picture(&settings, sample)?;
            Ok(write::encode(&painting, Format::Jpeg, QUALITY)?.bytes.into())
        })
        .await
}
