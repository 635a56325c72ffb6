//! RGB to YUYV, what virtual cameras are given: two pixels in four bytes, luma of each and the chroma of both.

use crate::frame::Image;

/// Fixed point: 8 bits of luma's range, then BT.601 in 65536ths, limited range (16 to 235, 16 to 240), as webcams give it.
const Y: [i32; 3] = [16829, 33039, 6416];
const U: [i32; 3] = [-9714, -19071, 28784];
const V: [i32; 3] = [28784, -24103, -4681];

/// Fills `out` with `image`; an odd last column is given twice. `out` gets `2 * (width rounded up to even) * height` bytes.
pub fn from_rgb(image: Image<'_>, out: &mut Vec<u8>) {
    out.clear();
    for row in image.pixels.chunks_exact((image.width as usize * 3).max(1)) {
        let (pixels, _) = row.as_chunks::<3>();
        for pair in pixels.chunks(2) {
            let (left, right) = (pair[0], *pair.last().unwrap_or(&pair[0]));
            let sum: [i32; 3] = std::array::from_fn(|c| i32::from(left[c]) + i32::from(right[c]));
            out.extend([luma(left), chroma(U, sum), luma(right), chroma(V, sum)]);
        }
    }
}

fn weigh(weights: [i32; 3], values: [i32; 3]) -> i32 {
    weights.iter().zip(values).map(|(weight, value)| weight * value).sum()
}

fn luma(pixel: [u8; 3]) -> u8 {
    (16 + ((weigh(Y, pixel.map(i32::from)) + (1 << 15)) >> 16)) as u8
}

/// Of two pixels, whose channels are added.
fn chroma(weights: [i32; 3], sum: [i32; 3]) -> u8 {
    (128 + ((weigh(weights, sum) + (1 << 16)) >> 17)).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(width: u32, pixels: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        from_rgb(Image { width, height: pixels.len() as u32 / width / 3, pixels }, &mut out);
        out
    }

    #[test]
    fn known_colours_have_their_known_numbers() {
        // ITU-R BT.601, limited range.
        for (rgb, yuv) in [
            ([0, 0, 0], [16, 128, 128]),
            ([255, 255, 255], [235, 128, 128]),
            ([255, 0, 0], [81, 90, 240]),
            ([0, 255, 0], [145, 54, 34]),
            ([0, 0, 255], [41, 240, 110]),
        ] {
            let pixels = [rgb, rgb].concat();
            for (found, expected) in of(2, &pixels).iter().zip([yuv[0], yuv[1], yuv[0], yuv[2]]) {
                assert!(found.abs_diff(expected) <= 1, "{rgb:?}: {:?}, not {yuv:?}", of(2, &pixels));
            }
        }
    }

    #[test]
    fn two_pixels_share_the_mean_of_their_colours_and_an_odd_column_is_given_twice() {
        let bytes = of(2, &[255, 0, 0, 0, 0, 255]);
        assert_eq!((bytes[0], bytes[2]), (81, 41));
        assert!(bytes[1].abs_diff(165) <= 1 && bytes[3].abs_diff(175) <= 1, "{bytes:?}");
        assert_eq!(of(3, &[10; 18]).len(), 2 * 4 * 2);
    }
}
