//! Where frames come from.

pub mod camera;
pub mod paced;
pub mod synthetic;
pub mod video;

use std::time::Instant;

use crate::error::Result;
use crate::frame::{Frame, Rational};

/// What a source will deliver.
#[derive(Clone, Copy, Debug)]
pub struct SourceFormat {
    /// Columns of each frame.
    pub width: u32,
    /// Rows of each frame.
    pub height: u32,
    /// Frames a second; an average where the rate varies.
    pub frame_rate: Rational,
    /// The unit of [`Frame::time`], in seconds.
    pub time_base: Rational,
    /// How many frames there will be, as far as the source knows; for progress only.
    pub frames: Option<u64>,
}

/// Something that yields frames in presentation order.
pub trait Source: Send {
    /// What the frames will be like.
    fn format(&self) -> SourceFormat;

    /// Fills `frame` with the next one and returns true, or returns false at the end. `frame`'s buffer is recycled.
    fn next(&mut self, frame: &mut Frame) -> Result<bool>;

    /// When the frame that [`Self::next`] gave last became available: before it waited to be taken and was decoded. `None` if the
    /// source cannot tell.
    fn arrived(&self) -> Option<Instant> {
        None
    }

    /// Frames lost between the device and [`Self::next`] since the source was opened: dropped by the driver, replaced by a
    /// newer one before they were taken, or undecodable.
    fn dropped(&self) -> u64 {
        0
    }
}
