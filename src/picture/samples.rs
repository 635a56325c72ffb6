//! The samples of a picture as its file stores them.

use image::{ColorType, DynamicImage};

use super::color::{Channels, Sample};

/// Pixels as stored in the file.
pub enum Samples {
    /// 8 bits a channel, packed.
    Eight(Vec<u8>),
    /// 16 bits a channel, packed.
    Sixteen(Vec<u16>),
}

/// How deep the samples of the file are, before they came into [`Samples::Sixteen`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Bits of each.
    pub bits: u32,
    /// They are floating-point numbers.
    pub is_float: bool,
}

impl Depth {
    /// Of most pictures that have more than 8 bits.
    pub const SIXTEEN: Self = Self { bits: 16, is_float: false };

    /// The note that they are painted at 8 bits.
    pub fn note(self) -> String {
        let Self { bits, is_float } = self;
        if is_float {
            return format!("its {bits}-bit floating-point channels are painted at 8 bits");
        }
        format!("its {bits} bits per channel are painted at 8")
    }
}

/// A sample of 16 bits in 8.
pub fn high(sample: u16) -> u8 {
    ((u32::from(sample) + 128) / 257) as u8
}

/// Divides the colours of packed pixels by the opacity behind them, at its full depth.
fn unmultiply<T: Sample>(pixels: &mut [T], count: usize) {
    for pixel in pixels.chunks_exact_mut(count + 1) {
        let opacity = pixel[count].get();
        if (1..T::MAX).contains(&opacity) {
            let divided = |level: T| T::put(((level.get() * T::MAX + opacity / 2) / opacity).min(T::MAX));
            pixel[..count].iter_mut().for_each(|level| *level = divided(*level));
        }
    }
}

/// Splits an image into colours, their meaning, and opacity if it has any. The colours `is_multiplied` by it are divided.
pub fn split(image: DynamicImage, is_multiplied: bool) -> (Samples, Channels, Option<Vec<u8>>) {
    match image.color() {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => {
            let color = image.color();
            let (channels, colors, alpha) = split_alpha(image.into_bytes(), color, |opacity| opacity, is_multiplied);
            (Samples::Eight(colors), channels, alpha)
        }
        ColorType::L16 => (Samples::Sixteen(image.into_luma16().into_raw()), Channels::Gray, None),
        ColorType::La16 => {
            let raw = image.into_luma_alpha16().into_raw();
            let (channels, colors, alpha) = split_alpha(raw, ColorType::La16, high, is_multiplied);
            (Samples::Sixteen(colors), channels, alpha)
        }
        color if color.has_alpha() => {
            let raw = image.into_rgba16().into_raw();
            let (channels, colors, alpha) = split_alpha(raw, ColorType::Rgba16, high, is_multiplied);
            (Samples::Sixteen(colors), channels, alpha)
        }
        _ => (Samples::Sixteen(image.into_rgb16().into_raw()), Channels::Rgb, None),
    }
}

pub fn split_alpha<T: Sample>(
    mut raw: Vec<T>,
    color: ColorType,
    byte: fn(T) -> u8,
    is_multiplied: bool,
) -> (Channels, Vec<T>, Option<Vec<u8>>) {
    let channels = if color.has_color() { Channels::Rgb } else { Channels::Gray };
    if !color.has_alpha() {
        return (channels, raw, None);
    }
    let count = channels.count();
    if is_multiplied {
        unmultiply(&mut raw, count);
    }
    let alpha: Vec<u8> = raw.chunks_exact(count + 1).map(|pixel| byte(pixel[count])).collect();
    let colors = raw.chunks_exact(count + 1).flat_map(|pixel| pixel[..count].iter().copied()).collect();
    (channels, colors, alpha.iter().any(|&opacity| opacity < 255).then_some(alpha))
}
