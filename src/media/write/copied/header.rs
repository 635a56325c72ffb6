//! What is copied into the output's header: streams, covers, tags and chapters.

use std::ffi::CString;

use ffmpeg_next::Dictionary;
use ffmpeg_next::ffi::{self, AVCodecID, AVMediaType};
use ffmpeg_next::format::context::Output;
use ffmpeg_next::format::stream::{Disposition, Stream};

use super::route::Route;
use crate::error::{Error, Result};
use crate::frame::Rational;
use crate::media::ffmpeg::{check, reason, rescale};
use crate::media::read::Input;
use crate::media::side_data;
use crate::media::write::container::Container;

/// The part of the input that is painted.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// The time in the input that is 0 in the output, in `time_base`.
    pub origin: i64,
    /// Where to stop, in `time_base` of the input; `None`: at the end.
    pub end: Option<i64>,
    /// The painted stream's unit.
    pub time_base: Rational,
}

impl Cut {
    fn origin_in(self, unit: Rational) -> i64 {
        rescale(self.origin, self.time_base, unit)
    }

    fn end_in(self, unit: Rational) -> Option<i64> {
        self.end.map(|end| rescale(end, self.time_base, unit))
    }
}

/// Adds a copy of `stream` to the output, as an attached file if `as_attachment`.
///
/// # Errors
/// There is not enough memory.
pub fn add_stream(output: &mut Output, stream: &Stream<'_>, as_attachment: bool, cut: Cut) -> Result<Route> {
    let facts = side_data::of(stream);
    let cover = stream.disposition().contains(Disposition::ATTACHED_PIC);
    // SAFETY: both streams belong to open contexts; the new one's header is not written yet, and it owns its copy of the
    // parameters. The picture of a cover is read from the input's packet, which lives as long as the input.
    let (index, subtitles) = unsafe {
        let new = ffi::avformat_new_stream(output.as_mut_ptr(), std::ptr::null());
        if new.is_null() {
            return Err(Error::failed("out of memory while adding a stream"));
        }
        let old = stream.as_ptr();
        check(ffi::avcodec_parameters_copy((*new).codecpar, (*old).codecpar), "cannot copy a stream")?;
        // The tag belongs to the input's container; the output's finds its own.
        (*(*new).codecpar).codec_tag = 0;
        (*new).time_base = (*old).time_base;
        (*new).avg_frame_rate = (*old).avg_frame_rate;
        (*new).r_frame_rate = (*old).r_frame_rate;
        (*new).sample_aspect_ratio = (*old).sample_aspect_ratio;
        (*new).disposition = (*old).disposition;
        (*new).id = (*old).id;
        (*new).duration = (*old).duration;
        ffi::av_dict_copy(&raw mut (*new).metadata, (*old).metadata, 0);
        if as_attachment {
            attach((*new).codecpar, &raw mut (*new).metadata, &(*old).attached_pic)?;
        } else {
            side_data::add(new, &facts);
        }
        ((*new).index as usize, (*(*new).codecpar).codec_type == AVMediaType::AVMEDIA_TYPE_SUBTITLE)
    };
    let from = Rational::from(stream.time_base());
    let origin = cut.origin_in(from);
    let end = cut.end_in(from);
    let done = cover || as_attachment;
    Ok(Route { output: index, from, to: from, origin, end, last: None, cover, subtitles, done })
}

/// Copies the tags of the whole file. Returns those that the container has no place for.
pub fn copy_tags(input: &Input, output: &mut Output, container: Container) -> Vec<String> {
    // These describe the old file and its writer, not the film.
    const OLD: [&str; 5] = ["major_brand", "minor_version", "compatible_brands", "encoder", "duration"];
    let tags = input.metadata();
    let kept = tags.iter().filter(|(key, _)| !OLD.contains(&key.to_ascii_lowercase().as_str()));
    let kept: Vec<(&str, &str)> = kept.collect();
    output.set_metadata(kept.iter().copied().collect::<Dictionary<'_>>());
    kept.into_iter().filter(|(key, _)| !container.takes_tag(key)).map(|(key, _)| key.to_owned()).collect()
}

/// Puts the tags of streams into the words of QuickTime's family: it has no titles of streams but the names of their handlers,
/// which players show; and FFmpeg writes a language into MOV only by the code that its table of Apple's languages has.
pub fn word_stream_tags(output: &mut Output, container: Container) {
    const APPLE: [(&str, &str); 19] = [
        ("bod", "tib"),
        ("cym", "wel"),
        ("cze", "ces"),
        ("deu", "ger"),
        ("ell", "gre"),
        ("eus", "baq"),
        ("fre", "fra"),
        ("hye", "arm"),
        ("isl", "ice"),
        ("kat", "geo"),
        ("mkd", "mac"),
        ("msa", "may"),
        ("mya", "bur"),
        ("nld", "dut"),
        ("rum", "ron"),
        ("slo", "slk"),
        ("sqi", "alb"),
        ("swe", "sve"),
        ("zho", "chi"),
    ];
    if !container.is_quicktime() {
        return;
    }
    for index in 0..output.nb_streams() as usize {
        let Some(mut stream) = output.stream_mut(index) else { continue };
        let tags = stream.metadata();
        let title = tags.get("title").filter(|_| tags.get("handler_name").is_none()).map(str::to_owned);
        let known = |language: &str| APPLE.iter().find(|(code, _)| *code == language);
        let language = tags.get("language").and_then(known).filter(|_| container.name() == "mov");
        let language = language.map(|(_, code)| (*code).to_owned());
        for (key, value) in [(c"handler_name", title), (c"language", language)] {
            let Some(value) = value.and_then(|value| CString::new(value).ok()) else { continue };
            // SAFETY: the stream is the output's own, and its header is not written yet; FFmpeg copies both strings.
            unsafe { ffi::av_dict_set(&raw mut (*stream.as_mut_ptr()).metadata, key.as_ptr(), value.as_ptr(), 0) };
        }
    }
}

/// Copies the chapters that are not cut away.
///
/// # Errors
/// There is not enough memory.
pub fn copy_chapters(input: &Input, output: &mut Output, cut: Cut) -> Result<()> {
    for chapter in input.chapters() {
        let unit = Rational::from(chapter.time_base());
        let origin = cut.origin_in(unit);
        let last = cut.end_in(unit).unwrap_or(i64::MAX);
        let (start, end) = (chapter.start().max(origin) - origin, chapter.end().min(last) - origin);
        // It is cut away.
        if end < start || (end == start && chapter.end() > chapter.start()) {
            continue;
        }
        let title = chapter.metadata().get("title").unwrap_or_default().to_owned();
        output
            .add_chapter(chapter.id(), ffmpeg_next::Rational::from(unit), start, end, title)
            .map_err(|error| Error::failed(format!("cannot copy a chapter: {}", reason(error))))?;
    }
    Ok(())
}

/// Turns copied parameters into those of an attached file that holds `picture`.
///
/// # Safety
/// `parameters` are an output stream's own, `metadata` is its dictionary.
unsafe fn attach(
    parameters: *mut ffi::AVCodecParameters,
    metadata: *mut *mut ffi::AVDictionary,
    picture: &ffi::AVPacket,
) -> Result<()> {
    // SAFETY: the caller's promise.
    let (name, kind) = match unsafe { (*parameters).codec_id } {
        AVCodecID::AV_CODEC_ID_PNG => (c"cover.png", c"image/png"),
        AVCodecID::AV_CODEC_ID_BMP => (c"cover.bmp", c"image/bmp"),
        AVCodecID::AV_CODEC_ID_WEBP => (c"cover.webp", c"image/webp"),
        AVCodecID::AV_CODEC_ID_GIF => (c"cover.gif", c"image/gif"),
        _ => (c"cover.jpg", c"image/jpeg"),
    };
    let size = picture.size as usize;
    // SAFETY: the caller's for the pointers; the buffer has room for the picture and FFmpeg's padding, and becomes the
    // parameters' own.
    unsafe {
        let buffer = ffi::av_mallocz(size + ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize).cast::<u8>();
        if buffer.is_null() {
            return Err(Error::failed("out of memory while copying the cover"));
        }
        std::ptr::copy_nonoverlapping(picture.data, buffer, size);
        ffi::av_freep((&raw mut (*parameters).extradata).cast());
        ((*parameters).extradata, (*parameters).extradata_size) = (buffer, size as i32);
        (*parameters).codec_type = AVMediaType::AVMEDIA_TYPE_ATTACHMENT;
        if ffi::av_dict_get(*metadata, c"filename".as_ptr(), std::ptr::null(), 0).is_null() {
            ffi::av_dict_set(metadata, c"filename".as_ptr(), name.as_ptr(), 0);
        }
        ffi::av_dict_set(metadata, c"mimetype".as_ptr(), kind.as_ptr(), 0);
    }
    Ok(())
}
