//! Frames to a video file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Sink;
use crate::error::{Error, Result};
use crate::frame::{Frame, Rational};
use crate::media::copied::CopiedStreams;
use crate::media::decode::VideoInfo;
use crate::media::encode::{EncodeOptions, Encoder, FrameFormat};
use crate::media::file::{Container, VideoFile};

/// Encodes frames, and copies everything else of the input beside them.
pub struct VideoSink {
    file: VideoFile,
    time_base: Rational,
    /// The source has delivered its last frame; if not, the copied streams end with the video.
    complete: Arc<AtomicBool>,
    /// Where the last frame ends, in ticks of `time_base`.
    end: i64,
    frames: u64,
}

/// The file that is painted, and what of it.
#[derive(Debug)]
pub struct Painted<'a> {
    /// The file.
    pub path: &'a Path,
    /// What the decoder found in it.
    pub info: &'a VideoInfo,
    /// Its beginning is left out.
    pub cut: bool,
    /// See [`crate::source::video::VideoSource::complete`].
    pub complete: Arc<AtomicBool>,
}

impl VideoSink {
    /// Begins `path` under a temporary name.
    ///
    /// # Errors
    /// Those of [`Encoder::open`], [`CopiedStreams::open`] and [`VideoFile::create`].
    pub fn create(path: &Path, painted: Painted<'_>, format: &FrameFormat, options: &EncodeOptions) -> Result<Self> {
        let container = Container::of(path)?;
        let encoder = Encoder::open(painted.info, format, container, options)?;
        let copied = CopiedStreams::open(painted.path, painted.info, painted.cut)?;
        let file = VideoFile::create(path, container, painted.info, encoder, Some(copied))?;
        Ok(Self { file, time_base: format.time_base, complete: painted.complete, end: 0, frames: 0 })
    }

    /// Begins `path` for pictures that come from no file, `frame_rate` a second; [`Frame::time`] counts them.
    ///
    /// # Errors
    /// Those of [`Encoder::open`] and [`VideoFile::create`].
    pub fn of_pictures(path: &Path, width: u32, height: u32, frame_rate: i32) -> Result<Self> {
        let container = Container::of(path)?;
        let info = VideoInfo::of_pictures(width, height, frame_rate);
        let VideoInfo { time_base, frame_rate, aspect, .. } = info;
        let format = FrameFormat { width, height, time_base, frame_rate, aspect };
        let encoder = Encoder::open(&info, &format, container, &EncodeOptions::default())?;
        let file = VideoFile::create(path, container, &info, encoder, None)?;
        Ok(Self { file, time_base, complete: Arc::new(AtomicBool::new(true)), end: 0, frames: 0 })
    }

    /// What a person should know about the output.
    pub fn warnings(&self) -> Vec<String> {
        self.file.warnings()
    }

    /// Columns and rows of the output.
    pub fn size(&self) -> (u32, u32) {
        self.file.size()
    }
}

impl Sink for VideoSink {
    fn put(&mut self, frame: &Frame) -> Result<()> {
        self.frames += 1;
        self.end = frame.time + frame.duration.max(1);
        self.file.put(frame)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        if self.frames == 0 {
            // The input has a frame, or it would not have been opened.
            return Err(Error::Interrupted(
                "interrupted before the first frame was painted; nothing is written".into(),
            ));
        }
        let complete = self.complete.load(Ordering::Acquire);
        let until = if complete { f64::INFINITY } else { self.end as f64 * self.time_base.as_f64() };
        self.file.finish(until)
    }
}
