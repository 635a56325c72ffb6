//! Sinks for painted frames: the window, files, streams, the page, virtual cameras. [`crate::guide::other_programs`]
//! explains what each is for and what it costs.

pub mod http;
pub mod null;
#[cfg(all(target_os = "linux", feature = "pipewire"))]
pub mod pipewire;
pub mod recording;
pub mod send;
#[cfg(target_os = "linux")]
pub mod v4l2;
pub mod video;
pub mod virtual_camera;
pub mod window;

#[cfg(target_os = "linux")]
use crate::error::Error;
use crate::error::Result;
use crate::frame::{Frame, Stamp};
#[cfg(target_os = "linux")]
use crate::size::Size;

/// Accepts frames in presentation order.
pub trait Sink: Send {
    /// Accepts one frame, to be shown at `stamp` instead of at its own timestamp: a live output may repeat a frame. The
    /// caller reuses its buffer afterwards.
    ///
    /// # Errors
    /// The output cannot be written.
    fn put_at(&mut self, frame: &Frame, stamp: Stamp) -> Result<()>;

    /// Accepts one frame, to be shown at its own timestamp.
    ///
    /// # Errors
    /// Those of [`Self::put_at`].
    fn put(&mut self, frame: &Frame) -> Result<()> {
        self.put_at(frame, frame.stamp())
    }

    /// Closes the output and gives it its final name. If the sink is dropped instead, no file is left behind.
    ///
    /// # Errors
    /// The output cannot be completed.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Rejects a size that no virtual camera can have: fewer than two columns, or more than v4l2loopback's 8192 a side.
#[cfg(target_os = "linux")]
fn check_camera(size: Size) -> Result<()> {
    if (2..=8192).contains(&size.width) && (1..=8192).contains(&size.height) {
        return Ok(());
    }
    Err(Error::failed(format!("a virtual camera cannot show {size} pixels; choose a size from 2x1 to 8192x8192")))
}

/// Rejects a frame that does not have the size that the sink was opened for.
#[cfg(target_os = "linux")]
fn check_frame(frame: &Frame, size: Size) -> Result<()> {
    if frame.size() == size {
        return Ok(());
    }
    Err(Error::internal(format!("a frame of {} for a camera of {size}", frame.size())))
}
