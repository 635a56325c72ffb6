//! Any pixel format to any other, by FFmpeg's swscale, with the colour matrix and range said.

use std::ptr;

use ffmpeg_next::ffi::{self, AVPixelFormat};
use ffmpeg_next::frame;
use ffmpeg_next::software::scaling::Flags;

use super::color::ColorTags;
use crate::error::{Error, Result};

/// One end of a conversion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct End {
    /// Of the pixels.
    pub format: AVPixelFormat,
    /// What the numbers mean, where they are YUV.
    pub tags: ColorTags,
}

/// What a context was made for: columns, rows, and both ends.
type Job = (u32, u32, End, End);

/// Converts pictures of one size; rebuilt when the size, a format or a tag changes.
#[derive(Debug, Default)]
pub struct Scaler {
    context: Option<(*mut ffi::SwsContext, Job)>,
}

// SAFETY: the context is owned by this value alone, and swscale keeps no thread-local state.
unsafe impl Send for Scaler {}

impl Scaler {
    /// Converts `source` into `target`, which has buffers of its own and the same size.
    pub fn convert(&mut self, source: &frame::Video, from: End, target: &mut frame::Video, to: End) -> Result<()> {
        let (width, height) = (source.width().min(target.width()), source.height().min(target.height()));
        let context = self.context(width, height, from, to)?;
        // SAFETY: both frames have at least `height` rows of `width` pixels in the formats that the context was made for.
        let rows = unsafe {
            let (source, target) = (source.as_ptr(), target.as_mut_ptr());
            let planes = (*source).data.as_ptr().cast::<*const u8>();
            let strides = (*source).linesize.as_ptr();
            let (to, to_strides) = ((*target).data.as_ptr(), (*target).linesize.as_ptr());
            ffi::sws_scale(context, planes, strides, 0, height as i32, to, to_strides)
        };
        if rows < 0 {
            Err(Error::failed(format!("cannot convert pixels: {}", super::words(rows.into()))))
        } else {
            Ok(())
        }
    }

    fn context(&mut self, width: u32, height: u32, from: End, to: End) -> Result<*mut ffi::SwsContext> {
        let key = (width, height, from, to);
        if let Some((context, of)) = self.context
            && of == key
        {
            return Ok(context);
        }
        self.free();
        let flags = (Flags::BICUBIC | Flags::ACCURATE_RND | Flags::FULL_CHR_H_INT).bits();
        let (w, h) = (width as i32, height as i32);
        // SAFETY: plain numbers and no filters; null is returned where the formats are not supported.
        let context = unsafe {
            let none = ptr::null_mut();
            ffi::sws_getContext(w, h, from.format, w, h, to.format, flags, none, none, ptr::null())
        };
        if context.is_null() {
            let name = pixel_format_name(from.format);
            return Err(Error::failed(format!("FFmpeg cannot convert pixels of the format {name}")));
        }
        let range = |end: End| i32::from(end.tags.is_full() || !is_yuv(end.format));
        // SAFETY: the context is fresh, the tables are static, and the last three are neutral.
        unsafe {
            let table = |end: End| ffi::sws_getCoefficients(end.tags.resolved_space(height) as i32);
            // Formats without a matrix refuse this, and need none.
            ffi::sws_setColorspaceDetails(context, table(from), range(from), table(to), range(to), 0, 1 << 16, 1 << 16);
        }
        self.context = Some((context, key));
        Ok(context)
    }

    fn free(&mut self) {
        if let Some((context, _)) = self.context.take() {
            // SAFETY: made by sws_getContext and not freed before.
            unsafe { ffi::sws_freeContext(context) };
        }
    }
}

impl Drop for Scaler {
    fn drop(&mut self) {
        self.free();
    }
}

/// FFmpeg's name of a pixel format.
pub fn pixel_format_name(format: AVPixelFormat) -> String {
    // SAFETY: the name is a static string, or null for an unknown format.
    unsafe {
        let name = ffi::av_get_pix_fmt_name(format);
        if name.is_null() { "unknown".into() } else { std::ffi::CStr::from_ptr(name).to_string_lossy().into_owned() }
    }
}

/// What is fixed about a pixel format; `None` for an unknown one.
pub fn descriptor(format: AVPixelFormat) -> Option<&'static ffi::AVPixFmtDescriptor> {
    // SAFETY: a pointer into a static table, or null.
    unsafe { ffi::av_pix_fmt_desc_get(format).as_ref() }
}

/// Whether the format holds luma and chroma (or luma only) rather than RGB or a palette.
pub fn is_yuv(format: AVPixelFormat) -> bool {
    let not_yuv = (ffi::AV_PIX_FMT_FLAG_RGB | ffi::AV_PIX_FMT_FLAG_PAL) as u64;
    descriptor(format).is_some_and(|descriptor| descriptor.flags & not_yuv == 0)
}

/// A frame with buffers of its own.
pub fn allocate(format: AVPixelFormat, width: u32, height: u32) -> Result<frame::Video> {
    let mut picture = frame::Video::empty();
    // SAFETY: the frame is empty; its format and size are set before its buffers are made.
    let made = unsafe {
        let raw = picture.as_mut_ptr();
        ((*raw).format, (*raw).width, (*raw).height) = (format as i32, width as i32, height as i32);
        ffi::av_frame_get_buffer(raw, 0)
    };
    if made < 0 {
        return Err(Error::failed(format!("cannot make a {width}x{height} picture: {}", super::words(made.into()))));
    }
    Ok(picture)
}
