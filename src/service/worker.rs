//! The thread that does the jobs, one after another: films by their segments, stills by optimisation.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::house::House;
use super::job::{Kind, Outcome, Pace, Progress};
use super::store::Running;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::kernel::resize::Resizer;
use crate::segments::folder::Folder;
use crate::studio::film::{FilmEvent, FilmJob, FilmSettings};
use crate::studio::still::{KeepColors, StillEvent, StillJob, StillSettings};
use crate::style::paintings::Painting;
use crate::sync::lock;
use crate::sync::threads::panicked;
use crate::web::jpeg;

/// Frames of a segment: what a kill can cost, and how often a film can be sought in.
const SEGMENT: u64 = 96;
/// Steps of the optimiser between two states that are saved.
const SAVE_EVERY: u32 = 10;
/// How often the newest painting is shown.
const PREVIEW: Duration = Duration::from_secs(1);
/// Its width at most, in pixels, and its JPEG quality.
const PREVIEW_WIDTH: u32 = 960;
const PREVIEW_QUALITY: u8 = 80;
/// How often progress is told.
const TOLD: Duration = Duration::from_millis(250);

/// Does jobs until the store is closed.
pub fn run(house: &House) {
    while let Some(running) = house.store.next() {
        let warnings = Mutex::new(Vec::new());
        let work = Work { house, running: &running, warnings: &warnings, told: Mutex::default() };
        let done = catch_unwind(AssertUnwindSafe(|| work.run())).unwrap_or_else(|_| Err(panicked("job")));
        let done = done.map_err(|error| work.in_words(error));
        house.metrics.job(done.is_ok());
        let warnings = lock(&warnings).clone();
        house.store.ended(&running.journal.id, done, warnings);
    }
}

struct Work<'a> {
    house: &'a House,
    running: &'a Running,
    warnings: &'a Mutex<Vec<String>>,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    when: Option<Instant>,
    pace: Pace,
}

impl Work<'_> {
    fn run(&self) -> Result<Outcome> {
        let output = self.path(&self.running.journal.result());
        if output.is_file() {
            // The server was killed between the result and the journal.
            Folder::sweep(&output);
            return Ok(Outcome { bytes: length(&output), ..self.running.journal.outcome.clone().unwrap_or_default() });
        }
        match self.running.journal.kind {
            Kind::Film => self.film(&output),
            Kind::Paint => self.still(&output),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.running.folder.join(name)
    }

    fn styles(&self) -> Vec<PathBuf> {
        (0..self.running.journal.styles).map(|number| self.path(&format!("style-{number}"))).collect()
    }

    fn film(&self, output: &Path) -> Result<Outcome> {
        let Running { journal, stop, .. } = self.running;
        let paint = journal.wishes.settings(&self.styles())?;
        let settings = FilmSettings { paint, segment_frames: SEGMENT, ..FilmSettings::default() };
        let job = FilmJob { preview: Some(PREVIEW), ..FilmJob::new(self.path("input"), output) };
        let is_too_long = AtomicBool::new(false);
        let listen = |event: FilmEvent| match event {
            FilmEvent::Progress { frame, total, .. } => {
                self.house.metrics.film_frames.inc();
                self.tell(frame, total, None);
                if journal.most_frames.is_some_and(|most| frame > most) {
                    is_too_long.store(true, Ordering::Relaxed);
                    stop.request();
                }
            }
            FilmEvent::Picture(painting) => self.show(&painting),
            FilmEvent::Warning(warning) => self.warn(&warning.to_string()),
            FilmEvent::Ready | FilmEvent::Resumed { .. } | FilmEvent::Paused => {}
        };
        let done = self.house.studio.paint_film(&job, settings, stop, &listen);
        if is_too_long.load(Ordering::Relaxed) {
            return Err(Error::failed(too_long(&journal.name, "too long", self.house.limits.seconds)));
        }
        let done = done?;
        let (width, height) = done.size;
        Ok(Outcome { width, height, frames: done.frames, bytes: length(output) })
    }

    fn still(&self, output: &Path) -> Result<Outcome> {
        let Running { journal, stop, .. } = self.running;
        let wishes = &journal.wishes;
        let weights = wishes.weights(journal.styles)?;
        let styles = self.styles().into_iter().zip(weights);
        let styles = styles.map(|(path, weight)| Painting { path, weight }).collect();
        let usual = StillSettings::default();
        let settings = StillSettings {
            size: wishes.size.unwrap_or(usual.size),
            iterations: wishes.steps.unwrap_or(usual.iterations),
            style_scale: wishes.settings(&[]).map_or(1.0, |settings| settings.scale.factor()),
            keep_colors: wishes.keep_colors.then_some(KeepColors::Luminance),
            seed: wishes.seed.unwrap_or(usual.seed),
            ..usual
        };
        let job = StillJob {
            styles,
            save_every: Some(SAVE_EVERY),
            preview: true,
            ..StillJob::new(self.path("input"), self.path("style-0"), self.path(&format!("growing.{}", journal.ending)))
        };
        let job = StillJob { resume: job.state_path().is_file(), ..job };
        let mut shown: Option<Instant> = None;
        let mut steps = 0;
        let done = self.house.studio.paint_still(&job, &settings, stop, &mut |event| {
            match event {
                StillEvent::Progress { fraction, left, .. } => {
                    steps += 1;
                    self.tell(steps, None, Some((fraction, left)));
                }
                StillEvent::Picture(painting) if shown.is_none_or(|shown| shown.elapsed() >= PREVIEW) => {
                    shown = Some(Instant::now());
                    self.show(painting);
                }
                StillEvent::Warning(warning) | StillEvent::PictureWarning(_, warning) => {
                    self.warn(&warning.to_string());
                }
                _ => {}
            }
            Ok(())
        })?;
        // While it grows, it is no result.
        crate::whole::rename(&job.output, output).map_err(|error| Error::writing(output, &error))?;
        Ok(Outcome { width: done.width, height: done.height, frames: 1, bytes: length(output) })
    }

    /// Tells how far the job is, and gives way to what is urgent.
    fn tell(&self, done: u64, total: Option<u64>, estimate: Option<(f64, Duration)>) {
        let mut told = lock(&self.told);
        let fps = told.pace.add(done);
        if told.when.is_none_or(|when| when.elapsed() >= TOLD) || total == Some(done) {
            told.when = Some(Instant::now());
            let left = |total: u64| Some(total.saturating_sub(done) as f64 / fps?);
            let progress = Progress {
                fraction: match estimate {
                    Some((fraction, _)) => Some(fraction),
                    None => total.map(|total| (done as f64 / total.max(1) as f64).min(1.0)),
                },
                done,
                total,
                fps,
                seconds_left: estimate.map_or_else(|| total.and_then(left), |(_, left)| Some(left.as_secs_f64())),
                waiting: self.house.room.is_urgent(),
            };
            self.house.store.note(&self.running.journal.id, progress);
        }
        let waited = self.house.room.give_way(&self.running.stop);
        told.pace.pause(waited);
    }

    fn show(&self, painting: &Frame) {
        // A preview that cannot be made is not missed: the next one comes soon.
        if let Ok(bytes) = preview(painting) {
            self.house.store.show(&self.running.journal.id, bytes);
        }
    }

    fn warn(&self, words: &str) {
        let words = self.without_paths(words);
        let mut warnings = lock(self.warnings);
        if !warnings.contains(&words) {
            warnings.push(words);
        }
    }

    /// The error as the command line says it, about the file that the client knows.
    fn in_words(&self, error: Error) -> Error {
        let words = self.without_paths(&error.to_string());
        match error {
            Error::Interrupted(_) => Error::Interrupted(words),
            _ => Error::Failed(words),
        }
    }

    fn without_paths(&self, words: &str) -> String {
        without_paths(words, &self.running.folder, &self.running.journal.name)
    }
}

/// The sentence about the film `name`, whose length is more than `most` seconds.
pub fn too_long(name: &str, length: &str, most: f64) -> String {
    let minutes = most / 60.0;
    format!(
        "'{name}' is {length}: films may have {minutes:.0} minutes; cut it, or start the server with a higher --max-minutes"
    )
}

/// Puts the name that a client gave into a sentence about the file `input` in `folder`.
pub fn without_paths(words: &str, folder: &Path, name: &str) -> String {
    let input = folder.join("input").display().to_string();
    let folder = format!("{}/", folder.display());
    words.replace(&input, name).replace(&folder, "")
}

/// A frame as JPEG, small enough to be shown often.
///
/// # Errors
/// It has no pixels, or memory is short.
pub fn preview(frame: &Frame) -> Result<Bytes> {
    if frame.width <= PREVIEW_WIDTH {
        return jpeg::encode(frame, PREVIEW_QUALITY);
    }
    let height = (u64::from(frame.height) * u64::from(PREVIEW_WIDTH) / u64::from(frame.width)).max(1) as u32;
    let mut small = Frame::new(PREVIEW_WIDTH, height);
    Resizer::quick().resize(frame.image(), PREVIEW_WIDTH, height, &mut small.pixels)?;
    jpeg::encode(&small, PREVIEW_QUALITY)
}

fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |found| found.len())
}
