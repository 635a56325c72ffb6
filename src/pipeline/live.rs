//! The newest frame wins: a show keeps up with its camera, whatever else is slow.
//!
//! ```text
//! capture ──newest──▶ stylize ──newest──▶ each output, on a thread of its own
//!                        ▲        └─────▶ the viewer: a window, on the calling thread
//! settings ──▶ styles ───┘ (opens networks)
//! ```
//!
//! No thread waits for one further down: each hand-over is a [`Latest`], which keeps only the newest frame. Frames of the camera
//! that are never painted count as dropped; a slow output that misses painted frames affects nobody else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::fade::{Chosen, Fade};
use super::governor::Governor;
use super::meter::{Meter, Total};
use crate::error::{Error, Result};
use crate::frame::{Frame, Rational, Stamp};
use crate::kernel::arrange;
use crate::kernel::resize::Resizer;
use crate::show::{Settings, Show};
use crate::sink::Sink;
use crate::source::Source;
use crate::style::expression::Expression;
use crate::stylize::{FullSize, Look, Scale, Small, Stylizer};
use crate::sync::latest::{Latest, Taken};
use crate::sync::threads::{panicked, spawn_scoped};
use crate::sync::{Stop, lock};
use crate::temporal::{Carrier, Stabilizer};
use crate::warning::Warning;

/// How long a thread waits for news before it checks whether the show has ended.
const PATIENCE: Duration = Duration::from_millis(100);

/// Pause between attempts to reopen a lost camera.
const RETRY: Duration = Duration::from_millis(500);

/// A frame as it is shown.
#[derive(Debug)]
pub struct Shown {
    /// The painting.
    pub painted: Frame,
    /// What was painted, mirrored if the painting is.
    pub original: Frame,
    /// When it arrived at the source, before it was decoded.
    pub arrived: Instant,
}

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

/// The viewer's end.
#[derive(Debug, Default)]
pub struct View {
    /// The newest frame; closed when the show ends.
    pub frames: Latest<Arc<Shown>>,
}

/// How a show ended.
#[derive(Debug)]
pub struct Ended {
    /// What was measured.
    pub total: Total,
    /// A warning for each output that failed.
    pub failed: Vec<Warning>,
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
    let newest = Latest::default();
    let style = show.settings().style;
    // One frame is being painted, one is waiting, one is being read.
    let spares = Mutex::new(vec![Frame::default(), Frame::default()]);
    let view = View::default();
    let feeds: Vec<Latest<Arc<Shown>>> = outputs.iter().map(|_| Latest::default()).collect();
    let failed = Mutex::new(Vec::new());
    let result = thread::scope(|scope| {
        let mut threads: Vec<ScopedJoinHandle<'_, Result<()>>> = Vec::new();
        let (give_chosen, chosen) = bounded(1);
        let (newest, spares, view, feeds, failed) = (&newest, &spares, &view, feeds.as_slice(), &failed);
        for (output, feed) in outputs.into_iter().zip(feeds) {
            let thread = spawn_scoped(scope, "output", move || {
                give_out(output, feed, show, failed);
                Ok(())
            })?;
            threads.push(thread);
        }
        let Styling { choose, first, scale, stabilizer, carrier, governor } = painting;
        let (small, full_size) = (Small::default(), FullSize::default());
        let painter =
            StylizeThread { scale, stabilizer, carrier, governor, small, full_size, show, meter, feeds, view };
        let stylizing = spawn_scoped(scope, "stylize", move || {
            let painted = catch_unwind(AssertUnwindSafe(|| painter.run(first, newest, spares, &chosen)));
            // Whatever happened, there will be no more frames.
            show.stop.request();
            feeds.iter().for_each(Latest::close);
            view.frames.close();
            painted.map_err(|_| panicked("stylize"))
        })?;
        threads.push(stylizing);
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
    Ok(Ended { total: meter.total(), failed: failed.into_inner().unwrap_or_else(PoisonError::into_inner) })
}

/// Ends the show when dropped.
struct StopAtDrop<'a>(&'a Stop);

impl Drop for StopAtDrop<'_> {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// A frame from the source.
struct Captured {
    frame: Frame,
    /// See [`Shown::arrived`].
    arrived: Instant,
}

/// Reads the source, and waits for a camera that is lost.
fn read(
    mut capture: Capture<'_>,
    newest: &Latest<Captured>,
    spares: &Mutex<Vec<Frame>>,
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
            spare = lock(spares).pop().unwrap_or_default();
        }
    }
    Ok(())
}

/// Reopens a camera as soon as that works; `None` if the show ends first.
fn wait_for(open: &mut OpenSource<'_>, show: &Show) -> Option<Box<dyn Source>> {
    while !show.stop.requested() {
        thread::sleep(RETRY);
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
        revision = show.wait_for_change(revision, PATIENCE);
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

/// Paints frames and hands them out.
struct StylizeThread<'a> {
    scale: Scale,
    stabilizer: Stabilizer,
    carrier: Carrier,
    governor: Governor,
    small: Small,
    full_size: FullSize,
    show: &'a Show,
    meter: &'a Meter,
    feeds: &'a [Latest<Arc<Shown>>],
    view: &'a View,
}

impl StylizeThread<'_> {
    fn run(
        mut self,
        first: Vec<Chosen>,
        newest: &Latest<Captured>,
        spares: &Mutex<Vec<Frame>>,
        chosen: &Receiver<Vec<Chosen>>,
    ) {
        let mut stylizer = Stylizer::new(Vec::new(), Look::default());
        let mut fade = Fade::default();
        fade.begin(stylizer.networks(), first, Instant::now());
        let mut pool: Vec<Arc<Shown>> = Vec::new();
        let mut last: Option<Arc<Shown>> = None;
        loop {
            let captured = newest.take(PATIENCE);
            let settings = self.show.settings();
            if let Ok(chosen) = chosen.try_recv() {
                let factor = fade.begin(stylizer.networks(), chosen, Instant::now());
                self.governor.expect(factor);
            }
            match captured {
                Taken::Value(captured) if settings.freeze && last.is_some() => {
                    lock(spares).push(captured.frame);
                    if let Some(last) = &last {
                        self.hand_out(last);
                        // A frozen picture has no latency of its own: this measures the loop.
                        self.meter.shown(captured.arrived);
                    }
                }
                Taken::Value(captured) => {
                    let mut shown = free(&mut pool);
                    if let Some(Shown { painted, original, arrived }) = Arc::get_mut(&mut shown) {
                        *arrived = captured.arrived;
                        let stale = std::mem::replace(original, captured.frame);
                        lock(spares).push(stale);
                        self.paint(&mut stylizer, &mut fade, &settings, original, painted);
                    }
                    self.hand_out(&shown);
                    last = Some(Arc::clone(&shown));
                    pool.push(shown);
                }
                Taken::Nothing => {
                    // The camera is gone for now; the outputs still get a picture.
                    if let Some(last) = &last {
                        self.hand_out(last);
                    }
                }
                Taken::Closed => return,
            }
        }
    }

    fn paint(
        &mut self,
        stylizer: &mut Stylizer,
        fade: &mut Fade,
        settings: &Settings,
        original: &mut Frame,
        painted: &mut Frame,
    ) {
        let start = Instant::now();
        if settings.mirror {
            arrange::mirror(original);
        }
        if let Some(factor) = fade.apply(stylizer.networks(), start) {
            if factor != 1.0 {
                self.governor.expect(factor);
            }
            // Averages of another style must not be shown.
            self.stabilizer.restart();
        }
        let (strength, keep_colors) = (settings.strength, settings.keep_colors);
        let scale = self.scale.with_factor(settings.scale);
        stylizer.set_look(Look { strength, keep_colors, scale, reduction: self.governor.reduction(), finer: false });
        let seen = stylizer.seen_size(original.size());
        let mut inference = Duration::ZERO;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let grain = self.carrier.carry(original, seen, stylizer.takes_grain());
            stylizer.sketch(original, &grain, &mut self.small)?;
            inference = start.elapsed();
            let mut styled = std::mem::take(&mut self.small.painted);
            self.stabilizer.stabilize(self.small.seen(original), &mut styled);
            self.small.painted = styled;
            self.full_size.restore(original, &mut self.small, painted)
        }));
        match outcome.unwrap_or_else(|_| Err(panicked("stylize"))) {
            Ok(()) => self.show.notice("painting", None),
            Err(error) => {
                painted.clone_from(original);
                self.show.notice("painting", Some(Warning::PaintingFailed { reason: error.to_string() }));
            }
        }
        self.meter.painted(inference);
        self.governor.add(start.elapsed());
        self.show.measure(|statistics| {
            (statistics.width, statistics.height) = (painted.width, painted.height);
            statistics.seen = (seen.width, seen.height);
        });
    }

    fn hand_out(&self, shown: &Arc<Shown>) {
        for feed in self.feeds.iter().chain([&self.view.frames]) {
            feed.put(Arc::clone(shown));
        }
    }
}

/// A frame that nobody uses any more.
fn free(pool: &mut Vec<Arc<Shown>>) -> Arc<Shown> {
    match pool.iter().position(|shown| Arc::strong_count(shown) == 1) {
        Some(place) => pool.swap_remove(place),
        None => Arc::new(Shown { painted: Frame::default(), original: Frame::default(), arrived: Instant::now() }),
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
