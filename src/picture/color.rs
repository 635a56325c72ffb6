//! Colour profiles: converts the colours of a file to sRGB, the space that the networks were trained in.

use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace, Layout,
    LocalizableString, MatrixCoefficients, ProfileText, ToneReprCurve, TransferCharacteristics, TransformExecutor,
    TransformOptions, XyY,
};

/// What the channels of a picture mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// One channel: grey.
    Gray,
    /// Three channels: red, green, blue.
    Rgb,
    /// Four channels: cyan, magenta, yellow, black; the largest value is full ink.
    Cmyk,
}

impl Channels {
    /// Number of channels.
    pub fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }

    fn layout(self) -> Layout {
        match self {
            Self::Gray => Layout::Gray,
            Self::Rgb => Layout::Rgb,
            Self::Cmyk => Layout::Rgba,
        }
    }
}

/// An ICC colour profile, as embedded in pictures.
pub struct Profile {
    profile: ColorProfile,
}

impl Profile {
    /// Parses an ICC profile; `None` if it is damaged.
    pub fn parse(icc: &[u8]) -> Option<Self> {
        ColorProfile::new_from_slice(icc).ok().map(|profile| Self { profile })
    }

    /// The channels that the profile describes; `None` for colour spaces that picture files do not use.
    pub fn channels(&self) -> Option<Channels> {
        match self.profile.color_space {
            DataColorSpace::Gray => Some(Channels::Gray),
            DataColorSpace::Rgb => Some(Channels::Rgb),
            DataColorSpace::Cmyk => Some(Channels::Cmyk),
            _ => None,
        }
    }

    /// The profile's name, for messages.
    pub fn name(&self) -> String {
        let name = match &self.profile.description {
            Some(ProfileText::PlainString(text)) => text.clone(),
            Some(ProfileText::Localizable(texts)) => {
                let english = texts.iter().find(|text| text.language.eq_ignore_ascii_case("en"));
                english.or(texts.first()).map(|text| text.value.clone()).unwrap_or_default()
            }
            Some(ProfileText::Description(text)) => text.ascii_string.clone(),
            None => String::new(),
        };
        let name: String = name.chars().filter(|letter| !letter.is_control()).collect();
        if name.trim().is_empty() { "unnamed".into() } else { name.trim().into() }
    }

    /// The code points of video (ITU-T H.273) that the profile names beside its curves: those of HDR say more than these.
    pub fn code_points(&self) -> Option<(u8, u8)> {
        let noted = self.profile.cicp.as_ref()?;
        Some((noted.color_primaries as u8, noted.transfer_characteristics as u8))
    }

    /// Whether the profile is sRGB in effect: it changes no colour by more than 1 of 255. Many profiles call themselves sRGB
    /// and differ in their bytes.
    pub fn is_srgb(&self) -> bool {
        let levels = [0u8, 32, 96, 128, 192, 255];
        let colors = |red| levels.iter().flat_map(move |&green| levels.map(|blue| [red, green, blue])).flatten();
        let probe: Vec<u8> = match self.channels() {
            Some(Channels::Rgb) => levels.iter().flat_map(|&red| colors(red)).collect(),
            Some(Channels::Gray) => (0..=255).collect(),
            _ => return false,
        };
        let same = |from: &[u8], to: &[u8]| from.iter().zip(to).all(|(from, to)| from.abs_diff(*to) <= 1);
        match self.to_srgb8(&probe) {
            Some(seen) if probe.len() == seen.len() => same(&probe, &seen),
            Some(seen) => same(&to_rgb(&probe, Channels::Gray), &seen),
            None => false,
        }
    }

    /// Converts 8-bit pixels in this profile's channels to sRGB, packed `[..][3]`; `None` if the profile cannot be applied.
    pub fn to_srgb8(&self, pixels: &[u8]) -> Option<Vec<u8>> {
        let (from, to) = (self.channels()?, ColorProfile::new_srgb());
        let options = TransformOptions::default();
        let transform = self.profile.create_transform_8bit(from.layout(), &to, Layout::Rgb, options).ok()?;
        apply(transform.as_ref(), pixels, from)
    }

    /// The same for 16-bit pixels.
    pub fn to_srgb16(&self, pixels: &[u16]) -> Option<Vec<u16>> {
        let (from, to) = (self.channels()?, ColorProfile::new_srgb());
        let options = TransformOptions::default();
        let transform = self.profile.create_transform_16bit(from.layout(), &to, Layout::Rgb, options).ok()?;
        apply(transform.as_ref(), pixels, from)
    }
}

/// A profile under this name, as a file.
fn named(mut profile: ColorProfile, name: String) -> Option<Vec<u8>> {
    let text = LocalizableString::new("en".to_owned(), "US".to_owned(), name);
    profile.description = Some(ProfileText::Localizable(vec![text]));
    profile.encode().ok()
}

/// A profile of grey with this display exponent.
pub fn grey(gamma: f32) -> Option<Vec<u8>> {
    named(ColorProfile::new_gray_with_gamma(gamma), format!("gamma {gamma:.2}"))
}

/// A profile of RGB with this display exponent, and the chromaticities x and y of white, red, green and blue; sRGB's own for
/// what is missing.
pub fn rgb(gamma: Option<f32>, primaries: Option<&[f32]>) -> Option<Vec<u8>> {
    let mut profile = ColorProfile::new_srgb();
    if let Some(&[white_x, white_y, red_x, red_y, green_x, green_y, blue_x, blue_y]) = primaries {
        let at = |x, y| Chromaticity { x, y };
        let white = XyY { x: f64::from(white_x), y: f64::from(white_y), yb: 1.0 };
        let (red, green, blue) = (at(red_x, red_y), at(green_x, green_y), at(blue_x, blue_y));
        profile.update_rgb_colorimetry(white, ColorPrimaries { red, green, blue });
    }
    if let Some(gamma) = gamma {
        let curve = || Some(ToneReprCurve::Parametric(vec![gamma]));
        (profile.red_trc, profile.green_trc, profile.blue_trc) = (curve(), curve(), curve());
    }
    profile.cicp = None;
    let gamma = gamma.map(|gamma| format!("gamma {gamma:.2}"));
    let primaries = primaries.map(|_| "its own primaries".to_owned());
    named(profile, gamma.into_iter().chain(primaries).collect::<Vec<_>>().join(" and "))
}

/// A profile of RGB by the code points of video (ITU-T H.273); `None` for those that no profile of three curves describes.
pub fn of_code_points(primaries: u8, transfer: u8) -> Option<Vec<u8>> {
    let code_points = CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(transfer).ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    };
    // What these conversions refuse, the profile cannot take; its own answer is false even where it took everything.
    ColorPrimaries::try_from(code_points.color_primaries).ok()?;
    ToneReprCurve::try_from(code_points.transfer_characteristics).ok()?;
    let mut profile = ColorProfile::new_srgb();
    profile.update_rgb_colorimetry_from_cicp(code_points);
    profile.cicp.take()?;
    named(profile, format!("code points {primaries} and {transfer} of H.273"))
}

/// As [`of_code_points`], of a photo: the curves of SDR video mean that of a screen, as every viewer takes them. `None` for
/// sRGB, and for what is unspecified.
pub fn of_shown_code_points(primaries: u8, transfer: u8) -> Option<Vec<u8>> {
    const SRGB: u8 = 13;
    let transfer = if matches!(transfer, 1 | 2 | 6 | 14 | 15) { SRGB } else { transfer };
    let primaries = if primaries == 2 { 1 } else { primaries };
    if (primaries, transfer) == (1, SRGB) { None } else { of_code_points(primaries, transfer) }
}

/// The sRGB profile (IEC 61966-2-1) in ICC's version 4.3, for embedding: always the same bytes.
pub fn srgb_icc() -> Vec<u8> {
    /// ICC's numbers are 16.16 fixed point.
    fn numbers(kind: &[u8; 4], values: &[u32]) -> Vec<u8> {
        let values = values.iter().flat_map(|value| value.to_be_bytes());
        [kind, &[0; 4][..]].concat().into_iter().chain(values).collect()
    }
    /// A text in English.
    fn text(words: &str) -> Vec<u8> {
        let letters: Vec<u8> = words.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let head = numbers(b"mluc", &[1, 12, u32::from_be_bytes(*b"enUS"), letters.len() as u32, 28]);
        [head, letters].concat()
    }
    const D50: [u32; 3] = [0xF6D6, 0x1_0000, 0xD32D];
    let point = |values: [u32; 3]| numbers(b"XYZ ", &values);
    // Bradford's matrix from D65 to D50.
    let adaptation = [0x1_0C42, 0x05DE, 0xFFFF_F325, 0x0793, 0xFD90, 0xFFFF_FBA1, 0xFFFF_FDA2, 0x03DC, 0xC06E];
    // The third kind of curve: ((a x + b) ^ 2.4), c x below d.
    let curve = || numbers(b"para", &[3 << 16, 0x2_6666, 0xF2A7, 0x0D59, 0x13D0, 0x0A5B]);
    let tags: [(&[u8; 4], Vec<u8>); 10] = [
        (b"desc", text("sRGB")),
        (b"cprt", text("CC0")),
        (b"wtpt", point(D50)),
        (b"chad", numbers(b"sf32", &adaptation)),
        (b"rXYZ", point([0x6FA2, 0x38F5, 0x0390])),
        (b"gXYZ", point([0x6299, 0xB785, 0x18DA])),
        (b"bXYZ", point([0x24A0, 0x0F84, 0xB6CF])),
        (b"rTRC", curve()),
        (b"gTRC", curve()),
        (b"bTRC", curve()),
    ];
    let (mut table, mut data) = ((tags.len() as u32).to_be_bytes().to_vec(), Vec::new());
    let start = 128 + 4 + 12 * tags.len();
    let mut last: Option<(Vec<u8>, usize)> = None;
    for (name, mut content) in tags {
        let length = content.len() as u32;
        // Each begins at a multiple of four; equal curves are stored once.
        content.resize(content.len().next_multiple_of(4), 0);
        let place = match &last {
            Some((same, place)) if *same == content => *place,
            _ => start + data.len(),
        };
        if place == start + data.len() {
            data.extend(&content);
        }
        last = Some((content, place));
        table.extend(name);
        table.extend([(place as u32).to_be_bytes(), length.to_be_bytes()].concat());
    }
    let mut header = ((start + data.len()) as u32).to_be_bytes().to_vec();
    header.extend([0, 0, 0, 0, 4, 0x30, 0, 0]);
    header.extend(b"mntrRGB XYZ ");
    // A day, and no time: equal pictures are equal files.
    header.extend([2026u16, 1, 1, 0, 0, 0].map(u16::to_be_bytes).concat());
    header.extend(b"acsp");
    header.resize(68, 0);
    header.extend(D50.map(u32::to_be_bytes).concat());
    header.resize(128, 0);
    [header, table, data].concat()
}

fn apply<T: Copy + Default>(transform: &dyn TransformExecutor<T>, pixels: &[T], from: Channels) -> Option<Vec<T>> {
    let mut out = vec![T::default(); pixels.len() / from.count() * 3];
    transform.transform(pixels, &mut out).ok()?;
    Some(out)
}

/// A sample of 8 or 16 bits.
pub trait Sample: Copy + Default {
    /// The value of full light, or full ink.
    const MAX: u32;

    /// The value.
    fn get(self) -> u32;

    /// A sample of `value`, which is at most `MAX`.
    fn put(value: u32) -> Self;
}

impl Sample for u8 {
    const MAX: u32 = 255;

    fn get(self) -> u32 {
        u32::from(self)
    }

    fn put(value: u32) -> Self {
        value as Self
    }
}

impl Sample for u16 {
    const MAX: u32 = 65_535;

    fn get(self) -> u32 {
        u32::from(self)
    }

    fn put(value: u32) -> Self {
        value as Self
    }
}

/// Converts pixels without a profile to RGB: grey is repeated, and inks absorb light, `(1 - ink) * (1 - black)`.
pub fn to_rgb<T: Sample>(pixels: &[T], from: Channels) -> Vec<T> {
    match from {
        Channels::Rgb => pixels.to_vec(),
        Channels::Gray => pixels.iter().flat_map(|&level| [level; 3]).collect(),
        Channels::Cmyk => {
            let light = |ink: T, black: T| {
                let product = u64::from(T::MAX - ink.get()) * u64::from(T::MAX - black.get());
                T::put(((product + u64::from(T::MAX / 2)) / u64::from(T::MAX)) as u32)
            };
            pixels.as_chunks::<4>().0.iter().flat_map(|&[c, m, y, k]| [c, m, y].map(|ink| light(ink, k))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(profile: &ColorProfile) -> Profile {
        Profile::parse(&profile.encode().unwrap()).unwrap()
    }

    #[test]
    fn srgb_is_recognised_and_others_are_not() {
        assert!(profile(&ColorProfile::new_srgb()).is_srgb());
        assert!(Profile::parse(&srgb_icc()).unwrap().is_srgb());
        assert!(!profile(&ColorProfile::new_display_p3()).is_srgb());
        assert!(!profile(&ColorProfile::new_adobe_rgb()).is_srgb());
        assert!(!profile(&ColorProfile::new_gray_with_gamma(1.0)).is_srgb());
    }

    #[test]
    fn display_p3_converts_to_srgb_as_css_color_4_defines() {
        // By CSS Color 4's matrices: 219.19 94.45 31.48, then 83.47 151.66 117.58.
        let seen = profile(&ColorProfile::new_display_p3()).to_srgb8(&[204, 102, 51, 100, 150, 120]).unwrap();
        for (seen, expected) in seen.iter().zip([219u8, 94, 31, 83, 152, 118]) {
            assert!(seen.abs_diff(expected) <= 1, "{seen} for {expected}");
        }
    }

    #[test]
    fn inks_without_a_profile_absorb_light() {
        assert_eq!(
            to_rgb(&[0u8, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255], Channels::Cmyk),
            [255, 255, 255, 0, 255, 255, 0, 0, 0]
        );
        assert_eq!(to_rgb(&[0u16, 65_535, 0, 32_768], Channels::Cmyk), [32_767, 0, 32_767]);
    }

    #[test]
    fn a_damaged_profile_is_rejected() {
        assert!(Profile::parse(b"not a profile").is_none());
        let icc = srgb_icc();
        assert!(Profile::parse(&icc[..icc.len() / 8]).is_none_or(|profile| profile.to_srgb8(&[1, 2, 3]).is_none()));
    }
}
