//! Where painted frames go: the window, files, streams, the page, virtual cameras. What each is used for, and what it costs,
//! is told in [`crate::guide::other_programs`].

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
use crate::frame::Frame;

/// Something that takes frames in presentation order.
pub trait Sink: Send {
    /// Takes one frame; its buffer is recycled by the caller afterwards.
    fn put(&mut self, frame: &Frame) -> Result<()>;

    /// Closes the output and gives it its final name. An output that is dropped unfinished leaves nothing behind.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Fails for a size that no virtual camera shows: without a whole pair of columns, or beyond v4l2loopback's 8192.
#[cfg(target_os = "linux")]
fn check_camera((width, height): (u32, u32)) -> Result<()> {
    if (2..=8192).contains(&width) && (1..=8192).contains(&height) {
        return Ok(());
    }
    Err(Error::failed(format!("a virtual camera cannot show {width}x{height} pixels; it takes from 2x1 to 8192x8192")))
}

/// Fails for a frame of another size than was promised.
#[cfg(target_os = "linux")]
fn check_frame(frame: &Frame, (width, height): (u32, u32)) -> Result<()> {
    if (frame.width, frame.height) == (width, height) {
        return Ok(());
    }
    Err(Error::failed(format!("a frame of {}x{} came for a camera of {width}x{height}", frame.width, frame.height)))
}
