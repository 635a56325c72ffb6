//! Container formats, chosen by the ending of a file name; and sequences of pictures in place of one.

use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr;

use ffmpeg_next::ffi::{self, AVCodecID};

use crate::error::{Error, Result};
use crate::media::sequence::Numbered;

/// A container format to write.
#[derive(Clone, Copy, Debug)]
pub struct Container {
    format: *const ffi::AVOutputFormat,
    /// What the files of a sequence of pictures hold, if it is one.
    pictures: Option<AVCodecID>,
}

// SAFETY: points into FFmpeg's static, constant tables.
unsafe impl Send for Container {}
// SAFETY: as above; nothing writes there.
unsafe impl Sync for Container {}

/// What MPEG transport streams can carry; FFmpeg has no answer to that.
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
    /// The container for the ending of `path`.
    ///
    /// # Errors
    /// The name has no ending, or no video format has this one.
    pub fn of(path: &Path) -> Result<Self> {
        if let Some(names) = Numbered::of(path) {
            return Self::of_pictures(&names);
        }
        if path.to_str().is_some_and(|name| name.contains("://")) {
            return Err(Error::usage(format!(
                "'{}' is an address; write a file and upload it, or give frames to a program that sends them with -o -",
                path.display()
            )));
        }
        let ending = path.extension().map(|ending| ending.to_string_lossy().into_owned()).unwrap_or_default();
        let wrong = || {
            let what = match ending.as_str() {
                "" => "the name has no ending".to_owned(),
                "y4m" | "yuv" | "rgb" => {
                    return Error::usage(format!(
                        "'{}': uncompressed frames go through a pipe or into a file: -o - > '{}'",
                        path.display(),
                        path.display()
                    ));
                }
                "png" | "jpg" | "jpeg" => {
                    return Error::usage(format!(
                        "'{}' is the name of one picture; for a sequence of them use a number in it, such as frame%04d.{ending}",
                        path.display()
                    ));
                }
                ending => format!("'.{ending}' is not a video format"),
            };
            Error::usage(format!("'{}': {what}; use .mp4, .mkv, .mov or .webm", path.display()))
        };
        Self::named(&ending).ok_or_else(wrong)
    }

    /// The container for an ending such as `mkv`; `None` if no video format has it.
    pub fn named(ending: &str) -> Option<Self> {
        let name = CString::new(format!("x.{ending}")).ok()?;
        // SAFETY: a valid string; null means that nothing is known.
        let format = unsafe { ffi::av_guess_format(ptr::null(), name.as_ptr(), ptr::null()) };
        // SAFETY: null, or a pointer into a static table.
        let entry = unsafe { format.as_ref() }?;
        // Y4M holds frames that no encoder makes.
        let no_video = [AVCodecID::AV_CODEC_ID_NONE, AVCodecID::AV_CODEC_ID_WRAPPED_AVFRAME]
            .contains(&entry.video_codec)
            || entry.flags & ffi::AVFMT_NOFILE != 0;
        (!no_video && !ending.is_empty()).then_some(Self { format, pictures: None })
    }

    /// A sequence of pictures of these names.
    fn of_pictures(names: &Numbered) -> Result<Self> {
        let ending = names.pattern().extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let codec = match ending.as_str() {
            "png" => AVCodecID::AV_CODEC_ID_PNG,
            "jpg" | "jpeg" => AVCodecID::AV_CODEC_ID_MJPEG,
            _ => {
                let shown = names.pattern().display();
                return Err(Error::usage(format!(
                    "'{shown}': impasto writes sequences of .png or .jpg pictures; use one of these"
                )));
            }
        };
        // SAFETY: a valid string; null means that this FFmpeg lacks it.
        let format = unsafe { ffi::av_guess_format(c"image2".as_ptr(), ptr::null(), ptr::null()) };
        if format.is_null() {
            return Err(Error::failed("this FFmpeg cannot write pictures; install a complete FFmpeg"));
        }
        Ok(Self { format, pictures: Some(codec) })
    }

    /// What the files of a sequence of pictures hold; `None` for films.
    pub(super) fn pictures(&self) -> Option<AVCodecID> {
        self.pictures
    }

    fn entry(&self) -> &'static ffi::AVOutputFormat {
        // SAFETY: checked not to be null when made; the table is static.
        unsafe { &*self.format }
    }

    /// FFmpeg's name, such as mp4, matroska, mov or webm.
    pub fn name(&self) -> &'static str {
        match self.pictures {
            Some(AVCodecID::AV_CODEC_ID_MJPEG) => return "JPEG",
            Some(_) => return "PNG",
            None => {}
        }
        // SAFETY: every format has a name, a static string.
        unsafe { CStr::from_ptr(self.entry().name) }.to_str().unwrap_or("unknown")
    }

    /// FFmpeg's name, for its functions.
    pub(super) fn raw_name(&self) -> &'static CStr {
        // SAFETY: every format has a name, a static string.
        unsafe { CStr::from_ptr(self.entry().name) }
    }

    /// Whether it can hold streams of `codec`.
    pub(super) fn takes(&self, codec: AVCodecID) -> bool {
        if self.pictures.is_some() {
            return false;
        }
        // SAFETY: the format is valid.
        match unsafe { ffi::avformat_query_codec(self.format, codec, ffi::FF_COMPLIANCE_EXPERIMENTAL) } {
            0 => false,
            // No answer: these formats take a single codec, or are transport streams.
            answer if answer < 0 => self.name() == "mpegts" && MPEGTS.contains(&codec),
            answer => answer == 1,
        }
    }

    /// Whether it belongs to the QuickTime family (mp4, mov, m4v and others).
    pub(super) fn is_quicktime(&self) -> bool {
        matches!(self.name(), "mp4" | "mov" | "ipod" | "3gp" | "3g2" | "psp" | "f4v" | "ismv")
    }

    /// Whether it can hold attached files (fonts, covers).
    pub(super) fn takes_attachments(&self) -> bool {
        self.name() == "matroska"
    }

    /// Whether it can hold a cover picture. QuickTime's older kinds cannot, and FFmpeg leaves it out there without a word.
    pub(super) fn takes_covers(&self) -> bool {
        !matches!(self.name(), "mov" | "3gp" | "3g2")
    }

    /// Whether it stores a stream's rotation.
    pub(super) fn keeps_rotation(&self) -> bool {
        // SAFETY: reads a constant.
        let version = unsafe { ffi::avformat_version() } >> 16;
        // Matroska has a field for it, which FFmpeg writes since version 7.
        self.is_quicktime() || (version >= 61 && matches!(self.name(), "matroska" | "webm"))
    }

    /// Whether it stores how pictures are laid out for two eyes or around the viewer.
    pub(super) fn keeps_layout(&self) -> bool {
        matches!(self.name(), "mp4" | "matroska" | "webm" | "nut")
    }

    /// Whether it has a place for a tag of the whole file, without a list of the file's own tags.
    pub(super) fn takes_tag(&self, key: &str) -> bool {
        /// Handled by FFmpeg in ways of their own.
        const EVERYWHERE: [&str; 2] = ["creation_time", "timecode"];
        const MP4: [&str; 26] = [
            "title",
            "artist",
            "album_artist",
            "composer",
            "album",
            "date",
            "comment",
            "genre",
            "copyright",
            "grouping",
            "lyrics",
            "description",
            "synopsis",
            "show",
            "episode_id",
            "network",
            "keywords",
            "episode_sort",
            "season_number",
            "media_type",
            "hd_video",
            "gapless_playback",
            "compilation",
            "track",
            "disc",
            "tempo",
        ];
        const MOV: [&str; 13] = [
            "artist",
            "title",
            "author",
            "album",
            "date",
            "comment",
            "genre",
            "copyright",
            "make",
            "model",
            "location",
            "keywords",
            "description",
        ];
        const AVI: [&str; 10] =
            ["artist", "comment", "copyright", "date", "genre", "language", "title", "album", "track", "encoded_by"];
        let listed = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(key));
        match self.name() {
            "matroska" | "webm" | "nut" | "flv" | "ogg" | "asf" => true,
            "mov" => listed(&EVERYWHERE) || listed(&MOV),
            "mp4" | "ipod" | "f4v" | "ismv" | "psp" => listed(&EVERYWHERE) || listed(&MP4) || key == "location",
            "3gp" | "3g2" => listed(&["creation_time", "title", "artist", "author", "album", "date", "location"]),
            "avi" => listed(&AVI) || key == "timecode",
            "mpegts" => listed(&["service_name", "service_provider", "title"]),
            "mxf" => listed(&EVERYWHERE),
            _ => false,
        }
    }

    /// Whether it supports a variable frame rate.
    pub fn takes_variable_rate(&self) -> bool {
        // FFmpeg lacks the flag for the QuickTime family and transport streams, which do have timestamps.
        self.entry().flags & ffi::AVFMT_VARIABLE_FPS != 0 || self.is_quicktime() || self.name() == "mpegts"
    }

    /// Whether codec headers belong at the front of the file.
    pub(super) fn wants_global_header(&self) -> bool {
        self.entry().flags & ffi::AVFMT_GLOBALHEADER != 0
    }
}
