//! Frames to a pipe while they are painted: `impasto video - -o - | ffplay -`. Nothing is kept, so nothing is resumed.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use super::films::Films;
use super::settings::{Done, FilmEvent, FilmJob, FilmSettings, Work};
use super::unpack;
use crate::error::{Error, Result};
use crate::frame::{Frame, Stamp};
use crate::media::read::DecodeOptions;
use crate::media::sequence::Numbered;
use crate::media::write::{Container, CopiedStreams, PlainFrames};
use crate::pipeline::ordered;
use crate::report;
use crate::sink::Sink;
use crate::size::Size;
use crate::source::Source;
use crate::source::video::VideoSource;
use crate::sync::Stop;
use crate::sync::pipe::{is_pipe, is_standard_input};
use crate::temporal::Relay;
use crate::warning::Warning;
use crate::whole;

/// Whether frames go to `output` without compression: to standard output, or to a pipe or device whose name has no ending
/// of a container.
pub fn is_plain(output: &Path) -> bool {
    is_standard_input(output) || whole::is_stream(output) && Container::of(output).is_err()
}

/// Paints a film into a pipe.
///
/// # Errors
/// The input cannot be read, an option is for files only, or a network fails. [`Error::ReaderGone`] if nobody reads the
/// pipe any more.
pub fn run(job: &FilmJob, films: &mut Films<'_>, stop: &Stop, listen: &(dyn Fn(FilmEvent) + Sync)) -> Result<Done> {
    let start = Instant::now();
    let (settings, studio) = (films.settings.clone(), films.studio);
    refuse_options_of_files(job, &settings)?;
    let decoding = DecodeOptions {
        start: settings.start,
        duration: settings.duration,
        threads: Some(studio.machine().codec_threads()),
        max_pixels: studio.machine().max_pixels,
        deinterlace: settings.deinterlace,
        keep_hdr: false,
        unsaid: settings.unsaid(),
        stop: Some(stop.flag()),
    };
    let mut source = VideoSource::open(&job.input, &decoding, settings.size, settings.resampled(&job.input))?;
    unpack::refuse_still(&source, &job.input)?;
    if settings.fps.is_none() {
        // Frames without compression have no times.
        source = source.at_own_rate().0;
    }
    if loses_streams(job, &decoding) {
        listen(FilmEvent::Warning(Warning::PlainFrames { video: job.input.clone() }));
    }
    let info = source.info().clone();
    let format = source.frame_format();
    let to: Box<dyn Write + Send> = if is_standard_input(&job.output) {
        Box::new(report::StandardOutput)
    } else {
        let file = File::options().write(true).open(&job.output);
        Box::new(file.map_err(|error| Error::writing(&job.output, &error))?)
    };
    let is_first = films.painter().is_none();
    let painter = films.load((format.width, format.height))?;
    if is_first {
        listen(FilmEvent::Ready);
    }
    let every = settings.segment_frames;
    let mut carrier = painter.carrier().with_segments(every);
    let mut relay = Relay::new(painter.stabilizer(settings.stabilize), every);
    let size = Size::new(format.width, format.height);
    let total = source.format().frames;
    let workers = films.workers((size.width, size.height))?;
    let frames = PlainFrames::begin(to, job.plain, &info, &format, settings.pixel_format.as_deref())?;
    source.warnings().into_iter().for_each(|warning| listen(FilmEvent::Warning(warning)));
    let (seen, wanted) = workers.first().map_or((size, false), |one| (one.seen_size(size), one.takes_grain()));
    let carry = &mut |input: &_| carrier.carry(input, seen, wanted);
    let steady = &mut |input: &_, styled: &mut _| relay.stabilize(input, styled);
    let observe = |so_far: ordered::Progress<'_>| {
        let (frame, inference_share) = (so_far.frames, so_far.inference_share);
        listen(FilmEvent::Progress { frame, total, inference_share });
    };
    let sink = Box::new(PlainSink { frames });
    let painted = ordered::run(&mut source, carry, workers, steady, sink, stop, &observe);
    listen(FilmEvent::Paused);
    source.warnings().into_iter().for_each(|warning| listen(FilmEvent::Warning(warning)));
    let painted = painted?;
    if stop.requested() {
        return Err(Error::Interrupted(format!("interrupted; {} frames went through the pipe", painted.frames)));
    }
    Ok(Done {
        written: Some(job.output.clone()),
        size: (size.width, size.height),
        frames: painted.frames,
        resumed: 0,
        seconds: start.elapsed().as_secs_f64(),
        inference_ms: painted.inference_ms,
    })
}

/// Whether the input has streams that are lost. Those of a pipe are told about by its reader.
fn loses_streams(job: &FilmJob, decoding: &DecodeOptions) -> bool {
    let is_file = !is_pipe(&job.input) && Numbered::of(&job.input).is_none() && decoding.unsaid.raw.is_none();
    is_file && CopiedStreams::count(&job.input, decoding.max_pixels).is_ok_and(|others| others > 0)
}

/// Refuses what only an encoded file has.
fn refuse_options_of_files(job: &FilmJob, settings: &FilmSettings) -> Result<()> {
    let given = [
        ("--codec", settings.codec.is_some()),
        ("--crf", settings.crf.is_some()),
        ("--preset", settings.preset.is_some()),
        ("--encoder-option", !settings.encoder_options.is_empty()),
        ("--hdr keep", settings.keep_hdr),
        ("--segments", matches!(job.work, Work::Segments(_))),
        ("--join", job.work == Work::Join),
        ("--keep-segments", job.keep_segments),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((name, _)) => Err(Error::usage(format!(
            "{name} is for files, and frames go through a pipe without compression; omit it, or encode behind the pipe"
        ))),
    }
}

/// Writes frames to a pipe.
struct PlainSink {
    frames: PlainFrames<Box<dyn Write + Send>>,
}

impl Sink for PlainSink {
    fn put_at(&mut self, frame: &Frame, _: Stamp) -> Result<()> {
        self.frames.put(frame)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.frames.finish()
    }
}
