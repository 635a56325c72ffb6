//! Paints segments, from a source positioned at the right frame to complete files in the job's folder.

use std::sync::mpsc::sync_channel;
use std::thread;

use super::Encoding;
use super::folder::Folder;
use super::marks::Marks;
use super::resume::ResumableSource;
use super::writer::{SegmentSink, close_all};
use crate::error::Result;
use crate::frame::Frame;
use crate::pipeline::ordered;
use crate::size::Size;
use crate::source::Source;
use crate::stylize::Stylizer;
use crate::sync::Stop;
use crate::sync::threads::{join_scoped, spawn_scoped};
use crate::temporal::{Carrier, LEAD, Relay, Stabilizer, WARM_UP};

/// Where segments are written, and how.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// The job's folder.
    pub folder: &'a Folder,
    /// How frames are encoded.
    pub encoding: &'a Encoding,
    /// Frames per segment, at least [`WARM_UP`].
    pub every: u64,
    /// Whether a segment's pictures depend on the [`LEAD`] before it.
    pub warms_up: bool,
}

/// Paints segments from `first` up to, but not including, `end`, or to the end of the film. `source` must be positioned at
/// the first frame of `first`, or [`LEAD`] frames before it for the grain and the stabiliser to warm up. Segments that are
/// complete when `stop` is requested or something fails are kept.
///
/// # Errors
/// Those of [`ordered::run`]; or a segment could not be closed.
pub fn paint_segments(
    source: &mut ResumableSource,
    workers: &mut [Stylizer],
    (carrier, stabilizer): (Carrier, Stabilizer),
    destination: Destination<'_>,
    (first, end): (u64, Option<u64>),
    stop: &Stop,
    observe: &(dyn Fn(ordered::Progress<'_>) + Sync),
) -> Result<ordered::Throughput> {
    let Destination { folder, encoding, every, warms_up } = destination;
    // Never before the frame at which a resumed job begins.
    let marks = Marks::new(every, if warms_up { LEAD } else { LEAD.min(every) });
    source.leave(marks.clone(), end.map(|end| end * every));
    let mut relay = Relay::new(stabilizer, every);
    let mut carrier = carrier.with_segments(every);
    thread::scope(|scope| {
        // No queue: a segment is handed over only when the one before is closed.
        let (full, closing) = sync_channel(0);
        let closer = spawn_scoped(scope, "close segments", move || close_all(&closing, folder))?;
        let complete = source.complete();
        let first = first * every;
        let sink = SegmentSink { folder, encoding, every, first, marks, complete, full, growing: None };
        let format = source.format();
        let frame = Size::new(format.width, format.height);
        let (seen, wanted) = workers.first().map_or((frame, false), |one| (one.seen_size(frame), one.takes_grain()));
        // The grain alone begins so early; nothing is painted for it.
        let mut early = Frame::default();
        while source.place() + WARM_UP < first && source.next(&mut early)? {
            carrier.carry(&early, seen, wanted);
        }
        let carry = &mut |input: &_| carrier.carry(input, seen, wanted);
        let steady = &mut |input: &_, styled: &mut _| relay.stabilize(input, styled);
        let painted = ordered::run(source, carry, workers, steady, Box::new(sink), stop, observe);
        // The sink is dropped, so the channel is closed and the closer ends.
        let closed = join_scoped(closer);
        match (painted, closed) {
            (Ok(painted), Ok(())) => Ok(painted),
            (Ok(_), Err(error)) | (Err(error), Ok(())) => Err(error),
            (Err(painting), Err(closing)) => Err(painting.root(closing)),
        }
    })
}
