//! How to paint a still by optimisation.

use std::f64::consts::SQRT_2;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::network::vgg19::{Pooling, STYLE_LAYERS};
use crate::paint::{Init, Method};

/// How to paint a still by optimisation. An interrupted job resumes only with the same settings, except those that limit
/// time and memory.
///
/// ```
/// use impasto::still::{Init, StillSettings};
///
/// let settings = StillSettings { size: 1024, init: Init::Noise, seed: 7, ..StillSettings::default() };
/// assert_eq!(settings.style_weight, 1000.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct StillSettings {
    /// The longer side of the result, in pixels, 16 to 16384.
    pub size: u32,
    /// Weight of the photo's content, 0 or more.
    pub content_weight: f64,
    /// Weight of the paintings' style, 0 or more.
    pub style_weight: f64,
    /// Weight of the differences between neighbouring pixels, 0 or more: above 0 smooths the picture.
    pub tv_weight: f64,
    /// How the style weight is split among relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1, from fine to coarse.
    pub layer_weights: [f64; STYLE_LAYERS],
    /// The picture to start from.
    pub init: Init,
    /// The optimiser.
    pub optimizer: Method,
    /// Step size of [`Method::Adam`], where 1 is the step from black to white.
    pub rate: f32,
    /// Maximum number of steps at each scale.
    pub iterations: u32,
    /// Stop a scale early when the loss improves by less than this fraction over 20 steps (0: never).
    pub tolerance: f32,
    /// Decay of the moving average over earlier steps that is the result, 0 (only the last step) to 0.999.
    pub average: f32,
    /// Number of sizes to paint at, from coarse to fine, 1 to 16; from about 256 pixels up to `size` if `None`.
    pub scales: Option<u32>,
    /// Factor from each size to the next, 1.1 to 8.
    pub scale_step: f64,
    /// Stroke size, 0.05 to 20: 1 scales the painting to as many pixels as the picture, 2 to twice the size.
    pub style_scale: f32,
    /// How to keep the photo's colours; they are not kept if `None`.
    pub keep_colors: Option<KeepColors>,
    /// Pooling in VGG-19.
    pub pooling: Pooling,
    /// Random seed for [`Init::Noise`].
    pub seed: u64,
    /// Side of the overlapping tiles to paint in, in pixels (0: no tiles); chosen by the free memory if `None`.
    pub tile: Option<u32>,
    /// JPEG quality, 1 to 100.
    pub quality: u8,
    /// The folder of VGG-19's graphs; where `impasto setup --paint` installs them if `None`.
    pub vgg: Option<PathBuf>,
}

/// How the photo's colours are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepColors {
    /// Only the brightness is painted.
    Luminance,
    /// The paintings get the photo's mean and covariance of colours first.
    Match,
}

impl KeepColors {
    /// Both, with their names on the command line.
    pub(crate) const NAMES: [(Self, &'static str); 2] = [(Self::Luminance, "luminance"), (Self::Match, "match")];
}

impl Default for StillSettings {
    fn default() -> Self {
        Self {
            size: 512,
            content_weight: 1.0,
            // The paper's ratio of content to style.
            style_weight: 1000.0,
            tv_weight: 0.0,
            layer_weights: [1.0; STYLE_LAYERS],
            init: Init::Content,
            optimizer: Method::Lbfgs,
            rate: 0.02,
            iterations: 200,
            tolerance: 0.002,
            average: 0.0,
            scales: None,
            scale_step: SQRT_2,
            style_scale: 1.0,
            keep_colors: None,
            pooling: Pooling::Average,
            seed: 0,
            tile: None,
            quality: 92,
            vgg: None,
        }
    }
}

impl StillSettings {
    pub(crate) const SIZES: RangeInclusive<u32> = 16..=16384;
    pub(crate) const WEIGHTS: RangeInclusive<f64> = 0.0..=1e9;
    pub(crate) const RATES: RangeInclusive<f32> = 0.0..=1e9;
    pub(crate) const ITERATIONS: RangeInclusive<u32> = 1..=100_000;
    pub(crate) const TOLERANCES: RangeInclusive<f32> = 0.0..=1.0;
    pub(crate) const AVERAGES: RangeInclusive<f32> = 0.0..=0.999;
    pub(crate) const SCALES: RangeInclusive<u32> = 1..=16;
    pub(crate) const SCALE_STEPS: RangeInclusive<f64> = 1.1..=8.0;
    pub(crate) const STYLE_SCALES: RangeInclusive<f32> = 0.05..=20.0;
    pub(crate) const TILES: RangeInclusive<u32> = 0..=16384;
    pub(crate) const QUALITIES: RangeInclusive<u8> = 1..=100;

    /// Checks that each number is in its range and that there is something to optimise.
    ///
    /// # Errors
    /// It says which is not, and what to choose.
    pub(super) fn check(&self) -> Result<()> {
        within("size", self.size, Self::SIZES)?;
        within("content-weight", self.content_weight, Self::WEIGHTS)?;
        within("style-weight", self.style_weight, Self::WEIGHTS)?;
        within("tv-weight", self.tv_weight, Self::WEIGHTS)?;
        self.layer_weights.iter().try_for_each(|&weight| within("layer-weights", weight, Self::WEIGHTS))?;
        within("rate", self.rate, Self::RATES)?;
        within("iterations", self.iterations, Self::ITERATIONS)?;
        within("tolerance", self.tolerance, Self::TOLERANCES)?;
        within("average", self.average, Self::AVERAGES)?;
        self.scales.map_or(Ok(()), |count| within("scales", count, Self::SCALES))?;
        within("scale-step", self.scale_step, Self::SCALE_STEPS)?;
        within("style-scale", self.style_scale, Self::STYLE_SCALES)?;
        self.tile.map_or(Ok(()), |side| within("tile", side, Self::TILES))?;
        within("quality", self.quality, Self::QUALITIES)?;
        if self.content_weight <= 0.0 && !self.is_styled() {
            return Err(Error::usage("all weights are 0, so there is nothing to optimise; raise --style-weight"));
        }
        if self.optimizer == Method::Adam && self.rate <= 0.0 {
            return Err(Error::usage("--rate 0 never changes the picture; 0.02 is usual"));
        }
        Ok(())
    }

    /// Whether the paintings count at all.
    pub(super) fn is_styled(&self) -> bool {
        self.style_weight > 0.0 && self.layer_weights.iter().any(|&weight| weight > 0.0)
    }
}

fn within<T: PartialOrd + Display>(name: &str, value: T, range: RangeInclusive<T>) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    Err(Error::usage(format!("--{name} {value} is out of range; choose {least} to {most}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_settings_are_valid() {
        StillSettings::default().check().unwrap();
    }

    #[test]
    fn a_setting_out_of_range_is_refused_by_name() {
        let usual = StillSettings::default;
        let cases = [
            (StillSettings { size: u32::MAX, ..usual() }, "--size 4294967295 is out of range; choose 16 to 16384"),
            (StillSettings { scale_step: 1.0, ..usual() }, "--scale-step 1 "),
            (StillSettings { style_weight: f64::NAN, ..usual() }, "--style-weight NaN "),
            (StillSettings { layer_weights: [1.0, -1.0, 1.0, 1.0, 1.0], ..usual() }, "--layer-weights -1 "),
            (StillSettings { scales: Some(0), ..usual() }, "--scales 0 "),
            (StillSettings { optimizer: Method::Adam, rate: 0.0, ..usual() }, "--rate 0 never"),
            (StillSettings { content_weight: 0.0, layer_weights: [0.0; 5], ..usual() }, "nothing to optimise"),
        ];
        for (settings, words) in cases {
            let error = settings.check().unwrap_err().to_string();
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}
