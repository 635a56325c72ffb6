//! Any pixel format to any other through FFmpeg's swscale, with an explicit colour matrix and range.

use std::ptr;

use ffmpeg_next::ffi::{self, AVPixelFormat};
use ffmpeg_next::frame;
use ffmpeg_next::software::scaling::Flags;

use super::color::ColorTags;
use super::format::{is_yuv, pixel_format_name};
use crate::error::{Error, Result};
use crate::media::ffmpeg::check;

/// One end of a conversion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct End {
    /// The pixel format.
    pub format: AVPixelFormat,
    /// What the numbers mean if they are YUV.
    pub tags: ColorTags,
}

/// What a context was made for: width, height, and both ends.
type Conversion = (u32, u32, End, End);

/// Converts pictures of one size; rebuilt when the size, a format or a tag changes.
#[derive(Debug, Default)]
pub struct Scaler {
    context: Option<(*mut ffi::SwsContext, Conversion)>,
}

// SAFETY: the context is owned by this value alone, and swscale keeps no thread-local state.
unsafe impl Send for Scaler {}

impl Scaler {
    /// Converts `source` into `target`, which has buffers of its own and the same size.
    ///
    /// # Errors
    /// swscale does not support one of the formats.
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
        check(rows, "cannot convert pixels")
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
        // SAFETY: plain numbers and no filters; returns null if a format is not supported.
        let context = unsafe {
            let none = ptr::null_mut();
            ffi::sws_getContext(w, h, from.format, w, h, to.format, flags, none, none, ptr::null())
        };
        if context.is_null() {
            let name = pixel_format_name(from.format);
            return Err(Error::failed(format!("FFmpeg cannot convert the pixel format {name}")));
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
