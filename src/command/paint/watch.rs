//! The optimiser runs in a thread of its own; this one shows, saves and films its pictures.

use std::fs;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::estimate::Estimate;
use super::plan::{Job, state_path};
use crate::cli::PaintArgs;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::kernel::resize::Resizer;
use crate::network::vgg19::{Extent, Losses, Vgg19};
use crate::paint::state::State;
use crate::paint::{self, Moment, Outcome, Recipe};
use crate::picture::write as sink;
use crate::report::{Report, spoken};
use crate::sink::Sink;
use crate::sink::video::VideoSink;
use crate::sink::window::Window;
use crate::statistics::Histogram;
use crate::sync::Stop;
use crate::sync::threads::spawn_scoped;
use crate::whole;

/// Frame rate of the timelapse, and for how many frames it holds its last picture.
const TIMELAPSE: (i32, u32) = (30, 60);

/// How long to wait for news before the window's events are handled.
const WINDOW_POLL: Duration = Duration::from_millis(20);

/// The result of a run.
pub struct Done {
    /// The picture, as the user wants it.
    pub picture: Frame,
    /// Whether all steps were done.
    pub complete: bool,
    /// The losses of each step, with its scale.
    pub losses: Vec<(usize, Losses)>,
    /// Times of the steps.
    pub steps: Histogram,
}

/// One step, as reported by the optimiser.
struct News {
    scale: usize,
    iteration: usize,
    losses: Losses,
    time: Duration,
    picture: Option<Frame>,
    state: Option<Vec<u8>>,
}

/// Paints, until it is done or `stop` is requested.
///
/// # Errors
/// VGG-19 cannot run, or something cannot be written.
pub fn run(args: &PaintArgs, job: &Job, vgg: &Vgg19<'_>, stop: &Stop, report: &Report) -> Result<Done> {
    let resumed = args.resume.then(|| read_state(args, job)).transpose()?;
    let finest = job.recipe.finest();
    let mut film = args.timelapse.as_deref().map(|path| Film::create(path, finest, report)).transpose()?;
    let mut window = if args.preview {
        let (width, height) = (finest.width as u32, finest.height as u32);
        Some(Window::open("impasto paint", width, height, "leave out --preview")?)
    } else {
        None
    };
    // One step may wait while this thread writes the one before.
    let (tell, news) = bounded(1);
    let mut done = Done { picture: Frame::default(), complete: false, losses: Vec::new(), steps: Histogram::default() };
    let pictures = film.is_some() || window.is_some();
    let outcome = thread::scope(|scope| {
        let optimise = move || {
            let mut teller = Teller { args, job, stop, pictures, tell, last: Instant::now() };
            paint::paint(&job.subject, &job.recipe, vgg, resumed, &mut |moment| teller.watch(moment))
        };
        let thread = spawn_scoped(scope, "optimise", optimise)?;
        let shown =
            show(args, job, &news, &mut Screens { film: film.as_mut(), window: &mut window }, &mut done, report);
        // With no receiver left, the optimiser ends at its next step.
        drop(news);
        let outcome = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        match (shown, outcome) {
            (Ok(()), outcome) => outcome,
            (Err(error), Err(other)) => Err(error.root(other)),
            (Err(error), Ok(_)) => Err(error),
        }
    })?;
    let Outcome { picture, complete } = outcome;
    let picture = job.show(picture)?;
    if let Some(mut film) = film {
        film.hold(&picture)?;
        Box::new(film.sink).finish()?;
    }
    Ok(Done { picture, complete, ..done })
}

fn read_state(args: &PaintArgs, job: &Job) -> Result<State> {
    let path = state_path(&args.output);
    let name = format!("'{}'", path.display());
    let bytes = fs::read(&path).map_err(|error| {
        Error::failed(format!("no saved state {name} to resume from ({error}); run without --resume"))
    })?;
    State::from_bytes(&bytes, &job.fingerprint, &name)
}

/// The optimiser's end.
struct Teller<'a> {
    args: &'a PaintArgs,
    job: &'a Job,
    stop: &'a Stop,
    /// Whether every step's picture is needed.
    pictures: bool,
    tell: Sender<News>,
    last: Instant,
}

impl Teller<'_> {
    fn watch(&mut self, moment: &Moment<'_>) -> Result<bool> {
        let time = self.last.elapsed();
        let interrupted = self.stop.requested();
        let saves = self.args.save_every.is_some_and(|every| moment.iteration.is_multiple_of(every as usize));
        let wanted = interrupted || saves;
        let picture = if wanted || self.pictures { Some(self.job.show(moment.picture()?)?) } else { None };
        let state = wanted.then(|| moment.state().to_bytes(&self.job.fingerprint));
        let Moment { scale, iteration, losses, .. } = *moment;
        self.tell.send(News { scale, iteration, losses, time, picture, state }).map_err(|_| Error::Disconnected)?;
        self.last = Instant::now();
        Ok(!interrupted)
    }
}

/// What shows each step's picture.
struct Screens<'a> {
    film: Option<&'a mut Film>,
    window: &'a mut Option<Window>,
}

impl Screens<'_> {
    fn show(&mut self, picture: &Frame) -> Result<()> {
        if let Some(film) = &mut self.film {
            film.add(picture)?;
        }
        match &mut self.window {
            Some(window) => window.show(picture.image()),
            None => Ok(()),
        }
    }

    /// Waits for news and handles the window's events meanwhile; closing the window only ends the preview.
    fn wait(&mut self, news: &Receiver<News>) -> Result<Option<News>> {
        while let Some(window) = self.window {
            match news.recv_timeout(WINDOW_POLL) {
                Ok(news) => return Ok(Some(news)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => window.poll()?,
            }
            if !window.is_open() {
                *self.window = None;
            }
        }
        Ok(news.recv().ok())
    }
}

/// Handles the news until the optimiser ends.
fn show(
    args: &PaintArgs,
    job: &Job,
    news: &Receiver<News>,
    screens: &mut Screens<'_>,
    done: &mut Done,
    report: &Report,
) -> Result<()> {
    let bar = report.progress(Some(1), "steps");
    bar.set_fraction(0.0, "preparing the first step");
    let mut estimate = Estimate::new(&job.recipe.scales, job.recipe.iterations);
    while let Some(News { scale, iteration, losses, time, picture, state }) = screens.wait(news)? {
        done.losses.push((scale, losses));
        done.steps.add(time);
        estimate.step(scale, iteration, time);
        let (place, left) = (place(&job.recipe, scale, iteration), spoken(estimate.left()));
        bar.set_fraction(estimate.fraction(), &format!("{place}, {left} left, loss {:.3}", losses.total()));
        if let Some(picture) = &picture {
            screens.show(picture)?;
        }
        if let Some(state) = state {
            let path = state_path(&args.output);
            whole::write(&path, &state).map_err(|error| Error::writing(&path, &error))?;
            if let Some(frame) = picture {
                sink::save(&job.picture(frame), &args.output, job.format, args.quality)?;
            }
        }
    }
    Ok(())
}

/// `scale 1 of 2, step 40 of 150`
fn place(recipe: &Recipe, scale: usize, iteration: usize) -> String {
    let step = format!("step {iteration} of {}", recipe.iterations);
    match recipe.scales.len() {
        0 | 1 => step,
        scales => format!("scale {} of {scales}, {step}", scale + 1),
    }
}

/// The timelapse: every picture, scaled to the final size.
struct Film {
    sink: VideoSink,
    /// The next picture, scaled.
    frame: Frame,
    resizer: Resizer,
}

impl Film {
    /// A film as large as the picture, or one pixel less: most encoders need even sides.
    fn create(path: &Path, finest: Extent, report: &Report) -> Result<Self> {
        let (width, height) = (finest.width as u32 & !1, finest.height as u32 & !1);
        let sink = VideoSink::of_pictures(path, width, height, TIMELAPSE.0)?;
        sink.warnings().into_iter().for_each(|warning| report.warn(warning));
        Ok(Self { sink, frame: Frame::new(width, height), resizer: Resizer::default() })
    }

    /// Holds the last picture for a while.
    fn hold(&mut self, picture: &Frame) -> Result<()> {
        (0..TIMELAPSE.1).try_for_each(|_| self.add(picture))
    }

    fn add(&mut self, picture: &Frame) -> Result<()> {
        let (width, height) = (self.frame.width, self.frame.height);
        self.resizer.resize(picture.image(), width, height, &mut self.frame.pixels)?;
        self.sink.put(&self.frame)?;
        self.frame.time += 1;
        self.frame.index += 1;
        Ok(())
    }
}
