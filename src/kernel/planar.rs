//! Converts packed bytes to padded planes of floats and back, for networks exported from PyTorch.

use crate::frame::Image;

/// Value range of a network with planes of floats. Its inputs are `(byte / 255 * range - mean) / deviation`; output
/// bytes are `value * 255 / range`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanarFormat {
    /// The value of a white byte before `mean` is subtracted: 255 or 1.
    pub range: f32,
    /// Subtracted from each channel of the input.
    pub mean: [f32; 3],
    /// Divides each channel of the input.
    pub deviation: [f32; 3],
    /// Width and height are padded to a multiple of this by repeating the edges; the output is cropped.
    pub multiple: u32,
}

impl PlanarFormat {
    /// The fast_neural_style networks of pytorch/examples: RGB 0-255, sides a multiple of 4.
    pub const PYTORCH_EXAMPLES: Self = Self { range: 255.0, mean: [0.0; 3], deviation: [1.0; 3], multiple: 4 };
}

/// `side` rounded up to a multiple of `multiple`.
pub fn padded(side: u32, multiple: u32) -> u32 {
    side.div_ceil(multiple) * multiple
}

/// Writes `image` as `[3][H][W]` floats in `format`'s range. `H` and `W` are the sides from [`padded`]; the padding
/// repeats the edges.
pub fn pack(image: Image<'_>, format: &PlanarFormat, planes: &mut [f32]) {
    let (width, height) = (image.width as usize, image.height as usize);
    let padded_width = padded(image.width, format.multiple) as usize;
    let padded_height = padded(image.height, format.multiple) as usize;
    debug_assert_eq!(planes.len(), padded_width * padded_height * 3);
    for (channel, plane) in planes.chunks_exact_mut(padded_width * padded_height).enumerate() {
        let scale = format.range / 255.0 / format.deviation[channel];
        let offset = -format.mean[channel] / format.deviation[channel];
        for (y, row) in plane.chunks_exact_mut(padded_width).enumerate() {
            let source = &image.pixels[y.min(height - 1) * width * 3..][..width * 3];
            let (inside, padding) = row.split_at_mut(width);
            for (value, pixel) in inside.iter_mut().zip(source.chunks_exact(3)) {
                *value = f32::from(pixel[channel]).mul_add(scale, offset);
            }
            padding.fill(inside[width - 1]);
        }
    }
}

/// Writes the top left `width` x `height` of three planes of `plane_width` x `plane_height` as packed bytes: scaled
/// from `range`, rounded to nearest and clamped. (pytorch/examples truncates instead, which darkens by half a level.)
///
/// Returns false if a value is not finite; the bytes are then meaningless.
pub fn unpack(
    planes: &[f32],
    (plane_width, plane_height): (usize, usize),
    range: f32,
    (width, height): (usize, usize),
    out: &mut [u8],
) -> bool {
    debug_assert_eq!(out.len(), width * height * 3);
    let scale = 255.0 / range;
    let mut finite = true;
    for (channel, plane) in planes.chunks_exact(plane_width * plane_height).take(3).enumerate() {
        for (y, row) in out.chunks_exact_mut(width * 3).enumerate() {
            let source = &plane[y * plane_width..][..width];
            for (pixel, &value) in row.chunks_exact_mut(3).zip(source) {
                finite &= value.is_finite();
                // `as` saturates at 0 and 255.
                pixel[channel] = value.mul_add(scale, 0.5) as u8;
            }
        }
    }
    finite
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_packing_and_unpacking_at_any_size() {
        for (width, height) in [(1, 1), (3, 5), (4, 4), (9, 2)] {
            for range in [1.0, 255.0] {
                let format = PlanarFormat { range, ..PlanarFormat::PYTORCH_EXAMPLES };
                let pixels: Vec<u8> = (0..width * height * 3).map(|i| (i * 37 % 256) as u8).collect();
                let (pw, ph) = (padded(width, 4) as usize, padded(height, 4) as usize);
                let mut planes = vec![f32::NAN; pw * ph * 3];
                pack(Image { width, height, pixels: &pixels }, &format, &mut planes);
                assert!(planes.iter().all(|value| value.is_finite()), "padding is filled");
                let mut out = vec![0; pixels.len()];
                assert!(unpack(&planes, (pw, ph), range, (width as usize, height as usize), &mut out));
                assert_eq!(out, pixels, "{width}x{height} range {range}");
            }
        }
    }

    #[test]
    fn values_are_rounded_and_clamped() {
        let mut out = [0; 3];
        assert!(unpack(&[-5.0, 99.5, 300.0], (1, 1), 255.0, (1, 1), &mut out));
        assert_eq!(out, [0, 100, 255]);
    }

    #[test]
    fn a_value_that_is_not_finite_is_reported() {
        assert!(!unpack(&[0.0, f32::NAN, 1.0], (1, 1), 255.0, (1, 1), &mut [0; 3]));
    }
}
