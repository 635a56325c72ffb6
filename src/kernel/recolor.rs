//! Gives a painting the colours of a photo: Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer".

use super::color::luma;

/// Mean and covariance of a picture's colours.
struct Colors {
    mean: [f64; 3],
    covariance: [[f64; 3]; 3],
}

impl Colors {
    fn of(pixels: &[u8]) -> Self {
        let (pixels, _) = pixels.as_chunks::<3>();
        let count = pixels.len().max(1) as f64;
        let mut mean = [0.0; 3];
        let mut covariance = [[0.0; 3]; 3];
        for pixel in pixels {
            (0..3).for_each(|c| mean[c] += f64::from(pixel[c]) / count);
        }
        for pixel in pixels {
            let off: [f64; 3] = std::array::from_fn(|c| f64::from(pixel[c]) - mean[c]);
            for row in 0..3 {
                (0..3).for_each(|column| covariance[row][column] += off[row] * off[column] / count);
            }
        }
        // The covariance of a single colour is singular. This makes it invertible and changes nothing visible.
        (0..3).for_each(|c| covariance[c][c] += 1.0);
        Self { mean, covariance }
    }
}

/// Gives `painting` the colour mean and covariance of `photo`. Uses the symmetric map (the paper's "image analogies"
/// variant, section 3.1), which changes colours least.
pub fn match_colors(photo: &[u8], painting: &mut [u8]) {
    let (to, from) = (Colors::of(photo), Colors::of(painting));
    let spread = power(&to.covariance, 0.5);
    let white = power(&from.covariance, -0.5);
    let map = product(&spread, &white);
    for pixel in painting.as_chunks_mut::<3>().0 {
        let off: [f64; 3] = std::array::from_fn(|c| f64::from(pixel[c]) - from.mean[c]);
        *pixel = std::array::from_fn(|c| {
            let value: f64 = (0..3).map(|k| map[c][k] * off[k]).sum::<f64>() + to.mean[c];
            value.round().clamp(0.0, 255.0) as u8
        });
    }
}

/// Makes both pictures grey and gives `painting` the mean and standard deviation of the photo's brightness (section
/// 3.2).
pub fn match_brightness(photo: &mut [u8], painting: &mut [u8]) {
    let spread = |pixels: &mut [u8]| {
        for pixel in pixels.as_chunks_mut::<3>().0 {
            *pixel = [luma(*pixel); 3];
        }
        let count = (pixels.len() / 3).max(1) as f64;
        let greys = || pixels.iter().step_by(3).map(|&grey| f64::from(grey));
        let mean = greys().sum::<f64>() / count;
        (mean, (greys().map(|grey| (grey - mean).powi(2)).sum::<f64>() / count).sqrt())
    };
    let ((to_mean, to_spread), (from_mean, from_spread)) = (spread(photo), spread(painting));
    let factor = to_spread / from_spread.max(1.0);
    for byte in painting {
        *byte = ((f64::from(*byte) - from_mean) * factor + to_mean).round().clamp(0.0, 255.0) as u8;
    }
}

fn product(a: &[[f64; 3]; 3], b: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    std::array::from_fn(|row| std::array::from_fn(|column| (0..3).map(|k| a[row][k] * b[k][column]).sum()))
}

/// A power of a symmetric positive matrix, from its eigenvectors (Jacobi rotations).
fn power(matrix: &[[f64; 3]; 3], exponent: f64) -> [[f64; 3]; 3] {
    let mut a = *matrix;
    let mut vectors = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for _ in 0..12 {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q].abs() < 1e-12 {
                continue;
            }
            let angle = 0.5 * (2.0 * a[p][q]).atan2(a[q][q] - a[p][p]);
            let (sin, cos) = angle.sin_cos();
            let mut turn = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
            (turn[p][p], turn[q][q], turn[p][q], turn[q][p]) = (cos, cos, sin, -sin);
            let transposed = std::array::from_fn(|row| std::array::from_fn(|column| turn[column][row]));
            a = product(&transposed, &product(&a, &turn));
            vectors = product(&vectors, &turn);
        }
    }
    std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            (0..3).map(|k| vectors[row][k] * a[k][k].max(1e-9).powf(exponent) * vectors[column][k]).sum()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(seed: u32, offset: [i32; 3], mix: [[i32; 3]; 3]) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as i32 % 60 - 30
        };
        let mut pixel = || {
            let raw = [next(), next(), next()];
            let value =
                |c: usize| (offset[c] + (0..3).map(|k| mix[c][k] * raw[k]).sum::<i32>() / 2).clamp(0, 255) as u8;
            [value(0), value(1), value(2)]
        };
        (0..4000).flat_map(|_| pixel()).collect()
    }

    #[test]
    fn the_painting_gets_the_photos_mean_and_covariance() {
        let photo = picture(1, [150, 120, 90], [[2, 1, 0], [0, 1, 1], [1, 0, 1]]);
        let mut painting = picture(2, [90, 110, 160], [[1, 0, 0], [0, 2, 0], [1, 0, 1]]);
        match_colors(&photo, &mut painting);
        let (wanted, got) = (Colors::of(&photo), Colors::of(&painting));
        for c in 0..3 {
            assert!((wanted.mean[c] - got.mean[c]).abs() < 1.0);
            for k in 0..3 {
                let scale = (wanted.covariance[c][c] * wanted.covariance[k][k]).sqrt();
                assert!((wanted.covariance[c][k] - got.covariance[c][k]).abs() < 0.03 * scale);
            }
        }
    }

    #[test]
    fn a_painting_of_one_colour_takes_the_photos_mean() {
        let photo = picture(1, [150, 120, 90], [[1, 0, 0], [0, 1, 0], [0, 0, 1]]);
        let mut painting = vec![10; 300];
        match_colors(&photo, &mut painting);
        assert!(
            painting.chunks(3).all(|pixel| pixel[0].abs_diff(149) < 4 && pixel[2].abs_diff(89) < 4),
            "{painting:?}"
        );
    }

    #[test]
    fn brightness_is_matched_on_grey_pictures() {
        let mut photo = picture(1, [180, 170, 160], [[1, 1, 1], [1, 1, 1], [1, 1, 1]]);
        let mut painting = picture(2, [60, 80, 40], [[0, 0, 1], [0, 0, 1], [0, 0, 1]]);
        match_brightness(&mut photo, &mut painting);
        let (wanted, got) = (Colors::of(&photo), Colors::of(&painting));
        assert!(painting.chunks(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));
        assert!((wanted.mean[0] - got.mean[0]).abs() < 1.0);
        assert!((wanted.covariance[0][0].sqrt() - got.covariance[0][0].sqrt()).abs() < 1.0);
    }
}
