//! Painting by optimisation: Gatys, Ecker and Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks".
//!
//! No network paints here: the pixels themselves are changed, step by step, until VGG-19 sees the content of a photo and
//! the style of a painting in them. [`objective`] says how far a picture is from that and which way is down,
//! [`optimizer`] goes there, [`scales`] goes from a small picture to the final size, [`paint`] is the loop over both, and
//! [`state`] keeps a run on disk.
//!
//! Departure from the paper: the losses are relative. A content loss of 1 is as far from the content picture as no
//! features at all, and so is a style loss of [`STYLE_UNIT`] from the painting. The paper's sums grow with the picture and
//! with each layer's activations, so that its weights would have to be found anew for every size.

mod average;
mod descent;
pub mod memory;
pub mod objective;
pub mod optimizer;
mod planes;
pub mod region;
pub mod scales;
pub mod state;
mod tile;

use crate::frame::Frame;
use crate::network::vgg19::{Extent, STYLE_LAYERS};

pub use self::descent::{Moment, Outcome, paint};

/// A style that is as far from the painting as no style at all, in units of the style weight: chosen so that the paper's
/// ratio of content to style, 1 to 1000, gives what the paper shows for it (its figure 4).
pub const STYLE_UNIT: f64 = 0.02;
/// How to paint.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Of the content loss.
    pub content_weight: f64,
    /// Of the style loss.
    pub style_weight: f64,
    /// Of the mean squared difference between neighbouring pixels.
    pub tv_weight: f64,
    /// How the style's weight is shared out among relu1_1 to relu5_1; scaled to sum to 1.
    pub layer_weights: [f64; STYLE_LAYERS],
    /// What to begin with.
    pub init: Init,
    /// What minimises.
    pub method: Method,
    /// Adam's step, of 1 from black to white.
    pub rate: f32,
    /// Steps at each scale, at most.
    pub iterations: usize,
    /// A scale stops early when its loss improves by less than this fraction over 20 steps; 0 never.
    pub tolerance: f64,
    /// Share of the mean of earlier pictures in the result, from 0 (the last picture alone) to below 1.
    pub average: f32,
    /// The sizes to go through, the final one last; never empty.
    pub scales: Vec<Extent>,
    /// How large strokes are: 1 takes the painting at as many pixels as the picture.
    pub style_scale: f64,
    /// Random seed of the noise.
    pub seed: u64,
    /// The side of the tiles that a picture is painted in; none paints it whole.
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

impl Recipe {
    /// The final size.
    pub fn finest(&self) -> Extent {
        // No sizes at all stand for a picture without pixels.
        self.scales.last().copied().unwrap_or(Extent { width: 0, height: 0 })
    }
}
