//! The page: plain files inside the program.

use axum::Router;
use axum::http::header;
use axum::routing::get;

use super::styles::SAMPLE;
use crate::web::{Asset, LOOK};

/// The files, by their paths.
const FILES: [(&str, Asset); 13] = [
    ("/", Asset::html(include_str!("page/index.html"))),
    ("/look.css", LOOK),
    ("/page.css", Asset::css(include_str!("page/page.css"))),
    ("/api.js", Asset::script(include_str!("page/api.js"))),
    ("/styles.js", Asset::script(include_str!("page/styles.js"))),
    ("/jobs.js", Asset::script(include_str!("page/jobs.js"))),
    ("/camera.js", Asset::script(include_str!("page/camera.js"))),
    ("/server.js", Asset::script(include_str!("page/server.js"))),
    ("/browser.js", Asset::script(include_str!("page/browser.js"))),
    ("/worker.js", Asset::script(include_str!("page/worker.js"))),
    ("/grain.js", Asset::script(include_str!("page/grain.js"))),
    ("/pixels.js", Asset::script(include_str!("page/pixels.js"))),
    ("/page.js", Asset::script(include_str!("page/page.js"))),
];

/// The routes of the page.
pub fn routes() -> Router {
    let routes = Router::new().route("/sample.jpg", get(|| async { ([(header::CONTENT_TYPE, "image/jpeg")], SAMPLE) }));
    FILES.into_iter().fold(routes, |routes, (path, file)| routes.route(path, get(move || async move { file })))
}
