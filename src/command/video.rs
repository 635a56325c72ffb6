//! `impasto video`: video files to painted video files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use serde::Serialize;

use super::device::say_device;
use super::queue::{self, Kind};
use super::summary::Summary;
use crate::cli::{Hdr, SharedArgs, VideoArgs};
use crate::error::{Error, Result};
use crate::frame::MaxPixels;
use crate::media::write::{Codec, Container, CopiedStreams};
use crate::report::{Progress, Report};
use crate::segments::folder::Folder;
use crate::statistics::Percentiles;
use crate::studio::film::{Done, FilmEvent, Films, Indexed, Plan};
use crate::studio::{Painter, Studio};
use crate::sync::pipe::is_pipe;
use crate::sync::{Stop, lock};
use crate::warning::Warning;

/// What looks like a video by its ending: text and pictures are videos to FFmpeg, too.
const VIDEOS: Kind = Kind {
    plural: "videos",
    is_one: queue::has_video_ending,
    instead: Some("name a folder that holds some, or the numbered pictures of one film as 'folder/%04d.png'"),
};

/// Runs the command: one video to a file, or several to a folder, where one that fails does not stop the others.
///
/// # Errors
/// Input, output, options or network do not work; or the job was interrupted, and complete segments are kept.
pub fn video(args: &VideoArgs, shared: &SharedArgs, report: &Report) -> Result<()> {
    if shared.json && queue::is_dash(&args.output) {
        return Err(Error::usage("standard output cannot take both the frames and --json; write to a file with -o"));
    }
    let inputs = queue::inputs(&args.inputs, &VIDEOS, report)?;
    let stop = Stop::at_ctrl_c()?;
    let studio = Studio::open(args.style.run.machine(shared))?;
    let mut films = Films::new(&studio, args.settings());
    let output = args.output.as_path();
    if args.segments.index {
        return index(args, &inputs.paths, &films, &stop, report);
    }
    if inputs.many || queue::ends_in_separator(output) {
        return several(args, inputs.paths, &studio, &mut films, &stop, report);
    }
    let input = match inputs.paths.first() {
        Some(Some(input)) => input.as_path(),
        _ => Path::new("-"),
    };
    if args.segments.plan {
        return plan(args, (input, output), &mut films, &stop, report);
    }
    let done = paint(args, (input, output), &studio, &mut films, (&stop, report), &|warning| report.warn(warning))?;
    say(input, output, &done, films.painter(), report);
    let named = input.display().to_string();
    report.print_json(&Video {
        job: summary(named, args, &[&done], done.seconds, films.painter(), report),
        resumed: done.resumed,
    });
    Ok(())
}

/// One video of several in the JSON summary.
#[derive(Serialize)]
struct Entry {
    input: String,
    output: String,
    /// `painted`, `there` (it was before), `failed` or `interrupted`.
    state: &'static str,
    error: Option<String>,
    width: u32,
    height: u32,
    frames: u64,
    resumed: u64,
    seconds: f64,
    /// What is lost or wrong.
    warnings: Vec<String>,
}

/// What `--json` prints of one video.
#[derive(Serialize)]
struct Video {
    #[serde(flatten)]
    job: Summary<String>,
    resumed: u64,
}

/// What it prints of several.
#[derive(Serialize)]
struct Videos {
    #[serde(flatten)]
    job: Summary<Vec<String>>,
    resumed: u64,
    videos: Vec<Entry>,
}

/// Paints one video, and tells how it goes; `warn` hears what is lost or wrong.
fn paint(
    args: &VideoArgs,
    (input, output): (&Path, &Path),
    studio: &Studio,
    films: &mut Films<'_>,
    (stop, report): (&Stop, &Report),
    warn: &(dyn Fn(Warning) + Sync),
) -> Result<Done> {
    let bar: Mutex<Option<Progress>> = Mutex::default();
    let listen = |event| match event {
        FilmEvent::Ready => say_device(studio, report),
        FilmEvent::Resumed { frame, total } => {
            let of = total.map_or_else(String::new, |total| format!(" of about {total}"));
            let output = output.display();
            report.say(format!("resuming '{output}' at frame {frame}{of}; add --restart to start over"));
        }
        FilmEvent::Warning(warning) => warn(warning),
        FilmEvent::Progress { frame, total, inference_share } => {
            let mut bar = lock(&bar);
            let bar = bar.get_or_insert_with(|| {
                let bar = report.progress(total, "frames");
                bar.resume(frame.saturating_sub(1));
                bar
            });
            bar.set(frame, format!("network busy {:.0} %", inference_share * 100.0));
        }
        FilmEvent::Picture(_) => {}
        FilmEvent::Paused => *lock(&bar) = None,
    };
    films.paint(&args.job(input, output), stop, &listen)
}

/// What `--plan` prints.
#[derive(Serialize)]
struct Planned {
    job: String,
    facts: BTreeMap<String, String>,
    width: u32,
    height: u32,
    frames: Option<u64>,
    exact: bool,
    segment_frames: u64,
    segments: Option<u64>,
}

/// Prints what would be painted and how.
fn plan(
    args: &VideoArgs,
    (input, output): (&Path, &Path),
    films: &mut Films<'_>,
    stop: &Stop,
    report: &Report,
) -> Result<()> {
    let listen = |event| {
        if let FilmEvent::Warning(warning) = event {
            report.warn(warning);
        }
    };
    let Plan { job, facts, size: (width, height), frames, exact, segment_frames } =
        films.plan(&args.job(input, output), stop, &listen)?;
    let segments = frames.map(|frames| frames.div_ceil(segment_frames));
    let planned = Planned { job, facts, width, height, frames, exact, segment_frames, segments };
    report.print_object(&planned);
    Ok(())
}

/// What `--index --json` prints.
#[derive(Serialize)]
struct Indexes {
    indexes: Vec<IndexedVideo>,
}

/// What it prints of each video.
#[derive(Serialize)]
struct IndexedVideo {
    input: String,
    output: String,
    frames: u64,
    seconds: f64,
}

/// Writes the index of each video.
fn index(args: &VideoArgs, inputs: &[Option<PathBuf>], films: &Films<'_>, stop: &Stop, report: &Report) -> Result<()> {
    let output = Some(args.output.as_path()).filter(|output| *output != Path::new("."));
    if output.is_some() && inputs.len() > 1 {
        return Err(Error::usage("-o names the index of one video; omit it to write each beside its video"));
    }
    let mut indexes = Vec::new();
    for input in inputs.iter().map(|input| input.as_deref().unwrap_or(Path::new("-"))) {
        let (start, bar) = (Instant::now(), Mutex::new(None::<Progress>));
        let listen = |event| match event {
            FilmEvent::Progress { frame, total, .. } => {
                let mut bar = lock(&bar);
                bar.get_or_insert_with(|| report.progress(total, "frames")).set(frame, "indexed".to_owned());
            }
            FilmEvent::Paused => *lock(&bar) = None,
            _ => {}
        };
        let Indexed { written, frames } = films.index(input, output, stop, &listen)?;
        let (seconds, input, output) =
            (start.elapsed().as_secs_f64(), input.display().to_string(), written.display().to_string());
        report.say(format!("{output}: {frames} frames in {seconds:.1} s"));
        indexes.push(IndexedVideo { input, output, frames, seconds });
    }
    report.print_json(&Indexes { indexes });
    Ok(())
}

/// Paints one video after the other into a folder.
fn several(
    args: &VideoArgs,
    inputs: Vec<Option<PathBuf>>,
    studio: &Studio,
    films: &mut Films<'_>,
    stop: &Stop,
    report: &Report,
) -> Result<()> {
    let start = Instant::now();
    let names_file = |path: &Path| Container::of(path).is_ok();
    let jobs = queue::into_folder(&args.output, inputs, &VIDEOS, names_file, |input| {
        output_name(input, args, studio.machine().max_pixels)
    })?;
    let (inputs, outputs) = (jobs.iter().map(|job| job.0.as_path()), jobs.iter().map(|job| job.1.as_path()));
    queue::refuse_overwriting_inputs(inputs, outputs)?;
    let (mut entries, mut all, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    let mut interrupted = None;
    for (number, (input, output)) in jobs.iter().enumerate() {
        let mut entry = Entry {
            input: input.display().to_string(),
            output: output.display().to_string(),
            state: "there",
            error: None,
            width: 0,
            height: 0,
            frames: 0,
            resumed: 0,
            seconds: 0.0,
            warnings: Vec::new(),
        };
        if stop.requested() {
            interrupted.get_or_insert_with(|| Error::Interrupted("interrupted".into()));
            break;
        }
        if output.is_file() && !args.overwrite {
            report.say(format!("'{}' exists already, skipped; add --overwrite to paint it again", output.display()));
            entries.push(entry);
            continue;
        }
        report.say(format!("{} of {}: '{}'", number + 1, jobs.len(), input.display()));
        let warnings: Mutex<Vec<String>> = Mutex::default();
        let warn = |warning: Warning| {
            let (words, name) = (warning.to_string(), format!("'{}'", input.display()));
            let mut warnings = lock(&warnings);
            if !warnings.contains(&words) {
                report.warn(if words.contains(&name) { words.clone() } else { format!("{name}: {words}") });
                warnings.push(words);
            }
        };
        let painted = paint(args, (input, output), studio, films, (stop, report), &warn);
        entry.warnings = std::mem::take(&mut *lock(&warnings));
        match painted {
            Ok(done) => {
                say(input, output, &done, films.painter(), report);
                (entry.width, entry.height) = done.size;
                entry.state = "painted";
                (entry.frames, entry.resumed, entry.seconds) = (done.frames, done.resumed, done.seconds);
                all.push(done);
            }
            Err(Error::Interrupted(reason)) => {
                (entry.state, entry.error) = ("interrupted", Some(reason.clone()));
                interrupted = Some(Error::Interrupted(reason));
            }
            Err(error) => {
                if jobs.len() > 1 {
                    report.warn(&error);
                }
                (entry.state, entry.error) = ("failed", Some(error.to_string()));
                failures.push(error);
            }
        }
        entries.push(entry);
    }
    let count = |state| entries.iter().filter(|entry| entry.state == state).count();
    let (painted, there, failed, total) = (count("painted"), count("there"), count("failed"), jobs.len());
    let words = format!("{painted} of {total} videos painted, {there} skipped, {failed} failed");
    report.say(&words);
    let dones: Vec<&Done> = all.iter().collect();
    let names = args.inputs.iter().map(|path| path.display().to_string()).collect();
    let job = summary(names, args, &dones, start.elapsed().as_secs_f64(), films.painter(), report);
    report.print_json(&Videos { job, resumed: all.iter().map(|done| done.resumed).sum(), videos: entries });
    if let Some(Error::Interrupted(reason)) = interrupted {
        return Err(Error::Interrupted(format!("{reason} ({words})")));
    }
    queue::conclude(failures, total, VIDEOS.plural, report)
}

/// The input's name; with `.mkv` where the container of its own ending does not take the codec, or loses streams that
/// Matroska keeps.
fn output_name(input: &Path, args: &VideoArgs, most: MaxPixels) -> PathBuf {
    let name = Path::new(input.file_name().unwrap_or_default());
    let own = Container::of(name)
        .ok()
        .filter(|&container| Codec::choose(args.codec, container, args.hdr == Hdr::Keep).is_ok());
    // A file that cannot be read fails when its turn comes.
    let losses = |container| {
        // What comes through a pipe shows only when it is read.
        let lost = (!is_pipe(input)).then(|| CopiedStreams::losses(input, most, container));
        lost.and_then(Result::ok).map_or(0, |lost| lost.len())
    };
    let fits = own.is_some_and(|own| match losses(own) {
        0 => true,
        lost => Container::named("mkv").is_none_or(|matroska| losses(matroska) >= lost),
    });
    if fits { name.to_owned() } else { name.with_extension("mkv") }
}

/// Says what was done.
fn say(input: &Path, output: &Path, done: &Done, painter: Option<&Painter>, report: &Report) {
    let ((width, height), frames, seconds) = (done.size, done.frames, done.seconds);
    let Some(written) = &done.written else {
        let folder = Folder::beside(output);
        let input = input.display();
        report.say(format!(
            "{}: segments of '{input}' painted in {seconds:.1} s; run with --join to join them",
            folder.display()
        ));
        return;
    };
    let written = written.display();
    let how = painter.map_or_else(
        || "joined".to_owned(),
        |painter| format!("({:.1} fps), {} on {}", done.fps(), painter.style(), painter.device()),
    );
    report.say(format!("{written}: {frames} frames of {width}x{height} in {seconds:.1} s {how}"));
}

fn summary<Input>(
    input: Input,
    args: &VideoArgs,
    all: &[&Done],
    seconds: f64,
    painter: Option<&Painter>,
    report: &Report,
) -> Summary<Input> {
    let (width, height) = all.last().map_or((0, 0), |done| done.size);
    let painted: u64 = all.iter().map(|done| done.painted()).sum();
    let written = all.first().and_then(|done| done.written.as_ref()).filter(|_| all.len() == 1);
    let longest = all.iter().max_by_key(|done| done.painted());
    Summary {
        command: "video",
        input,
        output: written.unwrap_or(&args.output).display().to_string(),
        style: painter.map_or_else(String::new, |painter| painter.style().to_owned()),
        device: painter.map_or_else(String::new, |painter| painter.device().to_string()),
        width,
        height,
        frames: all.iter().map(|done| done.frames).sum(),
        dropped: 0,
        seconds,
        fps: painted as f64 / seconds.max(1e-9),
        inference_ms: longest.map_or_else(Percentiles::default, |done| done.inference_ms),
        warnings: report.warnings(),
    }
}
