//! Painting by optimisation: Gatys, Ecker and Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks".
//!
//! No network paints here. The pixels themselves are changed, step by step, until VGG-19 sees the content of a photo
//! and the style of a painting in them. [`objective`] measures the distance from that goal and its gradient, and
//! [`optimizer`] minimises it. [`scales`] lists the sizes, from small to final. [`paint`] loops over sizes and steps,
//! and [`state`] saves a run to disk.
//!
//! Unlike the paper's, the losses are relative: a picture without any features has a content loss of 1 and a style loss
//! of [`STYLE_UNIT`]. The paper's sums grow with the size of the picture and with each layer's activations, so its
//! weights would have to be tuned again for each size.

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

/// The style loss of a picture without any features, at a style weight of 1. Chosen so that the paper's ratio of
/// content to style weight, 1 to 1000, gives results like the paper's (figure 4).
pub const STYLE_UNIT: f64 = 0.02;
/// Settings for painting.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Weight of the content loss.
    pub content_weight: f64,
    /// Weight of the style loss.
    pub style_weight: f64,
    /// Weight of the total variation: the mean squared difference between neighbouring pixels.
    pub tv_weight: f64,
    /// Relative weights of the layers relu1_1 to relu5_1 in the style loss. They are scaled to sum to 1.
    pub layer_weights: [f64; STYLE_LAYERS],
    /// The picture to start from.
    pub init: Init,
    /// The minimiser.
    pub method: Method,
    /// Adam's step size, where 1 is the range from black to white.
    pub rate: f32,
    /// The most steps at each scale.
    pub iterations: usize,
    /// Stop a scale early when the loss improves by less than this fraction over 20 steps (0: never).
    pub tolerance: f64,
    /// Decay of the moving average of pictures that is the result, from 0 (the last picture alone) to below 1.
    pub average: f32,
    /// The sizes to paint at, from small to final. Never empty.
    pub scales: Vec<Extent>,
    /// Stroke size. At 1, the style is measured on the painting at as many pixels as the picture has.
    pub style_scale: f64,
    /// Random seed for [`Init::Noise`].
    pub seed: u64,
    /// Side of the tiles to paint in, in pixels; `None` paints without tiles.
    pub tile: Option<usize>,
}

/// The picture that a still by optimisation starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Init {
    /// The content picture.
    Content,
    /// White noise, as in the paper.
    Noise,
    /// The first painting.
    Style,
}

/// What optimises a still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// L-BFGS, as in the paper.
    Lbfgs,
    /// Adam, which needs less memory and takes smaller steps.
    Adam,
}

impl Init {
    /// All values with their names on the command line.
    pub const NAMES: [(Self, &'static str); 3] =
        [(Self::Content, "content"), (Self::Noise, "noise"), (Self::Style, "style")];
}

impl Method {
    /// All values with their names on the command line.
    pub const NAMES: [(Self, &'static str); 2] = [(Self::Lbfgs, "lbfgs"), (Self::Adam, "adam")];
}

/// The pictures to paint from.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The content picture.
    pub content: Frame,
    /// The paintings whose style is used, with their weights.
    pub styles: Vec<(Frame, f64)>,
    /// One mask per painting, as large as the content picture: its style is used where the mask is bright. Empty mixes
    /// all styles everywhere.
    pub masks: Vec<Frame>,
}

impl Recipe {
    /// The final size.
    pub fn finest(&self) -> Extent {
        // Without sizes, the picture has no pixels.
        self.scales.last().copied().unwrap_or(Extent { width: 0, height: 0 })
    }
}
