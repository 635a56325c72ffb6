//! Painting by optimisation: Gatys, Ecker and Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks".
//!
//! No network paints here: the pixels themselves are changed, step by step, until VGG-19 sees the content of a photo and
//! the style of a painting in them. [`objective`] says how far a picture is from that and which way is down,
//! [`optimizer`] goes there, [`scales`] goes from a small picture to the final size, [`state`] keeps a run on disk.
//!
//! Departure from the paper: the losses are relative. A content loss of 1 is as far from the content picture as no
//! features at all, and so is a style loss of [`STYLE_UNIT`] from the painting. The paper's sums grow with the picture and
//! with each layer's activations, so its weights would have to be tuned again for every size.

pub mod memory;
pub mod objective;
pub mod optimizer;
pub mod region;
pub mod scales;
pub mod state;
mod tile;

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::frame::{Frame, Image};
use crate::kernel::planar::{PlanarFormat, pack, unpack};
use crate::kernel::resize::Resizer;
use crate::network::vgg19::{Extent, Losses, STYLE_LAYERS, Vgg19};

use objective::Objective;
use optimizer::{Adam, Lbfgs, Optimizer, Step};
use state::State;

/// Planes as VGG-19's graphs take them.
const UNIT: PlanarFormat = PlanarFormat { range: 1.0, mean: [0.0; 3], deviation: [1.0; 3], multiple: 1 };
/// A style that is as far from the painting as no style at all, in units of the style weight: chosen so that the paper's
/// ratio of content to style, 1 to 1000, gives what the paper shows for it (its figure 4).
pub const STYLE_UNIT: f64 = 0.02;
/// Steps over which a plateau is looked for.
const PLATEAU_STEPS: usize = 20;

/// How to paint.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Of the content loss.
    pub content_weight: f64,
    /// Of the style loss.
    pub style_weight: f64,
    /// Of the mean squared difference between neighbouring pixels.
    pub tv_weight: f64,
    /// How the style weight is split among relu1_1 to relu5_1; scaled to sum to 1.
    pub layer_weights: [f64; STYLE_LAYERS],
    /// What to start from.
    pub init: Init,
    /// What minimises.
    pub method: Method,
    /// Adam's step size, where 1 is the step from black to white.
    pub rate: f32,
    /// Maximum number of steps at each scale.
    pub iterations: usize,
    /// A scale stops early when its loss improves by less than this fraction over 20 steps; 0 never.
    pub tolerance: f64,
    /// Decay of the exponential mean over earlier pictures, from 0 (the last picture alone) to below 1.
    pub average: f32,
    /// The sizes to go through, the final one last; never empty.
    pub scales: Vec<Extent>,
    /// How large strokes are: 1 takes the painting at as many pixels as the picture.
    pub style_scale: f64,
    /// Random seed of the noise.
    pub seed: u64,
    /// The side of the tiles that a picture is painted in; none: no tiles.
    pub tile: Option<usize>,
}

/// What the picture begins as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Init {
    /// The content picture.
    Content,
    /// White noise: the paper's blank canvas.
    Noise,
    /// The first painting.
    Style,
}

/// What minimises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// L-BFGS, as in the paper.
    Lbfgs,
    /// Adam: needs less memory, and takes small steps.
    Adam,
}

impl Init {
    /// Each with its name on the command line.
    pub const NAMES: [(Self, &'static str); 3] =
        [(Self::Content, "content"), (Self::Noise, "noise"), (Self::Style, "style")];
}

impl Method {
    /// Each with its name on the command line.
    pub const NAMES: [(Self, &'static str); 2] = [(Self::Lbfgs, "lbfgs"), (Self::Adam, "adam")];

    fn optimizer(self, rate: f32) -> Optimizer {
        match self {
            Self::Lbfgs => Optimizer::Lbfgs(Lbfgs::default()),
            Self::Adam => Optimizer::Adam(Adam::new(rate)),
        }
    }
}

/// What to paint, and after what.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The content picture.
    pub content: Frame,
    /// The paintings with their weights.
    pub styles: Vec<(Frame, f64)>,
    /// Where each painting's style goes, as large as the content picture; empty: all of them everywhere.
    pub masks: Vec<Frame>,
}

/// The weighted losses after one step, and the step's place.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Scale, from 0.
    pub scale: usize,
    /// Step at this scale, from 1.
    pub iteration: usize,
    /// The losses.
    pub losses: Losses,
    /// The picture in the place where it is optimised.
    planes: &'a [f32],
    run: &'a Run,
}

/// The changing part of a run.
#[derive(Debug)]
struct Run {
    extent: Extent,
    average: Average,
    optimizer: Optimizer,
    losses: Vec<Losses>,
}

impl Moment<'_> {
    /// The picture as it is.
    ///
    /// # Errors
    /// It holds values that are no numbers.
    pub fn picture(&self) -> Result<Frame> {
        to_frame(&self.run.average.of(self.planes), self.run.extent)
    }

    /// All that a later run needs to continue from here.
    pub fn state(&self) -> State {
        State::of(self)
    }
}

impl Recipe {
    /// The final size.
    pub fn finest(&self) -> Extent {
        // No sizes at all stand for a picture without pixels.
        self.scales.last().copied().unwrap_or(Extent { width: 0, height: 0 })
    }
}

/// How a painting ended.
pub struct Outcome {
    /// The picture, at the size of the last scale that was begun.
    pub picture: Frame,
    /// Whether all scales were done.
    pub complete: bool,
}

/// Paints. `watch` is called after every step and returns whether to continue.
///
/// # Errors
/// VGG-19 cannot run, a picture cannot be resized, or `watch` failed.
pub fn paint(
    subject: &Subject,
    recipe: &Recipe,
    vgg: &Vgg19<'_>,
    resumed: Option<State>,
    watch: &mut dyn FnMut(&Moment<'_>) -> Result<bool>,
) -> Result<Outcome> {
    let mut resizer = Resizer::default();
    let (mut begin, mut done) = (0, 0);
    let mut restored = None;
    let mut planes = Vec::new();
    if let Some(state) = resumed {
        (begin, done) = (state.scale, state.iteration);
        restored = Some(state.into_run(recipe)?);
    }
    for (scale, &extent) in recipe.scales.iter().enumerate().skip(begin) {
        let (mut run, start) = match restored.take() {
            Some(restored) => restored,
            None => {
                let start = match scale {
                    0 => start(subject, recipe, extent, &mut resizer)?,
                    _ => grown(&planes, recipe.scales[scale - 1], extent, &mut resizer)?,
                };
                let (optimizer, losses) = (recipe.method.optimizer(recipe.rate), Vec::new());
                (Run { extent, average: Average::new(recipe.average), optimizer, losses }, start)
            }
        };
        let mut objective = Objective::new(subject, recipe, vgg, extent, &mut resizer)?;
        objective.set(&start);
        for iteration in done + 1..=recipe.iterations {
            let (step, _) = run.optimizer.step(&mut objective)?;
            let (planes, losses) = (objective.picture(), objective.losses());
            run.average.add(planes);
            run.losses.push(losses);
            let moment = Moment { scale, iteration, losses, planes, run: &run };
            if !watch(&moment)? {
                return Ok(Outcome { picture: moment.picture()?, complete: false });
            }
            if step == Step::Stuck || on_plateau(&run.losses, recipe.tolerance) {
                break;
            }
        }
        done = 0;
        planes = run.average.of(objective.picture()).into_owned();
    }
    Ok(Outcome { picture: to_frame(&planes, recipe.finest())?, complete: true })
}

/// Whether the best of the last steps is hardly better than the best of those before.
fn on_plateau(losses: &[Losses], tolerance: f64) -> bool {
    if tolerance <= 0.0 || losses.len() < 2 * PLATEAU_STEPS {
        return false;
    }
    let (before, last) = losses.split_at(losses.len() - PLATEAU_STEPS);
    let best = |losses: &[Losses]| losses.iter().map(Losses::total).fold(f64::INFINITY, f64::min);
    best(last) > best(before) * (1.0 - tolerance)
}

/// The picture to begin with, `[3][H][W]`.
fn start(subject: &Subject, recipe: &Recipe, extent: Extent, resizer: &mut Resizer) -> Result<Vec<f32>> {
    match recipe.init {
        Init::Content => to_planes(subject.content.image(), extent, resizer),
        Init::Style => {
            let (style, _) = subject.styles.first().ok_or_else(|| Error::failed("there is no painting"))?;
            to_planes(style.image(), extent, resizer)
        }
        Init::Noise => Ok(noise(recipe.seed, 3 * extent.pixels())),
    }
}

/// Uniform noise from 0 to 1 by SplitMix64 (Steele, Lea and Flood 2014): the same on every machine.
fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u32 << 24) as f32
    };
    (0..count).map(|_| next()).collect()
}

/// A finished scale at the next one's size.
fn grown(planes: &[f32], from: Extent, to: Extent, resizer: &mut Resizer) -> Result<Vec<f32>> {
    let mut planes = resizer.planes(planes, (from.width, from.height), (to.width, to.height))?;
    // The filter overshoots at edges.
    planes.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
    Ok(planes)
}

/// A picture resized, as planes from 0 to 1.
fn to_planes(image: Image<'_>, extent: Extent, resizer: &mut Resizer) -> Result<Vec<f32>> {
    let (width, height) = (extent.width as u32, extent.height as u32);
    let mut frame = Frame::new(width, height);
    resizer.resize(image, width, height, &mut frame.pixels)?;
    let mut planes = vec![0.0; 3 * extent.pixels()];
    pack(frame.image(), &UNIT, &mut planes);
    Ok(planes)
}

fn to_frame(planes: &[f32], extent: Extent) -> Result<Frame> {
    let size = (extent.width, extent.height);
    let mut frame = Frame::new(extent.width as u32, extent.height as u32);
    if !unpack(planes, size, 1.0, size, &mut frame.pixels) {
        return Err(Error::failed("the picture holds values that are no numbers; use smaller weights"));
    }
    Ok(frame)
}

/// An exponential mean of pictures, without the weight of what was before the first (as Adam's averages).
#[derive(Clone, Debug, Default)]
struct Average {
    share: f32,
    /// What the weights of all pictures so far sum to.
    weight: f32,
    sum: Vec<f32>,
}

impl Average {
    fn new(share: f32) -> Self {
        Self { share, ..Self::default() }
    }

    fn add(&mut self, planes: &[f32]) {
        if self.share <= 0.0 {
            return;
        }
        self.sum.resize(planes.len(), 0.0);
        self.weight = self.share * self.weight + (1.0 - self.share);
        self.sum.iter_mut().zip(planes).for_each(|(sum, &value)| *sum += (1.0 - self.share) * (value - *sum));
    }

    /// The mean of the pictures so far, of which `planes` is the last.
    fn of<'a>(&self, planes: &'a [f32]) -> Cow<'a, [f32]> {
        if self.sum.is_empty() { planes.into() } else { self.sum.iter().map(|sum| sum / self.weight).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_of_one_picture_is_that_picture() {
        let mut average = Average::new(0.9);
        average.add(&[0.2, 0.8]);
        assert!((average.of(&[9.0, 9.0])[1] - 0.8).abs() < 1e-6);
        average.add(&[0.4, 0.6]);
        let mean = average.of(&[])[0];
        assert!(mean > 0.3 && mean < 0.32, "the newer counts a little more: {mean}");
        assert_eq!(*Average::new(0.0).of(&[0.5]), [0.5]);
    }

    #[test]
    fn noise_is_the_same_for_a_seed_and_fills_the_range() {
        let values = noise(7, 10_000);
        assert_eq!(values, noise(7, 10_000));
        assert_ne!(values, noise(8, 10_000));
        let mean = values.iter().sum::<f32>() / 1e4;
        assert!((mean - 0.5).abs() < 0.02 && values.iter().all(|v| (0.0..1.0).contains(v)), "{mean}");
    }

    #[test]
    fn a_scale_ends_on_a_plateau_and_not_before() {
        let at = |content| Losses { content, ..Losses::default() };
        let falling: Vec<Losses> = (0..100).map(|step| at(0.99f64.powi(step))).collect();
        assert!(!on_plateau(&falling, 0.01));
        let flat: Vec<Losses> = falling.iter().copied().chain((0..21).map(|_| at(0.3695))).collect();
        assert!(on_plateau(&flat, 0.01));
        assert!(!on_plateau(&flat, 0.0), "0 never stops");
        assert!(!on_plateau(&flat[..30], 0.5), "too short to tell");
    }
}
