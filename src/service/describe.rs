//! The routes of the API, and their description as OpenAPI 3.1, made from the same code.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::Config;

use super::house::House;
use super::{health, jobs, live, max, pictures, styles};
use crate::web::answer::{json, refusal};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "impasto",
        description = "Paints pictures, films and cameras in the style of paintings.\n\n\
                       If the server was started with a token, send it as `Authorization: Bearer TOKEN` or as `?token=TOKEN`. \
                       Errors are `application/problem+json` (RFC 9457); `detail` says what is wrong and how to fix it.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "pictures", description = "A picture in, a painting out"),
        (name = "jobs", description = "Films, and pictures by optimisation"),
        (name = "styles", description = "What there is to choose from"),
        (name = "service", description = "How the service is"),
    )
)]
struct Description;

/// All routes of the API.
pub fn routes(house: Arc<House>) -> Router {
    let api = OpenApiRouter::new()
        .routes(routes!(pictures::paint))
        .routes(routes!(styles::list))
        .routes(routes!(styles::thumbnail))
        .routes(routes!(live::live))
        .routes(routes!(jobs::create, jobs::list))
        .routes(routes!(jobs::get, jobs::delete))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::resume))
        .routes(routes!(jobs::result))
        .routes(routes!(jobs::show))
        .routes(routes!(jobs::follow))
        .routes(routes!(jobs::follow_all))
        .routes(routes!(health::health));
    let (routes, description) =
        OpenApiRouter::with_openapi(Description::openapi()).nest("/api/v1", api).split_for_parts();
    let viewer = Arc::new(Config::from("/api/v1/openapi.json").validator_url("none"));
    routes
        .route("/model/metadata", get(max::metadata))
        .route("/model/predict", post(max::predict))
        .route("/swagger.json", get(max::swagger))
        .route("/metrics", get(health::metrics))
        .route("/api/v1/openapi.json", get(move || async move { json(&description) }))
        .route("/api/v1/docs", get(|| async { axum::response::Redirect::permanent("docs/") }))
        .route(
            "/api/v1/docs/",
            get({
                let viewer = Arc::clone(&viewer);
                move || async move { file_of_viewer("", viewer) }
            }),
        )
        .route(
            "/api/v1/docs/{*file}",
            get(move |Path(file): Path<String>| async move { file_of_viewer(&file, viewer) }),
        )
        .fallback(|| async { refusal(StatusCode::NOT_FOUND, "there is nothing at this address; see /api/v1/docs") })
        .with_state(house)
}

fn file_of_viewer(file: &str, config: Arc<Config<'static>>) -> Response {
    match utoipa_swagger_ui::serve(file, config) {
        Ok(Some(file)) => ([(header::CONTENT_TYPE, file.content_type)], file.bytes.into_owned()).into_response(),
        _ => refusal(StatusCode::NOT_FOUND, "the viewer has no such file"),
    }
}
