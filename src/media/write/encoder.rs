//! RGB frames to compressed packets.

use std::collections::BTreeMap;

use ffmpeg_next::ffi;
use ffmpeg_next::{Error as FfmpegError, Packet, codec, encoder, frame};

use super::codec::Codec;
use super::container::Container;
use super::late_header;
use super::settings::{EncodeOptions, encoded_size, missing, pixel_format, set, settings};
use crate::error::{Error, Result};
use crate::frame::{Frame, Stamp};
use crate::media::ffmpeg::{prepare, reason};
use crate::media::info::{FrameFormat, VideoInfo};
use crate::media::pixels::{ColorTags, FromRgb, allocate};
use crate::media::side_data;
use crate::warning::Warning;

/// An open encoder.
pub struct Encoder {
    inner: encoder::video::Encoder,
    codec: Codec,
    from_rgb: FromRgb,
    picture: frame::Video,
    tags: ColorTags,
    /// Durations of the frames that are still inside, by their times; encoders of FFmpeg 5.1 drop the duration.
    durations: BTreeMap<i64, i64>,
    usual_duration: i64,
    warnings: Vec<Warning>,
    /// Frames hand on their captions: each frame comes once, and the encoder stores them.
    pub(super) takes_captions: bool,
    /// What it must get before it can be closed.
    closing: Closing,
}

/// Whether an encoder may be closed at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    Anytime,
    /// While closing, SVT-AV1 waits for the end of the stream, forever if that does not come.
    AfterEnd {
        begun: bool,
    },
}

impl Encoder {
    /// Opens an encoder for frames in `format`, with the colours and other facts of the input in `info`.
    ///
    /// # Errors
    /// The codec does not fit the container, this FFmpeg lacks it, an option or its value does not exist, or there is too
    /// little memory.
    pub fn open(info: &VideoInfo, format: &FrameFormat, container: Container, options: &EncodeOptions) -> Result<Self> {
        prepare();
        let hdr = info.color.is_hdr();
        let codec = Codec::choose(options.codec, container, hdr)?;
        let (recipe, found) = codec.recipe().ok_or_else(|| missing(codec))?;
        let pixel_format = pixel_format(recipe, found, options.pixel_format.as_deref(), hdr)?;
        let mut warnings = Vec::new();
        let (width, height) = encoded_size(codec, pixel_format, format, &mut warnings)?;
        let mut tags = info.color.for_output(info.height, height);
        if hdr {
            tags = tags.for_hdr(info.height);
        }
        match codec {
            // ProRes has limited range only.
            Codec::ProRes => tags.range = ffi::AVColorRange::AVCOL_RANGE_MPEG,
            Codec::Png | Codec::Jpeg => tags = tags.for_pictures(codec == Codec::Jpeg),
            _ => {}
        }
        let usual_duration = (1.0 / (format.frame_rate.as_f64() * format.time_base.as_f64())).round().max(1.0) as i64;
        let open = || -> Result<encoder::video::Encoder> {
            let mut context = codec::Context::new_with_codec(found);
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
            for (name, value) in settings(codec, recipe, options, &info.side_data)? {
                set(&mut context, recipe.encoder, &name, &value)?;
            }
            context.encoder().video().and_then(encoder::video::Video::open).map_err(|error| {
                let (reason, name) = (reason(error), recipe.encoder);
                if let FfmpegError::Other { errno: ffmpeg_next::error::ENOMEM | ffmpeg_next::error::EAGAIN } = error {
                    // EAGAIN: the system refuses another thread, for lack of memory or because of a limit.
                    return Error::failed(format!(
                        "{name} cannot get enough memory or threads for {width}x{height}; close other programs, or raise the \
                         limits (ulimit -v, -u)"
                    ));
                }
                let cure = "check --preset, --pix-fmt and --encoder-option, or choose another --codec";
                Error::usage(format!("{name} cannot encode {width}x{height} with these settings ({reason}); {cure}"))
            })
        };
        let mut inner = open()?;
        // SAFETY: the encoder is open.
        unsafe { side_data::add_to_encoder(inner.as_mut_ptr(), &info.side_data) };
        let mut picture = allocate(pixel_format, width, height)?;
        if codec == Codec::Av1 && late_header::is_missing(&inner) {
            let failed =
                |error| Error::failed(format!("{} cannot encode a picture: {}", recipe.encoder, reason(error)));
            late_header::learn(&mut inner, open()?, &mut picture).map_err(failed)?;
        }
        let (from_rgb, durations) = (FromRgb::default(), BTreeMap::new());
        let takes_captions = codec.takes_captions();
        let waits = recipe.encoder == "libsvtav1";
        let closing = if waits { Closing::AfterEnd { begun: false } } else { Closing::Anytime };
        Ok(Self { inner, codec, from_rgb, picture, tags, durations, usual_duration, warnings, takes_captions, closing })
    }

    /// Encodes one frame, shown at `stamp`, later than those before.
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
        if self.takes_captions {
            side_data::caption(&mut self.picture, &frame.captions);
        }
        let duration = if stamp.duration > 0 { stamp.duration } else { self.usual_duration };
        self.durations.insert(stamp.time, duration);
        if self.closing != Closing::Anytime {
            self.closing = Closing::AfterEnd { begun: true };
        }
        self.inner.send_frame(&self.picture).map_err(|error| self.failed(error))
    }

    /// Ends the stream; `receive` then returns what is left.
    ///
    /// # Errors
    /// The encoder failed.
    pub fn end(&mut self) -> Result<()> {
        self.closing = Closing::Anytime;
        self.inner.send_eof().map_err(|error| self.failed(error))
    }

    /// Fills `packet` with the next finished one; false if it needs more frames first, or at the end.
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

    /// Warnings about the output.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Width and height of the output in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.picture.width(), self.picture.height())
    }

    /// Duration of a frame at the average rate, in ticks.
    pub(super) fn usual_duration(&self) -> i64 {
        self.usual_duration
    }

    pub(super) fn codec(&self) -> Codec {
        self.codec
    }

    pub(super) fn context(&self) -> &codec::Context {
        &self.inner
    }

    /// The decoder configuration, as it belongs into a container's header.
    pub(super) fn extradata(&self) -> Vec<u8> {
        // SAFETY: reads plain fields of an open encoder; the bytes are copied.
        unsafe {
            let context = self.inner.as_ptr();
            copy_bytes((*context).extradata, (*context).extradata_size)
        }
    }

    fn failed(&self, error: FfmpegError) -> Error {
        Error::failed(format!("the {} encoder failed: {}", self.codec, reason(error)))
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        if let Closing::AfterEnd { begun } = self.closing {
            // Failures change nothing: the encoder goes away anyway.
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

/// A copy of FFmpeg's bytes.
///
/// # Safety
/// `start` is null or points to `len` bytes.
pub(super) unsafe fn copy_bytes(start: *const u8, len: i32) -> Vec<u8> {
    if start.is_null() || len <= 0 {
        return Vec::new();
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(start, len as usize) }.to_vec()
}
