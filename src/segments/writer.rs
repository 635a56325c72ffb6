//! Frames to segments.
//!
//! When a segment is full, its encoder still holds frames. They are got out, and the file is made safe, on a thread of its
//! own, while the next segment is under way.

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

/// Encodes frames into one segment after the other.
pub struct SegmentSink<'a> {
    /// Where they are kept.
    pub folder: &'a Folder,
    /// How they are written.
    pub encoding: &'a Encoding,
    /// Frames of a segment.
    pub every: u64,
    /// Frames before this place are for warming up and not kept.
    pub first: u64,
    /// What the source leaves at the beginning of each segment.
    pub marks: Marks,
    /// See [`super::resume::ResumableSource::complete`].
    pub complete: Arc<AtomicBool>,
    /// To [`close_all`].
    pub full: SyncSender<Full>,
    /// The segment under way.
    pub growing: Option<Growing>,
}

/// A segment under way. Dropped, it leaves nothing behind.
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
        // Closing ends early only when it fails, and says why.
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

    /// Closes the last segment if it is whole: the film has ended, or it is full.
    fn finish(mut self: Box<Self>) -> Result<()> {
        let Some(growing) = &self.growing else { return Ok(()) };
        let is_last = self.complete.load(Ordering::Acquire);
        let next = self.marks.take((growing.number + 1) * self.every);
        let is_full = growing.frames.len() as u64 == self.every && next.is_some();
        if is_last || is_full { self.close(next) } else { Ok(()) }
    }
}

/// Closes the segments that come, one after the other, and records each as complete.
///
/// # Errors
/// An encoder failed, the disk is full, or the folder has gone.
pub fn close_all(full: &Receiver<Full>, folder: &Folder) -> Result<()> {
    for Full { growing, next } in full {
        let Growing { number, path, file, frames } = growing;
        let delay = file.finish()?;
        let bytes = std::fs::metadata(&path).map_err(|error| Error::writing(&path, &error))?.len();
        folder.keep(number, &Segment { job: folder.job().to_owned(), bytes, delay, frames, next })?;
    }
    Ok(())
}
