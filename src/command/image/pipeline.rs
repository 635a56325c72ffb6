//! Pictures through three threads, in order: while one is painted, the next is decoded and the last encoded.
//!
//! ```text
//! decode ──Decoded──▶ stylize ──Finished──▶ encode
//! ```
//!
//! The channels hold nothing: each thread has one picture in hand, so at most three are in memory.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use serde::Serialize;

use super::plan::Job;
use crate::error::{Error, Result};
use crate::frame::{Frame, MaxPixels};
use crate::picture::read as source;
use crate::picture::write as sink;
use crate::picture::{Format, Picture};
use crate::report::{self, Report};
use crate::statistics::Histogram;
use crate::stylize::Stylizer;
use crate::sync::Stop;
use crate::sync::threads::spawn_scoped;

/// What became of the jobs.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Those that were written, in order.
    pub pictures: Vec<Painted>,
    /// Why others were not, in order.
    pub failures: Vec<Error>,
    /// Times to paint one picture.
    pub inference: Histogram,
}

/// What holds for all pictures.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// Of JPEGs, 1 to 100.
    pub quality: u8,
    /// The most pixels of an input.
    pub max_pixels: MaxPixels,
}

/// A picture that was written.
#[derive(Debug, Serialize)]
pub struct Painted {
    /// The file, or `-`.
    pub input: String,
    /// The file, or `-`.
    pub output: String,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// To decode, paint and encode it, without waiting in between.
    pub seconds: f64,
}

/// A picture on its way from the decoder. Failures go the same way, to be told in order.
struct Decoded<'a> {
    job: &'a Job,
    picture: Result<Picture>,
    /// Time spent on it so far.
    spent: Duration,
}

/// A picture on its way from the painter; its frame is the painting.
struct Finished<'a> {
    decoded: Decoded<'a>,
    /// Time to paint it.
    inference: Duration,
}

/// Paints `jobs` one after another until they are done or `stop` is requested, with a progress bar.
///
/// # Errors
/// A thread could not be started; what happens to single pictures is in the outcome.
pub fn run(jobs: &[Job], stylizer: &mut Stylizer, how: How, stop: &Stop, report: &Report) -> Result<Outcome> {
    let (give_decoded, decoded) = bounded(0);
    let (give_finished, finished) = bounded(0);
    thread::scope(|scope| {
        spawn_scoped(scope, "decode", move || decode(jobs, how.max_pixels, &give_decoded, stop))?;
        spawn_scoped(scope, "stylize", move || paint(stylizer, &decoded, &give_finished))?;
        // The encoder is this thread: it owns the words and the bar.
        Ok(encode(jobs.len(), &finished, how.quality, report))
    })
}

fn decode<'a>(jobs: &'a [Job], most: MaxPixels, decoded: &Sender<Decoded<'a>>, stop: &Stop) {
    for job in jobs.iter().take_while(|_| !stop.requested()) {
        let start = Instant::now();
        let load = || match &job.input {
            Some(path) => source::load(path, most),
            None => source::load_standard_input(most),
        };
        let picture = guarded(job, load);
        if decoded.send(Decoded { job, picture, spent: start.elapsed() }).is_err() {
            break;
        }
    }
}

fn paint<'a>(stylizer: &mut Stylizer, decoded: &Receiver<Decoded<'a>>, finished: &Sender<Finished<'a>>) {
    for mut decoded in decoded {
        let start = Instant::now();
        let painting = decoded.picture.and_then(|mut picture| {
            let mut painting = Frame::default();
            let name = decoded.job.name();
            guarded(decoded.job, || stylizer.stylize(&picture.frame, &mut painting))
                .map_err(|error| Error::failed(format!("cannot paint {name}: {error}")))?;
            picture.frame = painting;
            Ok(picture)
        });
        decoded.picture = painting;
        let inference = start.elapsed();
        decoded.spent += inference;
        if finished.send(Finished { decoded, inference }).is_err() {
            break;
        }
    }
}

fn encode(total: usize, finished: &Receiver<Finished<'_>>, quality: u8, report: &Report) -> Outcome {
    let bar = report.progress(Some(total as u64), "pictures");
    let mut outcome = Outcome::default();
    let mut said = HashSet::new();
    for (done, Finished { decoded, inference }) in (1..).zip(finished) {
        let Decoded { job, picture, spent } = decoded;
        let start = Instant::now();
        // Many pictures of one camera have one thing to say.
        let mut say = |warning: bool, clause: String| {
            if said.insert(clause.clone()) {
                let words = format!("{}: {clause}", job.name());
                if warning { report.warn(words) } else { report.say(words) }
            }
        };
        let written = picture.and_then(|picture| {
            guarded(job, || write(job, &picture, quality, &mut say))?;
            Ok((picture.frame.width, picture.frame.height))
        });
        match written {
            Ok((width, height)) => {
                let name = |path: Option<&Path>| path.map_or_else(|| "-".into(), |path| path.display().to_string());
                let (input, output) = (name(job.input.as_deref()), name(job.output.as_deref()));
                let seconds = (spent + start.elapsed()).as_secs_f64();
                outcome.inference.add(inference);
                outcome.pictures.push(Painted { input, output, width, height, seconds });
            }
            Err(error) => {
                if total > 1 {
                    report.warn(error.to_string());
                }
                outcome.failures.push(error);
            }
        }
        bar.set(done, job.name());
    }
    outcome
}

fn write(job: &Job, picture: &Picture, quality: u8, say: &mut dyn FnMut(bool, String)) -> Result<()> {
    let format = job.format.or(picture.format).unwrap_or(Format::Png);
    let encoded = sink::encode(picture, format, quality)
        .map_err(|error| Error::failed(format!("cannot write {}'s painting: {error}", job.name())))?;
    let clauses = |words: &[String], warning| words.iter().map(move |clause| (warning, clause.clone())).collect();
    let all: [Vec<_>; 4] = [
        clauses(&picture.notes, false),
        clauses(&picture.warnings, true),
        clauses(&encoded.notes, false),
        clauses(&encoded.warnings, true),
    ];
    all.into_iter().flatten().for_each(|(warning, clause)| say(warning, clause));
    match &job.output {
        Some(path) => sink::write(path, &encoded.bytes),
        None => {
            report::write_bytes(&encoded.bytes).map_err(|error| Error::writing(Path::new("standard output"), &error))
        }
    }
}

/// Keeps a panic in a decoder or encoder, which work on bytes from anywhere, to the one picture.
fn guarded<T>(job: &Job, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let name = job.name();
        Err(Error::failed(format!("{name} made impasto panic; please report this as a bug, with the picture")))
    })
}
