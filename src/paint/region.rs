//! Regions with different styles (Gatys et al. 2017, "Controlling Perceptual Factors", section 4: guided Gram matrices).

use super::planes::to_planes;
use crate::error::Result;
use crate::frame::Frame;
use crate::kernel::resize::Resizer;
use crate::network::vgg19::Extent;

/// The brightness of each of the `R` masks at size `extent`, `[R][H][W]`, 0 to 1.
///
/// # Errors
/// A mask cannot be resized.
pub fn regions(masks: &[Frame], extent: Extent, resizer: &mut Resizer) -> Result<Vec<f32>> {
    let mut all = Vec::with_capacity(masks.len() * extent.pixels());
    for mask in masks {
        let planes = to_planes(mask.image(), extent, resizer)?;
        let (red, rest) = planes.split_at(extent.pixels());
        let (green, blue) = rest.split_at(extent.pixels());
        all.extend(red.iter().zip(green).zip(blue).map(|((r, g), b)| (r + g + b) / 3.0));
    }
    Ok(all)
}

/// The mask of the area that the other masks leave, for the last painting. `None` without masks.
pub fn remainder(masks: &[Frame]) -> Option<Frame> {
    let first = masks.first()?;
    let mut rest = Frame::new(first.width, first.height);
    for (place, byte) in rest.pixels.iter_mut().enumerate() {
        let taken: u32 = masks.iter().map(|mask| u32::from(mask.pixels[place])).sum();
        *byte = 255 - taken.min(255) as u8;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_region_is_the_area_that_the_others_leave() {
        let mut mask = Frame::new(2, 1);
        mask.pixels = vec![255, 255, 255, 100, 100, 100];
        let rest = remainder(std::slice::from_ref(&mask)).unwrap();
        assert_eq!(rest.pixels, [0, 0, 0, 155, 155, 155]);
        let regions = regions(&[mask, rest], Extent { width: 2, height: 1 }, &mut Resizer::default()).unwrap();
        assert!((regions[0] + regions[2] - 1.0).abs() < 0.01 && (regions[1] + regions[3] - 1.0).abs() < 0.01);
    }
}
