//! `impasto serve`: painting for people in a browser, and for programs.
//!
//! | route | gives | file |
//! | --- | --- | --- |
//! | `GET /` | the page | `page` |
//! | `/browser/*` | what the page needs to paint a camera in the browser itself | `browser` |
//! | `POST /api/v1/pictures` | a painting of the picture in the request | `pictures` |
//! | `/api/v1/jobs` | films, and pictures by optimisation | `jobs`, `job`, `store`, `worker` |
//! | `GET /api/v1/events` | what happens, as server-sent events | `jobs` |
//! | `GET /api/v1/live` | a camera's frames, painted, over a WebSocket | `live` |
//! | `GET /api/v1/styles` | the styles, with thumbnails | `styles` |
//! | `GET /api/v1/health`, `GET /metrics` | how the service is | `health`, `metrics` |
//! | `/model/*`, `GET /swagger.json` | the contract of IBM's MAX | `max` |
//! | `GET /api/v1/openapi.json`, `/api/v1/docs` | the description of all this, and a viewer | `describe` |
//!
//! One thread serves everybody, and one paints pictures and camera frames (`room`). What decodes and encodes runs on the
//! server's threads for blocking work; `gate` lets three pictures in at a time, and clients take turns. One more thread does
//! the jobs, which give way to pictures and cameras. They are kept in a folder, so that they outlive the server.

mod browser;
mod describe;
mod form;
mod gate;
mod health;
mod house;
mod job;
mod jobs;
mod live;
mod max;
mod metrics;
mod page;
mod pictures;
mod room;
mod store;
mod styles;
mod wishes;
mod worker;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::from_fn;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use self::house::House;
pub use self::house::Limits;
use self::store::Store;
use crate::error::{Error, Result};
use crate::network::library;
use crate::studio::Studio;
use crate::studio::easel::Easel;
use crate::sync::threads;
use crate::web::rest::read_rest;
use crate::web::server::{Place, Server};

/// The folder of the jobs, if none is named.
pub fn usual_folder() -> PathBuf {
    library::data_folder().join("serve")
}

/// A header with which browsers set a page apart from all others. They let only such a page share memory between threads, which
/// painting in the browser needs to use several cores.
fn isolated(name: &'static str, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(HeaderName::from_static(name), HeaderValue::from_static(value))
}

/// The service, until it is dropped.
pub struct Service {
    server: Server,
    house: Arc<House>,
    threads: Vec<JoinHandle<()>>,
}

impl Service {
    /// Serves at `listen`, to everyone who knows `token`. An address that other machines can reach gets a random token if none is
    /// given. Jobs are kept in `folder`, and those that are there already go on. `failed` is told if the device fails; the processor then takes over.
    ///
    /// # Errors
    /// The port is taken, the folder cannot be written or is used by another server, or the system refuses a thread.
    pub fn open(
        studio: Studio,
        listen: SocketAddr,
        token: Option<String>,
        folder: &Path,
        limits: Limits,
        failed: impl Fn(&Error) + Send + Sync + 'static,
    ) -> Result<Self> {
        let place = Place::take(listen, token, "impasto serve")?;
        let studio = Arc::new(studio);
        let easel = Easel::new(Arc::clone(&studio), Arc::new(failed));
        let house = Arc::new(House::new(studio, Store::open(folder, limits.disk)?, limits));
        let body = usize::try_from(limits.upload).unwrap_or(usize::MAX);
        let routes = describe::routes(Arc::clone(&house))
            .merge(page::routes())
            .merge(browser::routes(Arc::clone(&house)))
            .layer(isolated("cross-origin-opener-policy", "same-origin"))
            .layer(isolated("cross-origin-embedder-policy", "require-corp"))
            .layer(DefaultBodyLimit::max(body))
            .layer(CatchPanicLayer::custom(|_| health::panicked()))
            .layer(from_fn(read_rest));
        let mut service = Self { server: place.serve(routes)?, house, threads: Vec::new() };
        let (painting, working) = (Arc::clone(&service.house), Arc::clone(&service.house));
        service.threads.push(threads::spawn("paint", move || painting.room.run(easel))?);
        service.threads.push(threads::spawn("jobs", move || worker::run(&working))?);
        Ok(service)
    }

    /// The address to open in a browser.
    pub fn address(&self) -> &str {
        self.server.address()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.house.store.close();
        self.house.room.close();
        self.server.close();
        for thread in self.threads.drain(..) {
            // A panic in a painting or a job does not reach here.
            let _ = thread.join();
        }
    }
}
