//! `impasto paint`: one still, by optimisation.

use std::time::Duration;

use serde::Serialize;

use crate::cli::{PaintArgs, SharedArgs};
use crate::command::summary::Summary;
use crate::error::Result;
use crate::report::{Progress, Report, counted, spoken};
use crate::sink::window::Window;
use crate::studio::Studio;
use crate::studio::still::{StillDone, StillEvent, StillJob, StillLoss};
use crate::style::paintings::show_paintings;
use crate::sync::Stop;

/// Paints the picture that `args` asks for.
///
/// # Errors
/// Those of [`Studio::paint_still`]; or the preview cannot be shown.
pub fn paint(args: &PaintArgs, shared: &SharedArgs, report: &Report) -> Result<()> {
    let (job, settings) = args.still()?;
    let studio = Studio::open(args.run.machine(shared))?;
    let stop = Stop::at_ctrl_c()?;
    let mut screen = Screen { preview: job.preview, report, bar: None, window: None };
    let done = studio.paint_still(&job, &settings, &stop, &mut |event| screen.show(event))?;
    drop(screen);
    let StillDone { width, height, .. } = done;
    let (time, steps) = (spoken(Duration::from_secs_f64(done.seconds)), counted(done.losses.len(), "step"));
    report.say(format!("{}: {width}x{height} in {time}, {steps}", job.output.display()));
    report.print_json(&PaintReport { job: summary(&job, &done, report), loss: &done.losses });
    Ok(())
}

/// What `--json` prints.
#[derive(Serialize)]
struct PaintReport<'a> {
    #[serde(flatten)]
    job: Summary<String>,
    /// One object a step.
    loss: &'a [StillLoss],
}

fn summary(job: &StillJob, done: &StillDone, report: &Report) -> Summary<String> {
    Summary {
        command: "paint",
        input: job.content.display().to_string(),
        output: job.output.display().to_string(),
        style: show_paintings(job.styles.iter().map(|style| (style.path.as_path(), style.weight))),
        device: done.device.to_string(),
        width: done.width,
        height: done.height,
        frames: 1,
        dropped: 0,
        seconds: done.seconds,
        fps: 1.0 / done.seconds.max(1e-9),
        inference_ms: done.step_ms,
        warnings: report.warnings(),
    }
}

/// What the user sees while the still is painted.
struct Screen<'a> {
    /// Whether to open a window.
    preview: bool,
    report: &'a Report,
    bar: Option<Progress>,
    /// Closing it only ends the preview.
    window: Option<Window>,
}

impl Screen<'_> {
    fn show(&mut self, event: StillEvent<'_>) -> Result<()> {
        match event {
            StillEvent::Note(words) => self.report.say(words),
            StillEvent::Warning(warning) => self.report.warn(warning),
            StillEvent::PictureWarning(name, warning) => self.report.warn(format_args!("{name}: {warning}")),
            StillEvent::Expectation { width, height, tile, scales, steps, memory, time } => {
                let tiles = tile.map_or_else(String::new, |side| format!(" in tiles of {side} pixels"));
                let time = match time {
                    Some(time) if time < Duration::from_secs(5) => " and a few seconds".to_owned(),
                    Some(time) => format!(" and {}", spoken(time)),
                    None => String::new(),
                };
                self.report.say(format!(
                    "painting {width}x{height}{tiles}: {} of up to {}, about {} MiB{time}",
                    counted(scales, "scale"),
                    counted(steps, "step"),
                    memory >> 20
                ));
                if self.preview {
                    self.window = Some(Window::open("impasto paint", width, height, "leave out --preview")?);
                }
                let bar = self.report.progress(Some(1), "steps");
                bar.set_fraction(0.0, "preparing the first step");
                self.bar = Some(bar);
            }
            StillEvent::Progress { scale, scales, step, steps, loss, fraction, left } => {
                let place = place((scale, scales), (step, steps));
                if let Some(bar) = &self.bar {
                    bar.set_fraction(fraction, &format!("{place}, {} left, loss {loss:.3}", spoken(left)));
                }
            }
            StillEvent::Picture(picture) => {
                self.window.as_mut().map_or(Ok(()), |window| window.show(picture.image()))?;
            }
            StillEvent::Idle => {
                self.window.as_mut().map_or(Ok(()), Window::poll)?;
                self.window.take_if(|window| !window.is_open());
            }
        }
        Ok(())
    }
}

/// `scale 1 of 2, step 40 of 150`
fn place((scale, scales): (usize, usize), (step, steps): (usize, usize)) -> String {
    let step = format!("step {step} of {steps}");
    if scales > 1 { format!("scale {scale} of {scales}, {step}") } else { step }
}
