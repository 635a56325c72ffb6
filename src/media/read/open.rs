//! The one place that opens an input: a film, a segment, a network address or a screen.

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::ptr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ffmpeg_next::ffi;
use ffmpeg_next::format::context;
use ffmpeg_next::{Dictionary, Error as FfmpegError, Packet};

use super::formats;
use super::joint::{Joint, Track, may_jump};
use super::piped::PipeContext;
use crate::error::{Error, Result};
use crate::frame::{MaxPixels, Rational};
use crate::media::ffmpeg::{address_url, file_url, interrupt, prepare, reason};
use crate::media::options::FrameRate;
use crate::media::sequence::{Numbered, Sequence};
use crate::size::Size;
use crate::sync::pipe::{self, is_pipe};
use crate::warning::Warning;

/// How long an address may stay silent.
const SILENCE: Duration = Duration::from_secs(10);

/// An input and how to open it. The constructors know what each kind of input needs.
pub struct Opening<'a> {
    kind: Kind<'a>,
    url: CString,
    /// FFmpeg's name of the format; `None`: FFmpeg recognises it.
    format: Option<&'a str>,
    /// FFmpeg's options, among them the formats and protocols that are allowed.
    options: Vec<(&'a str, String)>,
    /// Streams that claim larger frames are refused. Finding out about streams may decode some frames; `None`: the
    /// header says enough, and packets are passed on as they are stored.
    max_pixels: Option<MaxPixels>,
    /// Setting it ends all waiting, now and later.
    interrupt: Option<Arc<AtomicBool>>,
}

/// What an input does not say of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unsaid {
    /// Frames per second of numbered pictures and raw frames; `None`: 25.
    pub frame_rate: Option<FrameRate>,
    /// It is raw frames.
    pub raw: Option<RawVideo>,
}

/// The layout of raw frames, one after the other without headers. Parses from `640x360:yuv420p`; without a format it is
/// `rgb24`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawVideo {
    /// The size of each frame.
    pub size: Size,
    /// The pixel format, by its FFmpeg name.
    pub pixel_format: String,
}

impl FromStr for RawVideo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no raw video; write WIDTHxHEIGHT:FORMAT, such as 1280x720:yuv420p");
        let (size, pixel_format) = text.split_once(':').unwrap_or((text, "rgb24"));
        let (width, height) = size.split_once('x').ok_or_else(wrong)?;
        let side = |text: &str| text.parse().ok().filter(|side| (1..=65_535).contains(side)).ok_or_else(wrong);
        let name = CString::new(pixel_format).map_err(|_| wrong())?;
        // SAFETY: the name ends in zero; FFmpeg looks it up in a static table.
        if unsafe { ffi::av_get_pix_fmt(name.as_ptr()) } == ffi::AVPixelFormat::AV_PIX_FMT_NONE {
            return Err(format!("FFmpeg knows no pixel format '{pixel_format}'; `ffmpeg -pix_fmts` lists them"));
        }
        Ok(Self { size: Size::new(side(width)?, side(height)?), pixel_format: pixel_format.to_owned() })
    }
}

/// What is opened, as far as error messages differ.
enum Kind<'a> {
    Film(&'a Path),
    /// Pictures that are numbered.
    Sequence(&'a Path, Sequence),
    /// Standard input, or a named pipe.
    Pipe(&'a Path),
    Segment(&'a Path),
    Address(&'a str),
    /// A screen or another device that a format of FFmpeg reads.
    Device(&'a str),
}

/// An open input, with the flag that FFmpeg asks whether to stop waiting.
pub struct Input {
    /// Before the flag, which must outlive it.
    context: context::Input,
    interrupt: Option<Arc<AtomicBool>>,
    /// What a pipe is read through; after the context, which it must outlive.
    pub(super) pipe: Option<PipeContext>,
    /// The pictures, if it is numbered ones.
    sequence: Option<Sequence>,
    /// Where the last packet begins in the file, and where the one ends that goes farthest, if that is known.
    pub(super) packet_place: Option<u64>,
    pub(super) packet_end: Option<u64>,
    /// Of each stream, whether FFmpeg marked its last packet as damaged.
    pub(super) is_corrupt: Vec<bool>,
    /// Where the clock jumps; `None`: packets are passed on as they are stored.
    joint: Option<Joint>,
    /// It is a file, and its format is one of pictures.
    is_picture: bool,
    /// The file, if it is one, and whether its clock jumps, once that is known.
    pub(super) film: Option<(PathBuf, MaxPixels)>,
    jumps: Option<bool>,
}

impl<'a> Opening<'a> {
    /// A video file from anywhere. It is read only if it contains its own pictures: see [`formats`]. Or a sequence of
    /// numbered pictures, or standard input.
    ///
    /// # Errors
    /// The file is missing, unreadable, empty or a folder; a sequence has gaps.
    pub fn film(path: &'a Path, max_pixels: MaxPixels) -> Result<Self> {
        if is_pipe(path) {
            return Ok(Self::pipe(path, max_pixels));
        }
        if let Some(names) = Numbered::of(path) {
            return Self::sequence(path, names.find()?, max_pixels);
        }
        let reading = |error: io::Error| Error::reading(path, &error);
        // The standard library's reasons are better than FFmpeg's.
        let metadata = fs::metadata(path).map_err(reading)?;
        if metadata.is_dir() {
            return Err(reading(io::ErrorKind::IsADirectory.into()));
        }
        File::open(path).map_err(reading)?;
        if metadata.is_file() && metadata.len() == 0 {
            return Err(Error::failed(format!("'{}' is empty; copy or download it again", path.display())));
        }
        let options = vec![
            ("format_whitelist", formats::self_contained()),
            ("protocol_whitelist", "file".to_owned()),
            // A percent sign in the name does not make it a series of pictures.
            ("pattern_type", "none".to_owned()),
        ];
        let (kind, url) = (Kind::Film(path), file_url(path)?);
        Ok(Self { kind, url, format: None, options, max_pixels: Some(max_pixels), interrupt: None })
    }

    /// A pipe, which is read once and never sought in.
    fn pipe(path: &'a Path, max_pixels: MaxPixels) -> Self {
        let options = vec![
            ("format_whitelist", formats::self_contained()),
            ("protocol_whitelist", "pipe".to_owned()),
            ("pattern_type", "none".to_owned()),
        ];
        let (kind, url) = (Kind::Pipe(path), c"pipe:0".to_owned());
        Self { kind, url, format: None, options, max_pixels: Some(max_pixels), interrupt: None }
    }

    /// The pictures of `sequence`, which `path` names.
    fn sequence(path: &'a Path, sequence: Sequence, max_pixels: MaxPixels) -> Result<Self> {
        let options = vec![
            ("format_whitelist", "image2".to_owned()),
            ("protocol_whitelist", "file".to_owned()),
            ("pattern_type", "sequence".to_owned()),
            ("start_number", sequence.first.to_string()),
        ];
        let url = file_url(&sequence.names.for_ffmpeg())?;
        let kind = Kind::Sequence(path, sequence);
        Ok(Self { kind, url, format: Some("image2"), options, max_pixels: Some(max_pixels), interrupt: None })
    }

    /// Adds what the input does not say of itself.
    #[must_use]
    pub fn with(mut self, unsaid: &Unsaid) -> Self {
        let Unsaid { frame_rate, raw } = unsaid;
        let rate = frame_rate.map(|FrameRate(rate)| format!("{}/{}", rate.num, rate.den));
        match raw.as_ref().filter(|_| matches!(self.kind, Kind::Film(_) | Kind::Pipe(_))) {
            Some(raw) => {
                self.format = Some("rawvideo");
                self.options.push(("video_size", raw.size.to_string()));
                self.options.push(("pixel_format", raw.pixel_format.clone()));
                self.options.extend(rate.map(|rate| ("framerate", rate)));
            }
            None if matches!(self.kind, Kind::Sequence(..)) => {
                self.options.extend(rate.map(|rate| ("framerate", rate)));
            }
            None => {}
        }
        self
    }

    /// Setting `stop` ends the wait for a silent pipe.
    #[must_use]
    pub fn until(mut self, stop: Option<Arc<AtomicBool>>) -> Self {
        if matches!(self.kind, Kind::Pipe(_)) {
            self.interrupt = stop;
        }
        self
    }

    /// A segment that impasto wrote, packet by packet as it is stored.
    ///
    /// # Errors
    /// The path contains a zero byte.
    pub fn segment(path: &'a Path) -> Result<Self> {
        let options = vec![("format_whitelist", "nut".to_owned()), ("protocol_whitelist", "file".to_owned())];
        let (kind, url) = (Kind::Segment(path), file_url(path)?);
        Ok(Self { kind, url, format: None, options, max_pixels: None, interrupt: None })
    }

    /// A network address, or with `format` (`x11grab`, `avfoundation`) a screen or another device. `options` are
    /// FFmpeg's. Setting `interrupt` ends all waiting, now and later.
    ///
    /// # Errors
    /// The address contains a zero byte.
    pub fn address(
        address: &'a str,
        format: Option<&'a str>,
        options: &[(&'a str, String)],
        max_pixels: MaxPixels,
        interrupt: Arc<AtomicBool>,
    ) -> Result<Self> {
        let micros = SILENCE.as_micros().to_string();
        // Which one counts depends on the protocol; the others are ignored.
        let timeouts: &[&str] = if format.is_none() { &["timeout", "rw_timeout", "stimeout"] } else { &[] };
        let timeouts = timeouts.iter().map(|&name| (name, micros.clone()));
        let options = timeouts.chain(options.iter().cloned()).collect();
        let kind = if format.is_some() { Kind::Device(address) } else { Kind::Address(address) };
        let (url, max_pixels, interrupt) = (address_url(address)?, Some(max_pixels), Some(interrupt));
        Ok(Self { kind, url, format, options, max_pixels, interrupt })
    }

    /// Opens the input and finds out about its streams.
    ///
    /// # Errors
    /// It is not there, is not a video that FFmpeg may read, or claims too large a frame.
    pub fn open(self) -> Result<Input> {
        prepare();
        let format = self.format.map_or(Ok(ptr::null()), input_format)?;
        let mut options = Dictionary::new();
        self.options.iter().for_each(|(name, value)| options.set(name, value));
        let mut pipe = match self.kind {
            Kind::Pipe(path) => Some(PipeContext::open(path, self.interrupt.clone().unwrap_or_default())?),
            _ => None,
        };
        // SAFETY: a new context, or null, which the opening replaces; on failure FFmpeg frees it. FFmpeg changes the
        // dictionary, which is taken back and freed. The flag and the pipe outlive the context, in `Input`.
        let (context, opened) = unsafe {
            let mut context = ffi::avformat_alloc_context();
            if !context.is_null() {
                if let Some(flag) = &self.interrupt {
                    (*context).interrupt_callback = interrupt(flag);
                }
                if let Some(pipe) = &mut pipe {
                    (*context).pb = pipe.as_mut_ptr();
                }
                if self.max_pixels.is_none() {
                    (*context).flags |= ffi::AVFMT_FLAG_NOPARSE | ffi::AVFMT_FLAG_NOFILLIN;
                }
            }
            let mut raw = options.disown();
            let opened = ffi::avformat_open_input(&raw mut context, self.url.as_ptr(), format, &raw mut raw);
            drop(Dictionary::own(raw));
            (context, opened)
        };
        if opened < 0 {
            return Err(self.kind.refused(&self.url, opened.into()));
        }
        // SAFETY: `context` was just opened for reading, and nobody else owns it.
        let context = unsafe { context::Input::wrap(context) };
        let film = match self.kind {
            Kind::Film(path) => self.max_pixels.map(|most| (path.to_owned(), most)),
            Kind::Sequence(..) | Kind::Pipe(_) | Kind::Segment(_) | Kind::Address(_) | Kind::Device(_) => None,
        };
        let is_picture = film.is_some() && formats::is_picture(&context);
        let name = self.kind.name();
        let sequence = match self.kind {
            Kind::Sequence(_, sequence) => Some(sequence),
            _ => None,
        };
        let mut input = Input {
            context,
            interrupt: self.interrupt,
            pipe,
            sequence,
            packet_place: None,
            packet_end: None,
            is_corrupt: Vec::new(),
            joint: None,
            is_picture,
            film,
            jumps: None,
        };
        if let Some(most) = self.max_pixels {
            // SAFETY: reads plain fields of an open input.
            let flags = unsafe { (*(*input.as_ptr()).iformat).flags };
            // SAFETY: every open input has a format, a static table.
            let format = formats::name(unsafe { &*(*input.as_ptr()).iformat });
            input.joint = Some(Joint::new(may_jump(format, flags)));
            find_streams(&mut input, &name, most)?;
        }
        Ok(input)
    }
}

impl Kind<'_> {
    fn name(&self) -> String {
        match self {
            Self::Film(path) | Self::Segment(path) | Self::Sequence(path, _) => format!("'{}'", path.display()),
            Self::Pipe(path) => pipe::shown(path),
            Self::Address(address) | Self::Device(address) => format!("'{address}'"),
        }
    }

    /// The error for an input that FFmpeg did not open.
    fn refused(&self, url: &CStr, error: FfmpegError) -> Error {
        let (name, reason) = (self.name(), reason(error));
        Error::failed(match self {
            Self::Film(path) if path.is_file() && formats::names_others(path, url) => format!(
                "{name} is a playlist or script that names other files or addresses, and impasto opens none of them; \
                 name the videos themselves, or copy them into one file: ffmpeg -i {name} -c copy film.mkv"
            ),
            Self::Film(_) => format!(
                "{name} is not a video that FFmpeg can read ({reason}); it may be another kind of file, or cut off"
            ),
            Self::Sequence(..) => {
                format!("cannot read the pictures {name} ({reason}); check that they are of one kind")
            }
            Self::Pipe(_) => format!(
                "{name} is not a video that FFmpeg can read from a pipe ({reason}); send Y4M, NUT, Matroska or MPEG-TS, \
                 give the size of raw frames with --raw-input, or name the file itself, which an MP4 may need"
            ),
            Self::Segment(_) => format!(
                "cannot read the segment {name} ({reason}); delete it and run the same command again to repaint it"
            ),
            Self::Address(_) => {
                format!("cannot open {name} ({reason}); check the address, and that something is playing there")
            }
            Self::Device(_) => {
                format!("cannot open the screen {name} ({reason}); check its name, and that it may be captured")
            }
        })
    }
}

impl Input {
    /// Reads the next packet. The old one is released first: `Packet::read` alone overwrites it, and every packet of
    /// the file would stay in memory.
    ///
    /// # Errors
    /// FFmpeg's own: the end, damage, or nothing yet (EAGAIN).
    pub fn next_packet(&mut self, packet: &mut Packet) -> Result<(), FfmpegError> {
        *packet = Packet::empty();
        packet.read(&mut self.context)?;
        if let Ok(place) = u64::try_from(packet.position()) {
            self.packet_place = Some(place);
            self.packet_end = self.packet_end.max(Some(place + packet.size() as u64));
        }
        if self.is_corrupt.len() <= packet.stream() {
            self.is_corrupt.resize(packet.stream() + 1, false);
        }
        self.is_corrupt[packet.stream()] = packet.is_corrupt();
        if let Some(joint) = &mut self.joint
            && let Some(stream) = self.context.stream(packet.stream())
        {
            let rate = Rational::from(stream.avg_frame_rate()).as_f64();
            let usual = if rate > 0.0 { (1e6 / rate) as i64 } else { 0 };
            let (kind, time_base) = (stream.parameters().medium(), Rational::from(stream.time_base()));
            joint.place(packet, Track { index: packet.stream(), kind, time_base, usual });
        }
        Ok(())
    }

    /// Seeks to the last key frame at or before `target`, in ticks of `stream`, or in microseconds if `stream` is -1. False
    /// if that is impossible: then the file is best read from its start.
    pub fn seek(&mut self, stream: i32, target: i64) -> bool {
        if self.is_pipe() || self.jumps() {
            return false;
        }
        // SAFETY: the context is open for reading.
        let sought = unsafe { ffi::avformat_seek_file(self.context.as_mut_ptr(), stream, i64::MIN, target, target, 0) };
        if let (Some(joint), 0..) = (&mut self.joint, sought) {
            joint.restart();
        }
        sought >= 0
    }

    /// Whether the clock of the file jumps somewhere: then a time says nothing of a place in it. Reads the file through once
    /// if its format allows jumps, without decoding anything.
    fn jumps(&mut self) -> bool {
        let may_jump = self.joint.as_ref().is_some_and(Joint::may_jump);
        if let (None, Some((path, most)), true) = (self.jumps, &self.film, may_jump) {
            let scan = || -> Result<bool> {
                let mut input = Opening::film(path, *most)?.open()?;
                let mut packet = Packet::empty();
                let mut failures = 0;
                while failures < 1000 && input.cuts() == 0 {
                    match input.next_packet(&mut packet) {
                        Err(FfmpegError::Eof) => break,
                        Err(_) => failures += 1,
                        Ok(()) => failures = 0,
                    }
                }
                Ok(input.cuts() > 0)
            };
            self.jumps = Some(scan().unwrap_or(false));
        }
        self.jumps.unwrap_or(false)
    }

    /// Takes from somebody who has read the file whether its clock jumps.
    pub fn know_jumps(&mut self, jumps: bool) {
        self.jumps = Some(jumps);
    }

    /// Whether it can be read only once.
    pub fn is_pipe(&self) -> bool {
        self.pipe.is_some()
    }

    /// Whether a stop has ended its reading. Only pipes are asked: others that wait belong to a show, which ends anyway.
    pub fn is_interrupted(&self) -> bool {
        self.is_pipe() && self.interrupt.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// The pictures that it reads, if they are numbered.
    pub fn sequence(&self) -> Option<&Sequence> {
        self.sequence.as_ref()
    }

    /// Whether it is the file of one picture. Formats of pictures may hold several, one behind the other.
    pub fn is_still(&self) -> bool {
        let Some((path, most)) = self.film.as_ref().filter(|_| self.is_picture) else { return false };
        let Ok(mut input) = Opening::film(path, *most).and_then(Opening::open) else { return true };
        let mut packet = Packet::empty();
        (0..2).any(|_| input.next_packet(&mut packet).is_err())
    }

    /// The warning about other streams than `kept` that a pipe carries: who wants to copy them must read it again.
    pub fn left_out(&self, kept: usize) -> Option<Warning> {
        let others = self.context.streams().filter(|stream| stream.index() != kept).count();
        (self.is_pipe() && others > 0).then_some(Warning::PipeStreams { streams: others })
    }

    /// Whether all video and audio must be read to know where the clock jumps.
    pub fn needs_all_streams(&self) -> bool {
        self.joint.as_ref().is_some_and(Joint::needs_all_streams)
    }

    /// How often the clock has jumped so far.
    pub fn cuts(&self) -> u64 {
        self.joint.as_ref().map_or(0, |joint| joint.cuts)
    }
}

impl Deref for Input {
    type Target = context::Input;

    fn deref(&self) -> &context::Input {
        &self.context
    }
}

impl DerefMut for Input {
    fn deref_mut(&mut self) -> &mut context::Input {
        &mut self.context
    }
}

/// FFmpeg's input format of this name.
fn input_format(name: &str) -> Result<*const ffi::AVInputFormat> {
    let missing = || Error::failed(format!("this FFmpeg cannot read {name}; install one built with {name} support"));
    let raw = CString::new(name).map_err(|_| missing())?;
    // SAFETY: registers static tables; the name ends in zero.
    let format = unsafe {
        ffi::avdevice_register_all();
        ffi::av_find_input_format(raw.as_ptr())
    };
    if format.is_null() { Err(missing()) } else { Ok(format) }
}

/// Refuses streams that claim more than `most` pixels.
fn check_sizes(input: &Input, name: &str, most: MaxPixels) -> Result<()> {
    for stream in input.streams() {
        // SAFETY: reads plain fields of an open input.
        let (width, height) =
            unsafe { ((*stream.parameters().as_ptr()).width, (*stream.parameters().as_ptr()).height) };
        if width > 0 && height > 0 {
            most.check(name, width.cast_unsigned(), height.cast_unsigned())?;
        }
    }
    Ok(())
}

/// Finds out what streams there are. This may decode some frames, of at most `most` pixels.
fn find_streams(input: &mut Input, name: &str, most: MaxPixels) -> Result<()> {
    check_sizes(input, name, most)?;
    let limit = most.pixels().to_string();
    let options = |_| {
        let mut options = Dictionary::new();
        options.set("max_pixels", &limit);
        // SAFETY: it is freed below.
        unsafe { options.disown() }
    };
    let mut options: Vec<_> = (0..input.nb_streams()).map(options).collect();
    // SAFETY: the context is open, and there is one dictionary for each of its streams so far.
    let found = unsafe { ffi::avformat_find_stream_info(input.as_mut_ptr(), options.as_mut_ptr()) };
    // SAFETY: FFmpeg leaves the dictionaries, with what it did not use, to their owner.
    options.into_iter().for_each(|options| drop(unsafe { Dictionary::own(options) }));
    if found < 0 {
        let reason = reason(found.into());
        return Err(Error::failed(format!(
            "cannot identify the streams in {name} ({reason}); it may be damaged, so get another copy"
        )));
    }
    // Some formats tell the size only now.
    check_sizes(input, name, most)
}
