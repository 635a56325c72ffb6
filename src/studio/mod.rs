//! The front door: plain settings in, a ready painter out.
//!
//! A [`Studio`] knows the styles and what runs the networks. It makes a [`Painter`] for a style, paints whole pictures
//! ([`pictures`]) and films ([`film`]), and opens the styles of a live show ([`repertoire`]). It prints nothing and knows no
//! flags: what a caller should hear comes through a callback. Defaults, such as the style and the device, are decided
//! here and nowhere else.

pub mod capture;
pub mod film;
mod machine;
mod painter;
pub mod pictures;
pub mod repertoire;

use std::sync::Mutex;

use crate::error::Result;
use crate::style::catalog::{Catalog, Choice};
use crate::style::expression::Expression;
use crate::sync::lock;

pub use machine::{Engine, Machine};
pub use painter::{PaintSettings, Painter, Style};

/// The styles, and what runs their networks: ONNX Runtime is loaded and the device chosen when the first style needs it.
///
/// ```
/// use impasto::{Frame, Machine, PaintSettings, Studio};
///
/// # fn main() -> impasto::Result<()> {
/// let studio = Studio::open(Machine::default())?;
/// // `identity` copies the picture; `impasto styles` lists the others.
/// let settings = PaintSettings { style: "identity".parse()?, ..PaintSettings::default() };
/// let mut painter = studio.painter(&settings)?;
/// let photo = Frame::new(640, 360);
/// let painting = painter.paint(&photo)?;
/// assert_eq!((painting.width, painting.height), (640, 360));
/// # Ok(())
/// # }
/// ```
pub struct Studio {
    machine: Machine,
    catalog: Catalog,
    engine: Mutex<Option<Engine>>,
}

/// A style that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StyleInfo {
    /// What it is chosen by.
    pub name: String,
    /// The painting that it was learned from, if the network says so.
    pub title: Option<String>,
    /// The network that paints it.
    pub network: String,
    /// Licence of the network.
    pub license: String,
}

impl Studio {
    /// Reads the manifests of styles; loads no network yet.
    ///
    /// # Errors
    /// The folder that [`Machine::models`] names holds no styles, or a manifest is damaged.
    pub fn open(machine: Machine) -> Result<Self> {
        let catalog = Catalog::load(machine.models.as_deref())?;
        Ok(Self { machine, catalog, engine: Mutex::default() })
    }

    /// What it runs on.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The styles in their order; the first is the default.
    pub fn styles(&self) -> Vec<StyleInfo> {
        let info = |found: &crate::style::catalog::Found<'_>| StyleInfo {
            name: found.style.name.clone(),
            title: found.style.title.clone(),
            network: found.network.name.clone(),
            license: found.network.license.clone(),
        };
        self.catalog.styles().iter().map(info).collect()
    }

    /// Finds a style and what runs it.
    ///
    /// # Errors
    /// The style is unknown, a picture cannot be a style, ONNX Runtime is missing, or the device cannot run.
    pub fn painter(&self, settings: &PaintSettings) -> Result<Painter> {
        Painter::new(self, settings)
    }

    /// The device that was chosen, and why; `None` while no style has needed one.
    pub fn chosen_device(&self) -> Option<(crate::network::provider::Device, String)> {
        lock(&self.engine).as_ref().map(|engine| (engine.provider.device, engine.provider.reason.clone()))
    }

    /// What was found in the manifests.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// What runs the networks; loaded at the first call.
    pub(crate) fn engine(&self) -> Result<Engine> {
        let mut engine = lock(&self.engine);
        let loaded = match engine.take() {
            Some(loaded) => loaded,
            None => Engine::load(&self.machine)?,
        };
        Ok(engine.insert(loaded).clone())
    }

    /// The style to paint in where none is named, or the one that is.
    pub(crate) fn expression(&self, style: &Style) -> Result<Option<Expression>> {
        match style {
            Style::First => self.catalog.default_style().map(Some),
            Style::Named(expression) => Ok(Some(expression.clone())),
            Style::Pictures(_) => Ok(None),
        }
    }

    /// The networks of a style, with weights and shares.
    pub(crate) fn choices(&self, style: &Style) -> Result<Vec<Choice>> {
        let expression = match style {
            Style::Pictures(paintings) => {
                let pair = self.catalog.pair()?;
                let pictures = paintings.load(self.machine.max_pixels)?;
                let engine = self.engine()?;
                // Once: every frame and every worker paints with this vector.
                return Ok(vec![pictures.choice(&pair, &engine.runtime, engine.threads)?]);
            }
            Style::First => self.catalog.default_style()?,
            Style::Named(expression) => expression.clone(),
        };
        self.catalog.resolve(&expression)
    }
}
