//! `impasto paint`: one still, by optimisation.

mod estimate;
mod plan;
mod watch;

use std::time::Instant;

use serde::Serialize;

use crate::cli::{PaintArgs, SharedArgs};
use crate::command::summary::Summary;
use crate::error::{Error, Result};
use crate::network::library;
use crate::network::provider::Device;
use crate::network::vgg19::{Losses, Vgg19};
use crate::picture::write as sink;
use crate::report::{Report, counted, spoken};
use crate::studio::Engine;
use crate::sync::Stop;

/// Paints the picture that `args` asks for.
///
/// # Errors
/// The pictures or flags do not fit together, VGG-19 is missing or cannot run; or the job was interrupted, after the
/// best picture so far was written.
pub fn paint(args: &PaintArgs, shared: &SharedArgs, report: &Report) -> Result<()> {
    let job = plan::plan(args, shared.max_pixels, report)?;
    let stop = Stop::at_ctrl_c()?;
    let engine = Engine::load(&args.run.machine(shared))?;
    let folder = args.vgg.clone().unwrap_or_else(|| library::data_folder().join("vgg19"));
    let vgg = Vgg19::find(&folder, args.pooling, &engine.runtime, &engine.provider, engine.threads)?;
    let on_processor = engine.provider.device == Device::Cpu;
    report.say(job.expectation(on_processor.then_some(engine.threads)));
    let start = Instant::now();
    let done = watch::run(args, &job, &vgg, &stop, report)?;

    let picture = job.picture(done.picture);
    sink::save(&picture, &args.output, job.format, args.quality)?;
    let (output, seconds) = (args.output.display(), start.elapsed().as_secs_f64());
    let (width, height) = (picture.frame.width, picture.frame.height);
    if !done.complete {
        let state = plan::state_path(&args.output);
        let steps = counted(done.losses.len(), "step");
        let cure = format!("run it again with --resume to continue from '{}'", state.display());
        return Err(Error::Interrupted(format!(
            "interrupted; '{output}' holds the picture after {steps}, {width}x{height}; {cure}"
        )));
    }
    plan::forget_state(&args.output);
    let steps = counted(done.losses.len(), "step");
    report.say(format!("{output}: {width}x{height} in {}, {steps}", spoken(start.elapsed())));
    let summary = Summary {
        command: "paint",
        input: args.content.display().to_string(),
        output: output.to_string(),
        style: job.style.clone(),
        device: engine.provider.device.to_string(),
        width,
        height,
        frames: 1,
        dropped: 0,
        seconds,
        fps: 1.0 / seconds.max(1e-9),
        inference_ms: done.steps.percentiles(),
        warnings: report.warnings(),
    };
    report.print_json(&Painting { job: summary, loss: done.losses.iter().map(Loss::from).collect() });
    Ok(())
}

/// What `--json` prints.
#[derive(Serialize)]
struct Painting {
    #[serde(flatten)]
    job: Summary<String>,
    /// One object a step.
    loss: Vec<Loss>,
}

/// The weighted losses of one step.
#[derive(Serialize)]
struct Loss {
    scale: usize,
    total: f64,
    content: f64,
    style: f64,
    tv: f64,
}

impl From<&(usize, Losses)> for Loss {
    fn from((scale, losses): &(usize, Losses)) -> Self {
        let style = losses.style.iter().sum();
        Self { scale: *scale, total: losses.total(), content: losses.content, style, tv: losses.tv }
    }
}
