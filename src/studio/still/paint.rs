//! The optimiser runs in a thread of its own; the calling thread reports, saves and films its pictures.

use std::fs;
use std::panic::resume_unwind;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::estimate::Estimate;
use super::identity::fingerprint;
use super::job::{StillDone, StillEvent, StillJob, StillListener, StillLoss};
use super::plan::Plan;
use super::settings::StillSettings;
use super::timelapse::Timelapse;
use crate::error::{Error, Result, cause};
use crate::frame::Frame;
use crate::network::provider::Device;
use crate::network::vgg19::{self, Losses, Vgg19};
use crate::paint::state::State;
use crate::paint::{self, Moment, Outcome};
use crate::picture::write;
use crate::report::counted;
use crate::statistics::Histogram;
use crate::studio::Studio;
use crate::sync::Stop;
use crate::sync::threads::spawn_scoped;
use crate::whole;

/// How long to wait for a step before [`StillEvent::Idle`].
const IDLE: Duration = Duration::from_millis(20);

impl Studio {
    /// Paints a still by optimisation, and writes it. [`StillJob`] has an example.
    ///
    /// # Errors
    /// The pictures or settings do not fit together, VGG-19 is missing or cannot run, or a file cannot be written.
    /// [`Error::Interrupted`] if `stop` was requested; the picture so far, and the state to resume from, are then written.
    pub fn paint_still(
        &self,
        job: &StillJob,
        settings: &StillSettings,
        stop: &Stop,
        listen: StillListener<'_>,
    ) -> Result<StillDone> {
        let state = job.state_path();
        if !job.resume && state.exists() {
            let state = state.display();
            return Err(Error::usage(format!(
                "'{state}' is the state of an interrupted painting; add --resume to continue it, or delete the file to start over"
            )));
        }
        let plan = Plan::new(job, settings, self.machine().max_pixels, listen)?;
        let engine = self.engine(None)?;
        let folder = settings.vgg.clone().unwrap_or_else(vgg19::folder);
        let vgg = Vgg19::find(&folder, settings.pooling, &engine.runtime, &engine.provider, engine.threads)?;
        let running = Running { job, plan, identity: fingerprint(job, settings), quality: settings.quality, stop };
        let resumed = job.resume.then(|| running.read_state()).transpose()?;
        let finest = running.plan.recipe.finest();
        let mut film = job.timelapse.as_deref().map(|path| Timelapse::create(path, finest)).transpose()?;
        let warnings = film.iter().flat_map(Timelapse::warnings);
        warnings.map(StillEvent::Warning).try_for_each(&mut *listen)?;
        let on_processor = engine.provider.device == Device::Cpu;
        listen(running.plan.expectation(on_processor.then_some(engine.threads)))?;

        let start = Instant::now();
        let mut steps = Steps::default();
        let outcome = running.optimise(&vgg, resumed, film.as_mut(), &mut steps, listen)?;
        let picture = running.plan.show(outcome.picture)?;
        if let Some(film) = film {
            film.finish(&picture)?;
        }
        let (width, height) = (picture.width, picture.height);
        running.save(picture)?;
        if !outcome.complete {
            let (output, state) = (job.output.display(), job.state_path());
            let done = counted(steps.losses.len(), "step");
            let cure = format!("run it again with --resume to continue from '{}'", state.display());
            return Err(Error::Interrupted(format!(
                "interrupted; '{output}' holds the picture after {done}, {width}x{height}; {cure}"
            )));
        }
        // There is none unless it was saved.
        let _ = fs::remove_file(job.state_path());
        let (device, seconds) = (engine.provider.device, start.elapsed().as_secs_f64());
        Ok(StillDone { width, height, device, seconds, step_ms: steps.times.percentiles(), losses: steps.losses })
    }
}

/// A job, with everything that is known before the first step.
struct Running<'a> {
    job: &'a StillJob,
    plan: Plan,
    /// Identifies the job in its saved state.
    identity: String,
    /// JPEG quality.
    quality: u8,
    stop: &'a Stop,
}

/// What is known of the steps that are done.
#[derive(Default)]
struct Steps {
    losses: Vec<StillLoss>,
    times: Histogram,
}

/// One step, as sent by the optimiser.
struct News {
    /// Index of the scale, from 0.
    scale: usize,
    /// Number of the step at this scale, from 1.
    iteration: usize,
    losses: Losses,
    time: Duration,
    picture: Option<Frame>,
    /// The state to save.
    state: Option<Vec<u8>>,
}

impl Running<'_> {
    fn read_state(&self) -> Result<State> {
        let path = self.job.state_path();
        let name = format!("'{}'", path.display());
        let bytes = fs::read(&path).map_err(|error| {
            Error::failed(format!("no saved state {name} to resume from ({}); run without --resume", cause(&error)))
        })?;
        State::from_bytes(&bytes, &self.identity, &name)
    }

    /// Writes the picture that [`Plan::show`] returned.
    fn save(&self, picture: Frame) -> Result<()> {
        write::save(&self.plan.picture(picture), &self.job.output, self.plan.format, self.quality)
    }

    /// Paints until all steps are done or `stop` is requested.
    fn optimise(
        &self,
        vgg: &Vgg19<'_>,
        resumed: Option<State>,
        film: Option<&mut Timelapse>,
        steps: &mut Steps,
        listen: StillListener<'_>,
    ) -> Result<Outcome> {
        // One step may wait while this thread writes the one before.
        let (tell, news) = bounded(1);
        let pictures = film.is_some() || self.job.preview;
        thread::scope(|scope| {
            let optimise = move || {
                let mut teller = Teller { running: self, pictures, tell, last: Instant::now() };
                let Plan { subject, recipe, .. } = &self.plan;
                paint::paint(subject, recipe, vgg, resumed, &mut |moment| teller.watch(moment))
            };
            let thread = spawn_scoped(scope, "optimise", optimise)?;
            let watched = self.watch(&news, film, steps, listen);
            // With no receiver left, the optimiser ends at its next step.
            drop(news);
            let outcome = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            match (watched, outcome) {
                (Ok(()), outcome) => outcome,
                (Err(error), Err(other)) => Err(error.root(other)),
                (Err(error), Ok(_)) => Err(error),
            }
        })
    }

    /// Handles the news until the optimiser ends.
    fn watch(
        &self,
        news: &Receiver<News>,
        mut film: Option<&mut Timelapse>,
        steps: &mut Steps,
        listen: StillListener<'_>,
    ) -> Result<()> {
        let recipe = &self.plan.recipe;
        let mut estimate = Estimate::new(&recipe.scales, recipe.iterations);
        while let Some(News { scale, iteration, losses, time, picture, state }) = self.wait(news, listen)? {
            steps.losses.push(StillLoss::of(scale, &losses));
            steps.times.add(time);
            estimate.step(scale, iteration, time);
            listen(StillEvent::Progress {
                scale: scale + 1,
                scales: recipe.scales.len(),
                step: iteration,
                steps: recipe.iterations,
                loss: losses.total(),
                fraction: estimate.fraction(),
                left: estimate.left(),
            })?;
            if let (Some(film), Some(picture)) = (&mut film, &picture) {
                film.add(picture)?;
            }
            if let (true, Some(picture)) = (self.job.preview, &picture) {
                listen(StillEvent::Picture(picture))?;
            }
            if let Some(state) = state {
                let path = self.job.state_path();
                whole::write(&path, &state).map_err(|error| Error::writing(&path, &error))?;
                picture.map_or(Ok(()), |picture| self.save(picture))?;
            }
        }
        Ok(())
    }

    /// Waits for news; `None` once the optimiser has ended.
    fn wait(&self, news: &Receiver<News>, listen: StillListener<'_>) -> Result<Option<News>> {
        if !self.job.preview {
            return Ok(news.recv().ok());
        }
        loop {
            match news.recv_timeout(IDLE) {
                Ok(news) => return Ok(Some(news)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => listen(StillEvent::Idle)?,
            }
        }
    }
}

/// The optimiser's end.
struct Teller<'a> {
    running: &'a Running<'a>,
    /// Whether every step's picture is needed.
    pictures: bool,
    tell: Sender<News>,
    last: Instant,
}

impl Teller<'_> {
    /// Sends the news of a step; returns whether to continue.
    fn watch(&mut self, moment: &Moment<'_>) -> Result<bool> {
        let Running { job, plan, identity, stop, .. } = self.running;
        let time = self.last.elapsed();
        let interrupted = stop.requested();
        let saves = job.save_every.is_some_and(|every| moment.iteration.is_multiple_of(every as usize));
        let wanted = interrupted || saves;
        let picture = if wanted || self.pictures { Some(plan.show(moment.picture()?)?) } else { None };
        let state = wanted.then(|| moment.state().to_bytes(identity));
        let Moment { scale, iteration, losses, .. } = *moment;
        self.tell.send(News { scale, iteration, losses, time, picture, state }).map_err(|_| Error::Disconnected)?;
        self.last = Instant::now();
        Ok(!interrupted)
    }
}
