//! A painting of tone-mapped HDR back to HDR: what the painting changed is put back onto the light of the original.
//!
//! The painting is made of the SDR picture that [`ToSdr`] gives. Its colours become light again, and the gain that the tone
//! curve took from the original at that place is given back: a highlight that is painted stays a highlight. What SDR could
//! not hold of the original, colours outside BT.709 and finer steps, is added again as far as the painting is as bright as
//! what it covers. Where nothing was painted over, the result is the original's code itself.

use ffmpeg_next::ffi::AVColorTransferCharacteristic as Transfer;

use super::color::ColorTags;
use super::sdr::{self, ToSdr, WHITE};

/// Light below which brightness is not compared, where 1 is the white of SDR.
const DARK: f32 = 1e-3;

/// Converts painted pixels of one film.
pub struct ToHdr {
    sdr: ToSdr,
    /// Light for each 8-bit code of the painting.
    painted: [f32; 256],
    /// From BT.709 to the film's own primaries.
    matrix: [[f32; 3]; 3],
    /// HLG: light of the display to light of the scene, by the display's luma.
    scene: Option<Table>,
    /// Light to codes, 0 to 65,535.
    code: Table,
}

impl ToHdr {
    /// Makes the tables for a film with these `tags`, graded for a display of `peak` cd/m². `None` if it is SDR.
    pub fn new(tags: ColorTags, peak: f32) -> Option<Self> {
        let sdr = ToSdr::new(tags, peak).filter(|_| tags.is_hdr())?;
        let painted = std::array::from_fn(|code| (code as f32 / 255.0).powf(sdr::GAMMA));
        let hlg = tags.transfer == Transfer::AVCOL_TRC_ARIB_STD_B67;
        let share = WHITE / sdr::USUAL_PEAK;
        let scene = hlg.then(|| Table::new(|luma| share * (luma * share).powf(-0.2 / 1.2)));
        let code = Table::new(|light| {
            let code = if hlg { sdr::scene_to_hlg(light) } else { sdr::light_to_pq(light * WHITE) };
            code.clamp(0.0, 1.0) * 65_535.0
        });
        let matrix = inverse(sdr.matrix());
        Some(Self { sdr, painted, matrix, scene, code })
    }

    /// Whether these are the tables for `tags` and `peak`.
    pub fn fits(&self, tags: ColorTags, peak: f32) -> bool {
        self.sdr.fits(tags, peak)
    }

    /// Converts a row: the `original`'s packed R'G'B' of 16 bits, the SDR picture `seen` made of it, and its painting, to
    /// R'G'B' of 16 bits.
    pub fn row(&self, original: &[u16], seen: &[u8], painted: &[u8], to: &mut [u16]) {
        let pixels = original.as_chunks::<3>().0.iter().zip(seen.as_chunks::<3>().0);
        for (((original, seen), painted), to) in pixels.zip(painted.as_chunks::<3>().0).zip(to.as_chunks_mut::<3>().0) {
            *to = if seen == painted { *original } else { self.pixel(*original, *seen, *painted) };
        }
    }

    /// Converts a row that has no original: its white becomes the white of SDR within HDR.
    pub fn plain_row(&self, painted: &[u8], to: &mut [u16]) {
        for (painted, to) in painted.as_chunks::<3>().0.iter().zip(to.as_chunks_mut::<3>().0) {
            *to = self.encode(self.light(*painted));
        }
    }

    fn pixel(&self, original: [u16; 3], seen: [u8; 3], painted: [u8; 3]) -> [u16; 3] {
        let held = self.sdr.light(original);
        let brightest = held.into_iter().fold(0.0, f32::max);
        let gain = 1.0 / self.sdr.gain(brightest);
        let (before, after) = (self.light(seen), self.light(painted));
        let share = ((sdr::luma(after) + DARK) / (sdr::luma(before) + DARK)).clamp(0.0, 1.0);
        let mut light: [f32; 3] =
            std::array::from_fn(|i| (gain * after[i] + share * (held[i] - gain * before[i])).max(0.0));
        // No brighter than the film was graded for; all channels alike, so hues stay.
        let (most, limit) = (light.into_iter().fold(0.0, f32::max), self.sdr.peak().max(brightest));
        if most > limit {
            light = light.map(|channel| channel * limit / most);
        }
        self.encode(light)
    }

    /// Light of a pixel of the painting, in the film's own primaries.
    fn light(&self, pixel: [u8; 3]) -> [f32; 3] {
        let [r, g, b] = pixel.map(|code| self.painted[usize::from(code)]);
        self.matrix.map(|row| row[0] * r + row[1] * g + row[2] * b)
    }

    fn encode(&self, light: [f32; 3]) -> [u16; 3] {
        let gain = self.scene.as_ref().map_or(1.0, |scene| scene.at(sdr::luma(light)));
        light.map(|channel| (self.code.at(channel * gain) + 0.5) as u16)
    }
}

/// A function of light as a table of even relative steps, linear between them.
struct Table(Vec<f32>);

impl Table {
    /// The least light is 2^LEAST, the most 2^MOST, where 1 is the white of SDR: 0.00001 to 25,000 cd/m².
    const LEAST: i32 = -24;
    const MOST: i32 = 7;
    /// Bits of the mantissa that choose an entry: 64 entries for each doubling.
    const BITS: u32 = 6;

    fn new(function: impl Fn(f32) -> f32) -> Self {
        let first = Self::bottom();
        let count = ((Self::MOST - Self::LEAST) as u32) << Self::BITS;
        Self((0..=count).map(|step| function(f32::from_bits((first + step) << (23 - Self::BITS)))).collect())
    }

    fn bottom() -> u32 {
        ((127 + Self::LEAST) as u32) << Self::BITS
    }

    fn at(&self, light: f32) -> f32 {
        let least = f32::from_bits(Self::bottom() << (23 - Self::BITS));
        if light < least {
            return self.0[0] * light.max(0.0) / least;
        }
        let bits = light.to_bits();
        let place = ((bits >> (23 - Self::BITS)) - Self::bottom()) as usize;
        let Some([low, high]) = self.0.get(place..place + 2).and_then(<[f32]>::first_chunk) else {
            return self.0.last().copied().unwrap_or_default();
        };
        let rest = 23 - Self::BITS;
        let between = (bits & ((1 << rest) - 1)) as f32 / (1u32 << rest) as f32;
        low + (high - low) * between
    }
}

/// The inverse of a matrix, by Cramer's rule; of primaries it exists.
fn inverse(m: [[f32; 3]; 3]) -> [[f32; 3]; 3] {
    let minor = |row: usize, column: usize| {
        let (r, c) = ([(row + 1) % 3, (row + 2) % 3], [(column + 1) % 3, (column + 2) % 3]);
        m[r[0]][c[0]] * m[r[1]][c[1]] - m[r[0]][c[1]] * m[r[1]][c[0]]
    };
    let determinant: f32 = (0..3).map(|column| m[0][column] * minor(0, column)).sum();
    std::array::from_fn(|row| std::array::from_fn(|column| minor(column, row) / determinant))
}

#[cfg(test)]
mod tests {
    use ffmpeg_next::ffi::AVColorPrimaries::AVCOL_PRI_BT2020;

    use super::*;

    const CURVES: [Transfer; 2] = [Transfer::AVCOL_TRC_SMPTE2084, Transfer::AVCOL_TRC_ARIB_STD_B67];

    fn tags(transfer: Transfer) -> ColorTags {
        ColorTags { primaries: AVCOL_PRI_BT2020, transfer, ..ColorTags::BT709 }
    }

    /// A pixel of this light (1 is the white of SDR), as code and as it is seen in SDR.
    fn made(to_hdr: &ToHdr, light: [f32; 3]) -> ([u16; 3], [u8; 3]) {
        let code = to_hdr.encode(light);
        let mut seen = [0; 3];
        to_hdr.sdr.row(&code, &mut seen);
        (code, seen)
    }

    fn painted(to_hdr: &ToHdr, (code, seen): ([u16; 3], [u8; 3]), painting: [u8; 3]) -> [f32; 3] {
        let mut out = [0; 3];
        to_hdr.row(&code, &seen, &painting, &mut out);
        to_hdr.sdr.light(out)
    }

    fn close(a: [f32; 3], b: [f32; 3], tolerance: f32) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance * (b + 0.02))
    }

    #[test]
    fn light_survives_its_code() {
        for curve in CURVES {
            let to_hdr = ToHdr::new(tags(curve), 1000.0).unwrap();
            for light in [[0.02, 0.03, 0.01], [0.5, 0.4, 0.6], [1.0; 3], [4.0, 3.0, 2.0]] {
                let back = to_hdr.sdr.light(to_hdr.encode(light));
                assert!(close(back, light, 0.02), "{curve:?} {light:?} {back:?}");
            }
            assert_eq!(to_hdr.encode([0.0; 3]), [0; 3]);
        }
    }

    #[test]
    fn what_is_not_painted_over_keeps_its_very_code() {
        for curve in CURVES {
            let to_hdr = ToHdr::new(tags(curve), 1000.0).unwrap();
            // The last is a green that BT.709 cannot hold.
            for light in [[0.01; 3], [0.9, 0.8, 0.7], [4.9, 4.0, 0.2], [0.0, 1.0, 0.0]] {
                let (code, seen) = made(&to_hdr, light);
                let mut out = [0; 3];
                to_hdr.row(&code, &seen, &seen, &mut out);
                assert_eq!(out, code);
                // The least change of the painting is a small change of the light.
                let nudged = painted(&to_hdr, (code, seen), seen.map(|channel| channel.saturating_sub(1)));
                assert!(close(nudged, to_hdr.sdr.light(code), 0.08), "{curve:?} {light:?} {nudged:?}");
            }
        }
    }

    #[test]
    fn a_painting_in_middle_tones_has_the_light_of_its_colours() {
        for curve in CURVES {
            let to_hdr = ToHdr::new(tags(curve), 1000.0).unwrap();
            let pixel = made(&to_hdr, [0.1; 3]);
            for painting in [[90u8, 90, 90], [120, 60, 30], [0, 0, 0]] {
                let expected = to_hdr.light(painting);
                let light = painted(&to_hdr, pixel, painting);
                assert!(close(light, expected, 0.05), "{curve:?} {painting:?} {light:?} {expected:?}");
            }
        }
    }

    #[test]
    fn a_highlight_that_is_painted_darker_darkens_by_the_same_factor_and_never_exceeds_the_grade() {
        for curve in CURVES {
            let to_hdr = ToHdr::new(tags(curve), 1000.0).unwrap();
            let pixel = made(&to_hdr, [4.5; 3]);
            let half = |code: u8| (f32::from(code).powf(sdr::GAMMA) / 2.0).powf(1.0 / sdr::GAMMA).round() as u8;
            let light = painted(&to_hdr, pixel, pixel.1.map(half));
            assert!(close(light, [2.25; 3], 0.05), "{curve:?} {light:?}");
            assert!(painted(&to_hdr, pixel, [255; 3])[0] <= 1000.0 / WHITE * 1.01);
            assert_eq!(painted(&to_hdr, pixel, [0; 3]).map(f32::round), [0.0; 3]);
        }
        assert!(ToHdr::new(ColorTags::BT709, 1000.0).is_none());
    }

    #[test]
    fn a_frame_without_an_original_has_its_white_at_the_white_of_sdr() {
        let to_hdr = ToHdr::new(tags(Transfer::AVCOL_TRC_SMPTE2084), 1000.0).unwrap();
        let mut out = [0; 3];
        to_hdr.plain_row(&[255; 3], &mut out);
        assert!(close(to_hdr.sdr.light(out), [1.0; 3], 0.01), "{out:?}");
    }
}
