//! RGB frames to compressed packets.

use std::collections::BTreeMap;
use std::ffi::CString;

use ffmpeg_next::ffi::{self, AVPixelFormat};
use ffmpeg_next::{Error as FfmpegError, Packet, codec, encoder, frame};

pub use super::codec::Codec;
use super::codec::{Recipe, X26X_PRESETS, alternatives};
use super::color::ColorTags;
use super::container::Container;
use super::convert::FromRgb;
use super::decode::VideoInfo;
use super::scaler::{self, pixel_format_name};
use super::{input, side_data, words};
use crate::error::{Error, Result};
use crate::frame::{Frame, Rational, Stamp};

/// What people asked for.
#[derive(Clone, Debug, Default)]
pub struct EncodeOptions {
    /// The codec; default: by the container.
    pub codec: Option<Codec>,
    /// Constant quality, in the encoder's own scale.
    pub crf: Option<u32>,
    /// The encoder's preset.
    pub preset: Option<String>,
    /// FFmpeg's name of the pixel format.
    pub pixel_format: Option<String>,
    /// `NAME=VALUE` for the encoder, set last.
    pub options: Vec<String>,
    /// Encoder threads; default: FFmpeg's choice.
    pub threads: Option<usize>,
}

/// An open encoder.
pub struct Encoder {
    inner: encoder::video::Encoder,
    codec: Codec,
    from_rgb: FromRgb,
    picture: frame::Video,
    tags: ColorTags,
    /// Time to duration of the frames that are still inside; encoders of FFmpeg 5.1 drop the duration.
    durations: BTreeMap<i64, i64>,
    usual_duration: i64,
    warnings: Vec<String>,
    /// What it must still see before it can be closed.
    closing: Closing,
}

/// Whether an encoder may be closed at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    Anytime,
    /// SVT-AV1 waits in its closing for the end of a stream, for good where that does not come.
    AfterEnd {
        begun: bool,
    },
}

impl Encoder {
    /// Opens an encoder for frames of `width` x `height` that otherwise are as `info` says, with times in ticks of
    /// `time_base` at about `frame_rate`.
    ///
    /// # Errors
    /// The codec does not fit the container or is missing here; an option or its value does not exist.
    pub fn open(info: &VideoInfo, format: &FrameFormat, container: Container, options: &EncodeOptions) -> Result<Self> {
        input::prepare();
        let codec = Codec::choose(options.codec, container)?;
        let (recipe, found) = codec.recipe().ok_or_else(|| missing(codec))?;
        let pixel_format = pixel_format(recipe, found, options.pixel_format.as_deref())?;
        let mut warnings = Vec::new();
        let (width, height) = encoded_size(codec, pixel_format, format, &mut warnings)?;
        let mut tags = info.color.for_output(info.height, height);
        if codec == Codec::ProRes && tags.is_full() {
            // ProRes knows limited range only.
            tags.range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
        }
        let mut context = codec::Context::new_with_codec(found);
        let usual_duration = (1.0 / (format.frame_rate.as_f64() * format.time_base.as_f64())).round().max(1.0) as i64;
        // SAFETY: plain fields of a context that is not open yet.
        unsafe {
            let raw = context.as_mut_ptr();
            ((*raw).width, (*raw).height, (*raw).pix_fmt) = (width as i32, height as i32, pixel_format);
            (*raw).time_base = ffmpeg_next::Rational::from(format.time_base).into();
            (*raw).framerate = ffmpeg_next::Rational::from(format.frame_rate).into();
            (*raw).sample_aspect_ratio = ffmpeg_next::Rational::from(format.aspect).into();
            ((*raw).colorspace, (*raw).color_range) = (tags.space, tags.range);
            ((*raw).color_primaries, (*raw).color_trc) = (tags.primaries, tags.transfer);
            (*raw).chroma_sample_location = tags.chroma;
            (*raw).thread_count = options.threads.unwrap_or(0) as i32;
            if container.wants_global_header() {
                (*raw).flags |= ffi::AV_CODEC_FLAG_GLOBAL_HEADER as i32;
            }
        }
        for (name, value) in settings(codec, recipe, options)? {
            set(&mut context, recipe.encoder, &name, &value)?;
        }
        if recipe.encoder == "libsvtav1" && std::env::var_os("SVT_LOG").is_none() {
            // It writes to the terminal by itself, unless told to write errors only.
            // SAFETY: no other thread of the program runs yet but the decoder's, which reads no environment.
            unsafe { std::env::set_var("SVT_LOG", "1") };
        }
        let mut inner = context.encoder().video().and_then(encoder::video::Video::open).map_err(|error| {
            let reason = words(error);
            let name = recipe.encoder;
            if let FfmpegError::Other { errno: ffmpeg_next::error::ENOMEM | ffmpeg_next::error::EAGAIN } = error {
                // EAGAIN: a thread that the system does not give, for want of memory or of a number.
                return Error::failed(format!(
                    "{name} gets no memory or no threads for {width}x{height}; end other programs, or raise the limits (ulimit -v, -u)"
                ));
            }
            let cure = "check --preset, --pix-fmt and --encoder-option, or choose another --codec";
            Error::usage(format!("{name} refuses {width}x{height} with these settings ({reason}); {cure}"))
        })?;
        // SAFETY: the encoder is open.
        unsafe { side_data::add_to_encoder(inner.as_mut_ptr(), &info.side_data) };
        let picture = scaler::allocate(pixel_format, width, height)?;
        let (from_rgb, durations) = (FromRgb::default(), BTreeMap::new());
        let waits = recipe.encoder == "libsvtav1";
        let closing = if waits { Closing::AfterEnd { begun: false } } else { Closing::Anytime };
        Ok(Self { inner, codec, from_rgb, picture, tags, durations, usual_duration, warnings, closing })
    }

    /// Takes one frame.
    ///
    /// # Errors
    /// The encoder failed.
    pub fn send(&mut self, frame: &Frame, stamp: Stamp) -> Result<()> {
        self.from_rgb.convert(frame, self.tags, &mut self.picture)?;
        self.picture.set_pts(Some(stamp.time));
        // SAFETY: plain fields of an own frame.
        unsafe {
            let raw = self.picture.as_mut_ptr();
            ((*raw).colorspace, (*raw).color_range) = (self.tags.space, self.tags.range);
            ((*raw).color_primaries, (*raw).color_trc) = (self.tags.primaries, self.tags.transfer);
            (*raw).chroma_location = self.tags.chroma;
        }
        let duration = if stamp.duration > 0 { stamp.duration } else { self.usual_duration };
        self.durations.insert(stamp.time, duration);
        if self.closing != Closing::Anytime {
            self.closing = Closing::AfterEnd { begun: true };
        }
        self.inner.send_frame(&self.picture).map_err(|error| self.failed(error))
    }

    /// No more frames will come; `receive` gives what is left.
    ///
    /// # Errors
    /// The encoder failed.
    pub fn end(&mut self) -> Result<()> {
        self.closing = Closing::Anytime;
        self.inner.send_eof().map_err(|error| self.failed(error))
    }

    /// Fills `packet` with the next finished one; false when more frames are needed, or at the end.
    pub(super) fn receive(&mut self, packet: &mut Packet) -> Result<bool> {
        match self.inner.receive_packet(packet) {
            Ok(()) => {
                let duration = packet.pts().and_then(|time| self.durations.remove(&time));
                packet.set_duration(duration.unwrap_or(self.usual_duration));
                Ok(true)
            }
            Err(FfmpegError::Eof) => Ok(false),
            Err(FfmpegError::Other { errno }) if errno == ffmpeg_next::error::EAGAIN => Ok(false),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// What a person should know about the output.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Columns and rows of the output.
    pub fn size(&self) -> (u32, u32) {
        (self.picture.width(), self.picture.height())
    }

    /// Ticks of a frame at the average rate.
    pub(super) fn usual_duration(&self) -> i64 {
        self.usual_duration
    }

    pub(super) fn codec(&self) -> Codec {
        self.codec
    }

    pub(super) fn context(&self) -> &codec::Context {
        &self.inner
    }

    fn failed(&self, error: FfmpegError) -> Error {
        Error::failed(format!("the {} encoder failed: {}", self.codec, words(error)))
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        if let Closing::AfterEnd { begun } = self.closing {
            // Failures change nothing: it goes away anyway.
            if !begun {
                self.picture.set_pts(Some(0));
                let _ = self.inner.send_frame(&self.picture);
            }
            let _ = self.end();
            let mut packet = Packet::empty();
            while self.receive(&mut packet).unwrap_or(false) {}
        }
    }
}

/// What the encoder will be given.
#[derive(Clone, Copy, Debug)]
pub struct FrameFormat {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The unit of [`Frame::time`], in seconds.
    pub time_base: Rational,
    /// Frames a second, on average.
    pub frame_rate: Rational,
    /// Width of a pixel by its height; 0/1 where unknown.
    pub aspect: Rational,
}

fn missing(codec: Codec) -> Error {
    let wanted = alternatives(codec.recipes().iter().map(|recipe| recipe.encoder));
    let there = alternatives(Codec::ALL.iter().filter(|codec| codec.is_available()).map(|codec| codec.name()));
    Error::usage(format!(
        "this FFmpeg has no encoder for {codec}; install one built with {wanted}, or choose --codec {there}"
    ))
}

/// Options in the order in which they are set: the recipe's, then what was asked for.
fn settings(codec: Codec, recipe: &Recipe, options: &EncodeOptions) -> Result<Vec<(String, String)>> {
    let mut settings: Vec<(String, String)> = Vec::new();
    let mut push = |name: &str, value: &str| settings.push((name.into(), value.into()));
    let own: Vec<_> = recipe.options.iter().copied().chain(x264_parameters(recipe)).collect();
    own.iter().for_each(|(name, value)| push(name, value));
    match (recipe.preset, options.preset.as_deref()) {
        (Some((name, default, values)), wished) => {
            let value = wished.unwrap_or(default);
            if values == X26X_PRESETS && !values.split([',', ' ']).any(|known| known == value) {
                return Err(Error::usage(format!("{codec} has no preset '{value}'; choose {values}")));
            }
            push(name, value);
        }
        (None, Some(_)) => return Err(Error::usage(format!("{codec} has no presets; leave out --preset"))),
        (None, None) => {}
    }
    match (recipe.crf, options.crf) {
        (Some((_, most)), Some(crf)) if crf > most => {
            return Err(Error::usage(format!("--crf {crf} is out of range; {codec} takes 0 (best) to {most}")));
        }
        (Some((default, _)), wished) => push("crf", &wished.unwrap_or(default).to_string()),
        (None, Some(_)) => {
            let cure = if codec == Codec::ProRes {
                "choose its quality with --preset proxy to 4444xq"
            } else {
                "it is lossless"
            };
            return Err(Error::usage(format!("{codec} has no --crf; {cure}")));
        }
        (None, None) => {}
    }
    for option in &options.options {
        let (name, value) = option
            .split_once('=')
            .ok_or_else(|| Error::usage(format!("--encoder-option '{option}' lacks its value; write NAME=VALUE")))?;
        // The recipe's own entries stay, or x265 would write to the terminal.
        match own.iter().find(|(known, _)| *known == name && name.ends_with("-params")) {
            Some((_, first)) => push(name, &format!("{first}:{value}")),
            None => push(name, value),
        }
    }
    Ok(settings)
}

/// What x264 is told on a processor with AVX-512: to use no code for it.
///
/// That code (seen with x264's build 164 on a Zen 4) gives other bytes for equal frames from run to run, and for other numbers of
/// threads; a job that was stopped would not come to the frames of one that was not.
fn x264_parameters(recipe: &Recipe) -> Option<(&'static str, &'static str)> {
    #[cfg(target_arch = "x86_64")]
    let wide = std::arch::is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    let wide = false;
    (wide && recipe.encoder == "libx264").then_some(("x264-params", "asm=avx2"))
}

fn set(context: &mut codec::Context, encoder: &str, name: &str, value: &str) -> Result<()> {
    let text = |text: &str| CString::new(text).map_err(|_| Error::usage("an option cannot contain a zero byte"));
    let (raw_name, raw_value) = (text(name)?, text(value)?);
    // SAFETY: the context is a valid object with options, and both strings end in zero.
    let set = unsafe {
        let object = context.as_mut_ptr().cast();
        ffi::av_opt_set(object, raw_name.as_ptr(), raw_value.as_ptr(), ffi::AV_OPT_SEARCH_CHILDREN)
    };
    match FfmpegError::from(set) {
        _ if set >= 0 => Ok(()),
        FfmpegError::OptionNotFound => {
            Err(Error::usage(format!("{encoder} has no option '{name}'; `ffmpeg -h encoder={encoder}` lists them")))
        }
        _ => {
            let preset = Codec::ALL.iter().flat_map(|codec| codec.recipes()).find(|recipe| recipe.encoder == encoder);
            let values = preset.and_then(|recipe| recipe.preset).filter(|(option, ..)| *option == name);
            let cure = values.map_or_else(
                || format!("`ffmpeg -h encoder={encoder}` lists its values"),
                |(_, _, values)| format!("choose {values}"),
            );
            Err(Error::usage(format!("{encoder} does not take '{value}' for '{name}'; {cure}")))
        }
    }
}

fn pixel_format(recipe: &Recipe, codec: ffmpeg_next::Codec, wished: Option<&str>) -> Result<AVPixelFormat> {
    let name = wished.unwrap_or(recipe.pixel_format);
    let mut known = Vec::new();
    // SAFETY: a static list that ends in AV_PIX_FMT_NONE, or null where the encoder does not say.
    unsafe {
        let mut entry = (*codec.as_ptr()).pix_fmts;
        while !entry.is_null() && *entry != AVPixelFormat::AV_PIX_FMT_NONE {
            known.push(*entry);
            entry = entry.add(1);
        }
    }
    let found = known.iter().copied().find(|&format| pixel_format_name(format) == name);
    found.ok_or_else(|| {
        let names: Vec<String> =
            known.into_iter().map(pixel_format_name).filter(|name| !name.starts_with("yuvj")).collect();
        let names = alternatives(names.iter().map(String::as_str));
        Error::usage(format!("{} does not write the pixel format '{name}'; choose {names}", recipe.encoder))
    })
}

/// The size to encode. H.264 and HEVC encoders refuse odd sides where chroma has half their size: the last column or row
/// is left out, as other tools do, and said.
fn encoded_size(
    codec: Codec,
    pixel_format: AVPixelFormat,
    format: &FrameFormat,
    warnings: &mut Vec<String>,
) -> Result<(u32, u32)> {
    let FrameFormat { width, height, .. } = *format;
    let Some(descriptor) = scaler::descriptor(pixel_format) else { return Ok((width, height)) };
    if !matches!(codec, Codec::H264 | Codec::Hevc) {
        return Ok((width, height));
    }
    let even = |side: u32, halved: u8| if halved > 0 { side & !1 } else { side };
    let (w, h) = (even(width, descriptor.log2_chroma_w), even(height, descriptor.log2_chroma_h));
    let name = pixel_format_name(pixel_format);
    if w == 0 || h == 0 {
        return Err(Error::usage(format!(
            "{codec} in {name} cannot be {width}x{height}; add --pix-fmt yuv444p, or choose a larger --size"
        )));
    }
    if (w, h) != (width, height) {
        let cure = "--pix-fmt yuv444p keeps them, but plays in fewer places";
        warnings.push(format!(
            "{codec} in {name} needs even sides: {width}x{height} is written as {w}x{h}, without its last column or row; {cure}"
        ));
    }
    Ok((w, h))
}
