//! A video job in pieces: each is a file of its own, whole before the next one is begun, and joined with the others at the
//! end. What stops a job costs it the piece that it was at.
//!
//! Beside `film.mp4` there is `film.mp4.parts/` while the job is not finished:
//!
//! | file | holds |
//! | --- | --- |
//! | `job.json` | what is painted and how ([`journal::Journal`]): settings that differ are never mixed |
//! | `000000.nut` | the packets of the first segment, as encoded; NUT keeps the exact times of any codec and plays |
//! | `000000.json` | says that this segment is whole, and all about it ([`folder::Segment`]); written last |
//! | `lock` | who is at work here |
//!
//! A segment depends on nothing but the film and the settings: its encoder is a fresh one, and the stabiliser is handed over
//! at its beginning ([`crate::temporal::Relay`]). So it makes no difference how often a job was stopped, in which order its
//! segments were painted, or on how many machines.

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

/// Frames of a segment, unless another number is asked for: ten seconds or so, which is what a power cut costs.
pub const SEGMENT_FRAMES: u64 = 300;

/// How the painted frames are written, the same in all segments and in the file that they are joined to.
#[derive(Clone, Debug)]
pub struct Encoding {
    /// The container of the final file.
    pub container: Container,
    /// What was found in the input.
    pub info: VideoInfo,
    /// The painted frames.
    pub frames: FrameFormat,
    /// What was asked for.
    pub options: EncodeOptions,
}

impl Encoding {
    /// A fresh encoder.
    ///
    /// # Errors
    /// Those of [`Encoder::open`].
    pub fn encoder(&self) -> Result<Encoder> {
        Encoder::open(&self.info, &self.frames, self.container, &self.options)
    }
}

/// A part of a job: segments from `first` up to, but without, `end`; to the last one without that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentRange {
    /// From 0.
    pub first: u64,
    /// Above `first`.
    pub end: Option<u64>,
}

impl SegmentRange {
    /// All of it.
    pub const ALL: Self = Self { first: 0, end: None };
}

impl FromStr for SegmentRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("'{text}' names no segments; write A..B for those from A up to, but without, B, or A.. to the end")
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
    fn parts_are_half_open_so_that_they_fit_together() {
        assert_eq!("0..100".parse(), Ok(SegmentRange { first: 0, end: Some(100) }));
        assert_eq!("100..".parse(), Ok(SegmentRange { first: 100, end: None }));
        assert_eq!("..5".parse(), Ok(SegmentRange { first: 0, end: Some(5) }));
        for text in ["", "5", "5..5", "6..5", "a..b", "-1..2", "0...3", "0..=3"] {
            assert!(text.parse::<SegmentRange>().is_err(), "{text}");
        }
    }
}
