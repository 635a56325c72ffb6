//! What a network takes on a device, and whether it paints there what it paints on the processor.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::trial::texture;
use super::{NetworkFile, Opening, open};
use crate::error::Result;
use crate::frame::Image;
use crate::kernel::grain::{Field, Grain};
use crate::size::Size;

/// Paintings that differ from the processor's by more levels than this are wrong; less is rounding.
pub const TOLERANCE: u8 = 2;

/// Runs of which the shortest counts, unless they take longer than [`MOMENT`] together.
const RUNS: usize = 5;
const MOMENT: Duration = Duration::from_millis(300);

/// What came of one device.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The shortest time of a picture.
    pub milliseconds: f64,
    /// The picture.
    pub painting: Vec<u8>,
}

impl Measured {
    /// The largest difference to another painting of the same picture, in levels.
    pub fn difference(&self, other: &Self) -> u8 {
        self.painting.iter().zip(&other.painting).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
    }
}

/// Opens `file` and paints a picture of `size` several times.
///
/// # Errors
/// The network does not open or run on the device.
pub fn measure(file: &NetworkFile, weights: &[f32], size: Size, how: &Opening<'_>) -> Result<Measured> {
    let Size { width, height } = size;
    let pixels = texture(width, height);
    let image = Image { width, height, pixels: &pixels };
    let grain = Grain::still(Arc::new(Field::new(0)), size);
    let mut painting = vec![0; pixels.len()];
    let mut network = open(file, how)?;
    // The first run allocates memory and, on a graphics card, compiles its programs.
    network.run(image, weights, &grain, &mut painting)?;
    let begin = Instant::now();
    let mut shortest = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        network.run(image, weights, &grain, &mut painting)?;
        shortest = shortest.min(start.elapsed());
        if begin.elapsed() > MOMENT {
            break;
        }
    }
    Ok(Measured { milliseconds: shortest.as_secs_f64() * 1e3, painting })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_difference_counts_whichever_is_brighter() {
        let of = |painting: &[u8]| Measured { milliseconds: 1.0, painting: painting.to_vec() };
        assert_eq!(of(&[0, 10, 255]).difference(&of(&[3, 10, 250])), 5);
        assert_eq!(of(&[7, 7]).difference(&of(&[7, 7])), 0);
    }
}
