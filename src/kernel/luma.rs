//! A small grey copy of a picture, for finding motion.

use crate::frame::Image;

/// Most samples of a pixel of the copy, across and down. Reading all pixels of a large frame would take longer than everything
/// else that finds motion.
const ACROSS: usize = 4;
const DOWN: usize = 4;

/// Writes the luma of `image`, 0 to 255, at `columns` x `rows` pixels, no more than it has itself.
///
/// Each pixel is the mean of up to [`ACROSS`] x [`DOWN`] samples spread over its area.
pub fn shrink(image: Image<'_>, columns: usize, rows: usize, out: &mut [f32]) {
    let (width, height) = (image.width as usize, image.height as usize);
    let samples = |side: usize, cells: usize, most: usize| (side / cells).clamp(1, most);
    let (across, down) = (samples(width, columns, ACROSS), samples(height, rows, DOWN));
    // In the middle of equal parts of the pixel's area.
    let place = |at: usize, side: usize, parts: usize| (2 * at + 1) * side / (2 * parts);
    let bytes: Vec<usize> = (0..columns * across).map(|at| 3 * place(at, width, columns * across)).collect();
    let scale = 1.0 / (4 * across * down) as f32;
    let mut sums = vec![0u32; columns];
    for (row, out) in out.chunks_exact_mut(columns).take(rows).enumerate() {
        sums.fill(0);
        for sample in 0..down {
            let line = &image.pixels[place(row * down + sample, height, rows * down) * width * 3..][..width * 3];
            for (sum, bytes) in sums.iter_mut().zip(bytes.chunks_exact(across)) {
                *sum += bytes
                    .iter()
                    .map(|&at| u32::from(line[at]) + 2 * u32::from(line[at + 1]) + u32::from(line[at + 2]))
                    .sum::<u32>();
            }
        }
        for (out, &sum) in out.iter_mut().zip(&sums) {
            *out = sum as f32 * scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pixel_is_the_mean_of_its_area() {
        let (width, height) = (24, 8);
        let pixels: Vec<u8> = (0..width * height).flat_map(|at| [(at % width / 4 * 10) as u8; 3]).collect();
        let mut out = [0.0; 12];
        shrink(Image { width, height, pixels: &pixels }, 6, 2, &mut out);
        assert_eq!(out, [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
    }

    #[test]
    fn any_size_down_to_one_pixel_is_read() {
        for (width, height) in [(1, 1), (3, 2), (7, 900), (1000, 3)] {
            let pixels = vec![90; width * height * 3];
            let (columns, rows) = (width.min(5), height.min(5));
            let mut out = vec![0.0; columns * rows];
            shrink(Image { width: width as u32, height: height as u32, pixels: &pixels }, columns, rows, &mut out);
            assert!(out.iter().all(|&value| value == 90.0), "{width}x{height}: {out:?}");
        }
    }
}
