//! What an input says about its video stream: which one it is, its codec, rate and length.

use std::ffi::CStr;
use std::path::Path;

use ffmpeg_next::ffi;
use ffmpeg_next::format::stream::{Disposition, Stream};
use ffmpeg_next::{Codec, Dictionary, Discard, Error as FfmpegError, codec, decoder, media};

use super::exr;
use super::open::Input;
use crate::error::{Error, Result};
use crate::frame::{MaxPixels, Rational};
use crate::media::ffmpeg::{MICROSECONDS, reason, rescale};
use crate::media::options::Seconds;

/// The index of the stream to decode.
///
/// # Errors
/// There is no video in the input.
pub fn best_video(input: &Input, path: &Path) -> Result<usize> {
    let shown = path.display();
    let stream = input
        .streams()
        .best(media::Type::Video)
        .ok_or_else(|| Error::failed(format!("'{shown}' has no video; for pictures use `impasto image`")))?;
    if stream.disposition().contains(Disposition::ATTACHED_PIC) {
        return Err(Error::failed(format!("'{shown}' has no video, only a cover picture; name a video file")));
    }
    Ok(stream.index())
}

/// Opens a decoder for stream `index` with this many `threads` (`None`: FFmpeg's choice).
///
/// # Errors
/// This FFmpeg lacks the decoder, or the stream's parameters are damaged.
pub fn open_decoder(
    input: &Input,
    index: usize,
    path: &Path,
    threads: Option<usize>,
    max_pixels: MaxPixels,
) -> Result<decoder::Video> {
    let shown = path.display();
    let failed = |error| {
        let reason = reason(error);
        Error::failed(format!("cannot decode '{shown}' ({reason}); it may be damaged, so get another copy"))
    };
    let stream = input.stream(index).ok_or_else(|| failed(FfmpegError::StreamNotFound))?;
    let mut context = codec::Context::from_parameters(stream.parameters()).map_err(failed)?;
    // SAFETY: the context is not open yet.
    unsafe {
        let raw = context.as_mut_ptr();
        // The decoder needs it to carry timestamps through frames that the file does not stamp.
        (*raw).pkt_timebase = stream.time_base().into();
        (*raw).thread_count = threads.unwrap_or(0) as i32;
        // A size that stands only in the stream's own headers is checked by the decoder.
        (*raw).max_pixels = max_pixels.pixels() as i64;
    }
    let mut options = Dictionary::new();
    if stream.parameters().id() == codec::Id::EXR {
        // Its numbers are linear light; without this, FFmpeg passes them on as they are, much too dark.
        options.set("apply_trc", "iec61966_2_1");
        exr::watch(&mut context);
    }
    let usual = || decoder::find(context.id()).ok_or(FfmpegError::DecoderNotFound);
    let found = opacity_decoder(&stream).map_or_else(usual, Ok);
    let opened = found.and_then(|found| context.decoder().open_as_with(found, options)?.video());
    opened.map_err(|error| match error {
        FfmpegError::DecoderNotFound => {
            let codec = codec_name(&stream.parameters());
            Error::failed(format!(
                "this FFmpeg has no decoder for the {codec} video in '{shown}'; install a complete FFmpeg"
            ))
        }
        error => failed(error),
    })
}

/// The decoder that reads the opacity of a WebM, which FFmpeg's own leave out. `None` if this FFmpeg lacks it, or the stream says
/// that it has no opacity.
pub fn opacity_decoder(stream: &Stream<'_>) -> Option<Codec> {
    if !has_opacity(stream) {
        return None;
    }
    match stream.parameters().id() {
        codec::Id::VP8 => decoder::find_by_name("libvpx"),
        codec::Id::VP9 => decoder::find_by_name("libvpx-vp9"),
        _ => None,
    }
}

/// Whether a stream of Matroska or WebM has opacity beside its pictures.
pub fn has_opacity(stream: &Stream<'_>) -> bool {
    stream.metadata().get("alpha_mode") == Some("1")
}

fn codec_name(parameters: &codec::Parameters) -> String {
    // SAFETY: a static string for any id.
    let name = unsafe { CStr::from_ptr(ffi::avcodec_get_name((*parameters.as_ptr()).codec_id)) };
    name.to_string_lossy().into_owned()
}

/// Tells FFmpeg to read no stream but `kept`, and those that tell where the clock jumps.
pub fn discard_others(input: &mut Input, kept: usize) {
    let all = input.needs_all_streams();
    for mut stream in input.streams_mut() {
        let tells = all && matches!(stream.parameters().medium(), media::Type::Video | media::Type::Audio);
        if stream.index() != kept && !tells {
            // SAFETY: a plain field that the caller is meant to set.
            unsafe { (*stream.as_mut_ptr()).discard = Discard::All.into() };
        }
    }
}

/// Average frames per second; 25 if the file gives no sensible rate.
pub fn frame_rate(input: &mut Input, index: usize) -> Rational {
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
/// other files keep their times.
pub fn timeline_start(input: &Input, time_base: Rational) -> i64 {
    // SAFETY: reads plain fields of an open input.
    let (start, flags) = unsafe { ((*input.as_ptr()).start_time, (*(*input.as_ptr()).iformat).flags) };
    let anywhere = flags & ffi::AVFMT_TS_DISCONT != 0 || start >= i64::from(ffi::AV_TIME_BASE);
    beginning(input, time_base).filter(|_| anywhere).unwrap_or(0)
}

/// The least time in the file, in these ticks; `None` if it has no times.
pub fn beginning(input: &Input, time_base: Rational) -> Option<i64> {
    // SAFETY: reads a plain field of an open input.
    let start = unsafe { (*input.as_ptr()).start_time };
    (start != ffi::AV_NOPTS_VALUE).then(|| rescale(start, MICROSECONDS, time_base))
}

/// Where the stream ends according to the file, in ticks of the stream.
pub fn declared_end(input: &Input, index: usize, time_base: Rational) -> Option<i64> {
    let stream = input.stream(index)?;
    let start = Some(stream.start_time()).filter(|&start| start != ffi::AV_NOPTS_VALUE).unwrap_or(0);
    if stream.duration() > 0 {
        return Some(start + stream.duration());
    }
    // Matroska writes it as text: "00:00:10.000000000".
    let text = stream.metadata().get("DURATION")?.to_owned();
    let Seconds(seconds) = text.parse().ok()?;
    Some((seconds / time_base.as_f64()) as i64)
}
