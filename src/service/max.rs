//! The contract of IBM's MAX Fast Neural Style Transfer, so that its clients go on.
//!
//! Its four networks are those of pytorch/examples. If the user has imported them, they paint; else the nearest of the other
//! styles does, and the metadata says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::multipart::MultipartRejection;
use axum::extract::{ConnectInfo, Multipart, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::form::{Form, Target};
use super::house::House;
use super::pictures::paint_bytes;
use crate::error::Error;
use crate::picture::Format;
use crate::studio::{PaintSettings, Style};
use crate::style::expression::Expression;
use crate::web::answer;
use crate::web::answer::Refusal;
use crate::web::guard::Client;
use crate::whole::Scratch;

/// The models, with the style that is nearest to each. The first is the default.
const MODELS: [(&str, &str); 4] =
    [("mosaic", "metzinger"), ("candy", "composition-vii"), ("rain_princess", "woman-with-hat"), ("udnie", "udnie")];

const INVALID: &str = "Invalid file type/extension. Please provide a valid image (supported formats: JPEG, PNG, TIFF).";
const QUALITY: u8 = 92;

/// The style that paints as `model`: an imported network of that name, else the nearest style.
fn style_for(house: &House, model: &str, nearest: &str) -> String {
    let spellings =
        [model.to_owned(), model.replace('_', "-"), format!("pt_{model}"), format!("pt-{}", model.replace('_', "-"))];
    let known = spellings.into_iter().find(|name| house.studio.catalog().find(name).is_ok());
    known.unwrap_or_else(|| nearest.to_owned())
}

/// `GET /model/metadata`
pub async fn metadata(State(house): State<Arc<House>>) -> Response {
    let styles: BTreeMap<&str, String> =
        MODELS.iter().map(|(model, nearest)| (*model, style_for(&house, model, nearest))).collect();
    let all = house.studio.styles();
    let mut licenses: Vec<&str> = all
        .iter()
        .filter(|style| styles.values().any(|name| *name == style.name))
        .map(|style| style.license.as_str())
        .collect();
    licenses.sort_unstable();
    licenses.dedup();
    let painted: Vec<String> = styles.iter().map(|(model, style)| format!("{model} by the style {style}")).collect();
    answer::json(&json!({
        "id": "max-fast-neural-style-transfer",
        "name": "MAX Fast Neural Style Transfer",
        "description": format!("Neural style transfer by impasto, which paints {}", painted.join(", ")),
        "type": "Image-To-Image Translation",
        "source": "https://developer.ibm.com/exchanges/models/all/max-fast-neural-style-transfer/",
        "license": licenses.join(", "),
        "styles": styles,
    }))
}

/// The query of a prediction.
#[derive(Deserialize)]
pub struct Asked {
    model: Option<String>,
}

/// `POST /model/predict`
pub async fn predict(
    State(house): State<Arc<House>>,
    ConnectInfo(client): ConnectInfo<Client>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    multipart: Result<Multipart, MultipartRejection>,
) -> Response {
    let predicted = predict_or_refuse(&house, &client, asked, &headers, multipart).await;
    predicted.unwrap_or_else(|refusal| {
        let body = json!({ "status": "error", "message": refusal.sentence() });
        (refusal.status(), answer::json(&body)).into_response()
    })
}

async fn predict_or_refuse(
    house: &Arc<House>,
    client: &Client,
    asked: Asked,
    headers: &HeaderMap,
    multipart: Result<Multipart, MultipartRejection>,
) -> Result<Response, Refusal> {
    let missing = || Refusal::bad("Missing required parameter in an uploaded file: image");
    let multipart = multipart.map_err(|_| missing())?;
    let scratch = Scratch::new().map_err(|error| Error::writing(&std::env::temp_dir(), &error))?;
    let _bytes = house.reserve(headers, client).await?;
    let most = house.limits.picture_bytes();
    let form = Form::read(multipart, "image", Target::Memory(most), scratch.path(), most).await?;
    let name = form.name.ok_or_else(missing)?;
    let field = form.others.into_iter().find(|(name, _)| name == "model").map(|(_, value)| value);
    let model = asked.model.or(field).unwrap_or_else(|| MODELS[0].0.to_owned());
    let Some((model, nearest)) = MODELS.iter().find(|(known, _)| *known == model) else {
        let known: Vec<&str> = MODELS.iter().map(|(model, _)| *model).collect();
        return Err(Refusal::bad(format!(
            "The value '{model}' is not a valid choice for 'model'; choose {}.",
            known.join(", ")
        )));
    };
    if !is_supported(&form.bytes) {
        return Err(Refusal::bad(INVALID));
    }
    let style = Style::Named(Expression::single(style_for(house, model, nearest)));
    let settings = PaintSettings { style, ..PaintSettings::default() };
    house.check(&settings)?;
    let painted = paint_bytes(house, client, form.bytes, name, settings, |_| Ok((Format::Jpeg, QUALITY))).await;
    let painted = painted.map_err(|refusal| match refusal.status() {
        StatusCode::BAD_REQUEST => Refusal::bad(INVALID),
        _ => refusal,
    })?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg")], painted.bytes).into_response())
}

/// Whether the file is a JPEG, PNG or TIFF by its first bytes.
fn is_supported(bytes: &[u8]) -> bool {
    let starts: [&[u8]; 4] = [b"\xFF\xD8\xFF", b"\x89PNG\r\n\x1A\n", b"II*\0", b"MM\0*"];
    starts.iter().any(|start| bytes.starts_with(start))
}

/// `GET /swagger.json`
pub async fn swagger() -> Response {
    let models: Vec<&str> = MODELS.iter().map(|(model, _)| *model).collect();
    let answers = |words: &str| json!({ "description": words });
    let document: Value = json!({
        "swagger": "2.0",
        "info": {
            "title": "MAX Fast Neural Style Transfer",
            "description": "Generate a new image that mixes the content of a source image with the style of another image.",
            "version": "1.0.0",
        },
        "basePath": "/",
        "produces": ["application/json"],
        "consumes": ["application/json"],
        "tags": [{ "name": "model", "description": "Model information and inference operations" }],
        "paths": {
            "/model/metadata": { "get": {
                "tags": ["model"], "operationId": "get_metadata", "summary": "Return the metadata associated with the model",
                "responses": { "200": { "description": "Success", "schema": { "$ref": "#/definitions/ModelMetadata" } } },
            } },
            "/model/predict": { "post": {
                "tags": ["model"], "operationId": "predict", "summary": "Make a prediction given input data",
                "consumes": ["multipart/form-data"], "produces": ["image/jpeg"],
                "parameters": [
                    { "name": "image", "in": "formData", "type": "file", "required": true },
                    { "name": "model", "in": "query", "type": "string", "default": models[0], "enum": models },
                ],
                "responses": { "200": answers("The painted picture"), "400": answers("It is no picture, or there is no such model") },
            } },
        },
        "definitions": { "ModelMetadata": {
            "type": "object",
            "required": ["id", "name", "description", "type", "source", "license"],
            "properties": {
                "id": { "type": "string" }, "name": { "type": "string" }, "description": { "type": "string" },
                "type": { "type": "string" }, "source": { "type": "string" }, "license": { "type": "string" },
            },
        } },
    });
    answer::json(&document)
}
