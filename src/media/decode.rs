//! A video file as RGB frames with exact timestamps.

mod seek;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ffmpeg_next::ffi::{self, AVPixelFormat};
use ffmpeg_next::format::context::Input;
use ffmpeg_next::format::stream::Disposition;
use ffmpeg_next::{Discard, Error as FfmpegError, Packet, codec, decoder, frame, media};

use super::color::ColorTags;
use super::convert::{ToRgb, pixel_format};
use super::side_data::{self, SideData};
use super::{MICROSECONDS, input, rescale, scaler, words};
use crate::error::{Error, Result};
use crate::frame::{Frame, MaxPixels, Rational};
use crate::media::options::Seconds;

/// What to decode.
#[derive(Clone, Copy, Debug, Default)]
pub struct DecodeOptions {
    /// Leave out frames before this, counted from the start of the file.
    pub start: Option<Seconds>,
    /// Leave out frames from this long after `start` on.
    pub duration: Option<Seconds>,
    /// Decoder threads; default: FFmpeg's choice.
    pub threads: Option<usize>,
    /// The most pixels that a frame may have.
    pub max_pixels: MaxPixels,
}

/// What a decoder delivers, and what the output must repeat about it.
#[derive(Clone, Debug)]
pub struct VideoInfo {
    /// Columns of the first frame.
    pub width: u32,
    /// Rows of the first frame.
    pub height: u32,
    /// The unit of [`Frame::time`], in seconds: the stream's own.
    pub time_base: Rational,
    /// Frames a second, on average.
    pub frame_rate: Rational,
    /// How many frames there will be, as far as the file says.
    pub frames: Option<u64>,
    /// Width of a pixel by its height; 0/1 where the file does not say.
    pub aspect: Rational,
    /// Colour tags of the first frame.
    pub color: ColorTags,
    /// The stream's place in the file.
    pub stream: usize,
    /// The time in the file that is time 0 of the frames, in ticks of `time_base`.
    pub origin: i64,
    /// The time from which on nothing is wanted, in ticks of `time_base` from `origin`.
    pub end: Option<i64>,
    /// See [`DecodeOptions::max_pixels`].
    pub(super) max_pixels: MaxPixels,
    pub(super) side_data: Vec<SideData>,
}

impl VideoInfo {
    /// Of pictures that come from no file: sRGB as BT.709 in limited range, square pixels, a tick a frame.
    pub fn of_pictures(width: u32, height: u32, frame_rate: i32) -> Self {
        Self {
            width,
            height,
            time_base: Rational { num: 1, den: frame_rate },
            frame_rate: Rational { num: frame_rate, den: 1 },
            frames: None,
            aspect: Rational { num: 1, den: 1 },
            color: ColorTags::BT709,
            stream: 0,
            origin: 0,
            end: None,
            max_pixels: MaxPixels::default(),
            side_data: Vec::new(),
        }
    }
}

/// Decodes the file's best video stream; knows no threads of its own.
pub struct Decoder {
    path: PathBuf,
    input: Input,
    decoder: decoder::Video,
    to_rgb: ToRgb,
    packet: Packet,
    picture: frame::Video,
    /// `picture` was decoded while opening, and is still to be delivered.
    pending: bool,
    info: VideoInfo,
    clock: Clock,
    /// No packets are left; the decoder gives what it still holds.
    draining: bool,
    delivered: u64,
    damage: Damage,
    warnings: Vec<String>,
    /// `input` asks it whether to give up waiting, so it goes after it.
    _give_up: Option<Arc<AtomicBool>>,
}

/// What was wrong with the file on the way.
#[derive(Debug, Default)]
struct Damage {
    /// The reader's last words, if it stopped at anything but the end.
    read: Option<String>,
    /// Packets that could not be decoded.
    packets: u64,
    /// Reads that failed since the last good one.
    in_a_row: u32,
}

/// A reader that fails this often in a row will not find the way again.
const HOPELESS: u32 = 1000;

impl Decoder {
    /// Opens `path` and decodes its first frame.
    ///
    /// # Errors
    /// The file cannot be read, holds no video, or no frame of it (from `start` on) can be decoded.
    pub fn open(path: &Path, options: &DecodeOptions) -> Result<Self> {
        let mut decoder = Self::open_at(path, options, true)?;
        let found = decoder.first_frame()?;
        // A seek that lands behind the wanted frame is redone by decoding from the beginning.
        if options.start.is_some() && !found {
            decoder = Self::open_at(path, options, false)?;
            if !decoder.first_frame()? {
                return Err(decoder.nothing(options));
            }
        } else if !found {
            return Err(decoder.nothing(options));
        }
        decoder.describe_first(options);
        Ok(decoder)
    }

    /// Opens a stream that has no beginning: a network address, or in a format of that name a screen or another device, with
    /// FFmpeg's options for it; and decodes its first frame. Setting `give_up` ends all waiting for it, now and later.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_address(
        address: &str,
        format: Option<&str>,
        wishes: &[(&str, String)],
        max_pixels: MaxPixels,
        give_up: Arc<AtomicBool>,
    ) -> Result<Self> {
        let options = DecodeOptions { threads: Some(1), max_pixels, ..DecodeOptions::default() };
        let input = input::open_address(address, format, wishes, max_pixels, &give_up)?;
        let mut decoder = Self::of_input(Path::new(address), input, &options, false)?;
        decoder._give_up = Some(give_up);
        if !decoder.first_frame()? {
            return Err(decoder.nothing(&options));
        }
        decoder.describe_first(&options);
        Ok(decoder)
    }

    fn open_at(path: &Path, options: &DecodeOptions, seek: bool) -> Result<Self> {
        Self::of_input(path, input::open(path, options.max_pixels)?, options, seek)
    }

    fn of_input(path: &Path, mut input: Input, options: &DecodeOptions, seek: bool) -> Result<Self> {
        let shown = path.display();
        let stream = input
            .streams()
            .best(media::Type::Video)
            .ok_or_else(|| Error::failed(format!("'{shown}' has no video; for pictures there is `impasto image`")))?;
        if stream.disposition().contains(Disposition::ATTACHED_PIC) {
            return Err(Error::failed(format!("'{shown}' has no video, only a cover picture; name a video file")));
        }
        let time_base = Rational::from(stream.time_base());
        let index = stream.index();
        let mut context = codec::Context::from_parameters(stream.parameters())
            .map_err(|error| Error::failed(format!("cannot decode '{shown}': {}", words(error))))?;
        // The decoder needs it to carry timestamps through frames that the file does not stamp.
        // SAFETY: the context is not open yet.
        unsafe {
            (*context.as_mut_ptr()).pkt_timebase = ffmpeg_next::Rational::from(time_base).into();
            (*context.as_mut_ptr()).thread_count = options.threads.unwrap_or(0) as i32;
            // What a stream says only in its own headers is held to the limit by the decoder.
            (*context.as_mut_ptr()).max_pixels = options.max_pixels.pixels() as i64;
        }
        let decoder = context.decoder().video().map_err(|error| match error {
            FfmpegError::DecoderNotFound => {
                let codec = codec_name(&stream.parameters());
                Error::failed(format!(
                    "this FFmpeg has no decoder for the {codec} video in '{shown}'; install a fuller FFmpeg"
                ))
            }
            error => Error::failed(format!("cannot decode '{shown}': {}", words(error))),
        })?;
        let frame_rate = frame_rate(&mut input, index);
        let base = timeline_start(&input, time_base);
        let ticks = |Seconds(seconds): Seconds| seconds / time_base.as_f64();
        let wanted = options.start.filter(|start| start.0 > 0.0);
        // The frame that starts within a millionth of a tick of the wished time is the wished one.
        let first = wanted.map(|start| base + (ticks(start) - 1e-6).ceil() as i64);
        let end = options.duration.map(|span| base + (wanted.map_or(0.0, ticks) + ticks(span) - 1e-6).ceil() as i64);
        let info = VideoInfo {
            width: 0,
            height: 0,
            time_base,
            frame_rate,
            frames: None,
            aspect: Rational { num: 0, den: 1 },
            color: ColorTags::of_frame(&frame::Video::empty()),
            stream: index,
            origin: base,
            end,
            max_pixels: options.max_pixels,
            side_data: side_data::kept(
                &input.stream(index).ok_or_else(|| Error::internal("the video stream is gone"))?,
            ),
        };
        discard_others(&mut input, index);
        if let (Some(first), true) = (first, seek) {
            // SAFETY: the context is open for reading. A file that cannot seek is read from its start instead.
            unsafe { ffi::avformat_seek_file(input.as_mut_ptr(), index as i32, i64::MIN, first, first, 0) };
        }
        Ok(Self {
            path: path.to_owned(),
            input,
            decoder,
            to_rgb: ToRgb::default(),
            packet: Packet::empty(),
            picture: frame::Video::empty(),
            pending: false,
            clock: Clock { first, seeking: first.is_some() && seek, ..Clock::new(time_base, frame_rate) },
            info,
            draining: false,
            delivered: 0,
            damage: Damage::default(),
            warnings: Vec::new(),
            _give_up: None,
        })
    }

    /// Decodes up to the first frame to deliver. False where there is none, or the seek went past it.
    fn first_frame(&mut self) -> Result<bool> {
        let found = self.decode()?;
        self.pending = found;
        Ok(found && !self.clock.seeking)
    }

    fn nothing(&self, options: &DecodeOptions) -> Error {
        let shown = self.path.display();
        match (options.start, self.clock.last) {
            (Some(Seconds(start)), Some((last, duration))) => {
                let length = (last + duration - self.info.origin) as f64 * self.info.time_base.as_f64();
                Error::usage(format!(
                    "nothing to paint from {start} s on: '{shown}' ends at {length:.3} s; choose an earlier --start"
                ))
            }
            (_, None) if self.damage.read.is_none() && self.damage.packets == 0 && options.duration.is_some() => {
                Error::usage("--duration is too short for a single frame; choose a longer one")
            }
            _ => Error::failed(format!(
                "no frame of '{shown}' can be decoded; it is damaged, or cut off before its first picture"
            )),
        }
    }

    /// Fills in what only the first frame tells.
    fn describe_first(&mut self, options: &DecodeOptions) {
        let picture = &self.picture;
        let info = &mut self.info;
        (info.width, info.height) = (picture.width(), picture.height());
        info.color = ColorTags::of_frame(picture);
        // SAFETY: the guess reads both and changes neither.
        let aspect = unsafe {
            let (context, index) = (self.input.as_mut_ptr(), info.stream);
            let stream = *(*context).streams.add(index);
            ffi::av_guess_sample_aspect_ratio(context, stream, self.picture.as_mut_ptr())
        };
        info.aspect = Rational { num: aspect.num, den: aspect.den.max(1) };
        if let (Some(_), Some((time, _))) = (self.clock.first, self.clock.last) {
            info.origin = time;
        }
        info.end = info.end.map(|end| end - info.origin);
        info.frames = expected_frames(&self.input, info, options);
        let format = pixel_format(&self.picture);
        let descriptor = scaler::descriptor(format);
        let depth = descriptor.map_or(8, |descriptor| descriptor.comp[0].depth);
        if info.color.is_hdr() {
            let cure = "convert it to SDR first for the colours that the styles were made for";
            self.warnings.push(format!("HDR video is painted as if it were SDR, at 8 bits; {cure}"));
        } else if depth > 8 {
            self.warnings.push(format!("{depth}-bit video is painted at 8 bits"));
        }
        if descriptor.is_some_and(|descriptor| descriptor.flags & ffi::AV_PIX_FMT_FLAG_ALPHA as u64 != 0)
            && format != AVPixelFormat::AV_PIX_FMT_PAL8
        {
            self.warnings.push("the video's transparency is not kept".into());
        }
        if self.picture.is_interlaced() {
            let cure = "deinterlace it first (ffmpeg -vf bwdif)";
            self.warnings
                .push(format!("the video is interlaced, and its combed lines are painted as they are; {cure}"));
        }
    }

    /// What the frames are like.
    pub fn info(&self) -> &VideoInfo {
        &self.info
    }

    /// What a person should know about the input; complete after the last frame.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    /// Fills `frame` with the next frame in its own size (a stream may change it midway) and returns true, or returns
    /// false at the end. Times start at [`VideoInfo::origin`] and always grow.
    ///
    /// # Errors
    /// The pixel format cannot be converted. Damage is no error: it ends up in [`Self::warnings`].
    pub fn next(&mut self, frame: &mut Frame) -> Result<bool> {
        if !std::mem::take(&mut self.pending) && !self.decode()? {
            self.sum_up();
            return Ok(false);
        }
        let Some((time, duration)) = self.clock.last else { return Ok(false) };
        let time = time - self.info.origin;
        if self.info.end.is_some_and(|end| time >= end) {
            return Ok(false);
        }
        let tags = ColorTags::of_frame(&self.picture);
        self.to_rgb.convert(&self.picture, tags, frame)?;
        (frame.index, frame.time, frame.duration) = (self.delivered, time, duration);
        self.delivered += 1;
        Ok(true)
    }

    /// Decodes the next frame at or after the start into `picture` and stamps it.
    fn decode(&mut self) -> Result<bool> {
        let mut failures = 0;
        loop {
            match self.decoder.receive_frame(&mut self.picture) {
                Ok(()) => {
                    if self.clock.stamp(&self.picture) {
                        return Ok(true);
                    }
                }
                Err(FfmpegError::Eof) => return Ok(false),
                Err(FfmpegError::Other { errno }) if errno == ffmpeg_next::error::EAGAIN => self.feed(),
                Err(_) => {
                    self.damage.packets += 1;
                    failures += 1;
                    if failures >= HOPELESS {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Gives the decoder one more packet, or the end.
    fn feed(&mut self) {
        if self.draining {
            // A decoder that asks for more after its end has nothing to give; this makes it say so.
            self.decoder.flush();
        }
        while !self.draining {
            match input::read(&mut self.packet, &mut self.input) {
                Ok(()) => {
                    self.damage.in_a_row = 0;
                    if self.packet.stream() != self.info.stream {
                        continue;
                    }
                    if self.decoder.send_packet(&self.packet).is_err() {
                        self.damage.packets += 1;
                    }
                    return;
                }
                Err(FfmpegError::Eof) => self.draining = true,
                Err(FfmpegError::Other { errno }) if errno == ffmpeg_next::error::EAGAIN => {}
                Err(error) => {
                    self.damage.read = Some(words(error));
                    self.damage.in_a_row += 1;
                    self.draining = error != FfmpegError::InvalidData || self.damage.in_a_row >= HOPELESS;
                }
            }
        }
        // Only a decoder that is already at its end refuses.
        let _ = self.decoder.send_eof();
    }

    /// Says at the end what was lost.
    fn sum_up(&mut self) {
        let shown = self.path.display();
        let kept = self.delivered;
        let reached = self.clock.last.map_or(0, |(last, duration)| last + duration);
        let missing = declared_end(&self.input, self.info.stream, self.info.time_base)
            .filter(|&declared| self.info.end.is_none_or(|end| end + self.info.origin >= declared))
            .map(|declared| (declared - reached) as f64 * self.info.time_base.as_f64())
            .filter(|&missing| missing > 0.5);
        let of = match self.info.frames {
            Some(expected) if expected > kept => format!(" of about {expected}"),
            _ => String::new(),
        };
        if self.damage.read.is_some() || missing.is_some() {
            let at = (reached - self.info.origin) as f64 * self.info.time_base.as_f64();
            self.warnings
                .push(format!("'{shown}' is damaged or cut off: {kept} frames{of} were kept, up to {at:.2} s"));
        } else if self.damage.packets > 0 {
            let packets = self.damage.packets;
            self.warnings.push(format!(
                "'{shown}' is damaged: {kept} frames{of} were kept, and {packets} pieces could not be decoded"
            ));
        }
    }
}

/// Gives every frame a time that grows.
#[derive(Debug)]
struct Clock {
    /// Frames before this time are left out.
    first: Option<i64>,
    /// No frame has shown yet that the seek landed early enough.
    seeking: bool,
    /// Time and duration of the frame before, in ticks of the stream.
    last: Option<(i64, i64)>,
    /// Ticks of a frame at the average rate, for frames that do not say.
    usual: i64,
}

impl Clock {
    fn new(time_base: Rational, rate: Rational) -> Self {
        let usual = (1.0 / (rate.as_f64() * time_base.as_f64())).round();
        let usual = if usual.is_finite() { (usual as i64).max(1) } else { 1 };
        Self { first: None, seeking: false, last: None, usual }
    }

    /// Takes the time of `picture`; false if it lies before the start.
    fn stamp(&mut self, picture: &frame::Video) -> bool {
        let duration = match picture.packet().duration {
            said if said > 0 => said,
            _ => self.usual,
        };
        let after_last = self.last.map(|(last, duration)| last + duration);
        let time = match (picture.timestamp().or(picture.pts()), self.last) {
            (Some(time), None) => time,
            (Some(time), Some((last, _))) if time > last => time,
            // Two frames at one time, or time running back: this one follows the one before.
            (Some(_) | None, _) => after_last.unwrap_or(0),
        };
        self.last = Some((time, duration));
        let wanted = self.first.is_none_or(|first| time >= first);
        // A frame before the start, or exactly at it, proves that none was skipped.
        self.seeking &= wanted && self.first != Some(time);
        wanted
    }
}

impl ColorTags {
    /// The tags of a decoded frame.
    pub(super) fn of_frame(picture: &frame::Video) -> Self {
        // SAFETY: reads plain fields of a valid frame.
        let mut tags = unsafe {
            let raw = picture.as_ptr();
            Self {
                space: (*raw).colorspace,
                range: (*raw).color_range,
                primaries: (*raw).color_primaries,
                transfer: (*raw).color_trc,
                chroma: (*raw).chroma_location,
            }
        };
        use AVPixelFormat::*;
        let format = pixel_format(picture);
        if matches!(format, AV_PIX_FMT_YUVJ420P | AV_PIX_FMT_YUVJ422P | AV_PIX_FMT_YUVJ444P | AV_PIX_FMT_YUVJ440P) {
            tags.range = ffi::AVColorRange::AVCOL_RANGE_JPEG;
        }
        if !scaler::is_yuv(format) {
            tags.space = ffi::AVColorSpace::AVCOL_SPC_RGB;
        }
        tags
    }
}

fn codec_name(parameters: &codec::Parameters) -> String {
    // SAFETY: a static string for any id.
    let name = unsafe { std::ffi::CStr::from_ptr(ffi::avcodec_get_name((*parameters.as_ptr()).codec_id)) };
    name.to_string_lossy().into_owned()
}

fn discard_others(input: &mut Input, kept: usize) {
    for mut stream in input.streams_mut() {
        if stream.index() != kept {
            // SAFETY: a plain field that is meant to be set by the caller.
            unsafe { (*stream.as_mut_ptr()).discard = Discard::All.into() };
        }
    }
}

fn frame_rate(input: &mut Input, index: usize) -> Rational {
    // SAFETY: both pointers belong to the open input; the frame may be null.
    let guess = unsafe {
        let context = input.as_mut_ptr();
        ffi::av_guess_frame_rate(context, *(*context).streams.add(index), std::ptr::null_mut())
    };
    let average = input.stream(index).map(|stream| Rational::from(stream.avg_frame_rate()));
    let sensible = |rate: &Rational| rate.num > 0 && rate.den > 0;
    let guess = Rational { num: guess.num, den: guess.den };
    average.filter(sensible).or(Some(guess)).filter(sensible).unwrap_or(Rational { num: 25, den: 1 })
}

/// The time in the file that becomes 0. Recordings of broadcasts start anywhere, and so may parts of longer recordings;
/// other files keep their times as they are.
fn timeline_start(input: &Input, time_base: Rational) -> i64 {
    // SAFETY: reads plain fields of an open input.
    let (start, flags) = unsafe { ((*input.as_ptr()).start_time, (*(*input.as_ptr()).iformat).flags) };
    let anywhere = flags & ffi::AVFMT_TS_DISCONT != 0 || start >= i64::from(ffi::AV_TIME_BASE);
    if start == ffi::AV_NOPTS_VALUE || !anywhere { 0 } else { rescale(start, MICROSECONDS, time_base) }
}

/// Where the file says that the stream ends, in its ticks.
fn declared_end(input: &Input, index: usize, time_base: Rational) -> Option<i64> {
    let stream = input.stream(index)?;
    let start = Some(stream.start_time()).filter(|&start| start != ffi::AV_NOPTS_VALUE).unwrap_or(0);
    if stream.duration() > 0 {
        return Some(start + stream.duration());
    }
    // Matroska says it as text: "00:00:10.000000000".
    let text = stream.metadata().get("DURATION")?.to_owned();
    let Seconds(seconds) = text.parse().ok()?;
    Some((seconds / time_base.as_f64()) as i64)
}

fn expected_frames(input: &Input, info: &VideoInfo, options: &DecodeOptions) -> Option<u64> {
    let stream = input.stream(info.stream)?;
    let uncut = options.start.is_none() && options.duration.is_none();
    if uncut && stream.frames() > 0 {
        return Some(stream.frames().cast_unsigned());
    }
    let total = declared_end(input, info.stream, info.time_base).or_else(|| {
        let whole = Some(input.duration()).filter(|&duration| duration > 0)?;
        Some(rescale(whole, MICROSECONDS, info.time_base) + if uncut { info.origin } else { 0 })
    })?;
    let span = info.end.unwrap_or(i64::MAX).min(total - info.origin);
    Some((span.max(0) as f64 * info.time_base.as_f64() * info.frame_rate.as_f64()).round() as u64)
}
