//! Finding frames in a video by its index, and holding them to it.

use std::ops::Range;
use std::sync::Arc;

use super::rate::ConstantRate;
use crate::error::{Error, Result};
use crate::frame::{Frame, Rational};
use crate::media::read::{Decoder, Index};

/// An index that the decoded frames must match.
pub struct Held {
    index: Arc<Index>,
    /// Position in the index of the next frame.
    next: usize,
    /// Position at which the film ends for this job.
    end: usize,
}

impl Held {
    pub fn new(index: Arc<Index>, next: usize, end: usize) -> Self {
        Self { index, next, end }
    }
}

/// As [`Decoder::next`]; also compares the frame with the index.
pub fn next(decoder: &mut Decoder, held: &mut Option<Held>, frame: &mut Frame) -> Result<bool> {
    let is_there = decoder.next(frame)?;
    let Some(Held { index, next, end }) = held else { return Ok(is_there) };
    let is_same = if is_there {
        index.shown(*next).map(|(time, _)| time) == decoder.shown_at() && index.is_same(*next, frame)
    } else {
        next == end
    };
    if !is_same {
        return Err(Error::failed(format!(
            "frame {next} of '{}' differs from what its index says (another version of FFmpeg, or a damaged disk); write the \
             index again with --index",
            decoder.path().display()
        )));
    }
    *next += usize::from(is_there);
    Ok(is_there)
}

/// Seeks to the frame at position `wanted` of the index. Returns false unless the frames on the way have the times and pictures
/// of the index.
///
/// # Errors
/// Those of [`Decoder::next`].
pub fn land(decoder: &mut Decoder, part: &Part<'_>, wanted: usize) -> Result<bool> {
    let index = part.index;
    let from = index.landing(wanted);
    let Some((time, _)) = index.shown(from) else { return Ok(false) };
    let before = from.saturating_sub(part.frames.start) as u64;
    if !decoder.go_to(time - part.origin, before)? {
        return Ok(false);
    }
    let mut picture = Frame::default();
    for at in from..wanted {
        let is_there = if index.has_mark(at) { decoder.next(&mut picture)? } else { decoder.skip()? };
        let is_timely = decoder.shown_at() == index.shown(at).map(|(time, _)| time);
        if !is_there || !is_timely || !index.is_same(at, &picture) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The frames of an index that a job shows.
pub struct Part<'a> {
    pub index: &'a Index,
    /// Their positions in the index.
    pub frames: Range<usize>,
    /// The time that is 0 in the job, in ticks of the stream.
    pub origin: i64,
    /// One tick of the stream, in seconds.
    pub time_base: Rational,
    /// The constant frame rate of the job, if it has one.
    pub rate: Option<Rational>,
}

/// Where a frame of the job comes from.
pub struct Place {
    /// Timestamp in ticks of the constant rate; 0 without one.
    pub time: i64,
    /// Position in the index.
    pub decoded: usize,
}

impl Part<'_> {
    /// Number of frames of the job.
    pub fn count(&self) -> u64 {
        let Some(rate) = self.rate else { return self.frames.len() as u64 };
        let mut count = 0;
        self.resample(rate, &mut |_| {
            count += 1;
            true
        });
        count
    }

    /// Where frame `number` of the job comes from; `None` after the end.
    pub fn place_of(&self, number: u64) -> Option<Place> {
        let Some(rate) = self.rate else {
            let decoded = self.frames.start.checked_add(usize::try_from(number).ok()?)?;
            return self.frames.contains(&decoded).then_some(Place { time: 0, decoded });
        };
        let (mut left, mut found) = (number, None);
        self.resample(rate, &mut |frame| {
            found = (left == 0).then_some(Place { time: frame.time, decoded: frame.index as usize });
            left = left.saturating_sub(1);
            found.is_none()
        });
        found
    }

    /// Goes through the frames at a constant rate, without pixels: their timestamps, and as index the position in the film's
    /// index. Ends when `visit` answers false.
    fn resample(&self, rate: Rational, visit: &mut dyn FnMut(&Frame) -> bool) {
        let mut rate = ConstantRate::new(rate, self.time_base);
        let (mut frame, mut at) = (Frame::default(), self.frames.start);
        let mut decode = |frame: &mut Frame| {
            let shown = self.index.shown(at).filter(|_| at < self.frames.end);
            let Some((time, duration)) = shown else { return Ok(false) };
            (frame.time, frame.duration, frame.index) = (time - self.origin, duration, at as u64);
            at += 1;
            Ok(true)
        };
        while rate.next(&mut frame, &mut decode).unwrap_or(false) && visit(&frame) {}
    }
}
