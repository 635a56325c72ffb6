//! The sizes that a picture is painted at, from small to final.
//!
//! VGG-19 sees about 200 pixels at once. Larger shapes and strokes have to be painted while the picture is small (Gatys
//! et al. 2017, "Controlling Perceptual Factors in Neural Style Transfer", section 6).

use crate::network::vgg19::{Extent, LEAST_SIDE};

/// The longer side, in pixels, of the first scale, unless the picture is smaller.
const COARSEST: f64 = 256.0;

/// The sizes for a picture of `width` x `height` whose longer side is to be `size`, smallest first. Each is `step`
/// times the previous one. `count` is the number of sizes; by default, the first has a longer side of about 256 pixels.
/// Sizes that are too small for VGG-19 are skipped.
pub fn scales(width: u32, height: u32, size: u32, step: f64, count: Option<usize>) -> Vec<Extent> {
    let finest = f64::from(size);
    let usual = 1 + ((finest / COARSEST).ln() / step.ln() + 0.01).floor().max(0.0) as usize;
    let count = count.unwrap_or(usual).max(1);
    let mut sizes: Vec<Extent> = (0..count)
        .rev()
        .map(|place| fit(width, height, finest / step.powi(place.try_into().unwrap_or(i32::MAX))))
        .filter(|extent| extent.width.min(extent.height) >= LEAST_SIDE as usize)
        .collect();
    if sizes.is_empty() {
        sizes.push(fit(width, height, finest));
    }
    sizes
}

/// The size with the aspect ratio of `width` x `height` and a longer side of `size`, at least 1x1.
fn fit(width: u32, height: u32, size: f64) -> Extent {
    let factor = size / f64::from(width.max(height).max(1));
    let side = |pixels: u32| (f64::from(pixels) * factor).round().max(1.0) as usize;
    Extent { width: side(width), height: side(height) }
}

/// The size with the aspect ratio of `width` x `height` and about `pixels` pixels. Each side is at least
/// [`LEAST_SIDE`].
pub fn with_pixels(width: u32, height: u32, pixels: f64) -> Extent {
    let factor = (pixels / (f64::from(width) * f64::from(height)).max(1.0)).sqrt();
    let side = |length: u32| (f64::from(length) * factor).round().max(f64::from(LEAST_SIDE)) as usize;
    Extent { width: side(width), height: side(height) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longer(sizes: &[Extent]) -> Vec<usize> {
        sizes.iter().map(|extent| extent.width.max(extent.height)).collect()
    }

    #[test]
    fn sizes_grow_by_the_step_from_about_256_to_the_final_one() {
        assert_eq!(longer(&scales(800, 600, 512, 2.0, None)), [256, 512]);
        assert_eq!(longer(&scales(600, 800, 1024, 2f64.sqrt(), None)), [256, 362, 512, 724, 1024]);
        assert_eq!(longer(&scales(600, 800, 200, 2.0, None)), [200]);
        assert_eq!(longer(&scales(800, 600, 512, 2.0, Some(1))), [512]);
    }

    #[test]
    fn the_aspect_ratio_is_kept_and_scales_too_small_for_vgg_are_skipped() {
        let sizes = scales(800, 600, 512, 2.0, Some(9));
        assert_eq!(sizes.last(), Some(&Extent { width: 512, height: 384 }));
        assert!(sizes.iter().all(|extent| extent.height >= 16), "{sizes:?}");
        let painting = with_pixels(1000, 500, 512.0 * 384.0);
        assert!(
            painting.pixels().abs_diff(512 * 384) < 1000 && painting.width.abs_diff(2 * painting.height) < 3,
            "{painting:?}"
        );
    }
}
