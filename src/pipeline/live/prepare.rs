//! Gets frames ready for the networks while they paint the one before: mirrored, at the size that the networks see, and with
//! grain that moved along with the scene.

use std::sync::Mutex;

use super::handed::{Captured, PATIENCE, Prepared, Spares, Wanted};
use crate::kernel::arrange;
use crate::kernel::resize::Resizer;
use crate::pipeline::meter::Meter;
use crate::show::Show;
use crate::stylize::Scale;
use crate::sync::latest::{Latest, Taken};
use crate::sync::lock;
use crate::temporal::Carrier;

/// Prepares frames, on a thread of its own.
pub struct Preparer<'a> {
    pub scale: Scale,
    pub carrier: Carrier,
    pub resizer: Resizer,
    pub wanted: &'a Mutex<Wanted>,
    pub show: &'a Show,
    pub meter: &'a Meter,
    pub spares: &'a Spares,
}

impl Preparer<'_> {
    /// Prepares what is captured until that ends, or the show does.
    pub fn run(mut self, newest: &Latest<Captured>, ready: &Latest<Prepared>) {
        loop {
            let captured = newest.take(PATIENCE.min(self.show.stop.left()));
            if self.show.stop.requested() {
                return;
            }
            match captured {
                Taken::Value(captured) => {
                    if let Some(stale) = ready.put(self.prepare(captured)) {
                        self.meter.dropped(1);
                        self.spares.give(stale.frame);
                        self.spares.give_small(stale.small);
                    }
                }
                Taken::Nothing => {}
                Taken::Closed => return,
            }
        }
    }

    fn prepare(&mut self, Captured { mut frame, arrived }: Captured) -> Prepared {
        let Wanted { side, grain } = *lock(self.wanted);
        let (mirror, scale) = self.show.read(|settings| (settings.mirror, settings.scale));
        if mirror {
            arrange::mirror(&mut frame);
        }
        let mut small = self.spares.small();
        let size = self.scale.with_factor(scale).seen(frame.size(), side, 1.0);
        // If it fails, the painter tries again, and says why.
        let seen = match small.see(&frame, size, &mut self.resizer) {
            Ok(()) => small.seen(&frame),
            Err(_) => &frame,
        };
        let grain = self.carrier.carry(seen, size, grain);
        Prepared { frame, arrived, small, grain }
    }
}
