//! Reads the frames of a video file or stream.

mod indexed;
mod rate;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use self::indexed::{Held, Part};
use self::rate::ConstantRate;
use super::{Source, SourceFormat};
use crate::error::Result;
use crate::frame::{Frame, HdrOriginal, MaxPixels, Rational};
use crate::kernel::resize::Resizer;
use crate::media::options::{Deinterlace, FrameRate, SizeRequest};
use crate::media::pixels::ColorTags;
use crate::media::read::{DecodeOptions, Decoder, Index};
use crate::media::{FrameFormat, VideoInfo};
use crate::size::Size;
use crate::warning::Warning;

/// Decodes a video, scales all frames to one size and, on request, resamples them to a constant rate.
pub struct VideoSource {
    decoder: Decoder,
    format: SourceFormat,
    rate: Option<ConstantRate>,
    resizer: Resizer,
    /// A decoded frame that still has to be scaled.
    native: Frame,
    delivered: u64,
    changed_size: bool,
    /// When its first frame is shown, in ticks of the stream.
    first: i64,
    /// What the frames must match.
    held: Option<Held>,
}

impl VideoSource {
    /// Opens `path`; scales to `size` and resamples to `fps` if given.
    ///
    /// # Errors
    /// Those of [`Decoder::open`].
    pub fn open(
        path: &Path,
        options: &DecodeOptions,
        size: Option<SizeRequest>,
        fps: Option<FrameRate>,
    ) -> Result<Self> {
        Ok(Self::of_decoder(Decoder::open(path, options)?, size, fps, Shape::Stored))
    }

    /// The same video, of which nothing has been read yet, resampled to its own average rate: for outputs that have no
    /// timestamps.
    #[must_use]
    pub fn at_own_rate(mut self) -> (Self, FrameRate) {
        let rate = FrameRate(self.decoder.info().frame_rate);
        self.resample(rate);
        (self, rate)
    }

    /// Whether it is the file of one picture.
    pub fn is_still(&self) -> bool {
        self.decoder.is_still()
    }

    /// Whether it can be read again from any place.
    pub fn can_seek(&self) -> bool {
        !self.decoder.is_pipe()
    }

    /// Opens `path` for a show: its frames have square pixels.
    ///
    /// # Errors
    /// Those of [`Decoder::open`].
    pub fn open_show(path: &Path, options: &DecodeOptions, size: Option<SizeRequest>) -> Result<Self> {
        Ok(Self::of_decoder(Decoder::open(path, options)?, size, None, Shape::Square))
    }

    /// Opens a stream at an address for a show; see [`Decoder::open_address`].
    ///
    /// # Errors
    /// Those of [`Decoder::open_address`].
    pub fn open_address(
        address: &str,
        format: Option<&str>,
        requests: &[(&str, String)],
        size: Option<SizeRequest>,
        limits: (MaxPixels, Option<Deinterlace>),
        give_up: Arc<AtomicBool>,
    ) -> Result<Self> {
        let decoder = Decoder::open_address(address, format, requests, limits, give_up)?;
        Ok(Self::of_decoder(decoder, size, None, Shape::Square))
    }

    fn of_decoder(decoder: Decoder, size: Option<SizeRequest>, fps: Option<FrameRate>, shape: Shape) -> Self {
        let info = decoder.info();
        let stored = Size::new(info.width, info.height);
        let own = if shape == Shape::Square { squared(stored, info.aspect) } else { stored };
        let Size { width, height } = size.map_or(own, |size| size.of(own));
        let format =
            SourceFormat { width, height, frame_rate: info.frame_rate, time_base: info.time_base, frames: info.frames };
        let first = decoder.shown_at().unwrap_or(info.origin);
        let mut source = Self {
            decoder,
            format,
            rate: None,
            resizer: Resizer::default(),
            native: Frame::default(),
            delivered: 0,
            changed_size: false,
            first,
            held: None,
        };
        if let Some(rate) = fps {
            source.resample(rate);
        }
        source
    }

    fn resample(&mut self, FrameRate(rate): FrameRate) {
        let (info, format) = (self.decoder.info(), &mut self.format);
        let ratio = rate.as_f64() / info.frame_rate.as_f64();
        format.frames = info.frames.map(|frames| (frames as f64 * ratio).round() as u64);
        (format.frame_rate, format.time_base) = (rate, Rational { num: rate.den, den: rate.num });
        self.rate = Some(ConstantRate::new(rate, info.time_base));
    }

    /// Properties of the video.
    pub fn info(&self) -> &VideoInfo {
        self.decoder.info()
    }

    /// Seeks to the frame at position `index` of the film, with output timestamp `time` and decoded timestamp `decoded`.
    /// Returns false if that is impossible; the frames that follow are then undefined.
    ///
    /// # Errors
    /// Those of [`Source::next`].
    pub fn go_to(&mut self, index: u64, time: i64, decoded: i64) -> Result<bool> {
        self.delivered = index;
        let rate = self.rate.as_ref().map_or(1.0, |rate| rate.rate.as_f64() / self.decoder.info().frame_rate.as_f64());
        let decoded_index = (index as f64 / rate.max(1e-9)).round() as u64;
        if !self.decoder.go_to(decoded, decoded_index)? {
            return Ok(false);
        }
        let Some(mut rate) = self.rate.take() else { return Ok(true) };
        rate.place = Some(time);
        (rate.ahead, rate.ended) = (None, false);
        let found = self.decode(&mut rate.current)? && rate.current.time == decoded;
        self.rate = Some(rate);
        Ok(found)
    }

    /// Number of frames of the film that `index` describes, after cuts and at the requested rate.
    pub fn frames_by(&self, index: &Index) -> u64 {
        self.part_of(index).count()
    }

    /// Seeks to the frame at position `number` of the job. Returns false unless the frames there have the times and the
    /// pictures of `index`, so that they are those that decoding from the start gives; the frames that follow are then
    /// undefined. From then on, a frame that differs is an error.
    ///
    /// # Errors
    /// Those of [`Source::next`].
    pub fn seek_by(&mut self, index: &Arc<Index>, number: u64) -> Result<bool> {
        let part = self.part_of(index);
        let Some(place) = part.place_of(number) else { return Ok(false) };
        self.decoder.know_jumps(index.jumps);
        if !indexed::land(&mut self.decoder, &part, place.decoded)? {
            return Ok(false);
        }
        self.held = Some(Held::new(Arc::clone(index), place.decoded, part.frames.end));
        self.delivered = number;
        let Some(mut rate) = self.rate.take() else { return Ok(true) };
        rate.place = Some(place.time);
        (rate.ahead, rate.ended) = (None, false);
        let found = self.decode(&mut rate.current)?;
        self.rate = Some(rate);
        Ok(found)
    }

    /// The frames in the index that are in this job.
    fn part_of<'a>(&self, index: &'a Index) -> Part<'a> {
        let info = self.decoder.info();
        let end = info.end.map_or(index.frames(), |end| index.first_from(end + info.origin));
        let frames = index.first_from(self.first).min(end)..end;
        let rate = self.rate.as_ref().map(|rate| rate.rate);
        Part { index, frames, origin: info.origin, time_base: info.time_base, rate }
    }

    /// Skips the next frame, without converting it if possible; otherwise it is left in `scratch`. Returns false at the end.
    ///
    /// # Errors
    /// Those of [`Source::next`].
    pub fn skip(&mut self, scratch: &mut Frame) -> Result<bool> {
        let skipped = if self.rate.is_none() { self.decoder.skip()? } else { self.advance(scratch)? };
        self.delivered += u64::from(skipped);
        Ok(skipped)
    }

    /// The input timestamp, in ticks, of `frame`, which was just delivered. It differs from the frame's own if the rate is
    /// resampled.
    pub fn decoded_time(&self, frame: &Frame) -> i64 {
        self.rate.as_ref().map_or(frame.time, |rate| rate.current.time)
    }

    /// Warnings about the input; complete after the last frame.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.decoder.warnings();
        if self.changed_size {
            let to = Size::new(self.format.width, self.format.height);
            warnings.push(Warning::SizeChanges { video: self.decoder.path().to_owned(), to });
        }
        warnings
    }

    /// The properties that an encoder needs to write these frames.
    pub fn frame_format(&self) -> FrameFormat {
        let SourceFormat { width, height, frame_rate, time_base, .. } = self.format;
        FrameFormat { width, height, time_base, frame_rate, aspect: self.aspect() }
    }

    /// Reads the next frame at the requested rate and size, without its index.
    fn advance(&mut self, frame: &mut Frame) -> Result<bool> {
        let Some(mut rate) = self.rate.take() else { return self.decode(frame) };
        let more = rate.next(frame, &mut |frame| self.decode(frame));
        self.rate = Some(rate);
        more
    }

    /// Reads the next decoded frame at the requested size.
    fn decode(&mut self, frame: &mut Frame) -> Result<bool> {
        let Self { decoder, resizer, native, format, changed_size, held, .. } = self;
        let info = (decoder.info().width, decoder.info().height);
        if info == (format.width, format.height) {
            if !indexed::next(decoder, held, frame)? {
                return Ok(false);
            }
            if (frame.width, frame.height) == info {
                return Ok(true);
            }
            std::mem::swap(frame, native);
        } else if !indexed::next(decoder, held, native)? {
            return Ok(false);
        }
        *changed_size |= (native.width, native.height) != info;
        frame.resize(format.width, format.height);
        frame.stamp_from(native);
        resizer.resize(native.image(), format.width, format.height, &mut frame.pixels)?;
        if let Some(original) = &native.hdr {
            let (from, to) = ((native.width, native.height), (format.width, format.height));
            let codes = resizer.deep(&original.codes, from, to)?;
            frame.hdr = Some(Arc::new(HdrOriginal { codes, seen: frame.pixels.clone(), peak: original.peak }));
        }
        Ok(true)
    }

    /// Pixel aspect ratio (width by height) of the output: scaling to another picture shape stretches the pixels.
    fn aspect(&self) -> Rational {
        let info = self.decoder.info();
        let (num, den) = (i64::from(info.aspect.num), i64::from(info.aspect.den));
        let across = num * i64::from(info.width) * i64::from(self.format.height);
        let down = den * i64::from(info.height) * i64::from(self.format.width);
        // If the shape changed by rounding only, the pixel aspect ratio is kept.
        let stretch = across as f64 / (down as f64 * (num as f64 / den as f64));
        if num == 0 || (stretch - 1.0).abs() < 0.01 { info.aspect } else { reduced(across, down) }
    }
}

/// The shape of the pixels that are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// As stored; [`VideoSource::frame_format`] tells their shape.
    Stored,
    /// Square, for outputs that know no other shape.
    Square,
}

/// The size at which pixels of this shape become square, with no side smaller than before.
fn squared(stored: Size, aspect: Rational) -> Size {
    let shape = aspect.as_f64();
    // Larger ratios are mistakes.
    if !(0.1..=10.0).contains(&shape) {
        return stored;
    }
    let stretched = |side: u32, by: f64| (f64::from(side) * by).round() as u32;
    match stored {
        Size { width, height } if shape > 1.0 => Size::new(stretched(width, shape), height),
        Size { width, height } => Size::new(width, stretched(height, 1.0 / shape)),
    }
}

impl Source for VideoSource {
    fn color(&self) -> ColorTags {
        self.decoder.info().color
    }

    fn warnings(&self) -> Vec<Warning> {
        Self::warnings(self)
    }

    fn format(&self) -> SourceFormat {
        self.format
    }

    fn next(&mut self, frame: &mut Frame) -> Result<bool> {
        if !self.advance(frame)? {
            return Ok(false);
        }
        frame.index = self.delivered;
        self.delivered += 1;
        Ok(true)
    }
}

fn reduced(num: i64, den: i64) -> Rational {
    let (mut a, mut b) = (num, den);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let (mut num, mut den) = (num / a.max(1), den / a.max(1));
    while num > i64::from(i32::MAX) || den > i64::from(i32::MAX) {
        (num, den) = (num / 2, (den / 2).max(1));
    }
    Rational { num: num as i32, den: den as i32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_show_sees_square_pixels_and_loses_none() {
        let squared = |width, height, num, den| squared(Size::new(width, height), Rational { num, den });
        assert_eq!(squared(720, 576, 64, 45), Size::new(1024, 576));
        assert_eq!(squared(720, 480, 8, 9), Size::new(720, 540));
        assert_eq!(squared(640, 360, 1, 1), Size::new(640, 360));
        assert_eq!(squared(640, 360, 0, 1), Size::new(640, 360));
        assert_eq!(squared(640, 360, 1, 1000), Size::new(640, 360));
    }
}
