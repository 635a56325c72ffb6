//! File formats by their endings.

use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr;

use ffmpeg_next::ffi::{self, AVCodecID};

use crate::error::{Error, Result};

/// A file format to write.
#[derive(Clone, Copy, Debug)]
pub struct Container {
    format: *const ffi::AVOutputFormat,
}

// SAFETY: points into FFmpeg's static, constant tables.
unsafe impl Send for Container {}
// SAFETY: as above; nothing writes there.
unsafe impl Sync for Container {}

/// What MPEG transport streams are known to carry; FFmpeg does not say.
const MPEGTS: [AVCodecID; 11] = [
    AVCodecID::AV_CODEC_ID_H264,
    AVCodecID::AV_CODEC_ID_HEVC,
    AVCodecID::AV_CODEC_ID_MPEG2VIDEO,
    AVCodecID::AV_CODEC_ID_MP2,
    AVCodecID::AV_CODEC_ID_MP3,
    AVCodecID::AV_CODEC_ID_AAC,
    AVCodecID::AV_CODEC_ID_AC3,
    AVCodecID::AV_CODEC_ID_EAC3,
    AVCodecID::AV_CODEC_ID_DTS,
    AVCodecID::AV_CODEC_ID_OPUS,
    AVCodecID::AV_CODEC_ID_DVB_SUBTITLE,
];

impl Container {
    /// The format for `path`'s ending.
    ///
    /// # Errors
    /// There is no such format for video.
    pub fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().into_owned()).unwrap_or_default();
        let wrong = || {
            let what = if ending.is_empty() { "a name without an ending".to_owned() } else { format!("'.{ending}'") };
            Error::usage(format!("'{}': {what} names no video format; use .mp4, .mkv, .mov or .webm", path.display()))
        };
        Self::named(&ending).ok_or_else(wrong)
    }

    /// The format for an ending such as `mkv`.
    pub fn named(ending: &str) -> Option<Self> {
        let name = CString::new(format!("x.{ending}")).ok()?;
        // SAFETY: a valid string; null stands for nothing said.
        let format = unsafe { ffi::av_guess_format(ptr::null(), name.as_ptr(), ptr::null()) };
        // SAFETY: null, or a pointer into a static table.
        let entry = unsafe { format.as_ref() }?;
        let no_video = entry.video_codec == AVCodecID::AV_CODEC_ID_NONE || entry.flags & ffi::AVFMT_NOFILE != 0;
        (!no_video && !ending.is_empty()).then_some(Self { format })
    }

    fn entry(&self) -> &'static ffi::AVOutputFormat {
        // SAFETY: checked not to be null when made; the table is static.
        unsafe { &*self.format }
    }

    /// FFmpeg's name: mp4, matroska, mov, webm ...
    pub fn name(&self) -> &'static str {
        // SAFETY: every format has a name, a static string.
        unsafe { CStr::from_ptr(self.entry().name) }.to_str().unwrap_or("unknown")
    }

    /// FFmpeg's name for its functions.
    pub(super) fn raw_name(&self) -> &'static CStr {
        // SAFETY: every format has a name, a static string.
        unsafe { CStr::from_ptr(self.entry().name) }
    }

    /// Whether streams of `codec` can be stored.
    pub fn takes(&self, codec: AVCodecID) -> bool {
        // SAFETY: the format is valid.
        match unsafe { ffi::avformat_query_codec(self.format, codec, ffi::FF_COMPLIANCE_EXPERIMENTAL) } {
            0 => false,
            // Not said: the formats that say nothing take one codec, or are a transport stream.
            answer if answer < 0 => self.name() == "mpegts" && MPEGTS.contains(&codec),
            answer => answer == 1,
        }
    }

    /// Whether it is one of the QuickTime family (mp4, mov, m4v ...).
    pub fn is_quicktime(&self) -> bool {
        matches!(self.name(), "mp4" | "mov" | "ipod" | "3gp" | "3g2" | "psp" | "f4v" | "ismv")
    }

    /// Whether attached files (fonts, covers) can be stored as such.
    pub fn takes_attachments(&self) -> bool {
        self.name() == "matroska"
    }

    /// Whether a stream's rotation survives.
    pub fn keeps_rotation(&self) -> bool {
        // SAFETY: reads a constant.
        let version = unsafe { ffi::avformat_version() } >> 16;
        // Matroska has a place for it, which FFmpeg fills from its version 7 on.
        self.is_quicktime() || (version >= 61 && matches!(self.name(), "matroska" | "webm"))
    }

    /// Whether frames may come at uneven times.
    pub fn takes_variable_rate(&self) -> bool {
        // FFmpeg does not say it of the QuickTime family and of transport streams, which have timestamps.
        self.entry().flags & ffi::AVFMT_VARIABLE_FPS != 0 || self.is_quicktime() || self.name() == "mpegts"
    }

    /// Whether codec headers go to the front of the file.
    pub(super) fn wants_global_header(&self) -> bool {
        self.entry().flags & ffi::AVFMT_GLOBALHEADER != 0
    }
}
