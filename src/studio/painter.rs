//! A style, ready to paint.

use std::str::FromStr;

use super::pictures::PictureSettings;
use super::{Engine, Studio};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::network::provider::Device;
use crate::network::{self, Identity, Opening};
use crate::picture::Picture;
use crate::style::catalog::Choice;
use crate::style::expression::Expression;
use crate::style::paintings::Paintings;
use crate::stylize::{Look, Stylizer, WeightedNetwork};
use crate::temporal::Stabilizer;

/// Pixels that all workers together may hold in their networks: about 150 bytes each in the widest layer.
const PIXELS_AT_ONCE: u64 = 16 << 20;

/// Which style to paint in.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Style {
    /// The first in the list of styles.
    #[default]
    First,
    /// A style by name, or a blend of several: `"starry-night:0.7,scream:0.3".parse()`.
    Named(Expression),
    /// Any pictures, mixed by their weights. Needs the networks that paint in the style of any picture.
    Pictures(Paintings),
}

impl FromStr for Style {
    type Err = Error;

    /// Parses `NAME[:WEIGHT],...`.
    fn from_str(text: &str) -> Result<Self> {
        text.parse().map(Self::Named).map_err(Error::Usage)
    }
}

/// How to paint; the default is the first style at full strength.
#[derive(Clone, Debug, PartialEq)]
pub struct PaintSettings {
    /// The style.
    pub style: Style,
    /// 0 gives the original, 1 the painting.
    pub strength: f32,
    /// Keep the original's colours and paint only its brightness.
    pub keep_colors: bool,
    /// Stroke size, 0.05 to 20: 2 doubles the strokes and takes a quarter of the time.
    pub scale: f32,
}

impl Default for PaintSettings {
    fn default() -> Self {
        Self { style: Style::First, strength: 1.0, keep_colors: false, scale: 1.0 }
    }
}

/// A chosen style. Its networks are opened as often as a job needs them; they are heavy, so keep a painter for many frames.
pub struct Painter {
    /// What was chosen, for people and for the JSON summary.
    style: String,
    choices: Vec<Choice>,
    look: Look,
    /// `None` where every choice is the identity, which needs no runtime.
    engine: Option<Engine>,
    threads: usize,
    /// For [`Self::paint`]; opened at the first frame.
    stylizer: Option<Stylizer>,
}

impl Painter {
    pub(super) fn new(studio: &Studio, settings: &PaintSettings) -> Result<Self> {
        let PaintSettings { style, strength, keep_colors, scale } = settings;
        let look = Look { strength: *strength, keep_colors: *keep_colors, scale: *scale, ..Look::default() };
        let choices = studio.choices(style)?;
        let label = match style {
            Style::Pictures(paintings) => paintings.to_string(),
            Style::First | Style::Named(_) => studio.expression(style)?.map_or_else(String::new, |it| it.to_string()),
        };
        let needed = choices.iter().any(|choice| choice.network.is_some());
        let engine = if needed { Some(studio.engine()?) } else { None };
        Ok(Self { style: label, choices, look, engine, threads: studio.machine().threads(), stylizer: None })
    }

    /// The style expression, or the pictures that are the style.
    pub fn style(&self) -> &str {
        &self.style
    }

    /// The device that runs the networks; the processor where the style needs none.
    pub fn device(&self) -> Device {
        self.engine.as_ref().map_or(Device::Cpu, |engine| engine.provider.device)
    }

    /// Paints one frame with all cores.
    ///
    /// # Errors
    /// A network cannot be opened, or fails.
    pub fn paint(&mut self, frame: &Frame) -> Result<Frame> {
        let mut stylizer = match self.stylizer.take() {
            Some(stylizer) => stylizer,
            None => self.whole_machine(PictureSettings::default().tile_above)?,
        };
        let mut painting = Frame::default();
        let painted = stylizer.stylize(frame, &mut painting);
        self.stylizer = Some(stylizer);
        painted.map(|()| painting)
    }

    /// Paints a picture; its transparency and metadata stay.
    ///
    /// # Errors
    /// As [`Self::paint`].
    pub fn paint_picture(&mut self, picture: Picture) -> Result<Picture> {
        let frame = self.paint(&picture.frame)?;
        Ok(Picture { frame, ..picture })
    }

    /// The networks, with their weights.
    pub(crate) fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// What runs the networks; `None` where every choice copies the picture.
    pub(crate) fn engine(&self) -> Option<&Engine> {
        self.engine.as_ref()
    }

    /// Stylizers that paint frames of `width` x `height` side by side, the cores shared out among them.
    ///
    /// On a processor, one core a frame is the fastest way through many frames: no core waits for another. Large frames
    /// go fewer at a time, for memory's sake. A graphics card takes one frame after the other.
    pub(crate) fn workers(&self, width: u32, height: u32) -> Result<Vec<Stylizer>> {
        let on_processor = self.device() == Device::Cpu;
        let pixels = (u64::from(width) * u64::from(height)).max(1);
        let fit = usize::try_from(PIXELS_AT_ONCE / pixels).unwrap_or(usize::MAX).max(1);
        let count = if on_processor { self.threads.min(fit) } else { 1 };
        (0..count).map(|_| self.stylizer(self.threads / count, None)).collect()
    }

    /// One stylizer with all cores, for one picture after the other; pictures above `tile_above` million pixels go in
    /// tiles, where the network can (0: never).
    pub(crate) fn whole_machine(&self, tile_above: f64) -> Result<Stylizer> {
        let above = (tile_above > 0.0).then_some((tile_above * 1e6) as u64);
        self.stylizer(self.threads, above)
    }

    /// What keeps the painted frames of a moving picture from flickering, by `amount` from 0 to 1.
    pub(crate) fn stabilizer(&self, amount: f32) -> Stabilizer {
        Stabilizer::new(amount).with_stroke_scale(self.look.scale)
    }

    fn stylizer(&self, threads: usize, tile_above: Option<u64>) -> Result<Stylizer> {
        let open = |choice: &Choice| -> Result<WeightedNetwork> {
            let network: Box<dyn network::Network> = match (&choice.network, &self.engine) {
                (Some(file), Some(engine)) => {
                    network::open(file, &Opening { threads, tile_above, ..engine.opening() })?
                }
                _ => Box::new(Identity),
            };
            Ok(WeightedNetwork { network, weights: choice.weights.clone(), share: choice.share })
        };
        let networks = self.choices.iter().map(open).collect::<Result<_>>()?;
        Ok(Stylizer::new(networks, self.look))
    }
}
