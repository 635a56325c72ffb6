//! Painting segments: from a source that stands at the right frame to whole files in the job's folder.

use std::sync::mpsc::sync_channel;
use std::thread;

use super::Encoding;
use super::folder::Folder;
use super::marks::Marks;
use super::resume::ResumableSource;
use super::writer::{SegmentSink, close_all};
use crate::error::Result;
use crate::pipeline::ordered;
use crate::stylize::Stylizer;
use crate::sync::Stop;
use crate::sync::threads::{join_scoped, spawn_scoped};
use crate::temporal::{Relay, Stabilizer, WARM_UP};

/// Where segments go, and what they are like.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// The job's folder.
    pub folder: &'a Folder,
    /// How frames are written.
    pub encoding: &'a Encoding,
    /// Frames of a segment, at least [`WARM_UP`].
    pub every: u64,
}

/// Paints from segment `first` up to, but without, `end`; to the end of the film without that. `source` stands at `first`'s
/// first frame or at one before it, from which on the stabiliser warms up. Segments that are whole when `stop` is requested
/// or something fails are kept.
///
/// # Errors
/// As [`ordered::run`]; or a segment could not be closed.
pub fn paint(
    source: &mut ResumableSource,
    workers: &mut [Stylizer],
    stabilizer: Stabilizer,
    destination: Destination<'_>,
    (first, end): (u64, Option<u64>),
    stop: &Stop,
    observe: &(dyn Fn(ordered::Progress) + Sync),
) -> Result<ordered::Throughput> {
    let Destination { folder, encoding, every } = destination;
    let marks = Marks::new(every, WARM_UP);
    source.leave(marks.clone(), end.map(|end| end * every));
    let mut relay = Relay::new(stabilizer, every);
    thread::scope(|scope| {
        // No segment waits: the next one may be full only when the one before is closed.
        let (full, closing) = sync_channel(0);
        let closer = spawn_scoped(scope, "close segments", move || close_all(&closing, folder))?;
        let complete = source.complete();
        let first = first * every;
        let sink = SegmentSink { folder, encoding, every, first, marks, complete, full, growing: None };
        let steady = &mut |input: &_, styled: &mut _| relay.stabilize(input, styled);
        let painted = ordered::run(source, workers, steady, Box::new(sink), stop, observe);
        // The sink is gone, and with it what the closer waits for.
        let closed = join_scoped(closer);
        match (painted, closed) {
            (Ok(painted), Ok(())) => Ok(painted),
            (Ok(_), Err(error)) | (Err(error), Ok(())) => Err(error),
            (Err(painting), Err(closing)) => Err(painting.root(closing)),
        }
    })
}
