//! Paints picture files in three threads, in order: while one is painted, the next is decoded and the last is encoded.
//!
//! ```text
//! decode ──Decoded──▶ stylize ──Finished──▶ encode
//! ```
//!
//! The channels have no capacity: each thread holds one picture, so at most three are in memory.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::frame::{Frame, MaxPixels};
use crate::kernel::grain::Field;
use crate::picture::{Format, Picture, read, write};
use crate::statistics::{Histogram, Percentiles};
use crate::studio::{Painter, Studio};
use crate::stylize::Stylizer;
use crate::sync::Stop;
use crate::sync::pipe::is_pipe;
use crate::sync::threads::spawn_scoped;
use crate::warning::Warning;

/// The result of [`Studio::paint_pictures`].
#[derive(Debug, Default)]
pub struct Outcome {
    /// The pictures that were written, in order.
    pub pictures: Vec<Painted>,
    /// Why the other pictures failed, in order.
    pub failures: Vec<Error>,
    /// Distribution of the times to paint one picture.
    inference: Histogram,
}

impl Outcome {
    /// Time to paint one picture, in milliseconds.
    pub fn inference_ms(&self) -> Percentiles {
        self.inference.percentiles()
    }
}

/// One picture to paint, from an input file to an output file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureJob {
    /// The input file; standard input if `None`.
    pub input: Option<PathBuf>,
    /// The output file; if `None`, [`PictureEvent::Encoded`] delivers the encoded bytes.
    pub output: Option<PathBuf>,
    /// The format to write; that of the input if `None`, or PNG if impasto cannot write it.
    pub format: Option<Format>,
}

impl PictureJob {
    /// The name of the input, for messages.
    pub fn name(&self) -> String {
        self.input.as_ref().map_or_else(|| "standard input".into(), |path| format!("'{}'", path.display()))
    }

    /// The format that `picture` is written in.
    fn written_as(&self, picture: &Picture) -> Format {
        self.format.or(picture.format).unwrap_or(Format::Png)
    }

    /// The error for a painting that its format does not take.
    fn unwritable(&self, error: &Error) -> Error {
        Error::failed(format!("cannot write the painting of {}: {error}", self.name()))
    }
}

/// Reports on pictures while they are painted, on the calling thread.
#[derive(Debug)]
pub enum PictureEvent<'a> {
    /// Information about a picture, as a sentence.
    Note(String),
    /// A warning about the picture of this name.
    Warning(String, Warning),
    /// One of several pictures failed; the others are still painted.
    Failed(&'a Error),
    /// The encoded bytes of a picture that has no output file.
    Encoded(&'a [u8]),
    /// Number of pictures that are done, failed ones included, and the name of the last one.
    Progress(u64, String),
}

/// Receives reports on pictures. If it returns an error, the picture fails.
pub type PictureListener<'a> = &'a mut dyn FnMut(PictureEvent<'_>) -> Result<()>;

/// How to paint and encode pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PictureSettings {
    /// JPEG quality, 1 to 100.
    pub quality: u8,
    /// Paint in tiles if the network sees more than this many megapixels and supports it (0: never).
    pub tile_above: f64,
}

impl Default for PictureSettings {
    fn default() -> Self {
        Self { quality: 92, tile_above: 2.0 }
    }
}

/// A picture that was written.
#[derive(Debug, Serialize)]
pub struct Painted {
    /// The input file; `-` for standard input.
    pub input: String,
    /// The output file; `-` if there is none.
    pub output: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Time to decode, paint and encode it, without waiting, in seconds.
    pub seconds: f64,
}

/// A picture on its way from the decoder. Failures are sent the same way, so that they are reported in order.
struct Decoded<'a> {
    job: &'a PictureJob,
    picture: Result<Picture>,
    /// Time spent on the picture so far.
    spent: Duration,
}

/// A picture on its way to the encoder; its frame is the painting.
struct Finished<'a> {
    decoded: Decoded<'a>,
    /// Time to paint it.
    inference: Duration,
}

impl Studio {
    /// Paints pictures in order until all are done or `stop` is requested. A picture that fails does not stop the others; its
    /// error is in the [`Outcome`].
    ///
    /// # Errors
    /// The network cannot be opened, or a thread cannot be started.
    pub fn paint_pictures(
        &self,
        painter: &Painter,
        jobs: &[PictureJob],
        settings: PictureSettings,
        stop: &Stop,
        listen: PictureListener<'_>,
    ) -> Result<Outcome> {
        let (mut stylizer, field) = (painter.all_cores(settings.tile_above)?, painter.field());
        let max_pixels = self.machine().max_pixels;
        let (give_decoded, decoded) = bounded(0);
        let (give_finished, finished) = bounded(0);
        thread::scope(|scope| {
            spawn_scoped(scope, "decode", move || decode(jobs, max_pixels, &give_decoded, stop))?;
            let stylizer = &mut stylizer;
            spawn_scoped(scope, "stylize", move || paint(stylizer, field, &decoded, &give_finished))?;
            // Encode on this thread, since `listen` must be called on it.
            Ok(encode(jobs.len(), &finished, settings.quality, listen))
        })
    }
}

fn decode<'a>(jobs: &'a [PictureJob], most: MaxPixels, decoded: &Sender<Decoded<'a>>, stop: &Stop) {
    for job in jobs.iter().take_while(|_| !stop.requested()) {
        let start = Instant::now();
        let path = job.input.as_deref().unwrap_or(Path::new("-"));
        let load = || if is_pipe(path) { read::load_pipe(path, most, stop) } else { read::load(path, most) };
        let picture = guarded(job, load);
        if matches!(picture, Err(Error::Interrupted(_))) {
            break;
        }
        if decoded.send(Decoded { job, picture, spent: start.elapsed() }).is_err() {
            break;
        }
    }
}

fn paint<'a>(
    stylizer: &mut Stylizer,
    field: &Arc<Field>,
    decoded: &Receiver<Decoded<'a>>,
    finished: &Sender<Finished<'a>>,
) {
    for mut decoded in decoded {
        let start = Instant::now();
        let painting = decoded.picture.and_then(|mut picture| {
            let mut painting = Frame::default();
            let name = decoded.job.name();
            write::check_size(decoded.job.written_as(&picture), picture.frame.width, picture.frame.height)
                .map_err(|error| decoded.job.unwritable(&error))?;
            let grain = stylizer.still_grain(field, picture.frame.size());
            guarded(decoded.job, || stylizer.stylize(&picture.frame, &grain, &mut painting))
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

fn encode(total: usize, finished: &Receiver<Finished<'_>>, quality: u8, listen: PictureListener<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut reported = HashSet::new();
    for (done, Finished { decoded, inference }) in (1..).zip(finished) {
        let Decoded { job, picture, spent } = decoded;
        let start = Instant::now();
        let written = picture.and_then(|picture| {
            guarded(job, || save(job, &picture, quality, &mut reported, listen))?;
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
                    // The outcome has the error, so a failing listener does not matter.
                    let _ = listen(PictureEvent::Failed(&error));
                }
                outcome.failures.push(error);
            }
        }
        let _ = listen(PictureEvent::Progress(done, job.name()));
    }
    outcome
}

/// Encodes and writes a picture, and reports notes and warnings. `reported` keeps a text that holds for many pictures from being
/// repeated; damage is always reported.
fn save(
    job: &PictureJob,
    picture: &Picture,
    quality: u8,
    reported: &mut HashSet<String>,
    listen: PictureListener<'_>,
) -> Result<()> {
    let encoded = write::encode(picture, job.written_as(picture), quality).map_err(|error| job.unwritable(&error))?;
    for note in picture.notes.iter().chain(&encoded.notes) {
        if reported.insert(note.clone()) {
            listen(PictureEvent::Note(format!("{}: {note}", job.name())))?;
        }
    }
    for warning in picture.warnings.iter().chain(&encoded.warnings) {
        let is_damage = matches!(warning, Warning::DamagedJpeg { .. });
        if reported.insert(warning.to_string()) || is_damage {
            listen(PictureEvent::Warning(job.name(), warning.clone()))?;
        }
    }
    match &job.output {
        Some(path) => write::write(path, &encoded.bytes),
        None => listen(PictureEvent::Encoded(&encoded.bytes)),
    }
}

/// Turns a panic in a decoder or encoder, which handle untrusted bytes, into a failure of this picture only.
fn guarded<T>(job: &PictureJob, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let name = job.name();
        Err(Error::failed(format!("{name} made impasto panic; please report this as a bug, with the picture")))
    })
}
