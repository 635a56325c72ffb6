//! What several films share: their settings, and networks that are opened once.

use super::settings::FilmSettings;
use crate::error::Result;
use crate::size::Size;
use crate::studio::{Painter, Studio};
use crate::stylize::Stylizer;

/// Paints several films, one after another, in one style. The networks are opened once, for the first film that needs them.
pub struct Films<'a> {
    pub(super) studio: &'a Studio,
    pub(super) settings: FilmSettings,
    painter: Option<Painter>,
    workers: Vec<Stylizer>,
    /// The frame size that the workers are for.
    size: (u32, u32),
}

impl<'a> Films<'a> {
    /// Prepares to paint films with `settings`; opens no network yet.
    pub fn new(studio: &'a Studio, settings: FilmSettings) -> Self {
        Self { studio, settings, painter: None, workers: Vec::new(), size: (0, 0) }
    }

    /// The painter; `None` if nothing has been painted yet.
    pub fn painter(&self) -> Option<&Painter> {
        self.painter.as_ref()
    }

    /// The painter, opened at the first call, for frames of `size`.
    pub(super) fn load(&mut self, size: (u32, u32)) -> Result<&Painter> {
        let painter = match self.painter.take() {
            Some(painter) => painter,
            None => self.studio.painter_for(&self.settings.paint, Size::new(size.0, size.1))?,
        };
        Ok(self.painter.insert(painter))
    }

    /// Stylizers for frames of this size.
    pub(super) fn workers(&mut self, size: (u32, u32)) -> Result<&mut [Stylizer]> {
        if self.size != size {
            // Drop the old ones first: both together may not fit into the memory of a graphics card.
            self.workers.clear();
            self.workers = self.load(size)?.workers(size.0, size.1)?;
            self.size = size;
        }
        Ok(&mut self.workers)
    }
}
