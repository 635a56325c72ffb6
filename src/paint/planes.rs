//! Pictures in the layout of VGG-19's graphs: planes of floats, `[3][H][W]`, from 0 to 1.

use crate::error::{Error, Result};
use crate::frame::{Frame, Image};
use crate::kernel::planar::{PlanarFormat, pack, unpack};
use crate::kernel::resize::Resizer;
use crate::network::vgg19::Extent;

/// The layout of VGG-19's graphs.
const UNIT: PlanarFormat = PlanarFormat { range: 1.0, mean: [0.0; 3], deviation: [1.0; 3], multiple: 1 };

/// Resizes `image` to `extent` and converts it to planes.
///
/// # Errors
/// The picture cannot be resized.
pub fn to_planes(image: Image<'_>, extent: Extent, resizer: &mut Resizer) -> Result<Vec<f32>> {
    let (width, height) = (extent.width as u32, extent.height as u32);
    let mut frame = Frame::new(width, height);
    resizer.resize(image, width, height, &mut frame.pixels)?;
    let mut planes = vec![0.0; 3 * extent.pixels()];
    pack(frame.image(), &UNIT, &mut planes);
    Ok(planes)
}

/// Converts planes to a picture.
///
/// # Errors
/// A value is not finite.
pub fn to_frame(planes: &[f32], extent: Extent) -> Result<Frame> {
    let size = (extent.width, extent.height);
    let mut frame = Frame::new(extent.width as u32, extent.height as u32);
    if !unpack(planes, size, 1.0, size, &mut frame.pixels) {
        return Err(Error::failed("the picture has values that are not finite; use smaller weights"));
    }
    Ok(frame)
}

/// Enlarges the result of one scale to the size of the next.
///
/// # Errors
/// The planes cannot be resized.
pub fn enlarged(planes: &[f32], from: Extent, to: Extent, resizer: &mut Resizer) -> Result<Vec<f32>> {
    let mut planes = resizer.planes(planes, (from.width, from.height), (to.width, to.height))?;
    // The filter overshoots at edges.
    planes.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
    Ok(planes)
}

/// Uniform noise from 0 to 1 by SplitMix64 (Steele, Lea and Flood 2014): the same on every machine.
pub fn noise(seed: u64, count: usize) -> Vec<f32> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_the_same_for_a_seed_and_fills_the_range() {
        let values = noise(7, 10_000);
        assert_eq!(values, noise(7, 10_000));
        assert_ne!(values, noise(8, 10_000));
        let mean = values.iter().sum::<f32>() / 1e4;
        assert!((mean - 0.5).abs() < 0.02 && values.iter().all(|v| (0.0..1.0).contains(v)), "{mean}");
    }
}
