//! Luma, and keeping the colours of a photo while its brightness is painted.

/// BT.601 luma weights in units of 1/256; they sum to 256.
const LUMA: [i32; 3] = [77, 150, 29];

/// The BT.601 luma of an RGB `pixel`, 0 to 255.
pub fn luma(pixel: [u8; 3]) -> u8 {
    // The sum fits in 16 bits, so that a loop over pixels takes many at a time.
    let [red, green, blue] = [0, 1, 2].map(|channel| LUMA[channel] as u16 * u16::from(pixel[channel]));
    ((red + green + blue + 128) >> 8) as u8
}

/// Gives `painted` the chroma of `original`. Each pixel becomes the original's, with R, G and B shifted by the same
/// amount so that its luma is the painting's.
///
/// Cb and Cr are differences from luma, so an equal shift does not change them unless a channel clips. This is the
/// luminance-only transfer of Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer", section 3.2, in
/// one pass and without a colour space conversion.
pub fn keep_chroma(original: &[u8], painted: &mut [u8]) {
    debug_assert_eq!(original.len(), painted.len());
    for (from, to) in original.chunks_exact(3).zip(painted.chunks_exact_mut(3)) {
        let difference: i32 = (0..3).map(|c| LUMA[c] * (i32::from(to[c]) - i32::from(from[c]))).sum();
        let shift = (difference + 128) >> 8;
        for (to, &from) in to.iter_mut().zip(from) {
            *to = (i32::from(from) + shift).clamp(0, 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_comes_from_the_painting_and_chroma_from_the_original() {
        let original = [120, 100, 90, 60, 70, 80];
        let painting = [100, 140, 120, 90, 60, 70];
        let mut out = painting;
        keep_chroma(&original, &mut out);
        for pixel in 0..2 {
            let (o, p, r) = (&original[pixel * 3..][..3], &painting[pixel * 3..][..3], &out[pixel * 3..][..3]);
            assert!(luma(r.try_into().unwrap()).abs_diff(luma(p.try_into().unwrap())) <= 1);
            assert_eq!(i32::from(r[0]) - i32::from(r[1]), i32::from(o[0]) - i32::from(o[1]));
            assert_eq!(i32::from(r[2]) - i32::from(r[1]), i32::from(o[2]) - i32::from(o[1]));
        }
    }
}
