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
