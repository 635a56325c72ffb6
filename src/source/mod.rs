//! Sources of frames: videos, cameras, streams and screens.

pub mod camera;
pub mod paced;
pub mod synthetic;
pub mod video;

use std::time::Instant;

use crate::error::Result;
use crate::frame::{Frame, Rational};
use crate::media::pixels::ColorTags;
use crate::warning::Warning;

/// The size, rate and time base of the frames of a [`Source`].
#[derive(Clone, Copy, Debug)]
pub struct SourceFormat {
    /// Width of each frame, in pixels.
    pub width: u32,
    /// Height of each frame, in pixels.
    pub height: u32,
    /// Frames per second; the average if the rate varies.
    pub frame_rate: Rational,
    /// The unit of [`Frame::time`] (one tick), in seconds.
    pub time_base: Rational,
    /// Estimated number of frames; `None` if unknown. For progress only.
    pub frames: Option<u64>,
}

/// Delivers frames in presentation order. Implement it to paint frames that impasto cannot read itself.
pub trait Source: Send {
    /// The size, rate and time base of the frames.
    fn format(&self) -> SourceFormat;

    /// Fills `frame` with the next frame and returns true, or returns false at the end. The buffer of `frame` is reused.
    ///
    /// # Errors
    /// The source fails or is lost.
    fn next(&mut self, frame: &mut Frame) -> Result<bool>;

    /// When the frame that [`Self::next`] delivered last arrived, before it waited and was decoded. `None` if the source
    /// does not know.
    fn arrived(&self) -> Option<Instant> {
        None
    }

    /// The colours of the frames.
    #[doc(hidden)]
    fn color(&self) -> ColorTags {
        ColorTags::BT709
    }

    /// What is lost or wrong as far as is known yet, for the user.
    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }

    /// Number of dropped frames since the source was opened: dropped by the driver, replaced by a newer one before they were
    /// taken, or undecodable.
    fn dropped(&self) -> u64 {
        0
    }
}
