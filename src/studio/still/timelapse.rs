//! The timelapse: a video of the picture after every step, scaled to the final size.

use std::path::Path;

use crate::error::Result;
use crate::frame::Frame;
use crate::kernel::resize::Resizer;
use crate::network::vgg19::Extent;
use crate::sink::Sink;
use crate::sink::video::VideoSink;
use crate::warning::Warning;

/// Pictures per second.
const FRAME_RATE: i32 = 30;
/// For how many frames the last picture is held.
const HOLD: u32 = 60;

/// The video that is being written.
pub struct Timelapse {
    sink: VideoSink,
    /// The next picture, scaled.
    frame: Frame,
    resizer: Resizer,
}

impl Timelapse {
    /// Starts a video as large as the picture, or one pixel less: most encoders need even sides.
    ///
    /// # Errors
    /// The file cannot be written, or its name stands for no container.
    pub fn create(path: &Path, finest: Extent) -> Result<Self> {
        let (width, height) = (finest.width as u32 & !1, finest.height as u32 & !1);
        let sink = VideoSink::of_pictures(path, width, height, FRAME_RATE)?;
        Ok(Self { sink, frame: Frame::new(width, height), resizer: Resizer::default() })
    }

    /// Warnings about the output.
    pub fn warnings(&self) -> Vec<Warning> {
        self.sink.warnings()
    }

    /// Adds the picture of a step.
    ///
    /// # Errors
    /// It cannot be encoded or written.
    pub fn add(&mut self, picture: &Frame) -> Result<()> {
        let (width, height) = (self.frame.width, self.frame.height);
        self.resizer.resize(picture.image(), width, height, &mut self.frame.pixels)?;
        self.sink.put(&self.frame)?;
        self.frame.time += 1;
        self.frame.index += 1;
        Ok(())
    }

    /// Holds the last picture for a while and closes the file.
    ///
    /// # Errors
    /// Those of [`Self::add`].
    pub fn finish(mut self, last: &Frame) -> Result<()> {
        (0..HOLD).try_for_each(|_| self.add(last))?;
        Box::new(self.sink).finish()
    }
}
