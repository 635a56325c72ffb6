//! A painted stream that plays from anywhere: sent to an address, or written to a file that can be cut off at any time.

use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Output;
use ffmpeg_next::{Dictionary, Packet};

use super::decode::VideoInfo;
use super::encode::{Codec, EncodeOptions, Encoder, FrameFormat};
use super::file::{Container, add_painted, write_error};
use super::{input, words};
use crate::error::{Error, Result};
use crate::frame::{Frame, Rational, Stamp};

/// What the frames of a show are like.
#[derive(Clone, Copy, Debug)]
pub struct StreamFormat {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Frames per second; [`Stamp::time`] counts them.
    pub frame_rate: Rational,
}

/// Where a stream goes.
#[derive(Clone, Debug)]
pub enum Target {
    /// A file, in its ending's container, of which every part that was written plays.
    File(PathBuf),
    /// An address that FFmpeg opens, as MPEG-TS: `udp://127.0.0.1:5000`, `srt://host:port`.
    Address(String),
}

/// What an address may begin with.
pub const PROTOCOLS: [&str; 3] = ["udp://", "srt://", "tcp://"];

/// Encodes frames to H.264 and passes each packet on at once.
pub struct StreamWriter {
    target: Target,
    output: Output,
    encoder: Encoder,
    stream: usize,
    /// The encoder's and the output stream's units.
    from: Rational,
    to: Rational,
    packet: Packet,
    /// FFmpeg asks it whether to give up waiting; it must live as long as `output`.
    _give_up: Arc<AtomicBool>,
}

impl StreamWriter {
    /// Opens `target`. Where that takes long, setting `give_up` ends it.
    ///
    /// # Errors
    /// The address does not answer, the file cannot be written, or this FFmpeg has no H.264 encoder.
    pub fn open(target: Target, format: StreamFormat, give_up: Arc<AtomicBool>) -> Result<Self> {
        let StreamFormat { width, height, frame_rate } = format;
        let time_base = Rational { num: frame_rate.den, den: frame_rate.num };
        let container = match &target {
            Target::File(path) => Container::of(path)?,
            Target::Address(_) => Container::named("ts").ok_or_else(|| Error::internal("no container called ts"))?,
        };
        let info = VideoInfo { time_base, frame_rate, ..VideoInfo::of_pictures(width, height, 30) };
        let aspect = Rational { num: 1, den: 1 };
        let frames = FrameFormat { width, height, time_base, frame_rate, aspect };
        let encoder = Encoder::open(&info, &frames, container, &options(&target, container, frame_rate))?;
        let mut output = open(&target, container, &give_up)?;
        let stream = add_painted(&mut output, None, container, &info, &encoder)?;
        let mut header = Dictionary::new();
        if container.is_quicktime() {
            // Fragments that stand for themselves, and a header that needs no end.
            header.set("movflags", "frag_keyframe+empty_moov+default_base_moof");
        } else if matches!(target, Target::File(_)) {
            header.set("cluster_time_limit", "1000");
        }
        header.set("flush_packets", "1");
        let from = Rational::from(encoder.context().time_base());
        output.write_header_with(header).map_err(|error| {
            Error::failed(format!("{} cannot begin: {}; record to .mkv or .mp4", target.name(), words(error)))
        })?;
        let to = output.stream(stream).map_or(from, |stream| stream.time_base().into());
        Ok(Self { target, output, encoder, stream, from, to, packet: Packet::empty(), _give_up: give_up })
    }

    /// Takes one frame, shown at `stamp`.
    ///
    /// # Errors
    /// The encoder failed, the disk is full, or the other end is gone.
    pub fn put(&mut self, frame: &Frame, stamp: Stamp) -> Result<()> {
        self.encoder.send(frame, stamp)?;
        self.drain()
    }

    /// Closes the stream.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub fn finish(mut self) -> Result<()> {
        self.encoder.end()?;
        self.drain()?;
        self.output.write_trailer().map_err(|error| self.target.failed(error))?;
        // SAFETY: opened by avio_open2 and closed once: the pointer is null afterwards, so that dropping does nothing more.
        let closed = unsafe {
            let raw = self.output.as_mut_ptr();
            let error = (*(*raw).pb).error;
            let closed = ffi::avio_closep(&raw mut (*raw).pb);
            if error < 0 { error } else { closed }
        };
        if closed < 0 { Err(self.target.failed(closed.into())) } else { Ok(()) }
    }

    fn drain(&mut self) -> Result<()> {
        while self.encoder.receive(&mut self.packet)? {
            self.packet.rescale_ts(ffmpeg_next::Rational::from(self.from), ffmpeg_next::Rational::from(self.to));
            self.packet.set_stream(self.stream);
            self.packet.write(&mut self.output).map_err(|error| self.target.failed(error))?;
            // SAFETY: reads a field of the open output: a write that fails later than its call is noted there.
            let late = unsafe { (*(*self.output.as_ptr()).pb).error };
            if late < 0 {
                return Err(self.target.failed(late.into()));
            }
        }
        Ok(())
    }
}

impl Target {
    fn name(&self) -> String {
        match self {
            Self::File(path) => format!("'{}'", path.display()),
            Self::Address(address) => address.clone(),
        }
    }

    fn failed(&self, error: ffmpeg_next::Error) -> Error {
        match self {
            Self::File(path) => write_error(path, error),
            Self::Address(address) => Error::failed(format!("{address} stopped accepting data: {}", words(error))),
        }
    }
}

/// Fast enough to run beside a network, and a key frame often enough to begin in the middle.
fn options(target: &Target, container: Container, rate: Rational) -> EncodeOptions {
    let second = rate.as_f64().round().max(1.0);
    let is_sent = matches!(target, Target::Address(_));
    let mut options = vec![format!("g={}", if is_sent { second } else { 2.0 * second })];
    if container.name() == "webm" {
        options.push("deadline=realtime".into());
        return EncodeOptions {
            codec: Some(Codec::Vp9),
            preset: Some("8".into()),
            options,
            ..EncodeOptions::default()
        };
    }
    if is_sent {
        options.push("tune=zerolatency".into());
    }
    let preset = if is_sent { "ultrafast" } else { "superfast" };
    // One thread: the cores belong to the network.
    let threads = Some(1);
    EncodeOptions {
        codec: Some(Codec::H264),
        preset: Some(preset.into()),
        options,
        threads,
        ..EncodeOptions::default()
    }
}

fn open(target: &Target, container: Container, give_up: &Arc<AtomicBool>) -> Result<Output> {
    input::prepare();
    let url = match target {
        Target::File(path) => {
            // The standard library's reasons for a refusal are better than FFmpeg's.
            fs::File::create(path).map_err(|error| Error::writing(path, &error))?;
            input::url(path)?
        }
        Target::Address(address) => CString::new(with_packet_size(address))
            .map_err(|_| Error::usage("an address cannot contain a zero byte"))?,
    };
    let mut context = ptr::null_mut();
    let interrupt = input::interrupt(give_up);
    // SAFETY: FFmpeg allocates the context or leaves null; the strings end in zero; the flag lives as long as the writer.
    let opened = unsafe {
        let (format, name) = (ptr::null(), container.raw_name().as_ptr());
        let made = ffi::avformat_alloc_output_context2(&raw mut context, format, name, url.as_ptr());
        if made < 0 {
            return Err(Error::failed(format!("cannot begin {}: {}", target.name(), words(made.into()))));
        }
        (*context).interrupt_callback = interrupt;
        (*context).flags |= ffi::AVFMT_FLAG_FLUSH_PACKETS;
        ffi::avio_open2(
            &raw mut (*context).pb,
            url.as_ptr(),
            ffi::AVIO_FLAG_WRITE,
            &raw const interrupt,
            ptr::null_mut(),
        )
    };
    // SAFETY: allocated above, owned by nobody else; freed when dropped.
    let output = unsafe { Output::wrap(context) };
    if opened < 0 {
        return Err(match target {
            Target::File(path) => write_error(path, opened.into()),
            Target::Address(address) => Error::failed(format!(
                "{address} does not answer ({}); start what receives it, and check host and port",
                words(opened.into())
            )),
        });
    }
    Ok(output)
}

/// Seven packets of a transport stream to a datagram, as players expect; without it some lose data.
fn with_packet_size(address: &str) -> String {
    let is_datagram = address.starts_with("udp://") || address.starts_with("srt://");
    if !is_datagram || address.contains("pkt_size=") {
        return address.to_owned();
    }
    format!("{address}{}pkt_size=1316", if address.contains('?') { '&' } else { '?' })
}

/// The name of `path` while it grows: `show.recording.mkv` for `show.mkv`. Unlike a hidden temporary file it is found, and
/// plays, when the program was killed.
///
/// # Errors
/// `path` has no file name with an ending of a video format.
pub fn growing_name(path: &Path) -> Result<PathBuf> {
    Container::of(path)?;
    let (stem, ending) = (path.file_stem().unwrap_or_default(), path.extension().unwrap_or_default());
    let mut name = stem.to_owned();
    name.push(".recording.");
    name.push(ending);
    Ok(path.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_get_their_size_unless_one_was_asked_for() {
        assert_eq!(with_packet_size("udp://h:1"), "udp://h:1?pkt_size=1316");
        assert_eq!(with_packet_size("srt://h:1?mode=caller"), "srt://h:1?mode=caller&pkt_size=1316");
        assert_eq!(with_packet_size("udp://h:1?pkt_size=188"), "udp://h:1?pkt_size=188");
        assert_eq!(with_packet_size("tcp://h:1"), "tcp://h:1");
    }

    #[test]
    fn a_growing_recording_is_seen_beside_its_final_name() {
        assert_eq!(growing_name(Path::new("a/show.mkv")).unwrap(), Path::new("a/show.recording.mkv"));
        assert!(growing_name(Path::new("show")).is_err());
    }
}
