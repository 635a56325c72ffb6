//! The one way to write a container: name, header, packets in order of time, trailer, final name.

use std::path::Path;
use std::ptr;

use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Output;
use ffmpeg_next::format::stream::Stream;
use ffmpeg_next::{Dictionary, Error as FfmpegError, Packet};

use super::codec::Codec;
use super::container::Container;
use super::destination::Destination;
use super::encoder::Encoder;
use crate::error::{Error, Result};
use crate::frame::Rational;
use crate::media::ffmpeg::{check, interrupt, prepare, reason};
use crate::media::info::VideoInfo;
use crate::media::side_data;

/// A container that is being written: first its streams, then [`Self::begin`], then packets, then [`Self::close`] and
/// [`Self::commit`]. Dropped before that, it closes the file; what remains of it is up to the [`Destination`].
pub struct Muxer {
    /// Before the destination, whose file is removed only once it is closed, and whose flag must outlive it.
    output: Output,
    destination: Destination,
    container: Container,
    /// Index of the painted stream.
    painted: usize,
    /// The tags of the file go into QuickTime's list of any tags.
    lists_tags: bool,
    /// The encoder's time base and the painted stream's.
    from: Rational,
    to: Rational,
}

impl Muxer {
    /// Opens `destination` for a container.
    ///
    /// # Errors
    /// The file cannot be written, or the address does not answer.
    pub fn open(destination: Destination, container: Container) -> Result<Self> {
        prepare();
        let url = destination.create()?;
        let mut context = ptr::null_mut();
        // SAFETY: FFmpeg allocates the context, or leaves null and says why; both strings end in zero.
        let made = unsafe {
            let name = container.raw_name().as_ptr();
            ffi::avformat_alloc_output_context2(&raw mut context, ptr::null(), name, url.as_ptr())
        };
        check(made, &format!("cannot begin {}", destination.name()))?;
        let callback = destination.interrupt().map(interrupt);
        // SAFETY: the context is valid, has no file yet, and nobody else owns it. The flag behind the callback lives in the
        // destination, which is dropped after the context.
        let (output, opened) = unsafe {
            // Audio that is only experimental in a container is better than none.
            (*context).strict_std_compliance = ffi::FF_COMPLIANCE_EXPERIMENTAL;
            if let Some(callback) = callback {
                (*context).interrupt_callback = callback;
            }
            if destination.is_immediate() {
                (*context).flags |= ffi::AVFMT_FLAG_FLUSH_PACKETS;
            }
            let callback = callback.as_ref().map_or(ptr::null(), ptr::from_ref);
            let (file, write) = (&raw mut (*context).pb, ffi::AVIO_FLAG_WRITE);
            let opened = ffi::avio_open2(file, url.as_ptr(), write, callback, ptr::null_mut());
            (Output::wrap(context), opened)
        };
        if opened < 0 {
            return Err(destination.refused(opened.into()));
        }
        let unset = Rational { num: 1, den: 1 };
        Ok(Self { output, destination, container, painted: 0, lists_tags: false, from: unset, to: unset })
    }

    /// The container's format.
    pub fn container(&self) -> Container {
        self.container
    }

    /// FFmpeg's context, to add streams that are copied.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Adds the painted stream, for packets of `encoder` or of others with the same settings. It takes the tags and the
    /// role of the `old` stream that it replaces.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn add_painted(&mut self, info: &VideoInfo, encoder: &Encoder, old: Option<&Stream<'_>>) -> Result<()> {
        let mut stream = self
            .output
            .add_stream_with(encoder.context())
            .map_err(|error| Error::failed(format!("cannot add the painted stream: {}", reason(error))))?;
        if let Some(old) = old {
            let tags = old.metadata();
            let kept = tags.iter().filter(|(key, _)| !is_statistic(key));
            stream.set_metadata(kept.collect::<Dictionary<'_>>());
        }
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
            if encoder.codec() == Codec::Hevc && self.container.is_quicktime() {
                // Apple's players insist on it.
                (*(*raw).codecpar).codec_tag = u32::from_le_bytes(*b"hvc1");
            }
            side_data::add(raw, &info.side_data);
        }
        self.painted = stream.index();
        self.from = encoder.context().time_base().into();
        Ok(())
    }

    /// Writes the tags of the file as QuickTime's list, which holds any tag.
    pub fn list_tags(&mut self) {
        self.lists_tags = true;
    }

    /// Writes the header.
    ///
    /// # Errors
    /// The container refuses one of the streams, or the disk is full.
    pub fn begin(&mut self) -> Result<()> {
        let mut header = self.destination.header(self.container, self.from);
        if self.lists_tags {
            header.set("movflags", "use_metadata_tags");
        }
        self.output.write_header_with(header).map_err(|error| {
            let (target, container, reason) = (self.destination.name(), self.container.name(), reason(error));
            Error::failed(format!(
                "cannot begin {target}: {container} refuses its streams ({reason}); write .mkv instead"
            ))
        })?;
        self.to = self.output.stream(self.painted).map_or(self.from, |stream| stream.time_base().into());
        Ok(())
    }

    /// A time of the painted stream, in ticks of its encoder, in seconds.
    pub fn seconds(&self, ticks: i64) -> f64 {
        ticks as f64 * self.from.as_f64()
    }

    /// Writes a packet of the painted stream, with times in the encoder's unit, where nothing else is in the file.
    ///
    /// # Errors
    /// The disk is full, the other end is gone, or the container refused the packet.
    pub fn put_painted(&mut self, packet: &mut Packet) -> Result<()> {
        self.place(packet);
        self.write(packet).map_err(|error| self.destination.failed(error))
    }

    /// As [`Self::put_painted`], beside copied streams: returns false if the container refused the packet, or a copied
    /// one that had waited for its turn.
    ///
    /// # Errors
    /// The disk is full.
    pub fn offer_painted(&mut self, packet: &mut Packet) -> Result<bool> {
        self.place(packet);
        self.offer(packet)
    }

    /// Writes a packet of any stream, with times in that stream's unit. False if the container refused it.
    ///
    /// # Errors
    /// The disk is full.
    pub fn offer(&mut self, packet: &Packet) -> Result<bool> {
        match self.write(packet) {
            Err(error) if is_refusal(error) => Ok(false),
            written => written.map(|()| true).map_err(|error| self.destination.failed(error)),
        }
    }

    /// Moves a packet from the encoder to the painted stream.
    fn place(&self, packet: &mut Packet) {
        packet.rescale_ts(ffmpeg_next::Rational::from(self.from), ffmpeg_next::Rational::from(self.to));
        packet.set_stream(self.painted);
    }

    fn write(&mut self, packet: &Packet) -> Result<(), FfmpegError> {
        packet.write_interleaved(&mut self.output)?;
        // A write that fails only after its call is noted in the context.
        match self.late_error() {
            0.. => Ok(()),
            late => Err(late.into()),
        }
    }

    /// Writes the packets that FFmpeg holds back to sort the streams; returns how many were refused.
    ///
    /// # Errors
    /// The disk is full.
    pub fn flush(&mut self) -> Result<u64> {
        let mut refused = 0;
        loop {
            // SAFETY: the header is written; a null packet means everything that waits. Each call ends at the first packet
            // that is refused, and drops that one.
            match unsafe { ffi::av_interleaved_write_frame(self.output.as_mut_ptr(), ptr::null_mut()) } {
                0.. => return Ok(refused),
                error if is_refusal(error.into()) && refused < 1_000_000 => refused += 1,
                error => return Err(self.destination.failed(error.into())),
            }
        }
    }

    /// Writes the trailer and closes the file; returns how many packets of the painted stream are in it.
    ///
    /// # Errors
    /// The disk is full, or the other end is gone.
    pub fn close(&mut self) -> Result<u64> {
        self.output.write_trailer().map_err(|error| self.destination.failed(error))?;
        let late = self.late_error();
        // SAFETY: opened by avio_open2 and closed once: the pointer is null afterwards, so that dropping does nothing more.
        let closed = unsafe { ffi::avio_closep(&raw mut (*self.output.as_mut_ptr()).pb) };
        match late.min(closed) {
            0.. => Ok(self.output.stream(self.painted).map_or(0, |stream| stream.frames().cast_unsigned())),
            failed => Err(self.destination.failed(failed.into())),
        }
    }

    /// Gives the closed file its final name, or `other` instead.
    ///
    /// # Errors
    /// The disk is full, or the folder has been removed.
    pub fn commit(self, other: Option<&Path>) -> Result<()> {
        let Self { output, destination, .. } = self;
        drop(output);
        destination.commit(other)
    }

    /// The destination's name in messages, quoted if it is a file.
    pub fn name(&self) -> String {
        self.destination.name()
    }

    fn late_error(&self) -> i32 {
        // SAFETY: reads a field of the open output.
        unsafe { (*(*self.output.as_ptr()).pb).error }
    }
}

/// Whether a container refused a packet for what it is, rather than because it cannot be written.
fn is_refusal(error: FfmpegError) -> bool {
    matches!(error, FfmpegError::InvalidData | FfmpegError::Other { errno: ffmpeg_next::error::EINVAL })
}

/// Whether a tag is a statistic that another writer left about the old stream.
fn is_statistic(key: &str) -> bool {
    let key = key.to_ascii_uppercase();
    ["BPS", "DURATION", "ENCODER", "NUMBER_OF_", "SOURCE_ID", "_STATISTICS"].iter().any(|name| key.starts_with(name))
}
