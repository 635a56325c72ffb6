//! Colour profiles: converts the colours of a file to sRGB, the space that the networks were trained in.

use moxcms::{ColorProfile, DataColorSpace, Layout, ProfileText, TransformExecutor, TransformOptions};

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

/// The sRGB profile, for embedding. `None` if it cannot be encoded; a file without a profile is taken as sRGB too.
pub fn srgb_icc() -> Option<Vec<u8>> {
    ColorProfile::new_srgb().encode().ok()
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
        assert!(Profile::parse(&srgb_icc().unwrap()).unwrap().is_srgb());
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
        let icc = srgb_icc().unwrap();
        assert!(Profile::parse(&icc[..icc.len() / 8]).is_none_or(|profile| profile.to_srgb8(&[1, 2, 3]).is_none()));
    }
}
