//! Adds grain to the flat parts of a picture, for networks that have no input for it.

use super::grain::{CELL, CHANNELS};
use crate::frame::Image;

/// Standard deviation of the grain where the picture is flat, in levels.
const GRAIN: f32 = 4.0;
/// Standard deviation of the light around a cell, in levels, at which half of the grain is added.
const FLAT: f32 = 2.5;
/// Variances are this much wrong where the camera or the encoder rounds to whole levels.
const ROUNDING: f32 = 1.0 / 12.0;

/// Buffers, kept from frame to frame.
#[derive(Default)]
pub struct Roughener {
    /// Mean and mean square of the light in each cell.
    light: Vec<[f32; 2]>,
    /// What is added in the middle of each cell, in levels.
    added: Vec<f32>,
    /// The same along one row of pixels, between the rows of cells.
    line: Vec<f32>,
}

impl Roughener {
    /// Writes `image` with grain on its flat parts to `out`. `grain` holds [`CHANNELS`] numbers for each cell of [`CELL`] x
    /// [`CELL`] pixels; the first of them counts.
    ///
    /// On a flat part, a network without grain can only repeat one texture, a weave. From faint grain it paints strokes.
    pub fn roughen(&mut self, image: Image<'_>, grain: &[f32], out: &mut [u8]) {
        let (width, height) = (image.width as usize, image.height as usize);
        let cell = CELL as usize;
        let (columns, rows) = (width.div_ceil(cell), height.div_ceil(cell));
        debug_assert_eq!((grain.len(), out.len()), (columns * rows * CHANNELS, image.pixels.len()));
        self.measure(image, columns, rows);
        self.added.clear();
        self.added.extend((0..columns * rows).map(|place| {
            let ratio = variance(&self.light, place, columns, rows) / (FLAT * FLAT);
            GRAIN * grain[place * CHANNELS] / (1.0 + ratio * ratio)
        }));
        for (y, (line, out)) in image.pixels.chunks_exact(width * 3).zip(out.chunks_exact_mut(width * 3)).enumerate() {
            let (above, below, share) = between(y, rows);
            self.line.clear();
            let pair = self.added[above * columns..][..columns].iter().zip(&self.added[below * columns..][..columns]);
            self.line.extend(pair.map(|(&above, &below)| above + share * (below - above)));
            for (x, (pixel, out)) in line.chunks_exact(3).zip(out.chunks_exact_mut(3)).enumerate() {
                let (left, right, share) = between(x, columns);
                let added = (self.line[left] + share * (self.line[right] - self.line[left])).round() as i16;
                for (out, &value) in out.iter_mut().zip(pixel) {
                    *out = (i16::from(value) + added).clamp(0, 255) as u8;
                }
            }
        }
    }

    fn measure(&mut self, image: Image<'_>, columns: usize, rows: usize) {
        let (cell, stride) = (CELL as usize, image.width as usize * 3);
        self.light.clear();
        self.light.resize(columns * rows, [0.0; 2]);
        for (lines, cells) in image.pixels.chunks(stride * cell).zip(self.light.chunks_exact_mut(columns)) {
            for line in lines.chunks_exact(stride) {
                for (part, [mean, square]) in line.chunks(3 * cell).zip(cells.iter_mut()) {
                    for pixel in part.chunks_exact(3) {
                        let light =
                            f32::from(u16::from(pixel[0]) + 2 * u16::from(pixel[1]) + u16::from(pixel[2])) / 4.0;
                        (*mean, *square) = (*mean + light, *square + light * light);
                    }
                }
            }
            let down = lines.len() / stride;
            for (column, [mean, square]) in cells.iter_mut().enumerate() {
                let across = cell.min(image.width as usize - column * cell);
                let count = (down * across) as f32;
                (*mean, *square) = (*mean / count, *square / count);
            }
        }
    }
}

/// The variance of the light in a cell and those around it.
fn variance(light: &[[f32; 2]], place: usize, columns: usize, rows: usize) -> f32 {
    let around = |at: usize, count: usize| at.saturating_sub(1)..(at + 2).min(count);
    let (mut mean, mut square, mut count) = (0.0, 0.0, 0.0);
    for row in around(place / columns, rows) {
        for column in around(place % columns, columns) {
            let cell = light[row * columns + column];
            (mean, square, count) = (mean + cell[0], square + cell[1], count + 1.0);
        }
    }
    let mean = mean / count;
    (square / count - mean * mean - ROUNDING).max(0.0)
}

/// The two cells whose middles a pixel lies between, and how far it is from the first to the second.
fn between(pixel: usize, cells: usize) -> (usize, usize, f32) {
    let place = (pixel as f32 + 0.5) / CELL as f32 - 0.5;
    let first = place.floor();
    let within = |at: f32| at.clamp(0.0, (cells - 1) as f32) as usize;
    (within(first), within(first + 1.0), place - first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roughened(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
        let cells = (width.div_ceil(CELL) * height.div_ceil(CELL)) as usize;
        let grain: Vec<f32> =
            (0..cells * CHANNELS).map(|at| if (at / CHANNELS).is_multiple_of(2) { 1.0 } else { -1.0 }).collect();
        let mut out = vec![0; pixels.len()];
        Roughener::default().roughen(Image { width, height, pixels }, &grain, &mut out);
        out
    }

    #[test]
    fn flat_parts_get_grain() {
        let out = roughened(61, 33, &vec![100; 61 * 33 * 3]);
        let (least, most) = (out.iter().min().unwrap(), out.iter().max().unwrap());
        // Between the middles of two cells there is less.
        assert!(least.abs_diff(100 - GRAIN as u8) <= 1 && most.abs_diff(100 + GRAIN as u8) <= 1, "{least} to {most}");
        assert!(out.chunks_exact(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]), "colours are kept");
    }

    #[test]
    fn parts_with_detail_stay_as_they_are() {
        let pixels: Vec<u8> = (0..64 * 40).flat_map(|place| [if place % 3 > 0 { 140 } else { 60 }; 3]).collect();
        assert_eq!(roughened(64, 40, &pixels), pixels);
    }

    #[test]
    fn black_and_white_stay_in_range_and_any_size_works() {
        for (width, height) in [(1, 1), (2, 9), (5, 1), (4, 4)] {
            for value in [0, 255] {
                let out = roughened(width, height, &vec![value; (width * height * 3) as usize]);
                assert!(out.iter().all(|&own| own.abs_diff(value) <= GRAIN as u8), "{width}x{height} {value}: {out:?}");
            }
        }
    }
}
