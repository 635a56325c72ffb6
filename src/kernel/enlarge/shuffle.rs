//! Moves bytes about, 16 at a time: from packed colours to planes and back, and from a row to a longer one.
//!
//! `WIDE` says that a processor of the x86 family has AVX2. Where there is no instruction for it, the same is done byte by
//! byte.

use crate::kernel::color::luma;

/// Bytes that are moved at a time.
pub const CHUNK: usize = 16;

/// The place of a byte that is 0.
const NONE: u8 = 0x80;

/// The bytes at `places`, which are below [`CHUNK`] or [`NONE`].
#[inline(always)]
pub fn pick<const WIDE: bool>(from: &[u8; CHUNK], places: &[u8; CHUNK]) -> [u8; CHUNK] {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_mm_loadu_si128, _mm_shuffle_epi8, _mm_storeu_si128};

        #[target_feature(enable = "avx2")]
        #[inline]
        fn shuffle(from: &[u8; CHUNK], places: &[u8; CHUNK]) -> [u8; CHUNK] {
            let mut out = [0; CHUNK];
            // SAFETY: each has 16 bytes.
            unsafe {
                let (from, places) = (_mm_loadu_si128(from.as_ptr().cast()), _mm_loadu_si128(places.as_ptr().cast()));
                _mm_storeu_si128(out.as_mut_ptr().cast(), _mm_shuffle_epi8(from, places));
            }
            out
        }
        if WIDE {
            // SAFETY: the processor has AVX2.
            return unsafe { shuffle(from, places) };
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        use std::arch::aarch64::{vld1q_u8, vqtbl1q_u8, vst1q_u8};

        let mut out = [0; CHUNK];
        // SAFETY: each has 16 bytes, and every such processor has NEON.
        unsafe { vst1q_u8(out.as_mut_ptr(), vqtbl1q_u8(vld1q_u8(from.as_ptr()), vld1q_u8(places.as_ptr()))) };
        out
    }
    #[cfg(not(target_arch = "aarch64"))]
    places.map(|place| if place == NONE { 0 } else { from[usize::from(place) % CHUNK] })
}

/// Three chunks: of packed pixels, or of one colour each.
type Three = [[u8; CHUNK]; 3];

/// Puts each result together from all `parts`, by its places in each.
#[inline(always)]
fn join<const WIDE: bool>(parts: &Three, places: &[Three; 3]) -> Three {
    let mut results = [[0; CHUNK]; 3];
    for (result, places) in results.iter_mut().zip(places) {
        for (part, places) in parts.iter().zip(places) {
            let picked = pick::<WIDE>(part, places);
            for at in 0..CHUNK {
                result[at] |= picked[at];
            }
        }
    }
    results
}

/// The colours of packed pixels.
#[inline(always)]
fn separate<const WIDE: bool>(pixels: &Three) -> Three {
    const PLACES: [Three; 3] = {
        let mut places = [[[NONE; CHUNK]; 3]; 3];
        let mut at = 0;
        while at < CHUNK * 3 {
            places[at % 3][at / CHUNK][at / 3] = (at % CHUNK) as u8;
            at += 1;
        }
        places
    };
    join::<WIDE>(pixels, &PLACES)
}

/// Packs colours to pixels.
#[inline(always)]
fn pack<const WIDE: bool>(colors: &Three) -> Three {
    const PLACES: [Three; 3] = {
        let mut places = [[[NONE; CHUNK]; 3]; 3];
        let mut at = 0;
        while at < CHUNK * 3 {
            places[at / CHUNK][at % 3][at % CHUNK] = (at / 3) as u8;
            at += 1;
        }
        places
    };
    join::<WIDE>(colors, &PLACES)
}

/// Spreads a row of packed pixels to a plane for each colour.
#[inline(always)]
pub fn to_planes<const WIDE: bool>(pixels: &[u8], [red, green, blue]: [&mut [u8]; 3]) {
    let (chunks, rest) = pixels.as_chunks::<{ 3 * CHUNK }>();
    let (red, red_rest) = red.as_chunks_mut::<CHUNK>();
    let (green, green_rest) = green.as_chunks_mut::<CHUNK>();
    let (blue, blue_rest) = blue.as_chunks_mut::<CHUNK>();
    for (((chunk, red), green), blue) in chunks.iter().zip(red).zip(green).zip(blue) {
        [*red, *green, *blue] = separate::<WIDE>(&three(chunk));
    }
    let rest = rest.as_chunks().0;
    for (((&pixel, red), green), blue) in rest.iter().zip(red_rest).zip(green_rest).zip(blue_rest) {
        [*red, *green, *blue] = pixel;
    }
}

/// Packs a plane for each colour to a row of pixels, as many as fit.
#[inline(always)]
pub fn from_planes<const WIDE: bool>([red, green, blue]: [&[u8]; 3], pixels: &mut [u8]) {
    let (chunks, rest) = pixels.as_chunks_mut::<{ 3 * CHUNK }>();
    let done = chunks.len() * CHUNK;
    let planes = red.as_chunks().0.iter().zip(green.as_chunks().0).zip(blue.as_chunks().0);
    for (chunk, ((red, green), blue)) in chunks.iter_mut().zip(planes) {
        let packed = pack::<WIDE>(&[*red, *green, *blue]);
        chunk.copy_from_slice(packed.as_flattened());
    }
    let rest = rest.as_chunks_mut().0;
    for (((pixel, &red), &green), &blue) in rest.iter_mut().zip(&red[done..]).zip(&green[done..]).zip(&blue[done..]) {
        *pixel = [red, green, blue];
    }
}

/// The brightness of a row of packed pixels.
#[inline(always)]
pub fn brightness<const WIDE: bool>(pixels: &[u8], out: &mut [u8]) {
    let (chunks, rest) = pixels.as_chunks::<{ 3 * CHUNK }>();
    let (out, out_rest) = out.split_at_mut(chunks.len() * CHUNK);
    for (chunk, out) in chunks.iter().zip(out.as_chunks_mut::<CHUNK>().0) {
        let [red, green, blue] = separate::<WIDE>(&three(chunk));
        for at in 0..CHUNK {
            out[at] = luma([red[at], green[at], blue[at]]);
        }
    }
    for (out, &pixel) in out_rest.iter_mut().zip(rest.as_chunks().0) {
        *out = luma(pixel);
    }
}

#[inline(always)]
fn three(bytes: &[u8; 3 * CHUNK]) -> Three {
    let mut chunks = [[0; CHUNK]; 3];
    chunks.as_flattened_mut().copy_from_slice(bytes);
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_and_packed_pixels_turn_into_each_other_at_any_length() {
        for count in [0, 1, 15, 16, 17, 40] {
            let pixels: Vec<u8> = (0..count * 3).map(|at| (at * 37) as u8).collect();
            let (mut red, mut green, mut blue) = (vec![0; count], vec![0; count], vec![0; count]);
            to_planes::<false>(&pixels, [&mut red, &mut green, &mut blue]);
            assert!(pixels.chunks(3).enumerate().all(|(at, pixel)| pixel == [red[at], green[at], blue[at]]));
            let (mut packed, mut bright) = (vec![0; count * 3], vec![0; count]);
            from_planes::<false>([&red, &green, &blue], &mut packed);
            assert_eq!(packed, pixels);
            brightness::<false>(&pixels, &mut bright);
            assert!(pixels.as_chunks().0.iter().zip(bright).all(|(&pixel, bright)| luma(pixel) == bright));
        }
    }
}
