//! The flags of `impasto paint`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::RunArgs;
use super::values::{SCALES, one_of, within};
use crate::network::vgg19::{Pooling, STYLE_LAYERS};
use crate::paint::{Init, Method};
use crate::style::paintings::Painting;

/// `impasto paint`
#[derive(Debug, Args)]
pub struct PaintArgs {
    /// The photo: what the painting shows.
    #[arg(value_name = "CONTENT")]
    pub content: PathBuf,
    /// The painting whose style to use, or several with weights: `night.jpg:2 scream.jpg:1`.
    #[arg(required = true, value_name = "STYLE[:WEIGHT]")]
    pub styles: Vec<Painting>,
    /// The picture to write (PNG, JPEG, WebP or TIFF).
    #[arg(long, short, value_name = "OUT")]
    pub output: PathBuf,
    /// The longer side of the result, in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 512, value_parser = clap::value_parser!(u32).range(16..=16384))]
    pub size: u32,
    /// Weight of the photo's content.
    #[arg(long, value_name = "WEIGHT", default_value_t = 1.0, value_parser = within(0.0..=1e9))]
    pub content_weight: f64,
    /// Weight of the paintings' style. The paper's ratio of content to style is 1 to 1000.
    #[arg(long, value_name = "WEIGHT", default_value_t = 1000.0, value_parser = within(0.0..=1e9))]
    pub style_weight: f64,
    /// Weight of the differences between neighbouring pixels: above 0 smooths the picture.
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.0, value_parser = within(0.0..=1e9))]
    pub tv_weight: f64,
    /// How the style weight is split among relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1, from fine to coarse.
    #[arg(long, value_name = "W1,...,W5", value_delimiter = ',', default_value = "1,1,1,1,1", value_parser = within(0.0..=1e9))]
    pub layer_weights: Vec<f64>,
    /// What to start from: the photo (content), noise (the paper's blank canvas) or the first painting (style).
    #[arg(long, value_name = "PICTURE", default_value = "content", value_parser = one_of(&Init::NAMES))]
    pub init: Init,
    /// Optimiser: lbfgs (as in the paper) or adam (less memory, smaller steps).
    #[arg(long, value_name = "METHOD", default_value = "lbfgs", value_parser = one_of(&Method::NAMES))]
    pub optimizer: Method,
    /// Step size of adam, where 1 is the step from black to white.
    #[arg(long, value_name = "STEP", default_value_t = 0.02, value_parser = within(0.0..=1e9))]
    pub rate: f64,
    /// Maximum number of steps at each scale.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub iterations: u32,
    /// Stop a scale early when the loss improves by less than this fraction over 20 steps (0: never).
    #[arg(long, value_name = "FRACTION", default_value_t = 0.002, value_parser = within(0.0..=1.0f32))]
    pub tolerance: f32,
    /// Average the result over earlier steps: the decay of an exponential mean. Steadies adam (try 0.95).
    #[arg(long, value_name = "0..0.999", default_value_t = 0.0, value_parser = within(0.0..=0.999f32))]
    pub average: f32,
    /// Number of sizes to paint at, from coarse to fine. Default: from about 256 pixels up to --size.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    pub scales: Option<u32>,
    /// Factor from each size to the next.
    #[arg(long, value_name = "FACTOR", default_value_t = std::f64::consts::SQRT_2, value_parser = within(1.1..=8.0))]
    pub scale_step: f64,
    /// Stroke size: 1 scales the painting to as many pixels as the picture, 2 to twice the size.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = within(SCALES))]
    pub style_scale: f32,
    /// Keep the photo's colours: luminance paints only its brightness; match first gives the paintings its colours.
    #[arg(long, value_name = "HOW", value_enum, num_args = 0..=1, default_missing_value = "luminance")]
    pub keep_colors: Option<KeepColors>,
    /// A mask the size of the photo, white where a style applies and black elsewhere. Give one for each style, in order;
    /// with one less, the last style takes the rest. Areas without a style stay as in the photo.
    #[arg(long, value_name = "MASK")]
    pub mask: Vec<PathBuf>,
    /// Pooling in VGG-19: avg (as the paper recommends) or max (as it was trained).
    #[arg(long, value_name = "KIND", default_value = "avg", value_parser = one_of(&Pooling::NAMES))]
    pub pooling: Pooling,
    /// Random seed for --init noise.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Paint in overlapping tiles of this side (0: never): the same picture with less memory, but slower. Default: no tiles
    /// if the picture fits into memory, else the largest that do.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(0..=16384))]
    pub tile: Option<u32>,
    /// Show the picture in a window while it is painted. Closing the window (or Escape, or q) does not stop the job.
    #[arg(long)]
    pub preview: bool,
    /// Save the picture, and the state that --resume continues from, every N steps.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub save_every: Option<u32>,
    /// Continue from the state that an interrupted run left beside OUT (OUT.state).
    #[arg(long)]
    pub resume: bool,
    /// Record how the picture develops as a video, one frame per step (.mp4, .mkv, .webm ...).
    #[arg(long, value_name = "VIDEO")]
    pub timelapse: Option<PathBuf>,
    /// JPEG quality, 1 to 100.
    #[arg(long, value_name = "1..100", default_value_t = 92, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub quality: u8,
    /// The folder of VGG-19's graphs. Default: where `scripts/setup --paint` installs them.
    #[arg(long, value_name = "DIR")]
    pub vgg: Option<PathBuf>,
    /// What runs VGG-19.
    #[command(flatten)]
    pub run: RunArgs,
}

impl PaintArgs {
    /// The layer weights, if there is one for each layer.
    pub fn layers(&self) -> Option<[f64; STYLE_LAYERS]> {
        self.layer_weights.clone().try_into().ok()
    }
}

/// How the photo's colours are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeepColors {
    /// Only the brightness is painted.
    Luminance,
    /// The paintings get the photo's mean and covariance of colours first.
    Match,
}
