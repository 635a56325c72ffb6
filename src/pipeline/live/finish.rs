//! Finishes paintings while the networks paint the next one: steadies them, brings them to the size of the frame, and hands
//! them out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Receiver;

use super::handed::{Painted, Shown, Sketch, Spares, View};
use crate::frame::Frame;
use crate::pipeline::meter::Meter;
use crate::show::Show;
use crate::stylize::FullSize;
use crate::sync::latest::Latest;
use crate::sync::threads::panicked;
use crate::temporal::Stabilizer;
use crate::warning::Warning;

/// Finishes paintings, on a thread of its own.
pub struct Finisher<'a> {
    pub stabilizer: Stabilizer,
    pub full_size: FullSize,
    pub show: &'a Show,
    pub meter: &'a Meter,
    pub spares: &'a Spares,
    pub feeds: &'a [Latest<Arc<Shown>>],
    pub view: &'a View,
}

impl Finisher<'_> {
    /// Finishes what is painted until that ends, or the show does.
    pub fn run(mut self, painted: &Receiver<Painted>) {
        let mut pool: Vec<Arc<Shown>> = Vec::new();
        let mut last: Option<Arc<Shown>> = None;
        for painted in painted {
            if self.show.stop.requested() {
                return;
            }
            match painted {
                Painted::New(sketch) => {
                    let mut shown = free(&mut pool);
                    if let Some(shown) = Arc::get_mut(&mut shown) {
                        self.finish(*sketch, shown);
                    }
                    self.hand_out(&shown);
                    last = Some(Arc::clone(&shown));
                    pool.push(shown);
                }
                Painted::Again { frozen } => {
                    if let Some(last) = &last {
                        self.hand_out(last);
                        if frozen {
                            self.meter.held();
                        }
                    }
                }
            }
        }
    }

    fn finish(&mut self, sketch: Sketch, shown: &mut Shown) {
        let Sketch { frame, arrived, mut small, outcome, restart, seen } = sketch;
        shown.arrived = arrived;
        self.spares.give(std::mem::replace(&mut shown.original, frame));
        let Shown { painted, original, .. } = shown;
        if restart {
            self.stabilizer.restart();
        }
        let outcome = outcome.and_then(|()| {
            let finished = catch_unwind(AssertUnwindSafe(|| {
                let mut styled = std::mem::take(&mut small.painted);
                self.stabilizer.stabilize(small.seen(original), &mut styled);
                small.painted = styled;
                self.full_size.restore(original, &mut small, painted)
            }));
            finished.unwrap_or_else(|_| Err(panicked("finish")))
        });
        match outcome {
            Ok(()) => self.show.notice("painting", None),
            Err(error) => {
                painted.clone_from(original);
                self.show.notice("painting", Some(Warning::PaintingFailed { reason: error.to_string() }));
            }
        }
        self.spares.give_small(small);
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
