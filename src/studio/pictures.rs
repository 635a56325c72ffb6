//! Pictures through three threads, in order: while one is painted, the next is decoded and the last encoded.
//!
//! ```text
//! decode ──Decoded──▶ stylize ──Finished──▶ encode
//! ```
//!
//! The channels hold nothing: each thread has one picture in hand, so at most three are in memory.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::frame::{Frame, MaxPixels};
use crate::picture::{Format, Picture, read, write};
use crate::statistics::Histogram;
use crate::studio::{Painter, Studio};
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

/// One picture to paint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureJob {
    /// The file; standard input if none.
    pub input: Option<PathBuf>,
    /// The file; if none, the encoded bytes go to [`PictureEvent::Encoded`].
    pub output: Option<PathBuf>,
    /// The format to write; the picture's own if none.
    pub format: Option<Format>,
}

impl PictureJob {
    /// What messages call its input.
    pub fn name(&self) -> String {
        self.input.as_ref().map_or_else(|| "standard input".into(), |path| format!("'{}'", path.display()))
    }
}

/// What is heard of the pictures while they are painted, on the calling thread.
#[derive(Debug)]
pub enum PictureEvent<'a> {
    /// Something about a picture that is good to know, as a sentence.
    Note(String),
    /// Something that was lost, as a sentence.
    Warning(String),
    /// The bytes of a picture that goes to no file.
    Encoded(&'a [u8]),
    /// So many pictures are done; the last one's name.
    Progress(u64, String),
}

/// Hears of the pictures; an error of its own fails the picture.
pub type Listen<'a> = &'a mut dyn FnMut(PictureEvent<'_>) -> Result<()>;

/// What holds for all pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PictureSettings {
    /// Of JPEGs, 1 to 100.
    pub quality: u8,
    /// Paint in tiles above this many megapixels, where the network can; 0 never.
    pub tile_above: f64,
}

impl Default for PictureSettings {
    fn default() -> Self {
        Self { quality: 92, tile_above: 8.0 }
    }
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
    job: &'a PictureJob,
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

impl Studio {
    /// Paints pictures one after another until they are done or `stop` is requested. One that fails does not stop the
    /// others.
    ///
    /// # Errors
    /// The network cannot be opened, or a thread cannot be started; what happens to single pictures is in the outcome.
    pub fn paint_pictures(
        &self,
        painter: &Painter,
        jobs: &[PictureJob],
        settings: PictureSettings,
        stop: &Stop,
        listen: Listen<'_>,
    ) -> Result<Outcome> {
        let mut stylizer = painter.whole_machine(settings.tile_above)?;
        let max_pixels = self.machine().max_pixels;
        let (give_decoded, decoded) = bounded(0);
        let (give_finished, finished) = bounded(0);
        thread::scope(|scope| {
            spawn_scoped(scope, "decode", move || decode(jobs, max_pixels, &give_decoded, stop))?;
            let stylizer = &mut stylizer;
            spawn_scoped(scope, "stylize", move || paint(stylizer, &decoded, &give_finished))?;
            // The encoder is this thread: the one that listens.
            Ok(encode(jobs.len(), &finished, settings.quality, listen))
        })
    }
}

fn decode<'a>(jobs: &'a [PictureJob], most: MaxPixels, decoded: &Sender<Decoded<'a>>, stop: &Stop) {
    for job in jobs.iter().take_while(|_| !stop.requested()) {
        let start = Instant::now();
        let load = || match &job.input {
            Some(path) => read::load(path, most),
            None => read::load_standard_input(most),
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

fn encode(total: usize, finished: &Receiver<Finished<'_>>, quality: u8, listen: Listen<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut said = HashSet::new();
    for (done, Finished { decoded, inference }) in (1..).zip(finished) {
        let Decoded { job, picture, spent } = decoded;
        let start = Instant::now();
        let written = picture.and_then(|picture| {
            guarded(job, || save(job, &picture, quality, &mut said, listen))?;
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
                    // The failure itself is kept in the outcome, whoever listens.
                    let _ = listen(PictureEvent::Warning(error.to_string()));
                }
                outcome.failures.push(error);
            }
        }
        let _ = listen(PictureEvent::Progress(done, job.name()));
    }
    outcome
}

/// Encodes and writes a picture, and tells what it lost; what many pictures of one camera have in common is `said` once.
fn save(
    job: &PictureJob,
    picture: &Picture,
    quality: u8,
    said: &mut HashSet<String>,
    listen: Listen<'_>,
) -> Result<()> {
    let format = job.format.or(picture.format).unwrap_or(Format::Png);
    let encoded = write::encode(picture, format, quality)
        .map_err(|error| Error::failed(format!("cannot write {}'s painting: {error}", job.name())))?;
    let notes = picture.notes.iter().chain(&encoded.notes).map(|clause| (false, clause));
    let warnings = picture.warnings.iter().chain(&encoded.warnings).map(|clause| (true, clause));
    for (is_warning, clause) in notes.chain(warnings) {
        if said.insert(clause.clone()) {
            let words = format!("{}: {clause}", job.name());
            listen(if is_warning { PictureEvent::Warning(words) } else { PictureEvent::Note(words) })?;
        }
    }
    match &job.output {
        Some(path) => write::write(path, &encoded.bytes),
        None => listen(PictureEvent::Encoded(&encoded.bytes)),
    }
}

/// Keeps a panic in a decoder or encoder, which work on bytes from anywhere, to the one picture.
fn guarded<T>(job: &PictureJob, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let name = job.name();
        Err(Error::failed(format!("{name} made impasto panic; please report this as a bug, with the picture")))
    })
}
