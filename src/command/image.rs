//! `impasto image`: photos in, paintings out.

mod plan;

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use crate::cli::{ImageArgs, SharedArgs};
use crate::command::device::say_device;
use crate::command::queue;
use crate::command::summary::Summary;
use crate::error::{Error, Result};
use crate::report::{self, Report, counted};
use crate::studio::pictures::{Outcome, Painted, PictureEvent, PictureSettings};
use crate::studio::{Painter, Studio};
use crate::sync::Stop;

/// Paints the pictures that `args` names. One that fails does not stop the others.
///
/// # Errors
/// The inputs and outputs do not fit together, no network runs, or at least one picture failed.
pub fn image(args: &ImageArgs, shared: &SharedArgs, report: &Report) -> Result<()> {
    let jobs = plan::plan(args, shared.json, report)?;
    let studio = Studio::open(args.style.run.machine(shared))?;
    let painter = studio.painter(&args.style.settings())?;
    say_device(&studio, report);
    let start = Instant::now();
    let stop = Stop::at_ctrl_c()?;
    let bar = report.progress(Some(jobs.len() as u64), "pictures");
    let mut listen = |event: PictureEvent<'_>| {
        match event {
            PictureEvent::Note(words) => report.say(words),
            PictureEvent::Warning(name, warning) => report.warn(format_args!("{name}: {warning}")),
            PictureEvent::Failed(error) => report.warn(error),
            PictureEvent::Progress(done, name) => bar.set(done, name),
            PictureEvent::Encoded(bytes) => {
                return report::write_bytes(bytes)
                    .map_err(|error| Error::writing(Path::new("standard output"), &error));
            }
        }
        Ok(())
    };
    let settings = PictureSettings { quality: args.quality, tile_above: args.tile_above };
    let outcome = studio.paint_pictures(&painter, &jobs, settings, &stop, &mut listen)?;
    drop(bar);
    if !outcome.pictures.is_empty() || jobs.is_empty() {
        report.print_json(&summary(args, &painter, &outcome, start, report));
        report.say(done_words(&outcome, args, &painter, start));
    }
    conclude(outcome, jobs.len(), &stop, report)
}

/// `painting.jpg: 640x360 in 0.3 s, scream on cpu`; of several, how many went where.
fn done_words(outcome: &Outcome, args: &ImageArgs, painter: &Painter, start: Instant) -> String {
    let how = format!("in {:.1} s, {} on {}", start.elapsed().as_secs_f64(), painter.style(), painter.device());
    match outcome.pictures.as_slice() {
        [only] => format!("{}: {}x{} {how}", only.output, only.width, only.height),
        several => format!("{}: {} {how}", args.output.display(), counted(several.len(), "picture")),
    }
}

/// The error that the whole job ends with, if any.
fn conclude(outcome: Outcome, jobs: usize, stop: &Stop, report: &Report) -> Result<()> {
    let done = outcome.pictures.len();
    let failed = outcome.failures.len();
    if stop.requested() && done + failed < jobs {
        return Err(Error::Interrupted(format!("interrupted; {done} of {jobs} pictures are painted and kept")));
    }
    queue::conclude(outcome.failures, jobs, "pictures", report)
}

/// What `--json` prints.
#[derive(Serialize)]
struct Pictures<'a> {
    #[serde(flatten)]
    job: Summary<Vec<String>>,
    pictures: &'a [Painted],
}

fn summary<'a>(
    args: &ImageArgs,
    painter: &Painter,
    outcome: &'a Outcome,
    start: Instant,
    report: &Report,
) -> Pictures<'a> {
    let seconds = start.elapsed().as_secs_f64();
    let frames = outcome.pictures.len() as u64;
    let (width, height) = outcome.pictures.last().map_or((0, 0), |last| (last.width, last.height));
    let job = Summary {
        command: "image",
        input: args.inputs.iter().map(|path| path.display().to_string()).collect(),
        output: args.output.display().to_string(),
        style: painter.style().to_owned(),
        device: painter.device().to_string(),
        width,
        height,
        frames,
        dropped: 0,
        seconds,
        fps: frames as f64 / seconds.max(1e-9),
        inference_ms: outcome.inference_ms(),
        warnings: report.warnings(),
    };
    Pictures { job, pictures: &outcome.pictures }
}
