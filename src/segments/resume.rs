//! A source that can continue where an earlier job stopped, and proves that its frames are the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::marks::{Mark, Marks};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::source::video::VideoSource;
use crate::source::{Source, SourceFormat};

/// Wraps a video: leaves marks on the way, goes to them again, and checks frames against them.
pub struct ResumableSource {
    source: VideoSource,
    /// The place of the next frame in the film.
    place: u64,
    complete: Arc<AtomicBool>,
    /// Where to leave marks.
    marks: Option<Marks>,
    /// What the frames of these places must be like.
    expected: Vec<Mark>,
    /// The place from which on nothing is delivered.
    until: Option<u64>,
}

impl ResumableSource {
    /// Wraps a `source` of which no frame was taken.
    pub fn new(source: VideoSource) -> Self {
        Self { source, place: 0, complete: Arc::default(), marks: None, expected: Vec::new(), until: None }
    }

    /// Becomes true when the last frame has been delivered; stays false in a job that was stopped before.
    pub fn complete(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.complete)
    }

    /// Whether the last frame has been delivered.
    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// The place of the next frame.
    pub fn place(&self) -> u64 {
        self.place
    }

    /// What a person should know about the input; complete after the last frame.
    pub fn warnings(&self) -> Vec<String> {
        self.source.warnings()
    }

    /// Leaves marks on the way, and ends before the frame at the place `until`, if that is given; its mark is left too.
    pub fn leave(&mut self, marks: Marks, until: Option<u64>) {
        (self.marks, self.until) = (Some(marks), until);
    }

    /// Goes to `first`'s frame by a seek. False where that is not proven to give the same frames as decoding from the
    /// beginning: `first` and `second` must be found at their times, with their pixels, and as far apart as they were. The
    /// source is then unusable.
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

    /// Goes to the frame at the place `index` by decoding all before it. False if there are not so many. The frames that
    /// come are checked against the `expected` marks.
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

    /// The mark of a frame that was just delivered.
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
                    "frame {} of the input is not what it was when the segments before it were painted (another version \
                     of FFmpeg, or a damaged disk); start again with --restart",
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
