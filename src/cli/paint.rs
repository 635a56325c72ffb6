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
    /// The painting, or several with weights: `night.jpg:2 scream.jpg:1`.
    #[arg(required = true, value_name = "STYLE[:WEIGHT]")]
    pub styles: Vec<Painting>,
    /// The picture to write (PNG, JPEG, WebP or TIFF).
    #[arg(long, short, value_name = "OUT")]
    pub output: PathBuf,
    /// The longer side of the result, in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 512, value_parser = clap::value_parser!(u32).range(16..=16384))]
    pub size: u32,
    /// How much the photo counts.
    #[arg(long, value_name = "WEIGHT", default_value_t = 1.0, value_parser = within(0.0..=1e9))]
    pub content_weight: f64,
    /// How much the paintings count; the paper's ratio of content to style is 1 to 1000.
    #[arg(long, value_name = "WEIGHT", default_value_t = 1000.0, value_parser = within(0.0..=1e9))]
    pub style_weight: f64,
    /// How much differences between neighbouring pixels count: above 0 makes the picture smoother.
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.0, value_parser = within(0.0..=1e9))]
    pub tv_weight: f64,
    /// How the style's weight is shared out among relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1, from fine to coarse.
    #[arg(long, value_name = "W1,...,W5", value_delimiter = ',', default_value = "1,1,1,1,1", value_parser = within(0.0..=1e9))]
    pub layer_weights: Vec<f64>,
    /// What to begin with: the photo, noise (the paper's blank canvas) or the first painting.
    #[arg(long, value_name = "PICTURE", default_value = "content", value_parser = one_of(&Init::NAMES))]
    pub init: Init,
    /// What minimises: lbfgs (the paper's) or adam (less memory, smaller steps).
    #[arg(long, value_name = "METHOD", default_value = "lbfgs", value_parser = one_of(&Method::NAMES))]
    pub optimizer: Method,
    /// Adam's step, of 1 from black to white.
    #[arg(long, value_name = "STEP", default_value_t = 0.02, value_parser = within(0.0..=1e9))]
    pub rate: f64,
    /// Steps at each scale, at most.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub iterations: u32,
    /// End a scale when its loss fell by less than this part over 20 steps; 0 never does.
    #[arg(long, value_name = "PART", default_value_t = 0.002, value_parser = within(0.0..=1.0f32))]
    pub tolerance: f32,
    /// Share of earlier pictures in the result, as an exponential mean: steadies adam (0.95, say). Default: 0.
    #[arg(long, value_name = "0..0.999", default_value_t = 0.0, value_parser = within(0.0..=0.999f32))]
    pub average: f32,
    /// How many sizes to go through, from coarse to fine. Default: from about 256 pixels up to --size.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    pub scales: Option<u32>,
    /// How much larger each size is than the one before.
    #[arg(long, value_name = "FACTOR", default_value_t = std::f64::consts::SQRT_2, value_parser = within(1.1..=8.0))]
    pub scale_step: f64,
    /// Stroke size: 1 takes the painting at as many pixels as the picture, 2 at twice the size.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = within(SCALES))]
    pub style_scale: f32,
    /// Keep the photo's colours: luminance paints its brightness only, match gives the paintings its colours first.
    #[arg(long, value_name = "HOW", value_enum, num_args = 0..=1, default_missing_value = "luminance")]
    pub keep_colors: Option<KeepColors>,
    /// A picture as large as the photo, white where a style goes, black where not; one for each style in order, or one
    /// less: the last style then takes the rest. What no style takes stays a photo.
    #[arg(long, value_name = "MASK")]
    pub mask: Vec<PathBuf>,
    /// VGG-19's pooling: avg (as the paper recommends) or max (as it was trained).
    #[arg(long, value_name = "KIND", default_value = "avg", value_parser = one_of(&Pooling::NAMES))]
    pub pooling: Pooling,
    /// Of the noise.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Paint in overlapping tiles of this side (0: whole). Slower, the same picture, less memory. Default: whole where it
    /// fits into memory, else the largest tiles that do.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(0..=16384))]
    pub tile: Option<u32>,
    /// Show the picture as it grows in a window; closing it (or Escape, or q) ends only the showing.
    #[arg(long)]
    pub preview: bool,
    /// Write the picture, and the state that --resume goes on from, every N steps.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub save_every: Option<u32>,
    /// Go on from the state that an interrupted run left beside OUT (OUT.state).
    #[arg(long)]
    pub resume: bool,
    /// Write a video of the picture as it grows, a step a frame (.mp4, .mkv, .webm ...).
    #[arg(long, value_name = "VIDEO")]
    pub timelapse: Option<PathBuf>,
    /// JPEG quality, 1 to 100.
    #[arg(long, value_name = "1..100", default_value_t = 92, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub quality: u8,
    /// The folder of VGG-19's graphs. Default: where `scripts/setup --paint` puts them.
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
