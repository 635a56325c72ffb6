//! Converts packed bytes to padded, packed floats and back, for networks exported from TensorFlow.

use super::planar::padded;
use crate::frame::Image;

/// Value range of a network with packed floats. Its inputs are `byte / 255 * range`; output bytes are `value * 255 /
/// range`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PackedFormat {
    /// The value of a white byte: 255 or 1.
    pub range: f32,
    /// Width and height are padded to a multiple of this by repeating the edges; the output is cropped.
    pub multiple: u32,
}

/// The least padded side: reflection padding inside a network needs more pixels than it mirrors.
const LEAST_SIDE: u32 = 32;

impl PackedFormat {
    /// Magenta's arbitrary image stylization: RGB 0 to 1, two convolutions of stride 2.
    pub const MAGENTA: Self = Self { range: 1.0, multiple: 4 };

    /// The padded size of a picture: columns, rows.
    pub fn padded(&self, width: u32, height: u32) -> (usize, usize) {
        let side = |pixels: u32| padded(pixels.max(LEAST_SIDE), self.multiple) as usize;
        (side(width), side(height))
    }
}

/// Writes `image` as `[H][W][3]` floats at its padded size. The padding repeats the edges.
pub fn pack(image: Image<'_>, format: &PackedFormat, values: &mut [f32]) {
    let (width, height) = (image.width as usize, image.height as usize);
    let (columns, rows) = format.padded(image.width, image.height);
    debug_assert_eq!(values.len(), columns * rows * 3);
    let scale = format.range / 255.0;
    for (y, row) in values.chunks_exact_mut(columns * 3).enumerate() {
        let source = &image.pixels[y.min(height - 1) * width * 3..][..width * 3];
        let (inside, padding) = row.split_at_mut(width * 3);
        inside.iter_mut().zip(source).for_each(|(value, &byte)| *value = f32::from(byte) * scale);
        let edge = &inside[(width - 1) * 3..];
        padding.chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(edge));
    }
}

/// Writes the top left `width` x `height` of `values`, `[H][columns][3]`, as packed bytes: scaled from `range`, rounded
/// to nearest and clamped.
///
/// Returns false if a value is not finite; the bytes are then meaningless.
pub fn unpack(values: &[f32], columns: usize, range: f32, (width, height): (usize, usize), out: &mut [u8]) -> bool {
    debug_assert_eq!(out.len(), width * height * 3);
    let scale = 255.0 / range;
    let mut finite = true;
    for (row, source) in out.chunks_exact_mut(width * 3).zip(values.chunks_exact(columns * 3)) {
        for (byte, &value) in row.iter_mut().zip(source) {
            finite &= value.is_finite();
            // `as` saturates at 0 and 255.
            *byte = value.mul_add(scale, 0.5) as u8;
        }
    }
    finite
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_packing_and_unpacking_at_any_size() {
        for (width, height) in [(1, 1), (3, 50), (32, 32), (41, 2)] {
            for range in [1.0, 255.0] {
                let format = PackedFormat { range, multiple: 4 };
                let pixels: Vec<u8> = (0..width * height * 3).map(|i| (i * 37 % 256) as u8).collect();
                let (columns, rows) = format.padded(width, height);
                assert!(columns % 4 == 0 && rows % 4 == 0 && columns.min(rows) >= 32);
                let mut values = vec![f32::NAN; columns * rows * 3];
                pack(Image { width, height, pixels: &pixels }, &format, &mut values);
                assert!(values.iter().all(|value| value.is_finite()), "padding is filled");
                let last = &pixels[pixels.len() - 3..];
                assert!(
                    values[values.len() - 3..]
                        .iter()
                        .zip(last)
                        .all(|(v, b)| (v * 255.0 / range - f32::from(*b)).abs() < 0.01)
                );
                let mut out = vec![0; pixels.len()];
                assert!(unpack(&values, columns, range, (width as usize, height as usize), &mut out));
                assert_eq!(out, pixels, "{width}x{height} range {range}");
            }
        }
    }

    #[test]
    fn values_are_rounded_clamped_and_checked() {
        let mut out = [0; 3];
        assert!(unpack(&[-5.0, 99.5, 300.0], 1, 255.0, (1, 1), &mut out));
        assert_eq!(out, [0, 100, 255]);
        assert!(!unpack(&[0.0, f32::NAN, 1.0], 1, 1.0, (1, 1), &mut out));
    }
}
