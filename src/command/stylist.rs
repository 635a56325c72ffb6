//! From the style flags to stylizers: what every command that paints does first.

use std::num::NonZeroUsize;
use std::thread;

use crate::cli::{RunArgs, SharedArgs, StyleArgs};
use crate::error::Result;
use crate::network::provider::{Device, Provider, ProviderOptions};
use crate::network::runtime::Runtime;
use crate::network::{self, Identity, Opening};
use crate::report::Report;
use crate::style::catalog::{Catalog, Choice};
use crate::stylize::{Look, Part, Stylizer};
use crate::temporal::Stabilizer;

/// Pixels that all workers together may hold in their networks: about 150 bytes each in the widest layer.
const PIXELS_AT_ONCE: u64 = 16 << 20;

/// What runs the networks: ONNX Runtime on a device, with a number of cores.
#[derive(Clone)]
pub struct Engine {
    /// The loaded library.
    pub runtime: Runtime,
    /// The device, and why it was chosen.
    pub provider: Provider,
    /// Cores to use, at least 1.
    pub threads: usize,
}

impl Engine {
    /// Loads ONNX Runtime and chooses the device; says which `auto` took.
    pub fn new(run: &RunArgs, shared: &SharedArgs, report: &Report) -> Result<Self> {
        let gpu = matches!(run.device, Device::Auto | Device::Cuda | Device::TensorRt);
        let runtime = Runtime::load(shared.onnxruntime.as_deref(), gpu)?;
        let options = ProviderOptions {
            device_id: run.device_id,
            fp16: run.fp16,
            cuda_graph: run.cuda_graph,
            gpu_memory: run.gpu_memory,
        };
        let provider = Provider::choose(&runtime, run.device, options)?;
        if run.device == Device::Auto {
            report.say(format!("device: {} ({})", provider.device, provider.reason));
        }
        Ok(Self { runtime, provider, threads: threads(run) })
    }

    /// How to open a network with all cores.
    pub fn opening(&self) -> Opening<'_> {
        Opening { runtime: &self.runtime, provider: &self.provider, threads: self.threads, tile_above: None }
    }
}

/// The cores that `--threads` gives, or all of the machine's.
pub fn threads(run: &RunArgs) -> usize {
    run.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
}

/// The chosen styles, ready to be opened as often as a job needs.
pub struct Stylist {
    /// What was asked for, as in the JSON summary.
    style: String,
    choices: Vec<Choice>,
    look: Look,
    /// `None` where every choice is the identity, which needs no runtime.
    engine: Option<Engine>,
    threads: usize,
}

impl Stylist {
    /// Finds the styles and what runs them.
    ///
    /// # Errors
    /// A style is unknown, a picture cannot be a style, ONNX Runtime is missing, or the device cannot run.
    pub fn new(args: &StyleArgs, shared: &SharedArgs, report: &Report) -> Result<Self> {
        Self::build(args, shared, || Engine::new(&args.run, shared, report))
    }

    /// The same with what runs the networks already there.
    ///
    /// # Errors
    /// A style is unknown, or a picture cannot be a style.
    pub fn with_engine(args: &StyleArgs, shared: &SharedArgs, engine: Engine) -> Result<Self> {
        let built = Self::build(args, shared, || Ok(engine.clone()))?;
        Ok(Self { engine: Some(engine), ..built })
    }

    /// Asks for the engine only when something needs it, and after all that can be wrong without it.
    fn build(args: &StyleArgs, shared: &SharedArgs, engine: impl FnOnce() -> Result<Engine>) -> Result<Self> {
        let catalog = Catalog::load(shared.models.as_deref())?;
        let (strength, keep_colors, scale) = (args.strength, args.keep_colors, args.scale);
        let look = Look { strength, keep_colors, scale, ..Look::default() };
        let threads = threads(&args.run);
        if let Some(paintings) = &args.style_image {
            let pair = catalog.pair()?;
            let pictures = paintings.load(shared.max_pixels)?;
            let engine = engine()?;
            // Once: every frame and every worker paints with this vector.
            let choices = vec![pictures.choice(&pair, &engine.runtime, threads)?];
            return Ok(Self { style: paintings.to_string(), choices, look, engine: Some(engine), threads });
        }
        let expression = match &args.style {
            Some(expression) => expression.clone(),
            None => catalog.default_style()?,
        };
        let choices = catalog.resolve(&expression)?;
        let needed = choices.iter().any(|choice| choice.network.is_some());
        let engine = if needed { Some(engine()?) } else { None };
        Ok(Self { style: expression.to_string(), choices, look, engine, threads })
    }

    /// The style expression, or the pictures that are the style, as in the JSON summary.
    pub fn style(&self) -> String {
        self.style.clone()
    }

    /// The networks, with their weights.
    pub fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// What runs the networks; `None` where every choice copies the picture.
    pub fn engine(&self) -> Option<&Engine> {
        self.engine.as_ref()
    }

    /// The device, as in the JSON summary.
    pub fn device(&self) -> String {
        self.engine.as_ref().map_or(Device::Cpu, |engine| engine.provider.device).to_string()
    }

    /// Stylizers that paint frames of `width` x `height` side by side, the cores shared out among them.
    ///
    /// On a processor, one core a frame is the fastest way through many frames: no core waits for another. Large frames
    /// go fewer at a time, for memory's sake. A graphics card takes one frame after the other.
    pub fn workers(&self, width: u32, height: u32) -> Result<Vec<Stylizer>> {
        let on_processor = self.engine.as_ref().is_none_or(|engine| engine.provider.device == Device::Cpu);
        let pixels = (u64::from(width) * u64::from(height)).max(1);
        let fit = usize::try_from(PIXELS_AT_ONCE / pixels).unwrap_or(usize::MAX).max(1);
        let count = if on_processor { self.threads.min(fit) } else { 1 };
        (0..count).map(|_| self.stylizer(self.threads / count, None)).collect()
    }

    /// One stylizer with all cores, for one picture after the other; pictures above `tile_above` million pixels go in
    /// tiles, where the network can (0: never).
    pub fn whole_machine(&self, tile_above: f64) -> Result<Stylizer> {
        let above = (tile_above > 0.0).then_some((tile_above * 1e6) as u64);
        self.stylizer(self.threads, above)
    }

    /// What keeps the painted frames of a moving picture from flickering, by `amount` from 0 to 1.
    pub fn stabilizer(&self, amount: f32) -> Stabilizer {
        Stabilizer::new(amount).with_stroke_scale(self.look.scale)
    }

    fn stylizer(&self, threads: usize, tile_above: Option<u64>) -> Result<Stylizer> {
        let part = |choice: &Choice| -> Result<Part> {
            let network: Box<dyn network::Network> = match (&choice.network, &self.engine) {
                (Some(file), Some(engine)) => {
                    network::open(file, &Opening { threads, tile_above, ..engine.opening() })?
                }
                _ => Box::new(Identity),
            };
            Ok(Part { network, weights: choice.weights.clone(), share: choice.share })
        };
        let parts = self.choices.iter().map(part).collect::<Result<_>>()?;
        Ok(Stylizer::new(parts, self.look))
    }
}
