//! Facts about a video: what a decoder delivers and what an encoder gets.

use super::pixels::ColorTags;
use super::side_data::SideData;
use crate::frame::{MaxPixels, Rational};

/// What a decoder delivers, including what the output must repeat.
#[derive(Clone, Debug)]
pub struct VideoInfo {
    /// Width of the first frame in pixels.
    pub width: u32,
    /// Height of the first frame in pixels.
    pub height: u32,
    /// The unit of [`crate::frame::Frame::time`] in seconds: the stream's own.
    pub time_base: Rational,
    /// Average frames per second.
    pub frame_rate: Rational,
    /// The expected number of frames, if the file says; an estimate for cut or damaged files.
    pub frames: Option<u64>,
    /// Pixel width divided by pixel height; 0/1 if the file does not say.
    pub aspect: Rational,
    /// Colour tags of the first frame.
    pub color: ColorTags,
    /// Index of the video stream in the file, from 0.
    pub stream: usize,
    /// The time in the file that becomes time 0 of the frames, in ticks of `time_base`.
    pub origin: i64,
    /// Frames from this time on are left out, in ticks of `time_base` from `origin`.
    pub end: Option<i64>,
    /// See [`super::read::DecodeOptions::max_pixels`].
    pub(super) max_pixels: MaxPixels,
    pub(super) side_data: Vec<SideData>,
}

impl VideoInfo {
    /// Describes frames that come from no file: BT.709 in limited range, square pixels, one tick per frame.
    /// `frame_rate` is in frames per second, above 0.
    pub fn of_pictures(width: u32, height: u32, frame_rate: i32) -> Self {
        Self {
            width,
            height,
            time_base: Rational { num: 1, den: frame_rate },
            frame_rate: Rational { num: frame_rate, den: 1 },
            frames: None,
            aspect: Rational { num: 1, den: 1 },
            color: ColorTags::BT709,
            stream: 0,
            origin: 0,
            end: None,
            max_pixels: MaxPixels::default(),
            side_data: Vec::new(),
        }
    }
}

/// The format of the frames that an encoder gets.
#[derive(Clone, Copy, Debug)]
pub struct FrameFormat {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The unit of [`crate::frame::Frame::time`] in seconds.
    pub time_base: Rational,
    /// Average frames per second.
    pub frame_rate: Rational,
    /// Pixel width divided by pixel height; 0/1 if unknown.
    pub aspect: Rational,
}
