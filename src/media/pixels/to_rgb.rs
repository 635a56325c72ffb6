//! Decoded pictures to RGB frames.

use std::sync::Arc;

use ffmpeg_next::ffi::{self, AVPixelFormat::*};
use ffmpeg_next::frame;
use yuv::YuvConversionMode;

use super::color::ColorTags;
use super::format::{allocate, pixel_format};
use super::planes::{biplanar, failed, planar};
use super::scaler::{End, Scaler};
use super::sdr::{ToSdr, USUAL_PEAK};
use crate::error::Result;
use crate::frame::{Frame, HdrOriginal};

/// Converts pictures to RGB; keeps its buffers between pictures.
#[derive(Default)]
pub struct ToRgb {
    scaler: Scaler,
    packed: Option<frame::Video>,
    /// Pixels of 16 bits, and how they become SDR.
    deep: Option<frame::Video>,
    to_sdr: Option<ToSdr>,
    /// Whether frames carry the HDR picture that they were made from.
    keeps_hdr: bool,
}

impl ToRgb {
    /// A converter whose frames carry the HDR picture that they were made from, if `keeps_hdr`.
    pub fn new(keeps_hdr: bool) -> Self {
        Self { keeps_hdr, ..Self::default() }
    }

    /// Sets the size and pixels of `frame` from `picture`, read as `tags` say. HDR and wide gamuts become SDR in BT.709.
    ///
    /// # Errors
    /// Neither `yuv` nor swscale can read the pixel format.
    pub fn convert(&mut self, picture: &frame::Video, tags: ColorTags, frame: &mut Frame) -> Result<()> {
        let (width, height) = (picture.width(), picture.height());
        frame.resize(width, height);
        frame.hdr = None;
        let format = pixel_format(picture);
        if tags.needs_sdr() {
            return self.by_tables(picture, End { format, tags }, frame);
        }
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

    fn by_tables(&mut self, picture: &frame::Video, from: End, frame: &mut Frame) -> Result<()> {
        let (width, height) = (frame.width, frame.height);
        let peak = peak(picture).unwrap_or(USUAL_PEAK);
        let to_sdr = match self.to_sdr.take() {
            Some(known) if known.fits(from.tags, peak) => Some(known),
            _ => ToSdr::new(from.tags, peak),
        };
        let Some(to_sdr) = to_sdr else { return self.by_swscale(picture, from, frame) };
        let to_sdr = self.to_sdr.insert(to_sdr);
        let deep = match &mut self.deep {
            Some(deep) if (deep.width(), deep.height()) == (width, height) => deep,
            slot => slot.insert(allocate(ffi::AV_PIX_FMT_RGB48, width, height)?),
        };
        self.scaler.convert(picture, from, deep, End { format: ffi::AV_PIX_FMT_RGB48, tags: from.tags })?;
        let (stride, row) = (deep.stride(0), width as usize * 3);
        let mut codes = vec![0; row];
        let keeps = self.keeps_hdr && from.tags.is_hdr();
        let mut original = Vec::with_capacity(if keeps { frame.pixels.len() } else { 0 });
        for (to, from) in frame.pixels.chunks_exact_mut(row).zip(deep.data(0).chunks(stride)) {
            for (code, bytes) in codes.iter_mut().zip(from.as_chunks::<2>().0) {
                *code = u16::from_ne_bytes(*bytes);
            }
            to_sdr.row(&codes, to);
            if keeps {
                original.extend_from_slice(&codes);
            }
        }
        if keeps {
            let seen = frame.pixels.clone();
            frame.hdr = Some(Arc::new(HdrOriginal { codes: original, seen, peak: peak as u32 }));
        }
        Ok(())
    }
}

/// The brightness that a picture was graded for in cd/m², if it says.
fn peak(picture: &frame::Video) -> Option<f32> {
    /// Places of numbers in FFmpeg's `AVMasteringDisplayMetadata`, which is made of integers: the largest luminance as a
    /// ratio, and whether it is known.
    const MAX_LUMINANCE: usize = 18;
    const HAS_LUMINANCE: usize = 21;
    let kind = frame::side_data::Type::MasteringDisplayMetadata;
    let data = picture.side_data(kind)?;
    let number = |place: usize| Some(i32::from_ne_bytes(*data.data().get(place * 4..)?.first_chunk()?));
    let (num, den) = (number(MAX_LUMINANCE)?, number(MAX_LUMINANCE + 1)?);
    (number(HAS_LUMINANCE)? != 0 && num > 0 && den > 0).then(|| num as f32 / den as f32)
}
