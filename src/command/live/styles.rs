//! The styles that a show offers, and their networks, each opened once.

use crate::cli::{LiveArgs, SharedArgs};
use crate::command::stylist::{Engine, Stylist};
use crate::error::{Error, Result};
use crate::frame::{Frame, Image};
use crate::network::{self, Identity, Network, NetworkFile};
use crate::pipeline::fade::Chosen;
use crate::report::Report;
use crate::style::catalog::{Catalog, Choice};
use crate::style::expression::Expression;

/// The style name of `--style-image`.
const OWN: &str = "style-image";

/// Finds styles, and opens the networks that no earlier style brought.
pub struct LiveStyles<'a> {
    catalog: Catalog,
    args: &'a LiveArgs,
    shared: &'a SharedArgs,
    report: &'a Report,
    /// `None` until a style needs it.
    engine: Option<Engine>,
    /// The style of the command line.
    first: Expression,
    /// The pictures of `--style-image`, one more style.
    own: Vec<Choice>,
    opened: Vec<Option<NetworkFile>>,
    /// The frames' columns and rows.
    size: (u32, u32),
}

impl<'a> LiveStyles<'a> {
    /// The styles for frames of `size`, the first as `stylist` found it.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn new(
        stylist: Stylist,
        args: &'a LiveArgs,
        shared: &'a SharedArgs,
        size: (u32, u32),
        report: &'a Report,
    ) -> Result<Self> {
        let catalog = Catalog::load(shared.models.as_deref())?;
        let first = match (&args.style.style_image, &args.style.style) {
            (Some(_), _) => Expression::single(OWN),
            (None, Some(style)) => style.clone(),
            (None, None) => catalog.default_style()?,
        };
        let own = if args.style.style_image.is_some() { stylist.choices().to_vec() } else { Vec::new() };
        let engine = stylist.engine().cloned();
        Ok(Self { catalog, args, shared, report, engine, first, own, opened: Vec::new(), size })
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
        let styles = self.catalog.styles().into_iter().map(|found| found.style);
        styles.filter(|style| style.unstyled == unstyled).map(|style| style.name.clone()).collect()
    }

    /// The style of the command line.
    pub fn first(&self) -> Expression {
        self.first.clone()
    }

    /// The networks of `style`. A new one comes opened and warmed up: it has painted a frame of the show's size.
    ///
    /// # Errors
    /// A style is unknown, or its network is missing, damaged or cannot run.
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
            let found = self.catalog.resolve(&others)?;
            choices.extend(found.into_iter().map(|choice| Choice { share: choice.share * rest, ..choice }));
        }
        choices.into_iter().map(|choice| self.open(choice)).collect()
    }

    fn open(&mut self, choice: Choice) -> Result<Chosen> {
        let Choice { network: file, weights, share } = choice;
        if self.opened.contains(&file) {
            return Ok(Chosen { file, network: None, weights, share });
        }
        let network: Box<dyn Network> = match &file {
            None => Box::new(Identity),
            Some(file) => {
                if self.engine.is_none() {
                    self.engine = Some(Engine::new(&self.args.style.run, self.shared, self.report)?);
                }
                let engine = self.engine.as_ref().ok_or_else(|| Error::internal("no engine for a network"))?;
                let mut network = network::open(file, &engine.opening())?;
                let (width, height) = self.size;
                let black = Frame::new(width, height);
                let image = Image { width, height, pixels: &black.pixels };
                network.run(image, &weights, &mut vec![0; black.pixels.len()])?;
                network
            }
        };
        self.opened.push(file.clone());
        Ok(Chosen { file, network: Some(network), weights, share })
    }
}
