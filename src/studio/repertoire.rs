//! The styles that a live show can change to. Each network is opened once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::costs::CostBook;
use super::{Engine, PaintSettings, Painter, Studio, Style};
use crate::error::{Error, Result};
use crate::frame::{Frame, Image};
use crate::kernel::grain::{Field, Grain};
use crate::network::provider::Provider;
use crate::network::spare::SpareNetwork;
use crate::network::{self, Identity, Network, NetworkFile, Opening};
use crate::pipeline::fade::Chosen;
use crate::pipeline::governor::Costs;
use crate::size::Size;
use crate::style::catalog::Choice;
use crate::style::expression::Expression;
use crate::stylize::Scale;
use crate::warning::Warning;

/// The name of the style pictures in the list of styles.
const OWN: &str = "style-image";

/// Finds styles by name, and opens networks when a style needs them for the first time.
pub struct Repertoire<'a> {
    studio: &'a Studio,
    /// The style that the show starts with.
    first: Expression,
    /// The network with the vector of the style pictures, if there are any.
    own: Vec<Choice>,
    opened: Vec<Option<NetworkFile>>,
    /// Width and height of the frames.
    size: (u32, u32),
    scale: Scale,
    costs: CostBook,
    /// Told when the device fails in the show.
    failed: Arc<dyn Fn(Warning) + Send + Sync>,
    /// The device has failed: further networks are opened on the processor.
    on_processor: Arc<AtomicBool>,
}

/// Runs of a network that was never measured, of which the shortest counts.
const TRIALS: usize = 2;

impl<'a> Repertoire<'a> {
    /// All styles, for frames of `size`. The show starts with the style of `painter`, which was made with `settings`.
    ///
    /// # Errors
    /// No style is installed.
    pub fn new(studio: &'a Studio, settings: &PaintSettings, painter: &Painter, size: (u32, u32)) -> Result<Self> {
        let first = studio.expression(&settings.style)?.unwrap_or_else(|| Expression::single(OWN));
        let is_own = matches!(settings.style, Style::Pictures(_));
        let own = if is_own { painter.choices().to_vec() } else { Vec::new() };
        let scale = settings.scale;
        let costs = CostBook::open(Size::new(size.0, size.1), scale, painter.device(), studio.machine().threads());
        let (failed, on_processor): (Arc<dyn Fn(Warning) + Send + Sync>, _) = (Arc::new(|_| ()), Arc::default());
        Ok(Self { studio, first, own, opened: Vec::new(), size, scale, costs, failed, on_processor })
    }

    /// Tells `listener` when the device fails in the show, which then continues on the processor.
    pub fn with_listener(self, listener: impl Fn(Warning) + Send + Sync + 'static) -> Self {
        Self { failed: Arc::new(listener), ..self }
    }

    /// Opens a network that continues on the processor if the device fails.
    fn network(&self, file: &NetworkFile, engine: &Engine) -> Result<Box<dyn Network>> {
        let Engine { runtime, provider, threads } = engine;
        if self.on_processor.load(Ordering::Relaxed) {
            let provider = Provider::processor("the other device failed");
            return network::open(file, &Opening { runtime, provider: &provider, threads: *threads, tile_above: None });
        }
        let (device, on_processor) = (provider.device.to_string(), Arc::clone(&self.on_processor));
        let failed = Arc::clone(&self.failed);
        let tell = move |error: &Error| {
            on_processor.store(true, Ordering::Relaxed);
            failed(Warning::DeviceFailed { device: device.clone(), reason: error.to_string() });
        };
        SpareNetwork::open(file, &engine.opening(), Arc::new(tell))
    }

    /// The names of the styles to choose from.
    pub fn names(&self) -> Vec<String> {
        let own = (!self.own.is_empty()).then(|| OWN.to_owned());
        own.into_iter().chain(self.catalog_names(false)).collect()
    }

    /// The names of those that leave the picture unpainted.
    pub fn unstyled(&self) -> Vec<String> {
        self.catalog_names(true)
    }

    fn catalog_names(&self, unstyled: bool) -> Vec<String> {
        let styles = self.studio.catalog().styles().into_iter().map(|found| found.style);
        styles.filter(|style| style.unstyled == unstyled).map(|style| style.name.clone()).collect()
    }

    /// The style that the show starts with.
    pub fn first(&self) -> Expression {
        self.first.clone()
    }

    /// The networks of `style`. A network that no earlier style needed is opened and warmed up: it has painted a frame of the
    /// show's size.
    ///
    /// # Errors
    /// A style is unknown, or its network is missing, damaged or does not run.
    pub fn choose(&mut self, style: &Expression) -> Result<Vec<Chosen>> {
        let mut choices = Vec::new();
        let others: Vec<String> = style
            .terms()
            .iter()
            .filter(|(name, weight)| {
                if name == OWN {
                    choices.extend(self.own.iter().map(|own| Choice { share: own.share * weight, ..own.clone() }));
                }
                name != OWN
            })
            .map(|(name, weight)| format!("{name}:{weight}"))
            .collect();
        if !others.is_empty() {
            let rest = 1.0 - choices.iter().map(|choice| choice.share).sum::<f32>();
            let others: Expression = others.join(",").parse().map_err(Error::Usage)?;
            let found = self.studio.catalog().resolve(&others)?;
            choices.extend(found.into_iter().map(|choice| Choice { share: choice.share * rest, ..choice }));
        }
        choices.into_iter().map(|choice| self.open(choice)).collect()
    }

    fn open(&mut self, choice: Choice) -> Result<Chosen> {
        let Choice { network: file, weights, share } = choice;
        if self.opened.contains(&file) {
            return Ok(Chosen { file, network: None, weights, share, costs: Costs::default() });
        }
        let mut costs = file.as_ref().map_or_else(Costs::default, |file| self.costs.costs(file));
        let network: Box<dyn Network> = match &file {
            None => Box::new(Identity),
            Some(file) => {
                let engine: Engine = self.studio.engine(None)?;
                let mut network = self.network(file, &engine)?;
                // The size that it will see in the usual look.
                let full = Size::new(self.size.0, self.size.1);
                let Size { width, height } = self.scale.seen(full, Some(file.side), 1.0);
                let black = Frame::new(width, height);
                let image = Image { width, height, pixels: &black.pixels };
                let grain = Grain::still(Arc::new(Field::new(0)), black.size());
                let mut out = vec![0; black.pixels.len()];
                network.run(image, &weights, &grain, &mut out)?;
                if costs.is_empty() {
                    let mut shortest = f64::INFINITY;
                    for _ in 0..TRIALS {
                        let start = Instant::now();
                        network.run(image, &weights, &grain, &mut out)?;
                        shortest = shortest.min(start.elapsed().as_secs_f64());
                    }
                    costs = Costs::default().with(1.0, shortest);
                }
                network
            }
        };
        self.opened.push(file.clone());
        Ok(Chosen { file, network: Some(network), weights, share, costs })
    }

    /// Keeps what the networks of a show took, for the next one.
    pub fn keep_costs(&mut self, networks: &[(NetworkFile, Costs)]) {
        self.costs.keep(networks);
    }
}
