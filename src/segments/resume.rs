//! A video source that resumes where an earlier run stopped, and checks that its frames are the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::marks::{Mark, Marks};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::media::read::Index;
use crate::source::video::VideoSource;
use crate::source::{Source, SourceFormat};
use crate::warning::Warning;

/// Wraps a video: records marks, seeks to them again, and checks frames against them.
pub struct ResumableSource {
    source: VideoSource,
    /// Position of the next frame in the film.
    place: u64,
    complete: Arc<AtomicBool>,
    /// Where to record marks.
    marks: Option<Marks>,
    /// Marks that the frames at their positions must match.
    expected: Vec<Mark>,
    /// Position at which to end.
    until: Option<u64>,
}

impl ResumableSource {
    /// Wraps a `source` that has delivered no frame yet.
    pub fn new(source: VideoSource) -> Self {
        Self { source, place: 0, complete: Arc::default(), marks: None, expected: Vec::new(), until: None }
    }

    /// A flag that becomes true when the last frame of the film has been delivered, and stays false if the job stops before.
    pub fn complete(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.complete)
    }

    /// Whether the last frame of the film has been delivered.
    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// Whether the video can be read again from any place.
    pub fn can_seek(&self) -> bool {
        self.source.can_seek()
    }

    /// Position of the next frame.
    pub fn place(&self) -> u64 {
        self.place
    }

    /// Warnings about the input; complete after the last frame.
    pub fn warnings(&self) -> Vec<Warning> {
        self.source.warnings()
    }

    /// Records marks from now on, and ends before the frame at position `until`, if given; that frame is marked too.
    pub fn leave(&mut self, marks: Marks, until: Option<u64>) {
        (self.marks, self.until) = (Some(marks), until);
    }

    /// Seeks to the frame of `first`. Returns false unless the seek provably gives the same frames as decoding from the
    /// start: the frames of `first` and `second` must have their timestamps, their pixels and their distance. After false,
    /// the source is unusable.
    ///
    /// # Errors
    /// Those of [`Source::next`].
    pub fn seek(&mut self, first: &Mark, second: &Mark) -> Result<bool> {
        if !self.land(first)? {
            return Ok(false);
        }
        let mut frame = Frame::default();
        while self.place <= second.index {
            if !self.source.next(&mut frame)? {
                return Ok(false);
            }
            let index = self.place;
            self.place += 1;
            let is_other = |expected: &Mark| expected.index == index && *expected != self.mark(&frame, index);
            if is_other(first) || is_other(second) {
                return Ok(false);
            }
        }
        self.expected = vec![first.clone(), second.clone()];
        self.land(first)
    }

    /// Seeks to the frame at position `place` by the film's index, which the frames are held to from then on. Returns false
    /// unless the seek provably gives the same frames as decoding from the start; the source is then unusable.
    ///
    /// # Errors
    /// Those of [`Source::next`].
    pub fn seek_by(&mut self, index: &Arc<Index>, place: u64) -> Result<bool> {
        self.place = place;
        self.source.seek_by(index, place)
    }

    /// Number of frames of the film that `index` describes.
    pub fn frames_by(&self, index: &Index) -> u64 {
        self.source.frames_by(index)
    }

    /// Goes to the frame at position `index` by decoding all frames before it. Returns false if the film is shorter. The
    /// frames that follow are checked against the `expected` marks.
    ///
    /// # Errors
    /// Those of [`Source::next`].
    pub fn skip_to(&mut self, index: u64, expected: Vec<Mark>) -> Result<bool> {
        self.expected = expected;
        let mut scratch = Frame::default();
        while self.place < index {
            if !self.source.skip(&mut scratch)? {
                return Ok(false);
            }
            self.place += 1;
        }
        Ok(true)
    }

    fn land(&mut self, mark: &Mark) -> Result<bool> {
        self.place = mark.index;
        self.source.go_to(mark.index, mark.time, mark.decoded)
    }

    /// The mark of the frame that was just delivered.
    fn mark(&self, frame: &Frame, index: u64) -> Mark {
        Mark::of(frame, index, self.source.decoded_time(frame))
    }
}

impl Source for ResumableSource {
    fn format(&self) -> SourceFormat {
        self.source.format()
    }

    fn next(&mut self, frame: &mut Frame) -> Result<bool> {
        if !self.source.next(frame)? {
            self.complete.store(true, Ordering::Release);
            return Ok(false);
        }
        frame.index = self.place;
        self.place += 1;
        let is_expected = self.expected.iter().any(|mark| mark.index == frame.index);
        if is_expected || self.marks.as_ref().is_some_and(|marks| marks.want(frame.index)) {
            let mark = self.mark(frame, frame.index);
            if is_expected && !self.expected.contains(&mark) {
                return Err(Error::failed(format!(
                    "frame {} of the input differs from what it was when the segments before it were painted (another \
                     version of FFmpeg, or a damaged disk); add --restart to start over",
                    frame.index
                )));
            }
            if let Some(marks) = &self.marks {
                marks.leave(mark);
            }
        }
        Ok(self.until.is_none_or(|until| frame.index < until))
    }
}
