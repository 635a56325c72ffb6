//! What the page of a live show and the service share: the server, who is served, the form of answers, the pages' look.

pub mod answer;
pub mod guard;
pub mod jpeg;
pub mod rest;
pub mod server;

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// A file of a page, inside the program.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its type.
    pub kind: &'static str,
    /// Its content.
    pub text: &'static str,
}

impl Asset {
    /// A page.
    pub const fn html(text: &'static str) -> Self {
        Self { kind: "text/html; charset=utf-8", text }
    }

    /// A style sheet.
    pub const fn css(text: &'static str) -> Self {
        Self { kind: "text/css; charset=utf-8", text }
    }

    /// A module.
    pub const fn script(text: &'static str) -> Self {
        Self { kind: "text/javascript; charset=utf-8", text }
    }
}

/// The colours and controls of every page.
pub const LOOK: Asset = Asset::css(include_str!("look.css"));

impl IntoResponse for Asset {
    fn into_response(self) -> Response {
        // Another version of the program may be behind the same address tomorrow.
        ([(header::CONTENT_TYPE, self.kind), (header::CACHE_CONTROL, "no-cache")], self.text).into_response()
    }
}
