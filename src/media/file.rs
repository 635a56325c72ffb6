//! The output file: under a temporary name until it is complete.

use std::io;
use std::path::{Path, PathBuf};

use ffmpeg_next::codec::Id;
use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Output;
use ffmpeg_next::format::stream::Stream;
use ffmpeg_next::{Dictionary, Error as FfmpegError, Packet};

pub use super::container::Container;
use super::copied::CopiedStreams;
use super::decode::VideoInfo;
use super::encode::{Codec, Encoder};
use super::side_data;
use super::{check, input, is_refusal, words};
use crate::error::{Error, Result};
use crate::frame::Rational;
use crate::whole::Unfinished;

/// Takes encoded and copied packets. Dropped unfinished, it leaves nothing behind.
pub struct VideoFile {
    /// `None` once closed.
    output: Option<Output>,
    /// `None` once it has its name.
    file: Option<Unfinished>,
    path: PathBuf,
    /// None where nothing but painted pictures goes into the file.
    copied: Option<CopiedStreams>,
    painted: usize,
    /// The encoder's and the output stream's units.
    from: Rational,
    to: Rational,
    /// Painted packets that were put in, and copied ones that the container refused: damage of the input that shows only now.
    put: u64,
    refused: u64,
    warnings: Vec<String>,
}

impl VideoFile {
    /// Writes the header to `file`: for packets of `encoder`, or of others with the same settings.
    ///
    /// # Errors
    /// The container refuses the streams.
    pub fn create(
        file: Unfinished,
        container: Container,
        info: &VideoInfo,
        encoder: &Encoder,
        copied: Option<CopiedStreams>,
    ) -> Result<Self> {
        let output = open(file.temporary(), container)?;
        let from = Rational::from(encoder.context().time_base());
        let path = file.path().to_owned();
        let mut file = Self {
            output: Some(output),
            file: Some(file),
            path,
            copied,
            painted: 0,
            from,
            to: from,
            put: 0,
            refused: 0,
            warnings: Vec::new(),
        };
        if side_data::is_rotated(&info.side_data) && !container.keeps_rotation() {
            let name = container.name();
            file.warnings.push(format!(
                "{name} files cannot hold the video's rotation: it will lie on its side; write .mp4 to keep it upright"
            ));
        }
        file.begin(container, info, encoder)?;
        Ok(file)
    }

    fn begin(&mut self, container: Container, info: &VideoInfo, encoder: &Encoder) -> Result<()> {
        let Some(output) = &mut self.output else { return Err(Error::Disconnected) };
        match &mut self.copied {
            Some(copied) => {
                let painted = &mut self.painted;
                copied.add_to(output, container, |output, stream| {
                    *painted = add_painted(output, Some(stream), container, info, encoder)?;
                    Ok(())
                })?;
            }
            None => self.painted = add_painted(output, None, container, info, encoder)?,
        }
        let mut options = Dictionary::new();
        if container.is_quicktime() && (1000..=1_000_000_000).contains(&self.from.den) {
            // The encoder's own unit, so that uneven times stay exact.
            options.set("video_track_timescale", &self.from.den.to_string());
        }
        output.write_header_with(options).map_err(|error| {
            let (shown, name) = (self.path.display(), container.name());
            let reason = words(error);
            Error::failed(format!("cannot begin '{shown}': {name} refuses its streams ({reason}); write .mkv instead"))
        })?;
        if let Some(stream) = output.stream(self.painted) {
            self.to = stream.time_base().into();
        }
        match &mut self.copied {
            Some(copied) => copied.begin(output).map_err(|error| write_error(&self.path, error)),
            None => Ok(()),
        }
    }

    /// Writes one packet of the painted stream, with times in the encoder's unit, and copies what belongs before it.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn put(&mut self, packet: &mut Packet) -> Result<()> {
        let Some(output) = &mut self.output else { return Err(Error::Disconnected) };
        let failed = |error| write_error(&self.path, error);
        let time = packet.dts().or(packet.pts()).unwrap_or(0);
        if let Some(copied) = &mut self.copied {
            self.refused += copied.write_until(output, time as f64 * self.from.as_f64()).map_err(failed)?;
        }
        packet.rescale_ts(ffmpeg_next::Rational::from(self.from), ffmpeg_next::Rational::from(self.to));
        packet.set_stream(self.painted);
        self.put += 1;
        match packet.write_interleaved(output) {
            // It waits for its turn in FFmpeg, and a copied one before it was looked at.
            Err(error) if is_refusal(error) && self.copied.is_some() => self.refused += 1,
            written => written.map_err(failed)?,
        }
        Ok(())
    }

    /// Writes the copied streams up to `until` seconds (all: infinite), closes the file and, when it is safe on the
    /// disk, gives it its final name. Gives what a person should know about that.
    ///
    /// # Errors
    /// The disk is full, or the folder has gone; so has the file then.
    pub fn finish(mut self, until: f64) -> Result<Vec<String>> {
        let (Some(mut output), Some(file)) = (self.output.take(), self.file.take()) else {
            return Err(Error::Disconnected);
        };
        let failed = |error| write_error(&self.path, error);
        if let Some(copied) = &mut self.copied {
            self.refused += copied.write_until(&mut output, until).map_err(failed)?;
            self.refused += flush(&mut output).map_err(failed)?;
        }
        output.write_trailer().map_err(failed)?;
        // SAFETY: the context was opened by avio_open and is closed once: the pointer is null afterwards.
        let closed = unsafe {
            let raw = output.as_mut_ptr();
            let error = (*(*raw).pb).error;
            let closed = ffi::avio_closep(&raw mut (*raw).pb);
            if error < 0 { error } else { closed }
        };
        if closed < 0 {
            return Err(failed(closed.into()));
        }
        let kept = output.stream(self.painted).map_or(0, |stream| stream.frames().cast_unsigned());
        if self.refused > 0 && kept < self.put {
            let path = self.path.display();
            let lost = self.put - kept;
            return Err(Error::failed(format!(
                "'{path}' cannot be written: its container cannot hold {lost} of the painted frames at their times, or beside the damaged streams of the \
                 input; write .mkv instead"
            )));
        }
        file.commit().map_err(|error| Error::writing(&self.path, &error))?;
        let refused = (self.refused > 0).then(|| {
            format!("{} damaged pieces of the copied streams were left out, which the file cannot hold", self.refused)
        });
        Ok(refused.into_iter().collect())
    }

    /// What a person should know about the output.
    pub fn warnings(&self) -> Vec<String> {
        let copied = self.copied.as_ref().map_or(&[][..], CopiedStreams::warnings);
        [copied, &self.warnings].concat()
    }
}

impl Drop for VideoFile {
    fn drop(&mut self) {
        // Closed before it is removed: some systems keep open files.
        self.output = None;
        self.file = None;
    }
}

/// Writes what FFmpeg still holds back to put the streams into one order; gives how many packets were refused.
fn flush(output: &mut Output) -> Result<u64, FfmpegError> {
    let mut refused = 0;
    loop {
        // SAFETY: the header is written; no packet means all that waits. Each call ends at the first that is refused, and
        // that one is gone.
        match unsafe { ffi::av_interleaved_write_frame(output.as_mut_ptr(), std::ptr::null_mut()) } {
            0.. => return Ok(refused),
            error if is_refusal(error.into()) && refused < 1_000_000 => refused += 1,
            error => return Err(error.into()),
        }
    }
}

fn open(path: &Path, container: Container) -> Result<Output> {
    let url = input::url(path)?;
    let mut context = std::ptr::null_mut();
    // SAFETY: FFmpeg allocates the context, or leaves null and says why; both strings end in zero.
    let mut output = unsafe {
        let (format, name) = (std::ptr::null(), container.raw_name().as_ptr());
        check(
            ffi::avformat_alloc_output_context2(&raw mut context, format, name, url.as_ptr()),
            "cannot begin the output",
        )?;
        Output::wrap(context)
    };
    // SAFETY: the context is valid and has no file yet.
    unsafe {
        let raw = output.as_mut_ptr();
        // Sound that is only experimental in a container is better than none.
        (*raw).strict_std_compliance = ffi::FF_COMPLIANCE_EXPERIMENTAL;
        check(ffi::avio_open(&raw mut (*raw).pb, url.as_ptr(), ffi::AVIO_FLAG_WRITE), "cannot begin the output")?;
    }
    Ok(output)
}

pub(super) fn add_painted(
    output: &mut Output,
    old: Option<&Stream<'_>>,
    container: Container,
    info: &VideoInfo,
    encoder: &Encoder,
) -> Result<usize> {
    let mut stream = output
        .add_stream_with(encoder.context())
        .map_err(|error| Error::failed(format!("cannot add the painted stream: {}", words(error))))?;
    // Statistics that other writers left about the old stream.
    let outdated = |key: &str| {
        let key = key.to_ascii_uppercase();
        let statistics = ["BPS", "DURATION", "ENCODER", "NUMBER_OF_", "SOURCE_ID", "_STATISTICS"];
        statistics.iter().any(|name| key.starts_with(name))
    };
    if let Some(old) = old {
        stream.set_metadata(old.metadata().iter().filter(|(key, _)| !outdated(key)).collect::<Dictionary<'_>>());
    }
    let index = stream.index();
    // SAFETY: the new stream's header is not written yet; plain fields of valid streams and contexts.
    unsafe {
        let (raw, context) = (stream.as_mut_ptr(), encoder.context().as_ptr());
        (*raw).time_base = (*context).time_base;
        (*raw).avg_frame_rate = (*context).framerate;
        (*raw).r_frame_rate = (*context).framerate;
        (*raw).sample_aspect_ratio = (*context).sample_aspect_ratio;
        if let Some(old) = old {
            (*raw).disposition = (*old.as_ptr()).disposition;
        }
        if encoder.codec() == Codec::Hevc && container.is_quicktime() {
            // Apple's players want it.
            (*(*raw).codecpar).codec_tag = u32::from_le_bytes(*b"hvc1");
        }
        side_data::add(raw, &info.side_data);
    }
    debug_assert_ne!(stream.parameters().id(), Id::None);
    Ok(index)
}

/// The error for a failed write to `path`.
pub(super) fn write_error(path: &Path, error: FfmpegError) -> Error {
    let reason = match error {
        FfmpegError::Other { errno } => io::Error::from_raw_os_error(errno),
        error => io::Error::other(words(error)),
    };
    Error::writing(path, &reason)
}
