//! Encoder options: those of a recipe, then those of the command line.

use std::ffi::CString;

use ffmpeg_next::ffi::{self, AVPixelFormat};
use ffmpeg_next::{Error as FfmpegError, codec};

use super::codec::{Codec, Recipe, X26X_PRESETS, alternatives};
use crate::error::{Error, Result};
use crate::media::info::FrameFormat;
use crate::media::pixels::{descriptor, pixel_format_name};
use crate::media::side_data::{self, SideData};
use crate::size::Size;
use crate::warning::Warning;

/// What was asked for on the command line.
#[derive(Clone, Debug, Default)]
pub struct EncodeOptions {
    /// The codec; `None`: the container's usual one.
    pub codec: Option<Codec>,
    /// Constant quality on the encoder's own scale, 0 (best) to 51 or 63; `None`: the codec's default.
    pub crf: Option<u32>,
    /// The encoder's preset; `None`: a fast one.
    pub preset: Option<String>,
    /// FFmpeg's name of the pixel format; `None`: the codec's usual one.
    pub pixel_format: Option<String>,
    /// `NAME=VALUE` pairs for the encoder, set last.
    pub options: Vec<String>,
    /// Encoder threads; `None`: FFmpeg's choice.
    pub threads: Option<usize>,
}

/// The error if this FFmpeg has no encoder for `codec`.
pub fn missing(codec: Codec) -> Error {
    let wanted = alternatives(codec.recipes().iter().map(|recipe| recipe.encoder));
    let there = alternatives(Codec::ALL.iter().filter(|codec| codec.is_available()).map(|codec| codec.name()));
    Error::usage(format!(
        "this FFmpeg has no encoder for {codec}; install an FFmpeg built with {wanted}, or choose --codec {there}"
    ))
}

/// Options in the order in which they are set: the recipe's, then the requested ones.
///
/// # Errors
/// The codec has no such preset, quality or option syntax.
pub fn settings(
    codec: Codec,
    recipe: &Recipe,
    options: &EncodeOptions,
    facts: &[SideData],
) -> Result<Vec<(String, String)>> {
    let mut settings: Vec<(String, String)> = Vec::new();
    let mut push = |name: &str, value: &str| settings.push((name.into(), value.into()));
    let mut own: Vec<(&str, String)> = recipe
        .options
        .iter()
        .copied()
        .chain(x264_parameters(recipe))
        .map(|(name, value)| (name, value.into()))
        .collect();
    // What players read of HDR stands in the pictures, too.
    let hdr = side_data::for_x265(facts);
    if let Some((_, parameters)) = own.iter_mut().find(|(name, _)| *name == "x265-params" && !hdr.is_empty()) {
        *parameters = format!("{parameters}:{hdr}");
    }
    own.iter().for_each(|(name, value)| push(name, value));
    match (recipe.preset, options.preset.as_deref()) {
        (Some((name, default, values)), requested) => {
            let value = requested.unwrap_or(default);
            if values == X26X_PRESETS && !values.split([',', ' ']).any(|known| known == value) {
                return Err(Error::usage(format!("{codec} has no preset '{value}'; choose {values}")));
            }
            push(name, value);
        }
        (None, Some(_)) => return Err(Error::usage(format!("{codec} has no presets; omit --preset"))),
        (None, None) => {}
    }
    match (recipe.crf, options.crf) {
        (Some((_, most)), Some(crf)) if crf > most => {
            return Err(Error::usage(format!("--crf {crf} is out of range; {codec} takes 0 (best) to {most}")));
        }
        (Some((default, _)), requested) => push("crf", &requested.unwrap_or(default).to_string()),
        (None, Some(_)) => {
            let cure = match codec {
                Codec::ProRes => "set its quality with --preset, from proxy to 4444xq",
                Codec::Jpeg => "set its quality with --encoder-option global_quality=N, from 236 (best) upwards",
                _ => "it is lossless",
            };
            return Err(Error::usage(format!("{codec} has no --crf; {cure}")));
        }
        (None, None) => {}
    }
    for option in &options.options {
        let (name, value) = option
            .split_once('=')
            .ok_or_else(|| Error::usage(format!("--encoder-option '{option}' has no value; write NAME=VALUE")))?;
        // The recipe's own entries stay, or x265 would write to the terminal.
        match own.iter().find(|(known, _)| *known == name && name.ends_with("-params")) {
            Some((_, first)) => push(name, &format!("{first}:{value}")),
            None => push(name, value),
        }
    }
    Ok(settings)
}

/// Keeps x264 from using its AVX-512 code on processors that have AVX-512.
///
/// That code (seen in x264 build 164 on a Zen 4) encodes equal frames to different bytes from run to run, and with
/// different numbers of threads. A job that was interrupted would not end with the same file as one that was not.
fn x264_parameters(recipe: &Recipe) -> Option<(&'static str, &'static str)> {
    #[cfg(target_arch = "x86_64")]
    let wide = std::arch::is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    let wide = false;
    (wide && recipe.encoder == "libx264").then_some(("x264-params", "asm=avx2"))
}

/// Sets one option of an encoder that is not open yet.
///
/// # Errors
/// The encoder has no such option, or refuses the value.
pub fn set(context: &mut codec::Context, encoder: &str, name: &str, value: &str) -> Result<()> {
    let text = |text: &str| CString::new(text).map_err(|_| Error::usage("an option cannot contain a zero byte"));
    let (raw_name, raw_value) = (text(name)?, text(value)?);
    // SAFETY: the context is a valid object with options, and both strings end in zero.
    let set = unsafe {
        let object = context.as_mut_ptr().cast();
        ffi::av_opt_set(object, raw_name.as_ptr(), raw_value.as_ptr(), ffi::AV_OPT_SEARCH_CHILDREN)
    };
    match FfmpegError::from(set) {
        _ if set >= 0 => Ok(()),
        FfmpegError::OptionNotFound => Err(Error::usage(format!(
            "{encoder} has no option '{name}'; `ffmpeg -h encoder={encoder}` lists its options"
        ))),
        _ => {
            let preset = Codec::ALL.iter().flat_map(|codec| codec.recipes()).find(|recipe| recipe.encoder == encoder);
            let values = preset.and_then(|recipe| recipe.preset).filter(|(option, ..)| *option == name);
            let cure = values.map_or_else(
                || format!("`ffmpeg -h encoder={encoder}` lists its values"),
                |(_, _, values)| format!("choose {values}"),
            );
            Err(Error::usage(format!("{encoder} does not accept '{value}' for '{name}'; {cure}")))
        }
    }
}

/// The pixel format to encode: the requested one, or the recipe's, which for `hdr` has 10 bits.
///
/// # Errors
/// The encoder does not support it, or HDR needs more bits.
pub fn pixel_format(
    recipe: &Recipe,
    codec: ffmpeg_next::Codec,
    requested: Option<&str>,
    hdr: bool,
) -> Result<AVPixelFormat> {
    let usual = recipe.hdr_format.filter(|_| hdr).unwrap_or(recipe.pixel_format);
    let name = requested.unwrap_or(usual);
    let mut known = Vec::new();
    // SAFETY: a static list that ends in AV_PIX_FMT_NONE, or null where the encoder does not say.
    unsafe {
        let mut entry = (*codec.as_ptr()).pix_fmts;
        while !entry.is_null() && *entry != AVPixelFormat::AV_PIX_FMT_NONE {
            known.push(*entry);
            entry = entry.add(1);
        }
    }
    let found = known.iter().copied().find(|&format| pixel_format_name(format) == name);
    let bits = found.and_then(descriptor).map_or(10, |descriptor| descriptor.comp[0].depth);
    if hdr && bits < 10 {
        return Err(Error::usage(format!(
            "HDR needs 10 bits, and the pixel format '{name}' has {bits}; omit --pix-fmt, or choose {usual}"
        )));
    }
    found.ok_or_else(|| {
        let names: Vec<String> =
            known.into_iter().map(pixel_format_name).filter(|name| !name.starts_with("yuvj")).collect();
        let names = alternatives(names.iter().map(String::as_str));
        Error::usage(format!("{} does not support the pixel format '{name}'; choose {names}", recipe.encoder))
    })
}

/// The size to encode. H.264 and HEVC encoders refuse odd sides if chroma is half as large: the last column or row is
/// dropped with a warning, as in other tools.
///
/// # Errors
/// Nothing would be left.
pub fn encoded_size(
    codec: Codec,
    pixel_format: AVPixelFormat,
    format: &FrameFormat,
    warnings: &mut Vec<Warning>,
) -> Result<(u32, u32)> {
    let FrameFormat { width, height, .. } = *format;
    let Some(descriptor) = descriptor(pixel_format) else { return Ok((width, height)) };
    if !matches!(codec, Codec::H264 | Codec::Hevc) {
        return Ok((width, height));
    }
    let even = |side: u32, halved: u8| if halved > 0 { side & !1 } else { side };
    let (w, h) = (even(width, descriptor.log2_chroma_w), even(height, descriptor.log2_chroma_h));
    let name = pixel_format_name(pixel_format);
    if w == 0 || h == 0 {
        return Err(Error::usage(format!(
            "{codec} in {name} cannot encode {width}x{height}; add --pix-fmt yuv444p, or choose a larger --size"
        )));
    }
    if (w, h) != (width, height) {
        let (from, to) = (Size::new(width, height), Size::new(w, h));
        warnings.push(Warning::OddSides { codec: codec.to_string(), pixel_format: name, from, to });
    }
    Ok((w, h))
}
