//! Encodes frames into segments.
//!
//! When a segment is full, its encoder still holds frames. A separate thread flushes them and syncs the file to disk while
//! the next segment is being encoded.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};

use super::Encoding;
use super::folder::{Folder, Segment};
use super::marks::{Mark, Marks};
use crate::error::{Error, Result};
use crate::frame::{Frame, Stamp};
use crate::media::write::{Container, EncodedFile, Shown};
use crate::sink::Sink;
use crate::whole::Unfinished;

/// Encodes frames into one segment after another.
pub struct SegmentSink<'a> {
    /// Where the segments are kept.
    pub folder: &'a Folder,
    /// How frames are encoded.
    pub encoding: &'a Encoding,
    /// Frames per segment.
    pub every: u64,
    /// Position of the first frame to keep; those before it are for the stabiliser to warm up.
    pub first: u64,
    /// The marks that the source records at the start of each segment.
    pub marks: Marks,
    /// See [`super::resume::ResumableSource::complete`].
    pub complete: Arc<AtomicBool>,
    /// Full segments, on their way to [`close_all`].
    pub full: SyncSender<Full>,
    /// The segment that is being encoded.
    pub growing: Option<Growing>,
}

/// A segment that is being encoded. If dropped, it leaves no file behind.
pub struct Growing {
    number: u64,
    path: PathBuf,
    file: EncodedFile,
    frames: Vec<Shown>,
}

/// A segment that has all its frames.
pub struct Full {
    growing: Growing,
    next: Option<[Mark; 2]>,
}

impl SegmentSink<'_> {
    fn begin(&self, number: u64) -> Result<Growing> {
        let path = self.folder.file(number);
        let container = Container::named("nut").ok_or_else(|| Error::internal("no container called nut"))?;
        let encoder = self.encoding.encoder()?;
        let file = Unfinished::beside(&path).map_err(|error| Error::writing(&path, &error))?;
        let file = EncodedFile::create(file, container, &self.encoding.info, encoder)?;
        Ok(Growing { number, path, file, frames: Vec::new() })
    }

    fn close(&mut self, next: Option<[Mark; 2]>) -> Result<()> {
        let Some(growing) = self.growing.take() else { return Ok(()) };
        // The closing thread ends early only if it fails, and reports why.
        self.full.send(Full { growing, next }).map_err(|_| Error::Disconnected)
    }
}

impl Sink for SegmentSink<'_> {
    fn put_at(&mut self, frame: &Frame, stamp: Stamp) -> Result<()> {
        if frame.index < self.first {
            return Ok(());
        }
        if frame.index.is_multiple_of(self.every) {
            let next = self.marks.take(frame.index);
            self.close(next)?;
        }
        let growing = match self.growing.take() {
            Some(growing) => growing,
            None => self.begin(frame.index / self.every)?,
        };
        let growing = self.growing.insert(growing);
        growing.frames.push((stamp.time, stamp.duration.max(1)));
        growing.file.put(frame, stamp)
    }

    /// Closes the last segment if it is complete: the film has ended, or the segment is full.
    fn finish(mut self: Box<Self>) -> Result<()> {
        let Some(growing) = &self.growing else { return Ok(()) };
        let is_last = self.complete.load(Ordering::Acquire);
        let next = self.marks.take((growing.number + 1) * self.every);
        let is_full = growing.frames.len() as u64 == self.every && next.is_some();
        if is_last || is_full { self.close(next) } else { Ok(()) }
    }
}

/// Closes the segments that arrive, one after another, and records each as complete.
///
/// # Errors
/// An encoder failed, the disk is full, or the folder is gone.
pub fn close_all(full: &Receiver<Full>, folder: &Folder) -> Result<()> {
    for Full { growing, next } in full {
        let Growing { number, path, file, frames } = growing;
        let delay = file.finish()?;
        let bytes = std::fs::metadata(&path).map_err(|error| Error::writing(&path, &error))?.len();
        folder.keep(number, &Segment { job: folder.job().to_owned(), bytes, delay, frames, next })?;
    }
    Ok(())
}
