//! How the ends of files tell that they were cut off, where FFmpeg says nothing of it.

mod chunks;
mod matroska;
mod packets;

use std::fs::{self, File};
use std::io::{self, Cursor};

use ffmpeg_next::ffi;

use super::formats;
use super::open::Input;

/// C's name for "from here", by which FFmpeg is asked for its place.
const SEEK_CUR: i32 = 1;

impl Input {
    /// Whether it was cut off, as far as that can be known once its end is reached.
    pub fn is_cut_off(&mut self) -> bool {
        let path = self.film.as_ref().map(|(path, _)| path.clone());
        let length = match (&path, &self.pipe) {
            (Some(path), _) => fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|found| found.len()),
            (None, Some(pipe)) => Some(pipe.passed()),
            (None, None) => None,
        };
        let open = || path.as_deref().and_then(|path| File::open(path).ok());
        // SAFETY: every open input has a format, a static table.
        let format = formats::name(unsafe { &*(*self.as_ptr()).iformat }).to_owned();
        let (place, end) = (self.packet_place, self.packet_end.unwrap_or(0));
        let ends_early = match (format.as_str(), length, &self.pipe) {
            ("matroska,webm", Some(length), Some(pipe)) => matroska::is_cut(Cursor::new(pipe.head()), length),
            ("mpegts", Some(length), _) => place.is_some_and(|place| packets::cuts_transport(open(), length, place)),
            // FFmpeg fills up the last frame with the one before.
            ("dv", Some(length), _) => end > length,
            ("yuv4mpegpipe", ..) => self.place() > end,
            // What follows the picture of a file of one may look like anything.
            ("mjpeg" | "jpeg_pipe", Some(length), None) => {
                let cuts = |file| packets::cuts_jpegs(file, length).unwrap_or(false);
                !self.is_still() && open().is_some_and(cuts)
            }
            // Nothing, and so no index, follows the last picture.
            ("nut", Some(length), Some(_)) => end == length,
            ("nut", Some(length), None) => {
                open().is_some_and(|file| packets::cuts_nut(file, length, end).unwrap_or(false))
            }
            (format, Some(length), None) => {
                open().is_some_and(|file| cuts(format, file, length, place).unwrap_or(false))
            }
            _ => false,
        };
        // FFmpeg marks packets that end too early; the last one of each stream tells of the end.
        ends_early || self.is_corrupt.contains(&true)
    }

    /// Whether it is an Ogg file of several recordings, of which FFmpeg reads only the first.
    pub fn is_chain(&self) -> bool {
        // SAFETY: every open input has a format, a static table.
        let is_ogg = formats::name(unsafe { &*(*self.as_ptr()).iformat }) == "ogg";
        let found = self.film.as_ref().filter(|_| is_ogg).map(|(path, _)| -> io::Result<bool> {
            let file = File::open(path)?;
            let length = file.metadata()?.len();
            packets::is_chain(file, length)
        });
        found.is_some_and(|found| found.unwrap_or(false))
    }

    /// Where FFmpeg reads.
    fn place(&mut self) -> u64 {
        // SAFETY: a plain field of an open input; its reader, if there is one, is asked for its place.
        let place = unsafe {
            let reader = (*self.as_mut_ptr()).pb;
            if reader.is_null() { 0 } else { ffi::avio_seek(reader, 0, SEEK_CUR) }
        };
        u64::try_from(place).unwrap_or(0)
    }
}

/// Whether a `file` of a `format`, by FFmpeg's name, and of `length` bytes is cut off. Its last packet that was read stands at
/// `place`.
fn cuts(format: &str, file: File, length: u64, place: Option<u64>) -> io::Result<bool> {
    let from = |place: Option<u64>| place.filter(|&place| place < length).unwrap_or(length);
    match format {
        "matroska,webm" => Ok(matroska::is_cut(file, length)),
        "ogg" => packets::cuts_ogg(file, length),
        "mpeg" => packets::cuts_program(file, length),
        "mov,mp4,m4a,3gp,3g2,mj2" => chunks::run_over(file, 0, length, chunks::iso),
        "avi" => chunks::run_over(file, 0, length, chunks::riff),
        "asf" => chunks::run_over(file, 0, length, chunks::asf),
        "flv" => chunks::run_over(file, from(place), length, chunks::flv),
        "mxf" => chunks::run_over(file, from(place), length, chunks::mxf),
        "gif" => chunks::cuts_gif(file),
        "dirac" => chunks::run_over(file, 0, length, chunks::dirac),
        "obu" => chunks::run_over(file, 0, length, chunks::obu),
        _ => Ok(false),
    }
}
