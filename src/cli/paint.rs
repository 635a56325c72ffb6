//! The flags of `impasto paint`.

use std::path::PathBuf;
use std::sync::LazyLock;

use clap::Args;

use super::values::{name_of, one_of, within};
use super::{ADVANCED, FILES, JOBS, OPTIMISER, PAINTING, RunArgs};
use crate::error::{Error, Result};
use crate::network::vgg19::Pooling;
use crate::paint::{Init, Method};
use crate::studio::still::{KeepColors, StillJob, StillSettings};
use crate::style::paintings::Painting;

/// What the flags stand for if they are not given.
static USUAL: LazyLock<StillSettings> = LazyLock::new(StillSettings::default);

/// `impasto paint`
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = PAINTING)]
pub struct PaintArgs {
    /// The photo: what the painting shows.
    #[arg(help_heading = FILES, value_name = "CONTENT")]
    pub content: PathBuf,
    /// The painting whose style to use, or several with weights: `night.jpg:2 scream.jpg:1`.
    #[arg(help_heading = FILES, required = true, value_name = "STYLE[:WEIGHT]")]
    pub styles: Vec<Painting>,
    /// The picture to write (PNG, JPEG, WebP or TIFF).
    #[arg(help_heading = FILES, long, short, value_name = "OUT")]
    pub output: PathBuf,
    /// JPEG quality, 1 to 100.
    #[arg(help_heading = FILES, long, value_name = "1..100", default_value_t = USUAL.quality, value_parser = within(StillSettings::QUALITIES))]
    pub quality: u8,
    /// A mask the size of the photo, white where a style applies and black elsewhere. Give one for each style, in order;
    /// with one less, the last style takes the rest. Areas without a style stay as in the photo.
    #[arg(help_heading = FILES, long, value_name = "MASK")]
    pub mask: Vec<PathBuf>,
    /// Record how the picture develops as a video, one frame per step (.mp4, .mkv, .webm ...).
    #[arg(help_heading = FILES, long, value_name = "VIDEO")]
    pub timelapse: Option<PathBuf>,
    /// The longer side of the result, in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = USUAL.size, value_parser = within(StillSettings::SIZES))]
    pub size: u32,
    /// Stroke size: 1 scales the painting to as many pixels as the picture, 2 to twice the size.
    #[arg(long, value_name = "FACTOR", default_value_t = USUAL.style_scale, value_parser = within(StillSettings::STYLE_SCALES))]
    pub style_scale: f32,
    /// Keep the photo's colours: luminance paints only its brightness; match first gives the paintings its colours.
    #[arg(long, value_name = "HOW", value_parser = one_of(&KeepColors::NAMES), num_args = 0..=1, default_missing_value = "luminance")]
    pub keep_colors: Option<KeepColors>,
    /// Weight of the photo's content.
    #[arg(long, value_name = "WEIGHT", default_value_t = USUAL.content_weight, value_parser = within(StillSettings::WEIGHTS))]
    pub content_weight: f64,
    /// Weight of the paintings' style. The paper's ratio of content to style is 1 to 1000.
    #[arg(long, value_name = "WEIGHT", default_value_t = USUAL.style_weight, value_parser = within(StillSettings::WEIGHTS))]
    pub style_weight: f64,
    /// Weight of the differences between neighbouring pixels: above 0 smooths the picture.
    #[arg(long, value_name = "WEIGHT", default_value_t = USUAL.tv_weight, value_parser = within(StillSettings::WEIGHTS))]
    pub tv_weight: f64,
    /// How the style weight is split among relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1, from fine to coarse.
    #[arg(long, value_name = "W1,...,W5", value_delimiter = ',', default_value = usual_layers(), value_parser = within(StillSettings::WEIGHTS))]
    pub layer_weights: Vec<f64>,
    /// What to start from: the photo (content), noise (the paper's blank canvas) or the first painting (style).
    #[arg(help_heading = OPTIMISER, long, value_name = "PICTURE", default_value = name_of(&Init::NAMES, USUAL.init), value_parser = one_of(&Init::NAMES))]
    pub init: Init,
    /// Optimiser: lbfgs (as in the paper) or adam (less memory, smaller steps).
    #[arg(help_heading = OPTIMISER, long, value_name = "METHOD", default_value = name_of(&Method::NAMES, USUAL.optimizer), value_parser = one_of(&Method::NAMES))]
    pub optimizer: Method,
    /// Step size of adam, where 1 is the step from black to white.
    #[arg(help_heading = OPTIMISER, long, value_name = "STEP", default_value_t = USUAL.rate, value_parser = within(StillSettings::RATES))]
    pub rate: f32,
    /// Maximum number of steps at each scale.
    #[arg(help_heading = OPTIMISER, long, value_name = "N", default_value_t = USUAL.iterations, value_parser = within(StillSettings::ITERATIONS))]
    pub iterations: u32,
    /// Stop a scale early when the loss improves by less than this fraction over 20 steps (0: never).
    #[arg(help_heading = OPTIMISER, long, value_name = "FRACTION", default_value_t = USUAL.tolerance, value_parser = within(StillSettings::TOLERANCES))]
    pub tolerance: f32,
    /// Average the result over earlier steps: the decay of an exponential mean. Steadies adam (try 0.95).
    #[arg(help_heading = OPTIMISER, long, value_name = "0..0.999", default_value_t = USUAL.average, value_parser = within(StillSettings::AVERAGES))]
    pub average: f32,
    /// Number of sizes to paint at, from coarse to fine. Default: from about 256 pixels up to --size.
    #[arg(help_heading = OPTIMISER, long, value_name = "N", value_parser = within(StillSettings::SCALES))]
    pub scales: Option<u32>,
    /// Factor from each size to the next.
    #[arg(help_heading = OPTIMISER, long, value_name = "FACTOR", default_value_t = USUAL.scale_step, value_parser = within(StillSettings::SCALE_STEPS))]
    pub scale_step: f64,
    /// Pooling in VGG-19: avg (as the paper recommends) or max (as it was trained).
    #[arg(help_heading = OPTIMISER, long, value_name = "KIND", default_value = name_of(&Pooling::NAMES, USUAL.pooling), value_parser = one_of(&Pooling::NAMES))]
    pub pooling: Pooling,
    /// Random seed for --init noise.
    #[arg(help_heading = OPTIMISER, long, value_name = "N", default_value_t = USUAL.seed)]
    pub seed: u64,
    /// Show the picture in a window while it is painted. Closing the window (or Escape, or q) does not stop the job.
    #[arg(help_heading = JOBS, long)]
    pub preview: bool,
    /// Save the picture, and the state that --resume continues from, every N steps.
    #[arg(help_heading = JOBS, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub save_every: Option<u32>,
    /// Continue from the state that an interrupted run left beside OUT (OUT.state).
    #[arg(help_heading = JOBS, long)]
    pub resume: bool,
    /// What runs VGG-19.
    #[command(flatten)]
    pub run: RunArgs,
    /// Paint in overlapping tiles of this side (0: never): the same picture with less memory, but slower. Default: no tiles
    /// if the picture fits into memory, else the largest that do.
    #[arg(help_heading = ADVANCED, long, value_name = "PIXELS", value_parser = within(StillSettings::TILES))]
    pub tile: Option<u32>,
    /// The folder of VGG-19's graphs. Default: where `impasto setup --paint` installs them.
    #[arg(help_heading = ADVANCED, long, value_name = "DIR")]
    pub vgg: Option<PathBuf>,
}

impl PaintArgs {
    /// What to paint, and how, without the flags.
    ///
    /// # Errors
    /// There are not as many layer weights as layers.
    pub fn still(&self) -> Result<(StillJob, StillSettings)> {
        let Self {
            content,
            styles,
            output,
            size,
            content_weight,
            style_weight,
            tv_weight,
            layer_weights,
            init,
            optimizer,
            rate,
            iterations,
            tolerance,
            average,
            scales,
            scale_step,
            style_scale,
            keep_colors,
            mask,
            pooling,
            seed,
            tile,
            preview,
            save_every,
            resume,
            timelapse,
            quality,
            vgg,
            run: _,
        } = self.clone();
        let layer_weights = layer_weights.try_into().map_err(|weights: Vec<f64>| {
            let count = weights.len();
            Error::usage(format!("--layer-weights takes five numbers, relu1_1 to relu5_1, and got {count}"))
        })?;
        let job = StillJob { content, styles, masks: mask, output, resume, save_every, timelapse, preview };
        let settings = StillSettings {
            size,
            content_weight,
            style_weight,
            tv_weight,
            layer_weights,
            init,
            optimizer,
            rate,
            iterations,
            tolerance,
            average,
            scales,
            scale_step,
            style_scale,
            keep_colors,
            pooling,
            seed,
            tile,
            quality,
            vgg,
        };
        Ok((job, settings))
    }
}

/// The layer weights as the flag takes them: `1,1,1,1,1`.
fn usual_layers() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| USUAL.layer_weights.map(|weight| weight.to_string()).join(","));
    &TEXT
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        paint: PaintArgs,
    }

    #[test]
    fn without_flags_a_still_has_the_default_settings() {
        let line = Line::parse_from(["paint", "photo.jpg", "night.jpg", "-o", "out.png"]);
        let (job, settings) = line.paint.still().unwrap();
        assert_eq!(settings, StillSettings::default());
        assert_eq!(job, StillJob::new("photo.jpg", "night.jpg", "out.png"));
    }
}
