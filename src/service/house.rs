//! What all answers are made from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use super::form::too_large;
use super::gate::Gate;
use super::metrics::Metrics;
use super::room::Room;
use super::store::Store;
use crate::studio::{PaintSettings, Studio, Style};
use crate::style::catalog::IDENTITY;
use crate::web::answer::Refusal;
use crate::web::guard::Client;

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
    pub fn picture_bytes(&self) -> u64 {
        self.upload.min(PICTURE)
    }
}

/// What all answers are made from.
pub struct House {
    pub studio: Arc<Studio>,
    pub room: Arc<Room>,
    pub gate: Arc<Gate>,
    pub metrics: Metrics,
    pub store: Store,
    /// The thumbnails that were painted, by the names of the styles.
    pub thumbnails: Mutex<HashMap<String, Bytes>>,
    pub limits: Limits,
    /// The installed devices, once they were asked for: to look loads their plugins.
    devices: OnceCell<Vec<String>>,
    /// KiB of pictures that may still be received.
    receiving: Arc<Semaphore>,
}

impl House {
    /// Opens the house: nothing is painted yet.
    pub fn new(studio: Arc<Studio>, store: Store, limits: Limits) -> Self {
        let (room, gate, metrics, thumbnails) = Default::default();
        let receiving = Arc::new(Semaphore::new((RECEIVING >> 10) as usize));
        Self { studio, room, gate, metrics, store, thumbnails, limits, devices: OnceCell::new(), receiving }
    }

    /// What can paint here: `webgpu (Intel Iris Xe Graphics)`, `cpu`. Empty if ONNX Runtime is missing.
    pub async fn devices(&self) -> Vec<String> {
        let found = self.devices.get_or_init(|| async {
            let studio = Arc::clone(&self.studio);
            let found = tokio::task::spawn_blocking(move || studio.devices()).await;
            found.ok().and_then(Result::ok).unwrap_or_default()
        });
        found.await.clone()
    }

    /// Waits until a picture of the announced length may be received.
    ///
    /// # Errors
    /// It is too large.
    pub async fn reserve(&self, headers: &HeaderMap, client: &Client) -> Result<OwnedSemaphorePermit, Refusal> {
        let length = announced(headers);
        // Beside the picture, a form has style pictures and fields.
        let most = self.limits.picture_bytes();
        if length.is_some_and(|length| length > self.limits.upload) {
            return Err(too_large(most));
        }
        let _working = client.working();
        // No more than the picture is kept in memory; style pictures go into files.
        let kib = length.unwrap_or(most).min(most).min(RECEIVING).div_ceil(1 << 10).max(1);
        let permit = Arc::clone(&self.receiving).acquire_many_owned(kib as u32).await;
        permit.map_err(|_| Refusal::busy("the server is ending; try again later", 5))
    }

    /// Checks that a style is known and can be painted here.
    ///
    /// # Errors
    /// It cannot.
    pub fn check(&self, settings: &PaintSettings) -> Result<(), Refusal> {
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

/// The length of a request's body, as its head tells it.
pub fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
