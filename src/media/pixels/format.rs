//! Facts about FFmpeg's pixel formats.

use std::ffi::CStr;

use ffmpeg_next::ffi::{self, AVPixelFormat};
use ffmpeg_next::frame;

use crate::error::{Error, Result};
use crate::media::ffmpeg::reason;

/// A picture's pixel format.
pub fn pixel_format(picture: &frame::Video) -> AVPixelFormat {
    // SAFETY: FFmpeg sets the field to a value of its own enumeration, whose header this was built with.
    unsafe { std::mem::transmute((*picture.as_ptr()).format) }
}

/// FFmpeg's name of a pixel format.
pub fn pixel_format_name(format: AVPixelFormat) -> String {
    // SAFETY: the name is a static string, or null for an unknown format.
    unsafe {
        let name = ffi::av_get_pix_fmt_name(format);
        if name.is_null() { "unknown".into() } else { CStr::from_ptr(name).to_string_lossy().into_owned() }
    }
}

/// FFmpeg's description of a pixel format; `None` for an unknown one.
pub fn descriptor(format: AVPixelFormat) -> Option<&'static ffi::AVPixFmtDescriptor> {
    // SAFETY: a pointer into a static table, or null.
    unsafe { ffi::av_pix_fmt_desc_get(format).as_ref() }
}

/// Whether the format holds luma and chroma (or luma only) rather than RGB or a palette.
pub fn is_yuv(format: AVPixelFormat) -> bool {
    let not_yuv = (ffi::AV_PIX_FMT_FLAG_RGB | ffi::AV_PIX_FMT_FLAG_PAL) as u64;
    descriptor(format).is_some_and(|descriptor| descriptor.flags & not_yuv == 0)
}

/// Whether the samples of the format are floating-point numbers.
pub fn is_float(format: AVPixelFormat) -> bool {
    descriptor(format).is_some_and(|descriptor| descriptor.flags & ffi::AV_PIX_FMT_FLAG_FLOAT as u64 != 0)
}

/// Whether the format holds luma alone, or luma and opacity.
pub fn is_grey(format: AVPixelFormat) -> bool {
    let not_grey = (ffi::AV_PIX_FMT_FLAG_RGB | ffi::AV_PIX_FMT_FLAG_PAL | ffi::AV_PIX_FMT_FLAG_BITSTREAM) as u64;
    descriptor(format).is_some_and(|descriptor| descriptor.nb_components <= 2 && descriptor.flags & not_grey == 0)
}

/// Whether the format can hold transparency.
pub fn has_alpha(format: AVPixelFormat) -> bool {
    descriptor(format).is_some_and(|descriptor| descriptor.flags & ffi::AV_PIX_FMT_FLAG_ALPHA as u64 != 0)
}

/// Whether any pixel of `picture` is not opaque.
pub fn is_transparent(picture: &frame::Video) -> bool {
    let format = pixel_format(picture);
    let Some(descriptor) = descriptor(format).filter(|_| has_alpha(format)) else { return false };
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let rows = |plane: usize, bytes: usize| {
        (0..height).map(move |row| {
            // SAFETY: the plane has `height` rows, `linesize` bytes apart in either direction, of at least `bytes` bytes,
            // and lives as long as the borrowed picture.
            unsafe {
                let raw = picture.as_ptr();
                let start = (*raw).data[plane].offset(row as isize * (*raw).linesize[plane] as isize);
                std::slice::from_raw_parts(start.cast_const(), bytes)
            }
        })
    };
    if descriptor.flags & ffi::AV_PIX_FMT_FLAG_PAL as u64 != 0 {
        // SAFETY: a palette has 256 entries of four bytes in the machine's own order.
        let palette = unsafe { std::slice::from_raw_parts((*picture.as_ptr()).data[1].cast::<u32>(), 256) };
        return rows(0, width).flatten().any(|&index| palette[usize::from(index)] >> 24 != 255);
    }
    let alpha = descriptor.comp[usize::from(descriptor.nb_components) - 1];
    let (step, offset) = (alpha.step as usize, alpha.offset as usize);
    let mut rows = rows(alpha.plane as usize, step * width);
    let is_float = descriptor.flags & ffi::AV_PIX_FMT_FLAG_FLOAT as u64 != 0;
    let is_big = descriptor.flags & ffi::AV_PIX_FMT_FLAG_BE as u64 != 0;
    let opaque = (1u32 << alpha.depth.clamp(1, 16)) - 1;
    match (is_float, alpha.depth) {
        // What FFmpeg cannot show as integers it hardly ever delivers; nothing is said of it.
        (true, _) => false,
        (_, ..=8) => rows.any(|row| row.iter().skip(offset).step_by(step).any(|&value| u32::from(value) != opaque)),
        _ => rows.any(|row| {
            row.chunks_exact(step).any(|pixel| {
                let bytes = [pixel[offset], pixel[offset + 1]];
                let value = if is_big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
                (u32::from(value) >> alpha.shift) & opaque != opaque
            })
        }),
    }
}

/// Makes a picture with buffers of its own.
///
/// # Errors
/// There is not enough memory, or the size is 0.
pub fn allocate(format: AVPixelFormat, width: u32, height: u32) -> Result<frame::Video> {
    let mut picture = frame::Video::empty();
    // SAFETY: the frame is empty; its format and size are set before its buffers are made.
    let made = unsafe {
        let raw = picture.as_mut_ptr();
        ((*raw).format, (*raw).width, (*raw).height) = (format as i32, width as i32, height as i32);
        ffi::av_frame_get_buffer(raw, 0)
    };
    if made < 0 {
        return Err(Error::failed(format!("cannot allocate a {width}x{height} picture: {}", reason(made.into()))));
    }
    Ok(picture)
}
