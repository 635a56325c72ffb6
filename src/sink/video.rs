//! Writes pictures to a video file.

use std::path::Path;

use super::Sink;
use crate::error::{Error, Result};
use crate::frame::{Frame, Stamp};
use crate::media::write::{Container, EncodeOptions, EncodedFile, Encoder};
use crate::media::{FrameFormat, VideoInfo};
use crate::warning::Warning;
use crate::whole::Unfinished;

/// Encodes pictures that do not come from a video file.
pub struct VideoSink {
    file: EncodedFile,
    frames: u64,
}

impl VideoSink {
    /// Starts `path` under a temporary name, for `frame_rate` pictures per second; [`Frame::time`] counts them.
    ///
    /// # Errors
    /// Those of [`Encoder::open`] and [`EncodedFile::create`].
    pub fn of_pictures(path: &Path, width: u32, height: u32, frame_rate: i32) -> Result<Self> {
        let container = Container::of(path)?;
        let info = VideoInfo::of_pictures(width, height, frame_rate);
        let VideoInfo { time_base, frame_rate, aspect, .. } = info;
        let format = FrameFormat { width, height, time_base, frame_rate, aspect };
        let encoder = Encoder::open(&info, &format, container, &EncodeOptions::default())?;
        let file = Unfinished::beside(path).map_err(|error| Error::writing(path, &error))?;
        let file = EncodedFile::create(file, container, &info, encoder)?;
        Ok(Self { file, frames: 0 })
    }

    /// Warnings about the output.
    pub fn warnings(&self) -> Vec<Warning> {
        self.file.warnings()
    }
}

impl Sink for VideoSink {
    fn put_at(&mut self, frame: &Frame, stamp: Stamp) -> Result<()> {
        self.frames += 1;
        self.file.put(frame, stamp)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        if self.frames == 0 {
            return Err(Error::Interrupted(
                "interrupted before the first frame was painted; nothing is written".into(),
            ));
        }
        self.file.finish().map(|_| ())
    }
}
