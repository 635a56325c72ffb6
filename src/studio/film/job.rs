//! Paints one film in segments, joins them, and resumes an interrupted job.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::films::Films;
use super::open::{Opened, open};
use super::settings::{Done, FilmEvent, FilmJob, FilmSettings, Work};
use super::{index, piped, unpack};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::media::options::FrameRate;
use crate::media::read::{DecodeOptions, Index};
use crate::media::sequence::Numbered;
use crate::media::write::{Codec, CopiedStreams};
use crate::pipeline::ordered;
use crate::segments::finished::Finished;
use crate::segments::folder::{Folder, Use};
use crate::segments::join::{self, Film, Inventory};
use crate::segments::journal::{DEVICE, Journal, RUNTIME};
use crate::segments::paint::{self, Destination};
use crate::segments::resume::ResumableSource;
use crate::segments::{Encoding, SegmentRange};
use crate::source::Source;
use crate::source::video::VideoSource;
use crate::statistics::Percentiles;
use crate::studio::Studio;
use crate::stylize::Stylizer;
use crate::sync::pipe::{self, is_pipe};
use crate::sync::{Stop, lock};
use crate::temporal::{LEAD, WARM_UP};
use crate::warning::Warning;
use crate::whole;

impl Films<'_> {
    /// Does the work that `job` requests on one film. Calls `listen` with reports, also from other threads.
    ///
    /// # Errors
    /// The input cannot be read, the output cannot be written or exists, the job has other settings than the interrupted one,
    /// or a network fails. [`Error::Interrupted`](crate::Error::Interrupted) if `stop` was requested. Complete segments are
    /// kept in all cases, so the same job resumes.
    pub fn paint(&mut self, job: &FilmJob, stop: &Stop, listen: &(dyn Fn(FilmEvent) + Sync)) -> Result<Done> {
        let Some(unpacked) = unpack::unpack(&job.input, self.studio.machine().max_pixels, stop)? else {
            return run(job, self, stop, listen);
        };
        unpacked.warning.clone().into_iter().for_each(|warning| listen(FilmEvent::Warning(warning)));
        run(&FilmJob { input: unpacked.path.clone(), ..job.clone() }, self, stop, listen)
    }
}

impl Studio {
    /// Paints one film; see [`Films`] for several, and [`FilmJob`] for an example.
    ///
    /// # Errors
    /// Those of [`Films::paint`].
    pub fn paint_film(
        &self,
        job: &FilmJob,
        settings: FilmSettings,
        stop: &Stop,
        listen: &(dyn Fn(FilmEvent) + Sync),
    ) -> Result<Done> {
        Films::new(self, settings).paint(job, stop, listen)
    }
}

/// A film job, with everything that is known before the first frame is painted.
struct Running<'a> {
    job: &'a FilmJob,
    settings: FilmSettings,
    /// The frame rate to resample to.
    rate: Option<FrameRate>,
    decoding: DecodeOptions,
    encoding: Encoding,
    /// Where its frames are, if that is known.
    index: Option<Arc<Index>>,
    listen: &'a (dyn Fn(FilmEvent) + Sync),
    stop: &'a Stop,
    /// When a painting was last reported.
    shown: Mutex<Option<Instant>>,
}

/// Does the work that `job` requests on one film.
///
/// # Errors
/// Those of [`Films::paint`].
fn run(job: &FilmJob, films: &mut Films<'_>, stop: &Stop, listen: &(dyn Fn(FilmEvent) + Sync)) -> Result<Done> {
    let start = Instant::now();
    let output = job.output.as_path();
    Folder::sweep(output);
    // Pictures of a job that was killed while they got their names are its own.
    let are_own = Numbered::of(output).is_some() && (Folder::was_unpacking(output) || Finished::any(output));
    check_output(&job.input, output, job.overwrite || are_own)?;
    if piped::is_plain(output) {
        return piped::run(job, films, stop, listen);
    }
    let Opened { source, rate, decoding, encoding, size, mut facts } = open(job, films, stop)?;
    let (input, container, settings) = (job.input.as_path(), encoding.container, films.settings.clone());
    let path = Folder::beside(output);
    let index = if job.work == Work::Join { None } else { index::find(input, &path, &facts, listen)? };
    let running = Running { job, settings, rate, decoding, encoding, index, listen, stop, shown: Mutex::default() };
    let names = Numbered::of(output);
    match (&names, output.parent()) {
        // Numbered pictures fill a folder of their own.
        (Some(_), Some(folder)) if !folder.as_os_str().is_empty() => {
            fs::create_dir_all(folder).map_err(|error| Error::writing(folder, &error))?;
        }
        _ => whole::probe(output).map_err(|error| Error::writing(output, &error))?,
    }
    let joins_only = job.work == Work::Join;
    if let Some(Finished { path: film, frames }) = running.left_finished(&path, &facts)? {
        source.warnings().into_iter().for_each(|warning| running.warn(warning));
        running.name(&film, frames)?;
        let (written, seconds) = (Some(output.to_owned()), start.elapsed().as_secs_f64());
        return Ok(Done { written, size, frames, resumed: frames, seconds, inference_ms: Percentiles::default() });
    }
    check_output(input, output, job.overwrite || Folder::was_unpacking(output))?;
    if !joins_only {
        let is_first = films.painter().is_none();
        let painter = films.load((source.format().width, source.format().height))?;
        if is_first {
            listen(FilmEvent::Ready);
        }
        facts.insert(DEVICE.to_owned(), painter.device().to_string());
        facts.extend(painter.engine().map(|engine| (RUNTIME.to_owned(), engine.runtime.version())));
    } else if !path.is_dir() {
        let shown = path.display();
        return Err(Error::usage(format!(
            "no segments to join: the folder '{shown}' does not exist; paint them first"
        )));
    }
    let is_range = matches!(job.work, Work::Segments(_));
    let usage = if is_range { Use::Shared } else { Use::Alone };
    let folder = Folder::open(&path, &Journal { facts }, usage, job.restart)?;
    if !is_range {
        // Films of other settings.
        Finished::forget(output)?;
    }
    if !folder.moved().is_empty() {
        running.warn(Warning::OtherDevice { changes: folder.moved().join(", ") });
    }
    let warnings = match &names {
        // Pictures hold nothing but themselves.
        Some(_) if running.film().alone => Vec::new(),
        Some(_) => CopiedStreams::losses(input, running.decoding.max_pixels, container)?,
        None => join::begin(&folder, output, running.film(), &running.encoding)?.1,
    };
    source.warnings().into_iter().chain(warnings).for_each(|warning| running.warn(warning));

    let before = Inventory::of(&folder)?;
    let mut inference_ms = Percentiles::default();
    if !joins_only {
        inference_ms = running
            .paint(ResumableSource::new(source), films, &folder, &before)
            .map_err(|error| with_kept(error, &folder))?;
    }
    let there = Inventory::of(&folder)?;
    let done = Done {
        written: None,
        size,
        frames: there.frames,
        resumed: before.frames,
        seconds: start.elapsed().as_secs_f64(),
        inference_ms,
    };
    if is_range && !stop.requested() {
        return Ok(done);
    }
    if is_range || !there.complete && !joins_only {
        return Err(running.interrupted(&there, &folder));
    }
    // A pipe takes the film as it is.
    let ends = there.complete && !job.keep_segments;
    let film = (ends && !whole::is_stream(output)).then(|| Finished::new(output, folder.job(), there.frames));
    let hidden = film.as_ref().map(|film| film.path.as_path());
    let written = running.join(&folder, &there, hidden).map_err(|error| with_kept(error, &folder))?;
    let removed = if ends { folder.remove() } else { Ok(()) };
    if let Some(Finished { path, frames }) = film {
        running.name(&path, frames)?;
    }
    removed?;
    Ok(Done { written: Some(written), seconds: start.elapsed().as_secs_f64(), ..done })
}

impl Running<'_> {
    fn film(&self) -> Film<'_> {
        let (path, settings) = (self.job.input.as_path(), &self.settings);
        let alone = is_pipe(path) || settings.raw_input.is_some();
        Film { path, cut: settings.start.is_some_and(|start| start.0 > 0.0), alone }
    }

    /// What a job that was killed at its very end left: all but the final name. Removes what is left in its `folder`.
    fn left_finished(&self, folder: &Path, facts: &BTreeMap<String, String>) -> Result<Option<Finished>> {
        let job = self.job;
        if job.restart || job.keep_segments || matches!(job.work, Work::Segments(_)) {
            return Ok(None);
        }
        let journal = Journal { facts: facts.clone() };
        let film = Finished::left(&job.output, &journal);
        if film.is_some() && folder.is_dir() {
            Folder::open(folder, &journal, Use::Alone, false)?.remove()?;
        }
        Ok(film)
    }

    /// Gives the `film` of so many `frames` the name of the output; of numbered pictures it is the last.
    fn name(&self, film: &Path, frames: u64) -> Result<()> {
        let output = match Numbered::of(&self.job.output) {
            Some(names) => names.file(first_number(&self.job.input, &self.settings)? + frames - 1),
            None => self.job.output.clone(),
        };
        whole::rename(film, &output).map_err(|error| Error::writing(&output, &error))
    }

    /// Hands on a warning about the input, unless the output keeps what it is about.
    fn warn(&self, warning: Warning) {
        let encoding = &self.encoding;
        let codec = Codec::choose(encoding.options.codec, encoding.container, encoding.info.color.is_hdr());
        let is_kept = matches!(warning, Warning::CaptionsLeftOut { .. }) && codec.is_ok_and(Codec::takes_captions);
        if !is_kept {
            (self.listen)(FilmEvent::Warning(warning));
        }
    }

    /// Reports a painting, if the job asks for them and the last one is old enough.
    fn show(&self, painting: &Frame) {
        let Some(interval) = self.job.preview else { return };
        let mut shown = lock(&self.shown);
        if shown.is_none_or(|shown| shown.elapsed() >= interval) {
            *shown = Some(Instant::now());
            (self.listen)(FilmEvent::Picture(Arc::new(painting.clone())));
        }
    }

    fn open(&self) -> Result<ResumableSource> {
        if is_pipe(&self.job.input) {
            return Err(Error::failed(format!(
                "{} is read once, and several parts of the film are missing; send it again for each, or add --restart",
                pipe::shown(&self.job.input)
            )));
        }
        VideoSource::open(&self.job.input, &self.decoding, self.settings.size, self.rate).map(ResumableSource::new)
    }

    /// Paints the requested segments that are missing.
    fn paint(
        &self,
        source: ResumableSource,
        films: &mut Films<'_>,
        folder: &Folder,
        there: &Inventory,
    ) -> Result<Percentiles> {
        let range = match self.job.work {
            Work::Segments(range) => range,
            Work::All | Work::Join => SegmentRange::ALL,
        };
        let FilmSettings { stabilize, segment_frames: every, .. } = self.settings;
        let total = source.format().frames;
        if there.frames > 0 && !there.complete && range == SegmentRange::ALL {
            (self.listen)(FilmEvent::Resumed { frame: there.frames, total });
        }
        let mut fresh = Some(source);
        let (mut first, mut inference_ms) = (range.first, Percentiles::default());
        while let Some((next, end)) = there.missing_from(first, range.end) {
            let source = match fresh.take() {
                Some(source) => source,
                None => self.open()?,
            };
            let painter = films.load((source.format().width, source.format().height))?;
            let temporal = (painter.carrier(), painter.stabilizer(stabilize));
            let workers = films.workers((source.format().width, source.format().height))?;
            let warms_up = stabilize > 0.0 || workers.iter().any(Stylizer::takes_grain);
            let mut source = self.position(source, next, folder, every, warms_up)?;
            // The first frames that are decoded are not painted.
            let from = source.place().max((next * every).saturating_sub(WARM_UP));
            let observe = |so_far: ordered::Progress<'_>| {
                let (frame, inference_share) = (from + so_far.frames, so_far.inference_share);
                self.show(so_far.painting);
                (self.listen)(FilmEvent::Progress { frame, total, inference_share });
            };
            let destination = Destination { folder, encoding: &self.encoding, every, warms_up };
            let painted =
                paint::paint_segments(&mut source, workers, temporal, destination, (next, end), self.stop, &observe);
            (self.listen)(FilmEvent::Paused);
            source.warnings().into_iter().for_each(|warning| self.warn(warning));
            let painted = painted?;
            if painted.frames > 0 {
                inference_ms = painted.inference_ms;
            }
            match end {
                Some(end) if !self.stop.requested() && !source.is_complete() => first = end,
                _ => break,
            }
        }
        Ok(inference_ms)
    }

    /// Positions a new `source` for segment `number`: by a seek if the segment before or the film's index proves that it gives
    /// the same frames, else by decoding everything before.
    fn position(
        &self,
        mut source: ResumableSource,
        number: u64,
        folder: &Folder,
        every: u64,
        warms_up: bool,
    ) -> Result<ResumableSource> {
        if number == 0 {
            return Ok(source);
        }
        let first = (number * every).saturating_sub(if warms_up { LEAD } else { 0 });
        let before = folder.segment(number - 1)?;
        let marks = before.and_then(|segment| segment.next);
        let expected = match &marks {
            Some([warm_up, next]) if !source.can_seek() => vec![warm_up.clone(), next.clone()],
            Some([warm_up, next]) => {
                if source.seek(if warms_up { warm_up } else { next }, next)? {
                    return Ok(source);
                }
                source = self.open()?;
                vec![warm_up.clone(), next.clone()]
            }
            None => {
                if let Some(index) = self.index.as_ref().filter(|_| source.can_seek()) {
                    if source.frames_by(index) <= number * every {
                        return Err(self.too_short(number));
                    }
                    if source.seek_by(index, first)? {
                        return Ok(source);
                    }
                    self.warn(Warning::IndexUnusable {
                        video: self.job.input.clone(),
                        reason: "its frames differ".into(),
                    });
                    source = self.open()?;
                }
                Vec::new()
            }
        };
        if !source.skip_to(first, expected)? {
            return Err(self.too_short(number));
        }
        Ok(source)
    }

    fn too_short(&self, number: u64) -> Error {
        Error::usage(format!("'{}' ends before segment {number}; choose earlier --segments", self.job.input.display()))
    }

    /// Joins the segments before the first gap: a complete film into the output, under the name `hidden` if there is one; its
    /// beginning into a file of its own.
    fn join(&self, folder: &Folder, there: &Inventory, hidden: Option<&Path>) -> Result<PathBuf> {
        let shown = folder.path().display();
        if there.contiguous == 0 {
            let missing = there.missing();
            return Err(Error::failed(format!("cannot join: segments {missing} are missing in '{shown}'")));
        }
        let output = if there.complete { self.job.output.clone() } else { beginning(&self.job.output) };
        if let Some(names) = Numbered::of(&self.job.output) {
            return self.unpack(folder, there, &names, hidden);
        }
        if !there.complete {
            check_output(&self.job.input, &output, self.job.overwrite)?;
        }
        let joined = join::join(folder, there, (&output, hidden), self.film(), &self.encoding, self.stop)?;
        let Some(warnings) = joined else {
            return Err(interrupted_joining(folder, there));
        };
        for warning in warnings {
            (self.listen)(FilmEvent::Warning(warning));
        }
        self.warn_of_gaps(there, &output);
        Ok(output)
    }

    /// Writes the segments before the first gap to numbered pictures. They keep the numbers of the input's pictures.
    fn unpack(&self, folder: &Folder, there: &Inventory, names: &Numbered, hidden: Option<&Path>) -> Result<PathBuf> {
        let first = first_number(&self.job.input, &self.settings)?;
        let Some(next) = join::unpack(folder, there, (names, first), hidden, self.stop)? else {
            return Err(interrupted_joining(folder, there));
        };
        let output = names.pattern().to_owned();
        if there.complete && names.numbers()?.iter().any(|&number| number < first || number >= next) {
            let (output, last) = (output.clone(), next - 1);
            (self.listen)(FilmEvent::Warning(Warning::OtherPictures { output, first, last }));
        }
        self.warn_of_gaps(there, &output);
        Ok(output)
    }

    fn warn_of_gaps(&self, there: &Inventory, output: &Path) {
        if !there.complete {
            let (missing, output, frames) = (there.missing(), output.to_owned(), there.frames);
            (self.listen)(FilmEvent::Warning(Warning::SegmentsMissing { missing, output, frames }));
        }
    }

    fn interrupted(&self, there: &Inventory, folder: &Folder) -> Error {
        Error::Interrupted(match there.frames {
            0 => format!(
                "interrupted before the first segment of {} frames was complete; nothing is kept (shorter segments, such as \
                 --segment-frames 32, lose less)",
                self.settings.segment_frames
            ),
            frames => format!(
                "interrupted; {frames} frames are kept in '{}': run the same command again to resume, or add --join to make a video of them",
                folder.path().display()
            ),
        })
    }
}

fn interrupted_joining(folder: &Folder, there: &Inventory) -> Error {
    Error::Interrupted(format!(
        "interrupted while joining the segments; all {} frames are kept in '{}': run the same command again to resume",
        there.frames,
        folder.path().display()
    ))
}

/// The number of the first painted picture: that of the input's, or 1.
fn first_number(input: &Path, settings: &FilmSettings) -> Result<u64> {
    let Some(names) = Numbered::of(input) else { return Ok(1) };
    let FrameRate(rate) = settings.fps.unwrap_or(FrameRate::PICTURES);
    let skipped = settings.start.map_or(0.0, |start| (start.0 * rate.as_f64() - 1e-6).ceil().max(0.0));
    Ok(names.find()?.first + skipped as u64)
}

/// Adds to a failure how many frames are kept.
fn with_kept(error: Error, folder: &Folder) -> Error {
    match (error, Inventory::of(folder)) {
        (Error::Failed(reason), Ok(there)) if there.frames > 0 => Error::Failed(format!(
            "{reason}; {} frames are kept in '{}': run the same command again to resume",
            there.frames,
            folder.path().display()
        )),
        (error, _) => error,
    }
}

/// `film.beginning.mp4` beside `film.mp4`.
fn beginning(output: &Path) -> PathBuf {
    let mut name = output.file_stem().unwrap_or_default().to_owned();
    name.push(".beginning.");
    name.push(output.extension().unwrap_or_default());
    output.with_file_name(name)
}

/// Rejects outputs that would overwrite something, before any work is done.
fn check_output(input: &Path, output: &Path, overwrite: bool) -> Result<()> {
    let shown = output.display();
    if let Some(names) = Numbered::of(output) {
        return check_pictures(input, &names, overwrite);
    }
    if whole::is_stream(output) {
        // It is written to, and nothing is lost.
        return Ok(());
    }
    if whole::is_same_file(input, output) {
        return Err(Error::usage(format!("'{shown}' is the input itself; choose another output with -o")));
    }
    match fs::metadata(output) {
        Ok(found) if found.is_dir() => Err(Error::usage(format!("'{shown}' is a folder; choose a file in it"))),
        Ok(_) if !overwrite => {
            Err(Error::usage(format!("'{shown}' exists; choose another output, or add --overwrite to replace it")))
        }
        _ => Ok(()),
    }
}

/// Rejects names of pictures that would overwrite some.
fn check_pictures(input: &Path, names: &Numbered, overwrite: bool) -> Result<()> {
    let shown = names.pattern().display();
    let is_input = Numbered::of(input).is_some_and(|input| input.file(1) == names.file(1));
    if is_input {
        return Err(Error::usage(format!("'{shown}' is the input itself; choose another folder or name with -o")));
    }
    // A folder that is missing is created later.
    let there = names.numbers().unwrap_or_default();
    match there.first() {
        Some(&first) if !overwrite => Err(Error::usage(format!(
            "'{}' exists, and {} more like it; choose another output, or add --overwrite to replace them",
            names.file(first).display(),
            there.len() - 1
        ))),
        _ => Ok(()),
    }
}
