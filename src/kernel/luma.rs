//! A small grey copy of a picture, for finding motion.

use crate::frame::Image;

/// Most samples of a pixel of the copy, across and down. Reading all pixels of a large frame would take longer than everything
/// else that finds motion.
const ACROSS: usize = 4;
const DOWN: usize = 4;

/// Single pixels of a picture, evenly spread: they show texture too fine for the copy.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// Luma, 0 to 255, row by row.
    pub values: Vec<u8>,
    /// Samples of a pixel of the copy, across and down.
    pub across: usize,
    /// See `across`.
    pub down: usize,
}

/// Writes the luma of `image`, 0 to 255, at `columns` x `rows` pixels, no more than it has itself.
///
/// Each pixel is the mean of up to [`ACROSS`] x [`DOWN`] `samples` spread over its area.
pub fn shrink(image: Image<'_>, columns: usize, rows: usize, samples: &mut Samples, out: &mut [f32]) {
    let (width, height) = (image.width as usize, image.height as usize);
    let count = |side: usize, cells: usize, most: usize| (side / cells).clamp(1, most);
    let (across, down) = (count(width, columns, ACROSS), count(height, rows, DOWN));
    (samples.across, samples.down) = (across, down);
    samples.values.clear();
    samples.values.reserve(columns * across * rows * down);
    // In the middle of equal parts of the pixel's area.
    let place = |at: usize, side: usize, parts: usize| (2 * at + 1) * side / (2 * parts);
    let bytes: Vec<usize> = (0..columns * across).map(|at| 3 * place(at, width, columns * across)).collect();
    for row in 0..rows * down {
        let line = &image.pixels[place(row, height, rows * down) * width * 3..][..width * 3];
        samples.values.extend(bytes.iter().map(|&at| {
            let sum = u16::from(line[at]) + 2 * u16::from(line[at + 1]) + u16::from(line[at + 2]);
            (sum / 4) as u8
        }));
    }
    let scale = 1.0 / (across * down) as f32;
    let lines = samples.values.chunks_exact(columns * across * down);
    for (out, lines) in out.chunks_exact_mut(columns).zip(lines) {
        out.fill(0.0);
        for line in lines.chunks_exact(columns * across) {
            for (out, values) in out.iter_mut().zip(line.chunks_exact(across)) {
                *out += f32::from(values.iter().map(|&value| u16::from(value)).sum::<u16>());
            }
        }
        out.iter_mut().for_each(|out| *out *= scale);
    }
}

/// How far the samples show that each square of `side` pixels of the copy stands still: 0 (nothing shows it) to 1. A square with
/// fine texture that differs much less from the frame before than from its own neighbourhood has not moved.
pub fn stillness(now: &Samples, before: &Samples, columns: usize, side: usize, out: &mut Vec<f32>) {
    out.clear();
    let stride = columns * now.across;
    if now.values.len() != before.values.len() || stride < 2 {
        return;
    }
    let (wide, high) = (side * now.across, side * now.down);
    let cells = columns.div_ceil(side);
    let mut sums = vec![[0u32; 3]; cells];
    for (now, before) in now.values.chunks(stride * high).zip(before.values.chunks(stride * high)) {
        sums.fill([0; 3]);
        for (line, old) in now.chunks_exact(stride).zip(before.chunks_exact(stride)) {
            for ((sums, line), old) in sums.iter_mut().zip(line.chunks(wide)).zip(old.chunks(wide)) {
                let apart: u32 = line.iter().zip(old).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
                let texture: u32 = line.iter().zip(&line[1..]).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
                *sums = [sums[0] + apart, sums[1] + texture, sums[2] + line.len() as u32];
            }
        }
        out.extend(sums.iter().map(|&[apart, texture, count]| {
            let (apart, texture) = (apart as f32 / count as f32, texture as f32 / count as f32);
            if texture < FINE { 0.0 } else { ((0.8 - apart / texture) / 0.3).clamp(0.0, 1.0) }
        }));
    }
}

/// Samples that differ less from their neighbours, in levels, show nothing.
const FINE: f32 = 0.3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pixel_is_the_mean_of_its_area() {
        let (width, height) = (24, 8);
        let pixels: Vec<u8> = (0..width * height).flat_map(|at| [(at % width / 4 * 10) as u8; 3]).collect();
        let mut out = [0.0; 12];
        shrink(Image { width, height, pixels: &pixels }, 6, 2, &mut Samples::default(), &mut out);
        assert_eq!(out, [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
    }

    #[test]
    fn any_size_down_to_one_pixel_is_read() {
        for (width, height) in [(1, 1), (3, 2), (7, 900), (1000, 3)] {
            let pixels = vec![90; width * height * 3];
            let (columns, rows) = (width.min(5), height.min(5));
            let mut out = vec![0.0; columns * rows];
            let image = Image { width: width as u32, height: height as u32, pixels: &pixels };
            shrink(image, columns, rows, &mut Samples::default(), &mut out);
            assert!(out.iter().all(|&value| value == 90.0), "{width}x{height}: {out:?}");
        }
    }

    #[test]
    fn fine_texture_that_has_not_moved_stands_still_and_plain_areas_show_nothing() {
        let texture = |at: usize, moved: usize| ((at + moved) * 7919 % 61) as u8 + 60;
        let samples = |moved: usize, plain: bool| Samples {
            values: (0..64 * 64).map(|at| if plain { 90 } else { texture(at, moved) }).collect(),
            across: 2,
            down: 2,
        };
        let mut out = Vec::new();
        for (moved, plain, expected) in [(0, false, 1.0), (3, false, 0.0), (0, true, 0.0)] {
            stillness(&samples(moved, plain), &samples(0, plain), 32, 4, &mut out);
            assert_eq!(out, vec![expected; 64], "moved by {moved}, plain: {plain}");
        }
    }
}
