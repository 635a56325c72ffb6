//! The newest frame wins: a show keeps up with its camera, whatever else is slow.
//!
//! ```text
//! capture ──newest──▶ prepare ──newest──▶ stylize ────▶ finish ──newest──▶ each output, on a thread of its own
//!                                            ▲                    └─────▶ the viewer: a window, on the calling thread
//! settings ──▶ styles (opens networks) ──────┘
//! ```
//!
//! No thread waits for one further down: each hand-over is a [`Latest`], which keeps only the newest frame. Frames of the camera
//! that are never painted count as dropped; a slow output that misses painted frames affects nobody else. Only the networks
//! wait, if the painting before is not finished yet: they must not waste what they have painted.
//!
//! So while the networks paint a frame, the next one is made small and the one before is brought to its full size.

mod finish;
mod handed;
mod prepare;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::fade::{Chosen, Fade};
use super::governor::{COARSEST, Costs, Governor};
use super::meter::{Meter, Total};
use crate::error::{Error, Result};
use crate::frame::{Frame, Rational, Stamp};
use crate::kernel::arrange;
use crate::kernel::resize::Resizer;
use crate::network::NetworkFile;
use crate::show::{Settings, Show};
use crate::sink::Sink;
use crate::size::Size;
use crate::source::Source;
use crate::style::expression::Expression;
use crate::stylize::{FullSize, Look, Scale, Stylizer};
use crate::sync::latest::{Latest, Taken};
use crate::sync::threads::{panicked, spawn_scoped};
use crate::sync::{Stop, lock};
use crate::temporal::{Carrier, Stabilizer};
use crate::warning::Warning;

use finish::Finisher;
use handed::{Captured, PATIENCE, Painted, Prepared, Sketch, Spares, Wanted};
pub use handed::{Shown, View};
use prepare::Preparer;

/// Pause between attempts to reopen a lost camera.
const RETRY: Duration = Duration::from_millis(500);

/// When an output takes frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Whenever there is a new one.
    EachFrame,
    /// At this frame rate, repeating the newest frame if there is no new one. [`Stamp::time`] counts them.
    Constant(Rational),
}

/// Something that shows, sends or stores the frames.
pub struct Output {
    /// Its name for people: `virtual camera /dev/video10`.
    pub name: String,
    /// Where the frames go.
    pub sink: Box<dyn Sink>,
    /// When it takes them.
    pub pace: Pace,
    /// For the people who control the show: [`Settings::compare`] shows the original beside the painting here.
    pub preview: bool,
}

/// Opens a source.
pub type OpenSource<'a> = Box<dyn FnMut() -> Result<Box<dyn Source>> + Send + 'a>;

/// Finds and opens the networks that a style needs.
pub type ChooseStyle<'a> = Box<dyn FnMut(&Expression) -> Result<Vec<Chosen>> + Send + 'a>;

/// Where the frames come from.
pub struct Capture<'a> {
    /// Its name for people.
    pub name: String,
    /// Opens it, and reopens it when it was lost.
    pub open: OpenSource<'a>,
    /// The opened source.
    pub source: Box<dyn Source>,
    /// Wait for it if it fails: a camera. Other sources end the show.
    pub returns: bool,
    /// Start again at its end.
    pub repeats: bool,
}

/// How frames are painted.
pub struct Styling<'a> {
    /// Called on a thread of its own.
    pub choose: ChooseStyle<'a>,
    /// The networks of the first style.
    pub first: Vec<Chosen>,
    /// What the scale of the settings is a factor of.
    pub scale: Scale,
    /// Keeps still parts of the picture still.
    pub stabilizer: Stabilizer,
    /// Carries the grain of the strokes along with the scene.
    pub carrier: Carrier,
    /// Holds the frame rate.
    pub governor: Governor,
}

/// How a show ended.
#[derive(Debug)]
pub struct Ended {
    /// What was measured.
    pub total: Total,
    /// A warning for each output that failed.
    pub failed: Vec<Warning>,
    /// What the networks took that were used, at the sizes that they saw.
    pub costs: Vec<(NetworkFile, Costs)>,
}

/// Runs a show until its source ends, [`Show::stop`] is requested, or `viewer` returns, which runs on this thread. Then closes the
/// outputs.
///
/// # Errors
/// The viewer failed, or the source failed and does not return. An output that fails ends alone.
pub fn run(
    capture: Capture<'_>,
    painting: Styling<'_>,
    outputs: Vec<Output>,
    show: &Show,
    meter: &Meter,
    viewer: impl FnOnce(&View) -> Result<()>,
) -> Result<Ended> {
    let (newest, ready) = (Latest::default(), Latest::default());
    let style = show.settings().style;
    let (spares, wanted, learned) = (Spares::default(), Mutex::default(), Mutex::default());
    let view = View::default();
    let feeds: Vec<Latest<Arc<Shown>>> = outputs.iter().map(|_| Latest::default()).collect();
    let failed = Mutex::new(Vec::new());
    let result = thread::scope(|scope| {
        let mut threads: Vec<ScopedJoinHandle<'_, Result<()>>> = Vec::new();
        let (give_chosen, chosen) = bounded(1);
        let (give_painted, painted) = bounded(0);
        let (newest, ready, spares, wanted, learned) = (&newest, &ready, &spares, &wanted, &learned);
        let (view, feeds, failed) = (&view, feeds.as_slice(), &failed);
        for (output, feed) in outputs.into_iter().zip(feeds) {
            let thread = spawn_scoped(scope, "output", move || {
                give_out(output, feed, show, failed);
                Ok(())
            })?;
            threads.push(thread);
        }
        let Styling { choose, first, scale, stabilizer, carrier, governor } = painting;
        let full_size = FullSize::default();
        let finisher = Finisher { stabilizer, full_size, show, meter, spares, feeds, view };
        let finishing = spawn_scoped(scope, "finish", move || {
            let finished = catch_unwind(AssertUnwindSafe(|| finisher.run(&painted)));
            // Whatever happened, there will be no more frames.
            show.stop.request();
            feeds.iter().for_each(Latest::close);
            view.frames.close();
            finished.map_err(|_| panicked("finish"))
        })?;
        threads.push(finishing);
        let painter = StylizeThread { scale, governor, is_coarse: false, show, meter, spares, wanted };
        let stylizing = spawn_scoped(scope, "stylize", move || {
            let painted = catch_unwind(AssertUnwindSafe(|| painter.run(first, ready, &chosen, &give_painted)));
            *lock(learned) = painted.map_err(|_| panicked("stylize"))?;
            Ok(())
        })?;
        threads.push(stylizing);
        let preparer = Preparer { scale, carrier, resizer: Resizer::quick(), wanted, show, meter, spares };
        let preparing = spawn_scoped(scope, "prepare", move || {
            let prepared = catch_unwind(AssertUnwindSafe(|| preparer.run(newest, ready)));
            ready.close();
            prepared.map_err(|_| panicked("prepare"))
        })?;
        threads.push(preparing);
        let choosing = spawn_scoped(scope, "styles", move || {
            follow_settings(choose, style, show, &give_chosen);
            Ok(())
        })?;
        threads.push(choosing);
        let capturing = spawn_scoped(scope, "capture", move || {
            let captured = catch_unwind(AssertUnwindSafe(|| read(capture, newest, spares, show, meter)));
            newest.close();
            captured.unwrap_or_else(|_| Err(panicked("capture")))
        })?;
        threads.push(capturing);
        // Even if the viewer panics; otherwise the scope would wait for the threads forever.
        let stop = StopAtDrop(&show.stop);
        let viewed = viewer(view);
        drop(stop);
        let causes = threads.into_iter().filter_map(|thread| match thread.join() {
            Ok(result) => result.err(),
            Err(_) => Some(panicked("output")),
        });
        match (viewed, causes.reduce(Error::root)) {
            (Err(error), Some(cause)) => Err(error.root(cause)),
            (Err(error), None) | (Ok(()), Some(error)) => Err(error),
            (Ok(()), None) => Ok(()),
        }
    });
    result?;
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    let costs = learned.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Ended { total: meter.total(), failed, costs })
}

/// Ends the show when dropped.
struct StopAtDrop<'a>(&'a Stop);

impl Drop for StopAtDrop<'_> {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// Reads the source, and waits for a camera that is lost.
fn read(
    mut capture: Capture<'_>,
    newest: &Latest<Captured>,
    spares: &Spares,
    show: &Show,
    meter: &Meter,
) -> Result<()> {
    let format = capture.source.format();
    let size = (format.width, format.height);
    let (mut resizer, mut native) = (Resizer::default(), Frame::default());
    let mut spare = Frame::default();
    let mut dropped = 0;
    while !show.stop.requested() {
        let next = match capture.source.next(&mut native) {
            Ok(false) if capture.returns => Err(Error::failed(format!("'{}' stopped sending frames", capture.name))),
            next => next,
        };
        // Also after a failure: its last frames may be what it lost.
        let so_far = capture.source.dropped();
        meter.dropped(so_far.saturating_sub(dropped));
        dropped = so_far;
        match next {
            Ok(true) => {}
            Ok(false) if capture.repeats => {
                (capture.source, dropped) = ((capture.open)()?, 0);
                continue;
            }
            Ok(false) => break,
            Err(_) if show.stop.requested() => break,
            Err(error) if capture.returns => {
                show.notice("camera", Some(Warning::SourceLost { reason: error.to_string() }));
                let Some(source) = wait_for(&mut capture.open, show) else { break };
                (capture.source, dropped) = (source, 0);
                show.notice("camera", None);
                continue;
            }
            Err(error) => return Err(error),
        }
        let arrived = capture.source.arrived().unwrap_or_else(Instant::now);
        if (native.width, native.height) == size {
            std::mem::swap(&mut spare, &mut native);
        } else {
            // The camera came back with another size, or a stream changed its own.
            spare.resize(size.0, size.1);
            spare.stamp_from(&native);
            resizer.resize(native.image(), size.0, size.1, &mut spare.pixels)?;
        }
        if let Some(stale) = newest.put(Captured { frame: spare, arrived }) {
            meter.dropped(1);
            spare = stale.frame;
        } else {
            spare = spares.frame();
        }
    }
    Ok(())
}

/// Reopens a camera as soon as that works; `None` if the show ends first.
fn wait_for(open: &mut OpenSource<'_>, show: &Show) -> Option<Box<dyn Source>> {
    while show.stop.sleep_until(Instant::now() + RETRY) {
        if let Ok(source) = open() {
            return Some(source);
        }
    }
    None
}

/// Opens the networks of each style that is chosen, so that the painter never waits for a file.
fn follow_settings(mut choose: ChooseStyle<'_>, mut current: Expression, show: &Show, give: &Sender<Vec<Chosen>>) {
    let mut revision = 0;
    while !show.stop.requested() {
        revision = show.wait_for_change(revision, PATIENCE.min(show.stop.left()));
        let style = show.settings().style;
        if style == current {
            continue;
        }
        match choose(&style) {
            Ok(chosen) => {
                show.notice("style", None);
                current = style;
                if give.send(chosen).is_err() {
                    return;
                }
            }
            Err(error) => {
                let (reason, kept) = (error.to_string(), current.to_string());
                show.notice("style", Some(Warning::StyleRefused { reason, kept }));
                let back = current.clone();
                // Unless another style was chosen meanwhile.
                show.change(|settings| {
                    if settings.style == style {
                        settings.style = back;
                    }
                });
            }
        }
    }
}

/// Paints frames.
struct StylizeThread<'a> {
    scale: Scale,
    governor: Governor,
    /// Strokes fall apart, which was said.
    is_coarse: bool,
    show: &'a Show,
    meter: &'a Meter,
    spares: &'a Spares,
    wanted: &'a Mutex<Wanted>,
}

impl StylizeThread<'_> {
    /// Paints what is ready until that ends. Returns what the networks took.
    fn run(
        mut self,
        first: Vec<Chosen>,
        ready: &Latest<Prepared>,
        chosen: &Receiver<Vec<Chosen>>,
        give: &Sender<Painted>,
    ) -> Vec<(NetworkFile, Costs)> {
        let mut stylizer = Stylizer::new(Vec::new(), Look::default());
        let mut fade = Fade::default();
        self.begin(&mut stylizer, &mut fade, first);
        let mut has_painted = false;
        // What the last frame took.
        let mut took = Duration::ZERO;
        loop {
            let prepared = ready.take(PATIENCE.min(self.show.stop.left()));
            if self.show.stop.requested() {
                break;
            }
            let settings = self.show.settings();
            if let Ok(chosen) = chosen.try_recv() {
                self.learn(&mut stylizer, &mut fade);
                self.begin(&mut stylizer, &mut fade, chosen);
            }
            let painted = match prepared {
                Taken::Value(prepared) if settings.freeze && has_painted => {
                    self.spares.give(prepared.frame);
                    self.spares.give_small(prepared.small);
                    Painted::Again { frozen: true }
                }
                // Its painting would be there after the show.
                Taken::Value(prepared) if took > self.show.stop.left() => {
                    self.spares.give(prepared.frame);
                    self.spares.give_small(prepared.small);
                    continue;
                }
                Taken::Value(prepared) => {
                    has_painted = true;
                    let start = Instant::now();
                    let sketch = Box::new(self.paint(&mut stylizer, &mut fade, &settings, prepared));
                    if give.send(Painted::New(sketch)).is_err() {
                        break;
                    }
                    took = start.elapsed();
                    self.governor.add(took);
                    continue;
                }
                // The camera is gone for now; the outputs still get a picture.
                Taken::Nothing => Painted::Again { frozen: false },
                Taken::Closed => break,
            };
            if give.send(painted).is_err() {
                break;
            }
        }
        self.learn(&mut stylizer, &mut fade);
        fade.into_costs()
    }

    /// Begins to show what was chosen.
    fn begin(&mut self, stylizer: &mut Stylizer, fade: &mut Fade, chosen: Vec<Chosen>) {
        fade.begin(stylizer.networks(), chosen, Instant::now());
        self.follow(stylizer, fade);
    }

    /// Tells the others which networks run.
    fn follow(&mut self, stylizer: &mut Stylizer, fade: &Fade) {
        self.governor.run(fade.costs(stylizer.networks()));
        *lock(self.wanted) = Wanted { side: stylizer.side(), grain: stylizer.takes_grain() };
    }

    fn learn(&self, stylizer: &mut Stylizer, fade: &mut Fade) {
        fade.learn(stylizer.networks(), &self.governor.measured());
    }

    fn paint(
        &mut self,
        stylizer: &mut Stylizer,
        fade: &mut Fade,
        settings: &Settings,
        Prepared { frame, arrived, mut small, grain }: Prepared,
    ) -> Sketch {
        let start = Instant::now();
        let fading = fade.apply(stylizer.networks(), start);
        if fading == Some(true) {
            self.follow(stylizer, fade);
        }
        let (strength, keep_colors) = (settings.strength, settings.keep_colors);
        let scale = self.scale.with_factor(settings.scale);
        if scale != self.scale {
            self.governor.expect(f64::from(self.scale.factor() / scale.factor()).powi(2));
            self.scale = scale;
        }
        let full = Look { strength, keep_colors, scale, reduction: 1.0, finer: false };
        stylizer.set_look(full);
        let largest = stylizer.seen_size(frame.size());
        stylizer.set_look(Look { reduction: self.governor.reduction(), ..full });
        let seen = stylizer.seen_size(frame.size());
        let short = |size: Size| size.width.min(size.height);
        let is_coarse = short(seen) < COARSEST.min(short(largest));
        if is_coarse != self.is_coarse {
            // Once, and not again for each size that follows.
            let warning = is_coarse.then_some(Warning::StrokesFallApart { width: seen.width, height: seen.height });
            self.show.notice("size", warning);
            self.is_coarse = is_coarse;
        }
        let painted = catch_unwind(AssertUnwindSafe(|| stylizer.sketch(&frame, &grain, &mut small)));
        let outcome = painted.unwrap_or_else(|_| Err(panicked("stylize")));
        self.meter.painted(start.elapsed());
        Sketch { frame, arrived, small, outcome, restart: fading.is_some(), seen }
    }
}

/// Feeds one output until the show ends or the output fails.
fn give_out(output: Output, feed: &Latest<Arc<Shown>>, show: &Show, failed: &Mutex<Vec<Warning>>) {
    let Output { name, mut sink, pace, preview } = output;
    let fed = catch_unwind(AssertUnwindSafe(|| feed_sink(sink.as_mut(), feed, show, pace, preview)));
    let ended = match fed.unwrap_or_else(|_| Err(panicked("output"))) {
        Ok(()) => catch_unwind(AssertUnwindSafe(|| sink.finish())).unwrap_or_else(|_| Err(panicked("output"))),
        failed => failed,
    };
    if let Err(error) = ended {
        let ended = Warning::OutputEnded { output: name.clone(), reason: error.to_string() };
        show.notice(&name, Some(ended.clone()));
        lock(failed).push(ended);
    }
}

fn feed_sink(sink: &mut dyn Sink, feed: &Latest<Arc<Shown>>, show: &Show, pace: Pace, preview: bool) -> Result<()> {
    let mut wide = Frame::default();
    let mut put = |shown: &Shown, sink: &mut dyn Sink, stamp: Stamp| {
        if preview && show.read(|settings| settings.compare) {
            arrange::beside(&shown.original, &shown.painted, &mut wide);
            sink.put_at(&wide, stamp)
        } else {
            sink.put_at(&shown.painted, stamp)
        }
    };
    match pace {
        Pace::EachFrame => loop {
            match feed.take(PATIENCE) {
                Taken::Value(shown) => put(&shown, sink, shown.painted.stamp())?,
                Taken::Nothing => {}
                Taken::Closed => return Ok(()),
            }
        },
        Pace::Constant(rate) => {
            let mut newest: Option<Arc<Shown>> = None;
            let mut start = Instant::now();
            let mut tick: i64 = 0;
            loop {
                let due = start + Duration::from_secs_f64(tick as f64 / rate.as_f64().max(1e-3));
                match feed.take(due.saturating_duration_since(Instant::now())) {
                    Taken::Value(shown) => {
                        if newest.replace(shown).is_none() {
                            start = Instant::now();
                        }
                        // Several may come before the next one is due.
                        if Instant::now() < due && tick > 0 {
                            continue;
                        }
                    }
                    Taken::Nothing => {}
                    Taken::Closed => return Ok(()),
                }
                match &newest {
                    Some(shown) => put(shown, sink, Stamp { time: tick, duration: 1 })?,
                    None => {
                        start = Instant::now() + PATIENCE;
                        continue;
                    }
                }
                // After a stall, continue at the current time, not where it stopped.
                let reached = (start.elapsed().as_secs_f64() * rate.as_f64()) as i64;
                tick = (tick + 1).max(reached);
            }
        }
    }
}

#[cfg(test)]
mod tests;
