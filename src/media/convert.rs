//! Decoded pictures to RGB frames, and RGB frames to pictures for an encoder.
//!
//! The usual formats go through the `yuv` crate, which is several times faster than swscale; all others go through swscale.

use std::slice;

use ffmpeg_next::ffi::{self, AVPixelFormat, AVPixelFormat::*};
use ffmpeg_next::frame;
use yuv::{BufferStoreMut, YuvBiPlanarImage, YuvConversionMode, YuvError, YuvPlanarImage, YuvPlanarImageMut};

use super::color::ColorTags;
use super::scaler::{self, End, Scaler, pixel_format_name};
use crate::error::{Error, Result};
use crate::frame::Frame;

/// Pictures to RGB.
#[derive(Default)]
pub struct ToRgb {
    scaler: Scaler,
    packed: Option<frame::Video>,
}

impl ToRgb {
    /// Fills `frame`'s size and pixels from `picture`, whose numbers mean what `tags` say.
    ///
    /// # Errors
    /// The pixel format is one that nothing here can convert.
    pub fn convert(&mut self, picture: &frame::Video, tags: ColorTags, frame: &mut Frame) -> Result<()> {
        let (width, height) = (picture.width(), picture.height());
        frame.resize(width, height);
        let format = pixel_format(picture);
        let (range, matrix, stride) = (tags.yuv_range(), tags.matrix(height), width * 3);
        let (rgb, mode) = (frame.pixels.as_mut_slice(), YuvConversionMode::Balanced);
        // `yuv` 0.8.20 panics for 10 bits at widths of 32 n + 31: those go the slower way.
        let deep = cfg!(target_endian = "little") && width % 32 != 31;
        // yuvj* is FFmpeg's old name for full range; the decoder tags such frames as full besides.
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
            slot => slot.insert(scaler::allocate(AV_PIX_FMT_RGB24, width, height)?),
        };
        // swscale may write a little past the end of a row: it gets a padded picture, and the rows are copied out.
        self.scaler.convert(picture, from, packed, End { format: AV_PIX_FMT_RGB24, tags: from.tags })?;
        let (stride, row) = (packed.stride(0), width as usize * 3);
        for (to, from) in frame.pixels.chunks_exact_mut(row).zip(packed.data(0).chunks(stride)) {
            to.copy_from_slice(&from[..row]);
        }
        Ok(())
    }
}

/// RGB to pictures.
#[derive(Default)]
pub struct FromRgb {
    scaler: Scaler,
    packed: Option<frame::Video>,
}

impl FromRgb {
    /// Fills `picture` from the top left of `frame`, in the matrix and range of `tags`.
    ///
    /// # Errors
    /// The picture's pixel format is one that nothing here can convert to.
    pub fn convert(&mut self, frame: &Frame, tags: ColorTags, picture: &mut frame::Video) -> Result<()> {
        // SAFETY: the frame has buffers of its own; the call copies them if the encoder still holds them.
        let writable = unsafe { ffi::av_frame_make_writable(picture.as_mut_ptr()) };
        if writable < 0 {
            return Err(Error::failed(format!("cannot reuse a picture: {}", super::words(writable.into()))));
        }
        let (range, matrix, stride) = (tags.yuv_range(), tags.matrix(picture.height()), frame.width * 3);
        let (rgb, mode, format) = (&frame.pixels, YuvConversionMode::Balanced, pixel_format(picture));
        let converted = match format {
            AV_PIX_FMT_YUV420P | AV_PIX_FMT_YUVJ420P => {
                planar_mut(picture, |image| yuv::rgb_to_yuv420(image, rgb, stride, range, matrix, mode))
            }
            AV_PIX_FMT_YUV422P | AV_PIX_FMT_YUVJ422P => {
                planar_mut(picture, |image| yuv::rgb_to_yuv422(image, rgb, stride, range, matrix, mode))
            }
            AV_PIX_FMT_YUV444P | AV_PIX_FMT_YUVJ444P => {
                planar_mut(picture, |image| yuv::rgb_to_yuv444(image, rgb, stride, range, matrix, mode))
            }
            _ => return self.by_swscale(frame, picture, End { format, tags }),
        };
        converted.map_err(|error| failed(format, error))
    }

    fn by_swscale(&mut self, frame: &Frame, picture: &mut frame::Video, to: End) -> Result<()> {
        let packed = match &mut self.packed {
            Some(packed) if (packed.width(), packed.height()) == (frame.width, frame.height) => packed,
            slot => slot.insert(scaler::allocate(AV_PIX_FMT_RGB24, frame.width, frame.height)?),
        };
        let (stride, row) = (packed.stride(0), frame.width as usize * 3);
        for (to, from) in packed.data_mut(0).chunks_mut(stride).zip(frame.pixels.chunks_exact(row)) {
            to[..row].copy_from_slice(from);
        }
        self.scaler.convert(packed, End { format: AV_PIX_FMT_RGB24, tags: to.tags }, picture, to)
    }
}

/// The picture's pixel format.
pub(super) fn pixel_format(picture: &frame::Video) -> AVPixelFormat {
    // SAFETY: FFmpeg sets the field to a value of its own enumeration, whose header this was built with.
    unsafe { std::mem::transmute((*picture.as_ptr()).format) }
}

fn failed(format: AVPixelFormat, error: YuvError) -> Error {
    Error::failed(format!("cannot convert pixels of the format {}: {error}", pixel_format_name(format)))
}

/// Columns and rows of plane `index` of `picture`, in samples.
fn plane_size(picture: &frame::Video, index: usize) -> (usize, usize) {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    match scaler::descriptor(pixel_format(picture)) {
        Some(descriptor) if index > 0 => {
            (width.div_ceil(1 << descriptor.log2_chroma_w), height.div_ceil(1 << descriptor.log2_chroma_h))
        }
        _ => (width, height),
    }
}

/// One plane and its stride in samples of `T`; `samples` to a column. `None` for pictures stored upside down, or with
/// rows that do not start at whole samples, which swscale knows how to read.
fn plane<T>(picture: &frame::Video, index: usize, samples: usize) -> Option<(&[T], u32)> {
    let (columns, rows) = plane_size(picture, index);
    // SAFETY: reads two fields of a valid frame.
    let (data, stride) = unsafe { ((*picture.as_ptr()).data[index], (*picture.as_ptr()).linesize[index]) };
    let stride = usize::try_from(stride).ok()?;
    let size = size_of::<T>();
    if data.is_null()
        || stride < columns * samples * size
        || stride % size != 0
        || data.align_offset(align_of::<T>()) != 0
    {
        return None;
    }
    let len = stride / size * (rows - 1) + columns * samples;
    // SAFETY: the plane has `rows` rows `stride` bytes apart, of which the last holds at least its columns; the pointer is
    // aligned, and the data lives as long as the borrowed picture.
    Some((unsafe { slice::from_raw_parts(data.cast::<T>().cast_const(), len) }, (stride / size) as u32))
}

type Converted = Result<(), YuvError>;

fn planar<T: Copy + std::fmt::Debug>(
    picture: &frame::Video,
    convert: impl FnOnce(&YuvPlanarImage<'_, T>) -> Converted,
) -> Option<Converted> {
    let (y_plane, y_stride) = plane(picture, 0, 1)?;
    let (u_plane, u_stride) = plane(picture, 1, 1)?;
    let (v_plane, v_stride) = plane(picture, 2, 1)?;
    let (width, height) = (picture.width(), picture.height());
    Some(convert(&YuvPlanarImage { y_plane, y_stride, u_plane, u_stride, v_plane, v_stride, width, height }))
}

fn biplanar<T: Copy + std::fmt::Debug>(
    picture: &frame::Video,
    convert: impl FnOnce(&YuvBiPlanarImage<'_, T>) -> Converted,
) -> Option<Converted> {
    let (y_plane, y_stride) = plane(picture, 0, 1)?;
    let (uv_plane, uv_stride) = plane(picture, 1, 2)?;
    let (width, height) = (picture.width(), picture.height());
    Some(convert(&YuvBiPlanarImage { y_plane, y_stride, uv_plane, uv_stride, width, height }))
}

fn planar_mut(
    picture: &mut frame::Video,
    convert: impl FnOnce(&mut YuvPlanarImageMut<'_, u8>) -> Converted,
) -> Converted {
    let (width, height) = (picture.width(), picture.height());
    let [y, u, v] = [0, 1, 2].map(|index| {
        let (_, rows) = plane_size(picture, index);
        // SAFETY: the frame was allocated here with three planes of whole rows, top row first, rows `linesize` bytes apart;
        // the planes do not overlap, and live as long as the borrowed picture. `yuv` skips a last row that is cut short.
        unsafe {
            let raw = picture.as_mut_ptr();
            let stride = (*raw).linesize[index] as usize;
            (slice::from_raw_parts_mut((*raw).data[index], stride * rows), stride as u32)
        }
    });
    convert(&mut YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(y.0),
        y_stride: y.1,
        u_plane: BufferStoreMut::Borrowed(u.0),
        u_stride: u.1,
        v_plane: BufferStoreMut::Borrowed(v.0),
        v_stride: v.1,
        width,
        height,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::color::tests::untagged;

    /// Smooth, so that halved chroma loses next to nothing.
    fn gradient(width: u32, height: u32) -> Frame {
        let mut frame = Frame::new(width, height);
        for (place, pixel) in frame.pixels.chunks_exact_mut(3).enumerate() {
            let (x, y) = (place as u32 % width, place as u32 / width);
            pixel.copy_from_slice(&[(40 + x / 2) as u8, (200 - x / 2) as u8, (60 + 2 * y) as u8]);
        }
        frame
    }

    #[test]
    fn pixels_survive_the_way_through_every_format_at_every_width() {
        let formats = [
            AV_PIX_FMT_YUV420P,
            AV_PIX_FMT_YUV422P,
            AV_PIX_FMT_YUV444P,
            AV_PIX_FMT_NV12,
            AV_PIX_FMT_YUV420P10LE,
            AV_PIX_FMT_YUV422P10LE,
            AV_PIX_FMT_YUV444P10LE,
            AV_PIX_FMT_P010LE,
            AV_PIX_FMT_GBRP,
        ];
        for format in formats {
            let mut wrong = Vec::new();
            for width in (1..=130).chain([160, 161, 200, 223, 224, 255, 288]) {
                let frame = gradient(width, 5);
                let mut picture = scaler::allocate(format, width, 5).unwrap();
                FromRgb::default().convert(&frame, untagged(), &mut picture).unwrap();
                let mut back = Frame::default();
                ToRgb::default().convert(&picture, untagged(), &mut back).unwrap();
                let worst = frame.pixels.iter().zip(&back.pixels).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
                // swscale, which writes these formats here, leaves out the last chroma column of an odd width.
                let excused = width % 2 == 1
                    && matches!(
                        format,
                        AV_PIX_FMT_NV12 | AV_PIX_FMT_YUV420P10LE | AV_PIX_FMT_YUV422P10LE | AV_PIX_FMT_P010LE
                    );
                if worst > 6 && !excused {
                    wrong.push((width, worst));
                }
            }
            assert!(wrong.is_empty(), "{}: {wrong:?}", pixel_format_name(format));
        }
    }
}
