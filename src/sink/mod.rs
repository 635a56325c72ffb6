//! Where styled frames go.
//!
#![doc = include_str!("README.md")]

pub mod http;
pub mod image;
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

/// Something that takes frames in presentation order.
pub trait Sink: Send {
    /// Takes one frame, shown at `stamp` whatever its own timestamp is: a live output may repeat a frame. The caller recycles its
    /// buffer afterwards.
    fn put_at(&mut self, frame: &Frame, stamp: Stamp) -> Result<()>;

    /// Takes one frame, shown at its own timestamp.
    fn put(&mut self, frame: &Frame) -> Result<()> {
        self.put_at(frame, frame.stamp())
    }

    /// Closes the output and gives it its final name. An output that is dropped unfinished leaves nothing behind.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Fails for a size that no virtual camera can have: fewer than two columns, or beyond v4l2loopback's 8192.
#[cfg(target_os = "linux")]
fn check_camera((width, height): (u32, u32)) -> Result<()> {
    if (2..=8192).contains(&width) && (1..=8192).contains(&height) {
        return Ok(());
    }
    Err(Error::failed(format!(
        "a virtual camera cannot show {width}x{height} pixels; choose a size from 2x1 to 8192x8192"
    )))
}

/// Fails for a frame that does not have the size the sink was opened for.
#[cfg(target_os = "linux")]
fn check_frame(frame: &Frame, (width, height): (u32, u32)) -> Result<()> {
    if (frame.width, frame.height) == (width, height) {
        return Ok(());
    }
    Err(Error::internal(format!("a frame of {}x{} for a camera of {width}x{height}", frame.width, frame.height)))
}
