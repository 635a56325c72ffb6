//! One video: painted in segments, joined, and gone on with where it was stopped.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::facts;
use crate::cli::{SharedArgs, VideoArgs};
use crate::command::queue::is_same_file;
use crate::command::stylist::Stylist;
use crate::error::{Error, Result};
use crate::media::decode::DecodeOptions;
use crate::media::encode::EncodeOptions;
use crate::media::file::Container;
use crate::media::options::FrameRate;
use crate::pipeline::ordered;
use crate::report::Report;
use crate::segments::folder::{Folder, Use};
use crate::segments::join::{self, Film, Inventory};
use crate::segments::journal::{DEVICE, Journal, RUNTIME};
use crate::segments::paint::{self, Target};
use crate::segments::resume::ResumableSource;
use crate::segments::{Encoding, Part};
use crate::source::Source;
use crate::source::video::VideoSource;
use crate::statistics::Percentiles;
use crate::stylize::Stylizer;
use crate::sync::Stop;
use crate::temporal::WARM_UP;

/// What paints all videos of a queue: loaded for the first that needs it.
pub struct Painter<'a> {
    args: &'a VideoArgs,
    shared: &'a SharedArgs,
    report: &'a Report,
    stylist: Option<Stylist>,
    workers: Vec<Stylizer>,
    /// The frame size that the workers were made for.
    size: (u32, u32),
}

/// A video that was painted, or a part of it.
#[derive(Clone, Debug)]
pub struct Done {
    /// The file that was written; none where a part was painted.
    pub written: Option<PathBuf>,
    /// Columns and rows.
    pub size: (u32, u32),
    /// Frames in the output, or in all whole segments from the first on.
    pub frames: u64,
    /// Frames that were there already.
    pub resumed: u64,
    /// From start to end.
    pub seconds: f64,
    /// Time to paint one frame.
    pub inference_ms: Percentiles,
}

impl Done {
    /// Frames that this run painted for the output.
    pub fn painted(&self) -> u64 {
        self.frames.saturating_sub(self.resumed)
    }

    /// Those a second.
    pub fn fps(&self) -> f64 {
        self.painted() as f64 / self.seconds.max(1e-9)
    }
}

impl<'a> Painter<'a> {
    /// Nothing is loaded yet.
    pub fn new(args: &'a VideoArgs, shared: &'a SharedArgs, report: &'a Report) -> Self {
        Self { args, shared, report, stylist: None, workers: Vec::new(), size: (0, 0) }
    }

    /// What paints, if anything was to be painted.
    pub fn stylist(&self) -> Option<&Stylist> {
        self.stylist.as_ref()
    }

    fn load(&mut self) -> Result<&Stylist> {
        let stylist = match self.stylist.take() {
            Some(stylist) => stylist,
            None => Stylist::new(&self.args.style, self.shared, self.report)?,
        };
        Ok(self.stylist.insert(stylist))
    }

    /// Stylizers for frames of that size.
    fn workers(&mut self, size: (u32, u32)) -> Result<&mut [Stylizer]> {
        if self.size != size {
            // The old ones go first: both together may not fit into the memory of a card.
            self.workers.clear();
            self.workers = self.load()?.workers(size.0, size.1)?;
            self.size = size;
        }
        Ok(&mut self.workers)
    }
}

/// A video with all that is known before the first frame is painted.
struct Job<'a> {
    args: &'a VideoArgs,
    input: &'a Path,
    output: &'a Path,
    /// The rate to resample to.
    rate: Option<FrameRate>,
    decoding: DecodeOptions,
    encoding: Encoding,
    report: &'a Report,
    stop: &'a Stop,
}

/// Paints `input` to `output`, or does what else the flags ask for.
///
/// # Errors
/// Input, output, options or network do not work; or the job was interrupted. Whole segments are kept.
pub fn run((input, output): (&Path, &Path), painter: &mut Painter<'_>, stop: &Stop) -> Result<Done> {
    let start = Instant::now();
    let (args, shared, report) = (painter.args, painter.shared, painter.report);
    check_output(input, output, args.overwrite)?;
    let container = Container::of(output)?;
    let decoding = decoding(args, shared);
    let mut rate = args.fps;
    let mut source = VideoSource::open(input, &decoding, args.size, rate)?;
    if rate.is_none() && !container.takes_variable_rate() {
        // AVI and the like have no timestamps, only a rate.
        rate = Some(FrameRate(source.info().frame_rate));
        source = VideoSource::open(input, &decoding, args.size, rate)?;
    }
    let options = EncodeOptions {
        codec: args.codec,
        crf: args.crf,
        preset: args.preset.clone(),
        pixel_format: args.pix_fmt.clone(),
        options: args.encoder_option.clone(),
        threads: args.style.run.threads.map(usize::from),
    };
    let encoding = Encoding { container, info: source.info().clone(), frames: source.frame_format(), options };
    // Before anything is loaded or made: a wrong option is said at once.
    let size = encoding.encoder()?.size();
    let job = Job { args, input, output, rate, decoding, encoding, report, stop };
    let mut facts = facts::facts(input, container, args, shared)?;
    let path = Folder::beside(output);
    if !args.segments.join {
        let painter = painter.load()?;
        facts.insert(DEVICE.to_owned(), painter.device());
        facts.extend(painter.engine().map(|engine| (RUNTIME.to_owned(), engine.runtime.version())));
    } else if !path.is_dir() {
        let shown = path.display();
        return Err(Error::usage(format!("there are no segments to join: no folder '{shown}'; paint them first")));
    }
    let usage = if args.segments.segments.is_some() { Use::Shared } else { Use::Alone };
    let folder = Folder::open(&path, &Journal { facts }, usage, args.segments.restart)?;
    let (begun, warnings) = join::begin(&folder, output, job.film(), &job.encoding)?;
    drop(begun);
    source.warnings().into_iter().chain(warnings).for_each(|warning| report.warn(warning));

    let before = Inventory::of(&folder)?;
    let mut inference_ms = Percentiles::default();
    if !args.segments.join {
        inference_ms = job
            .paint(ResumableSource::new(source), painter, &folder, &before)
            .map_err(|error| job.with_kept(error, &folder))?;
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
    let is_part = args.segments.segments.is_some();
    if is_part && !stop.requested() {
        return Ok(done);
    }
    if is_part || !there.complete && !args.segments.join {
        return Err(job.interrupted(&there, &folder));
    }
    let written = job.join(&folder, &there).map_err(|error| job.with_kept(error, &folder))?;
    if there.complete && !args.segments.keep_segments {
        folder.remove()?;
    }
    Ok(Done { written: Some(written), seconds: start.elapsed().as_secs_f64(), ..done })
}

impl Job<'_> {
    fn film(&self) -> Film<'_> {
        Film { path: self.input, cut: self.args.start.is_some_and(|start| start.0 > 0.0) }
    }

    fn open(&self) -> Result<ResumableSource> {
        VideoSource::open(self.input, &self.decoding, self.args.size, self.rate).map(ResumableSource::new)
    }

    /// Paints what is missing of the part that was asked for.
    fn paint(
        &self,
        source: ResumableSource,
        painter: &mut Painter<'_>,
        folder: &Folder,
        there: &Inventory,
    ) -> Result<Percentiles> {
        let part = self.args.segments.segments.unwrap_or(Part::ALL);
        let every = self.args.segments.segment_frames;
        let total = source.format().frames;
        if there.frames > 0 && !there.complete && part == Part::ALL {
            let of = total.map_or(String::new(), |total| format!(" of about {total}"));
            let restart = "--restart begins anew";
            self.report.say(format!("'{}' goes on from frame {}{of}; {restart}", self.output.display(), there.frames));
        }
        let steady = self.args.steady.stabilize > 0.0;
        let mut fresh = Some(source);
        let (mut first, mut inference_ms) = (part.first, Percentiles::default());
        while let Some((next, end)) = there.missing_from(first, part.end) {
            let source = match fresh.take() {
                Some(source) => source,
                None => self.open()?,
            };
            let mut source = self.stand(source, next, folder, every, steady)?;
            let stabilizer = painter.load()?.stabilizer(self.args.steady.stabilize);
            let workers = painter.workers((source.format().width, source.format().height))?;
            let progress = self.report.progress(total, "frames");
            let from = source.place();
            let observe = |so_far: ordered::Progress| {
                progress.set(from + so_far.frames, format!("inference {:.0} %", so_far.inference_share * 100.0));
            };
            let target = Target { folder, encoding: &self.encoding, every };
            let painted = paint::paint(&mut source, workers, stabilizer, target, (next, end), self.stop, &observe);
            drop(progress);
            source.warnings().into_iter().for_each(|warning| self.report.warn(warning));
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

    /// Leads a fresh `source` to where it must be for segment `number`: by a seek if that gives the same frames, else by
    /// decoding all that is before.
    fn stand(
        &self,
        mut source: ResumableSource,
        number: u64,
        folder: &Folder,
        every: u64,
        steady: bool,
    ) -> Result<ResumableSource> {
        if number == 0 {
            return Ok(source);
        }
        let first = number * every - if steady { WARM_UP } else { 0 };
        let before = folder.segment(number - 1)?;
        let marks = before.and_then(|segment| segment.next);
        let expected = match &marks {
            Some([warm_up, next]) => {
                if source.seek(if steady { warm_up } else { next }, next)? {
                    return Ok(source);
                }
                source = self.open()?;
                vec![warm_up.clone(), next.clone()]
            }
            None => Vec::new(),
        };
        if !source.skip_to(first, expected)? {
            return Err(self.too_short(number));
        }
        Ok(source)
    }

    fn too_short(&self, number: u64) -> Error {
        Error::usage(format!("'{}' ends before segment {number}; choose earlier --segments", self.input.display()))
    }

    /// Joins what there is without a gap: the whole film to the output, its beginning to a name of its own.
    fn join(&self, folder: &Folder, there: &Inventory) -> Result<PathBuf> {
        let shown = folder.path().display();
        if there.contiguous == 0 {
            let missing = there.missing();
            return Err(Error::failed(format!(
                "there is no beginning to join in '{shown}': missing are segments {missing}"
            )));
        }
        let output = if there.complete { self.output.to_owned() } else { beginning(self.output) };
        if !there.complete {
            check_output(self.input, &output, self.args.overwrite)?;
        }
        let Some(warnings) = join::join(folder, there, &output, self.film(), &self.encoding, self.stop)? else {
            return Err(Error::Interrupted(format!(
                "interrupted while the segments were joined; all {} frames are kept in '{shown}', and the same command goes on",
                there.frames
            )));
        };
        warnings.into_iter().for_each(|warning| self.report.warn(warning));
        if !there.complete {
            self.report.warn(format!(
                "missing are segments {}: '{}' holds the first {} frames only",
                there.missing(),
                output.display(),
                there.frames
            ));
        }
        Ok(output)
    }

    /// Adds to a failure what it did not cost.
    fn with_kept(&self, error: Error, folder: &Folder) -> Error {
        match (error, Inventory::of(folder)) {
            (Error::Failed(reason), Ok(there)) if there.frames > 0 => Error::Failed(format!(
                "{reason}; {} frames are kept in '{}', and the same command goes on",
                there.frames,
                folder.path().display()
            )),
            (error, _) => error,
        }
    }

    fn interrupted(&self, there: &Inventory, folder: &Folder) -> Error {
        Error::Interrupted(match there.frames {
            0 => format!(
                "interrupted before the first {} frames were painted; nothing is kept",
                self.args.segments.segment_frames
            ),
            frames => format!(
                "interrupted; {frames} frames are kept in '{}': the same command goes on, and with --join it makes a video of them",
                folder.path().display()
            ),
        })
    }
}

/// `film.beginning.mp4` beside `film.mp4`.
fn beginning(output: &Path) -> PathBuf {
    let mut name = output.file_stem().unwrap_or_default().to_owned();
    name.push(".beginning.");
    name.push(output.extension().unwrap_or_default());
    output.with_file_name(name)
}

fn decoding(args: &VideoArgs, shared: &SharedArgs) -> DecodeOptions {
    DecodeOptions {
        start: args.start,
        duration: args.duration,
        threads: args.style.run.threads.map(usize::from),
        max_pixels: shared.max_pixels,
    }
}

/// Refuses outputs that would destroy something, before any work is done.
fn check_output(input: &Path, output: &Path, overwrite: bool) -> Result<()> {
    let shown = output.display();
    if is_same_file(input, output) {
        return Err(Error::usage(format!("'{shown}' is the input itself; name another output with -o")));
    }
    match fs::metadata(output) {
        Ok(found) if found.is_dir() => Err(Error::usage(format!("'{shown}' is a folder; name a file in it"))),
        Ok(_) if !overwrite => {
            Err(Error::usage(format!("'{shown}' exists; name another output, or add --overwrite to replace it")))
        }
        _ => Ok(()),
    }
}
