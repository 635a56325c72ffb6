//! What only the first decoded frame tells about a video.

use std::path::Path;

use ffmpeg_next::ffi;
use ffmpeg_next::frame;

use super::open::Input;
use super::stream::declared_end;
use crate::frame::Rational;
use crate::kernel::turn::Turn;
use crate::media::ffmpeg::{MICROSECONDS, rescale};
use crate::media::info::VideoInfo;
use crate::media::pixels::{ColorTags, descriptor, is_float, pixel_format};
use crate::media::side_data;
use crate::warning::Warning;

/// Completes `info` from the first frame. `turn` makes the pictures upright, `start` is its time if the beginning is left out; `uncut` says that all
/// frames are wanted, `keep_hdr` that HDR stays HDR.
pub fn describe(
    input: &mut Input,
    picture: &mut frame::Video,
    turn: Turn,
    start: Option<i64>,
    (uncut, keep_hdr): (bool, bool),
    info: &mut VideoInfo,
) {
    (info.width, info.height) = turn.size(picture.width(), picture.height());
    let tags = ColorTags::of_frame(picture);
    info.color = if keep_hdr && tags.is_hdr() { tags } else { tags.once_read() };
    if info.color != tags {
        side_data::forget_hdr(&mut info.side_data);
    }
    // SAFETY: the guess reads both and changes neither.
    let aspect = unsafe {
        let context = input.as_mut_ptr();
        let stream = *(*context).streams.add(info.stream);
        ffi::av_guess_sample_aspect_ratio(context, stream, picture.as_mut_ptr())
    };
    info.aspect = Rational { num: aspect.num, den: aspect.den.max(1) };
    if turn.transposed && aspect.num > 0 {
        info.aspect = Rational { num: info.aspect.den, den: info.aspect.num };
    }
    info.origin = start.unwrap_or(info.origin);
    info.end = info.end.map(|end| end - info.origin);
    info.frames = expected_frames(input, info, uncut);
}

fn expected_frames(input: &Input, info: &VideoInfo, uncut: bool) -> Option<u64> {
    let stream = input.stream(info.stream)?;
    if uncut && stream.frames() > 0 {
        return Some(stream.frames().cast_unsigned());
    }
    let total = declared_end(input, info.stream, info.time_base).or_else(|| {
        let total = Some(input.duration()).filter(|&duration| duration > 0)?;
        Some(rescale(total, MICROSECONDS, info.time_base) + if uncut { info.origin } else { 0 })
    })?;
    let span = info.end.unwrap_or(i64::MAX).min(total - info.origin);
    Some((span.max(0) as f64 * info.time_base.as_f64() * info.frame_rate.as_f64()).round() as u64)
}

/// Takes the tag of linear light from a DPX: FFmpeg and others write it into pictures that have the curve of video.
pub fn distrust_dpx(picture: &mut frame::Video) {
    // SAFETY: plain fields of an own frame.
    unsafe {
        let raw = picture.as_mut_ptr();
        if (*raw).color_trc == ffi::AVColorTransferCharacteristic::AVCOL_TRC_LINEAR {
            (*raw).color_trc = ffi::AVColorTransferCharacteristic::AVCOL_TRC_UNSPECIFIED;
        }
    }
}

/// Warnings about properties of the first frame of `video` that the output does not keep.
pub fn warnings(video: &Path, picture: &frame::Video, keep_hdr: bool) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let format = pixel_format(picture);
    let depth = descriptor(format).map_or(8, |descriptor| descriptor.comp[0].depth);
    let tags = ColorTags::of_frame(picture);
    if tags.is_hdr() {
        if !keep_hdr {
            warnings.push(Warning::Hdr { video: video.into() });
        }
    } else if tags.needs_sdr() {
        warnings.push(Warning::WideGamut { video: video.into() });
    } else if depth > 8 {
        warnings.push(Warning::DeepColor {
            video: video.into(),
            bits: (!is_float(format)).then_some(depth.cast_unsigned()),
        });
    }
    if picture.is_interlaced() {
        warnings.push(Warning::Interlaced { video: video.into() });
    }
    warnings
}
