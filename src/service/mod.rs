//! `impasto serve`: painting for people in a browser, and for programs.
//!
//! | route | gives | file |
//! | --- | --- | --- |
//! | `GET /` | the page | `page` |
//! | `POST /api/v1/pictures` | a painting of the picture in the request | `pictures` |
//! | `/api/v1/jobs` | films, and pictures by optimisation | `jobs`, `job`, `store`, `worker` |
//! | `GET /api/v1/events` | what happens, as server-sent events | `jobs` |
//! | `GET /api/v1/live` | a camera's frames, painted, over a WebSocket | `live` |
//! | `GET /api/v1/styles` | the styles, with thumbnails | `styles` |
//! | `GET /api/v1/health`, `GET /metrics` | how the service is | `metrics` |
//! | `/model/*`, `GET /swagger.json` | the contract of IBM's MAX | `max` |
//! | `GET /api/v1/openapi.json`, `/api/v1/docs` | the description of all this, and a viewer | `describe` |
//!
//! One thread serves everybody, and one paints pictures and camera frames (`room`). What decodes and encodes runs on the
//! server's threads for blocking work; `gate` lets three pictures in at a time, and clients take turns. One more thread does
//! the jobs, which give way to pictures and cameras. They are kept in a folder, so that they outlive the server.

mod describe;
mod form;
mod gate;
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
use axum::http::{HeaderMap, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_http::catch_panic::CatchPanicLayer;

use self::form::too_large;
use self::gate::Gate;
use self::metrics::Metrics;
use self::room::Room;
use self::store::Store;
use crate::error::{Error, Result};
use crate::network::library;
use crate::studio::easel::Easel;
use crate::studio::{PaintSettings, Studio, Style};
use crate::style::catalog::IDENTITY;
use crate::sync::threads;
use crate::web::answer::Refusal;
use crate::web::guard::Client;
use crate::web::server::{Place, Server};

/// Bytes of pictures that are being received, all together.
const RECEIVING: u64 = 512 << 20;
/// The largest picture file, in bytes.
const PICTURE: u64 = 128 << 20;

/// What clients may send.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a film or picture.
    pub upload: u64,
    /// Length of a film, in seconds.
    pub seconds: f64,
    /// Bytes of all jobs on the disk.
    pub disk: u64,
}

impl Limits {
    /// Bytes of a picture.
    fn picture_bytes(&self) -> u64 {
        self.upload.min(PICTURE)
    }
}

/// What all answers are made from.
pub struct House {
    studio: Arc<Studio>,
    room: Arc<Room>,
    gate: Arc<Gate>,
    metrics: Metrics,
    store: Store,
    thumbnails: styles::Thumbnails,
    limits: Limits,
    /// KiB of pictures that may still be received.
    receiving: Arc<Semaphore>,
}

/// The folder of the jobs, if none is named.
pub fn usual_folder() -> PathBuf {
    library::data_folder().join("serve")
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
        let (studio, room) = (Arc::new(studio), Arc::<Room>::default());
        let easel = Easel::new(Arc::clone(&studio), Arc::new(failed));
        let store = Store::open(folder, limits.disk)?;
        let house = Arc::new(House {
            studio,
            room,
            gate: Arc::default(),
            metrics: Metrics::default(),
            store,
            thumbnails: styles::Thumbnails::default(),
            limits,
            receiving: Arc::new(Semaphore::new((RECEIVING >> 10) as usize)),
        });
        let body = usize::try_from(limits.upload).unwrap_or(usize::MAX);
        let routes = describe::routes(Arc::clone(&house))
            .merge(page::routes())
            .layer(DefaultBodyLimit::max(body))
            .layer(CatchPanicLayer::custom(|_| metrics::panicked()));
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

impl House {
    /// Waits until a picture of the announced length may be received.
    async fn reserve(&self, headers: &HeaderMap, client: &Client) -> Result<OwnedSemaphorePermit, Refusal> {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        // Beside the picture, a form has style pictures and fields.
        let most = self.limits.picture_bytes();
        if length.is_some_and(|length| length > self.limits.upload.max(most)) {
            return Err(too_large(most));
        }
        let _working = client.working();
        let kib = length.unwrap_or(most).min(RECEIVING).div_ceil(1 << 10).max(1);
        let permit = Arc::clone(&self.receiving).acquire_many_owned(kib as u32).await;
        permit.map_err(|_| Refusal::busy("the server is ending; try again later", 5))
    }

    /// Fails if a style is unknown or cannot be painted here.
    fn check(&self, settings: &PaintSettings) -> Result<(), Refusal> {
        let catalog = self.studio.catalog();
        let found = match &settings.style {
            Style::First => catalog.default_style().map(drop),
            Style::Named(expression) => {
                let mut names = expression.terms().iter().map(|(name, _)| name).filter(|name| *name != IDENTITY);
                names.try_for_each(|name| catalog.find(name).map(drop))
            }
            Style::Pictures(_) => catalog.pair().map(drop),
        };
        found.map_err(|error| Refusal::bad(error.to_string()))
    }
}
