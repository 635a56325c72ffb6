//! Frames without compression, for other programs: Y4M, which says what they are, or their bytes alone.

use std::ffi::CString;
use std::io::Write;
use std::path::Path;
use std::str::FromStr;

use ffmpeg_next::ffi::{self, AVChromaLocation, AVPixelFormat};
use ffmpeg_next::frame;

use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::media::info::{FrameFormat, VideoInfo};
use crate::media::pixels::{ColorTags, FromRgb, allocate, pixel_format};

/// The format of frames that go to a pipe. Parses `y4m` and `raw`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plain {
    /// YUV4MPEG2: a header with size, rate and layout, and a line before each frame.
    #[default]
    Y4m,
    /// The bytes of one frame after the other.
    Raw,
}

impl FromStr for Plain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "y4m" => Ok(Self::Y4m),
            "raw" => Ok(Self::Raw),
            _ => Err("no such format; choose y4m or raw".into()),
        }
    }
}

/// Writes frames to a stream.
pub struct PlainFrames<W> {
    to: W,
    layout: Plain,
    from_rgb: FromRgb,
    picture: frame::Video,
    tags: ColorTags,
    bytes: Vec<u8>,
}

impl<W: Write> PlainFrames<W> {
    /// Begins the stream with the header, if the layout has one. `pixels` is FFmpeg's name of their format; by default `yuv420p` for
    /// Y4M and `rgb24` for raw frames.
    ///
    /// # Errors
    /// The layout has no such pixel format, or the stream cannot be written.
    pub fn begin(
        mut to: W,
        layout: Plain,
        info: &VideoInfo,
        format: &FrameFormat,
        pixels: Option<&str>,
    ) -> Result<Self> {
        let name = pixels.unwrap_or(if layout == Plain::Y4m { "yuv420p" } else { "rgb24" });
        let found = find(name)?;
        let tags = info.color.for_output(info.height, format.height);
        let picture = allocate(found, format.width, format.height)?;
        if layout == Plain::Y4m {
            let header = header(found, tags, format).ok_or_else(|| {
                Error::usage(format!(
                    "Y4M has no pixel format '{name}'; choose yuv420p, yuv422p, yuv444p, gray, or --format raw"
                ))
            })?;
            to.write_all(header.as_bytes()).map_err(|error| failed(&error))?;
        }
        Ok(Self { to, layout, from_rgb: FromRgb::default(), picture, tags, bytes: Vec::new() })
    }

    /// Writes one frame.
    ///
    /// # Errors
    /// The frame cannot be converted, or nobody reads the stream.
    pub fn put(&mut self, frame: &Frame) -> Result<()> {
        self.from_rgb.convert(frame, self.tags, &mut self.picture)?;
        self.bytes.clear();
        if self.layout == Plain::Y4m {
            self.bytes.extend_from_slice(b"FRAME\n");
        }
        let start = self.bytes.len();
        // SAFETY: the picture is valid; FFmpeg fills the bytes that it asked for, planes without gaps one after the other.
        let copied = unsafe {
            let raw = self.picture.as_ptr();
            let (format, width, height) = (pixel_format(&self.picture), (*raw).width, (*raw).height);
            let size = ffi::av_image_get_buffer_size(format, width, height, 1);
            self.bytes.resize(start + size.max(0).cast_unsigned() as usize, 0);
            let (data, lines) = ((*raw).data.as_ptr().cast(), (*raw).linesize.as_ptr());
            let to = self.bytes[start..].as_mut_ptr();
            ffi::av_image_copy_to_buffer(to, size, data, lines, format, width, height, 1)
        };
        if copied < 0 {
            return Err(Error::failed("FFmpeg cannot lay out a frame of this pixel format; choose another --pix-fmt"));
        }
        self.to.write_all(&self.bytes).and_then(|()| self.to.flush()).map_err(|error| failed(&error))
    }

    /// Ends a stream without frames, too: its header may still be held back.
    ///
    /// # Errors
    /// Nobody reads the stream.
    pub fn finish(mut self) -> Result<()> {
        self.to.flush().map_err(|error| failed(&error))
    }
}

fn failed(error: &std::io::Error) -> Error {
    Error::writing(Path::new("the pipe"), error)
}

/// The pixel format of this name.
fn find(name: &str) -> Result<AVPixelFormat> {
    let unknown = || Error::usage(format!("FFmpeg knows no pixel format '{name}'; `ffmpeg -pix_fmts` lists them"));
    let raw = CString::new(name).map_err(|_| unknown())?;
    // SAFETY: the name ends in zero; FFmpeg looks it up in a static table.
    let format = unsafe { ffi::av_get_pix_fmt(raw.as_ptr()) };
    if format == AVPixelFormat::AV_PIX_FMT_NONE { Err(unknown()) } else { Ok(format) }
}

/// The first line of a Y4M stream; `None` if it has no name for the pixel format.
fn header(pixels: AVPixelFormat, tags: ColorTags, format: &FrameFormat) -> Option<String> {
    use AVPixelFormat::*;
    let layout = match pixels {
        AV_PIX_FMT_YUV420P | AV_PIX_FMT_YUVJ420P => match tags.chroma {
            AVChromaLocation::AVCHROMA_LOC_LEFT => "420mpeg2 XYSCSS=420MPEG2",
            AVChromaLocation::AVCHROMA_LOC_TOPLEFT => "420paldv XYSCSS=420PALDV",
            _ => "420jpeg XYSCSS=420JPEG",
        },
        AV_PIX_FMT_YUV422P | AV_PIX_FMT_YUVJ422P => "422 XYSCSS=422",
        AV_PIX_FMT_YUV444P | AV_PIX_FMT_YUVJ444P => "444 XYSCSS=444",
        AV_PIX_FMT_GRAY8 => "mono",
        _ => return None,
    };
    let FrameFormat { width, height, frame_rate: rate, aspect, .. } = format;
    let range = if tags.is_full() { "FULL" } else { "LIMITED" };
    let (num, den) = (rate.num, rate.den);
    let (across, down) = (aspect.num, if aspect.num == 0 { 0 } else { aspect.den });
    Some(format!("YUV4MPEG2 W{width} H{height} F{num}:{den} Ip A{across}:{down} C{layout} XCOLORRANGE={range}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Rational;

    #[test]
    fn the_header_tells_size_rate_shape_layout_and_range() {
        let info = VideoInfo::of_pictures(6, 4, 25);
        let rate = Rational { num: 30000, den: 1001 };
        let aspect = Rational { num: 64, den: 45 };
        let format = FrameFormat { width: 6, height: 4, time_base: info.time_base, frame_rate: rate, aspect };
        let mut bytes = Vec::new();
        let mut frames = PlainFrames::begin(&mut bytes, Plain::Y4m, &info, &format, None).unwrap();
        frames.put(&Frame::new(6, 4)).unwrap();
        frames.put(&Frame::new(6, 4)).unwrap();
        frames.finish().unwrap();
        let line = b"YUV4MPEG2 W6 H4 F30000:1001 Ip A64:45 C420mpeg2 XYSCSS=420MPEG2 XCOLORRANGE=LIMITED\n";
        assert!(bytes.starts_with(line), "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(bytes.len(), line.len() + 2 * (6 + 36));
        // Black of limited range.
        assert_eq!(bytes[line.len()..][..7], *b"FRAME\n\x10");
    }

    #[test]
    fn raw_frames_are_bytes_alone_in_the_format_that_was_asked_for() {
        let info = VideoInfo::of_pictures(5, 3, 25);
        let (time_base, frame_rate, aspect) = (info.time_base, info.frame_rate, info.aspect);
        let format = FrameFormat { width: 5, height: 3, time_base, frame_rate, aspect };
        for (name, length) in [(None, 45), (Some("bgra"), 60), (Some("yuv420p"), 15 + 12)] {
            let mut bytes = Vec::new();
            let mut frames = PlainFrames::begin(&mut bytes, Plain::Raw, &info, &format, name).unwrap();
            frames.put(&Frame { pixels: vec![200; 45], ..Frame::new(5, 3) }).unwrap();
            frames.finish().unwrap();
            assert_eq!(bytes.len(), length, "{name:?}");
        }
        let refused = PlainFrames::begin(Vec::new(), Plain::Y4m, &info, &format, Some("rgb24")).err().unwrap();
        assert_eq!(refused.exit_code(), 2);
    }
}
