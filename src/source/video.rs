//! Reads the frames of a video file or stream.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{Source, SourceFormat};
use crate::error::Result;
use crate::frame::{Frame, HdrOriginal, MaxPixels, Rational};
use crate::kernel::resize::Resizer;
use crate::media::options::{Deinterlace, FrameRate, SizeRequest};
use crate::media::pixels::ColorTags;
use crate::media::read::{DecodeOptions, Decoder};
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
        let mut source = Self {
            decoder,
            format,
            rate: None,
            resizer: Resizer::default(),
            native: Frame::default(),
            delivered: 0,
            changed_size: false,
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
        let Self { decoder, resizer, native, format, changed_size, .. } = self;
        let info = (decoder.info().width, decoder.info().height);
        if info == (format.width, format.height) {
            if !decoder.next(frame)? {
                return Ok(false);
            }
            if (frame.width, frame.height) == info {
                return Ok(true);
            }
            std::mem::swap(frame, native);
        } else if !decoder.next(native)? {
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

/// Resamples to a constant rate. Each frame goes to the nearest tick of the new rate; if several meet there, the last one
/// is kept, and empty ticks repeat the frame before.
#[derive(Debug)]
struct ConstantRate {
    rate: Rational,
    time_base: Rational,
    /// The tick that is filled next; `None` before the first frame.
    place: Option<i64>,
    /// The frame that is currently shown and, once decoded, the next one.
    current: Frame,
    ahead: Option<Frame>,
    ended: bool,
}

impl ConstantRate {
    fn new(rate: Rational, time_base: Rational) -> Self {
        Self { rate, time_base, place: None, current: Frame::default(), ahead: None, ended: false }
    }

    fn place_of(&self, time: i64) -> i64 {
        (time as f64 * self.time_base.as_f64() * self.rate.as_f64()).round() as i64
    }

    fn next(&mut self, frame: &mut Frame, decode: &mut dyn FnMut(&mut Frame) -> Result<bool>) -> Result<bool> {
        let place = match self.place {
            Some(place) => place,
            None => {
                if !decode(&mut self.current)? {
                    return Ok(false);
                }
                self.place_of(self.current.time)
            }
        };
        let mut spare = Frame::default();
        loop {
            if self.ahead.is_none() && !self.ended {
                let mut next = std::mem::take(&mut spare);
                if decode(&mut next)? {
                    self.ahead = Some(next);
                } else {
                    self.ended = true;
                }
            }
            let Some(ahead) = &self.ahead else { break };
            if self.place_of(ahead.time) > place {
                break;
            }
            spare = std::mem::replace(&mut self.current, self.ahead.take().unwrap_or_default());
        }
        // The last frame is repeated for its duration; a film gives at least one frame.
        let is_over = self.place.is_some() && place >= self.place_of(self.current.time + self.current.duration);
        if self.ahead.is_none() && is_over {
            return Ok(false);
        }
        frame.clone_from(&self.current);
        (frame.time, frame.duration) = (place, 1);
        self.place = Some(place + 1);
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

    /// The input frame that is shown at each tick of the new rate.
    fn shown(times: &[i64], rate: i32) -> Vec<(i64, u8)> {
        let mut rate = ConstantRate::new(Rational { num: rate, den: 1 }, Rational { num: 1, den: 100 });
        let mut left = times.iter().zip(0u8..);
        let mut decode = |frame: &mut Frame| {
            let Some((&time, value)) = left.next() else { return Ok(false) };
            *frame = Frame { width: 1, height: 1, pixels: vec![value; 3], time, duration: 10, ..Frame::default() };
            Ok(true)
        };
        let (mut frame, mut shown) = (Frame::default(), Vec::new());
        while rate.next(&mut frame, &mut decode).unwrap() {
            shown.push((frame.time, frame.pixels[0]));
        }
        shown
    }

    #[test]
    fn a_higher_rate_repeats_frames_and_a_lower_one_drops_them() {
        assert_eq!(shown(&[0, 10, 20], 10), [(0, 0), (1, 1), (2, 2)]);
        assert_eq!(shown(&[0, 10, 20], 20), [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 2)]);
        assert_eq!(shown(&[0, 10, 20, 30], 5), [(0, 0), (1, 2)]);
    }

    #[test]
    fn a_show_sees_square_pixels_and_loses_none() {
        let squared = |width, height, num, den| squared(Size::new(width, height), Rational { num, den });
        assert_eq!(squared(720, 576, 64, 45), Size::new(1024, 576));
        assert_eq!(squared(720, 480, 8, 9), Size::new(720, 540));
        assert_eq!(squared(640, 360, 1, 1), Size::new(640, 360));
        assert_eq!(squared(640, 360, 0, 1), Size::new(640, 360));
        assert_eq!(squared(640, 360, 1, 1000), Size::new(640, 360));
    }

    #[test]
    fn a_late_start_and_gaps_are_kept() {
        assert_eq!(shown(&[20, 30, 60], 10), [(2, 0), (3, 1), (4, 1), (5, 1), (6, 2)]);
        assert!(shown(&[], 10).is_empty());
    }
}
