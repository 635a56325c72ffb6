//! What becomes of each stream of the input that is not painted.

use std::ffi::CStr;

use ffmpeg_next::ffi::{self, AVCodecID, AVMediaType};
use ffmpeg_next::format::stream::{Disposition, Stream};

use crate::media::write::container::Container;
use crate::warning::Warning;

/// What becomes of a stream.
pub enum Plan {
    /// It is copied.
    Copy,
    /// A cover is copied as an attached file.
    Attach,
    /// The output gets it by other means.
    Skip,
    /// The container cannot hold it; the warning says so.
    LeaveOut(Warning),
}

/// Decides about a stream that is not painted. `has_chapters`: the input has chapters.
pub fn plan(stream: &Stream<'_>, has_chapters: bool, container: Container) -> Plan {
    // SAFETY: reads plain fields of a stream of the open input.
    let (kind, codec, discard) = unsafe {
        let raw = stream.as_ptr();
        ((*(*raw).codecpar).codec_type, (*(*raw).codecpar).codec_id, (*raw).discard)
    };
    let is_cover = stream.disposition().contains(Disposition::ATTACHED_PIC);
    if is_cover && container.takes_attachments() {
        return Plan::Attach;
    }
    if is_cover && !container.takes_covers() {
        let container = container.name().to_owned();
        return Plan::LeaveOut(Warning::CoverLeftOut { stream: stream.index(), container });
    }
    // QuickTime's chapter and time code tracks: the former are copied as chapters, the latter are written again from the
    // time code tag.
    let chapters = discard == ffi::AVDiscard::AVDISCARD_ALL && has_chapters;
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

/// The warning about a stream that the container cannot hold.
fn left_out(stream: &Stream<'_>, kind: AVMediaType, codec: AVCodecID, container: Container) -> Warning {
    let kind_name = match kind {
        AVMediaType::AVMEDIA_TYPE_AUDIO => "audio",
        AVMediaType::AVMEDIA_TYPE_SUBTITLE => "subtitles",
        AVMediaType::AVMEDIA_TYPE_VIDEO => "video",
        AVMediaType::AVMEDIA_TYPE_ATTACHMENT => "attached file",
        _ => "data",
    };
    // SAFETY: a static string for any codec.
    let name = unsafe { CStr::from_ptr(ffi::avcodec_get_name(codec)) }.to_string_lossy();
    let takes = |ending: &&str| {
        Container::named(ending).is_some_and(|other| match kind {
            AVMediaType::AVMEDIA_TYPE_ATTACHMENT => other.takes_attachments(),
            _ => codec != AVCodecID::AV_CODEC_ID_NONE && other.takes(codec),
        })
    };
    Warning::StreamLeftOut {
        stream: stream.index(),
        kind: kind_name.to_owned(),
        codec: name.into_owned(),
        container: container.name().to_owned(),
        fits: ["mkv", "mp4", "mov"].into_iter().find(takes).map(str::to_owned),
    }
}
