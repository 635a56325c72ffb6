//! The entrance to the library: takes plain settings, and returns a painter that is ready to use.
//!
//! A [`Studio`] knows the styles and the device. It makes a [`Painter`] for a style, paints picture files ([`pictures`]),
//! films ([`film`]) and stills by optimisation ([`still`]), and opens the styles of a live show ([`repertoire`]). It prints nothing and has no command line flags;
//! it reports through callbacks. Defaults such as the style and the device are decided only here.

pub mod capture;
mod costs;
pub mod easel;
mod fastest;
pub mod film;
mod machine;
mod painter;
pub mod pictures;
pub mod repertoire;
pub mod still;

use std::sync::Mutex;

use crate::error::Result;
use crate::network::provider::{Candidate, Device, Provider};
use crate::network::runtime::Runtime;
use crate::size::Size;
use crate::style::catalog::{Catalog, Choice};
use crate::style::expression::Expression;
use crate::sync::lock;

pub use fastest::Job;
pub use machine::{Engine, Machine};
pub use painter::{PaintSettings, Painter, Style};

/// The size that a device is chosen for if the job's is not known. Networks see frames of this size and of larger ones at the
/// same size, unless their strokes are measured in pixels.
const USUAL: Size = Size { width: 1280, height: 720 };

/// The installed styles and the device that paints them; the starting point of the library.
///
/// Opening a studio is cheap. It loads ONNX Runtime and chooses the device when the first style needs them.
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
    runtime: Mutex<Option<Runtime>>,
    engine: Mutex<Option<Engine>>,
}

/// An installed style, as [`Studio::styles`] lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StyleInfo {
    /// The name to choose it by.
    pub name: String,
    /// The painting that it was trained on, if known.
    pub title: Option<String>,
    /// The name of the network that paints it.
    pub network: String,
    /// Licence of the network, as an SPDX expression if there is one.
    pub license: String,
    /// It leaves the picture unpainted: useful in blends.
    pub unstyled: bool,
}

impl Studio {
    /// Opens a studio: reads the lists of styles, but loads no network.
    ///
    /// # Errors
    /// The folder [`Machine::models`] holds no `styles.toml`, or a `styles.toml` is invalid.
    pub fn open(machine: Machine) -> Result<Self> {
        let catalog = Catalog::load(machine.models.as_deref())?;
        Ok(Self { machine, catalog, runtime: Mutex::default(), engine: Mutex::default() })
    }

    /// The same with an ONNX Runtime that is loaded already: a process can load only one.
    pub(crate) fn with_runtime(self, runtime: Runtime) -> Self {
        Self { runtime: Mutex::new(Some(runtime)), ..self }
    }

    /// The machine that the studio was opened with.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// All installed styles; the first is the default.
    pub fn styles(&self) -> Vec<StyleInfo> {
        let info = |found: &crate::style::catalog::Found<'_>| StyleInfo {
            name: found.style.name.clone(),
            title: found.style.title.clone(),
            network: found.network.name.clone(),
            license: found.network.license.clone(),
            unstyled: found.style.unstyled,
        };
        self.catalog.styles().iter().map(info).collect()
    }

    /// Whether any picture can be the style: the networks for that are installed.
    pub(crate) fn paints_like_pictures(&self) -> bool {
        self.catalog.pair().is_ok()
    }

    /// Makes a painter for the style in `settings`.
    ///
    /// # Errors
    /// The style is unknown, a style picture cannot be read, a network file is missing or damaged, ONNX Runtime is missing,
    /// or the device does not run.
    pub fn painter(&self, settings: &PaintSettings) -> Result<Painter> {
        Painter::new(self, settings, USUAL)
    }

    /// The same for frames of a known size: with [`Device::Auto`](crate::Device::Auto), the device is the fastest for that size.
    ///
    /// # Errors
    /// Those of [`Self::painter`].
    pub fn painter_for(&self, settings: &PaintSettings, size: Size) -> Result<Painter> {
        Painter::new(self, settings, size)
    }

    /// The device that was chosen, and why; `None` until a style needs one.
    pub fn chosen_device(&self) -> Option<(Device, String)> {
        lock(&self.engine).as_ref().map(|engine| (engine.provider.device, engine.provider.reason.clone()))
    }

    /// The devices that are installed here, with vendor and name as far as a plugin tells them, such as
    /// `webgpu (Intel Iris Xe Graphics)`. The processor comes last.
    ///
    /// # Errors
    /// ONNX Runtime is missing or too old.
    pub(crate) fn devices(&self) -> Result<Vec<String>> {
        let found = Provider::candidates(&self.runtime()?, self.machine.options());
        Ok(found.iter().map(Candidate::to_string).chain([Device::Cpu.to_string()]).collect())
    }

    /// The installed styles and networks.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// ONNX Runtime; loaded at the first call.
    pub(crate) fn runtime(&self) -> Result<Runtime> {
        let mut runtime = lock(&self.runtime);
        let loaded = match runtime.take() {
            Some(loaded) => loaded,
            None => self.machine.runtime()?,
        };
        Ok(runtime.insert(loaded).clone())
    }

    /// ONNX Runtime and the device; chosen at the first call, if possible for the job that it is needed for.
    pub(crate) fn engine(&self, job: Option<&Job>) -> Result<Engine> {
        let mut engine = lock(&self.engine);
        let loaded = match engine.take() {
            Some(loaded) => loaded,
            None => Engine::new(self.runtime()?, &self.machine, job)?,
        };
        Ok(engine.insert(loaded).clone())
    }

    /// The expression of a style, with the default filled in; `None` for style pictures.
    pub(crate) fn expression(&self, style: &Style) -> Result<Option<Expression>> {
        match style {
            Style::First => self.catalog.default_style().map(Some),
            Style::Named(expression) => Ok(Some(expression.clone())),
            Style::Pictures(_) => Ok(None),
        }
    }

    /// The networks of a style, with their weights and shares.
    pub(crate) fn choices(&self, style: &Style) -> Result<Vec<Choice>> {
        let expression = match style {
            Style::Pictures(paintings) => {
                let pair = self.catalog.pair()?;
                let pictures = paintings.load(self.machine.max_pixels)?;
                // Computed once: all frames and all workers use this vector.
                return Ok(vec![pictures.choice(&pair, &self.runtime()?, self.machine.threads())?]);
            }
            Style::First => self.catalog.default_style()?,
            Style::Named(expression) => expression.clone(),
        };
        self.catalog.resolve(&expression)
    }
}
