//! RGB frames to pictures for an encoder.

use ffmpeg_next::ffi::{self, AVPixelFormat::*};
use ffmpeg_next::frame;
use yuv::YuvConversionMode;

use super::color::ColorTags;
use super::format::{allocate, pixel_format};
use super::hdr::ToHdr;
use super::planes::{failed, planar_mut};
use super::scaler::{End, Scaler};
use super::sdr::USUAL_PEAK;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::media::ffmpeg::check;

/// Converts RGB to pictures; keeps its buffers between pictures.
#[derive(Default)]
pub struct FromRgb {
    scaler: Scaler,
    packed: Option<frame::Video>,
    /// Pixels of 16 bits, and how a painting becomes HDR.
    deep: Option<frame::Video>,
    to_hdr: Option<ToHdr>,
}

impl FromRgb {
    /// Fills `picture` from the top left of `frame`, in the matrix and range of `tags`. Where those say HDR, it becomes HDR
    /// again.
    ///
    /// # Errors
    /// Neither `yuv` nor swscale can write the picture's pixel format.
    pub fn convert(&mut self, frame: &Frame, tags: ColorTags, picture: &mut frame::Video) -> Result<()> {
        // SAFETY: the frame has buffers of its own; the call copies them if the encoder still holds them.
        let writable = unsafe { ffi::av_frame_make_writable(picture.as_mut_ptr()) };
        check(writable, "cannot reuse a picture")?;
        if tags.is_hdr() {
            return self.by_hdr_tables(frame, tags, picture);
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

    fn by_hdr_tables(&mut self, frame: &Frame, tags: ColorTags, picture: &mut frame::Video) -> Result<()> {
        let len = frame.pixels.len();
        let original = frame.hdr.as_deref().filter(|original| [original.codes.len(), original.seen.len()] == [len; 2]);
        let peak = original.map_or(USUAL_PEAK, |original| original.peak as f32);
        let to_hdr = match self.to_hdr.take().filter(|known| known.fits(tags, peak)) {
            Some(known) => known,
            None => ToHdr::new(tags, peak).ok_or_else(|| Error::internal("HDR without an HDR curve"))?,
        };
        let to_hdr = self.to_hdr.insert(to_hdr);
        let deep = match &mut self.deep {
            Some(deep) if (deep.width(), deep.height()) == (frame.width, frame.height) => deep,
            slot => slot.insert(allocate(ffi::AV_PIX_FMT_RGB48, frame.width, frame.height)?),
        };
        let (stride, row) = (deep.stride(0), frame.width as usize * 3);
        let mut codes = vec![0; row];
        for (y, (to, painted)) in deep.data_mut(0).chunks_mut(stride).zip(frame.pixels.chunks_exact(row)).enumerate() {
            let part = y * row..(y + 1) * row;
            match original {
                Some(original) => {
                    to_hdr.row(&original.codes[part.clone()], &original.seen[part], painted, &mut codes);
                }
                None => to_hdr.plain_row(painted, &mut codes),
            }
            for (bytes, code) in to.as_chunks_mut::<2>().0.iter_mut().zip(&codes) {
                *bytes = code.to_ne_bytes();
            }
        }
        let from = End { format: ffi::AV_PIX_FMT_RGB48, tags };
        let to = End { format: pixel_format(picture), tags };
        self.scaler.convert(deep, from, picture, to)
    }

    fn by_swscale(&mut self, frame: &Frame, picture: &mut frame::Video, to: End) -> Result<()> {
        let packed = match &mut self.packed {
            Some(packed) if (packed.width(), packed.height()) == (frame.width, frame.height) => packed,
            slot => slot.insert(allocate(AV_PIX_FMT_RGB24, frame.width, frame.height)?),
        };
        let (stride, row) = (packed.stride(0), frame.width as usize * 3);
        for (to, from) in packed.data_mut(0).chunks_mut(stride).zip(frame.pixels.chunks_exact(row)) {
            to[..row].copy_from_slice(from);
        }
        self.scaler.convert(packed, End { format: AV_PIX_FMT_RGB24, tags: to.tags }, picture, to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::pixels::color::tests::untagged;
    use crate::media::pixels::format::pixel_format_name;
    use crate::media::pixels::to_rgb::ToRgb;

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
    fn pixels_survive_a_round_trip_through_every_format_at_every_width() {
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
                let mut picture = allocate(format, width, 5).unwrap();
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
