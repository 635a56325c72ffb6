//! Paints a video in segments that survive an interruption. Each segment is a file of its own, and they are joined at the
//! end. An interrupted job loses only the segment that it was painting.
//!
//! Until the job is finished, its segments are in `film.mp4.parts/` beside `film.mp4`:
//!
//! | file | holds |
//! | --- | --- |
//! | `job.json` | what is painted and how ([`journal::Journal`]), so that different settings are never mixed |
//! | `000000.nut` | the encoded packets of the first segment; NUT keeps the exact timestamps of any codec and can be played |
//! | `000000.json` | describes the segment ([`folder::Segment`]); written last, so it also means that the segment is complete |
//! | `unpacking` | nothing; it is there while numbered pictures get their names |
//! | `film.index` | the film's index, if it is not beside the film ([`crate::media::read::Index`]) |
//! | `lock` | the process that works in the folder |
//!
//! A segment depends only on the film and the settings: it has a new encoder, and the stabiliser is handed over at its start
//! ([`crate::temporal::Relay`]). So the frames are the same however often a job was interrupted, in whatever order its
//! segments were painted, and on however many machines.

pub mod finished;
pub mod folder;
pub mod join;
pub mod journal;
pub mod marks;
pub mod paint;
pub mod resume;
pub mod writer;

use std::str::FromStr;

use crate::error::Result;
use crate::media::write::{Container, EncodeOptions, Encoder};
use crate::media::{FrameFormat, VideoInfo};

/// Default number of frames in a segment: about ten seconds, which is the most that a power cut costs.
pub const SEGMENT_FRAMES: u64 = 300;

/// How the painted frames are encoded: the same in all segments and in the joined file.
#[derive(Clone, Debug)]
pub struct Encoding {
    /// The container of the final file.
    pub container: Container,
    /// Properties of the input.
    pub info: VideoInfo,
    /// Properties of the painted frames.
    pub frames: FrameFormat,
    /// The requested encoder options.
    pub options: EncodeOptions,
}

impl Encoding {
    /// Opens a new encoder.
    ///
    /// # Errors
    /// Those of [`Encoder::open`].
    pub fn encoder(&self) -> Result<Encoder> {
        Encoder::open(&self.info, &self.frames, self.container, &self.options)
    }
}

/// A half-open range of segments: from `first` up to, but not including, `end`.
///
/// Parses from `A..B`, `A..` and `..B`, like Rust's ranges; segment numbers are at most 1,000,000.
///
/// ```
/// use impasto::film::SegmentRange;
///
/// assert_eq!("0..100".parse(), Ok(SegmentRange { first: 0, end: Some(100) }));
/// assert_eq!("100..".parse(), Ok(SegmentRange { first: 100, end: None }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentRange {
    /// The first segment, from 0.
    pub first: u64,
    /// The segment after the last one, greater than `first`; `None` for all up to the end of the film.
    pub end: Option<u64>,
}

impl SegmentRange {
    /// All segments.
    pub const ALL: Self = Self { first: 0, end: None };
}

impl FromStr for SegmentRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "'{text}' is not a range of segments; write A..B for A up to, but not including, B, or A.. for A to the end"
            )
        };
        let (first, end) = text.split_once("..").ok_or_else(wrong)?;
        let number = |text: &str| text.parse::<u64>().ok().filter(|&number| number <= 1_000_000).ok_or_else(wrong);
        let first = if first.is_empty() { 0 } else { number(first)? };
        let end = if end.is_empty() { None } else { Some(number(end)?) };
        if end.is_some_and(|end| end <= first) { Err(wrong()) } else { Ok(Self { first, end }) }
    }
}

#[cfg(test)]
mod tests {
    use super::SegmentRange;

    #[test]
    fn ranges_are_half_open_so_that_they_fit_together() {
        assert_eq!("0..100".parse(), Ok(SegmentRange { first: 0, end: Some(100) }));
        assert_eq!("100..".parse(), Ok(SegmentRange { first: 100, end: None }));
        assert_eq!("..5".parse(), Ok(SegmentRange { first: 0, end: Some(5) }));
        for text in ["", "5", "5..5", "6..5", "a..b", "-1..2", "0...3", "0..=3"] {
            assert!(text.parse::<SegmentRange>().is_err(), "{text}");
        }
    }
}
