//! Restores the edges that a picture loses when it is painted at a smaller size and scaled up. They come from the
//! original.
//!
//! A painting follows the edges of the picture it shows. In each neighbourhood, its brightness is close to a linear
//! function of the original's: `painted = a * original + b` (the model of the guided filter, He, Sun and Tang 2013,
//! section 3). The slope `a`, fitted at the small size, says how much of the original's lost detail belongs in the
//! painting. That detail is the original minus a copy that was scaled down and up. Unlike the guided filter, this adds
//! only the detail, so the strokes stay as they were painted.

use crate::error::Result;
use crate::frame::Image;
use crate::kernel::color::luma;
use crate::kernel::resize::Resizer;

/// Radius, in pixels of the small picture, of the square that a slope is fitted in.
const RADIUS: usize = 2;

/// The guided filter's epsilon. A neighbourhood whose brightness (0 to 255) has a smaller variance counts as flat, and
/// its detail as noise: 4 levels squared.
const NOISE: f32 = 16.0;

/// Steeper slopes are clamped: they arise by chance where busy strokes cover a flat original.
const STEEPEST: f32 = 1.0;

/// Restores edges. Keeps its buffers between pictures.
#[derive(Default)]
pub struct Edges {
    sums: Sums,
    /// For each pixel of the small picture: the original's brightness, and the painting's slope over it as a byte (128
    /// is 0).
    dim: Vec<u8>,
    slopes: Vec<u8>,
    /// Both scaled up to the full size.
    wide_dim: Vec<u8>,
    wide_slopes: Vec<u8>,
}

impl Edges {
    /// Adds to `painted` the edges that were lost when `small_painted`, the painting of `small`, was scaled up to the
    /// size of `original`. `painted` and `original` have the same size.
    ///
    /// # Errors
    /// Those of [`Resizer::plane`].
    pub fn restore(
        &mut self,
        original: Image<'_>,
        small: Image<'_>,
        small_painted: &[u8],
        resizer: &mut Resizer,
        painted: &mut [u8],
    ) -> Result<()> {
        brightness(small.pixels, &mut self.dim);
        self.sums.slopes(&self.dim, small_painted, small.width as usize, &mut self.slopes);
        let (from, to) = ((small.width, small.height), (original.width, original.height));
        for (plane, wide) in [(&self.dim, &mut self.wide_dim), (&self.slopes, &mut self.wide_slopes)] {
            wide.resize(painted.len() / 3, 0);
            resizer.plane(plane, from, to, wide)?;
        }
        add_detail(original.pixels, &self.wide_dim, &self.wide_slopes, painted);
        Ok(())
    }
}

/// Adds `slope * (original - dim)` in brightness to `painted`. `original` and `painted` are packed RGB; `slopes` is
/// encoded as by [`Sums::slopes`].
fn add_detail(original: &[u8], dim: &[u8], slopes: &[u8], painted: &mut [u8]) {
    let pixels = original.as_chunks::<3>().0.iter().zip(dim).zip(slopes);
    for (((original, &dim), &slope), painted) in pixels.zip(painted.as_chunks_mut::<3>().0) {
        let detail = i32::from(luma(*original)) - i32::from(dim);
        let added = ((i32::from(slope) - 128) * detail) >> 7;
        *painted = painted.map(|channel| (i32::from(channel) + added).clamp(0, 255) as u8);
    }
}

fn brightness(pixels: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend(pixels.as_chunks::<3>().0.iter().map(|pixel| luma(*pixel)));
}

/// Box means over the neighbourhood of each pixel.
#[derive(Default)]
struct Sums {
    original: Vec<f32>,
    painted: Vec<f32>,
    squares: Vec<f32>,
    products: Vec<f32>,
    line: Vec<f32>,
}

impl Sums {
    /// Fills `slopes` with the slope of the brightness of `painted` (packed RGB, `width` columns) over `original`,
    /// fitted around each pixel. A byte of 1 to 255 stands for -1 to 1.
    fn slopes(&mut self, original: &[u8], painted: &[u8], width: usize, slopes: &mut Vec<u8>) {
        self.original.clear();
        self.original.extend(original.iter().map(|&value| f32::from(value)));
        self.painted.clear();
        self.painted.extend(painted.as_chunks::<3>().0.iter().map(|pixel| f32::from(luma(*pixel))));
        self.squares.clear();
        self.squares.extend(self.original.iter().map(|value| value * value));
        self.products.clear();
        self.products.extend(self.original.iter().zip(&self.painted).map(|(a, b)| a * b));
        for values in [&mut self.original, &mut self.painted, &mut self.squares, &mut self.products] {
            box_mean(values, width, &mut self.line);
        }
        slopes.clear();
        let means = self.original.iter().zip(&self.painted).zip(self.squares.iter().zip(&self.products));
        slopes.extend(means.map(|((original, painted), (square, product))| {
            let (variance, covariance) = (square - original * original, product - original * painted);
            let slope = (covariance / (variance.max(0.0) + NOISE)).clamp(-STEEPEST, STEEPEST);
            (128.5 + slope * 127.0) as u8
        }));
    }
}

/// Replaces each value with the mean of the square around it. Beyond the border, the edge values repeat.
fn box_mean(values: &mut [f32], width: usize, line: &mut Vec<f32>) {
    let height = values.len() / width.max(1);
    let share = 1.0 / (2 * RADIUS + 1) as f32;
    for row in values.chunks_exact_mut(width.max(1)) {
        // Pads the row with its end values, then adds five shifted copies, which vectorises.
        line.clear();
        line.extend([row[0]; RADIUS]);
        line.extend_from_slice(row);
        line.extend([row[width - 1]; RADIUS]);
        row.fill(0.0);
        for shift in 0..=2 * RADIUS {
            row.iter_mut().zip(&line[shift..]).for_each(|(sum, value)| *sum += value);
        }
        row.iter_mut().for_each(|sum| *sum *= share);
    }
    // Vertically, keeps running sums of all columns at once, since the pixels of a row are contiguous.
    line.clear();
    line.extend_from_slice(values);
    let row = |y: usize| {
        let y = y.saturating_sub(RADIUS).min(height - 1);
        &line[y * width..(y + 1) * width]
    };
    let mut sums = vec![0.0; width];
    let add = |y: usize, sign: f32, sums: &mut Vec<f32>| {
        sums.iter_mut().zip(row(y)).for_each(|(sum, value)| *sum += sign * value);
    };
    (0..2 * RADIUS).filter(|_| height > 0).for_each(|y| add(y, 1.0, &mut sums));
    for (y, out) in values.chunks_exact_mut(width.max(1)).enumerate() {
        add(y + 2 * RADIUS, 1.0, &mut sums);
        out.iter_mut().zip(&sums).for_each(|(out, sum)| *out = sum * share);
        add(y, -1.0, &mut sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dark left of column `border`, light from there on.
    fn step(width: u32, height: u32, border: u32, (dark, light): (u8, u8)) -> Vec<u8> {
        let value = |x: u32| if x < border { dark } else { light };
        (0..height).flat_map(|_| (0..width).flat_map(|x| [value(x); 3])).collect()
    }

    #[test]
    fn a_box_mean_is_the_mean_of_the_square() {
        let mut values: Vec<f32> = (0..63).map(|place| (place * place % 17) as f32).collect();
        let plain = values.clone();
        box_mean(&mut values, 9, &mut Vec::new());
        let mean = |x: i64, y: i64| -> f32 {
            let at = |x: i64, y: i64| plain[(y.clamp(0, 6) * 9 + x.clamp(0, 8)) as usize];
            (-2..=2).flat_map(|dy| (-2..=2).map(move |dx| (dx, dy))).map(|(dx, dy)| at(x + dx, y + dy)).sum::<f32>()
                / 25.0
        };
        for (place, value) in (0..).zip(&values) {
            let expected = mean(place % 9, place / 9);
            assert!((value - expected).abs() < 1e-3, "{place}: {value}, not {expected}");
        }
    }

    #[test]
    fn a_painted_edge_gets_sharper_even_where_the_painting_swaps_light_and_dark() {
        for tones in [(60, 160), (200, 80)] {
            let original = step(64, 32, 31, (40, 220));
            let small = step(32, 16, 16, (40, 220));
            let small_painted = step(32, 16, 16, tones);
            let (mut resizer, mut edges) = (Resizer::default(), Edges::default());
            let mut painted = vec![0; original.len()];
            let small_image = |pixels| Image { width: 32, height: 16, pixels };
            resizer.resize(small_image(&small_painted), 64, 32, &mut painted).unwrap();
            // An ideal painting has its edge where the original has it.
            let truth = step(64, 32, 31, tones);
            let error =
                |painted: &[u8]| -> u32 { painted.iter().zip(&truth).map(|(a, b)| u32::from(a.abs_diff(*b))).sum() };
            let before = error(&painted);
            let original = Image { width: 64, height: 32, pixels: &original };
            edges.restore(original, small_image(&small), &small_painted, &mut resizer, &mut painted).unwrap();
            assert!(error(&painted) * 2 < before, "{tones:?}: {} of {before}", error(&painted));
        }
    }

    #[test]
    fn a_flat_original_leaves_the_painting_alone() {
        let small = vec![128; 16 * 16 * 3];
        let small_painted: Vec<u8> = (0..16 * 16 * 3).map(|place| (place * 31 % 256) as u8).collect();
        let original = vec![128; 32 * 32 * 3];
        let (mut resizer, mut painted) = (Resizer::default(), vec![77; 32 * 32 * 3]);
        let (original, small) =
            (Image { width: 32, height: 32, pixels: &original }, Image { width: 16, height: 16, pixels: &small });
        Edges::default().restore(original, small, &small_painted, &mut resizer, &mut painted).unwrap();
        assert!(painted.iter().all(|&value| value == 77));
    }
}
