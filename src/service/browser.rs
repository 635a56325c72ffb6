//! What the page needs to paint a camera in the browser itself: ONNX Runtime, the networks of a style, and the grain.
//!
//! All of it comes from this server, so that no picture and no request leaves for anywhere else.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tower_http::services::ServeFile;

use super::house::House;
use super::pictures::guarded;
use super::wishes::Wishes;
use crate::error::{Error, Result};
use crate::kernel::grain::Field;
use crate::network::{Layout, NetworkFile, web};
use crate::studio::PaintSettings;
use crate::web::answer::{Refusal, json};

/// What a network or a version of ONNX Runtime has in its address never changes.
const KEPT: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// The routes.
pub fn routes(house: Arc<House>) -> Router {
    Router::new()
        .route("/browser/recipe", get(recipe))
        .route("/browser/grain", get(grain))
        .route("/browser/networks/{sha256}", get(network))
        .route("/browser/onnxruntime/{version}/{file}", get(runtime))
        .with_state(house)
}

/// How a style is painted.
#[derive(Debug, Serialize)]
struct Recipe {
    /// The folder of ONNX Runtime.
    runtime: String,
    /// The networks, whose paintings are mixed.
    networks: Vec<Ingredient>,
}

/// One of the networks of a style.
#[derive(Debug, Serialize)]
struct Ingredient {
    /// Its address; without one, the picture is copied.
    address: Option<String>,
    /// The weights of its styles.
    weights: Vec<f32>,
    /// Its share of the painting; all sum to 1.
    share: f32,
    /// The short side, in pixels, that it was trained for.
    side: Option<u32>,
}

#[derive(Deserialize)]
struct Asked {
    style: String,
}

/// The networks of a style expression.
async fn recipe(State(house): State<Arc<House>>, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    if !web::is_installed() {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            format!("ONNX Runtime for browsers is missing; {}", web::CURE),
        ));
    }
    let wishes = Wishes { style: Some(asked.style), ..Wishes::default() };
    let settings = wishes.settings(&[])?;
    // The first time that a network is asked for, its file is checked against its hash.
    let choices = guarded("style", move || house.studio.choices(&settings.style)).await?;
    let networks: Result<Vec<Ingredient>, Refusal> = choices
        .into_iter()
        .map(|choice| {
            let address = choice.network.as_ref().map(address).transpose()?;
            let side = choice.network.map(|file| file.side);
            Ok(Ingredient { address, weights: choice.weights, share: choice.share, side })
        })
        .collect();
    let runtime = format!("/browser/onnxruntime/{}/", web::package().version);
    Ok(json(&Recipe { runtime, networks: networks? }))
}

fn address(file: &NetworkFile) -> Result<String, Refusal> {
    if file.layout != Layout::NhwcU8 {
        let words =
            format!("the network '{}' is painted by the server only; choose another style, or the server", file.name);
        return Err(Refusal::bad(words));
    }
    Ok(format!("/browser/networks/{}", file.sha256))
}

/// A network that can be painted in the browser.
async fn network(
    State(house): State<Arc<House>>,
    Path(sha256): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let found = house.studio.catalog().styles().into_iter().find(|found| found.network.sha256 == sha256);
    let file = found.map(|found| found.network.network_file(found.folder)).filter(|file| file.layout == Layout::NhwcU8);
    let file = file.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "there is no such network"))?;
    send(&file.path, request).await
}

/// A file of ONNX Runtime.
async fn runtime(Path((version, file)): Path<(String, String)>, request: Request) -> Result<Response, Refusal> {
    let is_known = version == web::package().version && web::FILES.contains(&file.as_str()) && web::is_installed();
    if !is_known {
        let words = format!("ONNX Runtime for browsers has no such file; {}", web::CURE);
        return Err(Refusal::new(StatusCode::NOT_FOUND, words));
    }
    send(&web::folder().join(file), request).await
}

async fn send(path: &std::path::Path, request: Request) -> Result<Response, Refusal> {
    let answer = ServeFile::new(path).try_call(request).await.map_err(|error| Error::reading(path, &error))?;
    let mut answer = answer.map(Body::new);
    answer.headers_mut().insert(header::CACHE_CONTROL, KEPT);
    Ok(answer.into_response())
}

/// The grain that strokes grow from: rows of cells of four numbers each, as little-endian floats.
async fn grain() -> Result<Response, Refusal> {
    static FIELD: OnceLock<Bytes> = OnceLock::new();
    let bytes =
        guarded("grain", || Ok(FIELD.get_or_init(|| Field::new(PaintSettings::default().seed).bytes().into()).clone()));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600")),
    ];
    Ok((headers, bytes.await?).into_response())
}
