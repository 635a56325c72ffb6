//! HDR and wide-gamut colours to SDR in BT.709, the colours that the networks were trained with and that every player shows.
//!
//! HDR is compressed with the curve of ITU-R BT.2390-10, section 5.4 (EETF), from the brightness that the film was graded
//! for to 203 cd/m², the white of SDR within HDR (BT.2408). The curve acts on the brightest channel and scales all three,
//! so hues stay. HLG becomes light by BT.2100's OOTF for a display of 1000 cd/m².

use ffmpeg_next::ffi::{AVColorPrimaries, AVColorTransferCharacteristic as Transfer};

use super::color::{ColorTags, Gamut};

/// White of SDR within HDR in cd/m².
pub const WHITE: f32 = 203.0;
/// Peak of HLG's reference display, and of PQ films that name none, in cd/m².
pub const USUAL_PEAK: f32 = 1000.0;
/// Entries of the tables.
const STEPS: usize = 4096;
/// Gamma of an SDR display (BT.1886).
pub const GAMMA: f32 = 2.4;

/// Luma of BT.2020.
const LUMA: [f32; 3] = [0.2627, 0.6780, 0.0593];
/// Linear BT.2020 to linear BT.709 (ITU-R BT.2407).
const BT2020: [[f32; 3]; 3] =
    [[1.660_491, -0.587_641, -0.072_85], [-0.124_55, 1.132_9, -0.008_349], [-0.018_151, -0.100_579, 1.118_73]];
/// Linear P3 with a white of D65 to linear BT.709.
const P3: [[f32; 3]; 3] =
    [[1.224_94, -0.224_94, 0.0], [-0.042_057, 1.042_057, 0.0], [-0.019_638, -0.078_636, 1.098_274]];
const UNCHANGED: [[f32; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// Converts pixels of one film.
pub struct ToSdr {
    made_for: (ColorTags, u32),
    /// Light for each code, where 1 is the white of SDR; of HLG the light of the scene.
    light: Vec<f32>,
    /// HLG: what to multiply with, by the square root of the scene's luma.
    system: Option<Vec<f32>>,
    /// HDR: what to multiply with, by the square root of the brightest channel as a share of the peak.
    compression: Option<Vec<f32>>,
    /// The peak, where 1 is the white of SDR.
    peak: f32,
    matrix: [[f32; 3]; 3],
    /// The 8-bit code by the square root of the light.
    code: Vec<u8>,
}

impl ToSdr {
    /// Makes the tables for pictures with these `tags`, graded for a display of `peak` cd/m². `None` if they are SDR in
    /// BT.709 or close to it, so that nothing needs to change.
    pub fn new(tags: ColorTags, peak: f32) -> Option<Self> {
        if !tags.needs_sdr() {
            return None;
        }
        let is_hdr = tags.is_hdr();
        let hlg = tags.transfer == Transfer::AVCOL_TRC_ARIB_STD_B67;
        let peak = if !is_hdr || hlg { USUAL_PEAK } else { peak.clamp(2.0 * WHITE, 10_000.0) };
        let share = |step: usize| step as f32 / (STEPS - 1) as f32;
        let table = |entry: &dyn Fn(f32) -> f32| (0..STEPS).map(|step| entry(share(step))).collect::<Vec<f32>>();
        let light = table(&|code| match tags.transfer {
            Transfer::AVCOL_TRC_SMPTE2084 => pq_to_light(code) / WHITE,
            Transfer::AVCOL_TRC_ARIB_STD_B67 => hlg_to_scene(code),
            Transfer::AVCOL_TRC_LINEAR => code,
            Transfer::AVCOL_TRC_GAMMA22 | Transfer::AVCOL_TRC_IEC61966_2_1 => code.powf(2.2),
            _ => code.powf(GAMMA),
        });
        let system = hlg.then(|| table(&|root| (root * root).powf(0.2) * peak / WHITE));
        let compression = is_hdr.then(|| {
            table(&|root| {
                let light = (root * root * peak).max(1e-4);
                compressed(light, peak) / light
            })
        });
        let code = (0..STEPS).map(|step| ((share(step).powi(2)).powf(1.0 / GAMMA) * 255.0).round() as u8).collect();
        let matrix = match tags.gamut() {
            Gamut::Bt2020 => BT2020,
            Gamut::P3 => P3,
            Gamut::Bt709 => UNCHANGED,
        };
        Some(Self { made_for: (tags, peak as u32), light, system, compression, peak: peak / WHITE, matrix, code })
    }

    /// Whether these are the tables for `tags` and `peak`.
    pub fn fits(&self, tags: ColorTags, peak: f32) -> bool {
        let hdr = self.made_for.0.transfer == Transfer::AVCOL_TRC_SMPTE2084;
        self.made_for.0 == tags && (!hdr || self.made_for.1 == peak.clamp(2.0 * WHITE, 10_000.0) as u32)
    }

    /// The light of a pixel on the display, in the film's own primaries, where 1 is the white of SDR.
    pub fn light(&self, codes: [u16; 3]) -> [f32; 3] {
        let light = codes.map(|code| self.light[usize::from(code >> 4)]);
        let Some(system) = &self.system else { return light };
        let gain = system[index(luma(light).max(0.0).sqrt())];
        light.map(|channel| channel * gain)
    }

    /// What the tone curve multiplies a pixel with whose brightest channel has this light; 1 for SDR.
    pub fn gain(&self, brightest: f32) -> f32 {
        self.compression.as_ref().map_or(1.0, |compression| compression[index((brightest / self.peak).sqrt())])
    }

    /// The brightness that the film was graded for, where 1 is the white of SDR.
    pub fn peak(&self) -> f32 {
        self.peak
    }

    /// From the film's primaries to BT.709.
    pub fn matrix(&self) -> [[f32; 3]; 3] {
        self.matrix
    }

    /// Converts a row: packed R'G'B' of 16 bits to as many bytes in BT.709.
    pub fn row(&self, from: &[u16], to: &mut [u8]) {
        for (from, to) in from.as_chunks::<3>().0.iter().zip(to.as_chunks_mut::<3>().0) {
            let mut light = self.light(*from);
            if self.compression.is_some() {
                let gain = self.gain(light.into_iter().fold(0.0, f32::max));
                light = light.map(|channel| channel * gain);
            }
            for (to, row) in to.iter_mut().zip(self.matrix) {
                let sum = row[0] * light[0] + row[1] * light[1] + row[2] * light[2];
                *to = self.code[index(sum.max(0.0).sqrt())];
            }
        }
    }
}

/// HDR pixels of a photo, packed R'G'B' of 16 bits with these code points (ITU-T H.273), in SDR as films get it. `None` if
/// they are not HDR.
pub fn photo_to_sdr(primaries: u8, transfer: u8, pixels: &[u16]) -> Option<Vec<u8>> {
    let transfer = match transfer {
        16 => Transfer::AVCOL_TRC_SMPTE2084,
        18 => Transfer::AVCOL_TRC_ARIB_STD_B67,
        _ => return None,
    };
    let primaries = match primaries {
        1 => AVColorPrimaries::AVCOL_PRI_BT709,
        12 => AVColorPrimaries::AVCOL_PRI_SMPTE432,
        _ => AVColorPrimaries::AVCOL_PRI_BT2020,
    };
    let to_sdr = ToSdr::new(ColorTags { primaries, transfer, ..ColorTags::BT709 }, USUAL_PEAK)?;
    let mut seen = vec![0; pixels.len()];
    to_sdr.row(pixels, &mut seen);
    Some(seen)
}

/// The entry of a table by the square root of its variable.
fn index(root: f32) -> usize {
    ((root * (STEPS - 1) as f32 + 0.5) as usize).min(STEPS - 1)
}

/// The luma of light in BT.2020.
pub fn luma(light: [f32; 3]) -> f32 {
    light.iter().zip(LUMA).map(|(light, share)| light * share).sum()
}

/// PQ (SMPTE ST 2084): a code from 0 to 1 to cd/m².
fn pq_to_light(code: f32) -> f32 {
    let power = code.max(0.0).powf(1.0 / M2);
    10_000.0 * ((power - C1).max(0.0) / (C2 - C3 * power)).powf(1.0 / M1)
}

/// The inverse of [`pq_to_light`].
pub fn light_to_pq(light: f32) -> f32 {
    let power = (light / 10_000.0).clamp(0.0, 1.0).powf(M1);
    ((C1 + C2 * power) / (1.0 + C3 * power)).powf(M2)
}

const M1: f32 = 2610.0 / 16_384.0;
const M2: f32 = 2523.0 / 4096.0 * 128.0;
const C1: f32 = 3424.0 / 4096.0;
const C2: f32 = 2413.0 / 4096.0 * 32.0;
const C3: f32 = 2392.0 / 4096.0 * 32.0;

/// HLG (ARIB STD-B67): a code from 0 to 1 to the light of the scene, from 0 to 1.
fn hlg_to_scene(code: f32) -> f32 {
    if code <= 0.5 { code * code / 3.0 } else { (((code - HLG_C) / HLG_A).exp() + HLG_B) / 12.0 }
}

/// The inverse of [`hlg_to_scene`].
pub fn scene_to_hlg(light: f32) -> f32 {
    if light <= 1.0 / 12.0 { (3.0 * light.max(0.0)).sqrt() } else { HLG_A * (12.0 * light - HLG_B).ln() + HLG_C }
}

const HLG_A: f32 = 0.178_832_77;
const HLG_B: f32 = 1.0 - 4.0 * HLG_A;
const HLG_C: f32 = 0.559_910_7;

/// BT.2390's curve: light of a film graded up to `peak`, in cd/m², to light where 203 is white.
fn compressed(light: f32, peak: f32) -> f32 {
    let top = light_to_pq(peak);
    let (given, most) = (light_to_pq(light.min(peak)) / top, light_to_pq(WHITE) / top);
    let knee = 1.5 * most - 0.5;
    if given < knee {
        return light;
    }
    let t = (given - knee) / (1.0 - knee);
    let (t2, t3) = (t * t, t * t * t);
    let curved = (2.0 * t3 - 3.0 * t2 + 1.0) * knee + (t3 - 2.0 * t2 + t) * (1.0 - knee) + (3.0 * t2 - 2.0 * t3) * most;
    pq_to_light(curved * top)
}

#[cfg(test)]
mod tests {
    use ffmpeg_next::ffi::AVColorPrimaries::{AVCOL_PRI_BT2020, AVCOL_PRI_SMPTE432};

    use super::*;

    fn tags(transfer: Transfer) -> ColorTags {
        ColorTags { primaries: AVCOL_PRI_BT2020, transfer, ..ColorTags::BT709 }
    }

    fn seen(to_sdr: &ToSdr, rgb: [f32; 3]) -> [u8; 3] {
        let mut out = [0; 3];
        to_sdr.row(&rgb.map(|code| (code * 65_535.0) as u16), &mut out);
        out
    }

    #[test]
    fn pq_keeps_dark_and_middle_tones_and_brings_the_peak_to_white() {
        let to_sdr = ToSdr::new(tags(Transfer::AVCOL_TRC_SMPTE2084), USUAL_PEAK).unwrap();
        let grey = |light: f32| seen(&to_sdr, [light_to_pq(light); 3]);
        for light in [2.0f32, 10.0, 36.0, 60.0] {
            let expected = ((light / WHITE).powf(1.0 / GAMMA) * 255.0).round() as u8;
            assert!(grey(light).iter().all(|seen| seen.abs_diff(expected) <= 2), "{light}: {:?}", grey(light));
        }
        assert_eq!(grey(0.0), [0; 3]);
        assert!(grey(USUAL_PEAK)[0] >= 253 && grey(4000.0)[0] >= 253);
        // Diffuse white leaves room for highlights, and tones never change places.
        assert!((200..240).contains(&grey(WHITE)[0]), "{:?}", grey(WHITE));
        let ramp: Vec<u8> = (0..=100u8).map(|step| seen(&to_sdr, [f32::from(step) / 100.0; 3])[1]).collect();
        assert!(ramp.is_sorted(), "{ramp:?}");
    }

    #[test]
    fn hlg_reference_white_is_bright_and_grey_stays_grey() {
        let to_sdr = ToSdr::new(tags(Transfer::AVCOL_TRC_ARIB_STD_B67), USUAL_PEAK).unwrap();
        // 75 % of HLG is 203 cd/m² on the reference display.
        let white = seen(&to_sdr, [0.75; 3]);
        assert!(
            (200..240).contains(&white[0]) && white.iter().all(|channel| channel.abs_diff(white[0]) <= 1),
            "{white:?}"
        );
        assert!(seen(&to_sdr, [1.0; 3])[0] >= 253);
    }

    #[test]
    fn wide_gamuts_become_bt709_as_their_primaries_define() {
        let p3 = ColorTags { primaries: AVCOL_PRI_SMPTE432, ..ColorTags::BT709 };
        let to_sdr = ToSdr::new(p3, USUAL_PEAK).unwrap();
        // Full red of BT.709, in P3.
        let light = [0.822_462f32, 0.033_194, 0.017_083].map(|light| light.powf(1.0 / GAMMA));
        let red = seen(&to_sdr, light);
        assert!(red[0] >= 253 && red[1] <= 8 && red[2] <= 8, "{red:?}");
        assert!(ToSdr::new(ColorTags::BT709, USUAL_PEAK).is_none());
    }
}
