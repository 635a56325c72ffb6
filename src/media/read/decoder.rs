//! An input as RGB frames with exact timestamps.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ffmpeg_next::{Error as FfmpegError, Packet, codec, decoder, ffi, frame};

use super::clock::Clock;
use super::damage::{Damage, HOPELESS, Reached};
use super::deinterlace::{Deinterlacer, Stamped};
use super::exr;
use super::first_frame;
use super::open::{Input, Opening, Unsaid};
use super::stream::{
    beginning, best_video, declared_end, discard_others, frame_rate, has_opacity, opacity_decoder, open_decoder,
    timeline_start,
};
use crate::error::{Error, Result};
use crate::frame::{Frame, HdrOriginal, MaxPixels, Rational};
use crate::kernel::turn::Turn;
use crate::media::ffmpeg::reason;
use crate::media::info::VideoInfo;
use crate::media::options::{Deinterlace, Seconds};
use crate::media::pixels::{ColorTags, ToRgb, is_transparent};
use crate::media::side_data;
use crate::sync::pipe::{is_pipe, is_standard_input};
use crate::warning::Warning;

/// What to decode.
#[derive(Clone, Debug, Default)]
pub struct DecodeOptions {
    /// Where to begin, in seconds from the start of the file.
    pub start: Option<Seconds>,
    /// How much to decode, in seconds from `start`.
    pub duration: Option<Seconds>,
    /// Decoder threads; `None`: FFmpeg's choice.
    pub threads: Option<usize>,
    /// Larger frames are refused.
    pub max_pixels: MaxPixels,
    /// How to make interlaced pictures progressive; `None` leaves them.
    pub deinterlace: Option<Deinterlace>,
    /// Whether frames of HDR video carry the picture that they were made from, and the facts are those of HDR.
    pub keep_hdr: bool,
    /// What the input does not say of itself.
    pub unsaid: Unsaid,
    /// Setting it ends the wait for a pipe that is silent.
    pub stop: Option<Arc<AtomicBool>>,
}

/// Decodes an input's best video stream, in the calling thread.
pub struct Decoder {
    path: PathBuf,
    pub(super) input: Input,
    pub(super) decoder: decoder::Video,
    to_rgb: ToRgb,
    keep_hdr: bool,
    /// What makes the pictures upright, and a picture before that.
    turn: Turn,
    stored: Frame,
    packet: Packet,
    picture: frame::Video,
    /// `picture` was decoded while opening or seeking, and has not been delivered yet.
    pub(super) pending: bool,
    pub(super) info: VideoInfo,
    pub(super) clock: Clock,
    pub(super) deinterlacer: Option<Deinterlacer>,
    /// When `picture` is shown and for how long, in ticks of the stream. A deinterlacer holds pictures back, so the clock may be
    /// ahead.
    pub(super) shown: Option<(i64, i64)>,
    /// Numbers of the pictures that are in the decoder, if the input is numbered pictures: each gives one frame, or fails.
    pub(super) inside: VecDeque<u64>,
    /// Decoding times of the last packet, and of the last one whose picture is patched up.
    last_sent: Option<i64>,
    last_patched: Option<i64>,
    /// No packets are left; the decoder delivers what it still holds.
    pub(super) draining: bool,
    pub(super) delivered: u64,
    pub(super) damage: Damage,
    warnings: Vec<Warning>,
}

impl Decoder {
    /// Opens a file and decodes its first frame.
    ///
    /// # Errors
    /// The file cannot be read, contains no video, names other files, has frames that are too large, or has no frame
    /// from `start` on that can be decoded.
    pub fn open(path: &Path, options: &DecodeOptions) -> Result<Self> {
        let is_interrupted = || options.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed));
        match Self::open_file(path, options) {
            // Whatever FFmpeg makes of a pipe that ends so early.
            Err(_) if is_pipe(path) && is_interrupted() => Err(interrupted()),
            opened => opened,
        }
    }

    fn open_file(path: &Path, options: &DecodeOptions) -> Result<Self> {
        let is_pipe = is_pipe(path);
        let name = if is_standard_input(path) { Path::new("standard input") } else { path };
        let open = |seek| {
            let opening = Opening::film(path, options.max_pixels)?.with(&options.unsaid);
            Self::of_input(name, opening.until(options.stop.clone()).open()?, options, seek)
        };
        let mut decoder = open(!is_pipe)?;
        let mut found = decoder.first_frame()?;
        // If the seek landed behind the wanted frame, decode from the beginning.
        if !found && options.start.is_some() && !is_pipe {
            decoder = open(false)?;
            found = decoder.first_frame()?;
        }
        decoder.begin(found, options)
    }

    /// Opens a stream that has no beginning, and decodes its first frame: a network address, or with `format`
    /// (`x11grab`, `avfoundation`) a screen or another device. `settings` are FFmpeg's options for it. Setting `interrupt`
    /// ends all waiting, now and later.
    ///
    /// # Errors
    /// Nothing answers there, this FFmpeg cannot read the format, or those of [`Self::open`].
    pub fn open_address(
        address: &str,
        format: Option<&str>,
        settings: &[(&str, String)],
        (max_pixels, deinterlace): (MaxPixels, Option<Deinterlace>),
        interrupt: Arc<AtomicBool>,
    ) -> Result<Self> {
        let options = DecodeOptions { threads: Some(1), max_pixels, deinterlace, ..DecodeOptions::default() };
        let input = Opening::address(address, format, settings, max_pixels, interrupt)?.open()?;
        let mut decoder = Self::of_input(Path::new(address), input, &options, false)?;
        let found = decoder.first_frame()?;
        decoder.begin(found, &options)
    }

    fn of_input(path: &Path, mut input: Input, options: &DecodeOptions, seek: bool) -> Result<Self> {
        let stream = best_video(&input, path)?;
        let decoder = open_decoder(&input, stream, path, options.threads, options.max_pixels)?;
        let frame_rate = frame_rate(&mut input, stream);
        let facts = input
            .stream(stream)
            .ok_or_else(|| Error::failed(format!("'{}' has no stream {stream}", path.display())))?;
        let (time_base, mut side_data) = (Rational::from(facts.time_base()), side_data::kept(&facts));
        let turn = side_data::take_turn(&mut side_data).unwrap_or_default();
        let foreign = side_data::dolby_vision(&facts).filter(|dolby| !dolby.is_compatible);
        let foreign = foreign.map(|dolby| Warning::DolbyVision { video: path.to_owned(), profile: dolby.profile });
        let is_opaque = !has_opacity(&facts) || opacity_decoder(&facts).is_some();
        let unread = (!is_opaque).then(|| Warning::VideoTransparency { video: path.to_owned() });
        let base = timeline_start(&input, time_base);
        let ticks = |Seconds(seconds): Seconds| seconds / time_base.as_f64();
        let start = options.start.filter(|start| start.0 > 0.0);
        // A frame within a millionth of a tick of the requested time is the requested frame.
        let first = start.map(|start| base + (ticks(start) - 1e-6).ceil() as i64);
        let end = options.duration.map(|span| base + (start.map_or(0.0, ticks) + ticks(span) - 1e-6).ceil() as i64);
        let info = VideoInfo {
            width: 0,
            height: 0,
            time_base,
            frame_rate,
            frames: None,
            aspect: Rational { num: 0, den: 1 },
            color: ColorTags::of_frame(&frame::Video::empty()),
            stream,
            origin: base,
            end,
            max_pixels: options.max_pixels,
            side_data,
        };
        discard_others(&mut input, stream);
        if let (Some(first), true) = (first, seek) {
            // A file that cannot seek is read from its start instead.
            input.seek(stream as i32, first);
        }
        let mut clock = Clock::new(time_base, frame_rate, beginning(&input, time_base).unwrap_or(0));
        (clock.first, clock.seeking) = (first, first.is_some() && seek);
        let deinterlacer = options.deinterlace.map(|kind| Deinterlacer::new(kind, options.threads)).transpose()?;
        Ok(Self {
            path: path.to_owned(),
            input,
            decoder,
            to_rgb: ToRgb::new(options.keep_hdr),
            keep_hdr: options.keep_hdr,
            turn,
            stored: Frame::default(),
            packet: Packet::empty(),
            picture: frame::Video::empty(),
            pending: false,
            info,
            clock,
            deinterlacer,
            shown: None,
            inside: VecDeque::new(),
            last_sent: None,
            last_patched: None,
            draining: false,
            delivered: 0,
            damage: Damage::default(),
            warnings: foreign.into_iter().chain(unread).collect(),
        })
    }

    /// Decodes up to the first frame to deliver. False if there is none, or if the seek may have gone past it.
    pub(super) fn first_frame(&mut self) -> Result<bool> {
        let found = self.decode()?;
        self.pending = found;
        Ok(found && !self.clock.seeking)
    }

    /// Completes the facts after the first frame was `found`.
    fn begin(mut self, found: bool, options: &DecodeOptions) -> Result<Self> {
        if !found {
            return Err(self.nothing(options));
        }
        let start = self.clock.first.and(self.shown).map(|(time, _)| time);
        let uncut = options.start.is_none() && options.duration.is_none();
        if self.turn.is_none() && self.info.side_data.iter().all(|(kind, _)| !side_data::is_matrix(*kind)) {
            // Some streams note the rotation in their pictures.
            let noted = self.picture.side_data(frame::side_data::Type::DisplayMatrix);
            self.turn = noted.and_then(|noted| side_data::turn(noted.data())).unwrap_or_default();
        }
        side_data::add_layout(&mut self.info.side_data, &self.picture);
        self.warnings.extend(self.input.left_out(self.info.stream));
        if self.keep_hdr && ColorTags::of_frame(&self.picture).is_hdr() {
            side_data::add_hdr(&mut self.info.side_data, &self.picture);
        }
        first_frame::describe(
            &mut self.input,
            &mut self.picture,
            self.turn,
            start,
            (uncut, self.keep_hdr),
            &mut self.info,
        );
        self.warnings.extend(first_frame::warnings(&self.path, &self.picture, self.keep_hdr));
        self.notice_transparency();
        Ok(self)
    }

    /// The error if there is no frame to deliver.
    fn nothing(&self, options: &DecodeOptions) -> Error {
        let shown = self.path.display();
        match (options.start, self.clock.last) {
            (Some(Seconds(start)), Some(_)) => {
                let length = (self.clock.reached() - self.info.origin) as f64 * self.info.time_base.as_f64();
                Error::usage(format!(
                    "cannot start at {start} s: '{shown}' ends at {length:.3} s; choose an earlier --start"
                ))
            }
            (_, None) if self.damage.is_none() && options.duration.is_some() => {
                Error::usage("--duration is too short for a single frame; choose a longer one")
            }
            // FFmpeg reads a WebP's first bytes and fails without a reason if it is an animation.
            _ if self.damage.unsupported || self.decoder.id() == codec::Id::WEBP => Error::failed(format!(
                "'{shown}' is a video of an unsupported kind: this FFmpeg cannot decode {}; convert it first, such as to GIF or MP4",
                if self.decoder.id() == codec::Id::WEBP { "animated WebP" } else { self.decoder.id().name() }
            )),
            (None, None) if let Some(sequence) = self.input.sequence() => Error::failed(format!(
                "cannot decode '{}' nor any picture after it; check that they are whole, and of the kind that their names say",
                sequence.names.file(sequence.first).display()
            )),
            _ if self.is_pipe() => Error::failed(format!(
                "cannot decode any frame of {shown}; send Y4M, NUT, Matroska or MPEG-TS, or name the file itself, since others, \
                 such as MP4, may have to be read out of order"
            )),
            _ => Error::failed(format!(
                "cannot decode any frame of '{shown}'; it is not a video, or is damaged or cut off before its first picture"
            )),
        }
    }

    /// The properties of the frames.
    pub fn info(&self) -> &VideoInfo {
        &self.info
    }

    /// Whether its input can be read only once.
    pub fn is_pipe(&self) -> bool {
        self.input.is_pipe()
    }

    /// Whether its input is the file of one picture.
    pub fn is_still(&self) -> bool {
        self.input.is_still()
    }

    /// The file or address that it decodes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Warnings about the input; complete after the last frame.
    pub fn warnings(&self) -> Vec<Warning> {
        self.warnings.clone()
    }

    /// Fills `frame` with the next frame and returns true, or returns false at the end. The frame has its own size, which
    /// may change within a stream. Times start at [`VideoInfo::origin`] and always grow.
    ///
    /// # Errors
    /// The pixel format cannot be converted. Damage is not an error: see [`Self::warnings`].
    pub fn next(&mut self, frame: &mut Frame) -> Result<bool> {
        if !std::mem::take(&mut self.pending) && !self.decode()? {
            self.sum_up();
            return Ok(false);
        }
        let Some((time, duration)) = self.shown else { return Ok(false) };
        let time = time - self.info.origin;
        if self.info.end.is_some_and(|end| time >= end) {
            return Ok(false);
        }
        self.convert(frame)?;
        self.notice_transparency();
        self.take_facts(&mut frame.captions);
        (frame.index, frame.time, frame.duration) = (self.delivered, time, duration);
        self.delivered += 1;
        Ok(true)
    }

    /// Whether the frame that was decoded last can be decoded without others.
    pub(super) fn is_at_key_frame(&self) -> bool {
        self.picture.is_key()
    }

    /// Converts the picture that was decoded last, and makes it upright.
    pub(super) fn convert(&mut self, frame: &mut Frame) -> Result<()> {
        let tags = ColorTags::to_read(&self.picture);
        if self.turn.is_none() {
            self.to_rgb.convert(&self.picture, tags, frame)?;
        } else {
            let Self { stored, turn, .. } = self;
            self.to_rgb.convert(&self.picture, tags, stored)?;
            let (width, height) = turn.size(stored.width, stored.height);
            frame.resize(width, height);
            turn.apply(stored.image(), &mut frame.pixels);
            frame.hdr = stored.hdr.take().map(|original| {
                let mut codes = vec![0; original.codes.len()];
                turn.apply_to((stored.width, stored.height), &original.codes, &mut codes);
                Arc::new(HdrOriginal { codes, seen: frame.pixels.clone(), peak: original.peak })
            });
        }
        Ok(())
    }

    /// Warns of the first picture that is not opaque.
    fn notice_transparency(&mut self) {
        let known = self.warnings.iter().any(|warning| matches!(warning, Warning::VideoTransparency { .. }));
        if !known && is_transparent(&self.picture) {
            self.warnings.push(Warning::VideoTransparency { video: self.path.clone() });
        }
    }

    /// Takes the captions of the picture, and warns of other facts in it that no output gets.
    fn take_facts(&mut self, captions: &mut Vec<u8>) {
        use frame::side_data::Type;
        captions.clear();
        if let Some(found) = self.picture.side_data(Type::A53CC) {
            captions.extend_from_slice(found.data());
            self.warn_once(Warning::CaptionsLeftOut { video: self.path.clone() });
        }
        let mut lost = vec![Type::AFD, Type::S12M_TIMECODE, Type::IccProfile];
        if self.keep_hdr {
            lost.extend([Type::DYNAMIC_HDR_PLUS, Type::DOVI_RPU_BUFFER]);
        }
        lost.retain(|kind| self.picture.side_data(*kind).is_some());
        for kind in lost {
            self.warn_once(Warning::FactsLeftOut { video: self.path.clone(), kind: kind.name().to_owned() });
        }
    }

    fn warn_once(&mut self, warning: Warning) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Decodes the next frame at or after the start into `picture` and stamps it.
    pub(super) fn decode(&mut self) -> Result<bool> {
        let mut failures = 0;
        loop {
            if let Some(deinterlacer) = &mut self.deinterlacer
                && let Some(Stamped { shown, wanted }) = deinterlacer.take(&mut self.picture)
            {
                self.shown = Some(shown);
                if wanted {
                    return Ok(true);
                }
                continue;
            }
            match self.decoder.receive_frame(&mut self.picture) {
                Ok(()) => {
                    let number = self.inside.pop_front();
                    if self.decoder.id() == codec::Id::EXR && !exr::is_whole(&self.picture) {
                        self.damage.packets += 1;
                        self.damage.pictures.extend(number);
                        continue;
                    }
                    if is_patched(&self.picture) {
                        self.damage.packets += 1;
                        self.last_patched = self.last_patched.max(Some(self.picture.packet().dts));
                    }
                    if self.decoder.id() == codec::Id::DPX {
                        first_frame::distrust_dpx(&mut self.picture);
                    }
                    let wanted = self.clock.stamp(&self.picture);
                    let shown = self.clock.last.unwrap_or_default();
                    if let Some(deinterlacer) = &mut self.deinterlacer {
                        let put = deinterlacer.put(&mut self.picture, Stamped { shown, wanted });
                        put.map_err(|error| self.not_deinterlaced(error))?;
                        continue;
                    }
                    self.shown = Some(shown);
                    if wanted {
                        return Ok(true);
                    }
                }
                Err(FfmpegError::Eof) if self.input.is_interrupted() => return Err(interrupted()),
                Err(FfmpegError::Eof) => {
                    let ended = self.deinterlacer.as_mut().map_or(Ok(false), Deinterlacer::end);
                    if !ended.map_err(|error| self.not_deinterlaced(error))? {
                        return Ok(false);
                    }
                }
                Err(FfmpegError::Other { errno }) if errno == ffmpeg_next::error::EAGAIN => self.feed(),
                Err(error) => {
                    self.lose(error);
                    failures += 1;
                    if failures >= HOPELESS {
                        return Ok(false);
                    }
                }
            }
        }
    }

    fn not_deinterlaced(&self, error: FfmpegError) -> Error {
        let (shown, reason) = (self.path.display(), reason(error));
        Error::failed(format!("cannot deinterlace '{shown}' ({reason}); omit --deinterlace"))
    }

    /// Counts a packet that could not be decoded.
    fn lose(&mut self, error: FfmpegError) {
        self.damage.packets += 1;
        self.damage.pictures.extend(self.inside.pop_front());
        self.damage.unsupported |= matches!(error, FfmpegError::PatchWelcome | FfmpegError::Experimental);
    }

    /// Gives the decoder one more packet, or the end.
    fn feed(&mut self) {
        if self.draining {
            // A decoder that asks for more after the end has nothing left; this makes it say so.
            self.decoder.flush();
        }
        while !self.draining {
            match self.input.next_packet(&mut self.packet) {
                Ok(()) => {
                    self.damage.in_a_row = 0;
                    if self.packet.stream() != self.info.stream {
                        continue;
                    }
                    if let Some(sequence) = self.input.sequence() {
                        let number = sequence.first + self.packet.pts().unwrap_or_default().max(0).cast_unsigned();
                        self.inside.push_back(number);
                        let bytes = self.packet.data().unwrap_or_default();
                        // FFmpeg paints what is missing grey, and says nothing.
                        if self.decoder.id() == codec::Id::MJPEG && is_cut_off(bytes) {
                            self.inside.pop_back();
                            self.damage.packets += 1;
                            self.damage.pictures.push(number);
                            continue;
                        }
                    }
                    self.last_sent = self.packet.dts();
                    if let Err(error) = self.decoder.send_packet(&self.packet) {
                        self.lose(error);
                    }
                    return;
                }
                Err(FfmpegError::Eof) => {
                    self.draining = true;
                    self.damage.unreadable |= self.input.is_cut_off();
                }
                Err(FfmpegError::Other { errno }) if errno == ffmpeg_next::error::EAGAIN => {}
                Err(error) => {
                    self.damage.unreadable = true;
                    self.damage.in_a_row += 1;
                    self.draining = error != FfmpegError::InvalidData || self.damage.in_a_row >= HOPELESS;
                }
            }
        }
        // Only a decoder that is already at its end refuses.
        let _ = self.decoder.send_eof();
    }

    /// Adds a warning at the end about what was lost.
    fn sum_up(&mut self) {
        let VideoInfo { stream, time_base, origin, end, frames, .. } = self.info;
        if self.deinterlacer.as_ref().is_some_and(Deinterlacer::did_nothing) {
            self.warn_once(Warning::NotInterlaced { video: self.path.clone() });
        }
        // The end of the file is missing in its last packet.
        self.damage.unreadable |= self.last_patched.is_some() && self.last_patched == self.last_sent;
        let reached = self.clock.reached();
        // A cut that ends before the declared end misses nothing.
        let declared = declared_end(&self.input, stream, time_base)
            .filter(|&declared| end.is_none_or(|end| end + origin >= declared));
        let joined = self.input.cuts() > 0;
        let too_short =
            !joined && declared.is_some_and(|declared| (declared - reached) as f64 * time_base.as_f64() > 0.5);
        let seconds = (reached - origin) as f64 * time_base.as_f64();
        if (too_short || self.damage.unreadable) && self.input.is_chain() {
            self.warnings.push(Warning::FirstOfSeveral { video: self.path.clone(), frames: self.delivered, seconds });
            return;
        }
        let reached = Reached { kept: self.delivered, expected: frames, seconds, too_short };
        self.warnings.extend(self.damage.warning(&self.path, self.input.sequence(), &reached));
    }
}

/// Whether parts of `picture` could not be decoded, and the decoder made them up. Pictures that the decoder lacked are another
/// matter: recordings of broadcasts begin anywhere.
fn is_patched(picture: &frame::Video) -> bool {
    // SAFETY: a plain field of an own frame.
    let flags = unsafe { (*picture.as_ptr()).decode_error_flags };
    let made_up = ffi::FF_DECODE_ERROR_INVALID_BITSTREAM
        | ffi::FF_DECODE_ERROR_CONCEALMENT_ACTIVE
        | ffi::FF_DECODE_ERROR_DECODE_SLICES;
    flags & made_up != 0
}

fn interrupted() -> Error {
    Error::Interrupted("interrupted while reading a pipe".into())
}

/// Whether a JPEG has no end behind its last scan. Markers stand for nothing else there: in a scan, zero follows `FF`.
fn is_cut_off(jpeg: &[u8]) -> bool {
    let last = |marker: u8| jpeg.windows(2).rposition(|pair| pair == [0xFF, marker]);
    last(0xD9) < last(0xDA)
}
