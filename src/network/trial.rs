//! A trial painting: whether a network runs, and whether what it gives looks like a picture.

use std::sync::Arc;

use super::{Network, NetworkFile, Opening, open};
use crate::error::Result;
use crate::frame::{Image, byte_len};
use crate::kernel::grain::{Field, Grain};
use crate::size::Size;

/// No multiple of anything, so that padding is tried as well.
const WIDTH: u32 = 131;
const HEIGHT: u32 = 95;
/// A painting that varies less than this from its mean, in levels, is of nearly one colour.
const PLAIN: f64 = 4.0;
/// A painting with more of its values at black or white than this is out of its range.
const CLIPPED: f64 = 0.6;

/// What can be wrong with a trial painting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is of nearly one colour.
    Plain,
    /// Most of it is pure black or white.
    Clipped,
}

/// What came of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// Standard deviation of the most varied channel, in levels.
    pub spread: f64,
    /// The fraction of all values that are as dark or as bright as they can be.
    pub clipped: f64,
}

impl Trial {
    fn of(pixels: &[u8]) -> Self {
        let count = (pixels.len() / 3).max(1) as f64;
        let spread = |channel: usize| {
            let values = || pixels.iter().skip(channel).step_by(3).map(|&byte| f64::from(byte));
            let mean = values().sum::<f64>() / count;
            (values().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
        };
        let ends = pixels.iter().filter(|&&byte| byte <= 1 || byte >= 254).count();
        Self { spread: (0..3).map(spread).fold(0.0, f64::max), clipped: ends as f64 / pixels.len().max(1) as f64 }
    }

    /// How much of it is a picture, from 0 to 1.
    pub fn quality(&self) -> f64 {
        if self.spread < PLAIN { 0.0 } else { 1.0 - self.clipped }
    }

    /// What is wrong with it, if anything.
    pub fn fault(&self) -> Option<Fault> {
        if self.spread < PLAIN { Some(Fault::Plain) } else { (self.clipped > CLIPPED).then_some(Fault::Clipped) }
    }
}

/// Opens `file` and paints the trial picture with `weights`.
///
/// # Errors
/// As [`open`], and where the run fails.
pub fn try_out(file: &NetworkFile, weights: &[f32], how: &Opening<'_>) -> Result<Trial> {
    paint(open(file, how)?.as_mut(), weights)
}

/// The same with a network that is open.
///
/// # Errors
/// The run fails.
pub fn paint(network: &mut dyn Network, weights: &[f32]) -> Result<Trial> {
    let pixels = texture(WIDTH, HEIGHT);
    let mut out = vec![0; pixels.len()];
    let grain = Grain::still(Arc::new(Field::new(0)), Size::new(WIDTH, HEIGHT));
    network.run(Image { width: WIDTH, height: HEIGHT, pixels: &pixels }, weights, &grain, &mut out)?;
    Ok(Trial::of(&out))
}

/// A textured picture with the colours and edges of a photo: slopes, squares and grain, hardly anywhere black or white.
pub fn texture(width: u32, height: u32) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(byte_len(width, height));
    for y in 0..height {
        for x in 0..width {
            let square = if (x / 12 + y / 12) % 2 == 0 { 30.0 } else { -30.0 };
            let grain = f64::from((x * 73 + y * 151 + x * y * 7) % 31) - 15.0;
            let (across, down) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
            for slope in [across, down, 1.0 - across] {
                pixels.push((50.0 + 155.0 * slope + square + grain).clamp(0.0, 255.0) as u8);
            }
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Identity;

    #[test]
    fn the_trial_picture_itself_is_a_picture() {
        let trial = paint(&mut Identity, &[1.0]).unwrap();
        assert!(trial.spread > 30.0 && trial.clipped < 0.05, "{trial:?}");
        assert_eq!(trial.fault(), None);
    }

    #[test]
    fn one_colour_and_values_out_of_range_are_faults() {
        let grey = Trial::of(&[128; 300]);
        assert!(grey.fault() == Some(Fault::Plain) && grey.quality() == 0.0, "{grey:?}");
        let black_and_white: Vec<u8> = (0..300).map(|place| if place % 2 == 0 { 0 } else { 255 }).collect();
        let clipped = Trial::of(&black_and_white);
        assert!(
            clipped.fault() == Some(Fault::Clipped) && clipped.clipped == 1.0 && clipped.quality() == 0.0,
            "{clipped:?}"
        );
    }
}
