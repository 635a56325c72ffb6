//! Decoded pictures to RGB frames.

use ffmpeg_next::ffi::AVPixelFormat::*;
use ffmpeg_next::frame;
use yuv::YuvConversionMode;

use super::color::ColorTags;
use super::format::{allocate, pixel_format};
use super::planes::{biplanar, failed, planar};
use super::scaler::{End, Scaler};
use crate::error::Result;
use crate::frame::Frame;

/// Converts pictures to RGB; keeps its buffers between pictures.
#[derive(Default)]
pub struct ToRgb {
    scaler: Scaler,
    packed: Option<frame::Video>,
}

impl ToRgb {
    /// Sets the size and pixels of `frame` from `picture`, read as `tags` say.
    ///
    /// # Errors
    /// Neither `yuv` nor swscale can read the pixel format.
    pub fn convert(&mut self, picture: &frame::Video, tags: ColorTags, frame: &mut Frame) -> Result<()> {
        let (width, height) = (picture.width(), picture.height());
        frame.resize(width, height);
        let format = pixel_format(picture);
        let (range, matrix, stride) = (tags.yuv_range(), tags.matrix(height), width * 3);
        let (rgb, mode) = (frame.pixels.as_mut_slice(), YuvConversionMode::Balanced);
        // `yuv` 0.8.20 panics for 10 bits at widths of 32 n + 31: swscale takes those.
        let deep = cfg!(target_endian = "little") && width % 32 != 31;
        // yuvj* is FFmpeg's old name for full range; `ColorTags::of_frame` tags such frames as full.
        let converted = match format {
            AV_PIX_FMT_YUV420P | AV_PIX_FMT_YUVJ420P => {
                planar(picture, |image| yuv::yuv420_to_rgb(image, rgb, stride, range, matrix))
            }
            AV_PIX_FMT_YUV422P | AV_PIX_FMT_YUVJ422P => {
                planar(picture, |image| yuv::yuv422_to_rgb(image, rgb, stride, range, matrix))
            }
            AV_PIX_FMT_YUV444P | AV_PIX_FMT_YUVJ444P => {
                planar(picture, |image| yuv::yuv444_to_rgb(image, rgb, stride, range, matrix))
            }
            AV_PIX_FMT_YUV420P10LE if deep => {
                planar(picture, |image| yuv::i010_to_rgb(image, rgb, stride, range, matrix))
            }
            AV_PIX_FMT_YUV422P10LE if deep => {
                planar(picture, |image| yuv::i210_to_rgb(image, rgb, stride, range, matrix))
            }
            AV_PIX_FMT_NV12 => biplanar(picture, |image| yuv::yuv_nv12_to_rgb(image, rgb, stride, range, matrix, mode)),
            AV_PIX_FMT_P010LE if deep => {
                biplanar(picture, |image| yuv::p010_to_rgb(image, rgb, stride, range, matrix, mode))
            }
            _ => None,
        };
        match converted {
            Some(converted) => converted.map_err(|error| failed(format, error)),
            None => self.by_swscale(picture, End { format, tags }, frame),
        }
    }

    fn by_swscale(&mut self, picture: &frame::Video, from: End, frame: &mut Frame) -> Result<()> {
        let (width, height) = (frame.width, frame.height);
        let packed = match &mut self.packed {
            Some(packed) if (packed.width(), packed.height()) == (width, height) => packed,
            slot => slot.insert(allocate(AV_PIX_FMT_RGB24, width, height)?),
        };
        // swscale may write a little past the end of a row, so it gets a padded picture and the rows are copied out.
        self.scaler.convert(picture, from, packed, End { format: AV_PIX_FMT_RGB24, tags: from.tags })?;
        let (stride, row) = (packed.stride(0), width as usize * 3);
        for (to, from) in frame.pixels.chunks_exact_mut(row).zip(packed.data(0).chunks(stride)) {
            to.copy_from_slice(&from[..row]);
        }
        Ok(())
    }
}
