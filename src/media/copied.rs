//! Everything of the input but the painted pictures: sound, subtitles, other streams, cover art, chapters, tags.
//!
//! The input is opened a second time, and its packets are read only as far as the painted video has come: so nothing
//! but frames passes through the pipeline, and no queue grows.

use std::ffi::CStr;
use std::path::Path;

use ffmpeg_next::ffi::{self, AVCodecID, AVMediaType};
use ffmpeg_next::format::context::{Input, Output};
use ffmpeg_next::format::stream::{Disposition, Stream};
use ffmpeg_next::{Dictionary, Error as FfmpegError, Packet};

use super::container::Container;
use super::decode::VideoInfo;
use super::{MICROSECONDS, check, input, is_refusal, rescale, side_data, words};
use crate::error::{Error, Result};
use crate::frame::Rational;

/// The input's other streams on their way to the output.
pub struct CopiedStreams {
    input: Input,
    painted: usize,
    /// For each stream of the input, its way into the output.
    ways: Vec<Option<Way>>,
    /// Read, and later than what was asked for so far.
    waiting: Option<Packet>,
    ended: bool,
    /// The time in the input that is 0 in the output, and where to stop, both as a time of the painted stream.
    origin: i64,
    end: Option<i64>,
    time_base: Rational,
    warnings: Vec<String>,
}

/// One stream's way into the output.
#[derive(Debug)]
struct Way {
    output: usize,
    from: Rational,
    /// The output stream's unit; known once the header is written.
    to: Rational,
    /// Subtracted from the input's times, in `from`.
    origin: i64,
    /// Packets from here on are left out, in `from` before the subtraction.
    end: Option<i64>,
    /// Greatest decoding time so far, in `to`.
    last: Option<i64>,
    cover: bool,
    subtitles: bool,
    /// Copied all that is wanted.
    done: bool,
}

impl CopiedStreams {
    /// Opens `path` again, of which `info.stream` is painted. `cut` says that the beginning is left out.
    ///
    /// # Errors
    /// The file has gone since the decoder opened it.
    pub fn open(path: &Path, info: &VideoInfo, cut: bool) -> Result<Self> {
        let mut input = input::open(path, info.max_pixels)?;
        if cut {
            let origin = rescale(info.origin, info.time_base, MICROSECONDS);
            // SAFETY: the context is open for reading. A file that cannot seek is read from its start instead.
            unsafe { ffi::avformat_seek_file(input.as_mut_ptr(), -1, i64::MIN, origin, origin, 0) };
        }
        Ok(Self {
            input,
            painted: info.stream,
            ways: Vec::new(),
            waiting: None,
            ended: false,
            origin: info.origin,
            end: info.end.map(|end| end + info.origin),
            time_base: info.time_base,
            warnings: Vec::new(),
        })
    }

    /// What could not be copied, and why.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Adds this input's streams to `output` in their order; `add_painted` is called in the painted one's place.
    pub(super) fn add_to(
        &mut self,
        output: &mut Output,
        container: Container,
        mut add_painted: impl FnMut(&mut Output, &Stream<'_>) -> Result<()>,
    ) -> Result<()> {
        for index in 0..self.input.nb_streams() as usize {
            let Some(stream) = self.input.stream(index) else { continue };
            let way = if index == self.painted {
                add_painted(output, &stream)?;
                None
            } else {
                match self.plan(&stream, container) {
                    Plan::Copy => Some(self.add(output, &stream, false)?),
                    Plan::Attach => Some(self.add(output, &stream, true)?),
                    Plan::Skip => None,
                    Plan::LeaveOut(reason) => {
                        self.warnings.push(reason);
                        None
                    }
                }
            };
            self.ways.push(way);
        }
        for (mut stream, way) in self.input.streams_mut().zip(&self.ways) {
            let wanted = way.as_ref().is_some_and(|way| !way.cover);
            // SAFETY: a plain field that is meant to be set by the caller.
            unsafe {
                (*stream.as_mut_ptr()).discard =
                    if wanted { ffi::AVDiscard::AVDISCARD_DEFAULT } else { ffi::AVDiscard::AVDISCARD_ALL };
            }
        }
        self.copy_tags(output);
        self.copy_chapters(output)
    }

    fn plan(&self, stream: &Stream<'_>, container: Container) -> Plan {
        // SAFETY: reads plain fields of a stream of the open input.
        let (kind, codec, discard) = unsafe {
            let raw = stream.as_ptr();
            ((*(*raw).codecpar).codec_type, (*(*raw).codecpar).codec_id, (*raw).discard)
        };
        let is_cover = stream.disposition().contains(Disposition::ATTACHED_PIC);
        if is_cover && container.takes_attachments() {
            return Plan::Attach;
        }
        // QuickTime's chapter and time code tracks: the first are known as chapters already, the second are written anew
        // from the time code tag.
        let chapters = discard == ffi::AVDiscard::AVDISCARD_ALL && self.input.nb_chapters() > 0;
        let time_code = codec == AVCodecID::AV_CODEC_ID_NONE && stream.metadata().get("timecode").is_some();
        if kind == AVMediaType::AVMEDIA_TYPE_DATA && (chapters || time_code) {
            return Plan::Skip;
        }
        let fits = match kind {
            AVMediaType::AVMEDIA_TYPE_ATTACHMENT => container.takes_attachments(),
            _ => codec != AVCodecID::AV_CODEC_ID_NONE && container.takes(codec),
        };
        if fits { Plan::Copy } else { Plan::LeaveOut(left_out(stream, kind, codec, container)) }
    }

    fn add(&self, output: &mut Output, stream: &Stream<'_>, as_attachment: bool) -> Result<Way> {
        let facts = side_data::of(stream);
        let cover = stream.disposition().contains(Disposition::ATTACHED_PIC);
        // SAFETY: both streams belong to open contexts; the new one's header is not written yet, and its parameters are a
        // copy of its own. The picture of a cover is read from the input's packet, which lives as long as the input.
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
        let origin = rescale(self.origin, self.time_base, from);
        let end = self.end.map(|end| rescale(end, self.time_base, from));
        let done = cover || as_attachment;
        Ok(Way { output: index, from, to: from, origin, end, last: None, cover, subtitles, done })
    }

    fn copy_tags(&self, output: &mut Output) {
        // Of the old file and its writer, not of the film.
        const OLD: [&str; 5] = ["major_brand", "minor_version", "compatible_brands", "encoder", "duration"];
        let tags = self.input.metadata();
        let kept = tags.iter().filter(|(key, _)| !OLD.contains(&key.to_ascii_lowercase().as_str()));
        output.set_metadata(kept.collect::<Dictionary<'_>>());
    }

    fn copy_chapters(&self, output: &mut Output) -> Result<()> {
        for chapter in self.input.chapters() {
            let unit = Rational::from(chapter.time_base());
            let origin = rescale(self.origin, self.time_base, unit);
            let last = self.end.map_or(i64::MAX, |end| rescale(end, self.time_base, unit));
            let (start, end) = (chapter.start().max(origin) - origin, chapter.end().min(last) - origin);
            // A chapter that is cut away.
            if end < start || (end == start && chapter.end() > chapter.start()) {
                continue;
            }
            let title = chapter.metadata().get("title").unwrap_or_default().to_owned();
            output
                .add_chapter(chapter.id(), ffmpeg_next::Rational::from(unit), start, end, title)
                .map_err(|error| Error::failed(format!("cannot copy a chapter: {}", words(error))))?;
        }
        Ok(())
    }

    /// After the header is written: learns the output's units, and writes the covers.
    ///
    /// # Errors
    /// The output cannot be written.
    pub(super) fn begin(&mut self, output: &mut Output) -> Result<(), FfmpegError> {
        for index in 0..self.ways.len() {
            let Some(way) = &mut self.ways[index] else { continue };
            if let Some(stream) = output.stream(way.output) {
                way.to = stream.time_base().into();
            }
            let is_attachment = output
                .stream(way.output)
                .is_some_and(|stream| stream.parameters().medium() == ffmpeg_next::media::Type::Attachment);
            if way.cover && !is_attachment {
                let Some(stream) = self.input.stream(index) else { continue };
                let mut packet = Packet::empty();
                // SAFETY: the picture belongs to the stream; the packet gets its own reference.
                let made = unsafe {
                    use ffmpeg_next::packet::Mut;
                    ffi::av_packet_ref(packet.as_mut_ptr(), &raw const (*stream.as_ptr()).attached_pic)
                };
                if made < 0 {
                    return Err(made.into());
                }
                packet.set_pts(Some(0));
                packet.set_dts(Some(0));
                packet.set_stream(way.output);
                packet.write_interleaved(output)?;
            }
        }
        Ok(())
    }

    /// Writes all packets up to `seconds` of the output; all that are left where that is infinite.
    ///
    /// # Errors
    /// The output cannot be written. Damage in the input is no error.
    pub(super) fn write_until(&mut self, output: &mut Output, seconds: f64) -> Result<u64, FfmpegError> {
        let mut refused = 0;
        while !self.ended {
            let Some(mut packet) = self.waiting.take().or_else(|| self.read()) else {
                self.ended = true;
                break;
            };
            let Some(way) = self.ways.get_mut(packet.stream()).and_then(Option::as_mut) else { continue };
            let time = packet.dts().or(packet.pts()).unwrap_or(way.origin);
            if (time - way.origin) as f64 * way.from.as_f64() > seconds {
                self.waiting = Some(packet);
                break;
            }
            if way.take(&mut packet) {
                match packet.write_interleaved(output) {
                    Err(error) if is_refusal(error) => refused += 1,
                    written => written?,
                }
            }
            self.ended = self.ways.iter().flatten().all(|way| way.done);
        }
        Ok(refused)
    }

    /// The next packet of a stream that is copied.
    fn read(&mut self) -> Option<Packet> {
        if self.ways.iter().all(Option::is_none) {
            return None;
        }
        let mut failures = 0;
        let mut packet = Packet::empty();
        loop {
            match input::read(&mut packet, &mut self.input) {
                Ok(()) => match self.ways.get(packet.stream()) {
                    Some(Some(way)) if !way.cover => return Some(packet),
                    _ => failures = 0,
                },
                // The decoder reads the same file and says what is wrong with it.
                Err(FfmpegError::InvalidData) if failures < 1000 => failures += 1,
                Err(FfmpegError::Other { errno }) if errno == ffmpeg_next::error::EAGAIN => {}
                Err(_) => return None,
            }
        }
    }
}

impl Way {
    /// Moves a packet from the input's time to the output's; false where it is cut away.
    fn take(&mut self, packet: &mut Packet) -> bool {
        let cut_start = self.origin != 0;
        let time = packet.pts().or(packet.dts());
        if let (Some(time), Some(end)) = (time, self.end)
            && time >= end
        {
            // Pictures are stored out of order: later packets may still be wanted until storage order is past the end.
            self.done = packet.dts().is_none_or(|dts| dts >= end);
            return false;
        }
        if let Some(time) = time
            && cut_start
            && time < self.origin
        {
            let late = time + packet.duration() - self.origin;
            if !self.subtitles || late <= 0 {
                return false;
            }
            // Words that are still on screen when the cut begins.
            packet.set_pts(Some(self.origin));
            packet.set_dts(Some(self.origin));
            packet.set_duration(late);
        }
        packet.set_pts(packet.pts().map(|time| time - self.origin));
        packet.set_dts(packet.dts().map(|time| time - self.origin));
        packet.rescale_ts(ffmpeg_next::Rational::from(self.from), ffmpeg_next::Rational::from(self.to));
        if let (Some(dts), Some(last)) = (packet.dts(), self.last)
            && dts <= last
            && !(self.subtitles && dts == last)
        {
            // A container refuses time that stands still or runs back, as it does in damaged and joined files.
            let pts = packet.pts().map(|pts| pts.max(last + 1));
            packet.set_dts(Some(last + 1));
            packet.set_pts(pts);
        }
        self.last = packet.dts().or(self.last);
        packet.set_stream(self.output);
        packet.set_position(-1);
        true
    }
}

/// What becomes of a stream.
enum Plan {
    Copy,
    /// A cover, as an attached file.
    Attach,
    /// The output gets it by other means.
    Skip,
    LeaveOut(String),
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

fn left_out(stream: &Stream<'_>, kind: AVMediaType, codec: AVCodecID, container: Container) -> String {
    let kind_name = match kind {
        AVMediaType::AVMEDIA_TYPE_AUDIO => "sound",
        AVMediaType::AVMEDIA_TYPE_SUBTITLE => "subtitles",
        AVMediaType::AVMEDIA_TYPE_VIDEO => "video",
        AVMediaType::AVMEDIA_TYPE_ATTACHMENT => "attached file",
        _ => "data",
    };
    // SAFETY: a static string for any codec.
    let name = unsafe { CStr::from_ptr(ffi::avcodec_get_name(codec)) }.to_string_lossy();
    let index = stream.index();
    let takes = |ending: &&str| {
        Container::named(ending).is_some_and(|other| match kind {
            AVMediaType::AVMEDIA_TYPE_ATTACHMENT => other.takes_attachments(),
            _ => codec != AVCodecID::AV_CODEC_ID_NONE && other.takes(codec),
        })
    };
    let cure = match ["mkv", "mp4", "mov"].iter().find(|ending| takes(ending)) {
        Some(ending) => format!("write .{ending} to keep it"),
        None => "no common container takes it".into(),
    };
    format!("stream {index} ({kind_name}, {name}) is left out, for {} files cannot hold it; {cure}", container.name())
}
