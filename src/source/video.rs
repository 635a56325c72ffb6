//! Frames of a video file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{Source, SourceFormat};
use crate::error::Result;
use crate::frame::{Frame, MaxPixels, Rational};
use crate::kernel::resize::Resizer;
use crate::media::options::{FrameRate, SizeRequest};
use crate::media::read::{DecodeOptions, Decoder};
use crate::media::{FrameFormat, VideoInfo};
use crate::size::Size;

/// Decodes a file, gives all frames one size and, if asked, one rate.
pub struct VideoSource {
    decoder: Decoder,
    format: SourceFormat,
    rate: Option<ConstantRate>,
    resizer: Resizer,
    /// A decoded frame whose size is not the wanted one.
    native: Frame,
    delivered: u64,
    changed_size: bool,
}

impl VideoSource {
    /// Opens `path`, scaling to `size` and resampling to `fps` where given.
    ///
    /// # Errors
    /// Those of [`Decoder::open`].
    pub fn open(
        path: &Path,
        options: &DecodeOptions,
        size: Option<SizeRequest>,
        fps: Option<FrameRate>,
    ) -> Result<Self> {
        Ok(Self::of_decoder(Decoder::open(path, options)?, size, fps))
    }

    /// Opens a stream at an address; see [`Decoder::open_address`].
    ///
    /// # Errors
    /// Those of [`Decoder::open_address`].
    pub fn open_address(
        address: &str,
        format: Option<&str>,
        wishes: &[(&str, String)],
        size: Option<SizeRequest>,
        max_pixels: MaxPixels,
        give_up: Arc<AtomicBool>,
    ) -> Result<Self> {
        Ok(Self::of_decoder(Decoder::open_address(address, format, wishes, max_pixels, give_up)?, size, None))
    }

    fn of_decoder(decoder: Decoder, size: Option<SizeRequest>, fps: Option<FrameRate>) -> Self {
        let info = decoder.info();
        let own = Size::new(info.width, info.height);
        let Size { width, height } = size.map_or(own, |size| size.of(own));
        let mut format =
            SourceFormat { width, height, frame_rate: info.frame_rate, time_base: info.time_base, frames: info.frames };
        let rate = fps.map(|FrameRate(rate)| ConstantRate::new(rate, info.time_base));
        if let Some(FrameRate(rate)) = fps {
            let ratio = rate.as_f64() / info.frame_rate.as_f64();
            format.frames = info.frames.map(|frames| (frames as f64 * ratio).round() as u64);
            (format.frame_rate, format.time_base) = (rate, Rational { num: rate.den, den: rate.num });
        }
        Self {
            decoder,
            format,
            rate,
            resizer: Resizer::default(),
            native: Frame::default(),
            delivered: 0,
            changed_size: false,
        }
    }

    /// What the file holds.
    pub fn info(&self) -> &VideoInfo {
        self.decoder.info()
    }

    /// Goes to the frame at the place `index` of the film, which is shown at `time` and was decoded at `decoded`, by a seek. False
    /// where that cannot be done; frames that follow are then not to be relied on.
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

    /// Passes over the next frame, without converting it where that is possible; else it is left in `scratch`. False at the
    /// end.
    ///
    /// # Errors
    /// Those of [`Source::next`].
    pub fn skip(&mut self, scratch: &mut Frame) -> Result<bool> {
        let skipped = if self.rate.is_none() { self.decoder.skip()? } else { self.advance(scratch)? };
        self.delivered += u64::from(skipped);
        Ok(skipped)
    }

    /// The time, in ticks of the input, of the decoded frame that `frame`, just delivered, is; another than its own where the
    /// rate is changed.
    pub fn decoded_time(&self, frame: &Frame) -> i64 {
        self.rate.as_ref().map_or(frame.time, |rate| rate.current.time)
    }

    /// What a person should know about the input; complete after the last frame.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.decoder.warnings();
        if self.changed_size {
            let SourceFormat { width, height, .. } = self.format;
            warnings.push(format!("the video changes its size midway; all frames were scaled to {width}x{height}"));
        }
        warnings
    }

    /// What an encoder must know to write these frames as they are.
    pub fn frame_format(&self) -> FrameFormat {
        let SourceFormat { width, height, frame_rate, time_base, .. } = self.format;
        FrameFormat { width, height, time_base, frame_rate, aspect: self.aspect() }
    }

    /// The next frame of the wanted rate and size, without its place.
    fn advance(&mut self, frame: &mut Frame) -> Result<bool> {
        let Some(mut rate) = self.rate.take() else { return self.decode(frame) };
        let more = rate.next(frame, &mut |frame| self.decode(frame));
        self.rate = Some(rate);
        more
    }

    /// The next decoded frame in the wanted size.
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
        Ok(true)
    }

    /// Width of an output pixel by its height: scaling to another shape stretches the pixels.
    fn aspect(&self) -> Rational {
        let info = self.decoder.info();
        let (num, den) = (i64::from(info.aspect.num), i64::from(info.aspect.den));
        let across = num * i64::from(info.width) * i64::from(self.format.height);
        let down = den * i64::from(info.height) * i64::from(self.format.width);
        // A shape that is kept but for rounding keeps its pixels.
        let stretch = across as f64 / (down as f64 * (num as f64 / den as f64));
        if num == 0 || (stretch - 1.0).abs() < 0.01 { info.aspect } else { reduced(across, down) }
    }
}

impl Source for VideoSource {
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

/// Resamples to a constant rate: each frame goes to the nearest place of the new rate; of several the last is kept, and
/// empty places repeat the frame before.
#[derive(Debug)]
struct ConstantRate {
    rate: Rational,
    time_base: Rational,
    /// The place that is filled next.
    place: Option<i64>,
    /// The frame on show and, once decoded, the one after it.
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
        // The last frame stays for as long as it is shown; the film has at least one.
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

    /// The input frame on show at each place of the new rate.
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
    fn a_higher_rate_repeats_and_a_lower_one_leaves_out() {
        assert_eq!(shown(&[0, 10, 20], 10), [(0, 0), (1, 1), (2, 2)]);
        assert_eq!(shown(&[0, 10, 20], 20), [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 2)]);
        assert_eq!(shown(&[0, 10, 20, 30], 5), [(0, 0), (1, 2)]);
    }

    #[test]
    fn a_late_start_and_gaps_keep_their_time() {
        assert_eq!(shown(&[20, 30, 60], 10), [(2, 0), (3, 1), (4, 1), (5, 1), (6, 2)]);
        assert!(shown(&[], 10).is_empty());
    }
}
